"""The demo: train on one picture, then a page that shows it at other sizes and shapes beside plain resizes."""

import html
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ingan_fast.files import atomic_write
from ingan_fast.geometry import Transform
from ingan_fast.kernels import grid_warp
from ingan_fast.model.sampling import to_pixels, to_tensor
from ingan_fast.pictures import Pixels, save_image
from ingan_fast.pictures.sheets import Panel, over_checkerboard, sheet
from ingan_fast.quality.resampling import plain_resize
from ingan_fast.training.trained import TrainedGenerator


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


def make_page(trained: TrainedGenerator, out: Path, advance: Callable[[], None] = lambda: None) -> Path:
    """Write the examples, plain resizes of the same sizes, sheet.png and index.html into `out`; its index.html.

    `advance` is called after each example.

    Raises:
        UserError: `out` can't be written.
    """
    source = trained.source
    save_image(source, out / "source.png")
    rows, sections = [[Panel("source", source, framed=True)]], []
    for example in examples(trained.source_size):
        result = trained.retarget(example.transform)
        plain = _plain(source, example.transform)
        save_image(result.picture, out / f"{example.name}.png", result.alpha)
        save_image(plain, out / f"{example.name}_plain.png", result.alpha)
        shown, plain_shown = result.picture, plain
        if result.alpha is not None:
            shown, plain_shown = (over_checkerboard(picture, result.alpha) for picture in (shown, plain))
        rows.append([Panel(f"ingan-fast, {example.title}", shown), Panel("plain resize", plain_shown)])
        sections.append(_section(example))
        advance()
    save_image(sheet(rows), out / "sheet.png")
    page = out / "index.html"
    atomic_write(page, _PAGE.format(sections="\n".join(sections), about=html.escape(_about(trained))).encode())
    return page


def _plain(source: Pixels, transform: Transform) -> Pixels:
    """What stretching gives: a bicubic resize, or the homography as it is."""
    if np.array_equal(transform.matrix, np.eye(3)):
        return plain_resize(source, transform.size)
    return to_pixels(grid_warp(to_tensor(source), torch.from_numpy(transform.grid())[None]))


def _section(example: Example) -> str:
    width, height = example.transform.size
    title = html.escape(f"{example.title}, {width}x{height}")
    return (
        f"<section><h2>{title}</h2><div>"
        f'<figure><img src="{example.name}.png" alt="retargeted, {title}"><figcaption>ingan-fast</figcaption></figure>'
        f'<figure><img src="{example.name}_plain.png" alt="plain resize, {title}">'
        "<figcaption>plain resize</figcaption></figure></div></section>"
    )


def _about(trained: TrainedGenerator) -> str:
    config, settings = trained.config, trained.settings
    width, height = trained.source_size
    return (
        f"{config.images[0]['name']}, {width}x{height}; preset {config.preset}, {settings.iterations} iterations, "
        f"seed {config.seed}, {config.device}, torch {config.versions['torch']}"
    )


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ingan-fast: one picture, laid out anew</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1300px; padding: 0 1rem; color: #222; }}
section > div {{ display: flex; flex-wrap: wrap; gap: 1rem; }}
figure {{ margin: 0; }}
img {{ max-width: 100%; height: auto; background: repeating-conic-gradient(#ddd 0 25%, #fff 0 50%) 0 0 / 16px 16px; }}
.source {{ outline: 3px solid #d62828; }}
figcaption, footer {{ color: #666; font-size: .9rem; }}
</style>
<h1>One picture, laid out anew</h1>
<p>The generator saw only the framed picture. Look at the size of single elements: on the left they keep it and there
are more or fewer of them; a plain resize stretches or squeezes them.</p>
<figure><img class="source" src="source.png" alt="source"><figcaption>source</figcaption></figure>
{sections}
<footer>{about}</footer>
</html>
"""
