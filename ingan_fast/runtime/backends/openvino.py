"""Backend for OpenVINO on a CPU: bfloat16 if supported; conversion from and to uint8 is part of the graph."""

from pathlib import Path
from typing import Any

import numpy as np

from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels
from ingan_fast.runtime.backends import Geometry, first_line
from ingan_fast.runtime.libraries import import_openvino, openvino_precision
from ingan_fast.runtime.sidecar import Sidecar

# Compiled kernels kept; each size needs its own. With OpenVINO's default, 5,000, an animation's memory grows by 2 MB
# per frame.
KEPT_KERNELS = 400


class OpenVinoBackend:
    """Runs a model.onnx in OpenVINO."""

    name = "openvino"

    def __init__(self, model: Path, sidecar: Sidecar):
        openvino = import_openvino()

        core = openvino.Core()
        precision = openvino_precision(core)
        bfloat16 = precision == "bf16"
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": precision,
            "CPU_RUNTIME_CACHE_CAPACITY": str(KEPT_KERNELS),
        }
        try:
            graph = _with_uint8(core.read_model(model), sidecar)
            self._request = core.compile_model(graph, "CPU", settings).create_infer_request()
        except Exception as error:  # RuntimeError with a text of several lines
            raise UserError(f"OpenVINO can't load {model}: {first_line(error)}; export the run again") from error
        self.bytes_per_pixel = (22 if bfloat16 else 44) * sidecar.channels  # measured in bfloat16
        version = openvino.__version__.partition("-")[0]
        self.about = f"OpenVINO {version}, CPU, {'bf16' if bfloat16 else 'fp32'}"

    def prepare(self, geometry: Geometry) -> Geometry:
        return geometry

    def run(self, frame: Pixels | None, prepared: Geometry, out: Pixels, stream: Any = None) -> None:
        inputs: dict[str, Any] = dict(prepared)
        if frame is not None:
            inputs["image"] = frame[None]
        out[:] = self._request.infer(inputs, share_inputs=True, share_outputs=True)[0][0]

    def close(self) -> None:
        del self._request


def _with_uint8(model: Any, sidecar: Sidecar) -> Any:
    """`model` with uint8 input image [N, H, W, 3] and uint8 output retargeted [N, Ho, Wo, 3]."""
    from openvino import Layout, Type, opset13
    from openvino.preprocess import PrePostProcessor
    from openvino.utils.decorators import custom_preprocess_function

    half, lowest = (np.float32(value) for value in ((255, 0) if sidecar.fixed else (127.5, 1)))
    steps = PrePostProcessor(model)
    if not sidecar.baked_source:
        image = steps.input("image")
        image.tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
        image.preprocess().convert_element_type(Type.f32).scale(float(half)).mean(float(lowest))
        image.model().set_layout(Layout("NCHW"))

    @custom_preprocess_function
    def to_levels(output: Any) -> Any:
        levels = opset13.multiply(opset13.add(output, lowest), half)
        return opset13.clamp(opset13.round(levels, "half_to_even"), 0.0, 255.0)

    result = steps.output("retargeted")
    result.model().set_layout(Layout("NCHW"))
    result.postprocess().custom(to_levels).convert_element_type(Type.u8)
    result.tensor().set_layout(Layout("NHWC"))
    return steps.build()
