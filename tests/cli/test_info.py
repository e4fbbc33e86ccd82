"""`ingan-fast info`."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]
Refused = Callable[..., None]


def test_info_tells_what_a_run_is(ingan_fast: Command, trained_run: Path) -> None:
    ended = ingan_fast("info", trained_run)
    assert ended.code == 0
    for part in ("dots.png, 64x56", "12 of 12", "smoke", "generator.safetensors", "torch"):
        assert part in ended.out


def test_info_tells_the_iterations_of_a_network_without_a_log(ingan_fast: Command, run_copy: Path) -> None:
    (run_copy / "log.jsonl").unlink()
    config = run_copy / "config.json"
    config.write_text(config.read_text().replace('"iterations": 12', '"iterations": 7'))  # planned
    numbers = re.findall(r"iterations\W+(\d+)", ingan_fast("info", run_copy).out)
    assert numbers == ["12", "7"]  # done, and as a setting


def test_info_tells_of_a_half_written_run(ingan_fast: Command, half_written: Path) -> None:
    ended = ingan_fast("info", half_written)
    assert ended.code == 0
    assert "0 of 12" in ended.out
    assert "not written yet" in ended.out


def test_info_refuses_what_is_not_a_run(refused: Refused, broken_run: tuple[Path, str]) -> None:
    path, part = broken_run
    refused("info", path, parts=("thing", part))
