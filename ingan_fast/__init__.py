"""ingan-fast: learn the patches of one image and lay them out again at any size, shape or perspective.

    >>> from ingan_fast import Retargeter, Transform, export, load, retarget, train
    >>> wide = retarget("fruit.jpg", scale=(1.5, 1))
    >>> train("fruit.jpg", "runs/fruit")
    >>> wide = load("runs/fruit").retarget(Transform.resize((640, 480)))
    >>> exported = export("runs/fruit", "fruit")
    >>> wider = Retargeter.open(exported.path).retarget(Transform.resize((640, 480)))

Importing this package loads no torch: each name is imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingan_fast import export
    from ingan_fast.bundled import pretrained
    from ingan_fast.errors import MachineError, UserError
    from ingan_fast.geometry import Transform
    from ingan_fast.layout.api import retarget
    from ingan_fast.runtime.retargeter import Retargeter, load
    from ingan_fast.settings import Settings
    from ingan_fast.training.loop import train

    __version__: str

__all__ = [
    "MachineError",
    "Retargeter",
    "Settings",
    "Transform",
    "UserError",
    "__version__",
    "export",
    "load",
    "pretrained",
    "retarget",
    "train",
]

_HOME = {
    "MachineError": "errors",
    "Retargeter": "runtime.retargeter",
    "Settings": "settings",
    "Transform": "geometry",
    "UserError": "errors",
    "load": "runtime.retargeter",
    "pretrained": "bundled",
    "retarget": "layout.api",
    "train": "training.loop",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("ingan-fast")
    if name == "export":  # a callable package
        return import_module("ingan_fast.export")
    if name not in _HOME:
        raise AttributeError(f"module 'ingan_fast' has no attribute {name!r}")
    try:
        return getattr(import_module(f"ingan_fast.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        from ingan_fast.errors import missing_package

        raise ModuleNotFoundError(missing_package(error) or str(error), name=error.name) from error
