"""Benchmarks: what they report, and what they refuse to report."""

import io
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from bench_models import export_once
from rich.console import Console
from torch import Tensor

from ingan_fast.bench import retarget, schema, train, warp, warp_methods
from ingan_fast.bench.machine import measure_matmul
from ingan_fast.bench.plain import PlainIteration
from ingan_fast.bench.results import Results
from ingan_fast.bench.retarget import RetargetRequest
from ingan_fast.bench.tables import results_table
from ingan_fast.bench.timing import Spread, Stopwatch, take_turns
from ingan_fast.bench.train import TrainRequest
from ingan_fast.bench.warp import WarpRequest
from ingan_fast.bench.warp_methods import BOTH, FORWARD, Method, Problem, action, methods, plain_warp, relative_error
from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.kernels import PADDINGS, homography_warp, ops
from ingan_fast.model.sampling import Batch, Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import training_step
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter
from ingan_fast.settings import SMOKE
from ingan_fast.training.engine import TrainingEngine

CPU = torch.device("cpu")
SMALL = WarpRequest((40, 24), 8, "float32", "reflection", 2, False)
TWO = TrainRequest("smoke", ("eager",), 2)


def test_a_spread_is_in_milliseconds_and_in_order() -> None:
    spread = Spread.of([0.005, 0.001, 0.002, 0.003, 0.004])
    assert spread == Spread(median=3.0, p20=pytest.approx(1.8), p80=pytest.approx(4.2), mean=3.0)
    assert Spread.of([0.002]) == Spread(2.0, 2.0, 2.0, 2.0)


def test_what_is_compared_takes_turns() -> None:
    calls: list[str] = []
    advanced: list[None] = []
    actions = {name: lambda name=name: calls.append(name) for name in "ab"}
    times = take_turns(actions, 3, Stopwatch(CPU), lambda: advanced.append(None))
    assert "".join(calls) == "ababab"
    assert len(advanced) == 6
    assert set(times) == {"a", "b"}


def test_the_ceiling_of_arithmetic_is_a_product() -> None:
    matmul = measure_matmul(CPU)
    assert matmul["flop_per_second"] == pytest.approx(2 * 1024**3 / (matmul["milliseconds"]["median"] / 1e3))


@pytest.fixture(scope="module")
def warp_results() -> Results:
    advanced: list[None] = []
    results = warp.measure(SMALL, CPU, lambda: advanced.append(None))
    assert len(advanced) == warp.steps(SMALL, CPU)
    return results


def shown(results: Results) -> str:
    """The table as text."""
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(results_table(results))
    return console.export_text()


def test_the_warp_is_measured_forward_and_backward_beside_eager_code(warp_results: Results) -> None:
    cases = [f"{name}, {direction}" for name in ("x1", "x1.5", "perspective") for direction in (FORWARD, BOTH)]
    names = ("ours", "eager", "eager, contiguous")
    assert [(row.case, row.name) for row in warp_results.rows] == [(case, name) for case in cases for name in names]
    assert warp_results.errors == []
    assert schema.parse(schema.to_json(warp_results), Results, "warp").rows == warp_results.rows


def test_bytes_of_the_warp_are_what_has_to_be_moved(warp_results: Results) -> None:
    for row in warp_results.rows:
        width, height = row.details["output"]
        once = 4 * 8 * (40 * 24 + width * height)
        assert row.details["bytes"] == (2 * once if row.case.endswith(BOTH) else once)
    assert warp_results.details["copy_bytes"] == 4 * 8 * (40 * 24 + 60 * 36)


def test_a_warps_fraction_is_of_the_copy_of_its_own_run(warp_results: Results) -> None:
    eager = {row.case: row.milliseconds.median for row in warp_results.rows if row.name == "eager"}
    for row in warp_results.rows:
        times = row.milliseconds
        assert 0 < times.p20 <= times.median <= times.p80
        assert (row.baseline, row.times_as_fast) == ("eager", pytest.approx(eager[row.case] / times.median))
        assert row.bytes_per_second == pytest.approx(row.details["bytes"] / (times.median / 1e3))
        assert row.fraction_of_ceiling == pytest.approx(row.bytes_per_second / warp_results.ceilings[row.ceiling])
        assert 0 <= row.details["relative_error"] < 1e-3


def test_results_say_what_they_ran_on(warp_results: Results) -> None:
    machine = warp_results.machine
    assert machine["name"]
    assert machine["threads"] == torch.get_num_threads()
    assert machine["versions"]["torch"] == torch.__version__
    assert {"python", "ingan-fast", "triton"} <= set(machine["versions"])
    assert warp_results.settings["size"] == (40, 24)


def test_a_table_has_the_columns_that_have_something(warp_results: Results) -> None:
    text = shown(warp_results)
    assert "perspective, forward+backward" in text
    assert "beside eager" in text
    assert f"ceiling: copy {warp_results.ceilings['copy'] / 1e9:.3g} GB/s" in text
    assert not any(column in text for column in ("TFLOP/s", "peak GB", "from idle", "warm-up"))


