"""`python benchmarks/report_page`."""

import argparse
import sys
from pathlib import Path

from ingan_fast.cli.console import INTERRUPTED, messages, progress
from ingan_fast.errors import UserError
from ingan_fast.files import atomic_write
from report_page.inputs import read_folder
from report_page.page import render

OUT = Path("benchmarks/report")
ABOUT = """One page of all measurements, for any browser: OUT/index.html.

It reads OUT/results/*.json (of `ingan-fast bench ... --json` or `bench all`) and OUT/figures/fig*.json with their
pictures. The page lists missing files and files that can't be used.

Exit codes: 0; 2 if there is nothing to show and no page is written; 1 if the page is written without a file that can't
be used."""
EXAMPLES = """examples:
  python benchmarks/report_page
  python benchmarks/report_page --out /tmp/measured"""


def run(folder: Path) -> int:
    """Write the page; returns the exit code.

    Raises:
        UserError: there is nothing to show, or the page can't be written.
    """
    found = read_folder(folder)
    with progress("writing the page", len(found.figures)) as advance:
        page = render(found, advance)
    for problem in found.problems:
        _tell(f"left out: {problem}")
    target = folder / "index.html"
    atomic_write(target, page)
    print(f"{target}: {len(found.results)} benchmarks, {len(found.figures)} figures, {len(page) / 1e6:.2f} MB")
    return 1 if found.problems else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="report_page", description=ABOUT, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help=f"(default: {OUT})")
    try:
        sys.exit(run(parser.parse_args().out))
    except UserError as error:
        _tell(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _tell(text: str) -> None:
    messages.print(f"report_page: {text}", markup=False, soft_wrap=True)
