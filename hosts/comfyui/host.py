"""What the nodes use of ComfyUI: progress with cancelling, devices, folders."""

from pathlib import Path

import comfy.model_management
import comfy.utils
import folder_paths

CATEGORY = "ingan-fast"
FOLDER = "ingan_fast"  # below ComfyUI's folders for models and for outputs


class Progress:
    """ComfyUI's bar; every step may raise its exception for a cancelled workflow."""

    def __init__(self, steps: int):
        self._bar = comfy.utils.ProgressBar(steps)
        check_cancelled()

    def step(self) -> None:
        self._bar.update(1)
        check_cancelled()


def check_cancelled() -> None:
    comfy.model_management.throw_exception_if_processing_interrupted()


def device() -> str:
    """ComfyUI's device; the CPU where it is none that ingan-fast knows."""
    found = comfy.model_management.get_torch_device()
    return str(found) if found.type in ("cpu", "cuda", "mps") else "cpu"


def models_folder() -> Path:
    return Path(folder_paths.models_dir).absolute() / FOLDER


def runs_folder() -> Path:
    return Path(folder_paths.get_output_directory()).absolute() / FOLDER
