"""Quality is judged while training, the same every time, and training takes no notice of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ingan_fast import train
from ingan_fast.model.networks import Generator
from ingan_fast.model.sampling import to_tensor
from ingan_fast.pictures import Pixels
from ingan_fast.quality.validation import JUDGED_PIXELS, MEASURES, WIDTHS, judge
from ingan_fast.settings import SMOKE
from ingan_fast.training.curves import read_log
from ingan_fast.training.info import describe
from ingan_fast.training.run_folder import RunFolder

NAMES = {f"{measure}_x{width:g}" for measure in MEASURES for width in WIDTHS}


def validations(run: Path) -> list[int]:
    """The iterations that the log has a validation of."""
    return [line["iteration"] for line in read_log(run / "log.jsonl") if line.keys() >= NAMES]


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(SMOKE).eval()


def test_judging_repeats_itself_and_changes_nothing(generator: Generator, picture: Pixels) -> None:
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    random, precision = torch.get_rng_state(), torch.get_float32_matmul_precision()
    quality = judge(generator, to_tensor(picture))
    assert judge(generator, to_tensor(picture)) == quality
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.get_float32_matmul_precision() == precision
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert quality.keys() <= NAMES  # a blurred output may have no scale that is nearer than others
    assert 0 < quality["coherence_x1.5"] < 0.3


def test_a_larger_picture_is_judged_smaller(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def evaluate(output: Pixels, source: Pixels) -> dict[str, float | None]:
        seen.append((output.shape, source.shape))
        return dict.fromkeys(MEASURES, 1.0) | {"kept_width": None}

    monkeypatch.setattr("ingan_fast.quality.validation.evaluate", evaluate)
    pixels = np.zeros((200, 400, 3), np.uint8)
    assert judge(generator, to_tensor(pixels)).keys() == {name for name in NAMES if "kept" not in name}
    for (height, width, _), (source_height, source_width, _) in seen:
        assert source_height == height
        assert source_height * source_width == pytest.approx(JUDGED_PIXELS, rel=0.02)
        assert any(width == pytest.approx(ratio * source_width, abs=1) for ratio in WIDTHS)


def test_a_run_is_judged_now_and_then_and_at_its_end(trained_run: Path) -> None:
    assert validations(trained_run) == [6, 12]
    assert (trained_run / "monitor" / "quality.png").stat().st_size > 1000


def test_validation_changes_nothing_in_what_is_trained(trained_run: Path, picture_path: Path, tmp_path: Path) -> None:
    train(picture_path, tmp_path, preset_name="smoke", device="cpu", settings={"validate_every": 1000})
    train(picture_path, tmp_path / "often", preset_name="smoke", device="cpu", settings={"validate_every": 1})
    assert validations(tmp_path / "often") == list(range(1, 13))
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
