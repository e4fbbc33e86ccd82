"""`ingan-fast bench cold-start`."""

from typing import Annotated

import typer

from ingan_fast.cli.bench.common import JsonPath, Picture, check_count, measure_on_picture, start
from ingan_fast.settings import PRESETS, preset

HELP = (
    "Total time of a command in a fresh process, compared with a bare Python: --version, --help, a small output by an "
    "exported model (without torch) and by a run (with torch).\n\n"
    "Examples:\n\n"
    "    ingan-fast bench cold-start\n\n"
    "    ingan-fast bench cold-start --preset paper --repeat 10 --json cold.json"
)


def cold_start(
    preset_name: Annotated[
        str, typer.Option("--preset", help=f"Preset of the models, one of {', '.join(PRESETS)}.")
    ] = "learned",
    repeat: Annotated[int, typer.Option(help="Timed processes per command.")] = 3,
    image: Picture = None,
    json_path: JsonPath = None,
) -> None:
    preset(preset_name)
    check_count("repeat", repeat)
    start("cpu", json_path, image)
    from ingan_fast.bench import cold_start as bench

    request = bench.ColdStartRequest(preset_name, repeat=repeat)
    measure_on_picture(bench, request, image, json_path)
