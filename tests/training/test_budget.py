"""A budget of time becomes a number of iterations, once; after that nothing depends on the clock."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ingan_fast import train
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels
from ingan_fast.settings import LEARNED, PRESETS, SMOKE
from ingan_fast.training import planning
from ingan_fast.training.budget import MOST, PLANNED, Speed, duration, fit, parse_budget, predicted
from ingan_fast.training.run_folder import RunFolder
from ingan_fast.training.speed import measure_speed

LAPTOP = Speed(iteration=0.075, starting=10.0, preview=2.0, validation=1.0, checkpoint=0.05)
SMALL = replace(LEARNED, iterations=4000)
FAST = replace(LAPTOP, iteration=0.01, starting=1.0)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), (" 1.5H ", 5400), ("48h", 172800)])
def test_times_are_read(text: str, seconds: float) -> None:
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "59s", "49h", "-5m", "1e3s", "5m30s", "0m", "nan h", "٥m"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"10m|1m to 48h"):
        parse_budget(text)


@pytest.mark.parametrize(("seconds", "text"), [(45, "45 s"), (600, "10 min"), (5400, "1 h 30 min"), (7200, "2 h")])
def test_times_are_told(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("seconds", [60, 120, 300, 600, 900])
def test_a_training_fills_its_budget(seconds: float) -> None:
    settings = fit(SMALL, seconds, LAPTOP)
    assert predicted(settings, LAPTOP) == pytest.approx(seconds, rel=0.05)
    assert settings.iterations * LAPTOP.iteration > 0.7 * seconds
    assert replace(settings, **{name: getattr(SMALL, name) for name in PLANNED}) == SMALL


def test_a_budget_beyond_use_is_left() -> None:
    settings = fit(SMALL, 48 * 3600, LAPTOP)
    assert settings.iterations == MOST * SMALL.iterations


def test_long_trainings_show_something_every_quarter_of_an_hour() -> None:
    settings = fit(LEARNED, 20 * 3600, replace(LAPTOP, iteration=1.0))
    assert settings.preview_every == settings.validate_every == 900
    assert settings.checkpoint_every <= 60


def test_measuring_tells_how_long_things_take(picture: Pixels) -> None:
    speed = measure_speed([picture], SMOKE, 0, torch.device("cpu"))
    assert 0.001 < speed.iteration < 2
    assert speed.starting >= 0
    assert min(speed.preview, speed.validation, speed.checkpoint) > 0


def run(picture: Path, out: Path, preset_name: str | None = "smoke", **more: Any) -> dict[str, Any]:
    train(picture, out, preset_name=preset_name, device="cpu", **more)
    content: dict[str, Any] = json.loads((out / "config.json").read_text())
    return content


@pytest.fixture
def short(unwatched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preset smoke with four iterations, of which a budget makes up to twelve; they are not judged."""
    monkeypatch.setitem(PRESETS, "smoke", replace(SMOKE, iterations=4))


@pytest.mark.usefixtures("short")
def test_a_training_within_a_budget_is_the_one_of_that_many_iterations(picture_path: Path, tmp_path: Path) -> None:
    told: list[str] = []
    config = run(picture_path, tmp_path / "timed", budget=3600, notice=told.append)  # enough on the busiest machine
    assert config["budget"] == 3600
    planned = {name: config["settings"][name] for name in PLANNED}
    assert planned["iterations"] == MOST * 4
    assert any("12 iterations of the preset smoke" in text and "hardly any gain" in text for text in told)
    run(picture_path, tmp_path / "counted", settings=planned)
    timed, counted = (RunFolder(tmp_path / name).generator_path.read_bytes() for name in ("timed", "counted"))
    assert timed == counted


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "measure_speed", lambda *_: FAST)


