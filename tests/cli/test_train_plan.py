"""`ingan-fast train`: what may be left out, budgets, early stop, a word about pictures that are likely to fail."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingan_fast.pictures import Pixels, save_image
from ingan_fast.settings import PRESETS
from ingan_fast.training import planning
from ingan_fast.training.budget import Speed

pytestmark = pytest.mark.usefixtures("unwatched", "quick_calibration")

Command = Callable[..., Any]
Refused = Callable[..., None]
SMALL = ("--preset", "smoke", "--device", "cpu")


def config(run: str) -> dict[str, object]:
    content: dict[str, object] = json.loads((Path(run) / "config.json").read_text())
    return content


def test_the_run_is_named_after_the_picture_and_never_overwritten(
    ingan_fast: Command, refused: Refused, picture_path: Path
) -> None:
    words = ("train", picture_path, *SMALL, "--iterations", 2)
    ended = ingan_fast(*words)
    assert ended.code == 0, ended.err
    assert "runs/dots: trained, 2 iterations" in ended.out
    refused(*words, parts=("runs/dots already contains a run",))


def test_a_picture_alone_is_trained_for_fifteen_minutes_on_a_cpu(
    ingan_fast: Command, picture_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "learned", PRESETS["smoke"])
    monkeypatch.setattr(planning, "measure_speed", lambda *_: Speed(200.0, 0.0, 1.0, 1.0, 1.0))
    assert ingan_fast("train", picture_path, "--device", "cpu").code == 0
    written = config("runs/dots")
    assert (written["preset"], written["budget"]) == ("learned", 900)


def test_an_early_stop_is_a_setting_of_the_run(ingan_fast: Command, picture_path: Path) -> None:
    assert ingan_fast("train", picture_path, *SMALL, "--iterations", 2, "--early-stop").code == 0
    assert config("runs/dots")["settings"]["early_stop"] is True  # type: ignore[index]


@pytest.mark.parametrize(("words", "stops"), [([], True), (["--no-early-stop"], False)])
def test_the_learned_preset_stops_early_unless_asked_not_to(
    ingan_fast: Command, picture_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], stops: bool
) -> None:
    monkeypatch.setitem(PRESETS, "learned", replace(PRESETS["smoke"], early_stop=PRESETS["learned"].early_stop))
    assert ingan_fast("train", picture_path, "--device", "cpu", "--iterations", 2, *words).code == 0
    assert config("runs/dots")["settings"]["early_stop"] is stops  # type: ignore[index]


def test_a_resumed_run_keeps_its_early_stop(ingan_fast: Command, picture_path: Path) -> None:
    assert ingan_fast("train", picture_path, *SMALL, "--iterations", 2, "--early-stop").code == 0
    assert ingan_fast("train", picture_path, *SMALL, "--iterations", 2, "--resume").code == 0
    assert config("runs/dots")["settings"]["early_stop"] is True  # type: ignore[index]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--budget", "soon"], "90s, 10m or 1.5h"),
        (["--budget", "30s"], "1m to 48h"),
        (["--budget", "5m", "--iterations", "50"], "exclude each other"),
        (["--budget", "5m", "--set", "iterations=50"], "exclude each other"),
    ],
)
def test_a_bad_budget_is_one_line(refused: Refused, picture_path: Path, words: list[str], part: str) -> None:
    refused("train", picture_path, *SMALL, *words, parts=(part,))


def one_disc() -> Pixels:
    y, x = np.mgrid[0:80, 0:100]
    rgb = np.stack([120 + x, 90 + x // 2, 60 + y], axis=-1)
    rgb[(x - 55) ** 2 + (y - 40) ** 2 < 900] = (250, 250, 255)
    return rgb.astype(np.uint8)


def test_a_picture_of_one_object_is_trained_with_a_word_before(ingan_fast: Command) -> None:
    save_image(one_disc(), "disc.png")
    ended = ingan_fast("train", "disc.png", *SMALL, "--iterations", 2)
    assert ended.code == 0
    assert "only once" in " ".join(ended.err.split())
