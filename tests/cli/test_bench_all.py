"""`ingan-fast bench all`."""

import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from ingan_fast.bench import suite
from ingan_fast.bench.machine import describe
from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.separate import separately
from ingan_fast.bench.suite import BenchmarkPlan
from ingan_fast.bench.timing import Spread
from ingan_fast.cli.bench import all as command
from ingan_fast.errors import UserError
from ingan_fast.parsing import parse_size

Command = Callable[..., Any]
ALL = ("bench", "all", "--device", "cpu", "--out", "report")
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Request:
    calls: int
    size: tuple[int, int] = (4, 3)


class Suite:
    """Two benchmarks that measure nothing, in this process, and what they were asked for."""

    def __init__(self) -> None:
        self.measured: list[str] = []
        self.failing: dict[str, BaseException] = {}
        self.rows = [Row("x1", "ours", Spread(1, 1, 1, 1))]

    def plan(self, name: str) -> Callable[[torch.device, bool], BenchmarkPlan]:
        def planned(device: torch.device, short: bool) -> BenchmarkPlan:
            request = Request(1 if short else 5)
            return BenchmarkPlan(request, device, lambda: 1, lambda advance: self.measure(name, request))

        return planned

    def measure(self, name: str, request: Request) -> Results:
        if name in self.failing:
            raise self.failing[name]
        self.measured.append(name)
        return Results(name, describe(CPU), asdict(request), self.rows, commit="abc")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Suite:
    fake = Suite()
    monkeypatch.setattr(suite, "PLANS", {name: fake.plan(name) for name in ("warp", "train")})
    monkeypatch.setattr(command, "_measure_apart", command.measure)
    monkeypatch.setattr("ingan_fast.bench.results.commit", lambda: "abc")
    return fake


def test_every_benchmark_leaves_its_results(ingan_fast: Command, two: Suite) -> None:
    ended = ingan_fast(*ALL)
    assert ended.code == 0, ended.err
    for name in ("warp", "train"):
        assert f"report/results/{name}.json: numbers" in ended.out
        assert Results.read(Path(f"report/results/{name}.json")).settings == {"calls": 5, "size": [4, 3]}


def test_started_again_it_goes_on_with_what_is_missing(ingan_fast: Command, two: Suite) -> None:
    two.failing["train"] = KeyboardInterrupt()
    ended = ingan_fast(*ALL)
    assert ended.code == 130
    assert "interrupted; results so far are in report/results" in ended.err
    two.failing.clear()
    ended = ingan_fast(*ALL)
    assert (ended.code, two.measured) == (0, ["warp", "train"])
    assert "warp: already measured (20" in ended.err
    assert "commit abc); --again repeats it" in ended.err
    assert ingan_fast(*ALL, "--again").code == 0
    assert two.measured == ["warp", "train", "warp", "train"]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"commit": "def"}, "another commit (20"),
        ({"settings": {"calls": 7}}, "other settings"),
        ({"machine": {"device": "cpu", "name": "another", "threads": 1, "versions": {}}}, "another machine"),
    ],
)
def test_results_of_something_else_are_measured_anew(
    ingan_fast: Command, two: Suite, changes: dict[str, Any], part: str
) -> None:
    ingan_fast(*ALL)
    path = Path("report/results/warp.json")
    msgspec.structs.replace(Results.read(path), **changes).write(path)
    ended = ingan_fast(*ALL)
    assert two.measured == ["warp", "train", "warp"]
    assert f"warp: measuring again: {path} is of {part}" in ended.err


def test_short_results_do_not_stand_for_whole_ones(ingan_fast: Command, two: Suite) -> None:
    ingan_fast(*ALL, "--short")
    assert "other settings" in ingan_fast(*ALL).err
    assert len(two.measured) == 4


def test_a_file_of_another_schema_is_measured_anew(ingan_fast: Command, two: Suite) -> None:
    path = Path("report/results/warp.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"benchmark": "warp", "rows": []}))
    ended = ingan_fast(*ALL)
    assert (ended.code, two.measured) == (0, ["warp", "train"])
    assert "warp: measuring again: report/results/warp.json has the schema None" in ended.err


@pytest.mark.parametrize("error", [UserError("this needs onnx"), RuntimeError("its process crashed")])
def test_a_benchmark_that_fails_keeps_no_other_from_running(ingan_fast: Command, two: Suite, error: Exception) -> None:
    two.failing["warp"] = error
    ended = ingan_fast(*ALL)
    assert (ended.code, two.measured) == (1, ["train"])
    assert ended.err.splitlines() == [f"ingan-fast: warp: not measured: {error}", "ingan-fast: missing: warp"]


def test_rows_without_times_are_missing_until_they_have_some(ingan_fast: Command, two: Suite) -> None:
    two.rows = [Row("x1", "ours", error="wrong result")]
    for _ in range(2):
        ended = ingan_fast(*ALL)
        assert ended.code == 1
        assert "missing: warp (in part), train (in part)" in ended.err
    assert len(two.measured) == 2


def test_what_can_not_be_a_folder_is_refused_before_anything_is_measured(
    refused: Callable[..., None], two: Suite
) -> None:
    Path("report").write_text("text")
    refused(*ALL, parts=("--out report", "can't be made", "another place"))
    assert two.measured == []


def test_every_plan_says_what_it_measures() -> None:
    for name, plan in suite.PLANS.items():
        for short in (False, True):
            planned = plan(CPU, short)
            assert json.loads(json.dumps(asdict(planned.request))), name
            assert planned.device == CPU


def test_a_process_of_its_own_gives_its_result_or_its_error() -> None:
    assert separately(parse_size, "64x48") == (64, 48)
    with pytest.raises(UserError, match="'large' is invalid"):
        separately(parse_size, "large")
    with pytest.raises(RuntimeError, match="ValueError: "):
        separately(math.sqrt, -1)
    with pytest.raises(RuntimeError, match="its process crashed"):
        separately(os._exit, 3)


def test_short_benchmarks_run_in_processes_of_their_own(ingan_fast: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two real ones: each of the others has its own tests, which measure the same at similar sizes.
    monkeypatch.setattr(suite, "PLANS", {name: suite.PLANS[name] for name in ("warp", "layout")})
    ended = ingan_fast(*ALL, "--short")
    assert ended.code == 0, ended.err
    for name in suite.PLANS:
        results = Results.read(Path(f"report/results/{name}.json"))
        assert results.benchmark == name
        assert results.rows
        assert results.errors == []
