"""Trainings for the figures: run once, resumed after an interruption, repeated if their settings changed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from figures.budgets import TrainingRequest
from figures.inputs import PICTURES
from ingan_fast.bench.figure_file import Training
from ingan_fast.cli.console import messages
from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.runtime.retargeter import Retargeter, load
from ingan_fast.training.curves import read_log
from ingan_fast.training.loop import Result, train
from ingan_fast.training.progress import training_progress
from ingan_fast.training.run_folder import RunFolder


@dataclass(frozen=True)
class Trained:
    """A finished training."""

    plan: TrainingRequest
    generator: Retargeter
    iterations: int
    weights: str  # digest of the weights
    seconds: float  # of all sessions

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
    run = RunFolder(folder / plan.name)
    if not run.generator_path.is_file():
        messages.print(f"{plan.name}: training", markup=False)
    try:
        result = _train(plan, run, device, anew=False)
    except UserError as error:  # the run is damaged, of other settings, or of another version
        messages.print(f"{plan.name}: {error}; training anew", markup=False)
        result = _train(plan, run, device, anew=True)
    if not result.finished:
        raise KeyboardInterrupt
    generator = load(run.path, device)
    generator.retarget(Transform.resize(generator.source_size))  # warm-up, so that it is not part of an output's time
    weights = hashlib.sha256(run.generator_path.read_bytes()).hexdigest()
    return Trained(plan, generator, result.iteration, weights, read_log(run.log_path)[-1]["seconds"])


def _train(plan: TrainingRequest, run: RunFolder, device: str, anew: bool) -> Result:
    with training_progress(messages) as report:
        return train(
            PICTURES[plan.picture],
            run.path,
            preset_name=plan.preset,
            budget=plan.seconds,
            settings=plan.changes,
            device=device,
            seed=plan.seed,
            resume=not anew,
            overwrite=anew,
            report=report,
        )
