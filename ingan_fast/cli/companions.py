"""`--companion`: maps of a picture that are laid out like it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.layout.perspective import View
from ingan_fast.pictures.arrays import has_opacity, with_opacity
from ingan_fast.pictures.maps import Map, check_map_path, load_map, save_map
from ingan_fast.pictures.streams import is_stream


def outputs(paths: Sequence[Path], picture: Path, out: Path) -> list[Path]:
    """Paths of the companions' outputs: next to the picture's output, under their own names.

    Raises:
        UserError: one would replace an input or another output, or can't be written.
    """
    if paths and is_stream(out):
        raise UserError(f"--companion writes files next to the output, but --out {out} is a pipe; give a file")
    folder = out.expanduser().parent
    taken = {out.expanduser().resolve(): "the output"}
    for path in (picture, *paths):
        taken.setdefault(path.expanduser().resolve(), str(path))
    targets: list[Path] = []
    for path in paths:
        target = folder / path.name
        owner = taken.get(target.resolve())
        if owner is not None:
            raise UserError(f"--companion {path} would replace {owner}; give --out in another folder")
        check_map_path(target)
        taken[target.resolve()] = f"the output for {path}"
        targets.append(target)
    return targets


def read(paths: Sequence[Path], size: Size) -> list[Map]:
    """Read the companions of a picture of size (width, height).

    Raises:
        UserError: one can't be read, or has another size.
    """
    maps = []
    for path in paths:
        one = load_map(path)
        if one.size != size:
            given, wanted = ("{}x{}".format(*of) for of in (one.size, size))
            raise UserError(f"--companion {path} is {given}, but the picture {wanted}; give a map of its size")
        maps.append(one)
    return maps


def write(maps: Sequence[Map], targets: Sequence[Path], view: View, cover: NDArray[np.float32] | None) -> None:
    """Lay the companions out like the picture and write them; `cover` is the picture's coverage of the output."""

    def laid_out(layer: NDArray) -> NDArray:
        result = view.copy(layer)
        if cover is not None and has_opacity(layer) and layer.dtype in (np.uint8, np.uint16):
            result = with_opacity(result, cover)
        return result

    for one, target in zip(maps, targets, strict=True):
        save_map(one.changed(laid_out), target)
