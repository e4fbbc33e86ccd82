"""`ingan-fast info`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

HELP = "Tell what a run is: pictures, settings, how far it has come.\n\nExample:\n\n    ingan-fast info runs/fruit"


def info(run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]) -> None:
    from ingan_fast.training.info import describe

    Console(highlight=False).print(describe(run))
