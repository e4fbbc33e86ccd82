"""Video script: a picture in motion, as a batch of images."""

import re
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.geometry import Size
from ingan_fast.video.canvas import place
from ingan_fast.video.laid_out import LaidOut
from ingan_fast.video.played import Played
from ingan_fast.video.script import NAMES, Animation, read_script

from . import host
from .models import MODEL, Model, loaded
from .tensors import in_8_bits, pictures

OWN = "keyframes"
MOST_BYTES = 12 << 30  # of a batch as ComfyUI holds it: 16 bytes a pixel with its mask


class InganFastVideoScript:
    """Animates a picture by a named script, or by keyframes."""

    TITLE = "Video script"
    CATEGORY = host.CATEGORY
    DESCRIPTION = "A picture in motion as a batch of images, without hops; by layouts, or by a trained model."
    RETURN_TYPES = ("IMAGE", "MASK", "FLOAT")
    RETURN_NAMES = ("frames", "outside", "fps")
    OUTPUT_TOOLTIPS = ("One image a frame.", "Where a frame shows no picture.", "For Create Video.")
    FUNCTION = "animate"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        shown = "\n".join(f"{name}: {shows}" for name, shows in NAMES.items())
        return {
            "required": {
                "script": ([*NAMES, OWN], {"default": "grow-width", "tooltip": f"{shown}\n{OWN}: the text below"}),
                "seconds": ("FLOAT", {"default": 4.0, "min": 0.1, "max": 600.0, "step": 0.1}),
                "fps": ("FLOAT", {"default": 24.0, "min": 1.0, "max": 120.0, "step": 1.0}),
                "width": ("INT", {"default": 0, "min": 0, "max": 8192, "tooltip": "Of the frames; 0: the script's."}),
                "height": ("INT", {"default": 0, "min": 0, "max": 8192, "tooltip": "Of the frames; 0: the script's."}),
                "background": ("STRING", {"default": "#000000", "tooltip": "Outside the picture."}),
                "random_seed": ("INT", {"default": 0, "min": 0, "max": 2**31 - 1, "tooltip": "For random walks."}),
                "keyframes": (
                    "STRING",
                    {
                        "default": "",
                        "multiline": True,
                        "tooltip": "YAML, as in docs/video.md; for the script keyframes.",
                    },
                ),
            },
            "optional": {
                "image": ("IMAGE", {"tooltip": "The picture; with a model it may be left out."}),
                "model": (MODEL,),
            },
        }

    @classmethod
    def VALIDATE_INPUTS(cls, background: str = "#000000", width: int = 0, height: int = 0) -> bool | str:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", background):
            return f"background {background!r} is no colour; give #rrggbb, such as #ffffff"
        if (width == 0) != (height == 0) or 0 < min(width, height) < 16:
            return f"frames of {width}x{height} can't be made; give both sides, from 16, or 0 for both"
        return True

    def animate(
        self,
        script: str,
        seconds: float,
        fps: float,
        width: int,
        height: int,
        background: str,
        random_seed: int,
        keyframes: str,
        image: Tensor | None = None,
        model: Model | None = None,
    ) -> tuple[Tensor, Tensor, float]:
        picture = _picture(image)
        engine: LaidOut | Played
        if model is not None:
            engine = Played(loaded.get(model), picture=picture)
        elif picture is not None:
            engine = LaidOut(picture, (0, 0, 0))
        else:
            raise ValueError("there is nothing to animate; connect an image or a model")
        rate = Fraction(fps).limit_denominator(1001)
        canvas = (width, height) if width else None
        animation = _animation(
            script, keyframes, engine.source_size, fps=rate, seconds=seconds, canvas=canvas, seed=random_seed
        )
        _check_memory(animation)
        engine.expect(pose.transform for pose in animation.poses)
        frames, outside = _batch(animation, _drawn(engine, animation), background)
        return frames, outside, float(rate)


def _picture(image: Tensor | None) -> NDArray[np.uint8] | None:
    if image is None:
        return None
    images = pictures(image)
    if len(images) > 1:
        raise ValueError(
            f"a script moves one picture, but image is a batch of {len(images)}; choose one (Image From Batch)"
        )
    return in_8_bits(images[0])


def _animation(script: str, keyframes: str, size: Size, **options: Any) -> Animation:
    if script != OWN:
        return read_script(script, size, **options)
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary, "keyframes.yaml")
        file.write_text(keyframes, "utf-8")
        try:
            return read_script(str(file), size, **options)
        except ValueError as error:
            raise ValueError(str(error).replace(str(file), "keyframes")) from error


def _check_memory(animation: Animation) -> None:
    width, height = animation.canvas
    needed = len(animation.poses) * width * height * 16
    if needed > MOST_BYTES:
        raise ValueError(
            f"{len(animation.poses)} frames of {width}x{height} take {needed / 1e9:.0f} GB as a batch of images, and "
            f"{MOST_BYTES / 1e9:.0f} GB are allowed; give fewer seconds, fewer frames a second, or a smaller size"
        )


def _drawn(engine: LaidOut | Played, animation: Animation) -> Iterator[NDArray[np.uint8]]:
    """The frames: uint8 [H, W, 4]."""
    progress = host.Progress(len(animation.poses))
    for pose in animation.poses:
        yield place(engine(None, transform=pose.transform), pose, animation.canvas, None)
        progress.step()


def _batch(animation: Animation, frames: Iterator[NDArray[np.uint8]], background: str) -> tuple[Tensor, Tensor]:
    """The frames over a colour as an IMAGE, and a MASK of where that shows."""
    width, height = animation.canvas
    images = torch.empty(len(animation.poses), height, width, 3)
    outside = torch.empty(len(animation.poses), height, width)
    ground = torch.tensor(list(bytes.fromhex(background[1:]))).float() / 255
    for index, frame in enumerate(frames):
        values = torch.from_numpy(frame).float() / 255
        outside[index] = 1 - values[..., 3]
        images[index] = torch.lerp(ground, values[..., :3], values[..., 3:])
    return images, outside
