"""`ingan-fast info`."""

from pathlib import Path
from typing import Annotated

import typer

from ingan_fast.cli.console import answers

HELP = "Describe a run: pictures, settings, progress.\n\nExample:\n\n    ingan-fast info runs/fruit"


def info(run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]) -> None:
    from ingan_fast.training.info import describe

    answers.print(describe(run))
