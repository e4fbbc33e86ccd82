"""Exchange of pictures on the GPU with other libraries by DLPack and the CUDA array interface, without torch.

Not yet run on a GPU: capsules were exchanged with NumPy and torch on the CPU, the rest is tested with stand-ins.

Streams are driver handles; 1 is the legacy default stream (torch's and CuPy's default), as in DLPack.
"""

import math
import weakref
from dataclasses import dataclass
from typing import Any

from ingan_fast.errors import UserError
from ingan_fast.runtime import cuda
from ingan_fast.runtime.dlpack import CUDA, CUDA_MANAGED, UNSIGNED, from_capsule, to_capsule
from ingan_fast.runtime.pool import Pool

Shape = tuple[int, ...]

SPARE_IMAGES = 16


@dataclass(frozen=True)
class DeviceView:
    """A foreign contiguous uint8 [H, W, 3] array on the GPU; valid as long as `owner` lives."""

    pointer: int
    shape: Shape
    owner: Any


class DeviceImage:
    """A picture on the GPU, uint8 [H, W, 3], for any library that supports DLPack or the CUDA array interface.

    A consumer waits, on the GPU only, for the stream that writes it.

    Attributes:
        shape: (H, W, 3).
        stream: handle of the stream that writes it.
    """

    def __init__(self, pool: "ImagePool", shape: Shape, stream: int):
        self.shape, self.stream = shape, stream
        self._pool, self._block = pool, pool.take(shape, stream)
        weakref.finalize(self, pool.give, shape, stream, self._block).atexit = False

    @property
    def view(self) -> DeviceView:
        return DeviceView(self._block.memory.handle, self.shape, self)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": "|u1",
            "data": (self._block.memory.handle, False),
            "strides": None,
            "version": 3,
            "stream": self.stream,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self._pool.device.index

    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """A capsule for a consumer that works on `stream`; -1: the consumer synchronises itself."""
        if copy or dl_device not in (None, self.__dlpack_device__()):
            raise BufferError("copies and other devices are not supported")
        reader = stream or cuda.LEGACY_STREAM
        if reader != self.stream:
            self._block.shared = True
            if reader != -1:
                cuda.let_wait(self._pool.device, self.stream, reader)
        return to_capsule(self._block.memory.handle, self.shape, self.__dlpack_device__(), self)


class _Block:
    """Memory of an image."""

    def __init__(self, device: cuda.Device, nbytes: int):
        self.memory = cuda.Memory(device, nbytes)
        self.shared = False  # whether other streams may read it


class ImagePool:
    """Allocates images, reusing the memory of dropped ones.

    Queued work may still read a dropped image, so its memory is reused on the same stream only. Memory that other
    streams have read is freed, which waits for all work.
    """

    def __init__(self, device: cuda.Device):
        self.device = device
        self._pool: Pool[tuple[Shape, int], _Block] = Pool(
            lambda key: _Block(device, math.prod(key[0])), lambda block: True, SPARE_IMAGES
        )

    def take(self, shape: Shape, stream: int) -> _Block:
        return self._pool.take((shape, stream))

    def give(self, shape: Shape, stream: int, block: _Block) -> None:
        if not block.shared:
            self._pool.give((shape, stream), block)

    def close(self) -> None:
        self._pool.close()


def device_view(source: Any, device: cuda.Device, stream: int, writable: bool = False) -> DeviceView:
    """A view of a foreign array, without a copy; later work on `stream` waits for its library's pending work on it.

    Args:
        source: object with `__dlpack__` or `__cuda_array_interface__`: uint8 [H, W, 3], contiguous, on `device`.
        writable: whether it will be written to.

    Raises:
        UserError: `source` is something else, or read-only although `writable` is set.
    """
    what = type(source).__name__
    if hasattr(source, "__dlpack_device__"):
        found = _of_dlpack(source, what, device, stream)
    elif hasattr(source, "__cuda_array_interface__"):
        found = _of_interface(source, what, device, stream)
    else:
        raise UserError(
            f"{what} offers neither __dlpack__ nor __cuda_array_interface__; give a uint8 array [H, W, 3] of NumPy, or "
            "of a library for the GPU"
        )
    if writable and found.read_only:
        raise UserError(f"{what} is read-only; give an array that can be written to")
    return DeviceView(found.pointer, found.shape, found.owner)


@dataclass(frozen=True)
class _Found:
    pointer: int
    shape: Shape
    read_only: bool
    owner: Any


def _of_dlpack(source: Any, what: str, device: cuda.Device, stream: int) -> _Found:
    kind, index = (int(number) for number in source.__dlpack_device__())
    if kind not in (CUDA, CUDA_MANAGED):
        raise UserError(f"{what} is not on a GPU; move it to GPU {device.index}, or give a NumPy array")
    _check_device(what, index, device)
    try:
        try:
            capsule = source.__dlpack__(stream=stream, max_version=(1, 0))
        except TypeError:  # a producer older than DLPack 1.0
            capsule = source.__dlpack__(stream=stream)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise UserError(f"{what} can't be shared: {error}; give a plain uint8 array [H, W, 3]") from error
    tensor, read_only, owner = from_capsule(capsule)
    kind_of_value = (tensor.code, tensor.bits, tensor.lanes)
    shape = tuple(tensor.shape[: tensor.ndim])
    strides = tuple(tensor.strides[: tensor.ndim]) if tensor.strides else None
    _check_layout(what, kind_of_value == (UNSIGNED, 8, 1), shape, strides)
    return _Found((tensor.data or 0) + tensor.byte_offset, shape, read_only, owner)


def _of_interface(source: Any, what: str, device: cuda.Device, stream: int) -> _Found:
    interface = source.__cuda_array_interface__
    pointer, read_only = interface["data"]
    shape = tuple(interface["shape"])
    _check_layout(what, interface["typestr"][1:] == "u1", shape, interface.get("strides"))
    _check_device(what, device.of_pointer(pointer), device)
    writer = interface.get("stream")
    if writer is not None and writer != stream:
        cuda.let_wait(device, writer, stream)
    return _Found(pointer, shape, read_only, source)


def _check_device(what: str, index: int, device: cuda.Device) -> None:
    if index != device.index:
        raise UserError(f"{what} is on GPU {index}, the model on GPU {device.index}; move one of them")


def _check_layout(what: str, is_uint8: bool, shape: Shape, strides: Shape | None) -> None:
    if not is_uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise UserError(f"{what} of {list(shape)} was given; give uint8 [H, W, 3], RGB")
    rows = (shape[1] * 3, 3, 1)
    if strides is not None and any(n > 1 and a != b for n, a, b in zip(shape, strides, rows, strict=True)):
        raise UserError(f"{what} of {list(shape)} is not contiguous (strides {list(strides)}); make it so first")


def stream_handle(stream: Any) -> int:
    """The driver's handle of a stream (an int, or an object of torch, CuPy or cuda.core); None: the legacy stream.

    Raises:
        UserError: not a stream.
    """
    if hasattr(stream, "__cuda_stream__"):
        stream = stream.__cuda_stream__()[1]
    for name in ("cuda_stream", "ptr"):
        stream = getattr(stream, name, stream)
    if stream is None:
        return cuda.LEGACY_STREAM
    if not isinstance(stream, int) or stream < 0:
        raise UserError(f"stream {stream!r} is not a CUDA stream; give a stream of torch or CuPy, or its handle")
    return stream or cuda.LEGACY_STREAM
