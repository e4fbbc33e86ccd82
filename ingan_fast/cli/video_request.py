"""What `ingan-fast video` is asked for, checked before slow imports."""

import os
import re
import sys
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.parsing import parse_corners, parse_scale, parse_size
from ingan_fast.video.timing import parse_fps

if TYPE_CHECKING:
    from ingan_fast.video.animations import AnimatedPicture
    from ingan_fast.video.pipes import RawFrames
    from ingan_fast.video.reading import Clip
    from ingan_fast.video.script import Animation

GIF_FPS = Fraction(25)  # GIF counts time in 1/100 s
RAW_FPS = Fraction(30)


class Request:
    """The options of one call, checked and parsed."""

    def __init__(
        self,
        *,
        out: str,
        script: str | None,
        input_: str | None,
        size: str | None,
        scale: str | None,
        corners: str | None,
        canvas: str | None,
        anchor: str | None,
        fps: str | None,
        seconds: float | None,
        seed: int | None,
        background: str,
        raw: str | None,
    ):
        from ingan_fast.video.writing import VideoOutput

        shapes = {"--size": size, "--scale": scale, "--corners": corners}
        motion = {"--canvas": canvas, "--anchor": anchor, "--seconds": seconds, "--seed": seed}
        self.input = input_
        _check_geometry(input_, script, [name for name, value in shapes.items() if value is not None])
        _check_option_conflicts(
            input_, out, script, raw, fps, [name for name, value in motion.items() if value is not None]
        )
        self.script, self.anchor, self.seconds, self.seed = script, anchor, seconds, seed or 0
        self.size = parse_size(size) if size is not None else None
        self.scale = parse_scale(scale) if scale is not None else None
        self.corners = parse_corners(corners) if corners is not None else None
        self.canvas = parse_size(canvas) if canvas is not None else None
        self.raw = parse_size(raw) if raw is not None else None
        self.fps = parse_fps(fps) if fps is not None else None
        self.background = _parse_background(background)
        self.output = VideoOutput(out, alpha=self.background is None, raw=raw is not None)
        _check_output_is_not_input(input_, out)

    def open_clip(self, interrupted: Event) -> "AnimatedPicture | Clip | RawFrames":
        from ingan_fast.video.animations import AnimatedPicture, is_animation
        from ingan_fast.video.pipes import PipeInput, RawFrames
        from ingan_fast.video.reading import Clip

        assert self.input is not None
        if self.input != "-":
            path = Path(self.input)
            return AnimatedPicture(path) if is_animation(path) else Clip(path)
        if sys.stdin.isatty():
            raise UserError("--input - reads frames from standard input, which is a terminal; pipe a video in")
        pipe = PipeInput(sys.stdin.fileno(), interrupted)
        return RawFrames(pipe, self.raw, self.fps or RAW_FPS) if self.raw else Clip(pipe)

    def animation(self, source_size: Size, clip: "AnimatedPicture | Clip | RawFrames | None") -> "Animation":
        from ingan_fast.video.rendering import unmoving
        from ingan_fast.video.script import read_script

        if self.script is None:
            transform = Transform.requested(source_size, self.size, self.scale, self.corners)
            animation = unmoving(transform, source_size)
        else:
            fps, seconds = self.fps, self.seconds
            if clip is not None:
                fps, seconds = clip.timing.rate, seconds or clip.seconds
            elif fps is None and self.output.name.lower().endswith(".gif"):
                fps = GIF_FPS
            animation = read_script(
                self.script,
                source_size,
                fps=fps,
                seconds=seconds,
                canvas=self.canvas,
                anchor=self.anchor,
                seed=self.seed,
            )
        if self.raw and self.input != "-" and self.raw != animation.canvas:
            wanted, made = (f"{width}x{height}" for width, height in (self.raw, animation.canvas))
            raise UserError(f"--raw {wanted} differs from the output's frames of {made}; give --raw {made}")
        return animation


def _check_geometry(input_: str | None, script: str | None, shapes: list[str]) -> None:
    if input_ is None:
        if shapes:
            raise UserError(f"{shapes[0]} is for clips: add --input, or make a picture with `ingan-fast retarget`")
        if script is None:
            raise UserError("nothing to do; give --script, or --input with --size, --scale or --corners")
    elif script is not None and shapes:
        raise UserError(f"--script and {shapes[0]} exclude each other; give one")
    elif "--scale" in shapes and len(shapes) > 1:
        raise UserError(f"{' and '.join(shapes)} exclude each other; give one")
    elif script is None and not shapes:
        raise UserError("--input needs an output geometry; give --size, --scale, --corners or --script")


def _check_option_conflicts(
    input_: str | None, out: str, script: str | None, raw: str | None, fps: str | None, motion: list[str]
) -> None:
    if motion and script is None:
        raise UserError(f"{motion[0]} needs --script; give one, or leave {motion[0]} out")
    if raw is not None and "-" not in (input_, out):
        raise UserError("--raw is for frames in pipes; give --input - or --out -, or leave it out")
    if fps is not None and input_ is not None and not (input_ == "-" and raw is not None):
        raise UserError("--fps is for a script without --input, and for raw input; a clip keeps its own times")


def _check_output_is_not_input(input_: str | None, out: str) -> None:
    if input_ not in (None, "-") and os.path.exists(out) and os.path.exists(input_) and os.path.samefile(input_, out):
        raise UserError(f"--out {out} would replace the input; choose another name")


def _parse_background(text: str) -> tuple[int, int, int] | None:
    if text == "none":
        return None
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise UserError(f"background {text[:60]!r} is invalid; give #rrggbb, such as #ffffff, or none")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue
