"""Work on several CUDA streams begins after what it needs, and is waited for; a stand-in defers it."""

import gc
import weakref
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch

from fake_streams import FakeStreams
from ingan_fast import streams
from ingan_fast.streams import branches
from ingan_fast.threads import side_by_side

GPU = torch.device("cuda")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStreams]:
    fake = FakeStreams()
    fake.install(monkeypatch)
    streams._stream.cache_clear()
    yield fake
    streams._stream.cache_clear()


@pytest.fixture
def done(gpu: FakeStreams) -> list[str]:
    return []


def launched(gpu: FakeStreams, done: list[str], name: str) -> Callable[[], str]:
    """Work that appends `name` when the GPU does it, and returns the name at once."""

    def work() -> str:
        gpu.launch(partial(done.append, name))
        return name

    return work


def test_branches_come_after_what_was_before_and_before_what_follows(gpu: FakeStreams, done: list[str]) -> None:
    launched(gpu, done, "before")()
    with branches(GPU) as branch:
        for number in range(3):
            with branch(number):
                launched(gpu, done, f"branch {number}")()
    launched(gpu, done, "after")()
    gpu.finish()
    assert done[0] == "before"
    assert done[-1] == "after"
    assert sorted(done[1:-1]) == ["branch 0", "branch 1", "branch 2"]
    assert len(gpu.every) == 4


def test_branches_of_one_number_keep_their_order(gpu: FakeStreams, done: list[str]) -> None:
    for name in ("first", "second"):
        with branches(GPU) as branch, branch(7):
            launched(gpu, done, name)()
    gpu.finish()
    assert done == ["first", "second"]
    assert len(gpu.every) == 2


def test_work_beside_does_not_wait_for_what_is_begun_meanwhile(gpu: FakeStreams, done: list[str]) -> None:
    launched(gpu, done, "before")()
    with side_by_side(GPU) as start:
        beside = start(launched(gpu, done, "beside"))
        launched(gpu, done, "meanwhile")()
        assert beside() == "beside"
        launched(gpu, done, "after")()
    gpu.every[1].run(len(gpu.every[1].work))  # the side stream alone
    assert done == ["before", "beside"]
    gpu.finish()
    assert done == ["before", "beside", "meanwhile", "after"]


def test_what_follows_waits_for_work_beside(gpu: FakeStreams, done: list[str]) -> None:
    with side_by_side(GPU) as start:
        beside = start(launched(gpu, done, "beside"))
        beside()
        launched(gpu, done, "after")()
    gpu.every[0].run(len(gpu.every[0].work))
    assert done == ["beside", "after"]


def test_work_beside_can_start_more(gpu: FakeStreams, done: list[str]) -> None:
    with side_by_side(GPU) as start:

        def nested() -> str:
            inner = start(launched(gpu, done, "inner"))
            launched(gpu, done, "outer")()
            return inner()

        assert start(nested)() == "inner"
        launched(gpu, done, "after")()
    gpu.finish()
    assert sorted(done[:2]) == ["inner", "outer"]
    assert done[2:] == ["after"]


def test_results_are_kept_until_all_has_been_launched(gpu: FakeStreams) -> None:
    """Else the second stream would overwrite what the first one has yet to read."""
    with side_by_side(GPU) as start:
        result = start(lambda: torch.zeros(2))()
        alive = weakref.ref(result)
        del result
        assert alive() is not None
    del start
    gc.collect()
    assert alive() is None


def test_a_cpu_keeps_its_order() -> None:
    with branches(torch.device("cpu")) as branch, branch(0):
        assert torch.ones(2).sum() == 2
