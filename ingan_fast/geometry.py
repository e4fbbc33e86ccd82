"""Transforms: an output size and a homography from source to output.

One convention everywhere: coordinates are normalised to [-1, 1]² over pixel *edges* (`align_corners=False`), x right,
y down. Coordinates called pixels run from (0, 0) to (width, height), edge to edge.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ingan_fast.errors import UserError

Size = tuple[int, int]  # (width, height) in pixels
Array = NDArray[np.float64]

MIN_SIZE = 16  # px; smallest side of the generator's input and output
MAX_SIDE = 65535
MAX_SCALE = 64.0
MAX_PIXELS = 1 << 26  # 8192 x 8192
# Lowest measured peak memory of the generator (64 channels): ONNX Runtime without its arena.
BYTES_PER_PIXEL = 1250

# Ratio of smallest to largest singular value below which a matrix counts as singular; independent of its scale.
MIN_CONDITION = 1e-10
# Ratio of smallest to largest w in a frame; at this limit, regions differ a millionfold in scale of area.
MIN_W_RATIO = 1e-3
# Twice the area of each corner's triangle, relative to the squared diameter; below this it isn't strictly convex.
MIN_CONVEXITY = 1e-6

# The frame's corners tl, tr, br, bl in homogeneous normalised coordinates.
FRAME: Array = np.array([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], dtype=np.float64)


@dataclass(frozen=True, eq=False, init=False)
class Transform:
    """An output size and a 3×3 homography (InGAN §2.4).

    Attributes:
        size: (width, height) of the output in pixels, integers in 1..65535.
        matrix: read-only float64 [3, 3], source → output, both normalised. Homographies are equal up to a factor;
            it is scaled to `matrix[2, 2] == 1`, so that w > 0 over the whole source. Mirroring is allowed.

    Raises:
        UserError: an invalid size; a matrix that isn't 3×3, finite and invertible; a horizon (w = 0) that touches
            the source or the output frame.
    """

    size: Size
    matrix: Array

    def __init__(self, size: Size, matrix: ArrayLike) -> None:
        object.__setattr__(self, "size", check_size(size))
        object.__setattr__(self, "matrix", _check_matrix(matrix))

    @classmethod
    def resize(cls, size: Size) -> "Transform":
        """Plain resize: the source's frame fills an output of `size` (width, height)."""
        return cls(size, np.eye(3))

    @classmethod
    def scale(cls, sx: float, sy: float, source_size: Size) -> "Transform":
        """Plain resize to `source_size` times the factors, each in (0, 64], rounded to pixels."""
        for factor in (sx, sy):
            if not 0 < factor <= MAX_SCALE:
                raise UserError(f"scale {factor} is out of range; give a number in (0, {MAX_SCALE:g}]")
        width, height = check_size(source_size, "source size")
        return cls.resize((round(width * sx), round(height * sy)))

    @classmethod
    def from_corners(cls, corners: ArrayLike, size: Size | None) -> "Transform":
        """The homography that maps the source's corners to given points.

        Args:
            corners: [4, 2] (x, y) in output pixels, edge to edge, of the source's top left, top right, bottom
                right and bottom left corner; they may lie outside the output.
            size: (width, height) of the output; None: from the origin to the corners' maximum, rounded up.

        Raises:
            UserError: corners that aren't four finite points of a strictly convex, unmirrored quadrilateral that
                overlaps the output, or that put the horizon in the output.
        """
        quad = _check_corners(corners)
        if size is None:
            reach = np.minimum(np.ceil(quad.max(axis=0) - 1e-6), MAX_SIDE + 1)
            size = (int(reach[0]), int(reach[1]))
        size = check_size(size, "output size")
        if not _is_seen(quad, size):
            raise UserError(f"corners {_show(quad)} leave nothing inside {size[0]}x{size[1]}; move them")
        return cls(size, _homography(quad / size * 2 - 1))

    @classmethod
    def requested(
        cls,
        source_size: Size,
        size: Size | None = None,
        scale: tuple[float, float] | None = None,
        corners: ArrayLike | None = None,
    ) -> "Transform":
        """The transform that people ask for: by factors, by corners with or without a size, or by a size."""
        if scale is not None:
            return cls.scale(*scale, source_size)
        if corners is not None:
            return cls.from_corners(corners, size)
        assert size is not None
        return cls.resize(size)

    @classmethod
    def from_pixels(cls, matrix: ArrayLike, size: Size, source_size: Size) -> "Transform":
        """Convert from OpenCV's convention: source pixels → output pixels, pixel *centres* at integers."""
        size, source_size = check_size(size), check_size(source_size, "source size")
        pixels = _check_matrix(matrix, frames=False)
        return cls(size, _from_centres(size) @ pixels @ np.linalg.inv(_from_centres(source_size)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Transform):
            return NotImplemented
        return self.size == other.size and np.array_equal(self.matrix, other.matrix)

    def __hash__(self) -> int:
        return hash((self.size, *self.matrix.flat))

    def corners(self) -> Array:
        """The source's corners tl, tr, br, bl in the output: float64 [4, 2], output pixels, edge to edge."""
        places = FRAME @ self.matrix.T
        return (places[:, :2] / places[:, 2:] + 1) / 2 * self.size

    def is_seen(self) -> bool:
        """Whether any of the source is inside of the output."""
        return _is_seen(self.corners(), self.size)

    def scales(self, source_size: Size) -> tuple[float, float]:
        """(sx, sy): the output's width and height over the source's."""
        width, height = check_size(source_size, "source size")
        return self.size[0] / width, self.size[1] / height

    def then(self, other: "Transform") -> "Transform":
        """The composition: first this transform, then `other`, whose source is this one's output; has `other`'s size.

        Raises:
            UserError: the composition puts a horizon in the source or in the output.
        """
        return Transform(other.size, other.matrix @ self.matrix)

    def inverse(self, source_size: Size) -> "Transform":
        """The inverse, which maps back to a source of `source_size` (width, height)."""
        return Transform(source_size, np.linalg.inv(self.matrix))

    def sampling_matrix(self) -> Array:
        """Output → source, normalised, float64 [3, 3]; w is 1 at the output's centre and positive all over it."""
        inverse = np.linalg.inv(self.matrix)
        return inverse / inverse[2, 2]

    def grid(self) -> NDArray[np.float32]:
        """Source coordinates (x, y) at the output's pixel centres: float32 [Ho, Wo, 2], computed in float64.

        They are normalised, so they apply to a source of any size.
        """
        m = self.sampling_matrix()
        x, y = (axis * 2 - 1 for axis in _pixel_centres((1, 1), self.size))
        w = m[2, 0] * x + (m[2, 1] * y + m[2, 2])
        grid = np.empty((self.size[1], self.size[0], 2), dtype=np.float32)
        for axis in range(2):
            grid[..., axis] = (m[axis, 0] * x + (m[axis, 1] * y + m[axis, 2])) / w
        return grid

    def mask(self) -> NDArray[np.float32]:
        """Coverage of each output pixel by the source's quadrilateral: float32 [Ho, Wo] in [0, 1].

        Edges are one pixel wide, half a pixel on each side; for a plain resize it is 1 everywhere.
        """
        corners = self.corners()
        edges = np.roll(corners, -1, axis=0) - corners  # top, right, bottom, left
        clockwise = np.sign(_cross(edges, np.roll(edges, -1, axis=0))[0])  # -1 if the picture is mirrored
        x, y = _pixel_centres(self.size, self.size)
        sides = []
        for (cx, cy), edge in zip(corners, edges, strict=True):
            nx, ny = clockwise * np.array([-edge[1], edge[0]]) / np.hypot(*edge)
            inward = nx * x + (ny * y - (nx * cx + ny * cy))  # distance in pixels
            sides.append(np.clip(inward + 0.5, 0, 1))
        top, right, bottom, left = sides
        # Opposite sides may share a pixel, adjacent sides cross in it: exact for an upright rectangle.
        covered = np.maximum(top + bottom - 1, 0) * np.maximum(left + right - 1, 0)
        return covered.astype(np.float32)


def check_size(size: Sequence[Any], name: str = "size", least: int = 1) -> Size:
    """`size` as two Python integers (width, height) in `least`..65535; raises a UserError that contains `name`."""
    try:
        width, height = (operator.index(side) for side in size)
    except (TypeError, ValueError):
        raise UserError(f"{name} {size!r} is not a pair of integers; give (width, height)") from None
    too_large = max(width, height) > MAX_SIDE
    if too_large or min(width, height) < least:
        needed = f" (an output would need {_gigabytes(width, height)} of memory)" if too_large else ""
        allowed = f"each side must be {least} to {MAX_SIDE} pixels"
        raise UserError(f"{name} {width}x{height} is out of range{needed}; {allowed}")
    return width, height


def check_output_size(size: Size, source_size: Size | None = None) -> Size:
    """Check an output size (and its source's, if given) against the generator's limits; returns `size`.

    Raises:
        UserError: a side below 16 pixels, or more than 2²⁶ pixels in total.
    """
    for name, given in (("output size", size), ("source size", source_size or size)):
        width, height = check_size(given, name, MIN_SIZE)
        if width * height > MAX_PIXELS:
            raise UserError(
                f"{name} {width}x{height} would need {_gigabytes(width, height)} of memory; at most "
                f"{MAX_PIXELS / 1e6:.0f} megapixels are allowed; give a smaller size"
            )
    return check_size(size)


def _gigabytes(width: int, height: int) -> str:
    return f"{width * height * BYTES_PER_PIXEL / 1e9:.0f} GB"


def _check_matrix(matrix: ArrayLike, frames: bool = True) -> Array:
    """A read-only float64 copy. With `frames`: scaled to w = 1 at the source's centre, and both horizons checked."""
    try:
        result = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise UserError("matrix has entries that are not numbers; give 3 rows of 3 numbers") from None
    if result.shape != (3, 3):
        raise UserError(f"matrix has shape {list(result.shape)}; give 3 rows of 3 numbers")
    if not np.isfinite(result).all():
        raise UserError(f"matrix {result.tolist()} has entries that are not finite; give finite numbers")
    result /= np.abs(result).max() or 1.0  # prevents overflow in products
    singular_values = np.linalg.svd(result, compute_uv=False)
    if singular_values[2] <= MIN_CONDITION * singular_values[0]:
        raise UserError("matrix is singular: it has no inverse; give an invertible matrix")
    if frames:
        _check_horizon(result[2], "source")
        _check_horizon(np.linalg.inv(result)[2], "output")
        result /= result[2, 2]
    result.setflags(write=False)
    return result


def _check_horizon(row: Array, frame: str) -> None:
    w = FRAME @ row
    w *= np.sign(row[2])  # w at the centre is the mean of the four corners
    if w.min() <= MIN_W_RATIO * w.max():
        raise UserError(
            f"the transform's horizon crosses the {frame} frame (w at its corners is {w.min():.3g} to "
            f"{w.max():.3g}, but must be positive); use a weaker perspective or a smaller frame"
        )


def _check_corners(corners: ArrayLike) -> Array:
    try:
        quad = np.array(corners, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise UserError("corners are not numbers; give 4 points x,y") from None
    if quad.shape != (4, 2):
        raise UserError(f"corners have shape {list(quad.shape)}; give 4 points x,y: tl tr br bl")
    if not (np.abs(quad) <= 1e9).all():
        raise UserError(f"corners {_show(quad)} are not finite or exceed ±1e9; give finite pixel coordinates")
    diameter = float(np.hypot(*(quad.max(axis=0) - quad.min(axis=0))))
    edges = np.roll(quad, -1, axis=0) - quad
    turns = _cross(edges, np.roll(edges, -1, axis=0))
    if not (turns > MIN_CONVEXITY * diameter**2).all():
        raise UserError(
            f"corners {_show(quad)} are not a strictly convex quadrilateral; give 4 points clockwise, "
            "top left, top right, bottom right, bottom left"
        )
    return quad


def _is_seen(quad: Array, size: Size) -> bool:
    """Whether any of a quadrilateral is inside of an output of this size."""
    return _overlap(quad, (FRAME[:, :2] + 1) / 2 * size)


def _overlap(first: Array, second: Array) -> bool:
    """Whether two convex polygons overlap: no edge of either separates them."""
    for edge in np.concatenate([np.roll(quad, -1, axis=0) - quad for quad in (first, second)]):
        a, b = _cross(edge, first), _cross(edge, second)
        if a.max() <= b.min() or b.max() <= a.min():
            return False
    return True


def _homography(target: Array) -> Array:
    """The matrix that maps the normalised frame's corners to `target` [4, 2]; solves for eight unknowns."""
    system, right = np.zeros((8, 8)), target.reshape(8)
    for i, (point, (x, y)) in enumerate(zip(FRAME, target, strict=True)):
        system[2 * i, 0:3] = point
        system[2 * i + 1, 3:6] = point
        system[2 * i, 6:8] = -x * point[:2]
        system[2 * i + 1, 6:8] = -y * point[:2]
    return np.append(np.linalg.solve(system, right), 1.0).reshape(3, 3)


def _from_centres(size: Size) -> Array:
    """Matrix from pixels with centres at integers to normalised coordinates."""
    width, height = size
    return np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1]])


def _pixel_centres(extent: tuple[float, float], size: Size) -> tuple[Array, Array]:
    """x [1, Wo] and y [Ho, 1] of pixel centres, in a frame from 0 to `extent`."""
    x, y = ((np.arange(n) + 0.5) / n * length for length, n in zip(extent, size, strict=True))
    return x[None, :], y[:, None]


def _cross(a: Array, b: Array) -> Array:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _show(quad: Array) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in quad)
