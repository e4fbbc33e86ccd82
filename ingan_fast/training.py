"""Training: from pictures to a run folder (the loop; one iteration is in step.py)."""

import math
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ingan_fast.config import preset, with_changes
from ingan_fast.errors import UserError
from ingan_fast.images import Pixels, fit_within, load_image
from ingan_fast.jumps import with_jumps
from ingan_fast.monitor import Monitor, check_tensorboard
from ingan_fast.run_folder import Config, RunFolder
from ingan_fast.sampling import Sampler
from ingan_fast.state import TrainingState
from ingan_fast.step import LOSSES, training_step

Report = Callable[[int, dict[str, float]], None]
Notice = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """How a training ended."""

    path: Path  # the run folder
    iteration: int  # iterations that are done
    finished: bool  # False after an interrupt; the same call with resume=True goes on


def train(
    images: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    preset_name: str = "cpu",
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    tensorboard: bool = False,
    report: Report | None = None,
    notice: Notice | None = None,
) -> Result:
    """Train a generator on one picture (or several of a kind) and leave it in the run folder `out`.

    Args:
        images: the picture's path, or several; at least 32 px a side.
        out: the run folder that is made.
        preset_name: "cpu" (minutes on two cores), "paper" (the paper's values) or "smoke" (seconds, a test).
        settings: changes to the preset, by the names of `ingan_fast.config.Settings`.
        device: "auto", "cpu" or "cuda".
        seed: the same seed gives the same bytes on the same CPU with the same number of threads.
        resume: go on with the training in `out` from its last checkpoint; start it where there is none.
        overwrite: replace the run in `out`.
        tensorboard: also write event files to `out`/tensorboard (needs the extra `tensorboard`).
        report: called with the iterations done and the mean losses, every `log_every` iterations.
        notice: called with what a user should know, a sentence at a time.

    Returns:
        Where the run is and whether it is finished: an interrupt (SIGINT, SIGTERM) saves it and returns.

    Raises:
        UserError: bad input; nothing was changed.
    """
    notice = notice or (lambda text: None)
    chosen = with_changes(preset(preset_name), settings or {})
    target = pick_device(device)
    notices: list[str] = []  # told once nothing can be refused any more
    sources = _load_sources(images, chosen.max_side, notices.append)
    chosen = with_jumps(chosen, list(sources.values()))
    if tensorboard:
        check_tensorboard()
    config = Config.new(chosen, preset_name, seed, sources, str(target))
    run = RunFolder(Path(out))
    _prepare(run, config, list(sources.values()), resume, overwrite)

    sampler = Sampler(list(sources.values()), chosen, seed, target)
    state = TrainingState(chosen, seed, target)
    checkpoint = run.read_checkpoint()
    if checkpoint is not None:
        _load_checkpoint(state, checkpoint, run)
        notices.append(f"going on after iteration {state.iteration} of {chosen.iterations}")
    for text in notices:
        notice(text)
    if state.iteration == chosen.iterations and run.generator_path.is_file():
        return Result(run.path, state.iteration, finished=True)
    with Monitor(run, sampler, tensorboard) as monitor, _interrupts() as interrupted:
        monitor.forget_after(state.iteration)
        _loop(state, sampler, run, monitor, interrupted, report)
    return Result(run.path, state.iteration, finished=state.iteration == chosen.iterations)


def _loop(
    state: TrainingState,
    sampler: Sampler,
    run: RunFolder,
    monitor: Monitor,
    interrupted: threading.Event,
    report: Report | None,
) -> None:
    settings = state.settings
    freeze_at = math.ceil(settings.freeze_norm_at * settings.iterations)
    started = state.iteration
    ring = torch.zeros(settings.log_every, len(LOSSES), device=state.device)
    while state.iteration < settings.iterations and not interrupted.is_set():
        if state.iteration >= freeze_at and not state.norm_frozen:
            state.freeze_norm(sampler)
        draw = sampler.draw(state.iteration)
        row = state.iteration % settings.log_every
        ring[row] = training_step(state, draw, sampler.noise_generator(state.iteration))

        done, last = state.iteration, state.iteration == settings.iterations
        if row + 1 == settings.log_every or last:
            fresh = min(row + 1, done - started)  # rows before a resumed start are not this process's
            losses = dict(zip(LOSSES, ring[row + 1 - fresh : row + 1].mean(dim=0).tolist(), strict=True))
            monitor.log(done, losses)
            if report:
                report(done, losses)
        if done % settings.preview_every == 0 or last:
            deployable = state.deployable(sampler)
            run.write_generator(deployable, settings, done)
            monitor.preview(done, deployable, state.discriminator)
        if done % settings.checkpoint_every == 0 or last:
            run.write_checkpoint(state.state_dict())
    if interrupted.is_set() or not run.generator_path.is_file():
        run.write_generator(state.deployable(sampler), settings, state.iteration)
        run.write_checkpoint(state.state_dict())


