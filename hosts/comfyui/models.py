"""Models: found by name, named by a small handle in workflows, and a few of them kept loaded."""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from ingan_fast import Retargeter
from ingan_fast.hub import fetch

from . import host

MODEL = "INGAN_FAST_MODEL"
HUB = "hf://"
FILES = ("config.json", "generator.safetensors", "model.onnx", "model.engine", "model.pt2")
KEPT = 2  # models that stay loaded


@dataclass(frozen=True)
class Model:
    """What a workflow passes on. ComfyUI keeps outputs of nodes, so this is no network.

    Attributes:
        path: a run folder, an exported model, a folder with one, or an address hf://….
        stamp: changes with the files.
    """

    path: str
    stamp: str


def resolve(name: str) -> str:
    """The path of a model by its name: absolute, hf://…, or below ComfyUI's folders for models and outputs."""
    name = name.strip()
    if name.startswith(HUB):
        return name
    if not name:
        raise ValueError(f"no model was named; {_advice()}")
    path = Path(name).expanduser()
    for folder in (host.models_folder(), host.runs_folder()):
        found = Path(os.path.normpath(folder / path))  # symbolic links may lead anywhere, dots may not
        if not path.is_absolute() and not found.is_relative_to(folder):
            raise ValueError(f"the model {name} is outside of {folder}; give its absolute path")
        if found.exists():  # for an absolute path this is the path itself
            return str(found)
    raise ValueError(f"there is no model {name}; {_advice()}")


def stamp(path: str) -> str:
    """Changes when a model on this machine is trained or exported anew."""
    place = Path(path)
    if path.startswith(HUB):
        return path
    files = [place / name for name in FILES] if place.is_dir() else [place]
    return ";".join(f"{file.name} {file.stat().st_mtime_ns} {file.stat().st_size}" for file in files if file.is_file())


def model(name: str) -> Model:
    path = resolve(name)
    return Model(path, stamp(path))


def _advice() -> str:
    folders = [folder for folder in (host.models_folder(), host.runs_folder()) if folder.is_dir()]
    names = sorted({each.name for folder in folders for each in folder.iterdir() if not each.name.startswith(".")})
    places = f"{host.models_folder()} and {host.runs_folder()}"
    return f"found in {places}: {', '.join(names[:20]) if names else 'none'}"


class _Loaded:
    """The models used last, opened; an older one is closed, which frees its memory."""

    def __init__(self) -> None:
        self._open: OrderedDict[Model, Retargeter] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, wanted: Model) -> Retargeter:
        with self._lock:
            if wanted not in self._open:
                place = fetch(wanted.path) if wanted.path.startswith(HUB) else Path(wanted.path)
                is_run = (place / "config.json").is_file()
                opened = Retargeter.open(place, host.device() if is_run else "auto")  # exported ones choose themselves
                while len(self._open) >= KEPT:
                    self._open.popitem(last=False)[1].close()
                self._open[wanted] = opened
            self._open.move_to_end(wanted)
            return self._open[wanted]

    def __len__(self) -> int:
        return len(self._open)


loaded = _Loaded()
