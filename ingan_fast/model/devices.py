"""The device that networks run on."""

import torch

from ingan_fast.errors import UserError


def pick_device(name: str) -> torch.device:
    """ "auto", "cpu" or "cuda" as a device that is there.

    Raises:
        UserError: "cuda" without one, or another name.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} is not known; give auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda is not available: torch sees no CUDA device; use --device cpu or auto")
    return torch.device(name)
