"""`bench scaling`: exponents, what counts, what is left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingan_fast.bench import scaling
from ingan_fast.bench.power_law import Fit, fit_power_law
from ingan_fast.bench.results import Results
from ingan_fast.bench.scaling import ScalingRequest
from ingan_fast.bench.served import Call, Memory
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels

SMALL, MIDDLE, LARGE = (40, 30), (80, 60), (160, 120)
REQUEST = ScalingRequest(("smoke",), (LARGE, SMALL, MIDDLE), ((32, 32), (64, 64)), MIDDLE, 3, 100.0)


class Fake:
    """A model whose times and memory are a power of an output's pixels."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.seconds: Callable[[str, Size], float] = lambda name, size: 1e-6 * (size[0] * size[1]) ** 1.2
        self.whole = LARGE[0] * LARGE[1]  # pixels of an output that is made in one piece
        self.first = 1.0  # times as long as the others

    def __call__(self, model: Path, backend: str) -> "Served":
        return Served(self, backend)


class Served:
    def __init__(self, fake: Fake, name: str):
        self.fake, self.name, self.about, self.pixels = fake, name, f"{name} 1.0", 0
        self.calls = 0

    def output(self, size: Size, frame: Pixels) -> Call:
        self.calls += 1
        self.fake.calls.append(self.name)
        self.pixels = size[0] * size[1]
        seconds = self.fake.seconds(self.name, size) * (self.fake.first if self.calls == 1 else 1)
        return Call(seconds, 1 if self.pixels <= self.fake.whole else 4)

    def memory(self) -> Memory:
        return Memory(100_000_000 + 200 * self.pixels, 200 * self.pixels)

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()
    monkeypatch.setattr(scaling, "Served", fake)
    monkeypatch.setattr(scaling, "write_models", lambda *_: {"fast": Path("a"), "slow": Path("b")})
    monkeypatch.setattr(scaling, "contenders", lambda: ["fast", "slow"])
    monkeypatch.setattr(scaling, "load", lambda *_: None)
    monkeypatch.setattr(scaling.Operations, "of", lambda _: scaling.Operations(0.0, 1000.0))
    monkeypatch.setattr(scaling, "measure_matmul", lambda _: {"flop_per_second": 1e12})
    return fake


def measure(picture: Pixels, request: ScalingRequest = REQUEST, advance: Any = lambda: None) -> Results:
    return scaling.measure(request, picture, advance)


def fits(results: Results, quantity: str, over: str) -> list[Fit]:
    return [fit for fit in results.details["fits"] if (fit.quantity, fit.over) == (quantity, over)]


def fitted(points: list[tuple[float, float]]) -> Fit | None:
    return fit_power_law(points, "case", "name", "time", "pixels")


def test_the_exponent_of_a_power_law_is_found() -> None:
    fit = fitted([(x, 3 * x**1.25) for x in (10, 100, 5000)])
    assert fit is not None
    assert fit.exponent == pytest.approx(1.25)
    assert fit.standard_error == pytest.approx(0, abs=1e-6)


def test_the_standard_error_is_that_of_a_regression() -> None:
    """Slope 1 through (0, 0), (1, 2), (2, 2): the residuals -1/3, 2/3, -1/3 have 1 degree of freedom."""
    fit = fitted([(2.0**x, 2.0**y) for x, y in ((0, 0), (1, 2), (2, 2))])
    assert fit is not None
    assert fit.exponent == pytest.approx(1)
    assert fit.standard_error == pytest.approx((6 / 9 / 2) ** 0.5)


def test_two_points_have_no_error_and_one_size_has_no_exponent() -> None:
    two = fitted([(1, 1), (10, 100)])
    assert two is not None
    assert (two.exponent, two.standard_error) == (pytest.approx(2), None)
    assert fitted([(7, 1), (7, 2)]) is None


def test_exponents_are_those_of_what_was_measured(picture: Pixels, fake: Fake) -> None:
    results = measure(picture)
    time, memory = fits(results, "time", "output pixels"), fits(results, "memory", "output pixels")
    assert [fit.name for fit in time] == ["fast", "slow"]
    assert {fit.case for fit in time} == {"preset smoke"}
    for fit in time:
        assert fit.exponent == pytest.approx(1.2)
        assert [point[0] for point in fit.points] == [1200, 4800, 19200]
    assert [fit.exponent for fit in memory] == pytest.approx([1, 1])


