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
from ingan_fast.bench.ahead_of_time import CAPABILITIES, PADS, Variant, compile_variant, variants

PAGE = Path(__file__).parents[2] / "docs" / "kernels.md"


def check(variant: Variant, capability: int) -> None:
    compiled = compile_variant(variant, capability)
    assert compiled.stack == 0, f"{variant.name} spills on sm_{capability}"
    if variant.channels % 8 == 0:
        assert compiled.wide_loads > 0, f"{variant.name} reads narrowly on sm_{capability}"
        assert compiled.narrow_loads == 0, f"{variant.name} reads narrowly on sm_{capability}"


@pytest.mark.parametrize("kernel", ["forward", "atomics", "gather", *PADS])
def test_rows_are_read_128_bits_at_a_time_and_nothing_spills(kernel: str) -> None:
    check(Variant(kernel), 90)
    check(Variant(kernel, torch.float32), 80)


@pytest.mark.slow
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_no_variant_spills_or_reads_narrowly(capability: int) -> None:
    for variant in variants():
        check(variant, capability)


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
