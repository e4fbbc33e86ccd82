"""The torch backend: captured work gives what running it gives, and arrays of other libraries go in and out."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ingan_fast import Transform
from ingan_fast.bench.models import untrained
from ingan_fast.model.deployed import DeployedGraph
from ingan_fast.model.fold import fold
from ingan_fast.model.joined import JoinedGraph
from ingan_fast.pictures import Pixels
from ingan_fast.runtime.backends import torch as backends
from ingan_fast.runtime.backends.torch import TorchBackend, graph_of
from ingan_fast.runtime.geometry import make
from ingan_fast.runtime.retargeter import Retargeter
from ingan_fast.settings import SMOKE
from ingan_fast.threads import using_threads
from ingan_fast.training.trained import read_run
from tape import Tape

CPU = torch.device("cpu")


@pytest.fixture
def tape() -> Tape:
    return Tape()


@pytest.fixture
def backend(trained_run: Path, tape: Tape) -> TorchBackend:
    return TorchBackend(DeployedGraph(read_run(trained_run).generator), CPU, 8, "fp32", capture=tape)


def prepared(backend: TorchBackend, transform: Transform) -> list[Tensor]:
    return backend.prepare(make(transform))


def test_recorded_frames_are_those_of_the_run(
    backend: TorchBackend, tape: Tape, float32: Retargeter, picture: Pixels
) -> None:
    transforms = [
        Transform.resize((80, 60)),
        Transform.from_corners([(8, 0), (70, 0), (80, 60), (0, 60)], (80, 60)),
        Transform.resize((40, 33)),
    ]
    frames = [picture, np.ascontiguousarray(picture[:, ::-1])]
    for turn in range(4):
        for transform in transforms:
            frame = frames[turn % 2]
            out = np.empty((*transform.size[::-1], 3), np.uint8)
            backend.run(frame, prepared(backend, transform), out)
            expected = float32(frame, transform=transform)
            assert np.abs(out.astype(int) - expected).max() <= 1
    assert tape.captured == 2  # two combinations of shapes


def test_only_so_many_shapes_are_kept(
    backend: TorchBackend,
    tape: Tape,
    float32: Retargeter,
    picture: Pixels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backends, "MOST_GRAPHS", 2)
    for size in [(40, 40), (40, 40), (48, 40), (40, 40), (56, 40), (48, 40), (40, 40)]:
        out = np.empty((*size[::-1], 3), np.uint8)
        backend.run(picture, prepared(backend, Transform.resize(size)), out)
        assert len(backend._captured) <= 2
    assert tape.captured == 1  # the others were forgotten before their second frame


def test_tensors_go_in_and_come_out_without_numpy(backend: TorchBackend, float32: Retargeter, picture: Pixels) -> None:
    transform = Transform.resize((80, 60))
    places = prepared(backend, transform)
    frame, out = torch.from_numpy(picture), torch.empty(60, 80, 3, dtype=torch.uint8)
    first = backend.run_on_device(frame, places, transform.size)
    assert backend.run_on_device(frame.flip(0), places, transform.size, out) is out
    expected = float32(transform=transform)
    assert np.abs(first.numpy().astype(int) - expected).max() <= 1
    assert (first != out).any()  # and the first picture was not written over


def test_where_the_kernels_run_passes_are_joined(
    trained_run: Path, float32: Retargeter, picture: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, asked = read_run(trained_run), []

    def has_kernels(tensor: Tensor) -> bool:
        asked.append((tensor.device, tensor.dtype))
        return True

    monkeypatch.setattr(backends, "has_kernels", has_kernels)
    joined = TorchBackend.of_run(trained, "cpu", "float32")
    assert asked == [(CPU, torch.float32)]
    assert isinstance(joined._graph, JoinedGraph)
    assert not isinstance(graph_of(trained.generator, CPU, torch.float32, join=False), JoinedGraph)
    out = np.empty((61, 83, 3), np.uint8)
    transform = Transform.resize((83, 61))
    joined.run(picture, prepared(joined, transform), out)
    assert np.abs(out.astype(int) - float32(picture, transform=transform)).max() <= 1


class Streams:
    """What a call does on CUDA's streams, in order; a stand-in for torch's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.calls: list[object] = []
        self.current = 0
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: self)
        monkeypatch.setattr(Tensor, "record_stream", lambda tensor, stream: None)

    def wait_event(self, event: object) -> None:
        self.calls.append(("wait", self.current))

    def record(self, stream: object) -> None:
        self.calls.append(("done", self.current))

    def synchronize(self) -> None:
        self.calls.append("finish")


