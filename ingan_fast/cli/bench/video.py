"""`ingan-fast bench video`."""

from typing import Annotated

import typer

from ingan_fast.cli.bench.common import JsonPath, Picture, check_count, measure_on_picture, start
from ingan_fast.errors import UserError
from ingan_fast.parsing import parse_size
from ingan_fast.settings import PRESETS, preset

HELP = (
    "The video pipeline in milliseconds per frame: an animated picture, and a retargeted clip. All stages at once, "
    "compared with the slowest one alone: the difference to x1.00 is the pipeline's overhead. Random weights.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench video\n\n"
    "    ingan-fast bench video --canvas 1280x720 --frames 100 --json video.json"
)
LEAST_FRAMES = 10  # one frame per second; scripts need at least that


def video(
    preset_name: Annotated[str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.")] = "learned",
    canvas: Annotated[str, typer.Option(metavar="WxH", help="Size of the animation.")] = "640x480",
    frames: Annotated[int, typer.Option(help=f"Frames per video, from {LEAST_FRAMES}.")] = 60,
    repeat: Annotated[int, typer.Option(help="Timed runs of each video.")] = 3,
    image: Picture = None,
    json_path: JsonPath = None,
) -> None:
    preset(preset_name)
    size = parse_size(canvas)
    check_count("frames", frames)
    if frames < LEAST_FRAMES:
        raise UserError(f"--frames {frames} is out of range; give {LEAST_FRAMES} or more")
    check_count("repeat", repeat)
    start("cpu", json_path, image)
    from ingan_fast.bench import video as bench

    request = bench.VideoRequest(preset_name, size, frames, repeat=repeat)
    measure_on_picture(bench, request, image, json_path)
