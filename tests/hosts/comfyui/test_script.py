"""Video script, called as ComfyUI calls nodes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from comfyui_host import Host, InterruptProcessingException, call
from ingan_fast.pictures import Pixels
from ingan_fast.video.canvas import place
from ingan_fast.video.laid_out import LaidOut
from ingan_fast.video.script import read_script

SCRIPT = {
    "script": "grow-width",
    "seconds": 0.5,
    "fps": 8.0,
    "width": 0,
    "height": 0,
    "background": "#000000",
    "random_seed": 0,
    "keyframes": "",
}
KEYFRAMES = """
keyframes:
  - {time: 0, scale: 1x1}
  - {time: 2, scale: 0.8x1}
"""


def animate(comfyui: Host, **inputs: Any) -> tuple[Any, ...]:
    return call(comfyui, "InganFastVideoScript", **(SCRIPT | inputs))


def test_frames_are_those_of_the_video_command(comfyui: Host, image: Tensor, picture: Pixels) -> None:
    frames, outside, fps = animate(comfyui, image=image)
    animation = read_script("grow-width", (64, 56), fps=8, seconds=0.5)
    assert frames.shape == (4, 56, 116, 3)
    assert fps == 8.0
    engine = LaidOut(picture, (0, 0, 0))
    engine.expect([pose.transform for pose in animation.poses])
    for index, pose in enumerate(animation.poses):
        expected = place(engine(None, transform=pose.transform), pose, animation.canvas, (0, 0, 0))
        # The command draws over the background; here edges are mixed in floats.
        assert np.abs(frames[index].numpy() * 255 - expected).max() < 1.5
    assert outside[0, :, 0].all()  # the picture is small at first, in the middle
    assert not outside[3].any()
    assert comfyui.progress[-1] == (4, 4)


def test_colour_and_size_of_the_frames(comfyui: Host, image: Tensor) -> None:
    frames, outside, _ = animate(comfyui, image=image, width=160, height=90, background="#ff8000")
    assert frames.shape == (4, 90, 160, 3)
    np.testing.assert_allclose(frames[0, 0, 0].numpy(), [1, 128 / 255, 0], atol=1e-6)
    assert outside[0, 0, 0] == 1


def test_keyframes_as_text(comfyui: Host, image: Tensor) -> None:
    frames, _, _ = animate(comfyui, image=image, script="keyframes", keyframes=KEYFRAMES)
    assert frames.shape == (4, 56, 64, 3)
    with pytest.raises(ValueError, match=r"^keyframes:1: the file is empty"):
        animate(comfyui, image=image, script="keyframes")


def test_by_a_model(comfyui: Host, trained_run: Path, image: Tensor) -> None:
    (model,) = call(comfyui, "InganFastLoadModel", name=str(trained_run))
    own, _, _ = animate(comfyui, model=model)
    assert own.shape == (4, 56, 116, 3)
    flipped, _, _ = animate(comfyui, model=model, image=image.flip(2))
    assert flipped.shape == own.shape
    assert not torch.equal(flipped, own)


def test_what_cant_be_animated_is_told(comfyui: Host, image: Tensor) -> None:
    with pytest.raises(ValueError, match="connect an image or a model"):
        animate(comfyui)
    with pytest.raises(ValueError, match="image is a batch of 2; choose one"):
        animate(comfyui, image=torch.cat([image, image]))
    with pytest.raises(ValueError, match="72000 frames of 640x360 take 265 GB as a batch"):
        animate(comfyui, image=image, seconds=600.0, fps=120.0, width=640, height=360)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"background": "black"}, "give #rrggbb"),
        ({"width": 640}, "give both sides"),
        ({"width": 640, "height": 8}, "give both sides, from 16"),
        ({"script": "jump"}, "not in list"),
        ({"fps": 0.0}, "smaller than min"),
    ],
)
def test_values_that_cant_be_are_told_before_anything_runs(comfyui: Host, changes: dict[str, Any], words: str) -> None:
    comfyui.folder("input").joinpath("a.png").touch()
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "InganFastVideoScript", "inputs": {**SCRIPT, "image": ["1", 0], **changes}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "a"}},
    }
    problems = comfyui.problems(prompt)
    assert len(problems) == 1, problems
    assert words in problems[0]


def test_cancelling_ends_between_two_frames(comfyui: Host, image: Tensor) -> None:
    comfyui.on_progress = lambda value: comfyui.cancel() if value == 2 else None
    with pytest.raises(InterruptProcessingException):
        animate(comfyui, image=image)
    assert comfyui.progress == [(1, 4), (2, 4)]
