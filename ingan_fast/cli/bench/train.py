"""`ingan-fast bench train`."""

from typing import Annotated

import typer

from ingan_fast.bench import defaults
from ingan_fast.cli.bench.common import Conditions, Device, JsonPath, Picture, check_count, finish, start
from ingan_fast.cli.console import progress
from ingan_fast.settings import PRESETS, preset

HELP = (
    "One training iteration over the full range of transformations, by each engine and by a plain implementation "
    "(float32, torch's standard parts), compared with a matrix product.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench train\n\n"
    "    ingan-fast bench train --engine eager --iterations 30 --json train.json\n\n"
    "    ingan-fast bench train --preset paper --crop 128 --image photo.jpg"
)
ITERATIONS = defaults.ITERATIONS


def train(
    preset_name: Annotated[
        str | None, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}; paper on a GPU, learned on a CPU.")
    ] = None,
    crop: Annotated[int | None, typer.Option(help="Side of the crop in px; default: the preset's.")] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(help="auto, eager or graphs; repeatable. Both on a GPU, eager on a CPU."),
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(help=f"Timed iterations; {ITERATIONS['cuda']} on a GPU, {ITERATIONS['cpu']} on a CPU.")
    ] = None,
    image: Picture = None,
    plain: Annotated[bool, typer.Option("--plain/--no-plain", help="Also the plain implementation.")] = True,
    conditions: Conditions = True,
    times_only: Annotated[
        bool, typer.Option("--times-only", help="Skip counting operations and measuring the ceiling: faster.")
    ] = False,
    device: Device = "auto",
    json_path: JsonPath = None,
) -> None:
    check_count("iterations", iterations)
    if preset_name is not None:
        preset(preset_name)
    target = start(device, json_path, image)
    from ingan_fast.bench import train as bench
    from ingan_fast.pictures import MARKET, load_image
    from ingan_fast.training.engine import check_engine

    engines = tuple(engine or defaults.ENGINES[target.type])
    for name in engines:
        check_engine(name, target)
    chosen = ITERATIONS[target.type] if iterations is None else iterations
    request = bench.TrainRequest(
        preset_name or defaults.TRAIN_PRESET[target.type],
        engines,
        chosen,
        crop,
        plain,
        conditions and target.type == "cpu",
        not times_only,
    )
    picture = load_image(image or MARKET)
    bench.prepare(request, picture)  # checks before any output
    with progress("measuring", bench.steps(request)) as advance:
        results = bench.measure(request, picture, target, advance)
    finish(results, json_path)
