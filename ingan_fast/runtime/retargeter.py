"""`Retargeter`: inference with a trained generator."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ingan_fast.callbacks import Progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform, check_output_size
from ingan_fast.hub import fetch, is_address
from ingan_fast.layout import Frames, Layouts
from ingan_fast.model.tiling import CELL, Tile, tiles
from ingan_fast.pictures import Pixels
from ingan_fast.retargeted import Retargeted
from ingan_fast.runtime.geometry import Geometries, make, region
from ingan_fast.runtime.opening import Opened, open_model
from ingan_fast.runtime.warps import Warps

MAX_MEMORY = 2 << 30  # bytes
SMALLEST_TILE = 64  # px


class Retargeter:
    """Retargets frames with the best backend available; imports torch only if that backend needs it.

        >>> retargeter = Retargeter.open("exported/model.onnx")
        >>> wide = retargeter(frame, scale=(1.5, 1))

    One instance can be called from several threads (calls are serialised); instances are independent.

    Attributes:
        source: the training picture, uint8 [H, W, 3]; None if it is not in the model's folder.
        source_size: its (width, height).
        stretches: whether the training found that the network, given a smooth warp, stretches large things.
    """

    def __init__(self, opened: Opened, max_memory: int = MAX_MEMORY):
        self._opened = opened
        self._backend = opened.backend
        self._geometries = Geometries(opened.backend.prepare)
        self._tile = _tile_side(max_memory, opened)
        self._max_memory = max_memory
        self._lock = threading.Lock()
        self.source, self.source_size = opened.source, opened.source_size
        self.stretches = opened.stretches
        self._warps = Warps(opened)

    @classmethod
    def open(
        cls,
        path: str | Path,
        device: str = "auto",
        backend: str = "auto",
        max_memory: int = MAX_MEMORY,
        precision: str = "auto",
    ) -> "Retargeter":
        """Load a model.

        Args:
            path: a run folder, a model.onnx, model.engine or model.pt2, or the folder that these were exported to; or
                hf://OWNER/NAME[@REVISION] on the Hugging Face Hub.
            device: auto, cpu, cuda, cuda:N or mps.
            backend: auto, tensorrt, onnxruntime, openvino or torch.
            max_memory: approximate memory limit per output, in bytes; larger outputs are computed in tiles, equal up to
                rounding (`model.tiling`).
            precision: of a run's convolutions: float32, bfloat16, float16, or auto, the fastest on the device. An
                exported model has its own.

        Raises:
            UserError: the model can't be run here.
        """
        place = fetch(path) if is_address(path) else Path(path)
        return cls(open_model(place, device, backend, precision), max_memory)

    @property
    def backend(self) -> str:
        """Name of the backend: tensorrt, onnxruntime, openvino or torch."""
        return self._backend.name

    def describe(self) -> str:
        """The backend and the reason for it, in one line."""
        return f"{self._backend.about} ({self._opened.reason})"

    def __call__(
        self,
        frame: Any = None,
        *,
        size: Size | None = None,
        scale: float | tuple[float, float] | None = None,
        transform: Transform | None = None,
        out: Any = None,
        stream: Any = None,
        progress: Progress = lambda part: None,
        warp: str | Frames = "smooth",
    ) -> Any:
        """G(x; T): retarget a frame.

        Args:
            frame: uint8 [H, W, 3], RGB; None: the training picture. The backends tensorrt and torch also take any GPU
                array with DLPack (tensorrt: or the CUDA array interface); the result is then a GPU array too, and the
                host neither copies nor waits.
            size: (width, height) of the output; or
            scale: its factor, or its factors (x, y); or
            transform: a homography.
            out: output array, uint8 [Ho, Wo, 3]; None: a new array.
            stream: the CUDA stream to use, for frames on the GPU.
            progress: called with the fraction of a tiled output that is done, in (0, 1].
            warp: what the network gets under T: "smooth": the picture warped as a whole, as in the paper; "layout": its
                pieces, moved at their own size, so that large things are not stretched; "auto": see `warp_for`;
                for videos `Frames` of the picture, whose pieces move without hops from one T to the next.

        Returns:
            `out`.

        Raises:
            UserError: an invalid frame, size, warp or `out`, or one that the model doesn't support.
        """
        layouts = self._warps.layouts(frame, warp)
        pixels = self._frame(frame)
        frame_size = self.source_size if pixels is None else (pixels.shape[1], pixels.shape[0])
        wanted = self._transform(size, scale, transform, frame_size)
        if pixels is not None and not isinstance(pixels, np.ndarray):
            return self._run_on_device(pixels, wanted, out, stream)
        result = _output(out, wanted.size)
        with self._lock:
            self._run(pixels, wanted, layouts, result, progress)
        return result

    def retarget(self, transform: Transform, frame: Any = None, warp: str = "auto") -> Retargeted:
        """G(x; T) with its alpha, for a still; a call gives pixels alone, as a video needs them.

        Args:
            transform, frame, warp: as for a call.

        Raises:
            UserError: as for a call.
        """
        return Retargeted.under(transform, self(frame, transform=transform, warp=warp))

    def warp_for(self, frame: Any = None, warp: str = "auto") -> str:
        """What "auto" means for a frame: "layout" for the training picture if the network `stretches`, else "smooth".

        Raises:
            UserError: an unknown warp, or a layout for a model of one geometry or for a frame on the GPU.
        """
        return self._warps.chosen(frame, warp)

    def training_picture(self) -> Pixels:
        """`source`, where it can't be done without.

        Raises:
            UserError: it is not in the model's folder.
        """
        if self.source is None:
            raise UserError("no frame was given, and the model's folder has no source.png; give a frame")
        return self.source

    def warmup(self, sizes: Iterable[Size], frame_size: Size | None = None) -> None:
        """Run once at each output size (width, height), so that the first frames are as fast as later ones."""
        width, height = frame_size or self._opened.frame or self.source_size
        frame = None if self._opened.baked_source else np.zeros((height, width, 3), np.uint8)
        for size in sizes:
            self(frame, size=size)

    def close(self) -> None:
        """Free all memory; the instance can't be used afterwards."""
        with self._lock:
            self._geometries.forget()
            self._backend.close()

    def __enter__(self) -> "Retargeter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _frame(self, frame: Any) -> Any:
        """Validate the frame for the backend; None for a model with a baked-in picture."""
        if self._opened.baked_source:
            if frame is not None:
                raise UserError("this model has its picture baked in and takes no frames; leave the frame out")
            return None
        if frame is None:
            frame = self.training_picture()
        if not isinstance(frame, np.ndarray):
            if not (hasattr(self._backend, "run_on_device") and hasattr(frame, "shape")):
                raise UserError(
                    f"{self.backend} takes NumPy arrays, not {type(frame).__name__}; copy it to the host first, or use "
                    "a TensorRT engine"
                )
        elif frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise UserError(f"a frame of {frame.dtype} {list(frame.shape)} was given; give uint8 [H, W, 3], RGB")
        wanted = self._opened.frame
        if wanted and (frame.shape[1], frame.shape[0]) != wanted:
            raise UserError(
                f"a frame of {frame.shape[1]}x{frame.shape[0]} was given; this model supports only frames of "
                f"{wanted[0]}x{wanted[1]}: give such a frame, or export it for this size of frames"
            )
        return frame

    def _transform(
        self, size: Size | None, scale: float | tuple[float, float] | None, transform: Transform | None, frame: Size
    ) -> Transform:
        given = [each for each in (size, scale, transform) if each is not None]
        fixed = self._opened.fixed
        if len(given) > 1 or not (given or fixed):
            raise UserError("give one of size, scale and transform")
        if scale is not None:
            sx, sy = (scale, scale) if isinstance(scale, int | float) else scale
            transform = Transform.scale(sx, sy, frame)
        if size is not None:
            transform = Transform.resize(size)
        wanted = transform or fixed
        assert wanted is not None
        if fixed and wanted != fixed:
            raise UserError(
                f"this model was exported for one geometry, {fixed.size[0]}x{fixed.size[1]}; request that, or "
                "export it without a fixed geometry"
            )
        check_output_size(wanted.size, frame)
        return wanted

    def _run(
        self,
        frame: Pixels | None,
        transform: Transform,
        layouts: Layouts | Frames | None,
        out: Pixels,
        progress: Progress,
    ) -> None:
        if self._opened.fixed:
            return self._backend.run(frame, self._backend.prepare({}), out)
        height, width = out.shape[:2]
        if height * width * self._backend.bytes_per_pixel <= self._max_memory:
            if frame is not None and layouts is not None:  # not cached: the next frame is another one
                return self._backend.run(frame, self._backend.prepare(make(transform, layouts)), out)
            return self._backend.run(frame, self._geometries.get(transform, layouts), out)
        geometry = make(transform, layouts)
        pieces = list(tiles((height, width), self._tile, self._opened.halo))
        for done, tile in enumerate(pieces, start=1):
            part = np.empty((*_extent(tile), 3), np.uint8)
            self._backend.run(frame, self._backend.prepare(region(geometry, tile)), part)
            (top, bottom), (left, right) = tile.rows, tile.columns
            up, along = tile.computed_rows[0], tile.computed_columns[0]
            out[top:bottom, left:right] = part[top - up : bottom - up, left - along : right - along]
            progress(done / len(pieces))
        return None

    def _run_on_device(
        self,
        frame: Any,
        transform: Transform,
        out: Any,
        stream: Any,
    ) -> Any:
        backend: Any = self._backend
        with self._lock:
            prepared = backend.prepare({}) if self._opened.fixed else self._geometries.get(transform)
            return backend.run_on_device(frame, prepared, transform.size, out, stream)


