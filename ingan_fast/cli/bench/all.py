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
    from ingan_fast.bench.suite import Plan

HELP = (
    "Run every benchmark with its defaults, each in a process of its own, and keep the numbers in OUT/results.\n\n"
    "Started again it goes on with what is missing, or was measured of another commit, machine or settings.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench all\n\n"
    "    ingan-fast bench all --out reports/today --again\n\n"
    "    ingan-fast bench all --short      tiny sizes: whether all of it works, not how fast it is"
)
OUT = Path("benchmarks/report")


def all_(
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help=f"{OUT}, or {OUT / 'short'} with --short.")] = None,
    short: Annotated[bool, typer.Option("--short", help="Tiny sizes, in less than a minute.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what is measured already.")] = False,
    device: Device = "auto",
) -> None:
    out = out or (OUT / "short" if short else OUT)
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file; give a folder")
    from ingan_fast.bench.suite import PLANS
    from ingan_fast.training import pick_device

    target = pick_device(device)
    missing = []
    for name, plan in PLANS.items():
        path = out / "results" / f"{name}.json"
        if not again and _is_there(name, path, plan(target, short)):
            continue
        try:
            results = _run(name, str(target), short)
        except (UserError, RuntimeError) as error:
            messages.print(f"ingan-fast: {name}: not measured: {error}", soft_wrap=True)
            missing.append(name)
            continue
        except KeyboardInterrupt:
            messages.print(
                f"interrupted; {out / 'results'} keeps what is done, the same command goes on", soft_wrap=True
            )
            raise typer.Exit(INTERRUPTED) from None
        results.write(path)
        show(results)
        print(f"{path}: numbers")
        if results.errors:
            missing.append(f"{name} (in part)")
    if missing:
        messages.print(f"ingan-fast: missing: {', '.join(missing)}", soft_wrap=True)
        raise typer.Exit(1)


def _is_there(name: str, path: Path, plan: "Plan") -> bool:
    """Whether `path` has what is planned, measured here of this commit; what it has is told in a line."""
    from ingan_fast.bench.results import Results

    if not path.exists():
        return False
    try:
        there = Results.read(path)
    except UserError as error:
        messages.print(f"{name}: measured anew: {error}", soft_wrap=True)
        return False
    other = _differs(there, plan)
    of = f"{there.created[:16].replace('T', ' ')} UTC, commit {there.commit}"
    if other:
        messages.print(f"{name}: measured anew: {path} is of {other} ({of})", soft_wrap=True)
        return False
    messages.print(f"{name}: measured already ({of}), --again measures it anew", soft_wrap=True)
    return True


def _differs(there: "Results", plan: "Plan") -> str | None:
    """What makes the results others than what would be measured now."""
    from ingan_fast.bench.machine import describe
    from ingan_fast.bench.results import commit

    if there.settings != json.loads(json.dumps(asdict(plan.request))):
        return "other settings"
    if there.machine != describe(plan.device):
        return "another machine or other versions"
    return None if there.commit == commit() else "another commit"


def _run(name: str, device: str, short: bool) -> "Results":
    from ingan_fast.bench.separate import separately

    results: Results = separately(measure, name, device, short)
    return results


def measure(name: str, device: str, short: bool) -> "Results":
    """What a benchmark gives, with a progress bar."""
    import torch

    from ingan_fast.bench.suite import PLANS

    plan = PLANS[name](torch.device(device), short)
    with progress(name, plan.steps()) as advance:
        return plan.measure(advance)
