"""The rectangles that pictures are laid out as before they are put into perspective.

Where perspective makes parts of a picture smaller or larger, the rectangle's columns and rows have the mean size that
they have in the output. So elements have their own size along both middle lines; crosswise they are smaller in the
back than in front.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.geometry import MIN_SIZE, Size, Transform

MARGIN = 3  # px of replicated border around a picture, so that sampling needs no special case there
LARGEST = 8.0  # maximum ratio of a laid out side to the source's; larger outputs are enlarged
SAMPLES = 64  # positions along each source side at which the homography's scale is evaluated
CELL = 32  # px; sampling positions are interpolated within cells of this size
ROUNDED = 1e-9  # entries of a normalised matrix below this count as zero
STRIPS = 16  # number of strips in which columns or rows are spaced evenly
BEYOND = 4.0  # in source sides; positions farther outside are ignored

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Rectangle:
    """A rectangle that a picture is laid out as, before it is put into perspective.

    Attributes:
        sides: width and height, px, not rounded.
        places: [2, SAMPLES + 1], of x and y: where even steps along the source's side lie on the rectangle's.
    """

    sides: tuple[float, float]
    places: Doubles

    def at(self, axis: int, source: Doubles) -> Doubles:
        """Places along the rectangle, px, of places along the source's side, in [0, 1] and outside."""
        places = self.places[axis]
        inside = np.interp(source, np.linspace(0, 1, SAMPLES + 1), places)
        first, last = (places[1] - places[0]) * SAMPLES, (places[-1] - places[-2]) * SAMPLES
        return np.asarray(inside + first * np.minimum(source, 0) + last * np.maximum(source - 1, 0))

    def scaled(self, sides: tuple[float, float]) -> "Rectangle":
        """The same with other sides."""
        factors = np.array(sides) / self.sides
        return Rectangle((float(sides[0]), float(sides[1])), self.places * factors[:, None])


def is_upright(transform: Transform) -> bool:
    """Whether a transform only scales and moves a picture, and does not mirror it."""
    matrix = transform.matrix
    turned = np.abs(matrix[[0, 1, 2, 2], [1, 0, 0, 1]]).max()  # corners that were solved for leave rounding errors
    return bool(turned < ROUNDED and matrix[0, 0] > 0 and matrix[1, 1] > 0)


def rectangle_of(transform: Transform, source: Size) -> Rectangle:
    """The rectangle that a picture of size `source` is laid out as."""
    scales = _scales(transform)
    places = np.concatenate([np.zeros((2, 1)), np.cumsum(scales, axis=1) / SAMPLES], axis=1)
    sides = [float(np.clip(places[axis, -1], MIN_SIZE, max(MIN_SIZE, LARGEST * source[axis]))) for axis in (0, 1)]
    return Rectangle((sides[0], sides[1]), places * (np.array(sides) / places[:, -1])[:, None])


def _scales(transform: Transform) -> Doubles:
    """px of the output that the whole side would take at the scale of each of its parts: [2, SAMPLES].

    The mean over the other side, by how much of the output each part covers. Scales are those square to the lines of
    the other side: where an output's rows are rows of the picture, as in a trapezoid, each then shows one of its own.
    """
    edges, centres = np.linspace(-1, 1, SAMPLES + 1), (np.arange(SAMPLES) + 0.5) / SAMPLES * 2 - 1
    across = np.diff(_places(transform, edges[None, :], centres[:, None]), axis=1) * SAMPLES  # [y, x, 2]
    down = np.diff(_places(transform, centres[None, :], edges[:, None]), axis=0) * SAMPLES
    area = np.abs(across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0])
    widths, heights = area / np.hypot(*np.moveaxis(down, 2, 0)), area / np.hypot(*np.moveaxis(across, 2, 0))
    return np.stack([(widths * area).sum(axis=0) / area.sum(axis=0), (heights * area).sum(axis=1) / area.sum(axis=1)])


