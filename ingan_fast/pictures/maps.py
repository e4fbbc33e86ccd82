"""Maps of a picture (normals, heights, depth, masks): any data type and number of channels, values preserved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_path
from ingan_fast.geometry import Size
from ingan_fast.pictures import tiff
from ingan_fast.pictures.formats import WRITTEN
from ingan_fast.pictures.metadata import Metadata, tiff_metadata
from ingan_fast.pictures.reading import Photo, load_photo
from ingan_fast.pictures.streams import opened
from ingan_fast.pictures.writing import check_place, save_photo, write_tiff

_WANTED = "a picture, a TIFF of any values or an OpenEXR file"


@dataclass(frozen=True)
class Map:
    """A map and its file's metadata.

    Attributes:
        layers: [H, W, channels] by name; OpenEXR may have several, other formats have one.
        metadata: of picture files.
        header: of OpenEXR files.
    """

    layers: Mapping[str, NDArray]
    metadata: Metadata = field(default_factory=Metadata)
    header: Mapping[str, Any] | None = None

    @property
    def size(self) -> Size:
        """(width, height)."""
        first = next(iter(self.layers.values()))
        return first.shape[1], first.shape[0]

    def changed(self, function: Callable[[NDArray], NDArray]) -> "Map":
        """The map with a function applied to each layer."""
        return replace(self, layers={name: function(layer) for name, layer in self.layers.items()})


def load_map(path: str | Path) -> Map:
    """Read a map, upright.

    Raises:
        UserError: as for `load_photo`, but for any size; or OpenEXR without its package.
    """
    path = Path(path)
    if path.suffix.lower() == ".exr":
        return _load_exr(path)
    with opened(path, _WANTED) as file:
        header = tiff.read_header(file)
        if header is not None and _of_values(header):
            metadata, turn = tiff_metadata(header.tags)
            try:
                return Map({"": tiff.upright(tiff.read(file), turn)}, metadata)
            except UserError as error:
                raise UserError(f"{path}: {error}") from error
            except Exception as error:  # tifffile raises almost any exception on damaged data
                raise UserError(f"{path} can't be decoded: it may be damaged or cut short; save it again") from error
    photo = load_photo(path, min_side=1, visible=False)
    return Map({"": photo.pixels}, photo.metadata)


def check_map_path(path: Path) -> None:
    """Do the checks of `save_map` that need no map.

    Raises:
        UserError: the format is not supported, or the path can't be written.
    """
    if path.suffix.lower() not in (*WRITTEN, ".exr"):
        raise UserError(f"can't write {path}; give the map as one of {' '.join(WRITTEN)} .exr")
    check_place(path)


def save_map(values: Map, path: str | Path) -> None:
    """Write a map with its data type, channels and metadata.

    Raises:
        UserError: it can't be written.
    """
    path = Path(path)
    check_map_path(path)
    if path.suffix.lower() == ".exr":
        _save_exr(values, path)
        return
    layer = next(iter(values.layers.values()))
    if path.suffix.lower() in (".tif", ".tiff"):
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            write_tiff(file, layer, values.metadata)
        return
    save_photo(Photo(layer, values.metadata), path)


def _of_values(header: tiff.Header) -> bool:
    """Whether a TIFF contains plain values, instead of colours that need a picture reader."""
    return header.kind in ("i", "f") or (header.kind == "u" and (header.bits >= 16 or header.channels not in (1, 3)))


def _exr(path: Path) -> Any:
    try:
        import OpenEXR
    except ImportError as error:
        raise UserError(f"{path} is OpenEXR, which needs a package: pip install 'ingan-fast[formats]'") from error
    return OpenEXR


def _load_exr(path: Path) -> Map:
    library = _exr(path)
    with opened(path, _WANTED):
        pass  # only for its checks, because the library's errors are not understandable
    try:
        with library.File(str(path.expanduser()), separate_channels=True) as file:
            layers = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
            header = {key: value for key, value in file.header().items() if key not in _EXR_SIZES}
    except Exception as error:  # RuntimeError and others
        raise UserError(f"{path} can't be decoded: it may be damaged or cut short; save it again") from error
    if len({layer.shape for layer in layers.values()}) != 1:
        raise UserError(f"{path} has channels of several sizes; save it without subsampling")
    return Map({name: layer[..., None] for name, layer in layers.items()}, header=header)


_EXR_SIZES = ("dataWindow", "displayWindow", "channels", "chunkCount", "tiles")


def _save_exr(values: Map, path: Path) -> None:
    library = _exr(path)
    channels = {name: np.ascontiguousarray(layer[..., 0]) for name, layer in values.layers.items()}
    header = {"type": library.scanlineimage, "compression": library.ZIP_COMPRESSION, **(values.header or {})}
    with atomic_path(path) as temporary:
        library.File(header, channels).write(str(temporary))
