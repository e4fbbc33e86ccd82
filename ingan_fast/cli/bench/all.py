"""`ingan-fast bench all`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingan_fast.cli.bench.common import Device, show
from ingan_fast.cli.console import INTERRUPTED, messages, progress
from ingan_fast.errors import UserError

if TYPE_CHECKING:
    from ingan_fast.bench.results import Results
    from ingan_fast.bench.suite import BenchmarkPlan

HELP = (
    "Run every benchmark with its defaults, each in a separate process, and write the numbers to OUT/results.\n\n"
    "Started again, it measures what is missing, or was measured with another commit, machine or settings.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench all\n\n"
    "    ingan-fast bench all --out reports/today --again\n\n"
    "    ingan-fast bench all --short      tiny sizes: tests that everything works, not its speed"
)
OUT = Path("benchmarks/report")


def all_(
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help=f"{OUT}, or {OUT / 'short'} with --short.")] = None,
    short: Annotated[
        bool, typer.Option("--short", help="Tiny sizes, in a minute or two: does everything work?")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Also repeat existing measurements.")] = False,
    device: Device = "auto",
) -> None:
    out = out or (OUT / "short" if short else OUT)
    folder = out / "results"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {out}: {folder} can't be made ({error.strerror}); choose another place") from None
    from ingan_fast.bench.suite import PLANS
    from ingan_fast.model.devices import pick_device

    target, missing = pick_device(device), []
    for name, plan in PLANS.items():
        path = folder / f"{name}.json"
        try:
            results = None if again else _measured(name, path, plan(target, short))
            if results is None:
                results = _measure_apart(name, str(target), short)
                results.write(path)
                show(results)
                print(f"{path}: numbers")
        except (UserError, RuntimeError) as error:  # measure the others anyway
            messages.print(f"ingan-fast: {name}: not measured: {error}", soft_wrap=True)
            missing.append(name)
        except KeyboardInterrupt:
            messages.print(f"interrupted; results so far are in {folder}; the same command continues", soft_wrap=True)
            raise typer.Exit(INTERRUPTED) from None
        else:
            missing += [f"{name} (in part)"] if results.errors else []
    if missing:
        messages.print(f"ingan-fast: missing: {', '.join(missing)}", soft_wrap=True)
        raise typer.Exit(1)


def _measured(name: str, path: Path, plan: "BenchmarkPlan") -> "Results | None":
    """The results in `path`, if they match the plan, machine and commit; prints what is done."""
    from ingan_fast.bench.results import Results

    if not path.exists():
        return None
    try:
        existing = Results.read(path)
    except UserError as error:
        messages.print(f"{name}: measuring again: {error}", soft_wrap=True)
        return None
    origin = f"{existing.created[:16].replace('T', ' ')} UTC, commit {existing.commit}"
    other = _other(existing, plan)
    if other is not None:
        messages.print(f"{name}: measuring again: {path} is of {other} ({origin})", soft_wrap=True)
        return None
    messages.print(f"{name}: already measured ({origin}); --again repeats it", soft_wrap=True)
    return existing


def _other(existing: "Results", plan: "BenchmarkPlan") -> str | None:
    """How the results differ from the plan; None if they match."""
    from ingan_fast.bench.machine import describe
    from ingan_fast.bench.results import commit

    if existing.settings != json.loads(json.dumps(asdict(plan.request))):
        return "other settings"
    if existing.machine != describe(plan.device):
        return "another machine or other versions"
    return None if existing.commit == commit() else "another commit"


def _measure_apart(name: str, device: str, short: bool) -> "Results":
    from ingan_fast.bench.separate import separately

    results: Results = separately(measure, name, device, short)
    return results


def measure(name: str, device: str, short: bool) -> "Results":
    """Run a benchmark with a progress bar."""
    import torch

    from ingan_fast.bench.suite import PLANS

    plan = PLANS[name](torch.device(device), short)
    with progress(name, plan.steps()) as advance:
        return plan.measure(advance)
