"""The little of CUDA that running an engine needs: memory, streams, events, graphs, and errors in one line.

Copies, streams, events and a graph ran on an H100 (`test_a_real_device_copies_and_waits`). All of it is tested against
a stand-in with the same functions, whose names are checked against cuda.h.

The calls go to the driver's own library (libcuda) by ctypes: it is there wherever a GPU can be used, and these few
functions have kept their binary interface for years. A package of bindings (`cuda-bindings`) would be 31 MB more to
install, in a version that goes with that of CUDA. A device's primary context is used, which torch, CuPy and TensorRT
share.
"""

import contextlib
import ctypes
import sys
import weakref
from collections.abc import Callable, Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import MachineError

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
LEGACY_STREAM = 1  # CU_STREAM_LEGACY, the default stream of torch and CuPy

# Arguments of the functions that are used; all of them return a CUresult.
_OUT, _HANDLE, _ADDRESS = POINTER(c_void_p), c_void_p, c_uint64
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuInit": (c_uint,),
    "cuGetErrorString": (c_int, POINTER(c_char_p)),
    "cuDeviceGetCount": (POINTER(c_int),),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_void_p, c_int, c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDevicePrimaryCtxRetain": (_OUT, c_int),
    "cuCtxPushCurrent_v2": (_HANDLE,),
    "cuCtxPopCurrent_v2": (_OUT,),
    "cuMemAlloc_v2": (POINTER(c_uint64), c_size_t),
    "cuMemFree_v2": (_ADDRESS,),
    "cuMemHostAlloc": (_OUT, c_size_t, c_uint),
    "cuMemFreeHost": (c_void_p,),
    "cuMemcpyHtoDAsync_v2": (_ADDRESS, c_void_p, c_size_t, _HANDLE),
    "cuMemcpyDtoHAsync_v2": (c_void_p, _ADDRESS, c_size_t, _HANDLE),
    "cuMemcpyDtoDAsync_v2": (_ADDRESS, _ADDRESS, c_size_t, _HANDLE),
    "cuPointerGetAttribute": (c_void_p, c_int, _ADDRESS),
    "cuStreamCreate": (_OUT, c_uint),
    "cuStreamDestroy_v2": (_HANDLE,),
    "cuStreamSynchronize": (_HANDLE,),
    "cuStreamWaitEvent": (_HANDLE, _HANDLE, c_uint),
    "cuStreamBeginCapture_v2": (_HANDLE, c_int),
    "cuStreamEndCapture": (_HANDLE, _OUT),
    "cuEventCreate": (_OUT, c_uint),
    "cuEventDestroy_v2": (_HANDLE,),
    "cuEventRecord": (_HANDLE, _HANDLE),
    "cuEventQuery": (_HANDLE,),
    "cuGraphInstantiateWithFlags": (_OUT, _HANDLE, c_uint64),
    "cuGraphLaunch": (_HANDLE, _HANDLE),
    "cuGraphExecDestroy": (_HANDLE,),
    "cuGraphDestroy": (_HANDLE,),
}

# Values of cuda.h.
OUT_OF_MEMORY, NOT_READY = 2, 600
MAJOR, MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_…
DEVICE_ORDINAL = 9  # CU_POINTER_ATTRIBUTE_…
NON_BLOCKING = 1  # a stream that doesn't wait for the legacy one
DISABLE_TIMING = 2
CAPTURE_RELAXED = 2  # what else this process does, such as freeing memory, doesn't spoil a capture


class CudaError(MachineError):
    """A call of CUDA failed."""


class _Driver:
    """libcuda's functions, each of which raises where it fails."""

    def __init__(self, library: Any):
        self._functions = {}
        for name, arguments in SIGNATURES.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, c_int
            self._functions[name] = function
        self.call("cuInit", 0)

    def status(self, name: str, *arguments: Any) -> int:
        """What a function returns."""
        result: int = self._functions[name](*arguments)
        return result

    def call(self, name: str, *arguments: Any) -> None:
        status = self.status(name, *arguments)
        if status == OUT_OF_MEMORY:
            raise CudaError(
                "the GPU's memory is full (or its share of the host's); make smaller outputs or close other programs"
            )
        if status:
            raise CudaError(f"CUDA failed: {self._message(status)} ({name}, error {status})")

    def _message(self, status: int) -> str:
        text = c_char_p()
        self.status("cuGetErrorString", status, byref(text))
        return (text.value or b"unknown error").decode()


@cache
def _driver() -> _Driver:
    try:
        return _Driver(_load_library())
    except (OSError, AttributeError) as error:
        raise CudaError(f"there is no GPU that can be used: {error}; install NVIDIA's driver") from error


def _load_library() -> Any:
    return ctypes.CDLL(LIBRARY)


def available() -> bool:
    """Whether there is a GPU that CUDA can use."""
    try:
        return _count() > 0
    except CudaError:
        return False


def _count() -> int:
    count = c_int()
    _driver().call("cuDeviceGetCount", byref(count))
    return count.value


