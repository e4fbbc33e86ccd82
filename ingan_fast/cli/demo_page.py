"""The demo's HTML page: a picture at other sizes and shapes, by several methods."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingan_fast.callbacks import Advance
from ingan_fast.files import atomic_write
from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels, save_image
from ingan_fast.pictures.sheets import Panel, over_checkerboard, sheet
from ingan_fast.quality.resampling import plain_homography, plain_resize

Retarget = Callable[[Transform], Pixels]  # transform → output, uint8 [Ho, Wo, 3]


@dataclass(frozen=True)
class Example:
    name: str
    title: str
    transform: Transform


def examples(source_size: tuple[int, int]) -> list[Example]:
    """Wider, narrower, taller, larger and tilted."""
    width, height = source_size
    w, h = 1.4 * width, 1.2 * height
    tilted = Transform.from_corners([[0.18 * w, 0], [0.82 * w, 0.08 * h], [w, h], [0, 0.94 * h]], (round(w), round(h)))
    return [
        Example("wide", "1.5 times as wide", Transform.scale(1.5, 1, source_size)),
        Example("narrow", "0.6 times as wide", Transform.scale(0.6, 1, source_size)),
        Example("tall", "1.5 times as high", Transform.scale(1, 1.5, source_size)),
        Example("large", "twice as wide and high", Transform.scale(2, 2, source_size)),
        Example("tilted", "as a trapezoid", tilted),
    ]


def make_page(
    source: Pixels, ways: Mapping[str, Retarget], out: Path, about: str, advance: Advance = lambda: None
) -> Path:
    """Write the examples by each method, sheet.png and index.html to `out`; returns the path of index.html.

    Args:
        source: uint8 [H, W, 3].
        ways: methods by display name.
        about: text at the page's end.
        advance: called after each example.

    Raises:
        UserError: `out` can't be written.
    """
    save_image(source, out / "source.png")
    rows, sections = [[Panel("source", source, framed=True)]], []
    for example in examples((source.shape[1], source.shape[0])):
        mask = example.transform.mask()
        alpha = mask if (mask < 1).any() else None
        made = {name: retarget(example.transform) for name, retarget in ways.items()}
        for name, picture in made.items():
            save_image(picture, out / _file(example, name), alpha)
        rows.append([Panel(f"{name}, {example.title}", _shown(picture, alpha)) for name, picture in made.items()])
        sections.append(_section(example, list(made)))
        advance()
    save_image(sheet(rows), out / "sheet.png")
    page = out / "index.html"
    atomic_write(page, _PAGE.format(sections="\n".join(sections), about=html.escape(about)).encode())
    return page


def plain(source: Pixels) -> Retarget:
    """The stretching method: a bicubic resize, or a plain homography."""

    def stretched(transform: Transform) -> Pixels:
        if np.array_equal(transform.matrix, np.eye(3)):
            return plain_resize(source, transform.size)
        return plain_homography(source, transform)[0]

    return stretched


def _shown(picture: Pixels, alpha: NDArray[np.float32] | None) -> Pixels:
    return picture if alpha is None else over_checkerboard(picture, alpha)


def _file(example: Example, way: str) -> str:
    return f"{example.name}_{way.replace(' ', '_')}.png"


def _section(example: Example, ways: list[str]) -> str:
    width, height = example.transform.size
    title = html.escape(f"{example.title}, {width}x{height}")
    figures = "".join(
        f'<figure><img src="{_file(example, way)}" alt="{way}, {title}"><figcaption>{way}</figcaption></figure>'
        for way in ways
    )
    return f"<section><h2>{title}</h2><div>{figures}</div></section>"


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ingan-fast: one picture, retargeted</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1300px; padding: 0 1rem; color: #222; }}
section > div {{ display: flex; flex-wrap: wrap; gap: 1rem; }}
figure {{ margin: 0; }}
img {{ max-width: 100%; height: auto; background: repeating-conic-gradient(#ddd 0 25%, #fff 0 50%) 0 0 / 16px 16px; }}
.source {{ outline: 3px solid #d62828; }}
figcaption, footer {{ color: #666; font-size: .9rem; }}
</style>
<h1>One picture, retargeted</h1>
<p>Look at the size of single elements: they keep it, and their number changes; a plain resize stretches or
squeezes them. <b>layout</b>: pieces of the picture rearranged, without training. <b>learned</b>: the paper's GAN,
trained on the framed picture alone.</p>
<figure><img class="source" src="source.png" alt="source"><figcaption>source</figcaption></figure>
{sections}
<footer>{about}</footer>
</html>
"""
