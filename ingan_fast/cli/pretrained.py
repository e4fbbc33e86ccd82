"""The option --pretrained of `retarget` and `video`."""

from pathlib import Path
from typing import Annotated

import typer

from ingan_fast.bundled import pretrained
from ingan_fast.errors import UserError

Pretrained = Annotated[
    str | None,
    typer.Option(
        "--pretrained",
        metavar="NAME",
        help="Instead of a run: a trained model that comes with the package: market (a market stand).",
    ),
]


def given_or_pretrained(given: list[Path], name: str | None) -> list[Path]:
    """What the command works on: what was given, or else the run folder of the pretrained model.

    Raises:
        UserError: both or neither, or an unknown name.
    """
    if name is None:
        if not given:
            raise UserError("no input was given; give a picture, a run or a model, or --pretrained market")
        return given
    folder = pretrained(name)
    if given:
        raise UserError(f"{given[0]} and --pretrained {name} exclude each other; give one of them")
    return [folder]
