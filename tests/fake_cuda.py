"""A stand-in for NVIDIA's driver: its functions with their C signatures, working in host memory.

Work is deferred until something waits for it, as on a GPU, so that a missing synchronisation gives a wrong result.
Invalid calls fail as in the driver: calls without a context, memory that is freed or too small, waiting during a
capture.
"""

import ctypes
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from ingan_fast.runtime import cuda, cuda_driver
from ingan_fast.runtime.dlpack import CUDA, to_capsule

OUT_OF_MEMORY, INVALID_CONTEXT, INVALID_VALUE, NOT_READY, CAPTURE_UNSUPPORTED, UNKNOWN = 2, 201, 1, 600, 900, 999
WITHOUT_CONTEXT = {"cuInit", "cuGetErrorString", "cuDevicePrimaryCtxRetain", "cuCtxPushCurrent_v2"}
POISON = 0xCD


class Refused(Exception):
    """An error returned by the driver."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


@dataclass
class FakeStream:
    """Ordered work, done when something waits for it."""

    pending: list[Callable[[], None]] = field(default_factory=list)
    issued: int = 0
    done: int = 0
    captured: list[Callable[[], None]] | None = None

    def add(self, work: Callable[[], None]) -> None:
        if self.captured is not None:
            self.captured.append(work)
            return
        self.pending.append(work)
        self.issued += 1

    def run(self, until: int) -> None:
        while self.done < until:
            work = self.pending.pop(0)
            self.done += 1
            work()


class FakeCuda:
    """One or more GPUs of compute capability 8.9.

    Attributes:
        calls: how often each function was called.
        errors: mistakes of the code under test that would show on a GPU.
    """

    def __init__(self, gpus: int = 1, name: str = "NVIDIA Fake 4090", memory: int = 1 << 30):
        self.gpus, self.name, self.free = gpus, name, memory
        self.calls: Counter[str] = Counter()
        self.errors: list[str] = []
        self.memory: dict[int, Any] = {}  # address → buffer, including host buffers
        self.streams: dict[int, FakeStream] = {1: FakeStream()}
        self.events: dict[int, tuple[FakeStream, int] | None] = {}
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self._next = 0x1000
        self._contexts = threading.local()
        self._text = ctypes.create_string_buffer(b"something is wrong")
        for function, arguments in cuda_driver.SIGNATURES.items():
            setattr(self, function, ctypes.CFUNCTYPE(ctypes.c_int, *arguments)(partial(self._call, function)))

    # Interface for tests

    def stream(self) -> int:
        """A foreign stream."""
        return self._new(self.streams, FakeStream())

    def finish(self) -> None:
        """Do all deferred work."""
        for stream in list(self.streams.values()):
            stream.run(stream.issued)

    def enqueue(self, stream: int, work: Callable[[], None]) -> None:
        self.streams[stream].add(work)

    def array(self, pixels: np.ndarray, stream: int = 1, **options: Any) -> "FakeArray":
        """A foreign array on the GPU, filled by work on `stream`."""
        address = self._allocate(pixels.nbytes)
        result = FakeArray(self, address, pixels.shape, pixels.dtype, stream, **options)
        filled = pixels.copy()
        self.enqueue(stream, lambda: result.numpy().__setitem__(..., filled))
        return result

    def at(self, address: int, nbytes: int) -> np.ndarray:
        """A view of allocated bytes."""
        for start, buffer in self.memory.items():
            if start <= address and address + nbytes <= start + len(buffer):
                return np.frombuffer(buffer, np.uint8, nbytes, address - start)
        raise Refused(INVALID_VALUE, f"{nbytes} bytes at {address:#x} are not allocated")

    def allocations(self) -> int:
        names = ("cuMemAlloc_v2", "cuMemHostAlloc", "cuStreamCreate", "cuEventCreate", "cuGraphInstantiateWithFlags")
        return sum(self.calls[name] for name in names)

    def waits(self) -> int:
        """Number of times that the host waited for the GPU."""
        return sum(self.calls[name] for name in ("cuStreamSynchronize", "cuMemFree_v2", "cuMemFreeHost"))

    # The driver

    def _call(self, name: str, *arguments: Any) -> int:
        self.calls[name] += 1
        try:
            if name not in WITHOUT_CONTEXT and "Device" not in name and not self._stack():
                raise Refused(INVALID_CONTEXT, f"{name} without a current context")
            getattr(self, f"_{name.removesuffix('_v2')}")(*arguments)
        except Refused as error:
            if error.status not in (NOT_READY, OUT_OF_MEMORY):
                self.errors.append(str(error))
            return error.status
        except Exception as error:
            self.errors.append(f"{name}: {error!r}")
            return UNKNOWN
        return 0

    def _stack(self) -> list[int]:
        if not hasattr(self._contexts, "stack"):
            self._contexts.stack = []
        return self._contexts.stack

    def _new(self, kind: dict[int, Any], thing: Any) -> int:
        self._next += 0x10
        kind[self._next] = thing
        return self._next

    def _allocate(self, nbytes: int) -> int:
        if nbytes > self.free:
            raise Refused(OUT_OF_MEMORY, "too much")
        whole = (ctypes.c_uint8 * (nbytes + 256))()
        start = -(-ctypes.addressof(whole) // 256) * 256
        buffer = (ctypes.c_uint8 * nbytes).from_buffer(whole, start - ctypes.addressof(whole))
        ctypes.memset(start, POISON, nbytes)
        self.memory[start] = buffer
        self.free -= nbytes
        return start

    def _copy(self, target: int, source: int, nbytes: int, stream: int) -> None:
        self.at(target, nbytes), self.at(source, nbytes)
        self.streams[stream].add(lambda: self.at(target, nbytes).__setitem__(..., self.at(source, nbytes)))

    def _release(self, address: int) -> None:
        self.finish()
        if address not in self.memory:
            raise Refused(INVALID_VALUE, f"{address:#x} was freed before")
        self.free += len(self.memory.pop(address))

    def _cuInit(self, flags: int) -> None:
        pass

    def _cuGetErrorString(self, status: int, text: Any) -> None:
        text[0] = ctypes.addressof(self._text)

    def _cuDeviceGetCount(self, count: Any) -> None:
        count[0] = self.gpus

    def _cuDeviceGet(self, number: Any, index: int) -> None:
        number[0] = index

    def _cuDeviceGetName(self, name: int, length: int, number: int) -> None:
        ctypes.memmove(name, self.name.encode() + b"\0", len(self.name) + 1)

    def _cuDeviceGetAttribute(self, value: Any, attribute: int, number: int) -> None:
        value[0] = {75: 8, 76: 9}[attribute]

    def _cuDevicePrimaryCtxRetain(self, context: Any, number: int) -> None:
        context[0] = 0xC0 + number

    def _cuCtxPushCurrent(self, context: int) -> None:
        self._stack().append(context)

    def _cuCtxPopCurrent(self, context: Any) -> None:
        context[0] = self._stack().pop()

    def _cuMemAlloc(self, address: Any, nbytes: int) -> None:
        address[0] = self._allocate(nbytes)

    def _cuMemFree(self, address: int) -> None:
        self._release(address)

    def _cuMemHostAlloc(self, address: Any, nbytes: int, flags: int) -> None:
        address[0] = self._allocate(nbytes)

    def _cuMemFreeHost(self, address: int) -> None:
        self._release(address)

    def _cuMemcpyHtoDAsync(self, target: int, source: int, nbytes: int, stream: int) -> None:
        self._copy(target, source, nbytes, stream)

    def _cuMemcpyDtoHAsync(self, target: int, source: int, nbytes: int, stream: int) -> None:
        self._copy(target, source, nbytes, stream)

    def _cuMemcpyDtoDAsync(self, target: int, source: int, nbytes: int, stream: int) -> None:
        self._copy(target, source, nbytes, stream)

    def _cuPointerGetAttribute(self, value: int, attribute: int, address: int) -> None:
        self.at(address, 1)
        ctypes.c_int.from_address(value).value = 0

    def _cuStreamCreate(self, stream: Any, flags: int) -> None:
        assert flags == 1
        stream[0] = self._new(self.streams, FakeStream())

    def _cuStreamDestroy(self, stream: int) -> None:
        gone = self.streams.pop(stream)
        gone.run(gone.issued)

    def _cuStreamSynchronize(self, stream: int) -> None:
        if self.streams[stream].captured is not None:
            raise Refused(CAPTURE_UNSUPPORTED, "waited for a stream that is being captured")
        self.streams[stream].run(self.streams[stream].issued)

    def _cuStreamWaitEvent(self, stream: int, event: int, flags: int) -> None:
        point = self.events[event]
        if point is not None:
            self.streams[stream].add(lambda: point[0].run(point[1]))

    def _cuStreamBeginCapture(self, stream: int, mode: int) -> None:
        if stream == 1:
            raise Refused(CAPTURE_UNSUPPORTED, "the legacy stream can't be captured")
        self.streams[stream].captured = []

    def _cuStreamEndCapture(self, stream: int, graph: Any) -> None:
        captured, self.streams[stream].captured = self.streams[stream].captured, None
        graph[0] = self._new(self.graphs, captured)

    def _cuEventCreate(self, event: Any, flags: int) -> None:
        event[0] = self._new(self.events, None)

    def _cuEventDestroy(self, event: int) -> None:
        del self.events[event]

    def _cuEventRecord(self, event: int, stream: int) -> None:
        self.events[event] = self.streams[stream], self.streams[stream].issued

    def _cuEventQuery(self, event: int) -> None:
        point = self.events[event]
        if point is not None and point[0].done < point[1]:
            raise Refused(NOT_READY, "not yet")

    def _cuGraphInstantiateWithFlags(self, executable: Any, graph: int, flags: int) -> None:
        executable[0] = self._new(self.graphs, list(self.graphs[graph]))

    def _cuGraphLaunch(self, executable: int, stream: int) -> None:
        captured = self.graphs[executable]
        self.streams[stream].add(lambda: [work() for work in captured] and None)

    def _cuGraphExecDestroy(self, executable: int) -> None:
        del self.graphs[executable]

    def _cuGraphDestroy(self, graph: int) -> None:
        del self.graphs[graph]


class FakeArray:
    """An array of a GPU library, with DLPack and the CUDA array interface."""

    def __init__(
        self,
        gpu: FakeCuda,
        address: int,
        shape: tuple[int, ...],
        dtype: np.dtype,
        stream: int,
        strides: tuple[int, ...] | None = None,
        device: tuple[int, int] = (CUDA, 0),
        read_only: bool = False,
    ):
        self.gpu, self.address, self.shape, self.dtype, self.stream = gpu, address, shape, dtype, stream
        self.strides, self.device, self.read_only = strides, device, read_only
        self.asked_for: list[Any] = []  # streams passed by consumers

    def numpy(self) -> np.ndarray:
        nbytes = int(np.prod(self.shape)) * self.dtype.itemsize
        return self.gpu.at(self.address, nbytes).view(self.dtype).reshape(self.shape)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, *, stream: int) -> Any:
        self.asked_for.append(stream)
        if stream != self.stream:
            point = self.gpu.streams[self.stream], self.gpu.streams[self.stream].issued
            self.gpu.enqueue(stream, lambda: point[0].run(point[1]))
        return to_capsule(self.address, self.shape, self.device, self)

    @property
    def interface(self) -> "FakeInterface":
        """The same array with only the CUDA array interface."""
        return FakeInterface(
            {
                "shape": self.shape,
                "typestr": self.dtype.str,
                "data": (self.address, self.read_only),
                "strides": self.strides,
                "version": 3,
                "stream": self.stream,
            }
        )


@dataclass
class FakeInterface:
    __cuda_array_interface__: dict[str, Any]


def install(monkeypatch: pytest.MonkeyPatch, fake: FakeCuda) -> Iterator[FakeCuda]:
    """Install a stand-in for the driver; checks at the end that there were no mistakes."""
    monkeypatch.setattr(cuda_driver, "load_library", lambda: fake)
    monkeypatch.setattr(cuda_driver, "driver", cache(cuda_driver.driver.__wrapped__))
    monkeypatch.setattr(cuda, "device", cache(cuda.device.__wrapped__))
    yield fake
    fake.finish()
    assert not fake.errors, fake.errors
