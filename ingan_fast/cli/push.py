"""`ingan-fast push`."""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from ingan_fast.cli.console import answers, messages
from ingan_fast.errors import UserError

if TYPE_CHECKING:
    from ingan_fast.hub.upload import Existing, Upload
    from ingan_fast.training.run_folder import Config, RunFolder

HELP = (
    "Send a run to the Hugging Face Hub: its network, its settings, its picture, and a model card with an example and "
    "measures. Shows what will be sent, and asks before anything leaves this machine.\n\n"
    "Examples:\n\n"
    "    ingan-fast push runs/fruit me/fruit --license cc0-1.0\n\n"
    "    ingan-fast push runs/fruit me/fruit --license cc-by-4.0 --private --yes\n\n"
    "    ingan-fast push runs/fruit me/fruit --license cc0-1.0 --onnx fruit      (and what `export` wrote)\n\n"
    "    ingan-fast retarget hf://me/fruit --scale 1.5x1 --out wide.png      (afterwards, anywhere)\n\n"
    "Needs a login: hf auth login. The licence is for the network and the picture alike; its name is one of the Hub's: "
    "apache-2.0, mit, cc0-1.0, cc-by-4.0, cc-by-nc-4.0, other, ..."
)

_LICENCE = re.compile(r"[a-z][a-z0-9]*([.+-][a-z0-9]+)*", re.ASCII)


def push(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by `ingan-fast train`.")],
    repo: Annotated[str, typer.Argument(metavar="REPO", help="OWNER/NAME on the Hub; made if it does not exist.")],
    licence: Annotated[
        str | None, typer.Option("--license", metavar="NAME", help="Licence of the network and the picture.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    onnx: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also send the model.onnx that the run was exported to.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before sending.")] = False,
) -> None:
    from ingan_fast.hub import Address, parse_address
    from ingan_fast.training.run_folder import RunFolder

    address = parse_address(repo)
    if address != Address(address.repo):
        raise UserError(f"{repo} names a revision; give OWNER/NAME: the main branch is written")
    folder = RunFolder(run)
    config = folder.read_config()
    files = _files(folder, config, onnx)
    licence = _licence(licence, yes)
    from ingan_fast.hub.upload import check_login, look_up, send

    check_login()
    with TemporaryDirectory() as temporary:
        with messages.status("making the model card"):
            files = _card(folder, config, address.repo, licence, Path(temporary), onnx is not None) | files
        upload = _upload(address.repo, private, files, look_up(address.repo))
        _show(upload, licence, config)
        _confirm(yes)
        url = send(upload, bars=messages.is_terminal)
    print(f"{address}: {url}")


def _files(folder: "RunFolder", config: "Config", onnx: Path | None) -> dict[str, Path]:
    """The run's files by their names in the repository, checked."""
    folder.read_generator(config.settings)
    folder.read_sources(config)
    paths = [folder.config_path, folder.generator_path, *map(folder.source_path, range(len(config.images)))]
    if onnx is not None:
        from ingan_fast.runtime.sidecar import SUFFIX, read_sidecar

        model = onnx / "model.onnx"
        if read_sidecar(model).source["sha256"] != config.images[0]["sha256"]:
            raise UserError(
                f"{model} was not exported from {folder.path}; export that: ingan-fast export RUN --out DIR"
            )
        paths += [model, model.with_name(model.name + SUFFIX)]
    return {path.name: path for path in paths}


def _licence(given: str | None, yes: bool) -> str:
    if given is None and sys.stdin.isatty() and not yes:
        given = typer.prompt("Licence of the network and the picture (such as cc0-1.0, cc-by-4.0, other)", err=True)
    if given is None:
        raise UserError("no licence was given; say under which one others may use the network: --license cc-by-4.0")
    if not _LICENCE.fullmatch(given):
        raise UserError(
            f"--license {given[:60]!r} is no name of a licence on the Hub; give one such as cc0-1.0 or other"
        )
    return given


def _card(
    folder: "RunFolder", config: "Config", repo: str, licence: str, temporary: Path, exported: bool
) -> dict[str, Path]:
    from ingan_fast import load
    from ingan_fast.hub.card import EXAMPLE, draw_example, model_card
    from ingan_fast.hub.upload import CARD

    card, example = temporary / CARD, temporary / EXAMPLE
    card.write_text(model_card(folder, config, repo, licence, exported), "utf-8")
    trained = load(folder.path, "cpu")
    assert trained.source is not None  # it was read before
    draw_example(trained.source, lambda transform: trained.retarget(transform).picture, example)
    return {card.name: card, EXAMPLE: example}


def _upload(repo: str, private: bool, files: dict[str, Path], existing: "Existing | None") -> "Upload":
    from ingan_fast.hub.upload import Upload

    if private and existing is not None and not existing.private:
        raise UserError(f"{repo} exists and is public; leave out --private, or give the name of a new repository")
    return Upload(repo, private if existing is None else existing.private, files, existing)


def _show(upload: "Upload", licence: str, config: "Config") -> None:
    """Print what will leave this machine."""
    kind = "private" if upload.private else "public: everybody can see and download it"
    state = "new" if upload.existing is None else "exists, and is overwritten"
    answers.print(f"to {upload.repo} on the Hugging Face Hub ({state}; {kind}), under the licence {licence}:")
    names = ", ".join(image["name"] for image in config.images)
    notes = {
        "README.md": "the model card",
        "config.json": f"settings, versions, and the picture's name: {names}",
        "source.png": "the picture itself, as it was trained",
    }
    for name, path in upload.files.items():
        note = f"  {notes[name]}" if name in notes else ""
        answers.print(f"  {name:24} {path.stat().st_size / 1e3:9.1f} kB{note}", markup=False, soft_wrap=True)
    for name in upload.removed:
        answers.print(f"  {name:24}   removed: of an earlier model", markup=False)


def _confirm(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("nothing was sent: there is no terminal to ask on; add --yes to send what is listed above")
    if not typer.confirm("Send this?", err=True):
        raise UserError("nothing was sent")