def test_calls_on_several_streams_take_turns(
    backend: TorchBackend,
    float32: Retargeter,
    picture: Pixels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each waits for the end of the one before: captured work shares its inputs and memory."""
    streams = Streams(monkeypatch)
    backend._done = streams  # type: ignore[assignment]
    transform = Transform.resize((80, 60))
    places = prepared(backend, transform)
    for streams.current in (1, 2):
        backend.run_on_device(torch.from_numpy(picture), places, transform.size)
    assert streams.calls == [("wait", 1), ("done", 1), ("wait", 2), ("done", 2)]
    backend.close()
    assert streams.calls[-1] == "finish"
    assert not backend._captured


def test_frames_are_made_with_the_threads_that_suit_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    others, used = [0.0] * 3 + [9.0] * 20 + [0.0] * 40, []
    looks = iter(others)
    monkeypatch.setattr("ingan_fast.threads._others_running", lambda: next(looks))
    monkeypatch.setattr("os.cpu_count", lambda: 2)

    def graph(image: Tensor) -> Tensor:
        used.append(torch.get_num_threads())
        return image

    with using_threads(2):
        backend = TorchBackend(graph, CPU, 8, "fp32")
        for _ in others:
            backend.run(np.zeros((4, 4, 3), np.uint8), [], np.empty((4, 4, 3), np.uint8))
            assert torch.get_num_threads() == 2  # the process's own
    assert used[:3] == [2, 2, 2]
    assert used[22] == 1
    assert used[-1] == 2


def test_two_stages_play_in_half_precision(picture: Pixels) -> None:
    generator = fold(untrained(SMOKE, picture))
    transform = Transform.resize((90, 70))
    pictures = []
    for dtype in (torch.float32, torch.bfloat16):
        backend = TorchBackend(DeployedGraph(copy.deepcopy(generator).to(dtype)), CPU, 8, str(dtype))
        out = np.empty((70, 90, 3), np.uint8)
        backend.run(picture, backend.prepare({"grid": transform.grid()[None]}), out)
        pictures.append(out.astype(int))
    assert 0 < np.abs(pictures[0] - pictures[1]).max() <= 4


@pytest.mark.parametrize(("megabytes", "tiled"), [(47, False), (45, True)])
def test_outputs_of_a_run_are_tiled_above_48_bytes_a_channel_and_pixel(
    trained_run: Path, megabytes: int, tiled: bool
) -> None:
    """400x300 px with the 8 channels of this run: 46.1 MB."""
    parts: list[float] = []
    with Retargeter.open(trained_run, "cpu", max_memory=megabytes * 10**6) as retargeter:
        retargeter(size=(400, 300), progress=parts.append)
    assert bool(parts) == tiled


@pytest.mark.parametrize("unit", [False, True])
def test_a_graph_that_changes_nothing_gives_the_frame_back(picture: Pixels, unit: bool) -> None:
    ranges: list[tuple[float, float]] = []

    def graph(image: Tensor) -> Tensor:
        ranges.append((float(image.min().floor()), float(image.max().ceil())))
        return image

    out = np.empty_like(picture)
    TorchBackend(graph, CPU, 8, "fp32", unit=unit).run(picture, [], out)
    np.testing.assert_array_equal(out, picture)
    assert ranges == [(0 if unit else -1, 1)]
