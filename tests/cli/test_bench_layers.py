"""`ingan-fast bench export`, `video`, `cold-start`, `scaling` and `layout`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingan_fast.bench import cold_start, export, layout, scaling, video
from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.timing import Spread

Command = Callable[..., Any]
Refused = Callable[..., None]
BENCHMARKS = {"export": export, "video": video, "cold-start": cold_start, "scaling": scaling, "layout": layout}


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would have been measured."""
    asked: list[Any] = []

    def measure(request: Any, picture: object, advance: Callable[[], None]) -> Results:
        asked.append(request)
        machine = {"device": "cpu", "name": "a machine", "threads": 2, "versions": {"torch": "2"}}
        return Results("any", machine, {}, [Row("a case", "ours", Spread(1, 1, 1, 1))])

    for benchmark in BENCHMARKS.values():
        monkeypatch.setattr(benchmark, "measure", measure)
    return asked


@pytest.mark.parametrize("name", BENCHMARKS)
def test_without_options_a_benchmarks_own_defaults_are_measured(
    ingan_fast: Command, requests: list[Any], name: str
) -> None:
    ended = ingan_fast("bench", name, "--json", "numbers.json")
    assert ended.code == 0, ended
    assert requests == [type(requests[0])()]
    assert json.loads(Path("numbers.json").read_text())["rows"][0]["name"] == "ours"


def test_options_are_what_is_measured(ingan_fast: Command, requests: list[Any]) -> None:
    presets = ("--preset", "smoke", "--preset", "learned")
    ingan_fast("bench", "export", *presets, "--package", "smoke", "--repeat", 2)
    ingan_fast("bench", "video", "--preset", "smoke", "--canvas", "64x48", "--frames", 12, "--repeat", 1)
    ingan_fast("bench", "cold-start", "--preset", "smoke", "--repeat", 4)
    ingan_fast("bench", "scaling", *presets, "--size", "64x48", "--source", "32x32", "--repeat", 1, "--limit", 5)
    ingan_fast("bench", "layout", "--size", "64x48", "--size", "128x96", "--repeat", 2, "--side", 64, "--no-methods")
    assert requests == [
        export.ExportRequest(("smoke", "learned"), ("smoke",), 2),
        video.VideoRequest("smoke", (64, 48), 12, repeat=1),
        cold_start.ColdStartRequest("smoke", repeat=4),
        scaling.ScalingRequest(("smoke", "learned"), ((64, 48),), ((32, 32),), repeat=1, limit=5.0),
        layout.LayoutRequest(((64, 48), (128, 96)), repeat=2, side=64, compared=()),
    ]


@pytest.mark.parametrize("name", BENCHMARKS)
@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--repeat", 0), "--repeat 0"),
        (("--json", "numbers.txt"), ".json"),
        (("--image", "missing.png"), "missing.png"),
    ],
)
def test_every_benchmark_refuses_in_a_line(refused: Refused, name: str, words: tuple[object, ...], part: str) -> None:
    refused("bench", name, *words, parts=(part,))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        *(((name, "--preset", "papre"), "paper") for name in ("export", "video", "cold-start", "scaling")),
        (("scaling", "--size", "8x8"), "8x8"),
        (("layout", "--size", "8x8"), "8x8"),
        (("layout", "--size", "60000x60000"), "megapixels"),
        (("layout", "--side", 20), "--side 20"),
        (("scaling", "--size", "60000x60000"), "megapixels"),
        (("scaling", "--source", "large"), "640x480"),
        (("scaling", "--limit", 0), "--limit 0"),
        (("scaling", "--limit", "nan"), "--limit nan"),
        (("video", "--canvas", "640"), "640x480"),
        (("video", "--frames", 3), "--frames 3"),
        (("export", "--package", "papre"), "paper"),
    ],
)
def test_what_can_not_be_measured_is_refused(refused: Refused, words: tuple[object, ...], part: str) -> None:
    refused("bench", *words, parts=(part,))
