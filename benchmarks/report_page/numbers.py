"""Formats numbers for people."""

from typing import Any

from ingan_fast.bench.timing import Spread

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
NO = "–"


def significant(value: float) -> str:
    """Three digits, without an exponent if possible."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def scaled(value: float | None, unit: str) -> str:
    """With a decimal prefix: 1.5 GB."""
    if value is None:
        return NO
    for size, prefix in PREFIXES:
        if abs(value) >= size:
            return f"{significant(value / size)} {prefix}{unit}"
    return f"{significant(value)} {unit}"


def seconds(value: float | None) -> str:
    if value is None:
        return NO
    if value == 0:
        return "0 s"
    if value < 1:
        return f"{significant(value * 1e3)} ms"
    return f"{significant(value)} s" if value < 120 else f"{value / 60:.1f} min"


def spread(value: Spread) -> tuple[str, str]:
    """(median with its unit, p20 to p80 in the same unit)."""
    factor, unit = (1e3, "µs") if value.median < 1 else (1, "ms") if value.median < 1000 else (1e-3, "s")
    low, median, high = (significant(one * factor) for one in (value.p20, value.median, value.p80))
    return f"{median} {unit}", f"{low} – {high}"


def ratio(value: float) -> str:
    return f"×{value:,.0f}" if value >= 100 else f"×{value:.1f}" if value >= 10 else f"×{value:.2f}"


def percent(value: float | None) -> str:
    if value is None:
        return NO
    if 0 < value < 0.001:
        return "under 0.1%"
    return f"{value:.0%}" if value >= 0.1 or round(value * 100, 3).is_integer() else f"{value:.1%}"


def settings(values: dict[str, Any]) -> str:
    """The settings that have a short text."""
    texts = []
    for name, value in values.items():
        if isinstance(value, list) and value and all(isinstance(one, int) for one in value):
            value = "×".join(map(str, value))
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = ", ".join(value)
        if isinstance(value, str | int | float) and value != "":
            texts.append(f"{name.replace('_', ' ')} {value}")
    return "; ".join(texts)


def details(values: dict[str, Any]) -> str:
    """The row's details that have a short text."""
    return ", ".join(filter(None, (_detail(name, value) for name, value in values.items())))


def _detail(name: str, value: Any) -> str:
    words = name.replace("_", " ")
    if value is None or isinstance(value, (dict, list)) or value == "":
        return ""
    if isinstance(value, bool):
        return words if value else f"not {words}"
    if isinstance(value, str):
        return f"{words}: {value}"
    if words.endswith("bytes"):
        return f"{words.removesuffix('bytes').strip() or 'moved'} {scaled(value, 'B')}"
    if words.endswith("seconds") and "milliseconds" not in words:
        return f"{words.removesuffix('seconds').strip()} {seconds(value)}"
    return f"{words} {significant(value)}"
