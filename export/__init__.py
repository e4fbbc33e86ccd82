"""Export of a trained generator to ONNX, AOTInductor packages, TensorRT engines and Triton Inference Server.

The package can be called, because `from ingan_fast import export` gives it: `export("runs/fruit", "fruit")`.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingan_fast.export.run import ExportedFile


class _Callable(ModuleType):
    def __call__(
        self, run: str | Path, out: str | Path, *, format: str = "onnx", precision: str = "fp32", device: str = "cpu"
    ) -> "ExportedFile":
        """Export a run to the folder `out`, and check the file against the generator.

        Args:
            run: a run folder.
            out: folder for model.onnx (or model.pt2), its sidecar and the run's picture.
            format: onnx, or pt2 (an AOTInductor package).
            precision: of the convolutions: fp32, fp16 or bf16.
            device: device to compile a package for.

        Raises:
            UserError: not a run, a package is not installed, or the file fails its check; nothing is written.
        """
        from ingan_fast.export.run import ExportOptions, export
        from ingan_fast.model.devices import pick_device
        from ingan_fast.training.trained import read_run

        wanted, target = ExportOptions(format, precision), pick_device(device)
        return export(read_run(run, merge=format == "onnx"), Path(out), wanted, target)


sys.modules[__name__].__class__ = _Callable
