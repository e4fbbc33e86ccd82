"""`ingan-fast bench export`."""

from typing import Annotated

import typer

from ingan_fast.cli.bench.common import JsonPath, Picture, check_count, measure_on_picture, start
from ingan_fast.settings import PRESETS, preset

HELP = (
    "Time from a run to each kind of exported file: ONNX in float32 and bfloat16, pt2, a TensorRT engine; made and "
    "checked, without caches of earlier builds. Compared with torch's ONNX exporter alone. Random weights.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench export\n\n"
    "    ingan-fast bench export --preset learned --repeat 3 --json export.json"
)


def export(
    presets: Annotated[
        list[str] | None, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}; repeatable; learned and paper.")
    ] = None,
    packages: Annotated[
        list[str] | None, typer.Option("--package", help="Presets that pt2 is also compiled for; repeatable; learned.")
    ] = None,
    repeat: Annotated[int, typer.Option(help="How often each file is made.")] = 1,
    image: Picture = None,
    json_path: JsonPath = None,
) -> None:
    for name in (*(presets or ()), *(packages or ())):
        preset(name)
    check_count("repeat", repeat)
    start("cpu", json_path, image)
    from ingan_fast.bench import export as bench

    defaults = bench.ExportRequest()
    request = bench.ExportRequest(tuple(presets or defaults.presets), tuple(packages or defaults.packages), repeat)
    measure_on_picture(bench, request, image, json_path)
