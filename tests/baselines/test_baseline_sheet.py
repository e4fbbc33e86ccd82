"""The script that lays all baselines of a picture out on one sheet."""

import subprocess
import sys
from pathlib import Path

import pytest

from ingan_fast.pictures import load_image

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "baseline_sheet.py"


def call(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, words)], capture_output=True, text=True)


def test_a_sheet_shows_the_baselines_and_a_table_tells_their_numbers(picture_path: Path, tmp_path: Path) -> None:
    names = ("plain resize", "image quilting")
    done = call(picture_path, tmp_path / "sheet.png", "--scale", "2x1", "--only", *names)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in names)
    height, width, _ = load_image(tmp_path / "sheet.png").shape
    assert width > 2 * 128
    assert height > 2 * 56


@pytest.mark.parametrize(
    ("words", "part"),
    [(("missing.png", "sheet.png"), "missing.png"), (("PICTURE", "sheet.txt"), ".txt"), (("PICTURE", "s.png"), "0x")],
)
def test_bad_input_is_refused_in_one_line(
    words: tuple[str, str], part: str, picture_path: Path, tmp_path: Path
) -> None:
    given = picture_path if words[0] == "PICTURE" else tmp_path / words[0]
    done = call(given, tmp_path / words[1], "--scale", "0x" if part == "0x" else "1.5x1")
    assert done.returncode == 2
    assert part in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
