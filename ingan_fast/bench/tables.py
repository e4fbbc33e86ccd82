"""The reports of benchmarks as tables."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from ingan_fast.bench.machine import title
from ingan_fast.bench.warp_methods import BOTH, FORWARD

# Shown of what was measured.
SPREAD = ("median", "p20", "p80")
SHORT = {FORWARD: "fwd", BOTH: "fwd+bwd"}


def warp_table(report: dict[str, Any]) -> RenderableType:
    """One table a case."""
    settings = report["settings"]
    about = f"{settings['channels']} channels of {'x'.join(map(str, settings['size']))}, {settings['dtype']}"
    return Group(
        *(_case_table(case, f"{case['name']}: {about}, {title(report['machine'])}") for case in report["cases"])
    )


def _case_table(case: dict[str, Any], name: str) -> Table:
    on_gpu = any(row.get("call_milliseconds") for row in case["rows"])
    table = _table(name, "warp", "", *SPREAD, *["from idle"] * on_gpu, "GB/s", "of a copy", "beside eager")
    copy = case["copy"]
    spread = _spread(copy, SPREAD)
    table.add_row("copy", "", *spread, *["-"] * on_gpu, _giga(copy["bytes_per_second"]), "100%", "")
    for row in case["rows"]:
        names = row["name"], SHORT[row["direction"]]
        if "error" in row:
            table.add_row(*names, *["-"] * (len(table.columns) - 2))
            continue
        spread = _spread(row, SPREAD)
        if on_gpu:
            spread.append(_number(row["call_milliseconds"]["median"]))
        share, eager = f"{row['fraction_of_copy']:.1%}", row["times_as_fast_as_eager"]
        table.add_row(*names, *spread, _giga(row["bytes_per_second"]), share, "-" if eager is None else f"x{eager:.2f}")
    return table


def train_table(report: dict[str, Any]) -> RenderableType:
    settings = report["settings"]
    crop = "x".join(map(str, settings["crop"]))
    name = f"iteration of preset {settings['preset']}, crops {crop}, {title(report['machine'])}"
    columns = ("mean", "beside plain", "TFLOP/s", "of a matmul", "warm-up s", "peak GB")
    table = _table(name, "engine", *SPREAD, *columns)
    for row in report["rows"]:
        if "error" in row:
            table.add_row(row["name"], *["-"] * (len(table.columns) - 1))
            continue
        spread = _spread(row, (*SPREAD, "mean"))
        speedup, memory = row["times_as_fast_as_plain"], row["peak_memory_bytes"]
        table.add_row(
            row["name"] + " (fell back)" * bool(row["fell_back"]),
            *spread,
            "-" if speedup is None else f"x{speedup:.2f}",
            f"{row['flop_per_second'] / 1e12:.3g}",
            f"{row['fraction_of_matmul']:.1%}",
            f"{row['warm_up_seconds']:.1f}",
            f"{memory['reserved'] / 1e9:.2f}" if memory else "-",
        )
    table.caption = (
        f"milliseconds; {report['flop_per_iteration'] / 1e9:.3g} GFLOP an iteration on average, "
        f"{settings['shapes']} sizes; matmul {report['matmul']['flop_per_second'] / 1e12:.3g} TFLOP/s; making a draw "
        f"{report['draw_milliseconds']['median']:.3g} ms"
    )
    return table


def retarget_table(report: dict[str, Any]) -> RenderableType:
    settings, machine = report["settings"], report["machine"]
    size, source = ("x".join(map(str, each)) for each in (settings["size"], report["source_size"]))
    name = f"{source} to {size}, preset {settings['preset']}, {title(machine)}"
    columns = ("beside eager", "TFLOP/s", "of a matmul", "runtime's part", "peak GB")
    table = _table(name, "by", *SPREAD, *columns)
    for row in report["rows"]:
        overhead, memory = row["overhead"], row["peak_memory_bytes"]
        table.add_row(
            row["name"],
            *_spread(row, SPREAD),
            f"x{row['times_as_fast_as_eager']:.2f}",
            f"{row['flop_per_second'] / 1e12:.3g}",
            f"{row['fraction_of_matmul']:.1%}",
            "-" if overhead is None else f"{overhead:.1%}",
            f"{memory / 1e9:.2f}" if memory else "-",
        )
    about = "; ".join(report["about"].values())
    table.caption = (
        f"milliseconds, uint8 to uint8; {report['flop'] / 1e9:.3g} GFLOP; matmul "
        f"{report['matmul']['flop_per_second'] / 1e12:.3g} TFLOP/s; {about}"
    )
    return table


def _table(name: str, first: str, *columns: str) -> Table:
    table = Table(title=name, title_justify="left", caption="milliseconds", caption_justify="left", box=None)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=" " not in column)
    return table


def _spread(row: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return [_number(row["milliseconds"][name]) for name in names]


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _giga(bytes_per_second: float) -> str:
    return _number(bytes_per_second / 1e9)
