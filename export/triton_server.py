"""Model repository for Triton Inference Server: REPOSITORY/ingan/config.pbtxt and REPOSITORY/ingan/1/model.onnx."""

from pathlib import Path

from ingan_fast.callbacks import Notice
from ingan_fast.errors import UserError
from ingan_fast.export.run import ExportedFile, ExportOptions, export
from ingan_fast.files import atomic_write
from ingan_fast.runtime.sidecar import Sidecar, TensorInfo, read_sidecar
from ingan_fast.training.trained import TrainedRun

MODEL = "ingan"
VERSION = "1"
CONFIG = f"{MODEL}/config.pbtxt"
FILES = (CONFIG, f"{MODEL}/{VERSION}/model.onnx")  # paths in a repository

LARGEST_BATCH = 4  # frames: memory grows with the batch, and one 640x480 frame fills a GPU

# Commented out: not every server build has it, and it rebuilds engines for each new size.
ACCELERATOR = """
# TensorRT inside ONNX Runtime, if the server has it:
# optimization { execution_accelerators { gpu_execution_accelerator : [ { name : "tensorrt" } ] } }
"""


def write_repository(
    trained: TrainedRun, repository: Path, wanted: ExportOptions, notice: Notice = lambda step: None
) -> ExportedFile:
    """Write a model repository; `tritonserver --model-repository REPOSITORY` then serves the model "ingan".

    Args:
        trained: a run.
        repository: the folder to write to.
        wanted: format onnx, precision fp32 or fp16.
        notice: called with the name of each step.

    Returns:
        model.onnx with its check.

    Raises:
        UserError: as for `export`, or the server's ONNX Runtime can't run the model.
    """
    if wanted.format != "onnx":
        raise UserError(
            f"a Triton Inference Server repository needs an ONNX file, not {wanted.format}; choose the format onnx"
        )
    if wanted.precision == "bf16":
        raise UserError("Triton Inference Server's ONNX Runtime has no bf16 convolutions; choose fp32 or fp16")
    written = export(trained, repository / MODEL / VERSION, wanted, notice=notice)
    atomic_write(repository / CONFIG, configuration(read_sidecar(written.path)).encode())
    return written


def configuration(sidecar: Sidecar) -> str:
    """config.pbtxt of an exported ONNX file (protobuf text format, message `inference.ModelConfig`).

    With a dynamic batch axis, the server batches requests of equal shapes; otherwise it runs them one by one.
    """
    batched = sidecar.outputs[0].shape[0] == "N"
    sections = [
        f'name: "{MODEL}"\nbackend: "onnxruntime"\nmax_batch_size: {LARGEST_BATCH if batched else 0}\n',
        *(_tensor("input", tensor, batched) for tensor in sidecar.inputs),
        *(_tensor("output", tensor, batched) for tensor in sidecar.outputs),
        "instance_group [ { count: 1 kind: KIND_AUTO } ]\n",
        *(["dynamic_batching { }\n"] if batched else []),
    ]
    return "".join(sections) + ACCELERATOR


def _tensor(side: str, tensor: TensorInfo, batched: bool) -> str:
    """One input or output; the dims exclude the batch axis if the server batches."""
    shape = tensor.shape[1:] if batched else tensor.shape
    dims = ", ".join(str(size) if isinstance(size, int) else "-1" for size in shape)
    return f'{side} [ {{ name: "{tensor.name}" data_type: TYPE_FP32 dims: [ {dims} ] }} ]  # {tensor.meaning}\n'
