"""`ingan-fast bench compare`: what counts as a change, where results are read from, and what is refused."""

import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ingan_fast.bench import sources
from ingan_fast.bench.compare import BROKEN, FASTER, MENDED, NOISE, SLOWER, ComparedRow, compare
from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.timing import Spread, noise_of_ratio
from ingan_fast.errors import UserError

Command = Callable[..., Any]
Refused = Callable[..., None]

MACHINE = {"device": "cpu", "name": "A processor", "threads": 2, "versions": {"torch": "2.13.0"}}


def spread(median: float, part: float = 0.02) -> Spread:
    return Spread(median, median * (1 - part), median * (1 + part), median)


def row(name: str, median: float, case: str = "x1", part: float = 0.02, **changes: Any) -> Row:
    return Row(case, name, spread(median, part), **changes)


def beside(name: str, median: float, baseline: float, noise: float | None = 0.01, **changes: Any) -> Row:
    details = {} if noise is None else {"times_as_fast_noise": noise}
    return row(name, median, baseline="eager", times_as_fast=baseline / median, details=details, **changes)


def results(
    *rows: Row,
    benchmark: str = "warp",
    matmul: float = 1e12,
    machine: dict[str, Any] = MACHINE,
    repeat: int = 5,
) -> Results:
    return Results(benchmark, machine, {"repeat": repeat}, list(rows), {"matmul": matmul}, commit="abc")


def only_row(a: Results, b: Results) -> ComparedRow:
    return compare({"warp": a}, {"warp": b}).rows[0]


def test_a_baseline_timed_in_turns_cancels_a_slow_machine() -> None:
    found = only_row(results(beside("ours", 10, 20)), results(beside("ours", 30, 60)))
    assert (found.verdict, found.factor, found.by) == (NOISE, pytest.approx(1), "beside eager")
    assert found.milliseconds == (10, 30)


def test_a_change_beside_the_baseline_counts_where_the_times_are_equal() -> None:
    found = only_row(results(beside("ours", 10, 20)), results(beside("ours", 10, 15)))
    assert (found.verdict, found.factor) == (SLOWER, pytest.approx(0.75))
    assert found.low < 0.75 < found.high < 1


def test_the_range_of_a_ratio_is_of_the_noise_of_both_runs() -> None:
    found = only_row(results(beside("ours", 10, 20, 0.3)), results(beside("ours", 8, 20, 0.4)))
    assert (found.verdict, found.factor) == (NOISE, pytest.approx(1.25))
    assert found.high / found.factor == pytest.approx(math.exp(0.5)) == found.factor / found.low


def test_a_ratio_without_a_noise_of_its_own_has_that_of_all_its_times() -> None:
    eager = row("eager", 20, part=0.1)
    a, b = (results(beside("ours", median, 20, None, part=0.1), eager) for median in (10, 8))
    found = only_row(a, b)
    assert math.log(found.high / found.factor) == pytest.approx(2 * math.log(1.1 / 0.9))


def test_without_a_baseline_times_are_in_units_of_the_ceiling() -> None:
    a = results(row("torch", 10, ceiling="matmul"), matmul=2e12)
    slow_machine = results(row("torch", 20, ceiling="matmul"), matmul=1e12)
    found = only_row(a, slow_machine)
    assert (found.verdict, found.factor, found.by) == (NOISE, pytest.approx(1), "of matmul")
    found = only_row(a, results(row("torch", 5, ceiling="matmul"), matmul=2e12))
    assert (found.verdict, found.factor) == (FASTER, pytest.approx(2))


def test_a_baseline_itself_is_compared_by_the_ceiling() -> None:
    eager = replace(beside("eager", 10, 10), ceiling="matmul")
    assert only_row(results(eager), results(replace(eager, milliseconds=spread(40)))).verdict == SLOWER


def test_times_alone_are_compared_where_there_is_nothing_else() -> None:
    found = only_row(results(row("start", 10)), results(row("start", 5)))
    assert (found.verdict, found.by) == (FASTER, "times")


def test_a_noisy_row_needs_a_larger_change() -> None:
    a, b = row("start", 10), row("start", 8)
    assert only_row(results(a), results(b)).verdict == FASTER
    noisy = replace(b, milliseconds=Spread(8, 7, 11, 8))
    assert only_row(results(a), results(noisy)).verdict == NOISE


def test_a_change_of_a_percent_is_noise_however_steady_the_times_are() -> None:
    a, b = (results(row("start", median, part=0)) for median in (100, 99))
    assert only_row(a, b).verdict == NOISE


def test_a_busy_machine_makes_the_range_wider_and_is_told() -> None:
    a, b = (results(beside("ours", 10, baseline), matmul=rate) for baseline, rate in ((20, 2e12), (16, 1e12)))
    comparison = compare({"warp": a}, {"warp": b})
    assert comparison.rows[0].verdict == NOISE
    assert len(comparison.differences) == 1
    assert "ceilings differ" in comparison.differences[0]


