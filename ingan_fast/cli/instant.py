"""`ingan-fast retarget PICTURE`: retargets a picture without a run or a model, and without torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ingan_fast.callbacks import Progress
from ingan_fast.cli import companions
from ingan_fast.cli.console import parts_done, progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.layout import LayoutOptions, Layouts, perspective
from ingan_fast.layout.limits import check_layout_size
from ingan_fast.layout.perspective import View
from ingan_fast.layout.photos import cover_of, stripped
from ingan_fast.layout.pictures import Mask
from ingan_fast.layout.saved import SUFFIX, load_layout, save_layout
from ingan_fast.pictures import (
    Photo,
    Pixels,
    check_output_path,
    has_opacity,
    load_image,
    load_photo,
    save_image,
    save_photo,
    with_opacity,
)
from ingan_fast.pictures.collage import FACTORS, collage
from ingan_fast.pictures.masks import load_mask, save_mask
from ingan_fast.pictures.streams import is_stream
from ingan_fast.pictures.writing import check_place

TILES = {"x": "x", "y": "y", "both": "xy"}
LAYING_OUT, DRAWING, WRITING = 0.1, 0.5, 0.55  # how much of the time is over when each begins, of 24 megapixels
_FOUND_BY = ("keep", "remove", "tile", "variation", "show_keep")  # options that a saved layout excludes


@dataclass(frozen=True)
class Options:
    """Command-line options other than the size."""

    keep: Sequence[str] = ()  # mask files, "auto" or "none"
    remove: Sequence[Path] = ()
    tile: str | None = None
    variation: int = 0
    show_keep: Path | None = None
    companion: Sequence[Path] = ()
    save_layout: Path | None = None
    layout: Path | None = None
    strip: bool = False

    def given(self, names: Sequence[str] = ()) -> list[str]:
        """Names of the options (of all, by default) that differ from their defaults."""
        names = names or [field.name for field in fields(self)]
        return [f"--{name.replace('_', '-')}" for name in names if getattr(self, name)]

    def check(self) -> None:
        """Check values that don't depend on the picture."""
        if self.tile is not None and self.tile not in TILES:
            raise UserError(f"unknown --tile {self.tile}; choose x, y or both")
        if self.variation < 0:
            raise UserError(f"--variation {self.variation} is out of range; give 0 (the best layout) or more")
        if "auto" in self.keep and "none" in self.keep:
            raise UserError("--keep auto and --keep none exclude each other; give one")
        if self.show_keep is not None:
            check_output_path(self.show_keep, alpha=False)
        if self.save_layout is not None:
            if self.save_layout.suffix.lower() != SUFFIX:
                raise UserError(f"--save-layout {self.save_layout}: the name must end in {SUFFIX}")
            check_place(self.save_layout)
        unused = self.given(_FOUND_BY)
        if self.layout is not None and unused:
            raise UserError(f"--layout already determines the layout; leave out {' and '.join(unused)}")

    def check_alone(self, picture: Path) -> None:
        """Check that no output replaces the picture."""
        for name in ("show_keep", "save_layout"):
            path = getattr(self, name)
            if path is not None and path.expanduser().resolve() == picture.expanduser().resolve():
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option} {path} would replace the picture; choose another name")

    def layout_options(self, size: Size) -> LayoutOptions:
        """Read the masks, for a picture of size (width, height)."""
        keep = _mask("--keep", [Path(name) for name in self.keep if name not in ("auto", "none")], size)
        remove = _mask("--remove", self.remove, size)
        if keep is not None and remove is not None and (keep & remove).any():
            raise UserError("--keep and --remove overlap; change one of the masks")
        return LayoutOptions(
            keep, remove, "none" not in self.keep, TILES[self.tile] if self.tile else "", self.variation
        )


def retarget_picture(path: Path, out: Path, request: Callable[[Size], Transform] | None, options: Options) -> Size:
    """Retarget a picture and write it with its companions; returns the output's size.

    Args:
        path: the picture.
        out: the output.
        request: maps the picture's size (width, height) to a transform; None if `options.layout` has it.
        options: further options.
    """
    options.check_alone(path)
    targets = companions.outputs(options.companion, path, out)
    with parts_done("reading") as show:
        return _retargeted(path, out, request, options, targets, show)


