"""The figures' pictures; all are in the project (sources and licences: benchmarks/pictures)."""

from pathlib import Path

from ingan_fast.pictures import MARKET

_FOLDER = Path(__file__).resolve().parents[1] / "pictures"

PICTURES = {
    "market": MARKET,
    **{name: _FOLDER / f"{name}.png" for name in ("facade", "coins", "gravel", "brick", "coffee")},
}