def test_what_a_source_adds_is_shown_by_the_fastest_backend(picture: Pixels, fake: Fake) -> None:
    results = measure(picture)
    (time,) = fits(results, "time", "source pixels")
    assert time.name == "fast"
    assert time.exponent == pytest.approx(0)
    assert [row.name for row in results.rows if row.case.startswith("80x60 of 32x32")] == ["fast"]


def test_memory_of_outputs_in_pieces_is_in_no_fit(picture: Pixels, fake: Fake) -> None:
    fake.whole = 4800
    results = measure(picture)
    assert [len(fit.points) for fit in fits(results, "memory", "output pixels")] == [2, 2]
    assert [len(fit.points) for fit in fits(results, "time", "output pixels")] == [3, 3]
    assert [row.details["pieces"] for row in results.rows[:6]] == [1, 1, 1, 1, 4, 4]


def test_a_first_call_that_is_short_does_not_count(picture: Pixels, fake: Fake) -> None:
    fake.first = 10.0
    results = measure(picture, ScalingRequest(("smoke",), (SMALL,), (), repeat=2))
    assert fake.calls == ["fast"] * 3 + ["slow"] * 3
    row = results.rows[0]
    assert row.milliseconds is not None
    assert row.milliseconds.p80 == pytest.approx(1e-3 * 1200**1.2)
    assert row.details["first_milliseconds"] == pytest.approx(1e-2 * 1200**1.2)
    assert row.flop_per_second == pytest.approx(1000 * 1200 / (row.milliseconds.median / 1e3))


def test_a_long_call_is_made_once_and_counts(picture: Pixels, fake: Fake) -> None:
    fake.seconds = lambda name, size: 11.0 if name == "slow" else 3.0
    results = measure(picture, ScalingRequest(("smoke",), (SMALL,), (), repeat=3, limit=100))
    assert [row.details["calls"] for row in results.rows] == [3, 1]
    assert fake.calls == ["fast", "fast", "fast", "slow"]  # at three seconds the first one counts, too


def test_an_output_that_would_take_too_long_is_left_out_and_told(picture: Pixels, fake: Fake) -> None:
    fake.seconds = lambda name, size: size[0] * size[1] / (1e4 if name == "fast" else 1e2)
    results = measure(picture, ScalingRequest(("smoke",), (SMALL, MIDDLE, LARGE), (), repeat=1, limit=60))
    assert [(row.case.split()[0], row.name) for row in results.rows] == [
        ("40x30", "fast"), ("40x30", "slow"), ("80x60", "fast"), ("80x60", "slow"), ("160x120", "fast")
    ]  # fmt: skip
    assert results.details["not_measured"] == ["160x120 of 64x56, preset smoke, slow: about 192 s, the limit is 60"]
    assert results.errors == []


def test_a_backend_that_fails_keeps_no_other_from_being_measured(picture: Pixels, fake: Fake) -> None:
    def seconds(name: str, size: Size) -> float:
        if (name, size) == ("slow", MIDDLE):
            raise UserError("its process ended with code -9")
        return 0.1

    fake.seconds = seconds
    results = measure(picture)
    assert results.errors == ["80x60 of 64x56, preset smoke, slow: its process ended with code -9"]
    assert sum(row.milliseconds is not None for row in results.rows) == 7
    assert [len(fit.points) for fit in fits(results, "time", "output pixels")] == [3, 2]


@pytest.mark.parametrize("limit", [0.01, 100.0])
def test_progress_ends_at_its_total(picture: Pixels, fake: Fake, limit: float) -> None:
    advanced: list[None] = []
    request = ScalingRequest(("smoke", "learned"), REQUEST.outputs, REQUEST.sources, MIDDLE, 2, limit)
    results = measure(picture, request, lambda: advanced.append(None))
    assert len(advanced) == scaling.steps(request)
    assert bool(results.details["not_measured"]) == (limit < 1)


def test_operations_are_of_the_source_and_of_the_output(models: dict[str, Path]) -> None:
    from ingan_fast import load
    from ingan_fast.bench.models import count_flop
    from ingan_fast.geometry import Transform

    trained = load(models["onnxruntime"].parents[1] / "run", "cpu")
    operations = scaling.Operations.of(trained)
    size = (192, 160)
    task = scaling.Task("smoke", scaling.OUTPUT, size, trained.source)
    assert operations(task) == pytest.approx(count_flop(trained.retarget, Transform.resize(size)), rel=1e-3)
