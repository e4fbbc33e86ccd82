"""Optimisation profiles: the sizes that an engine supports and is optimised for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingan_fast.errors import UserError
from ingan_fast.geometry import MIN_SIZE, Size
from ingan_fast.parsing import parse_size

Range = tuple[Size, Size, Size]  # smallest, best, largest (width, height)

WIDEST = 2048  # px, largest side
COMMON = (1280, 720)
NARROW = (1.0, 1.25, 1.5)  # multiples of the source's size


@dataclass(frozen=True)
class Profile:
    """Supported sizes (width, height) of outputs and of input images, one frame at a time.

    Raises:
        UserError: a smallest size above the best one, or a best one above the largest.
    """

    output: Range
    image: Range

    def __post_init__(self) -> None:
        for sizes in (self.output, self.image):
            for axis, name in enumerate(("width", "height")):
                smallest, best, largest = (size[axis] for size in sizes)
                if not smallest <= best <= largest:
                    raise UserError(
                        f"profile {_text(sizes)} is out of order: its {name}s are {smallest}, {best} and {largest}; "
                        "give the smallest, the best and the largest size, in this order"
                    )

    def __str__(self) -> str:
        return _text(self.output)

    def with_source(self, size: Size) -> "Profile":
        """This profile, extended to include the training picture, with that as the best image size."""
        smallest, _, largest = self.image
        return replace(self, image=(_smaller(smallest, size), size, _larger(largest, size)))

    def covers(self, output: Size, image: Size) -> bool:
        """Whether an image and an output of these sizes are supported."""
        return all(
            sizes[0][axis] <= size[axis] <= sizes[2][axis]
            for sizes, size in ((self.output, output), (self.image, image))
            for axis in (0, 1)
        )

    def shapes(self, shape: Sequence[int | str]) -> list[list[int]]:
        """The smallest, best and largest shape of a tensor whose dynamic axes are named N, H, W, Ho and Wo."""
        result = []
        for (output_width, output_height), (width, height) in zip(self.output, self.image, strict=True):
            axes = {"N": 1, "H": height, "W": width, "Ho": output_height, "Wo": output_width}
            result.append([side if isinstance(side, int) else axes[side] for side in shape])
        return result


def parse_profile(text: str) -> Profile:
    """Parse "320x240:640x480:1920x1080": the smallest, best and largest size of images and outputs.

    Raises:
        UserError: another format, a side under 16 px, or sizes out of order.
    """
    parts = text.split(":")
    if len(parts) != 3:
        raise UserError(f"profile {text[:60]!r} is invalid; give MIN:OPT:MAX, such as 320x240:640x480:1920x1080")
    smallest, best, largest = map(parse_size, parts)
    return Profile((smallest, best, largest), (smallest, best, largest))


def default_profiles(source: Size) -> list[Profile]:
    """A narrow profile around the training picture's size, and a wide one for everything else.

    The narrow one supports the picture itself as input, and outputs up to 1.5 times its size; the wide one
    everything from the smallest size to 2048 px a side, or to the narrow one's limit if that is larger.
    """
    widths, heights = ([max(round(side * factor), MIN_SIZE) for factor in NARROW] for side in source)
    smallest, best, largest = zip(widths, heights, strict=True)
    narrow = Profile((smallest, best, largest), (source, source, source))
    least, most = (MIN_SIZE, MIN_SIZE), (WIDEST, WIDEST)
    output = (least, COMMON, _larger(most, largest))
    return [narrow, Profile(output, (least, COMMON, most)).with_source(source)]


def _smaller(a: Size, b: Size) -> Size:
    return min(a[0], b[0]), min(a[1], b[1])


def _larger(a: Size, b: Size) -> Size:
    return max(a[0], b[0]), max(a[1], b[1])


def _text(sizes: Range) -> str:
    return ":".join(f"{width}x{height}" for width, height in sizes)
