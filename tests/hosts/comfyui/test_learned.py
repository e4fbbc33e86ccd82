"""Train, Load model and Apply model, called as ComfyUI calls nodes."""

import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from comfyui_host import PACK, Host, InterruptProcessingException, call
from ingan_fast import Retargeter
from ingan_fast.training.run_folder import RunFolder

pytestmark = pytest.mark.usefixtures("unwatched", "quick_calibration")

SHAPE = {"resize_by": "factors", "scale_x": 1.5, "scale_y": 1.0, "width": 100, "height": 40, "corners": ""}
TRAINING = {"name": "dots", "preset": "smoke", "minutes": 0.0, "random_seed": 0, "if_exists": "go on"}


def train(comfyui: Host, image: Tensor, **changes: Any) -> tuple[Any, ...]:
    return call(comfyui, "InganFastTrain", image=image, **(TRAINING | changes))


def models() -> ModuleType:
    return sys.modules[str(PACK).replace(".", "_x_") + ".models"]


def placed(comfyui: Host, run: Path, name: str = "dots") -> None:
    """A run in ComfyUI's folder for models."""
    (comfyui.folder("models/ingan_fast") / name).symlink_to(run)


def test_a_training_ends_in_a_run_that_is_applied(comfyui: Host, image: Tensor) -> None:
    model, folder = train(comfyui, image)
    assert Path(folder) == comfyui.folder("output") / "ingan_fast" / "dots"
    assert RunFolder(Path(folder)).read_config().images[0]["width"] == 64
    assert (12, 12) in comfyui.progress
    assert comfyui.previews  # what was learned so far
    kind, shown, side = comfyui.previews[-1]
    assert kind == "JPEG"
    assert shown.mode == "RGB"
    assert side > 0
    result, outside = call(comfyui, "InganFastApplyModel", model=model, **SHAPE)
    with Retargeter.open(folder, "cpu") as retargeter:
        np.testing.assert_array_equal(np.rint(result[0].numpy() * 255), retargeter(scale=(1.5, 1), warp="auto"))
    assert not outside.any()


def test_a_cancelled_training_is_saved_and_goes_on(comfyui: Host, image: Tensor) -> None:
    comfyui.on_progress = lambda value: comfyui.cancel() if value == 4 else None
    with pytest.raises(InterruptProcessingException):
        train(comfyui, image)
    run = RunFolder(comfyui.folder("output") / "ingan_fast" / "dots")
    checkpoint = run.read_checkpoint()
    assert checkpoint is not None
    assert not comfyui.cancelled
    comfyui.progress.clear()
    comfyui.on_progress = lambda value: None
    train(comfyui, image)
    assert comfyui.progress[1][0] > 4  # from where it was, not from the start
    assert comfyui.progress[-1] == (12, 12)


def test_a_finished_training_is_used_or_made_anew(comfyui: Host, image: Tensor, trained_run: Path) -> None:
    folder = comfyui.folder("output/ingan_fast") / "dots"
    shutil.copytree(trained_run, folder)  # of the same picture, with the same settings
    before = stat(folder)
    used, path = train(comfyui, image)
    assert path == used.path == str(folder)
    assert stat(folder) == before
    with pytest.raises(ValueError, match=r"other settings: image .*if_exists: train again"):
        train(comfyui, 1 - image)
    assert stat(folder) == before
    anew, _ = train(comfyui, 1 - image, if_exists="train again")
    assert anew.path == used.path
    assert anew != used


def stat(run: Path) -> tuple[int, int]:
    found = (run / "generator.safetensors").stat()
    return found.st_mtime_ns, found.st_size


def test_a_gpu_is_freed_for_a_training(comfyui: Host, image: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr("ingan_fast.training.loop.train", lambda *words, **options: given.append(options["device"]))
    comfyui.device = "cuda:0"
    train(comfyui, image)
    comfyui.device = "xpu:0"
    train(comfyui, image, random_seed=1)
    assert given == ["cuda:0", "cpu"]
    assert comfyui.unloaded == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "../dots"}, "can't be a folder's"),
        ({"name": " "}, "can't be a folder's"),
        ({"name": ".hidden"}, "can't be a folder's"),
        ({"minutes": 0.5}, "give 1 to 2880, or 0"),
        ({"preset": "best"}, "not in list"),
    ],
)
def test_trainings_that_cant_be_are_told_before_anything_runs(
    comfyui: Host, changes: dict[str, Any], words: str
) -> None:
    comfyui.folder("input").joinpath("a.png").touch()
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "InganFastTrain", "inputs": {"image": ["1", 0], **TRAINING, **changes}},
    }
    problems = comfyui.problems(prompt)
    assert len(problems) == 1, problems
    assert words in problems[0]


