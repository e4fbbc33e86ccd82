"""The kernels compiled for GPUs that aren't there: no spills, loads of 128 bits, and a table that is current."""

import os
import re
from pathlib import Path

import pytest
import torch

pytest.importorskip("triton")
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("what the interpreter runs isn't compiled", allow_module_level=True)

from ingan_fast.bench import ahead_of_time
from ingan_fast.bench.ahead_of_time import CAPABILITIES, PADS, Compiled, Variant, checked, origin, variants

PAGE = Path(__file__).parents[2] / "docs" / "kernels.md"


@pytest.mark.parametrize("kernel", ["forward", "atomics", "gather", *PADS])
def test_rows_are_read_128_bits_at_a_time_and_nothing_spills(kernel: str) -> None:
    checked(Variant(kernel), 90)
    checked(Variant(kernel, torch.float32), 80)


def test_the_committed_table_is_of_these_sources() -> None:
    """Making it checks every variant."""
    digest = origin().partition(", ")[2]
    assert digest in PAGE.read_text(), "make it anew: python -m ingan_fast.bench.ahead_of_time docs/kernels.md"


@pytest.mark.slow
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_another_compiler_makes_no_variant_that_spills_or_reads_narrowly(capability: int) -> None:
    if origin() in PAGE.read_text():
        pytest.skip("the committed table was made by this compiler")
    for variant in variants():
        checked(variant, capability)


def test_what_spills_or_reads_narrowly_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for compiled, message in (
        (Compiled(registers=255, stack=8, shared=0, wide_loads=1, narrow_loads=0), "on sm_90 spills 8 bytes"),
        (Compiled(registers=64, stack=0, shared=0, wide_loads=1, narrow_loads=2), "narrowly: 2 loads"),
        (Compiled(registers=64, stack=0, shared=0, wide_loads=0, narrow_loads=0), "narrowly: 0 loads"),
    ):
        monkeypatch.setattr(ahead_of_time, "compile_variant", lambda *_, result=compiled: result)
        with pytest.raises(AssertionError, match=message):
            checked(Variant("forward"), 90)


def committed_rows() -> dict[str, list[str]]:
    _, _, rest = PAGE.read_text().partition(ahead_of_time.BEGIN)
    rows = [line.strip("|").split("|") for line in rest.partition(ahead_of_time.END)[0].splitlines() if "·" in line]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def test_the_committed_table_has_every_variant() -> None:
    rows = committed_rows()
    assert list(rows) == [variant.name for variant in variants()]
    for cells in rows.values():
        assert len(cells) == len(CAPABILITIES)
        assert all(re.fullmatch(r"\d+ / 0 / \d+", cell) for cell in cells)  # the middle one: spills


def test_a_variant_s_name_says_what_it_is_compiled_for() -> None:
    names = [variant.name for variant in variants()]
    assert len(set(names)) == len(names)
    assert "gather · homography · bfloat16 · C 64 · reflection · int64" in names
    assert "pad's gradient · bfloat16 · C 64 · int64" in names
