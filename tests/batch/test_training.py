"""Batches that train a network on each picture."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from batch_runs import Failing, dots, run
from ingan_fast.batch.requests import Options, Training
from ingan_fast.training.trained import read_run
from trainings import leave_unwatched

SMOKE = Options(training=Training(None, "smoke"))


@pytest.fixture(scope="module")
def learned(picture_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of one picture, and of its network and an output; for copying."""
    folder = tmp_path_factory.mktemp("learned")
    (folder / "photos").mkdir()
    shutil.copy2(picture_path, folder / "photos" / "a.png")
    with pytest.MonkeyPatch.context() as patch:
        leave_unwatched(patch)
        outcome = run(folder / "photos", folder / "out", options=SMOKE)
    assert not outcome.errors
    assert outcome.made == {"a.png_run", "a_48x36.png"}
    return folder / "photos", folder / "out"


@pytest.fixture
def out(learned: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(learned[1], tmp_path / "out"))


def test_a_network_is_trained_and_kept(learned: tuple[Path, Path]) -> None:
    trained = read_run(learned[1] / "a.png_run")
    assert trained.config.preset == "smoke"
    assert not (learned[1] / "a.png_run" / "checkpoint.pt").exists()


def test_another_size_needs_no_other_training(learned: tuple[Path, Path], out: Path) -> None:
    pool = Failing(lambda task: None)
    outcome = run(learned[0], out, ("48x36", "40x40"), SMOKE, pool)
    assert outcome.made == {"a_40x40.png"}
    assert len(pool.tasks) == 1


def test_a_run_folder_that_is_not_whole_is_trained_again(learned: tuple[Path, Path], out: Path) -> None:
    (out / "a.png_run" / "generator.safetensors").unlink()
    pool = Failing(lambda task: RuntimeError("this test does not train"))
    assert run(learned[0], out, options=SMOKE, pool=pool).errors.keys() == {"a.png_run"}
    assert [list(task.outputs) for task in pool.tasks] == [["a.png_run"]]


def test_a_picture_too_small_to_learn_from_is_an_error(tmp_path: Path) -> None:
    dots(tmp_path / "photos" / "a.png", size=(20, 20))
    outcome = run(tmp_path / "photos", tmp_path / "out", options=SMOKE)
    assert outcome.errors["a.png_run"].startswith("is 20x20 px")
    assert outcome.errors["a_48x36.png"] == "its training failed"


def test_judging_adds_measures_to_outputs_and_never_trains_again(learned: tuple[Path, Path], out: Path) -> None:
    outcome = run(learned[0], out, options=replace(SMOKE, judge=True))
    assert outcome.made == {"a_48x36.png"}
    assert outcome.entries["a_48x36.png"].measures["coherence"] > 0
    assert not run(learned[0], out, options=SMOKE).made  # what is judged need not be made without


@pytest.mark.slow
def test_networks_are_exported(
    learned: tuple[Path, Path], out: Path, exported_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    from ingan_fast.export import run as export_run
    from ingan_fast.runtime import Retargeter

    # The network is that of `trained_run`, whose graph need not be made again; an export compares them.
    model = exported_run / "model.onnx"
    monkeypatch.setattr(export_run, "write_onnx", lambda graph, to, precision: shutil.copy(model, to))
    outcome = run(learned[0], out, options=Options(training=Training(None, "smoke", export=True)))
    assert outcome.made == {"a.png_model"}
    with Retargeter.open(out / "a.png_model" / "model.onnx") as retargeter:
        assert retargeter.source_size == (64, 56)
