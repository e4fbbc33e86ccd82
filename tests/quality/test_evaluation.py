"""Outputs beside the baselines at their size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ingan_fast import load
from ingan_fast.pictures import Pixels
from ingan_fast.quality import evaluation
from ingan_fast.quality.evaluation import SHAPES, Judge, Output, read_output, retargetings
from ingan_fast.quality.metrics import evaluate, psnr
from ingan_fast.quality.resampling import plain_resize, seam_carve


def test_an_output_is_judged_beside_both_baselines_at_its_size(picture: Pixels) -> None:
    output = Output("wide", np.tile(picture, (1, 2, 1)))
    judged = Judge(picture).judge(output)
    assert judged.measures == evaluate(output.picture, picture)
    assert judged.plain_resize == evaluate(plain_resize(picture, (128, 56)), picture)
    assert judged.seam_carving == evaluate(seam_carve(picture, (128, 56)), picture)
    assert judged.as_dict() == {
        "name": "wide",
        "size": [128, 56],
        "measures": judged.measures,
        "plain_resize": judged.plain_resize,
        "seam_carving": judged.seam_carving,
    }


def test_a_sizes_baselines_are_judged_once(picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []
    monkeypatch.setattr(evaluation, "evaluate", lambda *_: judged.append(1) or {})
    steps: list[int] = []
    judge = Judge(picture, lambda: steps.append(1))
    for name in ("a", "b"):
        judge.judge(Output(name, picture))
    assert len(judged) == 4
    assert len(steps) == 2 * Judge.steps()


def test_without_seam_carving_its_row_is_left_out(picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "find_spec", lambda name: None)
    assert Judge(picture).judge(Output("same", picture)).seam_carving is None
    assert Judge.steps() == 2


def test_baselines_are_masked_as_the_output(picture: Pixels) -> None:
    mask = np.zeros((56, 64), np.float32)
    mask[:, 20:] = 1
    judged = Judge(picture).judge(Output("cut", picture[::-1], mask))
    assert judged.plain_resize == evaluate(picture, picture, mask)
    assert judged.measures["kept_width"] is None


def test_a_runs_shapes_come_with_their_way_back(trained_run: Path) -> None:
    trained = load(trained_run, "cpu")
    outputs = list(retargetings(lambda wanted, image: trained.retarget(wanted, image).picture, trained.source_size))
    assert [output.name for output in outputs] == list(SHAPES)
    assert [output.size for output in outputs] == [(96, 56), (38, 56), (64, 84), (64, 34)]
    back = outputs[0].back
    assert back is not None
    assert back.shape == trained.source.shape
    judged = Judge(trained.source).judge(outputs[0])
    assert judged.measures["psnr"] == psnr(back, trained.source)
    resized = plain_resize(plain_resize(trained.source, (96, 56)), (64, 56))
    assert judged.plain_resize["psnr"] == psnr(resized, trained.source)


def test_an_equal_reconstruction_has_no_psnr(picture: Pixels) -> None:
    assert Judge(picture).judge(Output("same", picture, back=picture)).measures["psnr"] is None


def test_a_files_transparency_is_its_mask(picture: Pixels, tmp_path: Path) -> None:
    alpha = np.full((56, 64), 255, np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(np.dstack([picture, alpha])).save(path)
    assert read_output(path).mask is None
    alpha[:, :20] = 0
    Image.fromarray(np.dstack([picture, alpha])).save(path)
    output = read_output(path)
    np.testing.assert_array_equal(output.mask, alpha / np.float32(255))
    np.testing.assert_array_equal(output.picture[:, 20:], picture[:, 20:])
