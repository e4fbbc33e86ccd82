"""`ingan-fast bench export`."""

from typing import Annotated

import typer

from ingan_fast.cli.bench.common import JsonPath, Picture, check_count, finish, start
from ingan_fast.cli.console import progress
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
    from ingan_fast.pictures import MARKET, load_image

    defaults = bench.ExportRequest()
    request = bench.ExportRequest(tuple(presets or defaults.presets), tuple(packages or defaults.packages), repeat)
    picture = load_image(image or MARKET)
    with progress("measuring", bench.steps(request)) as advance:
        results = bench.measure(request, picture, advance)
    finish(results, json_path)
