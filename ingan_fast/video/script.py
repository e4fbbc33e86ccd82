"""Scripts: what a video shows, by a name or from a file of keyframes (docs/video.md)."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, check_output_size
from ingan_fast.parsing import nearest
from ingan_fast.video.named import NAMED, NAMES
from ingan_fast.video.placing import CENTRE, parse_anchor
from ingan_fast.video.poses import Animation, Motion, Pose
from ingan_fast.video.script_file import read_file
from ingan_fast.video.timing import frame_count

__all__ = ["NAMES", "Animation", "Pose", "read_script"]

FPS, SECONDS = Fraction(30), 10.0


def read_script(
    name_or_path: str,
    source_size: Size,
    *,
    fps: Fraction | None = None,
    seconds: float | None = None,
    canvas: Size | None = None,
    anchor: str | None = None,
    seed: int = 0,
) -> Animation:
    """What each frame of a video shows.

    Args:
        name_or_path: one of `NAMES`, or a file of keyframes.
        source_size: (width, height) of the picture that is retargeted.
        fps, seconds, canvas, anchor: instead of what the script says, or of 30, 10 s, as large as the pictures are,
            and the centre. A named script's sizes follow the canvas, a file's are what it says.
        seed: of random walks.

    Raises:
        UserError: no such script, a file that can't be used, a length or a size that is not possible.
    """
    check_output_size(source_size)
    if canvas is not None:
        check_output_size(canvas)
    place = None if anchor is None else parse_anchor(anchor)
    if name_or_path in NAMED:
        named = NAMED[name_or_path]
        seconds, fps = SECONDS if seconds is None else seconds, FPS if fps is None else fps
        count = frame_count(fps, seconds)
        canvas = canvas or named.canvas(source_size)
        keyframes = named.keyframes(canvas, seconds, place or CENTRE, seed)
        closed = named.closed
    else:
        path = Path(name_or_path)
        if not path.exists():
            raise UserError(
                f"there is no script {name_or_path!r}{nearest(name_or_path, NAMES)}; give a file, or one of "
                f"{', '.join(NAMES)}"
            )
        script = read_file(path, source_size, canvas, place)
        keyframes, canvas, closed = script.keyframes, script.canvas, script.closed
        seconds = keyframes[-1].time if seconds is None else seconds
        fps = (script.fps or FPS) if fps is None else fps
        count = frame_count(fps, seconds)
        stretch = seconds / keyframes[-1].time
        keyframes = [replace(keyframe, time=keyframe.time * stretch) for keyframe in keyframes]
    return Animation(canvas, fps, Motion(keyframes, canvas, count, closed))
