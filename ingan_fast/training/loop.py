"""The training loop, from pictures to a run folder; one iteration is in model/step.py."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ingan_fast.callbacks import Notice
from ingan_fast.errors import UserError
from ingan_fast.interrupts import interrupts
from ingan_fast.model.devices import on_device, pick_device
from ingan_fast.model.pace import Budget, Follower
from ingan_fast.model.precision import check_precision, choose_precision, describe_precision
from ingan_fast.model.sampling import Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.quality.suitability import warning
from ingan_fast.quality.validation import beside_layout, stretches
from ingan_fast.threads import Threads, half_of_threads, using_threads
from ingan_fast.training.budget import duration
from ingan_fast.training.engine import check_engine, make_engine
from ingan_fast.training.history import History
from ingan_fast.training.monitor import Monitor, check_tensorboard
from ingan_fast.training.planning import choose, prepare, within_budget
from ingan_fast.training.preparation import begin, existing, go_on
from ingan_fast.training.progress import Status
from ingan_fast.training.run_folder import Config, RunFolder
from ingan_fast.training.run_lock import sole_training

Report = Callable[[Status], None]


@dataclass(frozen=True)
class Result:
    """How a training ended."""

    path: Path  # the run folder
    iteration: int  # completed iterations
    iterations: int  # total iterations
    finished: bool  # False after an interrupt; the same call with resume=True continues


def train(
    images: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    preset_name: str | None = None,
    budget: float | None = None,
    settings: Mapping[str, Any] | None = None,
    early_stop: bool | None = None,
    device: str = "auto",
    engine: str = "auto",
    precision: str = "auto",
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    tensorboard: bool = False,
    report: Report | None = None,
    notice: Notice | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Train a generator on one picture (or several similar ones), and save it in the run folder `out`.

    Args:
        images: path of the picture, or several paths; at least 32 px a side.
        out: the run folder to create.
        preset_name: "learned" (the paper's GAN in minutes; the default), "paper" (the paper's values) or "smoke"
            (seconds, a test).
        budget: duration in seconds (60 to 172,800). Iterations and intervals are chosen to fit, from a measurement of
            some seconds, and adapted if the machine gets slower or faster. None: the preset's iterations; without a
            preset, 900 on a CPU.
        settings: changes to the preset, by the names of `ingan_fast.settings.Settings`.
        early_stop: the setting of that name: finish early once quality no longer changes. None: as the preset, which
            for "learned" is yes.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        engine: "eager", "graphs" (CUDA graphs captured once per shape), or "auto": graphs on a GPU, eager on a CPU.
        precision: precision of convolutions: "float32", "bfloat16", "float16", or "auto": the fastest on the device; a
            resumed run keeps its own.
        seed: the same seed and number of iterations give the same bytes on the same CPU with one to three threads, and
            beyond with as many.
        resume: continue the training in `out` from its last checkpoint, with its plan; start it if there is none.
        overwrite: replace the run in `out`.
        tensorboard: also write event files to `out`/tensorboard (needs the extra `tensorboard`).
        report: called with the `Status` every `log_every` iterations.
        notice: called with messages for the user, one sentence each.
        stop: asked before every iteration; True ends the training like an interrupt.

    Returns:
        The run folder, and whether the training is finished: an interrupt (SIGINT, SIGTERM, `stop`) saves it, returns.

    Raises:
        UserError: invalid input; nothing was changed.
    """
    clock = time.perf_counter()
    notice = notice or (lambda text: None)
    wanted = dict(settings or {}) | ({} if early_stop is None else {"early_stop": early_stop})
    target = pick_device(device)
    check_engine(engine, target)
    check_precision(precision)
    run = RunFolder(Path(out))
    existing(run, resume, overwrite)  # checked before anything is written
    with sole_training(run.path):
        started = existing(run, resume, overwrite)
        if precision == "auto":
            precision = choose_precision(target) if started is None else started.precision
        plan = choose(preset_name, wanted, budget, target.type, started)
        if tensorboard:
            check_tensorboard()
        checkpoint = None if started is None else run.read_checkpoint()
        threads = Threads() if started is None and target.type == "cpu" else None
        with using_threads(_thread_count(threads, checkpoint)), on_device(target):
            prepared, budget_left = prepare(plan, images, started), None
            if plan.budget is not None and started is None:
                notice(f"measuring how many iterations fit into {duration(plan.budget)}")
                prepared = within_budget(prepared, wanted, seed, target, clock, engine, precision)
                budget_left = Budget(plan.budget, clock + plan.budget, prepared.reserve, prepared.most)
            plan, sources = prepared.plan, list(prepared.sources.values())
            config = Config.new(plan.settings, plan.preset, plan.budget, seed, prepared.sources, str(target), precision)
            if started is None:
                begin(run, config, sources)
            else:
                go_on(run, started, config)
            for text in (
                describe_precision(precision, target),
                *prepared.notices,
                *filter(None, map(warning, sources)),
            ):
                notice(text)

            sampler = Sampler(sources, plan.settings, seed, target)
            state, history = TrainingState(plan.settings, seed, target, precision), History(plan.settings, target)
            if checkpoint is not None:
                _load_checkpoint(state, history, checkpoint, run)
                notice(f"resuming after iteration {state.iteration} of {state.total}")
            if state.iteration < state.total or not run.generator_path.is_file():
                follower = Follower(budget_left, threads)
                with Monitor(run, sampler, tensorboard) as monitor, interrupts() as interrupted:
                    monitor.forget_after(state.iteration)
                    monitor.show_layout()
                    _loop(state, history, sampler, run, monitor, interrupted, engine, follower, report, notice, stop)
        return Result(run.path, state.iteration, state.total, finished=state.iteration == state.total)


