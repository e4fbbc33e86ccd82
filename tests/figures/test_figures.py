"""The script that regenerates the paper's figures, with trainings of two iterations."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ingan_fast.errors import UserError
from ingan_fast.layout import Layouts
from ingan_fast.pictures import Pixels, load_image
from ingan_fast.quality.metrics import evaluate

Make = Callable[..., Path]
FOLDER = Path(__file__).parents[2] / "benchmarks" / "figures"
KEYS = {"schema", "figure", "title", "caption", "picture", "created", "commit", "machine", "budget"}
ROW_KEYS = {"picture", "output", "method", "size", "seconds", "training_seconds", "measures", "error"}
MEASURES = {"kept_width", "kept_height", "coherence", "completeness", "swd", "verbatim"}


def read(out: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / "figures" / f"{name}.json").read_text())
    return document


def check(document: dict[str, Any], out: Path) -> None:
    """A figure's file against the contract."""
    assert document.keys() == KEYS | {"trainings", "rows", "not_measured"}
    assert document["schema"] == "ingan-fast/figure/1"
    assert (out / "figures" / document["picture"]).is_file()
    for training in document["trainings"]:
        assert training["iterations"] == 2
        assert training["seconds"] > 0
    assert document["rows"]
    for row in document["rows"]:
        assert row.keys() == ROW_KEYS
        assert row["measures"].keys() == MEASURES
        assert (row["error"] is None) == (row["seconds"] is not None) == (row["measures"]["coherence"] is not None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fig1", "fig7", "fig6", "fig8", "fig9"])
def test_a_figure_is_a_sheet_and_numbers_that_fit_the_contract(name: str, make: Make) -> None:
    out = make(name)
    document = read(out, name)
    check(document, out)
    assert document["figure"] == name.removeprefix("fig")


def contains(sheet: Pixels, picture: Pixels) -> bool:
    """Whether the picture is on the sheet, pixel by pixel."""
    height, width, _ = picture.shape
    corners = (sheet[: -height + 1, : -width + 1] == picture[0, 0]).all(2) & (
        sheet[height - 1 :, width - 1 :] == picture[-1, -1]
    ).all(2)
    return any(np.array_equal(sheet[y : y + height, x : x + width], picture) for y, x in np.argwhere(corners))


def test_numbers_are_those_of_the_pictures(tenth: Path) -> None:
    out = tenth
    document = read(out, "fig10")
    source = load_image(out / "work" / "runs" / "coffee-tiny" / "source.png")
    rows = {(row["method"], row["output"]): row for row in document["rows"]}
    picture = load_image(out / "work" / "outputs" / "ingan-fast" / "coffee-width-x1.5.png")
    row = rows["ingan-fast", "width x1.5"]
    assert row["size"] == [picture.shape[1], picture.shape[0]] == [72, 32]
    assert row["measures"] == evaluate(picture, source)
    assert row["training_seconds"] == document["trainings"][0]["seconds"]
    assert rows["plain resize", "width x1.5"]["training_seconds"] is None
    assert rows["ingan-fast, layout alone", "width x1.5"]["training_seconds"] is None
    laid_out = load_image(out / "work" / "outputs" / "ingan-fast-layout-alone" / "coffee-width-x1.5.png")
    np.testing.assert_array_equal(laid_out, Layouts(source).retarget((72, 32)))
    sheet = load_image(out / "figures" / "fig10.png")
    assert contains(sheet, source)
    assert contains(sheet, picture)


def test_a_second_run_makes_nothing_again(make: Make, tenth_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tenth_copy
    before = {path: path.stat().st_mtime_ns for path in (out / "work").rglob("*")}
    rows = read(out, "fig10")["rows"]
    capsys.readouterr()
    make("10")
    assert "trainings 1, outputs 10 are there already" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in (out / "work").rglob("*")} == before
    assert read(out, "fig10")["rows"] == rows


def test_an_interrupted_run_goes_on_with_what_is_missing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import figures.outputs

    from ingan_fast.quality import metrics

    judged = []

    def stop_at_third(*arguments: Any) -> Any:
        judged.append(arguments)
        if len(judged) == 3:
            raise KeyboardInterrupt
        return metrics.evaluate(*arguments)

    monkeypatch.setattr(figures.outputs, "evaluate", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        make("10")
    out = make("10")
    assert len(judged) == 1 + 10
    check(read(out, "fig10"), out)


def test_an_interrupted_training_goes_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import figures.trainings

    def interrupt(images: Any, run: Any, *, report: Any, **options: Any) -> Any:
        def stop(status: Any) -> None:
            report(status)
            os.kill(os.getpid(), signal.SIGINT)

        return train(images, run, report=stop, **options)

    train = figures.trainings.train
    monkeypatch.setattr(figures.trainings, "train", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make("10")
    monkeypatch.setattr(figures.trainings, "train", train)
    out = make("10")
    log = (out / "work" / "runs" / "coffee-tiny" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["iteration"] for line in log if "adversarial" in line] == [1, 2]


def test_a_training_with_other_settings_is_made_anew(make: Make, tenth_copy: Path) -> None:
    out = tenth_copy
    run = out / "work" / "runs" / "coffee-tiny"
    before = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(before | {"seed": 1}))
    (run / "generator.safetensors").write_bytes(b"of the other one")
    make("10")
    assert json.loads((run / "config.json").read_text())["seed"] == 0
    assert (run / "generator.safetensors").stat().st_size > 1000


def test_a_missing_package_leaves_its_panel_out(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "seam_carving", None)
    out = make("10")
    document = read(out, "fig10")
    check(document, out)
    errors = [row for row in document["rows"] if row["error"] is not None]
    assert [row["method"] for row in errors] == ["seam carving"] * 2
    assert "pip install seam-carving" in errors[0]["error"]
    assert "pip install seam-carving" in document["caption"]
    told = capsys.readouterr().err.splitlines()
    assert sum("pip install seam-carving" in line for line in told) == 2
    without = load_image(out / "figures" / "fig10.png")

    monkeypatch.undo()
    monkeypatch.syspath_prepend(FOLDER.parent)
    make("10")
    assert all(row["error"] is None for row in read(out, "fig10")["rows"])
    assert "pip install" not in read(out, "fig10")["caption"]
    assert not np.array_equal(load_image(out / "figures" / "fig10.png"), without)


def test_an_unknown_figure_is_refused_in_one_line(command: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no figure 'fig3'; there are fig1, fig5"):
        command.make(["fig3"], tmp_path / "out", command.BUDGETS["quick"])
    assert not (tmp_path / "out").exists()


def test_the_command_ends_with_code_2_and_a_line_for_an_unknown_figure(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER), "12", "--out", str(tmp_path / "out")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "'12'" in done.stderr