def test_an_old_torch_is_told(comfyui: Host, image: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "2.7.1+cu128")
    with pytest.raises(ValueError, match=r"training needs torch 2.11 or newer, and ComfyUI runs 2.7.1\+cu128"):
        train(comfyui, image)


def test_models_are_found_by_name_and_applied_to_batches(comfyui: Host, image: Tensor, trained_run: Path) -> None:
    placed(comfyui, trained_run)
    (model,) = call(comfyui, "InganFastLoadModel", name="dots")
    frames = torch.cat([image, image.flip(1), image.flip(2)])
    result, outside = call(comfyui, "InganFastApplyModel", model=model, image=frames, **(SHAPE | {"resize_by": "size"}))
    assert result.shape == (3, 40, 100, 3)
    assert outside.shape == (3, 40, 100)
    with Retargeter.open(trained_run, "cpu") as retargeter:
        frame = np.rint(frames[1].numpy() * 255).astype(np.uint8)
        np.testing.assert_array_equal(np.rint(result[1].numpy() * 255), retargeter(frame, size=(100, 40)))
    corners = SHAPE | {"resize_by": "corners", "corners": "20,0 100,0 80,40 0,40"}
    result, outside = call(comfyui, "InganFastApplyModel", model=model, **corners)
    assert outside[0, 2, 2] == 1
    assert not result[0, 2, 2].any()
    with pytest.raises(ValueError, match="opacity, which networks don't take"):
        call(comfyui, "InganFastApplyModel", model=model, image=torch.ones(1, 56, 64, 4), **SHAPE)


def test_few_models_stay_loaded(comfyui: Host, trained_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    monkeypatch.setattr(Retargeter, "close", lambda self: closed.append(self))
    for name in "abcd":
        placed(comfyui, trained_run, name)
        call(comfyui, "InganFastLoadModel", name=name)
    assert len(models().loaded) == models().KEPT == 2
    assert len(closed) == 2
    call(comfyui, "InganFastLoadModel", name="d")  # is there
    assert len(closed) == 2


def test_a_model_that_is_trained_anew_is_loaded_anew(comfyui: Host, run_copy: Path) -> None:
    placed(comfyui, run_copy)
    check = comfyui.nodes["InganFastLoadModel"].IS_CHANGED
    first = check(name="dots")
    assert check(name="dots") == first
    (run_copy / "generator.safetensors").write_bytes((run_copy / "generator.safetensors").read_bytes())
    assert check(name="dots") != first
    assert check() == ""  # the name comes from another node


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "there is no model nothing; found in .*: dots"),
        ("", "no model was named"),
        ("../dots", "outside of"),
        ("/nowhere/run", "there is no model /nowhere/run"),
    ],
)
def test_models_that_are_not_there_are_told(comfyui: Host, trained_run: Path, name: str, words: str) -> None:
    placed(comfyui, trained_run)
    prompt = {
        "1": {"class_type": "InganFastLoadModel", "inputs": {"name": name}},
        "2": {"class_type": "InganFastApplyModel", "inputs": {"model": ["1", 0], **SHAPE}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "a"}},
    }
    problems = comfyui.problems(prompt)
    assert len(problems) == 1, problems
    with pytest.raises(AssertionError, match=words):
        assert problems == []


def test_exported_models_by_absolute_path(comfyui: Host, trained_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def open_(path: Path, device: str) -> object:
        opened.append((path, device))
        return object()

    monkeypatch.setattr(Retargeter, "open", open_)
    comfyui.device = "cuda:0"
    model = comfyui.folder("elsewhere") / "model.onnx"
    model.touch()
    call(comfyui, "InganFastLoadModel", name=str(model))
    call(comfyui, "InganFastLoadModel", name=str(trained_run))
    assert opened == [(model, "auto"), (trained_run, "cuda:0")]


def test_models_of_the_hub(comfyui: Host, trained_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(models(), "fetch", lambda address: asked.append(address) or trained_run)
    (model,) = call(comfyui, "InganFastLoadModel", name="hf://me/dots@main")
    result, _ = call(comfyui, "InganFastApplyModel", model=model, **SHAPE)
    assert asked == ["hf://me/dots@main"]
    assert result.shape == (1, 56, 96, 3)
