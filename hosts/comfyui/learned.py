"""Train, Load model, Apply model: networks that have learned one picture."""

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import comfy.model_management
import comfy.utils
import numpy as np
import torch
from torch import Tensor

from ingan_fast.pictures import save_image

from . import geometry, host
from .models import MODEL, Model, loaded, model, resolve, stamp
from .tensors import image_of, in_8_bits, outside, pictures

if TYPE_CHECKING:
    from ingan_fast.training.progress import Status

GO_ON, AGAIN = "go on", "train again"
OLDEST_TORCH = (2, 11)
PREVIEW_SIDE = 768  # px

log = logging.getLogger("ingan-fast")


class InganFastTrain:
    """Trains a run in ComfyUI's output folder, or continues it."""

    TITLE = "Train"
    CATEGORY = host.CATEGORY
    DESCRIPTION = (
        "Learns one picture (or several similar ones: a batch). A cancelled training is saved, and goes on when the "
        "workflow is queued again."
    )
    RETURN_TYPES = (MODEL, "STRING")
    RETURN_NAMES = ("model", "folder")
    OUTPUT_NODE = True
    FUNCTION = "train"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "image": ("IMAGE",),
                "name": ("STRING", {"default": "picture", "tooltip": "The run's folder in ComfyUI's output folder."}),
                "preset": (
                    ["learned", "paper", "smoke"],
                    {"default": "learned", "tooltip": "learned: minutes; paper: a GPU and hours; smoke: a test."},
                ),
                "minutes": (
                    "FLOAT",
                    {
                        "default": 15.0,
                        "min": 0.0,
                        "max": 2880.0,
                        "step": 1.0,
                        "tooltip": "As many iterations as fit; 0: as many as the preset has.",
                    },
                ),
                "random_seed": ("INT", {"default": 0, "min": 0, "max": 2**31 - 1}),
                "if_exists": (
                    [GO_ON, AGAIN],
                    {
                        "default": GO_ON,
                        "tooltip": "go on: an unfinished training is continued, a finished one is used.",
                    },
                ),
            }
        }

    @classmethod
    def VALIDATE_INPUTS(cls, name: str = "picture", minutes: float = 0.0) -> bool | str:
        if not name.strip() or name.strip().startswith(".") or set(name) & set('/\\:*?"<>|'):
            return f"the name {name!r} can't be a folder's; give a word such as fruit"
        if minutes and not 1 <= minutes <= 2880:
            return f"minutes {minutes:g} is out of range; give 1 to 2880, or 0 for the preset's iterations"
        return True

    def train(
        self, image: Tensor, name: str, preset: str, minutes: float, random_seed: int, if_exists: str
    ) -> tuple[Model, str]:
        _check_torch(torch.__version__)
        from ingan_fast import train

        device = host.device()
        if device != "cpu":
            comfy.model_management.unload_all_models()  # the training needs the memory for itself
        folder = host.runs_folder() / name.strip()
        watch = _Watch(folder / "monitor" / "latest.png")
        # ComfyUI executes nodes in inference mode, in which there are no gradients.
        with tempfile.TemporaryDirectory() as temporary, torch.inference_mode(False), torch.enable_grad():
            files = _files(pictures(image), Path(temporary))
            try:
                train(
                    files,
                    folder,
                    preset_name=preset,
                    budget=minutes * 60 or None,
                    device=device,
                    seed=random_seed,
                    resume=if_exists == GO_ON,
                    overwrite=if_exists == AGAIN,
                    report=watch.show,
                    notice=log.info,
                    stop=watch.cancelled,
                )
            except ValueError as error:
                text = str(error).replace("resume=True", f"if_exists: {GO_ON}")
                raise ValueError(text.replace("overwrite=True", f"if_exists: {AGAIN}")) from error
        watch.end()
        return Model(str(folder), stamp(str(folder))), str(folder)


