"""What the `bench` commands share: options, and how they begin and end."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingan_fast.cli.console import answers, check_json_path, messages
from ingan_fast.errors import UserError

if TYPE_CHECKING:
    import torch

    from ingan_fast.bench.results import Results

MOST = 1_000_000  # repetitions, iterations, channels

Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
JsonPath = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write the numbers.")]
Conditions = Annotated[
    bool,
    typer.Option(
        "--conditions/--no-conditions", help="On a CPU also as on one with AVX2 alone, and beside a busy process."
    ),
]
Picture = Annotated[Path | None, typer.Option("--image", help="Instead of the market stand that comes along.")]


def start(device: str, json_path: Path | None, image: Path | None = None) -> "torch.device":
    """The device, after all that can be refused without it."""
    if json_path is not None:
        check_json_path(json_path, [] if image is None else [image.resolve()])
    from ingan_fast.model.devices import pick_device

    return pick_device(device)


def finish(results: "Results", json_path: Path | None) -> None:
    """Print, write; end with exit code 1 where something was refused."""
    show(results)
    if json_path is not None:
        results.write(json_path)
        print(f"{json_path}: numbers")
    if results.errors:
        raise typer.Exit(1)


def show(results: "Results") -> None:
    """The table, notices and errors."""
    from ingan_fast.bench.tables import results_table

    answers.print(results_table(results))
    for notice in results.details.get("notices", ()):
        messages.print(notice, soft_wrap=True)
    for error in results.errors:
        messages.print(f"ingan-fast: no speed of {error}", soft_wrap=True)


def check_count(name: str, value: int | None) -> None:
    if value is not None and not 1 <= value <= MOST:
        raise UserError(f"--{name} {value} is not possible; give a whole number from 1 to {MOST}")


def check_name(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"--{name} {value!r} is not known; give {', '.join(known[:-1])} or {known[-1]}")
