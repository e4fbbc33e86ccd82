"""Plans a training: preset, settings, time budget."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels, is_grey
from ingan_fast.quality.suitability import occurs_once
from ingan_fast.settings import DEFAULT_PRESET, Settings, preset, with_changes
from ingan_fast.training.budget import DEFAULT, LEAST, MOST, PLANNED, check_budget, duration, fit, predicted
from ingan_fast.training.preparation import load_sources
from ingan_fast.training.run_folder import Config
from ingan_fast.training.speed import measure_speed

MEASURING = 0.2  # maximum fraction of a budget spent on measuring speed, approximately

Images = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class TrainingPlan:
    """Preset, settings and budget of a training."""

    preset: str
    settings: Settings
    budget: float | None  # seconds that iterations and intervals must fit into; None if those are given


@dataclass(frozen=True)
class PreparedTraining:
    """A plan with its pictures."""

    plan: TrainingPlan
    sources: dict[str, Pixels]  # by name
    notices: list[str]  # messages for the user
    reserve: float = 0.0  # seconds needed after the last iteration, if there is a budget
    most: int = 0  # upper limit of iterations, even if time is left


def choose(
    preset_name: str | None, wanted: Mapping[str, Any], budget: float | None, device: str, started: Config | None
) -> TrainingPlan:
    """The plan from the user's input, completed by defaults for the device, or by the resumed run's values.

    Args:
        preset_name: None: `learned`.
        wanted: changes to the preset's settings.
        budget: seconds; None: 15 minutes on a CPU if neither preset nor iterations are given.
        device: "cpu", "cuda" or "mps".
        started: the run to resume; its iterations are kept, not measured again.

    Raises:
        UserError: an unknown preset or setting, an invalid budget, or both a budget and `iterations`.
    """
    if budget is not None:
        check_budget(budget)
        if "iterations" in wanted:
            raise UserError("a budget and iterations exclude each other; give one of them")
    left_open = preset_name is None and budget is None and "iterations" not in wanted
    if started is not None and preset_name is None:
        preset_name, budget = started.preset, started.budget if left_open else budget
    elif preset_name is None and device == "cpu":
        budget = DEFAULT if left_open else budget
    preset_name = preset_name or DEFAULT_PRESET
    settings = with_changes(preset(preset_name), wanted)
    if started is not None and (left_open or budget is not None):
        kept = {name: getattr(started.settings, name) for name in PLANNED if name not in wanted}
        settings = replace(settings, **kept)
    if started is not None and "early_stop" not in wanted:
        settings = replace(settings, early_stop=started.settings.early_stop)
    return TrainingPlan(preset_name, settings, budget)


def prepare(plan: TrainingPlan, images: Images, started: Config | None = None) -> PreparedTraining:
    """Load the pictures at the plan's size and adapt settings to them; a run that is resumed (`started`) keeps its own.

    For grey pictures the generator's outputs are grey. For pictures with large parts that occur once, places and
    copies keep their weight (`guidance_left`): the network has nothing to lay out anew, and would tear them apart.

    Raises:
        UserError: a picture can't be used.
    """
    notices: list[str] = []
    sources = load_sources(images, plan.settings.max_side, notices.append)
    grey = all(map(is_grey, sources.values())) if started is None else started.settings.grey
    settings = replace(
        plan.settings, grey=plan.settings.grey or grey, guidance_left=_guidance_left(plan, sources, started)
    )
    return PreparedTraining(replace(plan, settings=settings), sources, notices)


def _guidance_left(plan: TrainingPlan, sources: dict[str, Pixels], started: Config | None) -> float:
    wanted = plan.settings.guidance_left
    if wanted != preset(plan.preset).guidance_left:  # set by the user
        return wanted
    if started is not None:
        return started.settings.guidance_left
    return 1.0 if any(map(occurs_once, sources.values())) else wanted


def within_budget(
    prepared: PreparedTraining,
    wanted: Mapping[str, Any],
    seed: int,
    device: torch.device,
    clock: float,
    engine: str = "auto",
    precision: str = "auto",
) -> PreparedTraining:
    """`prepared` with iterations and intervals that fit into its budget, minus the time since `clock`."""
    fitted = _fitted(prepared, wanted, seed, device, clock, engine, precision)
    if fitted.plan.settings.iterations < math.ceil(LEAST * preset(fitted.plan.preset).iterations):
        few = "too few iterations to learn much, unless the machine gets faster; use a larger budget"
        return replace(fitted, notices=[*fitted.notices, few])
    return fitted


def _fitted(
    prepared: PreparedTraining,
    wanted: Mapping[str, Any],
    seed: int,
    device: torch.device,
    clock: float,
    engine: str,
    precision: str,
) -> PreparedTraining:
    plan = prepared.plan
    assert plan.budget is not None
    speed = measure_speed(
        list(prepared.sources.values()), plan.settings, seed, device, engine, precision, MEASURING * plan.budget
    )
    settings = fit(plan.settings, plan.budget - (time.perf_counter() - clock), speed)
    settings = with_changes(settings, {name: wanted[name] for name in PLANNED if name in wanted})
    takes = time.perf_counter() - clock + predicted(settings, speed)
    summary = f"{settings.iterations} iterations of the preset {plan.preset}, about {duration(takes)} in total"
    if settings.iterations >= MOST * plan.settings.iterations:
        summary += "; more would bring hardly any gain"
    reserve = speed.preview + speed.validation + speed.checkpoint
    most = math.ceil(MOST * plan.settings.iterations)
    return PreparedTraining(
        replace(plan, settings=settings), prepared.sources, [*prepared.notices, summary], reserve, most
    )
