"""Tasks that show an output beside others: variations, other methods, measures, companions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.callbacks import Progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.layout import LayoutOptions, Layouts, perspective
from ingan_fast.pictures import Photo, fit_within, load_image, save_image, save_photo
from ingan_fast.pictures.maps import load_map
from ingan_fast.quality.resampling import plain_homography, seam_carve
from ingan_fast.studio.subjects import Subject, at_size, layouts_of, network_of, reduced, with_cover, within

JUDGED_SIDE = 160  # px; the cost grows with the fourth power, and this is to take seconds
CARVED_SIDE = 640  # px of the source's longer side; larger pictures take minutes


def variations(
    folder: Path, subject: Subject, transform: Transform, count: int, max_side: int, progress: Progress
) -> dict[str, Any]:
    """Write N.png for the best layout and its alternatives; one that can't be made has an error instead."""
    made: list[dict[str, Any]] = []
    for number in range(count):
        layouts = layouts_of(replace(subject, options=replace(subject.options, variation=number)))
        try:
            drawn = perspective.lay_out(layouts, transform).draw(layouts.picture)
        except UserError as error:
            made.append({"variation": number, "file": None, "error": str(error)})
            continue
        save_photo(Photo(with_cover(reduced(drawn, max_side), transform)), folder / f"{number}.png")
        made.append({"variation": number, "file": f"{number}.png"})
        progress((number + 1) / count)
    return {"variations": made}


def comparisons(folder: Path, picture: Path, transform: Transform, max_side: int, progress: Progress) -> dict[str, Any]:
    """Write resize.png, and seams.png where seam carving can be compared with."""
    source = load_image(picture, min_side=1)
    shown = within(transform, max_side)
    resized, alpha = plain_homography(_no_larger_than(source, shown), shown)
    save_image(resized, folder / "resize.png", alpha if (alpha < 1).any() else None)
    progress(0.3)
    carved, notice = None, None
    if (transform.matrix != np.eye(3)).any():
        notice = "seam carving changes sizes only, not corners"
    else:
        small = fit_within(source, CARVED_SIDE)
        size = at_size(transform, (source.shape[1], source.shape[0]), (small.shape[1], small.shape[0])).size
        try:
            save_image(reduced(seam_carve(small, size), max_side), folder / "seams.png")
            carved = "seams.png"
        except (UserError, ValueError) as error:  # not installed; or more seams than there are
            notice = str(error)
    return {"resize": "resize.png", "seam_carving": carved, "notice": notice}


def measures(folder: Path, subject: Subject, picture: Path, transform: Transform, progress: Progress) -> dict[str, Any]:
    """The judge's numbers of an output, reduced to `JUDGED_SIDE`, with maps of stretch and strangeness.

    Args:
        folder: for the maps.
        subject: what makes the output.
        picture: of the subject.
        transform: of a picture of that file's size.
    """
    from ingan_fast.quality.evaluation import Judge, Output
    from ingan_fast.quality.maps import coherence_map

    full = load_image(picture, min_side=1)
    source = fit_within(full, JUDGED_SIDE)
    size = source.shape[1], source.shape[0]
    smaller = at_size(transform, (full.shape[1], full.shape[0]), size)
    if subject.kind == "photo":
        made = perspective.retarget(Layouts(source, options_at(subject.options, size)), smaller)
    else:
        made = network_of(subject)(smaller)
    cover = smaller.mask()
    output = Output("output", made, cover if (cover < 1).any() else None)
    judge = Judge(source)
    steps = judge.steps() + 2
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress(done / steps)

    judge.advance = advance
    judged = judge.judge(output)
    strange = coherence_map(output.picture, source, output.mask)
    save_photo(Photo(coloured(strange / STRANGEST, "inferno")), folder / "strangeness.png")
    advance()
    stretch, notice = None, None
    if output.mask is None:
        try:
            save_photo(Photo(_stretch(made, source)), folder / "stretch.png")
            stretch = "stretch.png"
        except UserError as error:
            notice = str(error)
    else:
        notice = "there is a map of stretch for outputs without moved corners only"
    each = judged.measures, judged.plain_resize, judged.seam_carving
    found = [_described(name, *(_chosen(name, measured) for measured in each)) for name in WORDS]
    return {
        "measures": found,
        "stretch": stretch,
        "strangeness": "strangeness.png",
        "scales": SCALES,
        "notice": notice,
    }


