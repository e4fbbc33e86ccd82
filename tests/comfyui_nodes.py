"""Nodes of ComfyUI itself that the example workflows use; `comfyui_host` executes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image


def core_nodes(folder: Callable[[str], Path], save_video: Callable[[Any], None]) -> dict[str, Any]:
    """The classes by name.

    Args:
        folder: the path of one of ComfyUI's folders by its name.
        save_video: called with each video that is saved.
    """

    class LoadImage:
        RETURN_TYPES = ("IMAGE", "MASK")
        FUNCTION = "load_image"

        @classmethod
        def INPUT_TYPES(cls) -> dict[str, Any]:
            names = sorted(path.name for path in folder("input").iterdir())
            return {"required": {"image": (names, {"image_upload": True})}}

        def load_image(self, image: str) -> tuple[torch.Tensor, torch.Tensor]:
            with Image.open(folder("input") / image) as opened:
                pixels = torch.from_numpy(np.array(opened.convert("RGB"))).float() / 255
                mask = torch.zeros(64, 64)  # of a picture without opacity
                if "A" in opened.getbands():
                    mask = 1 - torch.from_numpy(np.array(opened.getchannel("A"))).float() / 255
            return pixels[None], mask[None]

    class SaveImage:
        RETURN_TYPES = ()
        FUNCTION = "save_images"
        OUTPUT_NODE = True

        @classmethod
        def INPUT_TYPES(cls) -> dict[str, Any]:
            return {"required": {"images": ("IMAGE",), "filename_prefix": ("STRING", {"default": "ComfyUI"})}}

        def save_images(self, images: torch.Tensor, filename_prefix: str) -> dict[str, Any]:
            for index, image in enumerate(images):
                path = folder("output") / f"{filename_prefix}_{index:05}_.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray((255 * image.numpy()).clip(0, 255).astype(np.uint8)).save(path)
            return {"ui": {"images": []}}

    class CreateVideo:
        RETURN_TYPES = ("VIDEO",)
        FUNCTION = "create"

        @classmethod
        def INPUT_TYPES(cls) -> dict[str, Any]:
            rate = {"default": 30.0, "min": 1.0, "max": 120.0}
            return {"required": {"images": ("IMAGE",), "fps": ("FLOAT", rate)}, "optional": {"audio": ("AUDIO",)}}

        def create(self, images: torch.Tensor, fps: float) -> tuple[Any]:
            return ((images, fps),)

    class SaveVideo:
        RETURN_TYPES = ()
        FUNCTION = "save"
        OUTPUT_NODE = True

        @classmethod
        def INPUT_TYPES(cls) -> dict[str, Any]:
            return {
                "required": {
                    "video": ("VIDEO",),
                    "filename_prefix": ("STRING", {"default": "video/ComfyUI"}),
                    "format": (["auto", "mp4"], {"default": "auto"}),
                    "codec": (["auto", "h264"], {"default": "auto"}),
                }
            }

        def save(self, video: Any, filename_prefix: str, format: str, codec: str) -> dict[str, Any]:
            save_video(video)
            return {"ui": {}}

    return {node.__name__: node for node in (LoadImage, SaveImage, CreateVideo, SaveVideo)}