def test_no_speed_of_a_wrong_warp_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(features: Tensor, matrix: Tensor, size: tuple[int, int], padding: str) -> Tensor:
        return homography_warp(features, matrix, size, padding).roll(1, dims=3)

    monkeypatch.setattr(warp_methods, "homography_warp", shifted)
    results = warp.measure(SMALL, CPU)
    for row in results.rows:
        assert (row.milliseconds is None) == (row.name == "ours")
        assert (row.error is not None) == (row.name == "ours")
    assert len(results.errors) == 6
    assert all("wrong result" in line for line in results.errors)
    assert re.search(r"ours +- +-", shown(results))


def test_a_warp_that_fails_keeps_no_other_from_being_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Tensor:
        raise RuntimeError("no kernel image\nand a long trace")

    monkeypatch.setattr(warp_methods, "homography_warp", broken)
    results = warp.measure(SMALL, CPU)
    assert results.errors[0] == "x1, forward, ours: no kernel image"
    assert sum(row.milliseconds is not None for row in results.rows) == 12


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("name", ["x1", "x1.5", "perspective"])
def test_the_plain_warp_is_the_same_warp(name: str, padding: str) -> None:
    transform = warp.cases((40, 24))[name]
    problem = Problem.random(transform, (40, 24), 3, torch.float32, CPU, padding)
    arguments = problem.features, problem.matrix, problem.size, padding
    assert relative_error(plain_warp(*arguments), homography_warp(*arguments)) < 1e-4


def test_features_that_do_not_fit_into_memory_are_refused() -> None:
    with pytest.raises(UserError, match=r"need about \d+ GB, but there are \d+ GB"):
        warp.measure(WarpRequest((8192, 8192), 4096, "float32", "zeros", 1, False), CPU)


def test_on_a_gpu_both_backwards_are_measured_the_one_in_use_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for used, other in (("gather", "atomics"), ("atomics", "gather")):
        monkeypatch.setattr(ops, "BACKWARD", used)
        ours = [method for method in methods(torch.device("cuda"), False) if method.name.startswith("ours")]
        assert [method.name for method in ours] == ["ours", f"ours, {used}", f"ours, {other}"]
        assert [method.directions for method in ours] == [(FORWARD,), (BOTH,), (BOTH,)]


def test_a_backward_is_switched_for_its_own_calls_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops, "BACKWARD", "gather")
    seen: list[str] = []

    def warp_and_see(features: Tensor, *_: object) -> Tensor:
        seen.append(ops.BACKWARD)
        return features * 1

    problem = Problem.random(warp.cases((40, 24))["x1"], (40, 24), 3, torch.float32, CPU, "zeros")
    for kind in ("atomics", "gather", None):
        action(Method("ours", warp_and_see, backward=kind), problem, BOTH)()
    assert seen == ["atomics", "gather", "gather"]
    assert ops.BACKWARD == "gather"


@pytest.mark.gpu
def test_on_a_gpu_the_warp_is_right_and_timed_by_its_own_clock() -> None:
    results = warp.measure(WarpRequest((64, 48), 16, "bfloat16", "reflection", 3, True), torch.device("cuda"))
    assert results.errors == []
    for row in results.rows:
        assert row.milliseconds.median > 0
        assert row.details["call_milliseconds"]["median"] > 0
    assert "from idle" in shown(results)


@pytest.mark.gpu
def test_on_a_gpu_peak_memory_is_told_for_each_engine(picture: Pixels) -> None:
    request = TrainRequest("smoke", ("graphs", "eager"), 3)
    results = train.measure(request, picture, torch.device("cuda"))
    assert results.errors == []
    for row in results.rows:
        assert row.peak_memory_bytes >= row.details["allocated_bytes"] > 0
    assert "peak GB" in shown(results)


def test_inductors_warp_is_measured_where_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the three cases, traced as inductor has it but not compiled to C++, which takes half a minute."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    resized = warp.cases(SMALL.size)["x1.5"]
    monkeypatch.setattr(warp, "cases", lambda size: {"x1.5": resized})
    results = warp.measure(replace(SMALL, padding="zeros", compiled=True), CPU)
    assert results.errors == []
    names = [f"{name}{layout}" for name in ("eager", "inductor") for layout in ("", ", contiguous")]
    for direction in (FORWARD, BOTH):
        rows = [row for row in results.rows if row.case == f"x1.5, {direction}"]
        assert [row.name for row in rows] == ["ours", *names]
        assert all(row.milliseconds.median > 0 for row in rows)


@pytest.fixture(scope="module")
def train_results(picture: Pixels) -> Results:
    advanced: list[None] = []
    results = train.measure(TWO, picture, CPU, lambda: advanced.append(None))
    assert len(advanced) == train.steps(TWO)
    return results