def _retargeted(
    path: Path,
    out: Path,
    request: Callable[[Size], Transform] | None,
    options: Options,
    targets: Sequence[Path],
    show: Callable[..., None],
) -> Size:
    photo = load_photo(path)
    size = photo.pixels.shape[1], photo.pixels.shape[0]
    transform = None if request is None else request(size)
    if transform is not None:
        check_layout_size(transform.size)
    layouts = None if transform is None else Layouts(photo.pixels, options.layout_options(size))
    cover = None if transform is None else cover_of(transform, options.tile)
    transparent = has_opacity(photo.pixels)
    check_output_path(out, alpha=transparent or cover is not None)
    maps = companions.read(options.companion, size)
    show(LAYING_OUT, "laying out")
    took = DRAWING - LAYING_OUT
    view = _view(layouts, transform, photo, options, lambda part: show(LAYING_OUT + part * took, "laying out"))
    show(DRAWING, "drawing")
    if transform is None and view.transform is not None:
        cover = cover_of(view.transform, options.tile)
        check_output_path(out, alpha=transparent or cover is not None)
    pixels = view.draw(photo.pixels)
    if cover is not None:
        pixels = with_opacity(pixels, cover)
    show(WRITING, "writing")
    result = Photo(pixels, photo.metadata)
    save_photo(stripped(result) if options.strip else result, out)
    companions.write(maps, targets, view, cover)
    if options.save_layout is not None:
        save_layout(view, photo.pixels, options.save_layout)
    if layouts is not None:
        _show_keep(layouts, options)
    return pixels.shape[1], pixels.shape[0]


def picture_collage(path: Path, out: Path, options: Options) -> Size:
    """Write a collage of a picture at many sizes; returns the collage's size."""
    others = options.given(("companion", "save_layout", "layout", "strip"))
    if others:
        raise UserError(f"{' and '.join(others)} are for a single output; leave out --collage")
    options.check_alone(path)
    pixels = load_image(path, min_side=16)
    layouts = Layouts(pixels, options.layout_options((pixels.shape[1], pixels.shape[0])))
    with progress("collage", len(FACTORS) ** 2) as advance:
        page: Pixels = collage(pixels, layouts.retarget, advance)
    save_image(page, out)
    _show_keep(layouts, options)
    return page.shape[1], page.shape[0]


def folder_outputs(paths: Sequence[Path], folder: Path, options: Options, alpha: bool = False) -> list[Path]:
    """Output paths for several pictures in a folder: their own names, or .png if their format can't be written.

    Args:
        paths: the pictures.
        folder: the output folder.
        options: further options.
        alpha: whether the outputs have transparency.

    Raises:
        UserError: two outputs would have the same name, one would replace an input, or an option is for one picture.
    """
    others = options.given(("companion", "save_layout", "layout", "show_keep"))
    if others and len(paths) > 1:
        raise UserError(f"{' and '.join(others)} are for one picture, but {len(paths)} are given; give one")
    if (folder.exists() and not folder.is_dir()) or is_stream(folder):
        raise UserError(f"--out {folder} is one file, but {len(paths)} pictures are given; give a folder")
    inputs = {path.expanduser().resolve(): path for path in paths}
    targets: dict[Path, Path] = {}
    for path in paths:
        if is_stream(path):
            raise UserError(f"{path} is a pipe, so a file in {folder} would have no name; give files, or --out a file")
        target = folder / path.name
        try:
            check_output_path(target, alpha)
        except UserError:
            target = target.with_suffix(".png")
            check_output_path(target, alpha)
        if target.resolve() in inputs:
            raise UserError(f"--out {folder} would replace {inputs[target.resolve()]}; give another folder")
        if target in targets:
            raise UserError(f"{targets[target]} and {path} would both be written to {target}; retarget them separately")
        targets[target] = path
    return list(targets)


def _view(
    layouts: Layouts | None, transform: Transform | None, photo: Photo, options: Options, progress: Progress
) -> View:
    if layouts is None or transform is None:
        assert options.layout is not None
        return load_layout(options.layout, photo.pixels)
    return perspective.lay_out(layouts, transform, progress)


def _mask(option: str, paths: Sequence[Path], size: Size) -> Mask | None:
    """The union of the masks, thresholded at half white."""
    result: Mask | None = None
    for path in paths:
        mask = load_mask(path, size, f"{option} {path}")
        result = mask if result is None else result | mask
    return result


def _show_keep(layouts: Layouts, options: Options) -> None:
    """Write the mask of what is kept, white on black."""
    if options.show_keep is None:
        return
    keep = layouts.options.keep
    kept = np.zeros(layouts.picture.shape[:2], bool) if keep is None else keep.copy()
    if layouts.options.keep_objects:
        kept |= layouts.objects()
    save_mask(kept, options.show_keep)
