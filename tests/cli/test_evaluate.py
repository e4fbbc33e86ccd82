"""`ingan-fast evaluate`: what it tells and writes, and what it refuses."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingan_fast.pictures import MARKET, Pixels, load_image, save_image
from ingan_fast.quality import evaluation
from ingan_fast.quality.metrics import evaluate
from ingan_fast.quality.resampling import plain_resize
from layout_scenes import grain

Command = Callable[..., Any]
Refused = Callable[..., None]

MEASURES = ["coherence", "completeness", "swd", "verbatim", "kept_width", "kept_height"]


@pytest.fixture
def wide(ingan_fast: Command, picture: Pixels) -> Path:
    """An output of `picture` in the working folder, 96x56, and source.png beside it."""
    save_image(picture, "source.png")
    save_image(plain_resize(picture, (96, 56)), "wide.png")
    return Path("wide.png")


def test_pictures_are_judged_on_the_console_and_in_json_the_same_every_time(
    ingan_fast: Command, wide: Path, picture: Pixels
) -> None:
    save_image(np.tile(picture, (2, 1, 1)), "other/wide.png")  # maps of one name are numbered
    words = ("--source", "source.png", "--json", "again.json", "--maps", "again")
    assert ingan_fast("evaluate", wide, *words).code == 0
    words = ("--source", "source.png", "--json", "numbers.json", "--maps", "maps")
    ended = ingan_fast("evaluate", wide, "other/wide.png", *words)
    assert ended.code == 0, ended.err
    for part in ("wide.png", "96x56", "64x112", "plain resize", "seam carving", "x1000"):
        assert part in ended.out
    numbers = json.loads(Path("numbers.json").read_text())
    assert numbers["source"] == "source.png"
    first, second = numbers["outputs"]
    assert (first["name"], first["size"]) == ("wide.png", [96, 56])
    assert second["size"] == [64, 112]
    assert list(first["measures"]) == list(first["plain_resize"]) == list(first["seam_carving"]) == MEASURES
    assert first["measures"] == first["plain_resize"] == evaluate(load_image(wide), picture)
    assert second["measures"]["kept_height"] > 0.8
    assert second["measures"]["kept_width"] is None
    assert f"{1000 * first['measures']['coherence']:.2f}" in ended.out
    assert json.loads(Path("again.json").read_text())["outputs"] == [first]
    names = {path.name for path in Path("maps").iterdir()}
    assert {"1_wide_stretch.png", "1_wide_coherence.png", "2_wide_coherence.png"} <= names
    for kind in ("stretch", "coherence"):
        assert Path(f"maps/1_wide_{kind}.png").read_bytes() == Path(f"again/wide_{kind}.png").read_bytes()


def test_a_run_is_judged_at_each_shape_with_its_way_back(
    ingan_fast: Command, trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "SHAPES", {"width x1.5": (1.5, 1.0), "height x0.6": (1.0, 0.6)})
    ended = ingan_fast("evaluate", trained_run, "--json", "run.json", "--maps", "maps")
    assert ended.code == 0, ended.err
    numbers = json.loads(Path("run.json").read_text())
    assert numbers["source"] == str(trained_run / "source.png")
    assert [one["name"] for one in numbers["outputs"]] == list(evaluation.SHAPES)
    for one in numbers["outputs"]:
        assert list(one["measures"]) == [*MEASURES, "psnr"]
        assert 5 < one["measures"]["psnr"] < 60
        assert one["plain_resize"]["psnr"] > 20
    written = {path.name for path in Path("maps").iterdir()}
    assert {"width_x1.5_stretch.png", "width_x1.5_coherence.png", "height_x0.6_coherence.png"} <= written
    assert all(name.endswith(("_stretch.png", "_coherence.png")) for name in written)


def test_transparent_places_count_nowhere(ingan_fast: Command, wide: Path, picture: Pixels) -> None:
    alpha = np.zeros((56, 64), np.float32)
    alpha[:, 20:] = 1
    garbage = np.where(alpha[..., None] > 0, picture, 77).astype(np.uint8)
    save_image(garbage, "cut.png", alpha)
    ended = ingan_fast("evaluate", "cut.png", "--source", "source.png", "--json", "n.json", "--maps", "maps")
    assert ended.code == 0, ended.err
    assert "without transparency" in " ".join(ended.err.split())
    assert [path.name for path in Path("maps").iterdir()] == ["cut_coherence.png"]
    assert json.loads(Path("n.json").read_text())["outputs"][0]["measures"]["coherence"] < 1e-5


def test_without_seam_carving_a_note_says_so(ingan_fast: Command, wide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "find_spec", lambda name: None)
    ended = ingan_fast("evaluate", wide, "--source", "source.png", "--json", "n.json")
    assert ended.code == 0
    assert "pip install seam-carving" in " ".join(ended.err.split())
    assert "seam carving" not in ended.out
    assert json.loads(Path("n.json").read_text())["outputs"][0]["seam_carving"] is None


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["wide.png", "a.png"], ("wide.png", "--source")),
        (["text.png"], ("text.png", "is not a picture")),
        (["missing.png"], ("missing.png", "doesn't exist")),
        (["missing.png", "--source", "source.png"], ("missing.png", "doesn't exist")),
        (["wide.png", "--source", "missing.png"], ("missing.png", "doesn't exist")),
        (["wide.png", "--source", "."], (".", "folder")),
        (["text.png", "--source", "source.png"], ("text.png",)),
        (["wide.png", "--source", "text.png"], ("text.png",)),
        (["cut_short.png", "--source", "source.png"], ("cut_short.png",)),
        (["wide.png", "./wide.png", "--source", "source.png"], ("wide.png", "twice")),
        (["wide.png", "link.png", "--source", "source.png"], ("link.png", "twice")),
        (["tiny.png", "--source", "source.png"], ("tiny.png", "20x6", "7")),
        (["wide.png", "--source", "tiny.png"], ("tiny.png", "20x6", "7")),
        (["empty.png", "--source", "source.png"], ("empty.png", "transparent")),
        (["scattered.png", "--source", "source.png"], ("scattered.png", "transparent")),
        (["foreign.png", "--source", "source.png"], ("foreign.png", "another picture")),
        (["wide.png", "foreign.png", "--source", "source.png"], ("foreign.png", "another picture")),
        (["folder"], ("folder", "not a run")),
        (["folder", "--source", "source.png"], ("folder", "--source")),
        (["wide.png", "folder", "--source", "source.png"], ("folder", "a single run")),
        (["wide.png", "--source", "source.png", "--json", "no/n.json"], ("no", "no folder")),
        (["wide.png", "--source", "source.png", "--json", "folder"], ("folder", ".json")),
        (["wide.png", "--source", "source.png", "--json", "n.txt"], ("n.txt", ".json")),
        (["wide.png", "--source", "source.png", "--json", "wide.png"], ("wide.png", "replace")),
        (["wide.png", "--source", "source.png", "--json", "./source.png"], ("source.png", "replace")),
        (["wide.png", "--source", "source.png", "--maps", "text.png"], ("text.png", "not a folder")),
        (["a.png", "a_coherence.png", "--source", "source.png", "--maps", "."], ("a_coherence.png", "replace")),
        (["a.png", "--source", "a_coherence.png", "--maps", "."], ("a_coherence.png", "replace")),
    ],
)
def test_what_cannot_be_judged_is_refused(
    refused: Refused, wide: Path, picture: Pixels, words: list[str], parts: tuple[str, ...]
) -> None:
    Path("text.png").write_text("not a picture\n")
    Path("cut_short.png").write_bytes(wide.read_bytes()[:300])
    Path("folder").mkdir()
    os.symlink("wide.png", "link.png")
    save_image(picture[:6, :20].copy(), "tiny.png")
    save_image(picture, "empty.png", np.zeros((56, 64), np.float32))
    save_image(picture, "scattered.png", np.indices((56, 64)).sum(0) % 2 * 1.0)
    save_image(load_image(MARKET), "foreign.png")
    save_image(picture, "a.png")
    save_image(picture, "a_coherence.png")
    refused("evaluate", *words, parts=parts)
    if "--json" not in words:
        Path("old.json").write_text("old")
        refused("evaluate", *words, "--json", "old.json", parts=parts)


def test_a_runs_own_files_are_not_replaced(refused: Refused, run_copy: Path) -> None:
    refused("evaluate", run_copy, "--json", run_copy / "config.json", parts=("config.json", "replace"))


def test_a_run_without_a_generator_is_refused(refused: Refused, run_copy: Path) -> None:
    (run_copy / "generator.safetensors").unlink()
    refused("evaluate", run_copy, "--json", "n.json", parts=("--resume",))


def test_a_full_disk_leaves_the_old_numbers(ingan_fast: Command, wide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    Path("n.json").write_text("old")
    monkeypatch.setattr("ingan_fast.files.os.replace", full)
    ended = ingan_fast("evaluate", wide, "--source", "source.png", "--json", "n.json")
    assert ended.code == 1  # a fault of the machine
    assert "No space left" in ended.err
    assert "Traceback" not in ended.err
    assert Path("n.json").read_text() == "old"


def test_a_transparent_picture_is_read_as_pillow_wrote_it(ingan_fast: Command, wide: Path, picture: Pixels) -> None:
    Image.fromarray(picture).convert("P").save("palette.png", transparency=0)
    assert ingan_fast("evaluate", "palette.png", "--source", "source.png").code == 0


def test_a_picture_s_layouts_are_judged_as_a_run_s(ingan_fast: Command) -> None:
    Image.fromarray(grain(40, 48)).save("small.png")
    ended = ingan_fast("evaluate", "small.png", "--json", "numbers.json", "--maps", "maps")
    assert ended.code == 0, ended.err
    numbers = json.loads(Path("numbers.json").read_text())
    assert numbers["source"] == "small.png"
    assert [one["name"] for one in numbers["outputs"]] == ["width x1.5", "width x0.6", "height x1.5", "height x0.6"]
    assert [one["size"] for one in numbers["outputs"]] == [[72, 40], [29, 40], [48, 60], [48, 24]]
    for one in numbers["outputs"]:
        assert one["measures"]["verbatim"] > one["plain_resize"]["verbatim"] + 0.1
        assert "psnr" in one["measures"]  # None where the way back is the picture itself
    assert len(list(Path("maps").iterdir())) == 8