def _stretch(made: NDArray[np.uint8], source: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where things were stretched with the picture, red, and where they kept their size, blue: RGBA.

    Raises:
        UserError: both or neither of width and height changed.
    """
    from ingan_fast.quality.local_stretch import local_stretch

    axis = "height" if made.shape[1] == source.shape[1] else "width"
    found = local_stretch(made, source, axis)
    rows, columns = (
        np.abs(centres[None, :] - (np.arange(side) + 0.5)[:, None]).argmin(axis=1)
        for centres, side in ((found.down, made.shape[0]), (found.across, made.shape[1]))
    )
    return coloured(np.asarray(found.exponents)[np.ix_(rows, columns)], "coolwarm")


def coloured(values: NDArray, colours: str) -> NDArray[np.uint8]:
    """Values from 0 to 1 in colours of matplotlib: RGBA, transparent where they are NaN."""
    from matplotlib import colormaps

    known = ~np.isnan(values)
    result = np.rint(colormaps[colours](np.clip(np.where(known, values, 0), 0, 1)) * 255).astype(np.uint8)
    result[..., 3] = np.where(known, 255, 0)
    return result


STRANGEST = 0.02  # of the coherence map, at the end of its colours: several times a good output's mean
SCALES = {
    "stretch": {"low": 0, "high": 1, "words": "blue: things kept their size; red: stretched as the picture was"},
    "strangeness": {"low": 0, "high": STRANGEST, "words": "dark: as in the picture; bright: nothing there is like it"},
}
WORDS = {
    "coherence": "how strange the output looks: distance of its parts to the picture's; 0 is best",
    "completeness": "how much of the picture is missing in the output; 0 is best",
    "swd": "how different the mixture of parts is; 0 is best",
    "kept_size": "whether things kept their size: 1 is as large as before, 0 is stretched with the picture",
}


def _chosen(name: str, measured: Any) -> float | None:
    """One of the four measures; sizes are of the side that changed."""
    names = ("kept_width", "kept_height") if name == "kept_size" else (name,)
    return None if measured is None else next((measured[one] for one in names if measured.get(one) is not None), None)


def _described(name: str, value: float | None, plain: float | None, carved: float | None) -> dict[str, Any]:
    words = WORDS[name]
    if value is not None and plain is not None:
        better = value > plain if name == "kept_size" else value < plain
        words += f"; {'better' if better else 'no better'} than a plain resize"
    return {"name": name, "value": value, "plain_resize": plain, "seam_carving": carved, "words": words}


def companions(
    folder: Path,
    subject: Subject,
    transform: Transform,
    given: list[tuple[str, Path]],
    max_side: int,
    progress: Progress,
) -> dict[str, Any]:
    """Write each companion laid out like the picture, as it looks."""
    view = perspective.lay_out(layouts_of(subject), transform)
    made = []
    for key, path in given:
        layer = next(iter(load_map(path).layers.values()))
        save_photo(Photo(with_cover(reduced(as_seen(view.copy(layer)), max_side), transform)), folder / f"{key}.png")
        made.append({"id": key, "file": f"{key}.png"})
        progress(len(made) / len(given))
    return {"companions": made}


def read_companion(path: Path, size: Size, preview: Path, progress: Progress) -> dict[str, Any]:
    """What is known of a map of a picture of a size (width, height); writes how it looks to `preview`.

    Raises:
        UserError: it can't be read, or has another size.
    """
    one = load_map(path)
    if one.size != size:
        given, wanted = ("{}x{}".format(*of) for of in (one.size, size))
        raise UserError(f"{path} is {given}, but the picture {wanted}; give a map of its size")
    layer = next(iter(one.layers.values()))
    save_photo(Photo(reduced(as_seen(layer), 640)), preview)
    return {"size": list(size), "channels": layer.shape[2], "type": str(layer.dtype)}


def as_seen(layer: NDArray) -> NDArray[np.uint8]:
    """Values of any kind [h, w, channels] as a picture: 8 bits, floats and others over their range."""
    layer = layer[..., : layer.shape[2] if layer.shape[2] <= 4 else 3]
    if layer.dtype == np.uint8:
        return layer
    if layer.dtype == np.uint16:
        return (layer >> 8).astype(np.uint8)
    values = np.nan_to_num(layer.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    return np.rint((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)


def options_at(options: LayoutOptions, size: Size) -> LayoutOptions:
    """The options for another size (width, height) of the picture."""

    def scaled(mask: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        if mask is None:
            return None
        return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))

    return replace(options, keep=scaled(options.keep), remove=scaled(options.remove))


def _no_larger_than(source: NDArray[np.uint8], transform: Transform) -> NDArray[np.uint8]:
    """The source, reduced as far as a smaller output doesn't show."""
    return fit_within(source, 2 * max(transform.size))
