"""Batches in one process: failures, going on, interruptions."""

import os
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from batch_runs import Failing, dots, run
from ingan_fast import UserError
from ingan_fast.batch.journal import FOLDER, opened
from ingan_fast.batch.pools import WorkerLost
from ingan_fast.batch.requests import Options
from ingan_fast.batch.run import NODE_TRIES, TRIES, Progress
from ingan_fast.cli.instant import Options as Alone
from ingan_fast.cli.instant import retarget_picture
from ingan_fast.geometry import Transform


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three pictures."""
    for seed, name in enumerate(("a.png", "b.jpg", "sub/c.png")):
        dots(tmp_path / "photos" / name, seed)
    return tmp_path / "photos"


def files(out: Path) -> dict[str, int]:
    """Outputs with the time of their last change."""
    found = (path for path in out.rglob("*") if path.is_file() and FOLDER not in path.parts)
    return {path.relative_to(out).as_posix(): path.stat().st_mtime_ns for path in found}


def test_outputs_are_those_of_retarget(photos: Path, tmp_path: Path) -> None:
    picture = Image.open(photos / "a.png").convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.save(photos / "a.png", dpi=(300, 300))
    shutil.rmtree(photos / "sub")
    outcome = run(photos, tmp_path / "out", ("48x36", "32x40"), Options(keep_objects=False, variation=1))
    assert not outcome.errors
    for name in ("a.png", "b.jpg"):
        stem, suffix = name.split(".")
        for size in ((48, 36), (32, 40)):
            alone = tmp_path / f"alone.{suffix}"
            retarget_picture(
                photos / name,
                alone,
                lambda given, size=size: Transform.resize(size),
                Alone(keep=("none",), variation=1),
            )
            made = tmp_path / "out" / f"{stem}_{size[0]}x{size[1]}.{suffix}"
            assert made.read_bytes() == alone.read_bytes()


def test_a_picture_that_fails_is_an_error_and_stops_nothing(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.png").write_bytes((photos / "a.png").read_bytes()[:60])
    (photos / "empty.png").touch()
    (photos / "gone.png").symlink_to(photos / "nothing")
    dots(photos / "small.png", size=(10, 10))
    bomb = bytearray((photos / "a.png").read_bytes())
    bomb[16:24] = (40_000).to_bytes(4, "big") * 2  # the header's width and height
    (photos / "bomb.png").write_bytes(bomb)
    os.mkfifo(photos / "pipe.png")
    outcome = run(photos, tmp_path / "out")
    assert set(files(tmp_path / "out")) == {"a_48x36.png", "b_48x36.jpg", "sub/c_48x36.png"}
    errors = {name.partition("_")[0]: error for name, error in outcome.errors.items()}
    assert errors.keys() == {"broken", "empty", "gone", "small", "bomb", "pipe"}
    assert "10x10" in errors["small"]
    assert "can't be decoded" in errors["broken"]
    assert "pipe" in errors["pipe"]
    assert not any("unexpected" in error for error in errors.values())


def test_one_output_that_fails_leaves_the_picture_s_others(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "a_48x36.png").mkdir(parents=True)
    outcome = run(photos, tmp_path / "out", ("48x36", "32x40"))
    assert set(outcome.errors) == {"a_48x36.png"}
    assert len(outcome.made) == 5


def test_the_second_time_nothing_is_made(photos: Path, tmp_path: Path) -> None:
    first = run(photos, tmp_path / "out")
    before = files(tmp_path / "out")
    second = run(photos, tmp_path / "out")
    assert (len(first.made), len(second.made), second.entries) == (3, 0, first.entries)
    assert files(tmp_path / "out") == before


@pytest.mark.parametrize("change", ["removed", "cut short", "unknown to the journal"])
def test_an_output_that_is_not_whole_is_made_anew(photos: Path, tmp_path: Path, change: str) -> None:
    run(photos, tmp_path / "out")
    output, journal = tmp_path / "out" / "b_48x36.jpg", tmp_path / "out" / FOLDER / "journal.jsonl"
    content = output.read_bytes()
    if change == "removed":
        output.unlink()
    elif change == "cut short":
        output.write_bytes(content[:100])
    else:  # killed between the output and its line, or in the middle of the line
        lines = journal.read_text().splitlines(keepends=True)
        lines.sort(key=lambda line: "b_48x36" in line)
        journal.write_text("".join(lines)[:-30])
    assert run(photos, tmp_path / "out").made == {"b_48x36.jpg"}
    assert output.read_bytes() == content
    assert not run(photos, tmp_path / "out").made


def test_a_changed_picture_is_made_anew_and_a_touched_one_is_not(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "out")
    os.utime(photos / "a.png", (1, 1))
    dots(photos / "sub" / "c.png", seed=9)
    assert run(photos, tmp_path / "out").made == {"sub/c_48x36.png"}


def test_changed_options_make_outputs_anew_and_other_sizes_are_added(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "out")
    added = run(photos, tmp_path / "out", ("48x36", "32x40"))
    assert added.made == {"a_32x40.png", "b_32x40.jpg", "sub/c_32x40.png"}
    assert len(run(photos, tmp_path / "out", ("48x36",), Options(strip=True)).made) == 3


def test_what_a_kill_left_half_written_is_removed(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    (out / FOLDER / "thumbnails").mkdir(parents=True)
    whole = (".a_48x36.0123abcd.png", "sub/.c_48x36.0123abcd.png", ".report.0123abcd.csv", ".mine.0123abcd.png")
    for name in (*whole, f"{FOLDER}/thumbnails/.x.0123abcd.jpg"):
        (out / name).write_bytes(b"half")
    (out / ".batch-0123abcd").mkdir()
    run(photos, out)
    assert {path.name for path in out.rglob(".*")} == {".mine.0123abcd.png", FOLDER}


def test_an_interrupted_batch_goes_on_and_makes_nothing_twice(photos: Path, tmp_path: Path) -> None:
    interrupted = threading.Event()

    def stop(progress: Progress) -> None:
        if progress.done == 1:
            interrupted.set()

    first = run(photos, tmp_path / "out", show=stop, interrupted=interrupted)
    assert len(first.made) == 1
    assert not first.errors
    second = run(photos, tmp_path / "out")
    assert not first.made & second.made
    assert len(files(tmp_path / "out")) == 3


def test_a_picture_whose_worker_died_is_tried_again(photos: Path, tmp_path: Path) -> None:
    deaths: Counter[str] = Counter()

    def fail(task: object) -> Exception | None:
        path = getattr(task, "path", "")
        deaths[path] += 1
        return WorkerLost("its process ended") if path.endswith("b.jpg") and deaths[path] < TRIES else None

    assert len(run(photos, tmp_path / "out", pool=Failing(fail)).made) == 3


@pytest.mark.parametrize("node", [False, True])
def test_a_picture_that_kills_its_workers_is_an_error_after_some_tries(
    photos: Path, tmp_path: Path, node: bool
) -> None:
    pool = Failing(lambda task: WorkerLost("its process ended", node) if task.path.endswith("b.jpg") else None)
    outcome = run(photos, tmp_path / "out", pool=pool)
    tries = NODE_TRIES if node else TRIES
    assert outcome.errors == {"b_48x36.jpg": f"its process ended, {tries} times"}
    assert len(outcome.made) == 2
    assert sum(task.path.endswith("b.jpg") for task in pool.tasks) == tries


def test_all_outputs_of_a_picture_are_one_task(photos: Path, tmp_path: Path) -> None:
    pool = Failing(lambda task: None)
    run(photos, tmp_path / "out", ("48x36", "32x40"), pool=pool)
    assert [len(task.outputs) for task in pool.tasks] == [2, 2, 2]


def test_a_cluster_without_the_program_stops_the_batch(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="every node"):
        run(photos, tmp_path / "out", pool=Failing(lambda task: UserError("install it on every node")))


def test_two_batches_in_one_folder_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "out"), pytest.raises(UserError, match="another batch"), opened(tmp_path / "out"):
        pass
    assert not (tmp_path / "out").exists()  # nothing was made in it


def test_the_output_folder_can_be_moved(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "out")
    shutil.move(tmp_path / "out", tmp_path / "moved")
    assert not run(photos, tmp_path / "moved").made