def test_other_machines_versions_and_settings_are_told_in_a_line_each() -> None:
    machine = MACHINE | {"name": "Another", "versions": {"torch": "2.14.0"}}
    one = row("start", 10)
    comparison = compare({"warp": results(one)}, {"warp": results(one, machine=machine, repeat=7)})
    assert comparison.differences == [
        "machine: name is A processor in A, Another in B",
        "machine: versions.torch is 2.13.0 in A, 2.14.0 in B",
        "settings of warp: repeat is 5 in A, 7 in B",
    ]


def test_rows_in_one_only_are_listed() -> None:
    a, b = results(row("ours", 1), row("old", 1)), results(row("ours", 1), row("ours", 1, "x2"))
    comparison = compare({"warp": a}, {"warp": b, "train": results(row("eager", 1), benchmark="train")})
    assert comparison.only_in_a == [("warp", "x1", "old")]
    assert comparison.only_in_b == [("warp", "x2", "ours"), ("train", "x1", "eager")]


def test_a_row_that_lost_its_times_is_told_with_its_error() -> None:
    good, wrong = results(row("ours", 1)), results(Row("x1", "ours", error="wrong result"))
    assert (only_row(good, wrong).verdict, only_row(good, wrong).error) == (BROKEN, "wrong result")
    assert only_row(wrong, good).verdict == MENDED


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(UserError, match="no row in common: A has warp, B has train"):
        compare({"warp": results(row("ours", 1))}, {"train": results(row("ours", 1), benchmark="train")})


def test_a_slow_moment_that_met_both_is_no_noise_of_their_ratio() -> None:
    own = [1.0, 1.5, 9.0, 1.1, 3.0]
    assert noise_of_ratio([2 * value for value in own], own) == pytest.approx(0, abs=1e-12)
    few = noise_of_ratio([2.0, 2.2, 1.8, 2.0, 2.1], [1.0] * 5)
    many = noise_of_ratio([2.0, 2.2, 1.8, 2.0, 2.1] * 4, [1.0] * 20)
    assert few / many == pytest.approx(2, rel=0.1)
    assert noise_of_ratio([1.0, 2.0], [1.0, 1.0]) is None


@pytest.fixture
def before_and_after(ingan_fast: Command) -> tuple[str, str]:
    """Two files in the working folder; one row is half as fast in the second."""
    for name, median in (("before.json", 10), ("after.json", 20)):
        results(beside("ours", median, 20), row("eager", 20, ceiling="matmul")).write(Path(name))
    return "before.json", "after.json"


def test_compare_prints_a_table_and_writes_it(ingan_fast: Command, before_and_after: tuple[str, str]) -> None:
    ended = ingan_fast("bench", "compare", *before_and_after, "--json", "changes.json")
    assert ended.code == 0, ended.err
    assert "x0.50" in ended.out
    assert ended.out.splitlines()[-2] == "1 slower, 1 within noise"
    document = json.loads(Path("changes.json").read_text())
    assert document["schema"] == "ingan-fast/bench-compare/1"
    assert [one["verdict"] for one in document["rows"]] == ["slower", "within noise"]


def test_where_asked_for_a_slower_row_ends_with_code_1(ingan_fast: Command, before_and_after: tuple[str, str]) -> None:
    before, after = before_and_after
    assert ingan_fast("bench", "compare", before, after, "--fail-on-slower").code == 1
    assert ingan_fast("bench", "compare", after, before, "--fail-on-slower").code == 0


def git(*words: object) -> None:
    options = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *options, *map(str, words)], check=True, capture_output=True)


@pytest.fixture
def checkout(ingan_fast: Command, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of two commits, the second of which has a slower warp."""
    root = tmp_path_factory.mktemp("checkout")
    monkeypatch.setattr(sources, "ROOT", root)
    git("init", "-q", root)
    for median in (10, 20):
        results(beside("ours", median, 20)).write(root / "benchmarks/results/cpu/warp.json")
        git("-C", root, "add", ".")
        git("-C", root, "commit", "-q", "-m", f"{median} ms")
    return root


def test_revisions_are_compared_by_their_committed_results(ingan_fast: Command, checkout: Path) -> None:
    ended = ingan_fast("bench", "compare", "HEAD~1", "HEAD")
    assert ended.code == 0, ended.err
    assert "1 slower" in ended.out
    results(beside("ours", 10, 20)).write(Path("out/results/warp.json"))
    assert "1 within noise" in ingan_fast("bench", "compare", "HEAD~1", "out").out


def test_what_has_no_results_is_refused_in_a_line(refused: Refused, checkout: Path) -> None:
    Path("empty").mkdir()
    results(row("ours", 1)).write(Path("good.json"))
    Path("old.json").write_text('{"benchmark": "warp"}')
    Path("text.json").write_text("text")
    for name, part in {
        "HEAD~7": "revision",
        "missing.json": "not a results file",
        "empty": "has no results",
        "old.json": "schema None",
        "text.json": "not JSON",
    }.items():
        refused("bench", "compare", "good.json", name, parts=(name, part))
    refused("bench", "compare", "HEAD", "good.json", "--folder", "elsewhere", parts=("elsewhere", "--folder"))


def test_two_files_of_one_benchmark_are_refused(refused: Refused, ingan_fast: Command) -> None:
    for name in ("one", "two"):
        results(row("ours", 1)).write(Path(f"both/{name}.json"))
    refused("bench", "compare", "both", "both", parts=("both", "'warp'", "give one of the files"))
