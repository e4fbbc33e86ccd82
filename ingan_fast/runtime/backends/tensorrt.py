"""TensorRT and TensorRT-RTX: a model.engine on a GPU, without torch.

Never run with TensorRT on a GPU yet: tested with stand-ins for both that do the same calls' work on the host and refuse
wrong orders of them; the names of both are checked against cuda.h and the bindings. What only a GPU can show: that
graphs are captured from an execution context, that user-managed memory is as large as it says, times.

All work is done in one stream of the backend's own, in order. A caller's stream is tied to it by events before and
after, so that nobody waits on the host where frame and output are on the GPU. Each combination of shapes has a *plan*:
an execution context, memory for its tensors at fixed addresses, and a CUDA graph that was captured after a first plain
run. Geometry is on the device once for many frames, and copied into a plan where another one was used last.
"""

import threading
from collections import OrderedDict
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import cuda
from ingan_fast.runtime.backends import Geometry
from ingan_fast.runtime.backends.tensorrt_engine import USED_NAMES, USED_NAMES_RTX, Engine, Shapes, runs_on
from ingan_fast.runtime.backends.tensorrt_plan import Plan, Prepared, Upload
from ingan_fast.runtime.device_arrays import DeviceImage, DeviceView, ImagePool, device_view, stream_handle
from ingan_fast.runtime.geometry import make
from ingan_fast.runtime.pool import Pool
from ingan_fast.runtime.sidecar import Golden, Sidecar, read_sidecar

__all__ = ["USED_NAMES", "USED_NAMES_RTX", "TensorRTBackend", "verify"]

PLANS = 16  # that are kept: more than the nine shapes of a tiled output
SPARE_UPLOADS = 8
STAGED = 128  # bytes an output pixel beside TensorRT's own: geometry, twice, and pictures

ALLOWED = {"fp32": 1.0, "fp16": 2.0, "bf16": 2.0}  # grey levels of 255 that 99.9 % of the values may be off
QUANTILE = 0.999


class TensorRTBackend:
    """An engine on a GPU.

    Args:
        engine: the file.
        sidecar: what is known of it.
        device: number of the GPU.

    Raises:
        UserError: it can't run here (`Engine`), or is one for players, of other tensors.
    """

    name = "tensorrt"

    def __init__(self, engine: Path, sidecar: Sidecar, device: int = 0):
        if any(tensor.name == "image" and tensor.dtype != "uint8" for tensor in sidecar.inputs):
            raise UserError(f"{engine} is made for players, not for this runtime; build one without a fixed geometry")
        try:
            self._device = cuda.device(device)
        except cuda.CudaError as error:
            raise UserError(f"{engine} needs a GPU: {error}; or run the model.onnx that it was built of") from error
        self._engine = Engine(engine, sidecar, self._device)
        self._lock = threading.Lock()
        self._stream = cuda.Stream(self._device)
        self._images = ImagePool(self._device)
        self._uploads: Pool[int, Upload] = Pool(partial(Upload, self._device), Upload.done, SPARE_UPLOADS)
        self._plans: OrderedDict[tuple[Any, ...], Plan] = OrderedDict()
        self._workspace: cuda.Memory | None = None  # of all plans: only one runs at a time
        self._closed = False
        self.about = f"{self._engine}, {self._device.name}, {sidecar.precision}"
        self.bytes_per_pixel = STAGED + self._engine.bytes_per_pixel()

    def limits(self) -> str:
        """Sizes that the engine was built for, for people."""
        return self._engine.limits()

    def fits(self, frame: Pixels | None, geometry: Geometry) -> bool:
        """Whether the engine was built for these sizes."""
        return self._engine.fits(_shapes(frame, {name: array.shape for name, array in geometry.items()}))

    def prepare(self, geometry: Geometry) -> Prepared:
        """Copy geometry, float32 as the graph takes it with N = 1, to the device; nothing waits."""
        with self._lock, self._device.current():
            self._check_open()
            uploads = {name: self._upload(array) for name, array in geometry.items()}
            return Prepared(uploads, {name: array.shape for name, array in geometry.items()}, self._uploads)

    def run(
        self,
        frame: Pixels | DeviceView | None,
        prepared: Prepared,
        out: Pixels | DeviceView,
        stream: Any = None,
    ) -> None:
        """Lay a frame, uint8 [H, W, 3], out in `out`, uint8 [Ho, Wo, 3].

        With NumPy arrays it returns when that is done; with frame and output on the device at once, and what comes
        next on `stream` waits for it there.

        Raises:
            UserError: sizes that the engine wasn't built for; TensorRT or CUDA failed.
        """
        views = [each for each in (frame, out) if isinstance(each, DeviceView)]
        caller = stream_handle(stream)
        with self._lock, self._device.current():
            self._check_open()
            plan = self._plan(frame, prepared)
            if tuple(out.shape) != plan.shape:
                raise UserError(f"out is {list(out.shape)}; it must be {list(plan.shape)}")
            if views:
                self._stream.wait_for(caller)
            plan.take_in(frame, prepared, self._stream)
            plan.execute(self._stream)
            plan.hand_out(out, self._stream)
            if views:
                self._stream.let_wait(caller)
            if len(views) < (1 if frame is None else 2):
                self._stream.synchronize()
            if isinstance(out, np.ndarray):
                plan.fetch(out)

    def run_on_device(self, frame: Any, prepared: Prepared, size: Size, out: Any = None, stream: Any = None) -> Any:
        """As `run`, with any library's arrays on the device (see `device_view`).

        Args:
            frame: uint8 [H, W, 3]; None where the model has its picture.
            size: (width, height) of the output.
            out: uint8 [Ho, Wo, 3]; a new `DeviceImage` where None.

        Returns:
            `out`.
        """
        caller = stream_handle(stream)
        view = None if frame is None else device_view(frame, self._device, caller)
        if out is None:
            with self._lock:
                out = DeviceImage(self._images, (size[1], size[0], 3), caller)
            target = out.view
        else:
            target = out if isinstance(out, np.ndarray) else device_view(out, self._device, caller, writable=True)
        self.run(view, prepared, target, caller)
        return out

    def to_host(self, frame: Any, stream: Any = None) -> Pixels:
        """A copy of a frame on the device; waits for it."""
        caller = stream_handle(stream)
        view = device_view(frame, self._device, caller)
        with self._lock, self._device.current():
            self._check_open()
            staged = cuda.HostMemory(self._device, prod(view.shape))
            self._stream.wait_for(caller)
            self._stream.download(staged, view.pointer)
            self._stream.synchronize()
            return staged.array.reshape(view.shape).copy()

    def close(self) -> None:
        """Give all memory back; nothing can be run any more."""
        with self._lock, self._device.current():
            if self._closed:
                return
            self._closed = True
            self._stream.synchronize()
            self._plans.clear()
            self._workspace = None
            self._uploads.close()
            self._images.close()
            self._engine.close()
            self._stream.close()

    def _check_open(self) -> None:
        if self._closed:
            raise UserError("this model was closed; open it again")

    def _upload(self, array: NDArray[np.float32]) -> Upload:
        upload = self._uploads.take(array.nbytes)
        upload.fill(array, self._stream)
        return upload

    def _plan(self, frame: Pixels | DeviceView | None, prepared: Prepared) -> Plan:
        shapes = _shapes(frame, prepared.shapes)
        key = tuple(shapes.items())
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key]
        profile = self._engine.choose(shapes)
        if len(self._plans) >= PLANS:
            self._stream.synchronize()
            self._plans.popitem(last=False)
        with self._engine.told():
            context = self._engine.context(profile, self._stream.handle)
            plan = Plan(self._device, self._engine, context, shapes)
        self._make_room(plan)
        self._plans[key] = plan
        return plan

    def _make_room(self, plan: Plan) -> None:
        """Give a plan the memory that all of them share, more of it where it needs more."""
        room = self._workspace.nbytes if self._workspace else 0
        if plan.needs > room:
            self._stream.synchronize()
            others, self._plans = self._plans, OrderedDict()  # without memory, should there not be enough
            if self._workspace:
                self._workspace.close()
                self._workspace = None
            self._workspace = cuda.Memory(self._device, plan.needs)
            for other in others.values():
                other.work_in(self._workspace)
            self._plans = others
        if self._workspace:
            plan.work_in(self._workspace)


