"""Execution plan of a TensorRT engine for one combination of shapes, and geometry uploaded to the device."""

import weakref
from itertools import count
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.pictures import Pixels
from ingan_fast.runtime import cuda
from ingan_fast.runtime.backends.tensorrt_engine import Shapes, TensorRTEngine
from ingan_fast.runtime.device_arrays import DeviceView
from ingan_fast.runtime.pool import Pool

IMAGE, OUTPUT = "image", "retargeted"  # uint8; all other tensors are float32


class Upload:
    """Device memory and the page-locked host memory that it is filled from."""

    def __init__(self, device: cuda.Device, nbytes: int):
        self.memory, self._host = cuda.Memory(device, nbytes), cuda.HostMemory(device, nbytes)
        self._uploaded = cuda.Event(device)

    def fill(self, array: NDArray[np.float32], stream: cuda.Stream) -> None:
        np.copyto(self._host.array.view(np.float32).reshape(array.shape), array)
        stream.upload(self.memory.handle, self._host)
        self._uploaded.record(stream.handle)

    def done(self) -> bool:
        """Whether it can be filled again: the host buffer must have been read; the device works in order."""
        return self._uploaded.done()


class Prepared:
    """Geometry on the device; its memory is reused once it is dropped.

    Attributes:
        number: unique.
        shapes: of its arrays, by name.
    """

    _numbers = count(1)

    def __init__(self, uploads: dict[str, Upload], shapes: Shapes, pool: Pool[int, Upload]):
        self.uploads, self.shapes = uploads, shapes
        self.number = next(self._numbers)
        for upload in uploads.values():
            weakref.finalize(self, pool.give, upload.memory.nbytes, upload).atexit = False


class ExecutionPlan:
    """A context with its shapes set, tensor memory at fixed addresses, and a CUDA graph.

    Each plan has its own context, because a graph depends on the context's state at capture; the workspace memory is
    shared with other plans (`work_in`).

    Attributes:
        shape: of the output, (Ho, Wo, 3).
        needs: required workspace in bytes.
    """

    def __init__(self, device: cuda.Device, engine: TensorRTEngine, context: Any, shapes: Shapes):
        self._device, self._engine, self._context = device, engine, context
        for name, shape in shapes.items():
            engine.expect(context.set_input_shape(name, shape), f"{name} can't be {list(shape)}")
        output = tuple(context.get_tensor_shape(OUTPUT))
        self.shape = output[1:]
        self._memory = {}
        for name, shape in (*shapes.items(), (OUTPUT, output)):
            self._memory[name] = cuda.Memory(device, prod(shape) * (1 if name in (IMAGE, OUTPUT) else 4))
            engine.expect(context.set_tensor_address(name, self._memory[name].handle), f"{name} can't be placed")
        self.needs = int(context.update_device_memory_size_for_shapes())
        self._host: dict[str, cuda.HostMemory] = {}
        self._geometry = 0  # number of the geometry copied in last
        self._graph: cuda.Graph | None = None
        self._capture_next = True

    def work_in(self, memory: cuda.Memory) -> None:
        """Use `memory`, of at least `needs` bytes, as workspace; the stream must be idle."""
        self._context.set_device_memory(memory.handle, memory.nbytes)
        self._graph, self._capture_next = None, True

    def load_inputs(self, frame: Pixels | DeviceView | None, prepared: Prepared, stream: cuda.Stream) -> None:
        """Copy the frame to its input tensor, and the geometry if it has changed."""
        if prepared.number != self._geometry:
            for name, upload in prepared.uploads.items():
                stream.copy(self._memory[name].handle, upload.memory.handle, upload.memory.nbytes)
            self._geometry = prepared.number
        if isinstance(frame, np.ndarray):
            host = self._staged(IMAGE)
            np.copyto(host.array.reshape(frame.shape), frame)
            stream.upload(self._memory[IMAGE].handle, host)
        elif frame is not None:
            stream.copy(self._memory[IMAGE].handle, frame.pointer, self._memory[IMAGE].nbytes)

    def execute(self, stream: cuda.Stream) -> None:
        """Run inference: eagerly the first time, then as a CUDA graph if it can be captured."""
        if self._graph:
            stream.launch(self._graph)
            return
        with self._engine.with_messages():
            self._engine.expect(self._context.execute_async_v3(stream.handle), "execution does not start")
        if self._capture_next:
            self._capture_next = False
            self._graph = self._capture(stream)

    def store_output(self, out: Pixels | DeviceView, stream: cuda.Stream) -> None:
        """Copy the output to `out`; for a NumPy array, to a host buffer that `fetch` reads once the stream is done."""
        source = self._memory[OUTPUT]
        if isinstance(out, np.ndarray):
            stream.download(self._staged(OUTPUT), source.handle)
        else:
            stream.copy(out.pointer, source.handle, source.nbytes)

    def fetch(self, out: Pixels) -> None:
        np.copyto(out, self._staged(OUTPUT).array.reshape(self.shape))

    def _capture(self, stream: cuda.Stream) -> cuda.Graph | None:
        capturable = getattr(self._context, "is_stream_capturable", None)  # TensorRT-RTX only
        if capturable and not capturable(stream.handle):
            return None
        try:
            return stream.capture(lambda: bool(self._context.execute_async_v3(stream.handle)))
        except cuda.CudaError:  # run without a graph
            return None

    def _staged(self, name: str) -> cuda.HostMemory:
        """Page-locked host buffer of a tensor, allocated on first use."""
        if name not in self._host:
            self._host[name] = cuda.HostMemory(self._device, self._memory[name].nbytes)
        return self._host[name]
