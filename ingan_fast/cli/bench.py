"""`ingan-fast bench warp`, `bench train` and `bench retarget`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ingan_fast.cli.console import check_json_path, messages, progress
from ingan_fast.config import PRESETS, preset
from ingan_fast.errors import UserError
from ingan_fast.parsing import parse_size

if TYPE_CHECKING:
    import torch

    from ingan_fast.bench.results import Results

HELP = (
    "Measure speed on this machine, beside plain torch and beside what the device can do.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench warp\n\n"
    "    ingan-fast bench train\n\n"
    "    ingan-fast bench retarget"
)
WARP_HELP = (
    "The homography warp, forward and with its gradient: ours, eager grid_sample and inductor's, beside a copy of as "
    "many bytes.\n\n"
    "Three cases: the same size, 1.5 times both sides, a trapezoid. A wrong result's speed is not told.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench warp\n\n"
    "    ingan-fast bench warp --size 1920x1080 --channels 32 --dtype float16 --json warp.json\n\n"
    "    ingan-fast bench warp --device cpu --compile      inductor's, too, which takes a while to compile"
)
TRAIN_HELP = (
    "One training iteration over the whole range of transformations, by each engine and written plainly (float32, "
    "torch's own parts), beside a matrix product.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench train\n\n"
    "    ingan-fast bench train --engine eager --engine compile --iterations 30 --json train.json\n\n"
    "    ingan-fast bench train --preset paper --crop 128 --image photo.jpg"
)
RETARGET_HELP = (
    "One output on the CPU by every backend of the runtime that is installed, beside the generator as it was trained "
    "(eager, float32, nothing folded). Random weights, from uint8 to uint8.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench retarget\n\n"
    "    ingan-fast bench retarget --preset cpu --size 1920x1080 --json retarget.json"
)
DTYPES = ("bfloat16", "float16", "float32")
PADDINGS = ("reflection", "border", "zeros")
REPEAT = {"cuda": 100, "cpu": 5}
PRESET = {"cuda": "paper", "cpu": "cpu"}
# The first one of these waits for compilers; what it compiled, the next one finds.
ENGINES_MEASURED = {"cuda": ["graphs", "compile", "eager"], "cpu": ["eager"]}
ITERATIONS = {"cuda": 100, "cpu": 60}
MOST = 1_000_000  # repetitions, iterations, channels

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=HELP)

Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
JsonPath = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write the numbers.")]


@app.command(help=WARP_HELP)
def warp(
    size: Annotated[str, typer.Option(metavar="WxH", help="Of the features, from 16x16.")] = "640x480",
    channels: Annotated[int, typer.Option(help="Of the features.")] = 64,
    dtype: Annotated[str, typer.Option(help=f"{', '.join(DTYPES)}.")] = DTYPES[0],
    padding: Annotated[str, typer.Option(help=f"Outside the source: {', '.join(PADDINGS)}.")] = PADDINGS[0],
    repeat: Annotated[
        int | None, typer.Option(help=f"Timed calls of each; {REPEAT['cuda']} on a GPU, {REPEAT['cpu']} on a CPU.")
    ] = None,
    compiled: Annotated[
        bool | None, typer.Option("--compile/--no-compile", help="Also inductor's; what a GPU does where left out.")
    ] = None,
    device: Device = "auto",
    json_path: JsonPath = None,
) -> None:
    source = parse_size(size)
    _check_count("channels", channels)
    _check_name("dtype", dtype, DTYPES)
    _check_name("padding", padding, PADDINGS)
    _check_count("repeat", repeat)
    target = _start(device, json_path)
    from ingan_fast.bench import warp as bench

    chosen = REPEAT[target.type] if repeat is None else repeat
    with_inductor = target.type == "cuda" if compiled is None else compiled
    request = bench.WarpRequest(source, channels, dtype, padding, chosen, with_inductor)
    with progress("measuring", bench.steps(request, target)) as advance:
        results = bench.measure(request, target, advance)
    _finish(results, json_path)


@app.command(help=TRAIN_HELP)
def train(
    preset_name: Annotated[
        str | None, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}; paper on a GPU, cpu on a CPU.")
    ] = None,
    crop: Annotated[int | None, typer.Option(help="Pixels a side instead of the preset's.")] = None,
    engine: Annotated[
        list[str] | None, typer.Option(help="auto, eager, compile or graphs; repeatable. All on a GPU, eager on a CPU.")
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(help=f"Timed ones; {ITERATIONS['cuda']} on a GPU, {ITERATIONS['cpu']} on a CPU.")
    ] = None,
    image: Annotated[Path | None, typer.Option(help="A picture instead of the market stand that comes along.")] = None,
    plain: Annotated[bool, typer.Option("--plain/--no-plain", help="Also the plain iteration.")] = True,
    device: Device = "auto",
    json_path: JsonPath = None,
) -> None:
    _check_count("iterations", iterations)
    if preset_name is not None:
        preset(preset_name)
    target = _start(device, json_path, image)
    from ingan_fast.bench import train as bench
    from ingan_fast.demo import PICTURE
    from ingan_fast.engine import check_engine
    from ingan_fast.images import load_image

    engines = tuple(engine or ENGINES_MEASURED[target.type])
    for name in engines:
        check_engine(name, target)
    chosen = ITERATIONS[target.type] if iterations is None else iterations
    request = bench.TrainRequest(preset_name or PRESET[target.type], engines, chosen, crop, plain)
    picture = load_image(image or PICTURE)
    bench.prepare(request, picture)  # refuses before anything is shown
    with progress("measuring", bench.steps(request)) as advance:
        results = bench.measure(request, picture, target, advance)
    for notice in bench.notices(results):
        messages.print(notice, soft_wrap=True)
    _finish(results, json_path)


@app.command(help=RETARGET_HELP)
def retarget(
    preset_name: Annotated[str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.")] = "paper",
    size: Annotated[str, typer.Option(metavar="WxH", help="Of the output, from 16x16.")] = "640x480",
    repeat: Annotated[int, typer.Option(help="Timed calls of each.")] = 7,
    image: Annotated[Path | None, typer.Option(help="A picture instead of the market stand that comes along.")] = None,
    json_path: JsonPath = None,
) -> None:
    preset(preset_name)
    wanted = parse_size(size)
    _check_count("repeat", repeat)
    _start("cpu", json_path, image)
    from ingan_fast.bench import retarget as bench
    from ingan_fast.demo import PICTURE
    from ingan_fast.images import load_image

    request = bench.RetargetRequest(preset_name, wanted, repeat)
    picture = load_image(image or PICTURE)
    with progress("measuring", bench.steps(request)) as advance:
        results = bench.measure(request, picture, advance)
    _finish(results, json_path)


def _start(device: str, json_path: Path | None, image: Path | None = None) -> "torch.device":
    """The device, after all that can be refused without it."""
    if json_path is not None:
        check_json_path(json_path, [] if image is None else [image.resolve()])
    from ingan_fast.training import pick_device

    return pick_device(device)


def _finish(results: "Results", json_path: Path | None) -> None:
    from ingan_fast.bench.tables import results_table

    Console(highlight=False).print(results_table(results))
    if json_path is not None:
        results.write(json_path)
        print(f"{json_path}: numbers")
    for error in results.errors:
        messages.print(f"ingan-fast: no speed of {error}", soft_wrap=True)
    if results.errors:
        raise typer.Exit(1)


def _check_count(name: str, value: int | None) -> None:
    if value is not None and not 1 <= value <= MOST:
        raise UserError(f"--{name} {value} is not possible; give a whole number from 1 to {MOST}")


def _check_name(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"--{name} {value!r} is not known; give {', '.join(known[:-1])} or {known[-1]}")
