"""The option --warp of `retarget` and `video`."""

from typing import Annotated

import typer

from ingan_fast.cli.console import messages

Warp = Annotated[
    str | None,
    typer.Option(
        metavar="auto|smooth|layout",
        help="For a run or model: what the network gets: the picture warped as a whole, as in the paper; or laid "
        "out, so that large things are not stretched; auto (the default) is layout where the training found that "
        "they are.",
    ),
]


def tell_start(chosen: str, warp: str) -> None:
    """Tell the user where a network starts from the layout by itself."""
    if warp == "auto" and chosen == "layout":
        messages.print("the network would stretch large things, so it starts from the layout (else --warp smooth)")
