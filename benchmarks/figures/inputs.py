"""The pictures that figures are made of; all are in the project (sources and licences: benchmarks/pictures)."""

from pathlib import Path

from ingan_fast.pictures import MARKET, Pixels, fit_within, load_image

_FOLDER = Path(__file__).resolve().parents[1] / "pictures"

PICTURES = {
    "market": MARKET,
    **{name: _FOLDER / f"{name}.png" for name in ("facade", "coins", "gravel", "brick", "coffee")},
}


def read(name: str, side: int | None = None) -> Pixels:
    """The picture, with its longer side made at most `side` px, as a training with that `max_side` does it."""
    picture = load_image(PICTURES[name])
    return picture if side is None else fit_within(picture, side)
