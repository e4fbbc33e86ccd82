"""Quality is judged while training, the same every time, and training takes no notice of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ingan_fast import train
from ingan_fast.geometry import Transform
from ingan_fast.layout import Layouts
from ingan_fast.model.networks import Generator
from ingan_fast.model.sampling import sampling_tensor, to_pixels, to_tensor
from ingan_fast.pictures import Pixels, load_image
from ingan_fast.quality.validation import JUDGED_PIXELS, MEASURES, WIDTHS, beside_layout, judge, stretches
from ingan_fast.runtime.retargeter import load
from ingan_fast.settings import SMOKE
from ingan_fast.training.curves import read_log
from ingan_fast.training.info import describe
from ingan_fast.training.run_folder import RunFolder
from trainings import leave_unplotted

NAMES = {f"{measure}_x{width:g}" for measure in MEASURES for width in WIDTHS}


def validations(run: Path) -> list[int]:
    """The iterations that the log has a validation of."""
    return [line["iteration"] for line in read_log(run / "log.jsonl") if line.keys() >= NAMES]


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(SMOKE).eval().requires_grad_(False)


def by(generator: Generator, source: Pixels) -> Callable[[Transform], Pixels]:
    x = to_tensor(source)
    return lambda transform: to_pixels(generator(x, sampling_tensor(transform, x.device), transform.size[::-1]))


def test_judging_repeats_itself_and_changes_nothing(generator: Generator, picture: Pixels) -> None:
    retarget = by(generator, picture)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    random, precision = torch.get_rng_state(), torch.get_float32_matmul_precision()
    quality = judge(retarget, picture)
    assert judge(retarget, picture) == quality
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.get_float32_matmul_precision() == precision
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert quality.keys() <= NAMES  # a blurred output may have no scale that is nearer than others
    assert 0 < quality["coherence_x1.5"] < 0.3


@pytest.mark.parametrize(
    ("kept", "expected"), [({"x1.5": 0.8, "x0.6": 0.6}, True), ({"x1.5": 1.1, "x0.6": 0.8}, False), ({}, False)]
)
def test_a_network_stretches_if_it_keeps_too_little_at_either_width(kept: dict[str, float], expected: bool) -> None:
    quality = {f"kept_width_{name}": value for name, value in kept.items()}
    assert stretches({"coherence_x1.5": 0.01, "swd_x0.6": 0.02} | quality) == expected


def test_a_larger_picture_is_judged_smaller(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def evaluate(output: Pixels, source: Pixels) -> dict[str, float | None]:
        seen.append((output.shape, source.shape))
        return dict.fromkeys(MEASURES, 1.0) | {"kept_width": None}

    monkeypatch.setattr("ingan_fast.quality.validation.evaluate", evaluate)
    pixels = np.zeros((200, 400, 3), np.uint8)
    assert judge(by(generator, pixels), pixels).keys() == {name for name in NAMES if "kept" not in name}
    for (height, width, _), (source_height, source_width, _) in seen:
        assert source_height == height
        assert source_height * source_width == pytest.approx(JUDGED_PIXELS, rel=0.02)
        assert any(width == pytest.approx(ratio * source_width, abs=1) for ratio in WIDTHS)


def test_a_run_is_judged_now_and_then_and_at_its_end(trained_run: Path) -> None:
    assert validations(trained_run) == [6, 12]
    assert (trained_run / "monitor" / "quality.png").stat().st_size > 1000


def test_validation_changes_nothing_in_what_is_trained(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_unplotted(monkeypatch)
    for out, every in ((tmp_path, 1000), (tmp_path / "often", 1)):
        settings = {"iterations": 2, "validate_every": every}
        train(picture_path, out, preset_name="smoke", device="cpu", settings=settings)
    assert validations(tmp_path / "often") == [1, 2]
    often, seldom = (RunFolder(path).read_checkpoint() for path in (tmp_path / "often", tmp_path))
    assert often is not None
    assert seldom is not None
    weights = [state["averaged"].values() for state in (often, seldom)]
    assert all(map(torch.equal, *weights))
    tensors = [RunFolder(path).read_generator(SMOKE).state_dict().values() for path in (tmp_path / "often", tmp_path)]
    assert all(map(torch.equal, *tensors))


def test_info_tells_the_last_quality(trained_run: Path) -> None:
    names, values = ([str(cell) for cell in column.cells] for column in describe(trained_run).columns)
    row = dict(zip(names, values, strict=True))["last quality"]
    assert "coherence_x1.5" in row
    assert "adversarial" not in row


def test_a_run_begins_with_the_layout_alone_and_ends_beside_it(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_unplotted(monkeypatch)
    told: list[str] = []
    shown: list[bool] = []
    train(
        picture_path,
        tmp_path / "run",
        preset_name="smoke",
        device="cpu",
        settings={"log_every": 1, "iterations": 2},
        notice=told.append,
        report=lambda status: shown.append((tmp_path / "run" / "monitor" / "latest.png").is_file()),
    )
    assert shown[0]  # before the first preview
    first = read_log(tmp_path / "run" / "log.jsonl")[0]
    pixels = load_image(picture_path)
    layouts = Layouts(pixels)
    quality = judge(lambda transform: layouts.retarget(transform.size), pixels)
    assert first["iteration"] == 0
    assert {name: first[f"layout_{name}"] for name in quality} == quality
    trained = load(tmp_path / "run", "cpu")
    quality = judge(lambda transform: trained.retarget(transform).picture, pixels)  # as stills are made by default
    assert f"coherence {1000 * quality['coherence_x1.5']:.1f} / " in told[-1]
    assert f"(the layout alone {1000 * first['layout_coherence_x1.5']:.1f} / " in told[-1]


def test_a_layout_that_is_nearer_everywhere_is_recommended() -> None:
    layout = {f"{name}_x{width:g}": 0.002 for name in ("coherence", "swd") for width in WIDTHS}
    worse = dict.fromkeys(layout, 0.003)
    assert "the layout alone is closer" in beside_layout(worse, layout)
    assert "closer" not in beside_layout(worse | {"swd_x0.6": 0.001}, layout)
