"""Layouts in files: found once, applied again to the same picture and its maps.

A file is a compressed npz without pickled objects: `about` (JSON as bytes: version, what it is of, the steps, the
transform, the bands), and for each step `lengths_N` [n] and `places_N` [n, rows], the differences along the rows; the
same with `_bands` for the seams between bands, and `offsets` and `windows` of these.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_path
from ingan_fast.geometry import Size, Transform
from ingan_fast.layout.bands import Bands
from ingan_fast.layout.layouts import Layout
from ingan_fast.layout.limits import check_layout_size
from ingan_fast.layout.perspective import View
from ingan_fast.layout.seams import Seams
from ingan_fast.layout.steps import Step

VERSION = 2
SUFFIX = ".npz"


def save_layout(view: View, picture: NDArray, path: str | Path) -> None:
    """Write the layout of a picture [h, w, channels], whole or not at all.

    Raises:
        UserError: it can't be written.
    """
    arrays: dict[str, Any] = {}
    for index, step in enumerate(view.layout.steps):
        arrays |= _arrays(step.seams, str(index))
    transform, bands = view.transform, view.bands
    if bands is not None:
        arrays |= _arrays(bands.seams, "bands") | {"offsets": bands.offsets, "windows": bands.windows}
    about = {
        "format": "ingan-fast layout",
        "version": VERSION,
        "size": view.layout.source_size,
        "sha256": digest(picture),
        "steps": [{"axis": step.axis, "turn": step.turn} for step in view.layout.steps],
        "transform": None if transform is None else {"size": transform.size, "matrix": transform.matrix.tolist()},
        "bands": None if bands is None else {"axis": bands.axis, "first": bands.first},
    }
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


def load_layout(path: str | Path, picture: NDArray) -> View:
    """The layout that a file holds of this picture [h, w, channels].

    Raises:
        UserError: no layout file, one of another version, or one of another picture.
    """
    try:
        with np.load(Path(path).expanduser(), allow_pickle=False) as file:
            about = json.loads(bytes(file["about"]))
            if about["format"] != "ingan-fast layout":
                raise ValueError("another format")
            _check_made_of(path, about, picture)
            steps = tuple(_step(one, _seams(file, str(index))) for index, one in enumerate(about["steps"]))
            transform = about["transform"]
            view = View(
                Layout((picture.shape[1], picture.shape[0]), steps),
                None if transform is None else Transform(tuple(transform["size"]), transform["matrix"]),
            )
            if about["bands"] is not None and view.transform is not None:
                view = replace(view, bands=_bands(about["bands"], view.transform.size, file))
            _check_sizes(view)
            return view
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{path} doesn't exist; give a file that --save-layout wrote") from error
    except Exception as error:  # what a damaged file makes zipfile, json and numpy raise
        raise UserError(f"{path} is no layout, or damaged; give a file that --save-layout wrote") from error


def output_size(view: View) -> Size:
    """(width, height) of what a view draws."""
    if view.transform is not None:
        return view.transform.size
    size = list(view.layout.source_size)
    for step in view.layout.steps:
        size[step.axis] -= int(step.seams.lengths.sum())
    return size[0], size[1]


def digest(picture: NDArray) -> str:
    """A picture's pixels, told apart from others."""
    content = hashlib.sha256(f"{picture.dtype.str} {picture.shape}".encode())
    content.update(np.ascontiguousarray(picture).data)
    return content.hexdigest()


def _check_made_of(path: str | Path, about: Any, picture: NDArray) -> None:
    if about["version"] != VERSION:
        raise UserError(f"{path} is a layout of version {about['version']}, {VERSION} is read; save it anew")
    given, wanted = f"{picture.shape[1]}x{picture.shape[0]}", "{}x{}".format(*about["size"])
    if given != wanted:
        raise UserError(f"{path} is a layout of another picture, of {wanted}, and this one is {given}; give that one")
    if digest(picture) != about["sha256"]:
        raise UserError(f"{path} is a layout of another picture of the same size; give the one that it was made of")


def _arrays(seams: Seams, name: str) -> dict[str, NDArray]:
    """Seams, as files have them."""
    return {
        f"lengths_{name}": seams.lengths.astype(np.int32),
        f"places_{name}": np.diff(seams.places, axis=1, prepend=0).astype(np.int32),
    }


def _seams(file: Any, name: str) -> Seams:
    lengths, places = file[f"lengths_{name}"], np.cumsum(file[f"places_{name}"], axis=1, dtype=np.intp)
    if lengths.shape != places.shape[:1]:
        _damaged()
    return Seams(lengths.astype(np.intp), places)


def _step(about: Any, seams: Seams) -> Step:
    if about["axis"] not in (0, 1) or about["turn"] < 0:
        _damaged()
    return Step(about["axis"], seams, int(about["turn"]))


def _bands(about: Any, size: Size, file: Any) -> Bands:
    axis, offsets, windows = about["axis"], file["offsets"].astype(np.intp), file["windows"].astype(np.intp)
    if axis not in (0, 1) or windows.shape != (len(offsets), 2) or not len(offsets):
        _damaged()
    if windows.min() < 0 or windows.max() > size[1 - axis]:
        _damaged()
    seams = _seams(file, "bands")
    _check_inside(seams, int(np.diff(windows).sum()), size[axis])
    if int(np.diff(windows).sum() - seams.lengths.sum()) != size[1 - axis]:
        _damaged()
    return Bands(axis, size, int(about["first"]), offsets, windows, seams)


def _check_sizes(view: View) -> None:
    """Refuse seams that lie outside of the picture or cross."""
    size = list(view.layout.source_size)
    for step in view.layout.steps:
        _check_inside(step.seams, size[step.axis], size[1 - step.axis])
        size[step.axis] -= int(step.seams.lengths.sum())
    check_layout_size(output_size(view))


def _check_inside(seams: Seams, width: int, height: int) -> None:
    starts, ends = seams.places + seams.lengths[:, None], seams.places
    if ends.shape[1] != height or (starts[:-1] > ends[1:]).any():
        _damaged()
    if ends.size and not (min(starts.min(), ends.min()) >= 0 and max(starts.max(), ends.max()) <= width):
        _damaged()


def _damaged() -> NoReturn:
    raise ValueError("damaged")
