"""Regenerates the paper's figures: sheets of pictures and files of numbers in OUT/figures.

examples:
  python benchmarks/figures                                   all of them, about an hour on two cores
  python benchmarks/figures --budget quick                    all of them in a quarter of an hour
  python benchmarks/figures fig7 fig10 --out report           two of them
  python benchmarks/figures --list

Trainings and outputs are stored in OUT/work: after an interruption the same command continues.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from figures import ablations, comparisons, failure, sizes
from figures.budgets import BUDGETS, Budget
from figures.record import Figure, write
from figures.studio import Studio
from ingan_fast.cli.console import INTERRUPTED, messages
from ingan_fast.errors import UserError
from ingan_fast.training.budget import duration

FIGURES: dict[str, tuple[str, Callable[[Studio], Figure]]] = {
    "fig1": (sizes.TITLE, sizes.figure_1),
    "fig5": (comparisons.TITLES["5"], comparisons.figure_5),
    "fig6": (comparisons.TITLES["6"], comparisons.figure_6),
    "fig7": (comparisons.TITLES["7"], comparisons.figure_7),
    "fig8": (comparisons.TITLES["8"], comparisons.figure_8),
    "fig9": (ablations.TITLE, ablations.figure_9),
    "fig10": (failure.TITLE, failure.figure_10),
}


def chosen(names: Sequence[str]) -> list[str]:
    """The figures with these names ("fig7" or "7"), by default all, in the paper's order.

    Raises:
        UserError: no such figure.
    """
    wanted = [name if name.startswith("fig") else f"fig{name}" for name in names]
    for name, given in zip(wanted, names, strict=True):
        if name not in FIGURES:
            raise UserError(f"no figure {given!r}; there are {', '.join(FIGURES)}")
    return [name for name in FIGURES if name in wanted or not wanted]


def make(names: Sequence[str], out: Path, budget: Budget, device: str = "auto") -> None:
    """Make the figures `names` one by one, in `out`/figures.

    Raises:
        UserError: no such figure, an unavailable device, or `out` can't be written.
    """
    figures = [(name, FIGURES[name][1]) for name in chosen(names)]
    studio = Studio(out, budget, device)
    if studio.there():
        messages.print(studio.there(), markup=False, soft_wrap=True)
    for name, figure in figures:
        clock = time.perf_counter()
        path = write(figure(studio), out / "figures", budget, studio.device)
        print(f"{name}: {path}, {duration(time.perf_counter() - clock)}", flush=True)


def main() -> None:
    description, _, examples = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python benchmarks/figures",
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)} (default: all)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/report"), help="(default: benchmarks/report)")
    parser.add_argument("--budget", choices=BUDGETS, default="full", help="duration of the work (default: full)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--list", action="store_true", help="list the figures and exit")
    words = parser.parse_args()
    if words.list:
        print("\n".join(f"{name:6} {title}" for name, (title, _) in FIGURES.items()))
        return
    try:
        make(words.names, words.out, BUDGETS[words.budget], words.device)
    except UserError as error:
        messages.print(f"figures: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        messages.print("Stopped; what is done is kept. The same command goes on.")
        sys.exit(INTERRUPTED)
