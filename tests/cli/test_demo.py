"""The demo's page: without training at once, with what was learned after it."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingan_fast import Transform, load
from ingan_fast.layout import Layouts
from ingan_fast.pictures import Pixels, load_image

NAMES = ("wide", "narrow", "tall", "large", "tilted")


def test_without_training_the_page_shows_the_layout_beside_a_plain_resize(
    ingan_fast: Any, picture_path: Path, picture: Pixels
) -> None:
    ended = ingan_fast("demo", picture_path, "--out", "demo", "--no-train")
    assert ended.code == 0
    assert "demo/index.html" in ended.out
    page = Path("demo/index.html").read_text()
    for name in NAMES:
        for way in ("layout", "plain_resize"):
            assert f"{name}_{way}.png" in page
            assert load_image(f"demo/{name}_{way}.png").std() > 5
    np.testing.assert_array_equal(load_image("demo/wide_layout.png"), Layouts(picture).retarget((96, 56)))
    assert not Path("demo/run").exists()


def test_after_training_it_shows_what_was_learned(
    ingan_fast: Any, picture_path: Path, trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def train(images: list[Path], run: Path, **options: Any) -> None:
        asked.append({"images": images, **options})
        shutil.copytree(trained_run, run)

    monkeypatch.setattr("ingan_fast.cli.demo.train", train)
    ended = ingan_fast("demo", picture_path, "--out", "demo", "--budget", "5m")
    assert ended.code == 0
    assert asked == [{"images": [picture_path], "budget": "5m", "device": "auto", "resume": True}]
    page = Path("demo/index.html").read_text()
    assert all(f"{name}_learned.png" in page for name in NAMES)
    wide = load(trained_run, "cpu").retarget(Transform.resize((96, 56))).picture
    np.testing.assert_array_equal(load_image("demo/wide_learned.png"), wide)
