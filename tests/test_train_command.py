"""`ingan-fast train`: what may be left out, budgets, early stop, a word about pictures that are likely to fail."""

import json
from pathlib import Path

import numpy as np
import pytest

from ingan_fast import cli, planning
from ingan_fast.budget import Speed
from ingan_fast.config import PRESETS
from ingan_fast.images import Pixels, save_image

SMALL = ("--preset", "smoke", "--device", "cpu")


@pytest.fixture(autouse=True)
def working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def command(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["ingan-fast", "train", *map(str, words)])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def config(run: str) -> dict[str, object]:
    content: dict[str, object] = json.loads((Path(run) / "config.json").read_text())
    return content


def test_the_run_is_named_after_the_picture(
    picture_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, picture_path, *SMALL, "--iterations", 2) == 0
    assert "runs/dots: trained, 2 iterations" in capsys.readouterr().out
    before = Path("runs/dots/generator.safetensors").stat().st_mtime_ns
    assert command(monkeypatch, picture_path, *SMALL, "--iterations", 2) == 2
    assert "runs/dots already holds a run" in capsys.readouterr().err
    assert Path("runs/dots/generator.safetensors").stat().st_mtime_ns == before


def test_a_picture_alone_is_trained_for_ten_minutes_on_a_cpu(
    picture_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "cpu", PRESETS["smoke"])
    monkeypatch.setattr(planning, "measure_speed", lambda *_: Speed(20.0, 0.0, 1.0, 1.0, 1.0))
    assert command(monkeypatch, picture_path, "--device", "cpu") == 0
    written = config("runs/dots")
    assert (written["preset"], written["budget"]) == ("cpu", 600)


def test_an_early_stop_is_a_setting_of_the_run(picture_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(monkeypatch, picture_path, *SMALL, "--iterations", 2, "--early-stop") == 0
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
def test_a_bad_budget_is_one_line(
    picture_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    part: str,
) -> None:
    assert command(monkeypatch, picture_path, *SMALL, *words) == 2
    message = capsys.readouterr().err
    assert len(message.splitlines()) == 1
    assert part in message
    assert not Path("runs").exists()


def one_disc() -> Pixels:
    y, x = np.mgrid[0:80, 0:100]
    rgb = np.stack([120 + x, 90 + x // 2, 60 + y], axis=-1)
    rgb[(x - 55) ** 2 + (y - 40) ** 2 < 900] = (250, 250, 255)
    return rgb.astype(np.uint8)


def test_a_picture_of_one_object_is_trained_with_a_word_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_image(one_disc(), "disc.png")
    assert command(monkeypatch, "disc.png", *SMALL, "--iterations", 2) == 0
    assert "only once" in " ".join(capsys.readouterr().err.split())
