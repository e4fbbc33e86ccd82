"""What is learned of grey pictures is exactly grey, however it is run, and is written as grey."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from untrained_runs import write_run

from ingan_fast import Transform, load
from ingan_fast.export.run import ExportOptions, export
from ingan_fast.pictures import Pixels, save_image
from ingan_fast.runtime import Retargeter
from ingan_fast.settings import SMOKE
from ingan_fast.training.loop import train
from ingan_fast.training.run_folder import RunFolder
from ingan_fast.training.trained import read_run
from trainings import run

pytestmark = pytest.mark.usefixtures("unwatched")

TILTED = Transform.from_corners([(8, 0), (70, 4), (80, 60), (0, 60)], (80, 60))


@pytest.fixture(scope="module")
def grey_picture(picture: Pixels) -> Pixels:
    return np.repeat(picture[..., :1], 3, axis=2)


@pytest.fixture(scope="module")
def grey_run(grey_picture: Pixels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained run, whose generator would tint whatever it makes."""
    folder = tmp_path_factory.mktemp("grey")
    save_image(grey_picture, folder / "dots.png")
    return write_run(folder / "run", replace(SMOKE, grey=True, blocks=0, downscales=1), grey_picture)


def is_grey(pixels: Pixels) -> bool:
    return bool((pixels == pixels[..., :1]).all()) and len(np.unique(pixels)) > 1


@pytest.mark.parametrize("stages", [1, 2])
def test_a_training_on_grey_pictures_makes_a_grey_generator(tmp_path: Path, grey_picture: Pixels, stages: int) -> None:
    save_image(grey_picture, tmp_path / "dots.png")
    run(tmp_path / "dots.png", tmp_path / "run", settings={"iterations": 2, "stages": stages})
    trained = read_run(tmp_path / "run")
    assert trained.settings.grey
    assert is_grey(load(tmp_path / "run", "cpu").retarget(TILTED).picture)


def test_a_training_on_colours_or_on_both_stays_in_colour(
    tmp_path: Path, grey_picture: Pixels, picture_path: Path
) -> None:
    save_image(grey_picture, tmp_path / "grey.png")
    run([tmp_path / "grey.png", picture_path], tmp_path / "run", settings={"iterations": 1})
    assert not read_run(tmp_path / "run").settings.grey


@pytest.fixture(scope="module")
def grey_model(grey_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(read_run(grey_run), tmp_path_factory.mktemp("grey_model"), ExportOptions()).path


@pytest.mark.parametrize("kind", ["run", "onnxruntime", "openvino"])
def test_it_is_grey_in_every_runtime_and_for_colour_frames_too(
    grey_run: Path, grey_model: Path, picture: Pixels, kind: str
) -> None:
    if kind != "run":
        pytest.importorskip(kind)
    path, backend = (grey_run, "torch") if kind == "run" else (grey_model, kind)
    with Retargeter.open(path, "cpu", backend) as retargeter:
        assert is_grey(retargeter(transform=TILTED))
        assert is_grey(retargeter(picture, size=(90, 40)))


def test_it_is_written_as_grey(ingan_fast: Callable[..., Any], grey_run: Path) -> None:
    ended = ingan_fast("retarget", grey_run, "--size", "90x40", "--out", "out.png", "--device", "cpu")
    assert ended.code == 0, ended.err
    with Image.open("out.png") as image:
        assert image.mode == "L"
    corners = "8,0 70,4 80,60 0,60"
    assert ingan_fast("retarget", grey_run, "--corners", corners, "--out", "tilted.png").code == 0
    with Image.open("tilted.png") as image:
        assert image.mode == "LA"


def test_a_run_from_before_goes_on_as_it_was(tmp_path: Path, grey_picture: Pixels) -> None:
    save_image(grey_picture, tmp_path / "dots.png")
    options: dict[str, Any] = {"preset_name": "smoke", "device": "cpu"}
    train(tmp_path / "dots.png", tmp_path / "run", settings={"iterations": 1}, **options)
    config = RunFolder(tmp_path / "run").config_path
    assert '"grey": true' in config.read_text()
    config.write_text(config.read_text().replace('"grey": true', '"grey": false'))
    assert train(tmp_path / "dots.png", tmp_path / "run", settings={"iterations": 1}, resume=True, **options).finished
