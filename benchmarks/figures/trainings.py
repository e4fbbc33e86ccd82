"""Trainings for the figures: run once, resumed after an interruption, repeated if their settings changed."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from figures.budgets import TrainingRequest
from figures.inputs import PICTURES, read
from ingan_fast.bench.figure_file import Training
from ingan_fast.cli.console import messages
from ingan_fast.errors import UserError
from ingan_fast.files import atomic_write
from ingan_fast.geometry import Transform
from ingan_fast.runtime.retargeter import Retargeter, load
from ingan_fast.settings import as_dict, preset, with_changes
from ingan_fast.training.budget import duration
from ingan_fast.training.loop import Result, train
from ingan_fast.training.progress import Status, training_progress
from ingan_fast.training.run_folder import RunFolder, digest


@dataclass(frozen=True)
class Trained:
    """A finished training."""

    plan: TrainingRequest
    generator: Retargeter
    iterations: int
    weights: str  # digest of the weights
    seconds: float  # of all sessions, including work lost to interruptions

    def record(self) -> Training:
        """Entry for a figure's file."""
        plan = self.plan
        return Training(
            plan.name, plan.picture, plan.preset, dict(plan.changes), self.iterations, self.seconds, plan.seed
        )


def trained(plan: TrainingRequest, folder: Path, device: str) -> Trained:
    """Run or load the training of `plan`, in `folder`/name.

    Raises:
        UserError: the folder can't be written, or training rejects its input.
        KeyboardInterrupt: it was interrupted; the same call continues.
    """
    run, note = folder / plan.name, _Note(folder / f"{plan.name}.json", _key(plan, device))
    state = note.read()
    if state is None or not state["finished"] or not RunFolder(run).generator_path.is_file():
        state = _train(plan, run, device, note, state)
    generator = load(run, device)
    generator.retarget(Transform.resize(generator.source_size))  # warm-up, so that it is not part of an output's time
    weights = hashlib.sha256(RunFolder(run).generator_path.read_bytes()).hexdigest()
    iterations = RunFolder(run).read_config().settings.iterations
    return Trained(plan, generator, iterations, weights, state["seconds"])


class _Note:
    """A file next to a run: the request, the duration, whether it is complete."""

    def __init__(self, path: Path, key: str):
        self.path, self.key = path, key

    def read(self) -> dict[str, Any] | None:
        """Read the note; None if there is none, or one of another training."""
        try:
            state = json.loads(self.path.read_text())
            return state if state["key"] == self.key and {"seconds", "finished"} <= state.keys() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, seconds: float, finished: bool) -> dict[str, Any]:
        state = {"key": self.key, "seconds": seconds, "finished": finished}
        atomic_write(self.path, (json.dumps(state) + "\n").encode())
        return state


def _train(plan: TrainingRequest, run: Path, device: str, note: _Note, state: dict[str, Any] | None) -> dict[str, Any]:
    what = f"{plan.name}: " + (f"{duration(plan.seconds)} of training" if plan.seconds else "training")
    messages.print(what if state is None else f"{what}, going on after {duration(state['seconds'])}", markup=False)
    if state is not None:
        try:
            return _session(plan, run, device, note, state["seconds"], anew=False)
        except UserError as error:  # its folder is damaged, or has settings of another version
            messages.print(f"{plan.name}: {error}; training anew", markup=False)
    return _session(plan, run, device, note, 0.0, anew=True)


def _session(plan: TrainingRequest, run: Path, device: str, note: _Note, before: float, anew: bool) -> dict[str, Any]:
    clock = time.perf_counter()
    note.write(before, finished=False)

    def seconds() -> float:
        return round(before + time.perf_counter() - clock, 2)

    with training_progress(messages) as show:

        def report(status: Status) -> None:
            show(status)
            note.write(seconds(), finished=False)  # limits the time lost to a kill

        result: Result = train(
            PICTURES[plan.picture],
            run,
            preset_name=plan.preset,
            budget=plan.seconds,
            settings=plan.changes,
            device=device,
            seed=plan.seed,
            resume=not anew,
            overwrite=anew,
            report=report,
        )
    state = note.write(seconds(), result.finished)
    if not result.finished:
        raise KeyboardInterrupt
    return state


def _key(plan: TrainingRequest, device: str) -> str:
    settings = with_changes(preset(plan.preset), plan.changes)
    about = asdict(plan) | {"settings": as_dict(settings), "device": device, "pixels": digest(read(plan.picture))}
    return json.dumps(about, sort_keys=True)
