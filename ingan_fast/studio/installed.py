"""What optional packages are installed, without importing them."""

from functools import cache
from importlib.util import find_spec

from ingan_fast.studio.errors import Refused

NEEDED = {
    "video": ("av", "yaml"),
    "train": ("torch", "safetensors", "matplotlib"),
    "export": ("torch", "onnx", "onnxruntime", "onnxscript"),
    "evaluate": ("torch", "matplotlib"),
    "seam_carving": ("seam_carving",),
}
INSTALL = {
    "video": "pip install 'ingan-fast[video]'",
    "train": "pip install 'ingan-fast[train]'",
    "export": "pip install 'ingan-fast[export]'",
    "evaluate": "pip install 'ingan-fast[judge]'",
    "seam_carving": "pip install seam-carving",
}


@cache
def extras() -> dict[str, bool]:
    """For each use whether its packages are there."""
    return {use: all(find_spec(package) for package in packages) for use, packages in NEEDED.items()}


def needs(use: str, name: str) -> None:
    """Refuse what needs packages that are not installed."""
    if not extras()[use]:
        raise Refused(409, f"{name} needs packages that are not installed: {INSTALL[use]}")