def _places(transform: Transform, x: Doubles, y: Doubles) -> Doubles:
    """Output pixels of normalised source coordinates: [..., 2]."""
    x, y = np.broadcast_arrays(x, y)
    points = np.stack([x, y, np.ones_like(x)], axis=-1) @ transform.matrix.T
    return np.asarray((points[..., :2] / points[..., 2:] + 1) / 2 * transform.size)


def in_perspective(
    values: NDArray,
    rectangle: Rectangle,
    transform: Transform,
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
) -> NDArray:
    """What is laid out as a rectangle, in perspective: [Ho, Wo, channels].

    Args:
        values: floats [h, w, channels], or uint8 [h, w, 3]; at least as large as the rectangle, which begins in their
            corner.
        rectangle: see there.
        transform: from the source to the output.
        resampling: how values between are found.
    """
    padded = np.pad(values, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")
    cells = _cells(rectangle, transform)
    colours = padded.dtype == np.uint8  # Pillow has such pictures whole, others by their channels
    planes = [padded] if colours else [np.ascontiguousarray(plane) for plane in padded.transpose(2, 0, 1)]
    moved = [
        np.asarray(Image.fromarray(plane).transform(transform.size, Image.Transform.MESH, cells, resampling))
        for plane in planes
    ]
    return moved[0] if colours else np.stack(moved, axis=2)


def evened(picture: NDArray[np.uint8], rectangle: Rectangle) -> NDArray[np.uint8]:
    """A picture that fills a rectangle, with even steps along the source's sides, so that a homography remains.

    Args:
        picture: uint8 [h, w, channels]; hidden colours mix with the others.
        rectangle: of the same size.
    """
    for axis in (0, 1):
        picture = _evened_along(picture, rectangle, axis)
    return picture


def _evened_along(picture: NDArray[np.uint8], rectangle: Rectangle, axis: int) -> NDArray[np.uint8]:
    height, width, channels = picture.shape
    side = (width, height)[axis]
    ends = np.unique(np.rint(np.linspace(0, side, STRIPS + 1)).astype(int))
    places = np.clip(rectangle.at(axis, ends / side), 0, side)
    image = Image.fromarray(picture if channels > 1 else picture[..., 0])
    result = Image.new(image.mode, image.size, None)  # it is filled strip by strip
    for first, last, begin, end in zip(ends[:-1], ends[1:], places[:-1], places[1:], strict=True):
        part = (begin, 0, end, height) if axis == 0 else (0, begin, width, end)
        size = (last - first, height) if axis == 0 else (width, last - first)
        strip = image.resize(size, Image.Resampling.BILINEAR, part)
        result.paste(strip, (int(first), 0) if axis == 0 else (0, int(first)))
    return np.asarray(result).reshape(picture.shape)


def _cells(rectangle: Rectangle, transform: Transform) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Pillow's mesh: boxes of the output, and the corners of what they show in the picture with its margin."""
    columns, rows = (np.unique([*range(0, side, CELL), side]) for side in transform.size)
    x, y = np.meshgrid(columns / transform.size[0] * 2 - 1, rows / transform.size[1] * 2 - 1)
    points = np.stack([x, y, np.ones_like(x)], axis=-1) @ transform.sampling_matrix().T
    source = np.clip((points[..., :2] / points[..., 2:] + 1) / 2, -BEYOND, 1 + BEYOND)
    at = np.stack([rectangle.at(axis, source[..., axis]) + MARGIN for axis in (0, 1)], axis=-1)
    quads = np.stack([at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]], axis=2)  # nw, sw, se, ne
    corners = np.stack([source[:-1, :-1], source[1:, :-1], source[1:, 1:], source[:-1, 1:]], axis=2)
    seen = ((corners.max(axis=2) > -0.1) & (corners.min(axis=2) < 1.1)).all(axis=2)
    return [
        (
            (int(columns[column]), int(rows[row]), int(columns[column + 1]), int(rows[row + 1])),
            tuple(quads[row, column].ravel().tolist()),
        )
        for row, column in np.argwhere(seen)
    ]
