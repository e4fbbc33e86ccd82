"""The page that is written, and what is said where a file can't be used."""

import html
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ingan_fast.bench.results import Row

Add = Callable[..., None]
COMMAND = Path(__file__).parents[2] / "benchmarks" / "report_page"


@pytest.fixture
def write(folder: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Write the page: its HTML. The exit code and the lines on stderr are held against what is expected."""

    def run(code: int = 0, *told: str) -> str:
        from report_page.command import run

        assert run(folder) == code
        lines = capfd.readouterr().err.splitlines()
        assert len(lines) == len(told)
        for line, part in zip(lines, told, strict=True):
            assert part in line
        return (folder / "index.html").read_text()

    return run


def text(page: str) -> str:
    """What a reader sees."""
    visible = re.sub(r"(?s)<style>.*?</style>|<[^>]+>", " ", page)
    return " ".join(html.unescape(visible).split())


def section(page: str, name: str) -> str:
    found = re.search(rf'(?s)<section id="{name}">.*?</section>', page)
    assert found is not None
    return text(found[0])


def test_the_command_writes_one_page_that_asks_for_nothing_else(
    folder: Path, add_results: Add, add_figure: Add, timed: Callable, made: Callable
) -> None:
    add_results("warp", [timed("x1", "eager", 10, ("eager", 10)), timed("x1", "ours", 5, ("eager", 10))])
    add_figure("7", [made("ingan-fast", swd=0.01), made("GPNN", swd=0.02)])
    done = subprocess.run([sys.executable, str(COMMAND), "--out", str(folder)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 benchmarks, 1 figures" in done.stdout
    page = (folder / "index.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "@import" not in page
    assert all(source.startswith("data:") for source in re.findall(r'src="([^"]*)"', page))
    assert all(link.startswith(("#", "data:", "figures/")) for link in re.findall(r'href="([^"]*)"', page))
    assert not re.search(r"url\((?!#)", page)


def test_where_we_are_behind_is_said_in_words_and_with_a_symbol(
    add_results: Add, add_figure: Add, timed: Callable, made: Callable, write: Callable
) -> None:
    add_results("warp", [timed("x1", "eager", 10, ("eager", 10)), timed("x1", "ours", 40, ("eager", 10))])
    add_figure("7", [made("ingan-fast", completeness=0.004), made("GPNN", completeness=0.002)])
    told = section(write(), "glance")
    assert "▼ behind in 1 of 1" in told
    assert "▼ ×0.25 of eager : x1" in told
    assert "GPNN ▼ 1" in told


def test_only_our_ratios_are_called_ahead_or_behind(add_results: Add, timed: Callable, write: Callable) -> None:
    rows = [timed("x1", name, median, ("eager", 10)) for name, median in (("eager", 10), ("ours", 5), ("inductor", 2))]
    add_results("warp", rows)
    told = section(write(), "speed")
    assert "▲ ×2.00 eager" in told
    assert "×5.00 eager" in told
    assert "▲ ×5.00" not in told


def test_a_rows_numbers_are_told_with_their_spread_ceiling_and_memory(
    add_results: Add, timed: Callable, write: Callable
) -> None:
    row = timed("x1", "ours", 5, ("eager", 10), ceiling="copy", fraction_of_ceiling=0.42, bytes_per_second=4.2e9)
    rows = [timed("x1", "eager", 10, ("eager", 10)), row, timed("x1.5", "ours", 2000, peak_memory_bytes=1_500_000_000)]
    add_results("warp", rows, ceilings={"copy": 10e9}, settings={"size": [640, 480], "dtype": "bfloat16"})
    told = section(write(), "speed")
    assert "size 640×480; dtype bfloat16" in told
    assert "Ceiling copy: 10 GB/s" in told
    assert "ours 5 ms ▲ ×2.00 eager 4.75 – 5.5 42% of copy 4.2 GB/s" in told
    assert "2 s – 1.9 – 2.2" in told
    assert "1.5 GB" in told


def test_a_figures_table_has_the_best_of_each_output_in_bold(add_figure: Add, made: Callable, write: Callable) -> None:
    rows = [made("ingan-fast", swd=0.012, kept_width=0.95), made("GPNN", swd=0.011, kept_width=1.2)]
    add_figure("7", [*rows, made("seam carving", seconds=None, error="the package is not installed")])
    page = write()
    figure = re.search(r'(?s)<section id="figure-7">.*?</section>', page)
    assert figure is not None
    assert re.findall(r"<td class=\"n\"><b>(.*?)</b></td>", figure[0]) == ["0.95", "11.00"]
    assert re.findall(r'<tr class="ours"><td>(.*?)</td>', figure[0]) == ["ingan-fast"]
    assert "the package is not installed" in text(figure[0])
    assert "Budget: 2 minutes" in text(figure[0])
    assert "crop=96" in text(figure[0])
    assert "coins, width x1.5, seam carving: the package is not installed" in section(page, "missing")


def test_fitted_exponents_stand_beside_their_plot(add_results: Add, timed: Callable, write: Callable) -> None:
    fit = {"case": "preset cpu", "name": "openvino", "quantity": "time", "over": "output pixels", "exponent": 0.97}
    fit |= {"standard_error": 0.02, "points": [[76800, 0.05], [307200, 0.2], [1228800, 0.7]]}
    flat = fit | {"quantity": "memory", "exponent": 0.0, "standard_error": None, "points": [[76800, 1e6], [307200, 0]]}
    add_results("scaling", [timed("320x240", "openvino", 50)], details={"fits": [fit, flat]})
    page = write()
    told = section(page, "scaling")
    assert page.count("<svg") == 2
    assert "time over output pixels" in told
    assert "exponent 0.97 ± 0.02" in told
    assert "currentColor" in page


def test_parts_of_other_commits_and_machines_are_noted(
    add_results: Add, timed: Callable, write: Callable, machine: dict
) -> None:
    add_results("warp", [timed("x1", "ours", 5)])
    add_results("train", [timed("x", "eager", 5)], commit="fedcba9876+", created="2026-05-03T01:00:00+02:00")
    add_results("retarget", [timed("x", "torch", 5)], machine=machine | {"threads": 64}, commit=None)
    told = section(write(), "origin")
    assert "2026-05-01 10:00 to 2026-05-02 23:00 UTC" in told
    assert "fedcba9876+ (train)" in told
    assert "had changed files" in told
    assert "3 commits" in told
    assert "2 machines" in told


def test_parts_of_one_commit_and_machine_are_not_noted_as_different(
    add_results: Add, timed: Callable, write: Callable
) -> None:
    add_results("warp", [timed("x1", "ours", 5)])
    add_results("train", [timed("x", "eager", 5)])
    told = section(write(), "origin")
    assert "0123456789" in told
    assert "parts come from" not in told


def test_what_is_missing_is_named(add_results: Add, add_figure: Add, made: Callable, write: Callable) -> None:
    row = Row("640x480", "openvino", error="its picture is 40 grey levels off")
    add_results("retarget", [row], details={"not_measured": ["outputs above 4K"]})
    add_figure("7", [made("ingan-fast")], not_measured=["other seeds"])
    told = section(write(), "missing")
    assert "benchmarks without results: warp, train, export, video, cold-start, scaling" in told
    assert "figures of the paper that are missing: 1, 5, 6, 8, 9, 10" in told
    assert "nothing was measured on a GPU" in told
    assert "640x480, openvino: its picture is 40 grey levels off" in told
    assert "outputs above 4K" in told
    assert "other seeds" in told
    assert "make figures" in told


def test_large_pictures_are_reduced(folder: Path, add_figure: Add, made: Callable, write: Callable) -> None:
    add_figure("1", [made("ingan-fast")], size=(2800, 1000))
    assert 'width="1400" height="500"' in write()


def test_text_of_files_is_no_markup(add_figure: Add, made: Callable, write: Callable) -> None:
    add_figure("7", [made("<b>x</b>")], caption="<script>alert(1)</script>")
    page = write()
    assert "<script>" not in page
    assert "&lt;b&gt;x" in page


def test_a_folder_with_nothing_to_show_is_refused_and_a_page_that_lies_there_is_kept(folder: Path) -> None:
    (folder / "index.html").write_text("an earlier one")
    done = subprocess.run([sys.executable, str(COMMAND), "--out", str(folder)], capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "make bench" in done.stderr
    assert (folder / "index.html").read_text() == "an earlier one"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("results/warp.json", '{"schema": "ingan-fast/bench/0"}', "schema 'ingan-fast/bench/0'"),
        ("results/warp.json", '{"schema": "ingan-fast/bench/1"}', "missing required field `benchmark`"),
        ("results/warp.json", "not JSON", "not JSON"),
        ("figures/fig7.json", '{"schema": "ingan-fast/figure/2"}', "schema 'ingan-fast/figure/2'"),
        ("figures/fig7.json", "[]", "schema None"),
        ("figures/fig7.json", '{"schema": "ingan-fast/figure/1"}', "missing required field `figure`"),
    ],
)
def test_a_file_of_another_kind_is_a_line_and_is_named_in_the_page(
    folder: Path, add_results: Add, timed: Callable, write: Callable, name: str, content: str, told: str
) -> None:
    add_results("train", [timed("x", "eager", 5)])
    (folder / name).write_text(content)
    page = write(1, told)
    assert told in section(page, "missing")
    assert "eager" in section(page, "speed")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rows": [{"picture": "coins"}]}, "missing required field `output` - at `$.rows[0]`"),
        ({"created": "yesterday"}, "yesterday"),
        ({"trainings": "none"}, "Expected `array`, got `str` - at `$.trainings`"),
        ({"machine": {"device": "cpu"}}, "missing required field `name` - at `$.machine`"),
    ],
)
def test_a_figure_with_parts_that_are_something_else_is_a_line(
    folder: Path,
    add_results: Add,
    add_figure: Add,
    timed: Callable,
    write: Callable,
    changes: dict,
    told: str,
) -> None:
    add_results("train", [timed("x", "eager", 5)])
    add_figure("7", [])
    path = folder / "figures" / "fig7.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    write(1, told)


def test_numbers_that_are_none_are_refused(
    folder: Path, add_results: Add, add_figure: Add, timed: Callable, made: Callable, write: Callable
) -> None:
    add_results("train", [timed("x", "eager", 5)])
    add_figure("7", [made("ingan-fast", swd=float("nan"))])
    write(1, "is not JSON")


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_figure_whose_picture_is_gone_keeps_its_numbers(
    folder: Path, add_figure: Add, made: Callable, write: Callable, content: bytes | None
) -> None:
    add_figure("7", [made("ingan-fast", swd=0.012)])
    picture = folder / "figures" / "fig7.png"
    picture.unlink()
    if content is not None:
        picture.write_bytes(content)
    page = write(1, "fig7.png ")
    assert "12.00" in section(page, "figure-7")
    assert "can't be shown" in section(page, "figure-7")
    assert "fig7.png " in section(page, "missing")
