"""`ingan-fast bench warp`."""

from typing import Annotated

import typer

from ingan_fast.bench import defaults
from ingan_fast.cli.bench.common import Device, JsonPath, check_count, check_name, finish, start
from ingan_fast.cli.console import progress
from ingan_fast.parsing import parse_size

HELP = (
    "The homography warp, forward and with its gradient: ours, eager grid_sample and inductor's, compared with a copy "
    "of as many bytes.\n\n"
    "Three cases: the same size, 1.5 times both sides, a trapezoid. No speed is reported for a wrong result.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench warp\n\n"
    "    ingan-fast bench warp --size 1920x1080 --channels 32 --dtype float16 --json warp.json\n\n"
    "    ingan-fast bench warp --device cpu --compile      also inductor's, which takes a while to compile"
)
DTYPES = ("bfloat16", "float16", "float32")
PADDINGS = ("reflection", "border", "zeros")
REPEAT = defaults.WARP_REPEAT


def warp(
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the features, from 16x16.")] = "640x480",
    channels: Annotated[int, typer.Option(help="Channels of the features.")] = 64,
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
    check_count("channels", channels)
    check_name("dtype", dtype, DTYPES)
    check_name("padding", padding, PADDINGS)
    check_count("repeat", repeat)
    target = start(device, json_path)
    from ingan_fast.bench import warp as bench

    chosen = REPEAT[target.type] if repeat is None else repeat
    with_inductor = target.type == "cuda" if compiled is None else compiled
    request = bench.WarpRequest(source, channels, dtype, padding, chosen, with_inductor)
    with progress("measuring", bench.steps(request, target)) as advance:
        results = bench.measure(request, target, advance)
    finish(results, json_path)
