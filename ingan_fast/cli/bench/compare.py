"""`ingan-fast bench compare`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ingan_fast.cli.bench.common import JsonPath
from ingan_fast.cli.console import answers, check_json_path, messages

if TYPE_CHECKING:
    from ingan_fast.bench.compare import Comparison

HELP = (
    "Compare two runs of the benchmarks: what became faster or slower by more than the noise.\n\n"
    "A and B are each a results file (--json of the other commands), a folder of them, or a git revision of this "
    "checkout with committed results. Rows are compared by their ratio to a baseline that was timed in turns with "
    "them, or else relative to the device's limits, so that a slow machine doesn't matter.\n\n"
    "Examples:\n\n"
    "    ingan-fast bench compare before.json after.json\n\n"
    "    ingan-fast bench compare HEAD~10 benchmarks/report\n\n"
    "    ingan-fast bench compare v0.1 HEAD --fail-on-slower --json changes.json"
)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Before: a file, a folder, a revision.")],
    b: Annotated[str, typer.Argument(metavar="B", help="After: a file, a folder, a revision.")],
    folder: Annotated[
        str, typer.Option(metavar="FOLDER", help="The results folder in a revision.")
    ] = "benchmarks/results/cpu",
    fail_on_slower: Annotated[
        bool, typer.Option("--fail-on-slower", help="Exit with code 1 if a row is slower or lost its times.")
    ] = False,
    json_path: JsonPath = None,
) -> None:
    if json_path is not None:
        check_json_path(json_path)
    from ingan_fast.bench import compare as bench
    from ingan_fast.bench.sources import read_runs
    from ingan_fast.files import atomic_write

    comparison = bench.compare(read_runs(a, folder), read_runs(b, folder))
    _print(comparison)
    if json_path is not None:
        atomic_write(json_path, (json.dumps(comparison.as_dict(), indent=2, allow_nan=False) + "\n").encode())
        print(f"{json_path}: comparison")
    if fail_on_slower and comparison.count(bench.SLOWER, bench.BROKEN):
        raise typer.Exit(1)


def _print(comparison: "Comparison") -> None:
    from ingan_fast.bench.tables import comparison_table

    for line in comparison.differences:
        messages.print(line, soft_wrap=True)
    answers.print(comparison_table(comparison))
    for side, keys in (("A", comparison.only_in_a), ("B", comparison.only_in_b)):
        for key in keys:
            print(f"only in {side}: {' | '.join(key)}")
    counts = {row.verdict: comparison.count(row.verdict) for row in comparison.rows}
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
