"""The figures' pictures; all are in the project (sources and licences: benchmarks/pictures)."""

from pathlib import Path

from ingan_fast.pictures import MARKET, Pixels, fit_within, load_image

_FOLDER = Path(__file__).resolve().parents[1] / "pictures"

PICTURES = {
    "market": MARKET,
    **{name: _FOLDER / f"{name}.png" for name in ("facade", "coins", "gravel", "brick", "coffee")},
}


def read(name: str, side: int | None = None) -> Pixels:
    """Read a picture, shrunk to a longer side of at most `side` px, as a training with that `max_side` does."""
    picture = load_image(PICTURES[name])
    return picture if side is None else fit_within(picture, side)
