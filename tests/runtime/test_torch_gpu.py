"""A run played by torch on a CUDA device, as CUDA graphs; skipped where there is none."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ingan_fast.model.fold import merge_upsampling
from ingan_fast.model.joined import JoinedGraph
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.opening import opened_run
from ingan_fast.settings import LEARNED, PAPER, Settings
from ingan_fast.training.run_folder import Config
from ingan_fast.training.trained import TrainedRun
from small_networks import folded

pytestmark = pytest.mark.gpu

SIZES = [(90, 70), (64, 56), (121, 93)]
FRAMES = 12


@pytest.fixture
def frames(picture: Pixels) -> list[Tensor]:
    return [torch.from_numpy(np.ascontiguousarray(np.roll(picture, turn, axis=1))).cuda() for turn in range(FRAMES)]


def test_frames_are_those_of_a_cpu(trained_run: Path, frames: list[Tensor], picture: Pixels) -> None:
    with Retargeter.open(trained_run, "cuda", "torch") as opened, Retargeter.open(trained_run, "cpu") as reference:
        for frame in frames:  # the first of a size runs as it is, the second is captured, the others are replays
            for size in SIZES:
                expected = reference(frame.cpu().numpy(), size=size).astype(int)
                for found in (
                    opened(frame, size=size).cpu().numpy(),
                    opened(frame.cpu().numpy(), size=size),
                ):
                    assert np.quantile(np.abs(found - expected), 0.999) <= 2


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("settings", [replace(PAPER, channels=24), replace(LEARNED, channels=16)])
def test_joined_passes_give_the_pictures_of_a_cpu(settings: Settings, precision: str, picture: Pixels) -> None:
    config = Config.new(settings, "smoke", None, 0, {"dots.png": picture}, "cpu")
    trained = TrainedRun(merge_upsampling(folded(settings)), [picture], config)
    reference = Retargeter(opened_run(trained, "cpu", "float32"))
    opened = opened_run(trained, "cuda", precision)
    assert isinstance(opened.backend._graph, JoinedGraph)  # type: ignore[attr-defined]
    played = Retargeter(opened)
    for size in SIZES * 3:
        off = np.abs(played(size=size).astype(int) - reference(size=size))
        assert np.quantile(off, 0.999) <= 2  # torch rounds float32 to TensorFloat-32 in convolutions


def play(run: Path, frames: list[Tensor], picture: Pixels, results: list[Tensor]) -> None:
    stream = torch.cuda.Stream()
    with Retargeter.open(run, "cuda", "torch") as opened:
        for frame in frames:
            results.append(opened(frame, size=SIZES[0], stream=stream))
        stream.synchronize()


def test_two_at_a_time_do_not_disturb_each_other(trained_run: Path, frames: list[Tensor], picture: Pixels) -> None:
    torch.cuda.synchronize()  # the frames were made on another stream
    alone: list[Tensor] = []
    play(trained_run, frames, picture, alone)
    both: list[list[Tensor]] = [[], []]
    threads = [threading.Thread(target=play, args=(trained_run, frames, picture, results)) for results in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for results in both:
        assert len(results) == FRAMES
        assert all(torch.equal(one, other) for one, other in zip(results, alone, strict=True))


def test_one_on_two_streams_takes_turns(trained_run: Path, frames: list[Tensor], picture: Pixels) -> None:
    torch.cuda.synchronize()
    alone: list[Tensor] = []
    play(trained_run, frames, picture, alone)
    streams = [torch.cuda.Stream(), torch.cuda.Stream()]
    with Retargeter.open(trained_run, "cuda", "torch") as opened:
        found = [opened(frame, size=SIZES[0], stream=streams[turn % 2]) for turn, frame in enumerate(frames)]
        torch.cuda.synchronize()
    assert all(torch.equal(one, other) for one, other in zip(found, alone, strict=True))