class _Watch:
    """Shows a training in ComfyUI, and notices that it is cancelled."""

    def __init__(self, picture: Path):
        self._picture = picture
        self._shown = 0
        self._bar = comfy.utils.ProgressBar(1)
        self._cancelled: BaseException | None = None

    def show(self, status: "Status") -> None:
        try:
            self._bar.update_absolute(status.iteration, status.iterations, self._preview())
        except comfy.model_management.InterruptProcessingException as error:
            self._cancelled = error  # raised by ComfyUI's bar; the training is to be saved first

    def cancelled(self) -> bool:
        try:
            host.check_cancelled()
        except comfy.model_management.InterruptProcessingException as error:
            self._cancelled = error
        return self._cancelled is not None

    def end(self) -> None:
        """Cancel the workflow, if that was asked for."""
        if self._cancelled is not None:
            raise self._cancelled

    def _preview(self) -> Any:
        """What was learned so far, whenever that is new, as ComfyUI takes previews."""
        from PIL import Image

        changed = self._picture.stat().st_mtime_ns if self._picture.is_file() else 0
        if changed == self._shown:
            return None
        self._shown = changed
        with Image.open(self._picture) as shown:
            return "JPEG", shown.convert("RGB"), PREVIEW_SIDE


def _files(images: list[np.ndarray], folder: Path) -> list[Path]:
    files = [folder / ("picture.png" if len(images) == 1 else f"picture_{index}.png") for index in range(len(images))]
    for picture, file in zip(images, files, strict=True):
        save_image(in_8_bits(picture), file)
    return files


def _check_torch(version: str) -> None:
    found = tuple(int(part) for part in version.split("+")[0].split(".")[:2])
    if found < OLDEST_TORCH:
        wanted = ".".join(map(str, OLDEST_TORCH))
        raise ValueError(
            f"training needs torch {wanted} or newer, and ComfyUI runs {version}; update it, or train with `ingan-fast "
            "train` elsewhere and load its exported model.onnx"
        )


class InganFastLoadModel:
    """Names a model for other nodes, and opens it."""

    TITLE = "Load model"
    CATEGORY = host.CATEGORY
    DESCRIPTION = "A trained run, an exported model.onnx, or hf://REPO from the Hugging Face Hub."
    RETURN_TYPES = (MODEL,)
    RETURN_NAMES = ("model",)
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        tooltip = "A name in ComfyUI's folders models/ingan_fast or output/ingan_fast, an absolute path, or hf://REPO."
        return {"required": {"name": ("STRING", {"default": "", "tooltip": tooltip})}}

    @classmethod
    def VALIDATE_INPUTS(cls, name: str | None = None) -> bool | str:
        try:
            if name is not None:  # None: it comes from another node, and is not known yet
                resolve(name)
        except ValueError as error:
            return str(error)
        return True

    @classmethod
    def IS_CHANGED(cls, name: str | None = None) -> str:
        return "" if name is None else stamp(resolve(name))

    def load(self, name: str) -> tuple[Model]:
        wanted = model(name)
        loaded.get(wanted)
        return (wanted,)


class InganFastApplyModel:
    """Retargets pictures by a model."""

    TITLE = "Apply model"
    CATEGORY = host.CATEGORY
    DESCRIPTION = "The model's picture, or other images, at another size by a trained model."
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("image", "outside")
    OUTPUT_TOOLTIPS = ("The pictures.", "Where the output shows no picture (with corners).")
    FUNCTION = "apply"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        tooltip = "What the model is applied to; nothing: the picture that it has learned."
        return {
            "required": {"model": (MODEL,), **geometry.WIDGETS},
            "optional": {"image": ("IMAGE", {"tooltip": tooltip})},
        }

    @classmethod
    def VALIDATE_INPUTS(
        cls,
        resize_by: str | None = None,
        corners: str | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> bool | str:
        return geometry.checked(resize_by, corners, width, height)

    def apply(self, model: Model, image: Tensor | None = None, **shape: Any) -> tuple[Tensor, Tensor]:
        retargeter = loaded.get(model)
        frames = [None] if image is None else [in_8_bits(picture) for picture in pictures(image)]
        size = retargeter.source_size if frames[0] is None else (frames[0].shape[1], frames[0].shape[0])
        transform = geometry.transform(size, **shape)
        progress = host.Progress(len(frames))
        cover = transform.mask().astype(np.float32)
        results = []
        for frame in frames:
            result = retargeter(frame, transform=transform, progress=lambda part: host.check_cancelled(), warp="auto")
            result[cover == 0] = 0
            results.append(result)
            progress.step()
        return image_of(results), outside(cover, len(results))
