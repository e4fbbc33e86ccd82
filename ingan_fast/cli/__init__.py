"""The command line."""

import errno
import io
import logging
import os
import re
import sys
import traceback
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated, NoReturn

import typer

from ingan_fast.cli import batch, demo, evaluate, export, info, push, retarget, serve, studio, train, video
from ingan_fast.cli.console import INTERRUPTED
from ingan_fast.errors import MachineError, UserError, memory_ran_out, missing_package

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Retarget a picture to any size, shape or perspective, from its own patches.",
    epilog="Set INGAN_FAST_TRACEBACK=1 in the environment to see tracebacks.",
)
app.command(help=retarget.HELP)(retarget.retarget)
app.command(help=batch.HELP)(batch.batch)
app.command(help=train.HELP)(train.train)
app.command(help=demo.HELP)(demo.demo)
app.command(help=video.HELP)(video.video)
app.command(help=evaluate.HELP)(evaluate.evaluate)
app.command(help=export.HELP)(export.export)
app.command(help=studio.HELP)(studio.studio)
app.command(help=serve.HELP)(serve.serve)
app.command(help=push.HELP)(push.push)
app.command(help=info.HELP)(info.info)
if find_spec("ingan_fast.cli.bench"):
    from ingan_fast.cli import bench

    app.add_typer(bench.app, name="bench")
else:

    @app.command("bench", help="Measure speed; only in a checkout.", context_settings={"ignore_unknown_options": True})
    def _no_bench(words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
        raise UserError("benchmarks are not part of an installed package; run this in a checkout of the repository")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from ingan_fast.layout import compiled

        print(f"ingan-fast {version('ingan-fast')}, layouts {compiled.DESCRIPTION}")
        raise typer.Exit


@app.callback()
def _main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; errors are one line on stderr, with exit code 2 for invalid input and 1 for the machine."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for characters missing in the console's encoding
    _show_warnings()
    try:
        app(_expanded(sys.argv[1:]))
    except UserError as error:
        _fail(error, str(error), 2)
    except MachineError as error:
        _fail(error, str(error), 1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and (advice := missing_package(error)):
            _fail(error, advice, 2)
        if memory_ran_out(error):
            reason = " ".join(str(error).split())[:200] or "the required amount is unknown"
            _fail(error, f"not enough memory ({reason}); make a smaller output, or close other programs", 1)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _fail(
                error,
                "no space left on the disk; free some and run the same command again (a training: with --resume)",
                1,
            )
        raise


def _show_warnings() -> None:
    """Print the package's log messages on stderr, from warnings on."""
    logger = logging.getLogger("ingan_fast")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("ingan-fast: %(message)s"))
        logger.addHandler(handler)


def _expanded(words: Sequence[str]) -> list[str]:
    """Expand `~` in `--option=~/…`, which shells don't."""
    return [
        re.sub(r"^(--[a-z-]+=)(~.*)", lambda found: found[1] + os.path.expanduser(found[2]), word) for word in words
    ]


def _fail(error: BaseException, message: str, code: int) -> NoReturn:
    message = re.sub(r"\b(resume|overwrite)=True", r"--\1", message)  # Python arguments → command-line options
    if os.environ.get("INGAN_FAST_TRACEBACK"):
        traceback.print_exception(error)
    print(f"ingan-fast: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
