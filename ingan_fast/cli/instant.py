"""`ingan-fast retarget PICTURE`: a picture laid out anew without a run or a model, and without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingan_fast.cli.console import progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.layout import Layouts, Wishes, perspective
from ingan_fast.layout.layouts import Mask
from ingan_fast.pictures import (
    Photo,
    Pixels,
    check_output_path,
    load_image,
    load_photo,
    save_image,
    save_photo,
    with_opacity,
)
from ingan_fast.pictures.collage import FACTORS, collage

TILES = {"x": "x", "y": "y", "both": "xy"}


@dataclass(frozen=True)
class Options:
    """What the command line says beside the size."""

    keep: Sequence[str] = ()  # mask files, "auto" or "none"
    remove: Sequence[Path] = ()
    tile: str | None = None
    variation: int = 0
    show_keep: Path | None = None

    def given(self) -> list[str]:
        """The options that are not at their defaults."""
        names = ("keep", "remove", "tile", "variation", "show_keep")
        return [f"--{name.replace('_', '-')}" for name in names if getattr(self, name)]

    def check(self) -> None:
        """Refuse values that need no picture to be found wrong."""
        if self.tile is not None and self.tile not in TILES:
            raise UserError(f"--tile {self.tile} is unknown; choose x, y or both")
        if self.variation < 0:
            raise UserError(f"--variation {self.variation} is not possible; give 0 (the best layout) or more")
        if "auto" in self.keep and "none" in self.keep:
            raise UserError("--keep auto and --keep none exclude each other; give one")
        if self.show_keep is not None:
            check_output_path(self.show_keep, alpha=False)

    def wishes(self, size: Size) -> Wishes:
        """The masks read, for a picture of this size (width, height)."""
        keep = _mask("--keep", [Path(name) for name in self.keep if name not in ("auto", "none")], size)
        remove = _mask("--remove", self.remove, size)
        if keep is not None and remove is not None and (keep & remove).any():
            raise UserError("--keep and --remove overlap; change one of the masks")
        objects = "auto" in self.keep or (keep is None and "none" not in self.keep)
        return Wishes(keep, remove, objects, TILES[self.tile] if self.tile else "", self.variation)


def retarget_picture(path: Path, out: Path, transform: Transform, photo: Photo, options: Options) -> Size:
    """Write the picture laid out anew; returns the output's size."""
    if options.tile and (transform.mask() < 1).any():
        raise UserError("--tile needs an output that fills its frame; leave out --corners and --homography")
    cover = transform.mask()
    opaque = bool((cover == 1).all())
    check_output_path(out, alpha=not opaque or photo.pixels.shape[2] in (2, 4))
    layouts = _layouts(path, photo, options)
    pixels = perspective.retarget(layouts, transform)
    if not opaque:
        pixels = with_opacity(pixels, cover)
    save_photo(Photo(pixels, photo.metadata), out)
    _show_keep(layouts, options)
    return transform.size


def picture_collage(path: Path, out: Path, options: Options) -> Size:
    """Write a sheet of many sizes of a picture; returns the sheet's size."""
    pixels = load_image(path, min_side=16)
    layouts = _layouts(path, Photo(pixels), options)
    with progress("collage", len(FACTORS) ** 2) as advance:
        page: Pixels = collage(pixels, layouts.retarget, advance)
    save_image(page, out)
    _show_keep(layouts, options)
    return page.shape[1], page.shape[0]


def read_picture(path: Path) -> Photo:
    """The picture to lay out."""
    return load_photo(path)


def _layouts(path: Path, photo: Photo, options: Options) -> Layouts:
    if options.show_keep is not None and options.show_keep.resolve() == path.resolve():
        raise UserError(f"--show-keep {options.show_keep} would replace the picture; choose another name")
    return Layouts(photo.pixels, options.wishes((photo.pixels.shape[1], photo.pixels.shape[0])))


def _mask(option: str, paths: Sequence[Path], size: Size) -> Mask | None:
    """Where any of the masks is more white than black."""
    result: Mask | None = None
    for path in paths:
        values = load_image(path, min_side=1).mean(axis=2) > 127
        if values.shape != size[::-1]:
            given, wanted = f"{values.shape[1]}x{values.shape[0]}", "{}x{}".format(*size)
            raise UserError(f"{option} {path} is {given}, and the picture {wanted}; give a mask of its size")
        result = values if result is None else result | values
    return result


def _show_keep(layouts: Layouts, options: Options) -> None:
    """Write what is kept, white on black."""
    if options.show_keep is None:
        return
    wishes = layouts.wishes
    kept = np.zeros(layouts.picture.shape[:2], bool) if wishes.keep is None else wishes.keep.copy()
    if wishes.keep_objects:
        kept |= layouts.objects()
    save_image(np.repeat(kept[..., None] * np.uint8(255), 3, axis=2), options.show_keep)
