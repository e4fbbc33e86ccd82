"""Minimal CUDA interface for running an engine: memory, streams, events, graphs.

Copies, streams, events and a graph have run on an H100 (`test_a_real_device_copies_and_waits`). It uses the device's
primary context, which torch, CuPy and TensorRT share.
"""

import contextlib
import ctypes
import weakref
from collections.abc import Callable, Iterator
from ctypes import byref, c_int, c_uint64, c_void_p
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.runtime import cuda_driver
from ingan_fast.runtime.cuda_driver import CudaError

LEGACY_STREAM = 1  # CU_STREAM_LEGACY, the default stream of torch and CuPy

# Constants of cuda.h.
NOT_READY = 600
MAJOR, MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_…
DEVICE_ORDINAL = 9  # CU_POINTER_ATTRIBUTE_…
NON_BLOCKING = 1  # a stream that does not synchronise with the legacy stream
DISABLE_TIMING = 2
CAPTURE_RELAXED = 2  # other calls of this process, such as freeing memory, don't invalidate a capture


def available() -> bool:
    """Whether CUDA can use a GPU."""
    try:
        return _count() > 0
    except CudaError:
        return False


def _count() -> int:
    count = c_int()
    cuda_driver.driver().call("cuDeviceGetCount", byref(count))
    return count.value


class Device:
    """A GPU, by its index.

    Attributes:
        name: the vendor's name.
        capability: such as "sm_90".
    """

    def __init__(self, index: int):
        count = _count()
        if not 0 <= index < count:
            raise CudaError(f"there is no GPU {index} ({count} found, numbered from 0)")
        self.index, self.driver = index, cuda_driver.driver()
        number, name, context = c_int(), ctypes.create_string_buffer(256), c_void_p()
        self.driver.call("cuDeviceGet", byref(number), index)
        self.driver.call("cuDeviceGetName", name, len(name), number)
        self.name = name.value.decode()
        self.capability = "sm_" + "".join(str(self._attribute(number, each)) for each in (MAJOR, MINOR))
        # Retained for the process's lifetime, as other libraries do: objects in it may be released at any time.
        self.driver.call("cuDevicePrimaryCtxRetain", byref(context), number)
        self._context = context

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Make this the current device of the thread (for other libraries too); restores the previous one."""
        self.driver.call("cuCtxPushCurrent_v2", self._context)
        try:
            yield
        finally:
            self.driver.status("cuCtxPopCurrent_v2", byref(c_void_p()))

    def of_pointer(self, pointer: int) -> int:
        """The index of the GPU that an address belongs to."""
        index = c_int()
        with self.current():
            self.driver.call("cuPointerGetAttribute", byref(index), DEVICE_ORDINAL, pointer)
        return index.value

    def _attribute(self, number: c_int, attribute: int) -> int:
        value = c_int()
        self.driver.call("cuDeviceGetAttribute", byref(value), attribute, number)
        return value.value


@cache
def device(index: int = 0) -> Device:
    """The GPU with this index.

    Raises:
        CudaError: there is no such GPU, or no driver.
    """
    return Device(index)


class _Owned:
    """A driver object, released when closed, garbage-collected, or at exit."""

    def __init__(self, device: Device, release: str, handle: int):
        self.device, self.handle = device, handle
        self._release = weakref.finalize(self, _release_handle, device, release, handle)

    def close(self) -> None:
        self._release()


def _release_handle(device: Device, release: str, handle: int) -> None:
    """Release a driver object; errors are ignored, since the driver may already be unloaded."""
    with contextlib.suppress(CudaError), device.current():
        device.driver.status(release, handle)


def _create(device: Device, name: str, result: Any, *arguments: Any) -> int:
    """Call a function that writes a handle or address to its first argument; return that."""
    with device.current():
        device.driver.call(name, byref(result), *arguments)
    return int(result.value)


class Memory(_Owned):
    """Device memory; `handle` is its address."""

    def __init__(self, device: Device, nbytes: int):
        self.nbytes = nbytes
        super().__init__(device, "cuMemFree_v2", _create(device, "cuMemAlloc_v2", c_uint64(), nbytes))


class HostMemory(_Owned):
    """Page-locked host memory, for asynchronous copies."""

    def __init__(self, device: Device, nbytes: int):
        self.nbytes = nbytes
        super().__init__(device, "cuMemFreeHost", _create(device, "cuMemHostAlloc", c_void_p(), nbytes, 0))
        self.array: NDArray[np.uint8] = np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(self.handle))


class Event(_Owned):
    """A point in a stream's work."""

    def __init__(self, device: Device):
        super().__init__(device, "cuEventDestroy_v2", _create(device, "cuEventCreate", c_void_p(), DISABLE_TIMING))

    def record(self, stream: int) -> None:
        self.device.driver.call("cuEventRecord", self.handle, stream)

    def done(self) -> bool:
        """Whether the work before the event is complete."""
        status = self.device.driver.status("cuEventQuery", self.handle)
        if status not in (0, NOT_READY):
            self.device.driver.call("cuEventQuery", self.handle)
        return status == 0


