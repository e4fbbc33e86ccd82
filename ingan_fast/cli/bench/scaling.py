"""`ingan-fast bench scaling`."""

from typing import Annotated

import typer

from ingan_fast.cli.bench.common import JsonPath, Picture, check_count, measure_on_picture, start
from ingan_fast.errors import UserError
from ingan_fast.geometry import check_output_size
from ingan_fast.parsing import parse_size
from ingan_fast.settings import PRESETS, preset

HELP = (
    "How time and memory of one output grow with its size and with the source's, for the two fastest installed "
    "backends, each in a separate process; with fitted exponents in the --json file. Random weights.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench scaling\n\n"
    "    ingan-fast bench scaling --preset learned --size 640x480 --size 1280x960 --size 2560x1920 --json scaling.json"
)


def scaling(
    presets: Annotated[
        list[str] | None, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}; repeatable; learned and paper.")
    ] = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option("--size", metavar="WxH", help="Size of an output; repeatable; 320x240 to 3840x2160."),
    ] = None,
    sources: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="WxH", help="Size of a source; repeatable; 128x128 to 1024x1024."),
    ] = None,
    repeat: Annotated[int, typer.Option(help="Timed calls of each; one if a call takes over ten seconds.")] = 3,
    limit: Annotated[float, typer.Option(help="Seconds; outputs that would take longer are left out.")] = 20.0,
    image: Picture = None,
    json_path: JsonPath = None,
) -> None:
    for name in presets or ():
        preset(name)
    wanted, of = ([check_output_size(parse_size(text)) for text in texts or ()] for texts in (sizes, sources))
    check_count("repeat", repeat)
    if not limit > 0:
        raise UserError(f"--limit {limit:g} is out of range; give seconds above 0")
    start("cpu", json_path, image)
    from ingan_fast.bench import scaling as bench

    defaults = bench.ScalingRequest()
    request = bench.ScalingRequest(
        tuple(presets or defaults.presets),
        tuple(wanted or defaults.outputs),
        tuple(of or defaults.sources),
        repeat=repeat,
        limit=limit,
    )
    measure_on_picture(bench, request, image, json_path)
