"""Work beside the main thread: results, errors, threads."""

import threading

import pytest
import torch

from ingan_fast.threads import apart, side_by_side, using_threads

CPU = torch.device("cpu")


def whereabouts() -> tuple[str, int]:
    return threading.current_thread().name, torch.get_num_threads()


@pytest.mark.parametrize(("threads", "half"), [(2, 1), (3, 1), (5, 2)])
def test_work_runs_in_another_thread_with_half_of_the_threads(threads: int, half: int) -> None:
    begun = threading.Event()

    def work() -> tuple[str, int]:
        begun.set()
        return whereabouts()

    with using_threads(threads):
        with side_by_side(CPU) as start:
            found = start(work)
            assert begun.wait(60)
            name, count = found()
            assert torch.get_num_threads() == count == half
        assert name != threading.current_thread().name
        assert torch.get_num_threads() == threads


def test_work_that_has_not_begun_is_done_by_who_waits_for_it() -> None:
    go_on = threading.Event()
    with using_threads(2), side_by_side(CPU) as start:
        first, second = start(lambda: go_on.wait(60)), start(whereabouts)
        assert second() == (threading.current_thread().name, 1)
        go_on.set()
        assert first()


@pytest.mark.parametrize(("device", "threads"), [("cpu", 1), ("mps", 4)])
def test_work_is_done_at_once_with_one_thread_and_on_an_apple_gpu(device: str, threads: int) -> None:
    with using_threads(threads), side_by_side(torch.device(device)) as start:
        assert start(whereabouts)() == (threading.current_thread().name, threads)


def test_two_pieces_run_at_the_same_time() -> None:
    met = threading.Barrier(2, timeout=60)
    with using_threads(2), side_by_side(CPU) as start:
        other = start(met.wait)
        assert {met.wait(), other()} == {0, 1}


def test_errors_of_work_are_raised_where_its_result_is_wanted() -> None:
    with using_threads(2), side_by_side(CPU) as start, pytest.raises(ZeroDivisionError):
        start(lambda: 1 // 0)()


def test_an_error_of_the_block_waits_for_the_work() -> None:
    go_on, done = threading.Event(), []

    def work() -> None:
        go_on.wait(60)
        done.append(True)

    def fail() -> None:
        with side_by_side(CPU) as start:
            start(work)
            threading.Timer(0.05, go_on.set).start()
            raise ZeroDivisionError

    with using_threads(2), pytest.raises(ZeroDivisionError):
        fail()
    assert done


@pytest.mark.parametrize(("threads", "parts"), [(1, [(0, 7)]), (2, [(0, 3), (3, 7)]), (5, [(0, 2), (2, 4), (4, 7)])])
def test_work_is_split_between_threads_of_one_operation_each(threads: int, parts: list[tuple[int, int]]) -> None:
    seen = []
    with using_threads(threads):
        with apart() as split:
            assert torch.get_num_threads() == 1
            split(lambda part: seen.append((part.start, part.stop, *whereabouts())), 7, 2)
        assert torch.get_num_threads() == threads
    assert sorted(part[:2] for part in seen) == parts
    assert {part[3] for part in seen} == {1}
    assert threading.current_thread().name not in {part[2] for part in seen}


def test_a_block_apart_inside_another_one_has_its_threads_and_raises_errors() -> None:
    met = threading.Barrier(2, timeout=60)
    with using_threads(2), apart() as outer, apart() as inner:
        assert inner is outer
        inner(lambda part: met.wait(), 2)  # both at the same time
        with pytest.raises(ZeroDivisionError):
            inner(lambda part: 1 // part.start, 2)
    with using_threads(1), apart() as after:
        assert after is not outer
