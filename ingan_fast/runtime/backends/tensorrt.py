"""Backend for TensorRT and TensorRT-RTX: a model.engine on a GPU, without torch.

Not yet run with TensorRT on a GPU. Tests use stand-ins for CUDA and TensorRT that compute on the host and reject wrong
call orders; the names of all functions used are checked against cuda.h and the bindings. Not covered without a GPU:
graph capture of an execution context, the size of user-managed memory, timings.

All work runs in order on one stream owned by the backend. Events before and after synchronise it with the caller's
stream, so the host never waits if frame and output are on the GPU. Each combination of shapes has a *plan*: an
execution context, tensor memory at fixed addresses, and a CUDA graph captured after a first plain run. Geometry is
uploaded once for many frames, and copied into a plan when the plan last used another one.
"""

import threading
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import cuda
from ingan_fast.runtime.backends import Geometry
from ingan_fast.runtime.backends.tensorrt_engine import USED_NAMES, USED_NAMES_RTX, Shapes, TensorRTEngine, runs_on
from ingan_fast.runtime.backends.tensorrt_plan import ExecutionPlan, Prepared, Upload
from ingan_fast.runtime.device_arrays import DeviceImage, DeviceView, ImagePool, device_view, stream_handle
from ingan_fast.runtime.geometry import make
from ingan_fast.runtime.pool import Pool
from ingan_fast.runtime.sidecar import Golden, Sidecar, read_sidecar

__all__ = ["USED_NAMES", "USED_NAMES_RTX", "TensorRTBackend", "verify"]

PLANS = 16  # plans kept; a tiled output has up to nine shapes
SPARE_UPLOADS = 8
STAGED = 128  # bytes per output pixel besides TensorRT's own: geometry (twice) and pictures

ALLOWED = {"fp32": 1.0, "fp16": 2.0, "bf16": 2.0}  # allowed error in grey levels of 255, at QUANTILE of the values
QUANTILE = 0.999


class TensorRTBackend:
    """Runs an engine on a GPU.

    Args:
        engine: path of the engine file.
        sidecar: its sidecar.
        device: index of the GPU.

    Raises:
        UserError: the engine can't run here (`TensorRTEngine`), or was built for one geometry (for video players).
    """

    name = "tensorrt"

    def __init__(self, engine: Path, sidecar: Sidecar, device: int = 0):
        if any(tensor.name == "image" and tensor.dtype != "uint8" for tensor in sidecar.inputs):
            raise UserError(f"{engine} is made for players, not for this runtime; build one without a fixed geometry")
        try:
            self._device = cuda.device(device)
        except cuda.CudaError as error:
            raise UserError(f"{engine} needs a GPU: {error}; or run the model.onnx that it was built of") from error
        self._engine = TensorRTEngine(engine, sidecar, self._device)
        self._lock = threading.Lock()
        self._stream = cuda.Stream(self._device)
        self._images = ImagePool(self._device)
        self._uploads: Pool[int, Upload] = Pool(partial(Upload, self._device), Upload.done, SPARE_UPLOADS)
        self._plans: OrderedDict[tuple[Any, ...], ExecutionPlan] = OrderedDict()
        self._workspace: cuda.Memory | None = None  # shared by all plans: only one runs at a time
        self._closed = False
        self.about = f"{self._engine}, {self._device.name}, {sidecar.precision}"
        self.bytes_per_pixel = STAGED + self._engine.bytes_per_pixel()

    def limits(self) -> str:
        """The sizes that the engine supports, as text for the user."""
        return self._engine.limits()

    def fits(self, frame: Pixels | None, geometry: Geometry) -> bool:
        """Whether the engine supports these sizes."""
        return self._engine.fits(_shapes(frame, {name: array.shape for name, array in geometry.items()}))

    def prepare(self, geometry: Geometry) -> Prepared:
        """Copy geometry (graph inputs with N = 1) to the device, asynchronously."""
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
        """Retarget `frame`, uint8 [H, W, 3], into `out`, uint8 [Ho, Wo, 3].

        Returns when the output is complete if a NumPy array is involved. With both on the device it returns at once,
        and later work on `stream` waits for the output.

        Raises:
            UserError: the engine doesn't support these sizes, or TensorRT or CUDA failed.
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
            plan.load_inputs(frame, prepared, self._stream)
            plan.execute(self._stream)
            plan.store_output(out, self._stream)
            if views:
                self._stream.let_wait(caller)
            if len(views) < (1 if frame is None else 2):
                self._stream.synchronize()
            if isinstance(out, np.ndarray):
                plan.fetch(out)

    def run_on_device(self, frame: Any, prepared: Prepared, size: Size, out: Any = None, stream: Any = None) -> Any:
        """Like `run`, for device arrays of any library (see `device_view`).

        Args:
            frame: uint8 [H, W, 3]; None if the model has a baked-in picture.
            size: (width, height) of the output.
            out: uint8 [Ho, Wo, 3]; None: a new `DeviceImage`.

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

    def close(self) -> None:
        """Free all memory; the backend can't be used afterwards."""
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

    def _plan(self, frame: Pixels | DeviceView | None, prepared: Prepared) -> ExecutionPlan:
        shapes = _shapes(frame, prepared.shapes)
        key = tuple(shapes.items())
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key]
        profile = self._engine.choose(shapes)
        if len(self._plans) >= PLANS:
            self._stream.synchronize()
            self._plans.popitem(last=False)
        with self._engine.with_messages():
            context = self._engine.context(profile, self._stream.handle)
            plan = ExecutionPlan(self._device, self._engine, context, shapes)
        self._share_workspace(plan)
        self._plans[key] = plan
        return plan

    def _share_workspace(self, plan: ExecutionPlan) -> None:
        """Give a plan the shared workspace, enlarged if the plan needs more."""
        room = self._workspace.nbytes if self._workspace else 0
        if plan.needs > room:
            self._stream.synchronize()
            others, self._plans = self._plans, OrderedDict()  # stays empty if the allocation fails
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
    """Shapes of the graph's inputs."""
    return geometry if frame is None else {"image": (1, *frame.shape), **geometry}


def verify(engine: Path) -> float | None:
    """Compare an engine's outputs with the golden outputs in its sidecar, for the frame source.png.

    Returns:
        The largest error over the golden outputs: the 99.9 % quantile, in grey levels of 255. None if it can't be
        measured here: no GPU, a GPU the engine wasn't built for, or no golden output of a supported size.

    Raises:
        UserError: the error is too large, or the engine can't run.
    """
    sidecar = read_sidecar(engine)
    if not cuda.available() or not runs_on(sidecar, cuda.device()):
        return None
    source = sidecar.read_source(engine.parent)
    if source is None:
        raise UserError(f"{engine} can't be checked: {sidecar.source['file']} is not in its folder; export again")
    backend = TensorRTBackend(engine, sidecar)
    try:
        errors = [_error(backend, sidecar, golden, source) for golden in sidecar.golden]
    finally:
        backend.close()
    worst = max((error for error in errors if error is not None), default=None)
    if worst is not None and worst > ALLOWED[sidecar.precision]:
        raise UserError(
            f"{engine} does not compute what the generator does: {worst:.3g} grey levels off, "
            f"{ALLOWED[sidecar.precision]:g} are allowed in {sidecar.precision}; use another precision, or model.onnx"
        )
    return worst


def _error(backend: TensorRTBackend, sidecar: Sidecar, golden: Golden, source: Pixels) -> float | None:
    """Error of one golden output; None if the engine doesn't support its geometry."""
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
