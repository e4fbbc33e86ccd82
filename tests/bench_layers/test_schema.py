"""Files of benchmarks: committed ones stay readable, and what doesn't fit is neither read nor written."""

import json
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ingan_fast.bench import schema
from ingan_fast.bench.power_law import Fit
from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.timing import Spread
from ingan_fast.errors import UserError

COMMITTED = Path(__file__).parents[2] / "benchmarks" / "results" / "cpu"
MACHINE = {"device": "cpu", "name": "a CPU", "threads": 1, "versions": {"torch": "2.13.0", "av": None}, "cuda": None}


def results(**changes: object) -> Results:
    rows = [Row("640x480", "torch", Spread(2.0, 1.5, 2.5, 2.0), details={"seconds": np.float32(0.5)})]
    return Results(
        **{"benchmark": "warp", "machine": MACHINE, "settings": {"size": (640, 480)}, "rows": rows} | changes
    )


@pytest.mark.parametrize("path", sorted(COMMITTED.glob("*.json")), ids=lambda path: path.stem)
def test_committed_results_are_readable(path: Path) -> None:
    found = Results.read(path)
    assert found.rows
    assert all((row.milliseconds is None) == (row.error is not None) for row in found.rows)
    schema.check(found.details.get("fits", []), list[Fit], path.name)


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = results(details={"fits": [Fit("a case", "a name", "time", "pixels", 1.0, None, [(1.0, 2.0)])]})
    written.write(tmp_path / "warp.json")
    document = json.loads((tmp_path / "warp.json").read_text())
    assert next(iter(document.items())) == ("schema", "ingan-fast/bench/1")
    found = Results.read(tmp_path / "warp.json")
    assert found.rows == written.rows
    assert found.machine == MACHINE
    assert found.settings == {"size": [640, 480]}
    assert found.details["fits"][0]["points"] == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rows": [{"case": "640x480"}]}, "missing required field `name` - at `$.rows[0]`"),
        ({"rows": [{"case": "640x480", "name": "torch", "speed": 1}]}, "unknown field `speed` - at `$.rows[0]`"),
        ({"rows": [{"case": "640x480", "name": "torch", "times_as_fast": "2"}]}, "`$.rows[0].times_as_fast`"),
        ({"ceilings": {"copy": None}}, "`$.ceilings[...]`"),
        ({"machine": {"device": "cpu"}}, "`$.machine`"),
        ({"created": "yesterday"}, "yesterday"),
        ({"schema": "ingan-fast/bench/0"}, "has the schema 'ingan-fast/bench/0'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(changes: dict[str, object], told: str, tmp_path: Path) -> None:
    document = json.loads(schema.to_json(results())) | changes
    (tmp_path / "warp.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match=re.escape(told)) as refused:
        Results.read(tmp_path / "warp.json")
    assert "warp.json" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["not JSON", '{"schema": NaN}', "[" * 100_000])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="some file is not JSON"):
        schema.parse(text, Results, "some file")


def test_nothing_wrong_is_written(tmp_path: Path) -> None:
    for wrong in (results(ceilings={"copy": float("nan")}), results(commit=3)):
        with pytest.raises((ValueError, msgspec.ValidationError)):
            wrong.write(tmp_path / "warp.json")
    assert not (tmp_path / "warp.json").exists()