def test_an_iteration_is_measured_by_each_engine_and_plainly(train_results: Results) -> None:
    assert [(row.case, row.name) for row in train_results.rows] == [
        ("crops 48x48, preset smoke", "eager"), ("crops 48x48, preset smoke", "plain")
    ]  # fmt: skip
    for row in train_results.rows:
        assert 0 < row.milliseconds.p20 <= row.milliseconds.median <= row.milliseconds.p80
        assert row.details["warm_up_seconds"] > 0
        assert row.peak_memory_bytes is None  # told by GPUs alone
    assert train_results.details["process_peak_bytes"] > 1e8
    assert train_results.details["draw_milliseconds"]["median"] > 0
    assert train_results.details["shapes"] == 2


def test_a_trainings_fraction_is_of_the_matmul_of_its_own_run(train_results: Results) -> None:
    means = {row.name: row.milliseconds.mean for row in train_results.rows}
    for row in train_results.rows:
        achieved = train_results.details["flop_per_iteration"] / (row.milliseconds.mean / 1e3)
        assert row.flop_per_second == pytest.approx(achieved)
        assert row.fraction_of_ceiling == pytest.approx(achieved / train_results.ceilings[row.ceiling])
        assert (row.baseline, row.times_as_fast) == ("plain", pytest.approx(means["plain"] / means[row.name]))


def test_operations_are_the_convolutions_of_a_step(picture: Pixels) -> None:
    """Twice the crop's sides, four times the work, but for what happens at borders and in the small."""
    small, large = (
        train.measure(TrainRequest("smoke", (), 1, crop, False), picture, CPU).details["flop_per_iteration"]
        for crop in (48, 96)
    )
    assert 3 < large / small < 5


def test_a_crop_larger_than_the_picture_enlarges_it(picture: Pixels) -> None:
    larger, settings = train.prepare(TrainRequest("smoke", (), 1, 96), picture)
    assert larger.shape[:2] == (96, 110)
    assert settings.crop == 96
    assert train.prepare(TWO, picture)[0] is picture


def test_no_speed_of_an_engine_that_trains_otherwise(picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    real = train.make_engine

    def careless(name: str, device: torch.device, notice: Any) -> TrainingEngine:
        engine = real("eager", device, notice)
        if name == "compile":
            monkeypatch.setattr(
                engine, "_losses", lambda state, draw: 1.5 * TrainingEngine._losses(engine, state, draw)
            )
        return engine

    monkeypatch.setattr(train, "make_engine", careless)
    results = train.measure(TrainRequest("smoke", ("eager", "compile"), 2), picture, CPU)
    by_name = {row.name: row for row in results.rows}
    assert "wrong result" in by_name["compile"].error
    assert by_name["compile"].milliseconds is None
    assert by_name["eager"].times_as_fast > 0
    assert results.errors == [f"crops 48x48, preset smoke, compile: {by_name['compile'].error}"]


def test_an_engine_that_fell_back_is_told(picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(state: TrainingState, draw: Batch) -> Tensor:
        raise RuntimeError("no compiler here")

    real = train.make_engine

    def without_compiler(name: str, device: torch.device, notice: Any) -> TrainingEngine:
        return TrainingEngine([broken, training_step], notice) if name == "compile" else real(name, device, notice)

    monkeypatch.setattr(train, "make_engine", without_compiler)
    results = train.measure(TrainRequest("smoke", ("compile",), 1, plain=False), picture, CPU)
    assert "no compiler here" in results.rows[0].details["fell_back"]
    assert results.rows[0].milliseconds.median > 0
    assert len(results.details["notices"]) == 1
    assert "compile (fell back)" in shown(results)


def test_the_plain_iteration_trains(picture: Pixels) -> None:
    state = TrainingState(SMOKE, 0, CPU)
    iteration = PlainIteration(state)
    before = [parameter.detach().clone() for parameter in state.generator.parameters()]
    for draw in Sampler([picture], SMOKE, 0, CPU).calibration(2):
        iteration(draw)
    after = [parameter.detach() for parameter in state.generator.parameters()]
    assert any(not torch.equal(a, b) for a, b in zip(after, before, strict=True))
    assert all(parameter.isfinite().all() for parameter in after)


@pytest.mark.slow
def test_no_speed_of_a_backend_whose_picture_is_wrong(
    picture: Pixels, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    export_once(monkeypatch, tmp_path_factory, picture)
    right = retarget._right

    def wrong(name: str, path: Path, transform: Transform, expected: Pixels) -> Retargeter:
        return right(name, path, transform, expected if name == "torch" else 255 - expected)

    monkeypatch.setattr(retarget, "_right", wrong)
    results = retarget.measure(RetargetRequest("smoke", (64, 48), 1), picture)
    assert [row.name for row in results.rows if row.milliseconds] == ["eager, unfolded", "torch"]
    assert [line.partition(":")[0] for line in results.errors] == [
        "64x48, preset smoke, onnxruntime", "64x48, preset smoke, openvino"
    ]  # fmt: skip
    assert all("grey levels off, allowed is 2" in line for line in results.errors)
