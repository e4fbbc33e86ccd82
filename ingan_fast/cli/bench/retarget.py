"""`ingan-fast bench retarget`."""

from typing import Annotated

import typer

from ingan_fast.cli.bench.common import Conditions, JsonPath, Picture, check_count, measure_on_picture, start
from ingan_fast.parsing import parse_size
from ingan_fast.settings import PRESETS, preset

HELP = (
    "One output on the CPU by each installed backend, compared with the generator as trained (eager, float32, not "
    "folded). Random weights, from uint8 to uint8.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench retarget\n\n"
    "    ingan-fast bench retarget --preset learned --size 1920x1080 --json retarget.json"
)


def retarget(
    preset_name: Annotated[str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.")] = "paper",
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the output, from 16x16.")] = "640x480",
    repeat: Annotated[int, typer.Option(help="Timed calls per backend.")] = 5,
    conditions: Conditions = True,
    image: Picture = None,
    json_path: JsonPath = None,
) -> None:
    preset(preset_name)
    wanted = parse_size(size)
    check_count("repeat", repeat)
    start("cpu", json_path, image)
    from ingan_fast.bench import retarget as bench

    request = bench.RetargetRequest(preset_name, wanted, repeat, conditions)
    measure_on_picture(bench, request, image, json_path)
