"""The command line."""

import os

# Before torch is imported: oneDNN keeps the kernels of all the shapes that a training meets (1,024 by default).
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")

import errno
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from ingan_fast.cli import bench, demo, evaluate, export, info, retarget, train, video
from ingan_fast.cli.console import INTERRUPTED
from ingan_fast.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Learn the patches of one image and lay them out again at any size, shape or perspective.",
)
app.command(help=train.HELP)(train.train)
app.command(help=retarget.HELP)(retarget.retarget)
app.command(help=export.HELP)(export.export)
app.command(help=demo.HELP)(demo.demo)
app.command(help=video.HELP)(video.video)
app.command(help=evaluate.HELP)(evaluate.evaluate)
app.command(help=info.HELP)(info.info)
app.add_typer(bench.app, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ingan-fast {version('ingan-fast')}")
        raise typer.Exit


@app.callback()
def _main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; bad input is one line on stderr and exit code 2."""
    try:
        app(_expanded(sys.argv[1:]))
    except UserError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _fail("no space left on the disk; free some and run the same command again (a training: with --resume)")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _expanded(words: Sequence[str]) -> list[str]:
    """The words with `~` in `--option=~/…` replaced, which shells leave as it is."""
    return [
        re.sub(r"^(--[a-z-]+=)(~.*)", lambda found: found[1] + os.path.expanduser(found[2]), word) for word in words
    ]


def _fail(message: str) -> None:
    print(f"ingan-fast: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
