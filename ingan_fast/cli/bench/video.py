"""`ingan-fast bench video`."""

from typing import Annotated

import typer

from ingan_fast.cli.bench.common import JsonPath, Picture, check_count, finish, start
from ingan_fast.cli.console import progress
from ingan_fast.errors import UserError
from ingan_fast.parsing import parse_size
from ingan_fast.settings import PRESETS, preset

HELP = (
    "The video pipeline, milliseconds a frame: a picture in motion, and a clip that is laid out anew. All stages at "
    "once, beside the slowest of them alone: what is lacking to x1.00 is what the pipeline adds. Random weights.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench video\n\n"
    "    ingan-fast bench video --canvas 1280x720 --frames 100 --json video.json"
)
LEAST_FRAMES = 10  # a frame a second: below that no script can be


def video(
    preset_name: Annotated[str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.")] = "learned",
    canvas: Annotated[str, typer.Option(metavar="WxH", help="Of the picture in motion.")] = "640x480",
    frames: Annotated[int, typer.Option(help=f"Of each video, from {LEAST_FRAMES}.")] = 60,
    repeat: Annotated[int, typer.Option(help="Timed videos of each.")] = 3,
    image: Picture = None,
    json_path: JsonPath = None,
) -> None:
    preset(preset_name)
    size = parse_size(canvas)
    check_count("frames", frames)
    if frames < LEAST_FRAMES:
        raise UserError(f"--frames {frames} is not possible; give {LEAST_FRAMES} or more")
    check_count("repeat", repeat)
    start("cpu", json_path, image)
    from ingan_fast.bench import video as bench
    from ingan_fast.pictures import MARKET, load_image

    request = bench.VideoRequest(preset_name, size, frames, repeat=repeat)
    picture = load_image(image or MARKET)
    with progress("measuring", bench.steps(request)) as advance:
        results = bench.measure(request, picture, advance)
    finish(results, json_path)