class Device:
    """A GPU, by its number.

    Attributes:
        name: as its maker calls it.
        capability: "sm_90".
    """

    def __init__(self, index: int):
        count = _count()
        if not 0 <= index < count:
            raise CudaError(f"there is no GPU {index} among the {count} here")
        self.index, self.driver = index, _driver()
        number, name, context = c_int(), ctypes.create_string_buffer(256), c_void_p()
        self.driver.call("cuDeviceGet", byref(number), index)
        self.driver.call("cuDeviceGetName", name, len(name), number)
        self.name = name.value.decode()
        self.capability = "sm_" + "".join(str(self._attribute(number, each)) for each in (MAJOR, MINOR))
        # Kept for as long as the process lives, as other libraries do: objects made in it end at any time.
        self.driver.call("cuDevicePrimaryCtxRetain", byref(context), number)
        self._context = context

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Makes this thread's calls, of other libraries too, go to this device; afterwards as before."""
        self.driver.call("cuCtxPushCurrent_v2", self._context)
        try:
            yield
        finally:
            self.driver.status("cuCtxPopCurrent_v2", byref(c_void_p()))

    def of_pointer(self, pointer: int) -> int:
        """The number of the GPU that an address belongs to, maybe another one."""
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
    """The GPU of this number.

    Raises:
        CudaError: there is none, or no driver.
    """
    return Device(index)


class _Owned:
    """Something of the driver's that is given back when it is closed, dropped, or the process ends."""

    def __init__(self, device: Device, release: str, handle: int):
        self.device, self.handle = device, handle
        self._release = weakref.finalize(self, _give_back, device, release, handle)

    def close(self) -> None:
        self._release()


def _give_back(device: Device, release: str, handle: int) -> None:
    """Failures are passed over: the driver may have gone before."""
    with contextlib.suppress(CudaError), device.current():
        device.driver.status(release, handle)


def _made(device: Device, name: str, result: Any, *arguments: Any) -> int:
    """The handle or address that a function writes to its first argument."""
    with device.current():
        device.driver.call(name, byref(result), *arguments)
    return int(result.value)


class Memory(_Owned):
    """Bytes on the device; `handle` is their address."""

    def __init__(self, device: Device, nbytes: int):
        self.nbytes = nbytes
        super().__init__(device, "cuMemFree_v2", _made(device, "cuMemAlloc_v2", c_uint64(), nbytes))


class HostMemory(_Owned):
    """Page-locked bytes of the host, which are copied from and to the device without waiting."""

    def __init__(self, device: Device, nbytes: int):
        self.nbytes = nbytes
        super().__init__(device, "cuMemFreeHost", _made(device, "cuMemHostAlloc", c_void_p(), nbytes, 0))
        self.array: NDArray[np.uint8] = np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(self.handle))


class Event(_Owned):
    """A point in the work of a stream."""

    def __init__(self, device: Device):
        super().__init__(device, "cuEventDestroy_v2", _made(device, "cuEventCreate", c_void_p(), DISABLE_TIMING))

    def record(self, stream: int) -> None:
        self.device.driver.call("cuEventRecord", self.handle, stream)

    def done(self) -> bool:
        """Whether the work before it is done."""
        status = self.device.driver.status("cuEventQuery", self.handle)
        if status not in (0, NOT_READY):
            self.device.driver.call("cuEventQuery", self.handle)
        return status == 0


class Graph(_Owned):
    """Work that was captured, to be launched again and again."""

    def __init__(self, device: Device, graph: c_void_p):
        try:
            handle = _made(device, "cuGraphInstantiateWithFlags", c_void_p(), graph, 0)
        finally:
            device.driver.status("cuGraphDestroy", graph)
        super().__init__(device, "cuGraphExecDestroy", handle)


class Stream(_Owned):
    """Work that is done in order; its methods need `device.current()` and return at once, but for `synchronize`."""

    def __init__(self, device: Device):
        super().__init__(device, "cuStreamDestroy_v2", _made(device, "cuStreamCreate", c_void_p(), NON_BLOCKING))
        self._order = Event(device)

    def upload(self, target: int, source: HostMemory) -> None:
        self.device.driver.call("cuMemcpyHtoDAsync_v2", target, source.handle, source.nbytes, self.handle)

    def download(self, target: HostMemory, source: int) -> None:
        self.device.driver.call("cuMemcpyDtoHAsync_v2", target.handle, source, target.nbytes, self.handle)

    def copy(self, target: int, source: int, nbytes: int) -> None:
        self.device.driver.call("cuMemcpyDtoDAsync_v2", target, source, nbytes, self.handle)

    def wait_for(self, other: int) -> None:
        """What comes from now on waits for what is in the other stream."""
        _order(self._order, other, self.handle)

    def let_wait(self, other: int) -> None:
        """What comes from now on in the other stream waits for what is in this one."""
        _order(self._order, self.handle, other)

    def synchronize(self) -> None:
        self.device.driver.call("cuStreamSynchronize", self.handle)

    def capture(self, work: Callable[[], bool]) -> Graph | None:
        """Record what `work` puts into this stream, without doing it; None where it can't be recorded."""
        driver, graph, recorded = self.device.driver, c_void_p(), False
        driver.call("cuStreamBeginCapture_v2", self.handle, CAPTURE_RELAXED)
        try:
            recorded = work()
        finally:
            ended = driver.status("cuStreamEndCapture", self.handle, byref(graph)) == 0
            if graph and not (ended and recorded):
                driver.status("cuGraphDestroy", graph)
        return Graph(self.device, graph) if ended and recorded else None

    def launch(self, graph: Graph) -> None:
        self.device.driver.call("cuGraphLaunch", graph.handle, self.handle)


def let_wait(device: Device, first: int, then: int) -> None:
    """What comes from now on in the stream `then` waits for what is in the stream `first`."""
    with device.current():
        _order(Event(device), first, then)


def _order(event: Event, first: int, then: int) -> None:
    event.record(first)
    event.device.driver.call("cuStreamWaitEvent", then, event.handle, 0)
