"""What the page tells at a glance: who is ahead."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.timing import Spread

Add = Callable[..., None]


@pytest.fixture
def found(folder: Path) -> Callable[[], Any]:
    def read() -> Any:
        from report_page.inputs import read_folder

        return read_folder(folder)

    return read


@pytest.fixture
def quality(found: Callable[[], Any]) -> Callable[[], Any]:
    def compare() -> Any:
        from report_page.quality import compare

        return compare(found().figures)

    return compare


def counts(tally: Any) -> tuple[int, int, int]:
    return tally.ahead, tally.level, tally.behind


def timed(case: str, name: str, median: float, baseline: tuple[str, float], **details: float) -> Row:
    spread = Spread(median, median, median, median)
    return Row(case, name, spread, baseline[0], baseline[1] / median, details=details)


def rivalled(*rows: Row, benchmark: str = "warp") -> Any:
    from report_page.speed import rivalled

    return rivalled([Results(benchmark, {}, {}, list(rows), commit=None)])


def test_a_ratio_is_ahead_level_or_behind_by_more_than_noise() -> None:
    eager = ("eager", 10.0)
    rows = [timed(case, "eager", 10, eager) for case in "abc"]
    rows += [timed(case, "ours", median, eager) for case, median in (("a", 5), ("b", 9.8), ("c", 20))]
    found = rivalled(*rows)
    assert [(one.row.case, one.verdict) for one in found] == [("c", "behind"), ("b", "level"), ("a", "ahead")]
    assert [one.beside_rival for one in found] == pytest.approx([0.5, 10 / 9.8, 2])


def test_another_method_that_is_faster_than_the_baseline_is_what_we_are_compared_with() -> None:
    eager = ("eager", 10.0)
    rows = [timed("a", name, median, eager) for name, median in (("eager", 10), ("ours", 5), ("inductor", 4))]
    (one,) = rivalled(*rows)
    assert (one.row.name, one.rival, one.verdict) == ("ours", "inductor", "behind")
    assert one.beside_rival == pytest.approx(0.8)


def test_a_ratio_within_its_own_noise_is_level() -> None:
    eager = ("eager", 10.0)
    ours = timed("a", "ours", 8, eager, times_as_fast_noise=0.3)
    assert [one.verdict for one in rivalled(timed("a", "eager", 10, eager), ours)] == ["level"]


def test_what_is_slower_than_a_limit_is_not_behind() -> None:
    python = ("python -c pass", 10.0)
    rows = timed("a", "python -c pass", 10, python), timed("a", "--help", 100, python)
    assert rivalled(*rows, benchmark="cold-start") == []


def test_a_row_without_a_time_is_compared_with_nothing() -> None:
    assert rivalled(timed("a", "eager", 10, ("eager", 10.0)), Row("a", "ours", error="wrong result")) == []


def test_each_measure_is_compared_with_its_own_best_baseline(
    add_figure: Add, made: Callable, quality: Callable
) -> None:
    rows = [
        made("ingan-fast", coherence=0.004, completeness=0.004),
        made("GPNN", coherence=0.005, completeness=0.003),
        made("seam carving", coherence=0.008, completeness=0.002),
    ]
    add_figure("7", rows)
    best = {one.key: (one.theirs.method, one.verdict) for one in quality().against_best}
    assert best == {"coherence": ("GPNN", "ahead"), "completeness": ("seam carving", "behind")}
    assert counts(quality().tally) == (1, 0, 1)
    assert counts(quality().beside("seam carving")) == (1, 0, 1)
    assert counts(quality().beside("seam carving", "coherence")) == (1, 0, 0)


def test_a_kept_size_is_best_at_one_and_worse_beyond_it(add_figure: Add, made: Callable, quality: Callable) -> None:
    add_figure("7", [made("ingan-fast", kept_width=1.3), made("GPNN", kept_width=0.9)])
    assert counts(quality().tally) == (0, 0, 1)


def test_what_differs_by_less_than_the_measures_do_is_level(add_figure: Add, made: Callable, quality: Callable) -> None:
    ours = made("ingan-fast", coherence=0.00500, kept_width=0.90)
    add_figure("7", [ours, made("GPNN", coherence=0.00507, kept_width=0.91)])
    assert counts(quality().tally) == (0, 2, 0)


def test_an_output_that_two_figures_show_is_counted_once(add_figure: Add, made: Callable, quality: Callable) -> None:
    rows = [made("ingan-fast", swd=0.01), made("GPNN", swd=0.02)]
    add_figure("5", rows)
    add_figure("7", rows)
    assert counts(quality().tally) == (1, 0, 0)
    assert counts(quality().all_tally) == (1, 0, 0)


def test_good_numbers_of_the_failure_are_not_counted(add_figure: Add, made: Callable, quality: Callable) -> None:
    add_figure("10", [made("ingan-fast", coherence=0.001), made("GPNN", coherence=0.9)])
    assert quality().tally.total == 0


def test_variants_of_figure_9_are_neither_ours_nor_baselines(
    add_figure: Add, made: Callable, quality: Callable
) -> None:
    rows = [made("all losses", completeness=0.002), made("no reconstruction", completeness=0.004)]
    add_figure("9", [*rows, made("plain resize", completeness=0.001)])
    assert quality().baselines == []