@pytest.mark.usefixtures("short", "fast")
def test_resuming_keeps_the_plan_and_measures_nothing(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(picture_path, tmp_path / "run", budget=60)

    def measured_again(*_: object) -> Speed:
        raise AssertionError

    monkeypatch.setattr(planning, "measure_speed", measured_again)
    assert run(picture_path, tmp_path / "run", budget=60, resume=True) == first
    assert run(picture_path, tmp_path / "run", preset_name=None, resume=True) == first
    with pytest.raises(UserError, match=r"budget \(60.0, now 90\)"):
        run(picture_path, tmp_path / "run", budget=90, resume=True)


@pytest.mark.usefixtures("short", "fast")
def test_intervals_that_are_given_stay(picture_path: Path, tmp_path: Path) -> None:
    config = run(picture_path, tmp_path / "run", budget=60, settings={"preview_every": 7})
    assert config["settings"]["preview_every"] == 7


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"budget": 60, "settings": {"iterations": 5}}, "a budget and iterations exclude"),
        ({"budget": 59}, "1m to 48h"),
        ({"budget": float("nan")}, "1m to 48h"),
    ],
)
def test_impossible_budgets_are_refused(
    picture_path: Path, tmp_path: Path, options: dict[str, Any], parts: str
) -> None:
    with pytest.raises(UserError, match=parts):
        run(picture_path, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("unwatched")
def test_a_budget_for_hardly_anything_is_trained_with_a_word(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(planning, "measure_speed", lambda *_: replace(LAPTOP, iteration=100.0))
    small = {name: getattr(SMOKE, name) for name in ("crop", "channels", "scales", "d_channels", "window")}
    run(picture_path, tmp_path / "run", preset_name="learned", budget=60, settings=small, notice=told.append)
    assert (tmp_path / "run" / "monitor" / "latest.png").is_file()
    assert any("too few iterations to learn much" in text for text in told)


def test_a_slow_machine_is_measured_within_its_part_of_the_budget(
    picture: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One on which every action takes two seconds."""
    taken: list[float] = []

    def two_seconds(action: Callable[[], object]) -> float:
        action()
        taken.append(2.0)
        return 2.0

    monkeypatch.setattr("ingan_fast.training.speed._seconds", two_seconds)
    speed = measure_speed([picture], SMOKE, 0, torch.device("cpu"), "eager", "float32", 24.0)
    assert speed.preview == 2.0
    assert sum(taken) <= 1.5 * 24


def test_time_that_is_gone_already_is_no_longer_in_the_budget(picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "measure_speed", lambda *_: FAST)
    now = 1000.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    given = planning.PreparedTraining(planning.TrainingPlan("learned", SMALL, 60.0), {"dots": picture}, [])
    whole, late = (
        planning.within_budget(given, {}, 0, torch.device("cpu"), clock).plan.settings for clock in (now, now - 30)
    )
    assert predicted(whole, FAST) == pytest.approx(60, rel=0.1)  # the last preview and validation may count twice
    assert predicted(late, FAST) == pytest.approx(30, rel=0.1)


def test_a_long_training_is_reckoned_slower_than_a_short_measurement(
    picture: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two_seconds(action: Callable[[], object]) -> float:
        action()
        return 2.0

    monkeypatch.setattr("ingan_fast.training.speed._seconds", two_seconds)
    speed = measure_speed([picture], SMOKE, 0, torch.device("cpu"), "eager", "float32", 24.0)
    assert 1.06 * 2 <= speed.iteration <= 1.12 * 2 + 0.5  # drawing takes real time beside it


# What is trained where something is left out


def chosen(**given: Any) -> planning.TrainingPlan:
    options = {"preset_name": None, "wanted": {}, "budget": None, "device": "cpu", "started": None} | given
    return planning.choose(**options)


def test_a_quarter_of_an_hour_of_the_preset_learned_is_the_default_on_a_cpu() -> None:
    plan = chosen(wanted={"noise": 0.1})
    assert (plan.preset, plan.budget, plan.settings.noise) == ("learned", 900, 0.1)


def test_the_preset_learned_is_the_default_on_a_gpu() -> None:
    plan = chosen(device="cuda")
    assert (plan.preset, plan.budget, plan.settings) == ("learned", None, LEARNED)


def test_a_preset_or_iterations_need_no_budget() -> None:
    assert chosen(preset_name="learned") == planning.TrainingPlan("learned", LEARNED, None)
    assert chosen(wanted={"iterations": 50}).budget is None