def _shapes(frame: Pixels | DeviceView | None, geometry: Shapes) -> Shapes:
    """Of the graph's inputs."""
    return geometry if frame is None else {"image": (1, *frame.shape), **geometry}


def verify(engine: Path) -> float | None:
    """Compare an engine with the golden outputs in its sidecar; source.png beside it is the frame.

    Returns:
        How far off the worst is, in grey levels of 255 that 99.9 % of the values keep to; None where this can't be
        seen here: no GPU, another one than it was built for, or no golden output of a size that it can do.

    Raises:
        UserError: it is wrong, or can't be run.
    """
    sidecar = read_sidecar(engine)
    if not cuda.available() or not runs_on(sidecar, cuda.device()):
        return None
    source = sidecar.read_source(engine.parent)
    if source is None:
        raise UserError(f"{engine} has no {sidecar.source['file']} beside it, which it is checked with; export again")
    backend = TensorRTBackend(engine, sidecar)
    try:
        errors = [_error(backend, sidecar, golden, source) for golden in sidecar.golden]
    finally:
        backend.close()
    worst = max((error for error in errors if error is not None), default=None)
    if worst is not None and worst > ALLOWED[sidecar.precision]:
        raise UserError(
            f"{engine} computes something else than the generator: {worst:.3g} grey levels off, "
            f"{ALLOWED[sidecar.precision]:g} are allowed in {sidecar.precision}; use another precision, or model.onnx"
        )
    return worst


def _error(backend: TensorRTBackend, sidecar: Sidecar, golden: Golden, source: Pixels) -> float | None:
    """How far off one golden output is; None where the engine doesn't do it."""
    geometry: Geometry = {}
    if not sidecar.fixed:
        geometry = make(golden.transform)
    elif golden.transform != Transform(sidecar.fixed.size, sidecar.fixed.matrix):
        return None
    frame = None if sidecar.baked_source else source
    if not backend.fits(frame, geometry):
        return None
    expected = golden.picture
    result = np.empty_like(expected)
    backend.run(frame, backend.prepare(geometry), result)
    return float(np.quantile(np.abs(result.astype(np.int16) - expected), QUANTILE))