def load(run: str | Path, device: str = "auto") -> Retargeter:
    """Open a run folder, of a finished or an unfinished training, to be played in float32.

    Args:
        device: auto, cpu, cuda, cuda:N or mps.

    Raises:
        UserError: not a run, not one of this version, or one without a generator yet.
    """
    return Retargeter.open(run, device, precision="float32")


def _output(out: Any, size: Size) -> Pixels:
    shape = (size[1], size[0], 3)
    if out is None:
        return np.empty(shape, np.uint8)
    if not isinstance(out, np.ndarray) or out.dtype != np.uint8 or out.shape != shape:
        found = f"{out.dtype} {list(out.shape)}" if isinstance(out, np.ndarray) else type(out).__name__
        raise UserError(f"out is {found}; it must be uint8 {list(shape)}")
    return out


def _tile_side(max_memory: int, opened: Opened) -> int:
    """Side in px of a tile without its halo, a multiple of 16, such that tile and halo fit into `max_memory`."""
    side = int((max_memory / opened.backend.bytes_per_pixel) ** 0.5) - 2 * opened.halo
    return max(side // CELL * CELL, SMALLEST_TILE)


def _extent(tile: Tile) -> tuple[int, int]:
    (top, bottom), (left, right) = tile.computed_rows, tile.computed_columns
    return bottom - top, right - left
