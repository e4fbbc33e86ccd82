"""Measures flicker of videos: changes from frame to frame, compared with a plain resize in the same positions.

python benchmarks/flicker.py PICTURE_OR_MODEL_OR_RUN [--script grow-width ...] [--seconds 10] [--fps 30]
    [--canvas 640x480] [--anchor centre] [--side 288] [--warp smooth] [--json FILE]

A plain resize that enlarges has no details as small as those of a picture in its own size, and what has no details
does not blink, however it moves. So a picture is also compared with a plain resize of itself before it was shrunk to
`--side`: in the same positions, and as sharp ("sharp").
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingan_fast.geometry import Transform
from ingan_fast.parsing import parse_size
from ingan_fast.pictures import Pixels, fit_within, load_image
from ingan_fast.pictures.formats import named_as_picture
from ingan_fast.quality.resampling import plain_homography, plain_resize
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.warps import WARPS
from ingan_fast.video.canvas import place
from ingan_fast.video.frames import Still
from ingan_fast.video.laid_out import LaidOut
from ingan_fast.video.played import Played
from ingan_fast.video.rendering import FrameRetargeter, Renderer
from ingan_fast.video.script import NAMES, Animation, read_script

BACKGROUND = (128, 128, 128)
NEARBY = 8  # frames before and after that a change is compared with
STILL = 0.1  # grey levels; smaller changes are ignored

Picture = Callable[[Transform], Pixels]


@dataclass(frozen=True)
class Flicker:
    """Flicker of one video, in grey levels.

    Attributes:
        changes: mean absolute difference of each frame and the next.
        blinks: for each frame but the first and the last, content that disappears in the next one: by how much more it
            differs from both neighbours than they differ from each other; mean over all pixels.
    """

    changes: NDArray[np.float64]
    blinks: NDArray[np.float64]

    @property
    def change(self) -> float:
        return float(self.changes.mean())

    @property
    def blink(self) -> float:
        return float(self.blinks.mean())

    @property
    def spike(self) -> float:
        """Largest ratio of a change to the median of nearby ones: 1 is even motion."""
        near = [self.changes[max(i - NEARBY, 0) : i + NEARBY + 1] for i in range(len(self.changes))]
        medians = np.array([max(float(np.median(changes)), STILL) for changes in near])
        return float((self.changes / medians).max())


def measure(frames: Iterable[Pixels]) -> Flicker:
    """Measure the flicker of at least three frames, uint8 [H, W, 3]."""
    changes: list[float] = []
    blinks: list[float] = []
    last: list[NDArray[np.int16]] = []
    for frame in frames:
        last = [*last[-2:], frame.astype(np.int16)]
        if len(last) > 1:
            changes.append(float(np.abs(last[-1] - last[-2]).mean()))
        if len(last) > 2:
            before, middle, after = last
            there = np.minimum(np.abs(middle - before), np.abs(middle - after))
            blinks.append(float(np.maximum(there - np.abs(after - before), 0).mean()))
    return Flicker(np.array(changes), np.array(blinks))


def frames(animation: Animation, picture: Picture) -> Iterator[Pixels]:
    """An animation's frames [H, W, 3], where `picture` maps a transform to a picture."""
    for pose in animation.poses:
        yield place(picture(pose.transform), pose, animation.canvas, BACKGROUND)


def rendered(animation: Animation, engine: FrameRetargeter) -> Iterator[Pixels]:
    """An animation's frames [H, W, 3] of the training picture, as made by `ingan-fast video`."""
    renderer = Renderer(engine, animation, 1 / animation.fps, BACKGROUND)
    for frame in Still(len(animation.poses), animation.fps):
        pixels = np.empty(renderer.shape, np.uint8)
        renderer(frame, pixels)
        yield pixels


def resized(source: Pixels) -> Picture:
    """Plain resize of the source (antialiased), or plain homography."""
    height, width = source.shape[:2]

    def picture(transform: Transform) -> Pixels:
        extent = np.ptp(transform.corners(), axis=0).round().astype(int).tolist()
        size = (min(width, extent[0]), min(height, extent[1]))
        return plain_homography(plain_resize(source, size), transform)[0]

    return picture


def report(name: str, parts: dict[str, Flicker]) -> dict[str, float | str]:
    """Print the flicker of one script, ours first, and give it as numbers."""
    numbers = (("change", 2), ("spike", 2), ("blink", 3))
    columns = ("".join(f"{getattr(part, name):8.{digits}f}" for part in parts.values()) for name, digits in numbers)
    print(f"{name:18}", *columns, flush=True)
    return {"script": name} | {
        f"{part}_{number}": round(getattr(values, number), 4) for part, values in parts.items() for number, _ in numbers
    }


def parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", type=Path, help="a picture, a run folder, or an exported model")
    parser.add_argument("--script", action="append", help="a name, or a file of keyframes; all names by default")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--fps", type=Fraction, default=Fraction(30))
    parser.add_argument("--canvas", type=parse_size)
    parser.add_argument("--anchor")
    parser.add_argument("--side", type=int, default=288, help="px that a picture's longer side is shrunk to")
    parser.add_argument("--warp", choices=WARPS, default="auto", help="of a run or a model")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    arguments = parse_arguments(words)
    is_picture = named_as_picture(arguments.subject)
    if is_picture:
        original = load_image(arguments.subject)
        source = fit_within(original, arguments.side)
        references = {"plain": resized(source), "sharp": resized(original)}
    else:
        retargeter = Retargeter.open(arguments.subject)
        source = retargeter.source
        references = {"plain": resized(source)}
    options = {name: getattr(arguments, name) for name in ("fps", "seconds", "canvas", "anchor")}
    names = ["ours", *references]
    print(f"{'':18}", *(f"{number:>{8 * len(names)}}" for number in ("change", "spike", "blink")))
    print(f"{'':18}", *["".join(f"{name:>8}" for name in names)] * 3)
    rows = []
    for name in arguments.script or NAMES:
        animation = read_script(name, (source.shape[1], source.shape[0]), **options)
        engine = LaidOut(source, BACKGROUND) if is_picture else Played(retargeter, arguments.warp)
        engine.expect(pose.transform for pose in animation.poses)
        parts = {"ours": measure(rendered(animation, engine))}
        parts |= {each: measure(frames(animation, picture)) for each, picture in references.items()}
        rows.append(report(name, parts))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