class Graph(_Owned):
    """A captured CUDA graph, which can be launched repeatedly."""

    def __init__(self, device: Device, graph: c_void_p):
        try:
            handle = _create(device, "cuGraphInstantiateWithFlags", c_void_p(), graph, 0)
        finally:
            device.driver.status("cuGraphDestroy", graph)
        super().__init__(device, "cuGraphExecDestroy", handle)


class Stream(_Owned):
    """Work executed in order. Methods need `device.current()` and, except for `synchronize`, return at once."""

    def __init__(self, device: Device):
        super().__init__(device, "cuStreamDestroy_v2", _create(device, "cuStreamCreate", c_void_p(), NON_BLOCKING))
        self._order = Event(device)

    def upload(self, target: int, source: HostMemory) -> None:
        self.device.driver.call("cuMemcpyHtoDAsync_v2", target, source.handle, source.nbytes, self.handle)

    def download(self, target: HostMemory, source: int) -> None:
        self.device.driver.call("cuMemcpyDtoHAsync_v2", target.handle, source, target.nbytes, self.handle)

    def copy(self, target: int, source: int, nbytes: int) -> None:
        self.device.driver.call("cuMemcpyDtoDAsync_v2", target, source, nbytes, self.handle)

    def wait_for(self, other: int) -> None:
        """Make later work on this stream wait for the present work of the other."""
        _order(self._order, other, self.handle)

    def let_wait(self, other: int) -> None:
        """Make later work on the other stream wait for the present work of this one."""
        _order(self._order, self.handle, other)

    def synchronize(self) -> None:
        self.device.driver.call("cuStreamSynchronize", self.handle)

    def capture(self, work: Callable[[], bool]) -> Graph | None:
        """Capture what `work` submits to this stream, without running it; None if that is not possible."""
        driver, graph, captured = self.device.driver, c_void_p(), False
        driver.call("cuStreamBeginCapture_v2", self.handle, CAPTURE_RELAXED)
        try:
            captured = work()
        finally:
            ended = driver.status("cuStreamEndCapture", self.handle, byref(graph)) == 0
            if graph and not (ended and captured):
                driver.status("cuGraphDestroy", graph)
        return Graph(self.device, graph) if ended and captured else None

    def launch(self, graph: Graph) -> None:
        self.device.driver.call("cuGraphLaunch", graph.handle, self.handle)


def let_wait(device: Device, first: int, then: int) -> None:
    """Make later work on the stream `then` wait for the present work of the stream `first`."""
    with device.current():
        _order(Event(device), first, then)


def _order(event: Event, first: int, then: int) -> None:
    event.record(first)
    event.device.driver.call("cuStreamWaitEvent", then, event.handle, 0)