def _thread_count(threads: Threads | None, checkpoint: dict[str, Any] | None) -> int:
    """Number of threads to start with; a resumed run keeps its own."""
    current = torch.get_num_threads()
    if checkpoint is not None:
        return int(checkpoint.get("threads", current))
    return current if threads is None else threads.settled(current)


def _loop(
    state: TrainingState,
    history: History,
    sampler: Sampler,
    run: RunFolder,
    monitor: Monitor,
    interrupted: threading.Event,
    engine_name: str,
    follower: Follower,
    report: Report | None,
    notice: Notice,
    stop: Callable[[], bool],
) -> None:
    settings = history.settings  # the run's; an early stop changes state.settings
    engine = make_engine(engine_name, state.device, notice)
    while state.iteration < state.total and not _interrupted(interrupted, stop):
        if not state.norm_frozen and state.position >= _freeze_at(state):
            with half_of_threads():
                state.freeze_norm(sampler)
        losses = engine.step(state, sampler.draw(state.iteration, state.position))
        history.add_losses(state.iteration - 1, losses)

        decided = follower.look(state.iteration) and _follow(follower, state, monitor, notice)
        done, last = state.iteration, state.iteration == state.total
        preview, validate = (last or done % every == 0 for every in (settings.preview_every, settings.validate_every))
        if last or done % settings.log_every == 0:
            means = history.mean_losses(done)
            monitor.log(done, means)
            if report:
                report(Status(done, state.total, means, history.last_quality()))
        with half_of_threads():
            if preview or validate:
                deployable = state.deployable(sampler)
            if validate and history.add_validation(round(state.position), monitor.validate(done, deployable)):
                state.settings = history.current_settings()
                monitor.log_end(done, state.total)
                notice(f"quality no longer changes: the training ends at iteration {state.total}")
            if preview:
                run.write_generator(deployable, settings, done, stretches(history.last_quality()))
                monitor.preview(done, deployable, state.discriminator)
        if last or decided or done % settings.checkpoint_every == 0:
            _write_checkpoint(run, state, history)
    quality, layout = history.last_quality(), monitor.layout_quality()
    if state.iteration == state.total and quality.keys() >= layout.keys() > set():
        if stretches(quality):
            notice(
                "large things would be stretched, so outputs start from the layout (--warp smooth: from the picture)"
            )
            with half_of_threads():
                quality = monitor.quality_from_layout(state.deployable(sampler))
        notice(beside_layout(quality, layout))
    if interrupted.is_set() or not run.generator_path.is_file():
        with half_of_threads():
            run.write_generator(state.deployable(sampler), settings, state.iteration, stretches(history.last_quality()))
        _write_checkpoint(run, state, history)


def _interrupted(event: threading.Event, stop: Callable[[], bool]) -> bool:
    if stop():
        event.set()
    return event.is_set()


def _follow(follower: Follower, state: TrainingState, monitor: Monitor, notice: Notice) -> bool:
    """Go on as the clock and the other processes suggest; whether that is otherwise than before."""
    planned, threads = state.total, torch.get_num_threads()
    total, count = follower.total(state.iteration, planned), follower.count(threads)
    if total != planned:
        notice(f"the plan follows the clock: {total} iterations instead of {planned}")
        state.pace = state.pace.ending(state.iteration, total, state.settings.iterations)
        monitor.log_end(state.iteration, total)
    if count != threads:
        torch.set_num_threads(count)
        notice(f"other processes use the CPU {'more' if count < threads else 'less'}: going on with {count} threads")
    return count != threads or total != planned


def _write_checkpoint(run: RunFolder, state: TrainingState, history: History) -> None:
    run.write_checkpoint(state.state_dict() | history.state_dict() | {"threads": torch.get_num_threads()})


def _freeze_at(state: TrainingState) -> int:
    return math.ceil(state.settings.freeze_norm_at * state.settings.iterations)


def _load_checkpoint(state: TrainingState, history: History, checkpoint: dict[str, Any], run: RunFolder) -> None:
    try:
        state.load_state_dict(checkpoint)
        history.load_state_dict(checkpoint)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:  # another training's
        raise UserError(
            f"{run.checkpoint_path} is not of this run and version, or damaged; train again with overwrite=True"
        ) from error
    state.settings = history.current_settings()
