"""A plan that follows the clock: schedules go on faster or slower, without a jump, and are resumed as they were."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ingan_fast.model.pace import Budget, Follower, Pace
from ingan_fast.threads import Threads
from ingan_fast.training import loop as training
from ingan_fast.training import planning
from ingan_fast.training.budget import Speed
from ingan_fast.training.curves import read_log
from ingan_fast.training.run_folder import RunFolder
from trainings import generator_bytes, run

pytestmark = pytest.mark.usefixtures("unwatched")

BUDGET = Budget(seconds=100.0, ends=100.0, reserve=5.0, most=2000)


def test_a_position_is_the_iteration_until_something_is_decided() -> None:
    assert [Pace().at(iteration) for iteration in (0, 7, 3000)] == [0, 7, 3000]
    assert Pace().total(3000) == 3000


@pytest.mark.parametrize("total", [401, 460, 2999, 9000])
def test_another_number_of_iterations_comes_to_the_same_end(total: int) -> None:
    pace = Pace().ending(400, total, 3000)
    assert pace.at(400) == 400
    assert pace.at(total) == pytest.approx(3000)
    assert pace.total(3000) == total
    again = pace.ending(400 + (total - 400) // 2, total + 100, 3000)  # from the middle of what is left
    assert again.total(3000) == total + 100


def follow(seconds: list[float], planned: int, budget: Budget | None = BUDGET) -> list[int]:
    """The numbers of iterations that were decided, where iterations take so long from the 10th second on."""
    now = 10.0
    follower = Follower(budget, None, clock=lambda: now)
    decided = []
    for iteration, each in enumerate(seconds, start=1):
        now += each
        if iteration >= planned:
            break
        if follower.look(iteration):
            total = follower.total(iteration, planned)
            if total != planned:
                decided.append(total)
            planned = total
    return [*decided, round(now)]


def test_a_machine_as_fast_as_measured_keeps_its_plan() -> None:
    assert follow([0.1] * 1000, 850) == [95]


def test_a_busy_machine_ends_in_time() -> None:
    *decided, ended = follow([0.1] * 200 + [0.4] * 1000, 850)
    assert decided
    assert decided[-1] < 450
    assert 90 <= ended <= 98


def test_a_machine_that_gets_free_uses_its_time() -> None:
    *decided, ended = follow([0.4] * 50 + [0.1] * 2000, 210)
    assert decided[-1] > 500
    assert 90 <= ended <= 98


def test_no_more_iterations_than_are_of_use() -> None:
    assert follow([0.01] * 5000, 850)[-2] == BUDGET.most


def test_without_a_budget_the_clock_decides_nothing() -> None:
    assert len(follow([5.0] * 100, 50, None)) == 1


@pytest.fixture
def wrongly_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan has 36 iterations; the clock, that is looked at after each one, says from the fourth on that 12 fit."""
    monkeypatch.setattr(planning, "measure_speed", lambda *_: Speed(0.01, 0.0, 0.1, 0.1, 0.1))
    monkeypatch.setattr(Follower, "look", lambda self, iteration: True)
    monkeypatch.setattr(Follower, "total", lambda self, iteration, planned: 12 if iteration >= 4 else planned)


@pytest.mark.usefixtures("wrongly_measured")
def test_what_was_decided_is_kept_when_a_training_goes_on(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"preview_every": 50, "validate_every": 50, "checkpoint_every": 50}
    given: dict[str, Any] = {"budget": 60, "settings": settings}
    told: list[str] = []
    result = run(picture_path, tmp_path / "whole", notice=told.append, **given)
    assert (result.iteration, result.iterations, result.finished) == (12, 12, True)
    assert any("12 iterations instead of 36" in text for text in told)
    assert [line["ends_at"] for line in read_log(tmp_path / "whole" / "log.jsonl") if "ends_at" in line] == [12]

    write, written = RunFolder.write_checkpoint, []

    def killed(self: RunFolder, state: dict[str, Any]) -> None:
        """The checkpoint of the decision is the last one that is written."""
        written.append(state["iteration"])
        write(self, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "write_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        run(picture_path, tmp_path / "run", **given)
    assert written == [4]
    monkeypatch.undo()  # a resumed training asks no clock
    assert run(picture_path, tmp_path / "run", resume=True, **given) == training.Result(
        tmp_path / "run", 12, 12, finished=True
    )
    assert generator_bytes(tmp_path / "run") == generator_bytes(tmp_path / "whole")


# Threads


def beside(others: float, current: int, most: int, cores: int, monkeypatch: pytest.MonkeyPatch, least: int = 1) -> int:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr("ingan_fast.threads._others_running", lambda: others)
    threads = Threads(most)
    for _ in range(30):
        threads.look()
    return threads.suitable(current)


@pytest.mark.parametrize(
    ("others", "current", "most", "cores", "expected"),
    [
        (0, 2, 2, 2, 2),
        (1, 2, 2, 2, 1),
        (5, 2, 2, 2, 1),
        (0.3, 2, 2, 2, 2),  # now and then
        (0.5, 1, 2, 2, 1),  # not there and back
        (0, 1, 2, 2, 2),
        (3, 8, 8, 8, 5),
        (30, 8, 8, 64, 8),  # cores that it doesn't use anyway
        (0, 1, 1, 8, 1),  # as asked for
    ],
)
def test_there_are_no_more_threads_than_free_cores(
    others: float, current: int, most: int, cores: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert beside(others, current, most, cores, monkeypatch) == expected


def test_a_training_uses_the_threads_that_suit_it_and_leaves_those_of_the_process(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([2, 2, 1])
    used = []

    def count(self: Follower, current: int) -> int:
        used.append(current)
        return next(counts, current)

    monkeypatch.setattr(Follower, "look", lambda self, iteration: True)
    monkeypatch.setattr(Follower, "count", count)
    run(picture_path, tmp_path / "run", settings={"preview_every": 50, "validate_every": 50})
    assert used[:5] == [1, 2, 2, 1, 1]
    assert torch.get_num_threads() == 1
    checkpoint = RunFolder(tmp_path / "run").read_checkpoint()
    assert checkpoint is not None
    assert checkpoint["threads"] == 1
