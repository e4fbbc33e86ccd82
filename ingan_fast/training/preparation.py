"""Prepares a training: loads its pictures and sets up its run folder."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from ingan_fast.callbacks import Notice
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels, fit_within, load_image
from ingan_fast.training.run_folder import Config, RunFolder
from ingan_fast.training.run_lock import LOCK


def load_sources(images: str | Path | Sequence[str | Path], max_side: int, notice: Notice) -> dict[str, Pixels]:
    """Load pictures by name, uint8 [H, W, 3], shrunk to at most `max_side`.

    Raises:
        UserError: no picture, one that can't be read, or one that is too small.
    """
    paths = [images] if isinstance(images, str | Path) else list(images)
    if not paths:
        raise UserError("no picture was given; give at least one")
    sources: dict[str, Pixels] = {}
    for path in map(Path, paths):
        picture = load_image(path, notice=notice)
        fitted = fit_within(picture, max_side)
        if fitted is not picture:
            notice(f"{path} is {_size(picture)}; it is trained at {_size(fitted)} (setting max_side={max_side})")
        if min(fitted.shape[:2]) < 32:
            enough = -(-32 * max(picture.shape[:2]) // min(picture.shape[:2]))
            raise UserError(
                f"{path} would be {_size(fitted)} at max_side={max_side}, but each side needs 32 pixels; "
                f"set max_side={enough} or more"
            )
        name = path.name if path.name not in sources else f"{len(sources) + 1}_{path.name}"
        sources[name] = fitted
    return sources


def existing(run: RunFolder, resume: bool, overwrite: bool) -> Config | None:
    """The run to resume; None if a new one may be created in that folder. Changes nothing.

    Raises:
        UserError: the folder contains something else, or a run although neither `resume` nor `overwrite` is set, or a
            run that can't be resumed.
    """
    if resume and overwrite:
        raise UserError("resume=True and overwrite=True exclude each other; give one of them")
    if run.path.exists() and not run.path.is_dir():
        raise UserError(f"{run.path} is a file; give a folder for the run")
    if run.config_path.exists():
        if resume:
            _check_resumable(run)
            return run.read_config()
        if not overwrite:
            raise UserError(
                f"{run.path} already contains a run; resume it with resume=True, or replace it with overwrite=True"
            )
    elif run.path.exists() and _holds_something(run.path) and not (resume or overwrite):
        raise UserError(f"{run.path} is not empty and not a run; give another folder, or overwrite=True to use it")
    return None


def _check_resumable(run: RunFolder) -> None:
    """Check that this is not a network alone, as it is downloaded or bundled: it would be trained from the start.

    An interrupted training without a checkpoint yet has a log.

    Raises:
        UserError: it is.
    """
    if run.generator_path.is_file() and not run.checkpoint_path.is_file() and not run.log_path.is_file():
        raise UserError(
            f"{run.path} has a trained network but no checkpoint.pt to resume from; train in another folder, or "
            "replace the run with overwrite=True"
        )


def go_on(run: RunFolder, started: Config, config: Config) -> None:
    """Check that the existing run matches the requested one, and clean up after a crash.

    Raises:
        UserError: they differ.
    """
    differences = started.differences(config)
    if differences:
        raise UserError(
            f"{run.path} was started with other settings: {', '.join(differences)}; "
            "resume with the same command, or start again with overwrite=True"
        )
    run.remove_leftovers()


def begin(run: RunFolder, config: Config, sources: list[Pixels]) -> None:
    """Create the run folder; removes an existing run."""
    if run.config_path.exists():
        _remove_run(run)
    if run.path.is_dir():
        run.remove_progress()  # also without a config.json: leftovers belong to no run
    run.write_config(config, sources)


def _holds_something(folder: Path) -> bool:
    return any(path.name != LOCK for path in folder.iterdir())


def _remove_run(run: RunFolder) -> None:
    """Remove a training's files, and nothing else in the folder; config.json first."""
    run.config_path.unlink()
    for path in (run.source_path(0), *run.path.glob("source_[0-9]*.png")):
        path.unlink(missing_ok=True)
    for folder in (run.monitor, run.path / "tensorboard"):
        shutil.rmtree(folder, ignore_errors=True)


def _size(picture: Pixels) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
