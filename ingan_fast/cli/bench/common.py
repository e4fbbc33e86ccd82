"""Shared by the `bench` commands: options, start and end."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingan_fast.cli.console import answers, check_json_path, messages, progress
from ingan_fast.errors import UserError

if TYPE_CHECKING:
    import torch

    from ingan_fast.bench.results import Results

MOST = 1_000_000  # upper limit of repetitions, iterations, channels

Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
JsonPath = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write the numbers.")]
Conditions = Annotated[
    bool,
    typer.Option(
        "--conditions/--no-conditions", help="On a CPU also with AVX2 only, and with a busy process alongside."
    ),
]
Picture = Annotated[Path | None, typer.Option("--image", help="A picture instead of the bundled market stand.")]


def start(device: str, json_path: Path | None, image: Path | None = None) -> "torch.device":
    """Check what can be checked without the device; returns the device."""
    if json_path is not None:
        check_json_path(json_path, [] if image is None else [image.resolve()])
    from ingan_fast.model.devices import pick_device

    return pick_device(device)


def measure_on_picture(bench: Any, request: Any, image: Path | None, json_path: Path | None) -> None:
    """Run a benchmark (a module of `ingan_fast.bench`) on a picture, the bundled one by default."""
    from ingan_fast.pictures import MARKET, load_image

    picture = load_image(image or MARKET)
    with progress("measuring", bench.steps(request)) as advance:
        results = bench.measure(request, picture, advance)
    finish(results, json_path)


def finish(results: "Results", json_path: Path | None) -> None:
    """Print and write the results; exit with code 1 if there are errors."""
    show(results)
    if json_path is not None:
        results.write(json_path)
        print(f"{json_path}: numbers")
    if results.errors:
        raise typer.Exit(1)


def show(results: "Results") -> None:
    """Print table, notices and errors."""
    from ingan_fast.bench.tables import results_table

    answers.print(results_table(results))
    for notice in results.details.get("notices", ()):
        messages.print(notice, soft_wrap=True)
    for error in results.errors:
        messages.print(f"ingan-fast: no speed of {error}", soft_wrap=True)


def check_count(name: str, value: int | None) -> None:
    if value is not None and not 1 <= value <= MOST:
        raise UserError(f"--{name} {value} is out of range; give a whole number from 1 to {MOST}")


def check_name(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"unknown --{name} {value!r}; choose {', '.join(known[:-1])} or {known[-1]}")
