"""`ingan-fast batch`, without a cluster."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from batch_runs import dots
from ingan_fast.batch import pools
from ingan_fast.batch.pools import InProcess
from ingan_fast.cli import batch

Command = Callable[..., Any]
Refused = Callable[..., None]


class _Pool(InProcess):
    def gpus(self) -> float:
        return 0.0


@pytest.fixture
def here(ingan_fast: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pictures in `photos` in the working folder, and work in this process instead of a cluster."""
    for seed, name in enumerate(("a.png", "sub/b.jpg")):
        dots(Path("photos") / name, seed)

    @contextmanager
    def connected(address: str | None = None, cpus: int | None = None) -> Iterator[_Pool]:
        yield _Pool()

    monkeypatch.setattr(pools, "connected", connected)
    monkeypatch.setattr(batch, "find_spec", lambda package: True)


@pytest.mark.usefixtures("here")
def test_outputs_and_a_report_are_made_and_the_second_time_nothing(ingan_fast: Command) -> None:
    words = ("batch", "photos", "--size", "48x36", "--scale", "0.8x1", "--corners", "0,0 64,4 60,48 2,47", "--out", "o")
    ended = ingan_fast(*words)
    assert (ended.code, ended.err) == (0, "")
    assert "6 outputs made" in ended.out
    made = {path.as_posix() for path in Path("o").rglob("*.*") if ".batch" not in path.parts and path.is_file()}
    pictures = {"o/a_48x36.png", "o/a_scale0.8x1.png", "o/a_corners1.png"}
    pictures |= {"o/sub/b_48x36.jpg", "o/sub/b_scale0.8x1.jpg", "o/sub/b.jpg_corners1.png"}
    assert made == pictures | {"o/report.csv", "o/report.html"}
    again = ingan_fast(*words)
    assert again.code == 0
    assert "0 outputs made" in again.out
    assert "6 were there" in again.out


@pytest.mark.usefixtures("here")
def test_failures_are_told_and_end_with_code_1(ingan_fast: Command) -> None:
    Path("photos/bad.png").write_bytes(b"no picture")
    ended = ingan_fast("batch", "photos", "--size", "48x36", "--out", "out")
    assert ended.code == 1
    assert "bad.png: 48x36: is not a picture" in ended.err
    assert "1 of 3 pictures failed" in ended.out


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["photos", "--out", "out"], "no output size"),
        (["photos", "--size", "48x36", "--out", "photos"], "folder of the pictures"),
        (["photos", "--size", "48x36", "--out", "photos/a.png"], "is a file"),
        (["nothing", "--size", "48x36", "--out", "out"], "doesn't exist"),
        (["photos/*.gif", "--size", "48x36", "--out", "out"], "no picture matches"),
        (["photos", "--size", "48x36", "--keep", "mask.png", "--out", "out"], "--keep mask.png"),
        (["photos", "--size", "48x36", "--tile", "z", "--out", "out"], "--tile z"),
        (["photos", "--corners", "0,0 64,4 60,48 2,47", "--tile", "x", "--out", "out"], "leave out --corners"),
        (["photos", "--size", "48x36", "--variation", "-1", "--out", "out"], "--variation -1"),
        (["photos", "--size", "48x36", "--export", "--out", "out"], "add --train"),
        (["photos", "--size", "48x36", "--train", "5", "--out", "out"], "budget"),
        (["photos", "--size", "48x36", "--train", "5m", "--tile", "x", "--out", "out"], "--tile are for layouts"),
        (["photos", "--size", "48x36", "--gpus-per-training", "1", "--out", "out"], "for --train"),
        (
            ["photos", "--size", "48x36", "--train", "5m", "--gpus-per-training", "1", "--out", "out"],
            "than the cluster",
        ),
        (["photos", "--size", "48x36", "--workers", "2", "--address", "auto", "--out", "out"], "leave out one"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(refused: Refused, words: list[str], part: str) -> None:
    refused("batch", *words, parts=(part,))


@pytest.mark.parametrize("package", ["ray", "torch"])
def test_a_missing_package_is_named_with_what_installs_it(
    ingan_fast: Command, refused: Refused, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    dots(Path("a.png"))
    monkeypatch.setattr(batch, "find_spec", lambda name: None if name == package else True)
    monkeypatch.setitem(sys.modules, package, None)
    extra = {"ray": "batch", "torch": "train"}[package]
    refused("batch", "a.png", "--size", "48x36", "--judge", "--out", "out", parts=(f"ingan-fast[{extra}]",))
