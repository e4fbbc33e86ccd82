"""Scripts: the motion of a video, by name or from a file of keyframes (docs/video.md)."""

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
    """Read a script.

    Args:
        name_or_path: one of `NAMES`, or a file of keyframes.
        source_size: (width, height) of the picture to retarget.
        fps, seconds, canvas, anchor: override the script's values; the defaults are 30, 10 s, the largest picture's
            size, and the centre. Sizes in a named script scale with the canvas, those in a file don't.
        seed: for random walks.

    Raises:
        UserError: no such script, an invalid file, or an invalid duration or size.
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
                f"there is no script {name_or_path!r}{nearest(name_or_path, NAMES)}; give a file, or choose one of "
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