def pick_device(name: str) -> torch.device:
    """ "auto", "cpu" or "cuda" as a device that is there.

    Raises:
        UserError: "cuda" without one, or another name.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} is not known; give auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda is not available: torch sees no CUDA device; use --device cpu or auto")
    return torch.device(name)


def _load_sources(images: str | Path | Sequence[str | Path], max_side: int, notice: Notice) -> dict[str, Pixels]:
    paths = [images] if isinstance(images, str | Path) else list(images)
    if not paths:
        raise UserError("no picture was given; give at least one")
    sources: dict[str, Pixels] = {}
    for path in map(Path, paths):
        picture = load_image(path)
        fitted = fit_within(picture, max_side)
        if fitted is not picture:
            notice(f"{path} is {_size(picture)}; it is trained at {_size(fitted)} (setting max_side={max_side})")
        if min(fitted.shape[:2]) < 32:
            raise UserError(f"{path} would be {_size(fitted)} at max_side={max_side}; 32 pixels a side are needed")
        name = path.name if path.name not in sources else f"{len(sources) + 1}_{path.name}"
        sources[name] = fitted
    return sources


def _size(picture: Pixels) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"


def _prepare(run: RunFolder, config: Config, sources: list[Pixels], resume: bool, overwrite: bool) -> None:
    """Make the run folder, or check that the one that is there is to be gone on with."""
    if resume and overwrite:
        raise UserError("--resume and --overwrite exclude each other; give one of them")
    if run.path.exists() and not run.path.is_dir():
        raise UserError(f"{run.path} is a file; give a folder for the run")
    if run.config_path.exists():
        if resume:
            differences = run.read_config().differences(config)
            if differences:
                raise UserError(
                    f"{run.path} was started otherwise: {', '.join(differences)}; "
                    "resume with the same command, or start anew with --overwrite"
                )
            run.remove_leftovers()
            return
        if not overwrite:
            raise UserError(f"{run.path} already holds a run; go on with --resume, or replace it with --overwrite")
        _remove_run(run)
    elif run.path.exists() and any(run.path.iterdir()) and not (resume or overwrite):
        raise UserError(f"{run.path} is not empty and not a run; give another folder, or --overwrite to use it")
    if run.path.is_dir():
        run.remove_progress()  # without a config.json too: what lies there belongs to no run
    run.write_config(config, sources)


def _remove_run(run: RunFolder) -> None:
    """Remove what a training writes, and nothing else that may lie in the folder; the config first."""
    run.config_path.unlink()
    for path in (run.source_path(0), *run.path.glob("source_[0-9]*.png")):
        path.unlink(missing_ok=True)
    for folder in (run.monitor, run.path / "tensorboard"):
        shutil.rmtree(folder, ignore_errors=True)


def _load_checkpoint(state: TrainingState, checkpoint: dict[str, Any], run: RunFolder) -> None:
    try:
        state.load_state_dict(checkpoint)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:  # another training's
        raise UserError(f"{run.checkpoint_path} is not of this run or damaged; train again with --overwrite") from error


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """The first SIGINT or SIGTERM sets the event, so that an iteration ends whole; a second one acts at once."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # signals reach the main thread only
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: object) -> None:
        interrupted.set()
        signal.signal(number, previous[signal.Signals(number)])

    for number in previous:
        signal.signal(number, handle)
    try:
        yield interrupted
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
