"""Draw `benchmarks/pictures/facade.png`: a house front with a grid of small shuttered windows. Licence: CC0.

Run `python benchmarks/pictures/draw_facade.py [OUT.png]`.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from shapes import (
    HEIGHT,
    SUPERSAMPLE,
    WIDTH,
    Array,
    Colour,
    develop,
    linear,
    new_canvas,
    noise,
    rectangle,
    save_png,
    shade,
    shadow_under,
    smoothstep,
    texture,
)

SEED = 3
OUT = Path(__file__).with_name("facade.png")
EAVES = 34.0  # where the roof ends, px
PLINTH = 208.0  # where the stone base begins, px
FLOORS, COLUMNS = 6, 11
WINDOW = (11.0, 16.0)
SHUTTER = 5.2  # a wing's width, px
SHUTTERS: tuple[Colour, ...] = ((0.24, 0.42, 0.36), (0.28, 0.45, 0.40), (0.22, 0.38, 0.35))


def draw(seed: int = SEED) -> NDArray[np.uint8]:
    """The whole front, uint8 [HEIGHT, WIDTH, 3]."""
    rng = np.random.default_rng(seed)
    canvas = new_canvas((0.89, 0.74, 0.54))
    draw_sky_and_roof(canvas, rng)
    draw_plaster(canvas, rng)
    storey, bay = (PLINTH - EAVES - 5) / FLOORS, WIDTH / COLUMNS
    for top in EAVES + 5 + storey * np.arange(FLOORS):
        if top > EAVES + 5:
            draw_moulding(canvas, top - 2.2, 2.2)
        for column in range(COLUMNS):
            x = (column + 0.5) * bay + rng.normal(0, 0.12)
            draw_window(canvas, rng, x, top + 0.52 * storey + rng.normal(0, 0.1))
    draw_plinth(canvas, rng)
    height, width = canvas.shape[:2]
    across = np.linspace(1.10, 0.92, width, dtype=np.float32)[None, :]
    canvas *= (across + 0.03 * noise(rng, (height, width), (300, 300)))[..., None]
    return develop(canvas, rng, grain=0.012)


def draw_sky_and_roof(canvas: Array, rng: np.random.Generator) -> None:
    """A strip of hazy sky, then rows of round clay tiles, each of its own colour, and the gutter's shadow."""
    sky_px, tile_h, tile_w = 9.0, 5.0, 6.0
    rows, width = round(sky_px * SUPERSAMPLE), WIDTH * SUPERSAMPLE
    cloud = smoothstep(-0.5, 1.5, noise(rng, (rows, width), (60, 260)))[..., None]
    sky = linear((0.52, 0.70, 0.90)) * (1 - cloud) + linear((0.90, 0.92, 0.95)) * cloud
    rectangle(canvas, 0, 0, WIDTH, sky_px, sky.astype(np.float32))
    for line in range(round((EAVES - sky_px) / tile_h)):
        y = sky_px + line * tile_h
        for column in range(-1, round(WIDTH / tile_w) + 1):
            x = (column + 0.5 * (line % 2)) * tile_w
            shape = (round(tile_h * SUPERSAMPLE), round(tile_w * SUPERSAMPLE))
            hue = np.array([0.70, 0.37, 0.25]) * np.exp(rng.normal(0, 0.10)) + rng.normal(0, 0.02, 3)
            u = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
            v = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
            relief = (0.95 - 0.35 * u - 0.55 * u**4) * (1.05 - 0.75 * smoothstep(0.78, 1.0, v))
            relief = np.clip(relief * (0.75 + 0.25 * smoothstep(0.0, 0.3, v)), 0.05, 2)
            colour = linear(np.clip(hue, 0, 1).astype(np.float32)) * relief[..., None]
            texture(canvas, x, y, colour.astype(np.float32))
    shade(canvas, 0, sky_px, WIDTH, 1.0, 0.6)


def draw_plaster(canvas: Array, rng: np.random.Generator) -> None:
    """Rough, slightly stained plaster under a cornice that throws a soft shadow."""
    top, width = round(EAVES * SUPERSAMPLE), WIDTH * SUPERSAMPLE
    shape = (canvas.shape[0] - top, width)
    rough = 0.035 * noise(rng, shape, (3, 3)) + 0.03 * noise(rng, shape, (12, 12))
    stain = 0.05 * noise(rng, shape, (160, 90)) + 0.04 * noise(rng, shape, (400, 30))
    canvas[top:] *= np.exp(rough + stain)[..., None]
    shadow_under(canvas, EAVES + 4, 9, 0.5)
    rectangle(canvas, 0, EAVES, WIDTH, 4, linear((0.93, 0.88, 0.78)))
    shade(canvas, 0, EAVES, WIDTH, 1.0, 0.45)
    shade(canvas, 0, EAVES + 2.6, WIDTH, 1.4, 0.7)


def draw_moulding(canvas: Array, y: float, height: float) -> None:
    """A pale band between two floors, lit above, its shadow on the wall below."""
    rectangle(canvas, 0, y, WIDTH, height, linear((0.93, 0.86, 0.74)))
    shade(canvas, 0, y + height - 0.7, WIDTH, 0.7, 0.72)
    shadow_under(canvas, y + height, 2, 0.62)


def draw_window(canvas: Array, rng: np.random.Generator, x: float, y: float) -> None:
    """One window centred at (x, y) px: surround, panes with what is behind them, sill, shutters."""
    width, height = WINDOW
    left, top = x - width / 2, y - height / 2
    shade(canvas, left + 0.6, top + 1, width + 2.2, height + 2.6, 0.82)
    rectangle(canvas, left - 1.2, top - 1.4, width + 2.4, height + 2, linear((0.94, 0.89, 0.79)))
    if closed := rng.uniform() < 0.10:
        for side in (left, x):
            draw_shutter(canvas, rng, side, top, width / 2, height)
    else:
        draw_panes(canvas, rng, left, top)
        for side in (left - SHUTTER - 0.4, left + width + 0.4):
            shade(canvas, side + 0.8, top + 0.8, SHUTTER + 0.4, height + 0.6, 0.66)
            draw_shutter(canvas, rng, side, top - 0.3, SHUTTER, height + 0.4)
    rectangle(canvas, left - 1.6, top + height, width + 3.2, 1.5, linear((0.90, 0.86, 0.78)))
    shade(canvas, left - 1.2, top + height + 1.5, width + 3.4, 1.3, 0.60)
    if rng.uniform() < 0.16 and not closed:
        draw_flowers(canvas, rng, left, top + height - 2.0, width)


def draw_panes(canvas: Array, rng: np.random.Generator, left: float, top: float) -> None:
    """Glass in a white frame: dark room, lamp light or sky reflected, with curtains drawn more or less."""
    width, height = WINDOW
    shape = (round(height * SUPERSAMPLE), round(width * SUPERSAMPLE))
    v = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None, None]
    u = np.linspace(0, 1, shape[1], dtype=np.float32)[None, :, None]
    kind = rng.uniform()
    if kind < 0.14:
        glass = linear((0.98, 0.80, 0.46)) * (1.0 - 0.45 * v) + 0 * u
    else:
        sky = linear((0.56, 0.68, 0.80)) * rng.uniform(0.25, 0.9)
        glass = linear((0.13, 0.15, 0.19)) + sky * np.clip(1.1 - 1.5 * v - 0.5 * u, 0, 1)
    glass = np.broadcast_to(glass, (*shape, 3)).copy()
    reach = rng.choice([0.0, 0.22, 0.32, 0.5], p=[0.3, 0.25, 0.25, 0.2])
    folds = 0.82 + 0.18 * np.sin(u * rng.uniform(38, 52) + rng.uniform(0, 6))
    drape = np.broadcast_to(linear((0.86, 0.83, 0.77)) * 0.75 * folds * (0.75 + 0.25 * v), glass.shape)
    hidden = np.broadcast_to(np.abs(u - 0.5) > 0.5 - reach, glass.shape)
    glass = np.where(hidden, drape, glass).astype(np.float32)
    glass[: SUPERSAMPLE * 2] *= 0.45  # the lintel's shadow
    glass[:, : round(1.2 * SUPERSAMPLE)] *= 0.6
    rectangle(canvas, left, top, width, height, glass)
    frame = linear((0.86, 0.86, 0.83))
    for fx, fy, fw, fh in (
        (left + 0.6, top + 0.6, 0.8, height - 1.2),
        (left + width - 1.4, top + 0.6, 0.8, height - 1.2),
        (left + width / 2 - 0.5, top + 0.6, 1.0, height - 1.2),
        (left + 0.6, top + 0.6, width - 1.2, 0.8),
        (left + 0.6, top + height - 1.2, width - 1.2, 1.2),
        (left + 0.6, top + height * 0.36, width - 1.2, 0.8),
    ):
        rectangle(canvas, fx, fy, fw, fh, frame)


def draw_shutter(canvas: Array, rng: np.random.Generator, x: float, y: float, width: float, height: float) -> None:
    """A louvred wing at (x, y) px, painted long ago: each one's green has faded in its own way."""
    shape = (round(height * SUPERSAMPLE), round(width * SUPERSAMPLE))
    base = np.array(SHUTTERS[rng.integers(len(SHUTTERS))]) * np.exp(rng.normal(0, 0.07))
    v = np.arange(shape[0], dtype=np.float32)[:, None] / SUPERSAMPLE
    u = np.arange(shape[1], dtype=np.float32)[None, :] / SUPERSAMPLE
    slats = 0.72 + 0.5 * ((v / 2.0) % 1.0)
    rim = (u < 0.8) | (u > width - 0.9) | (v < 0.9) | (v > height - 1.1) | (np.abs(v - height / 2) < 0.5)
    light = np.where(rim, np.float32(1.12), slats) * (1 + 0.05 * noise(rng, shape, (6, 6)))
    light = light * np.where(u > width - 0.4, 0.6, 1.0)
    colour = linear(np.clip(base, 0, 1).astype(np.float32)) * light[..., None].astype(np.float32)
    texture(canvas, x, y, colour)


def draw_flowers(canvas: Array, rng: np.random.Generator, left: float, top: float, width: float) -> None:
    """Geraniums on the sill: leaves and red dots."""
    for _ in range(46):
        hue = (0.82, 0.16, 0.20) if rng.uniform() < 0.42 else (0.25, 0.44, 0.16)
        colour = linear(hue) * np.float32(np.exp(rng.normal(0, 0.25)))
        rectangle(canvas, left + rng.uniform(0.2, width - 1.2), top + rng.uniform(0, 2.6), 1.0, 0.9, colour)


def draw_plinth(canvas: Array, rng: np.random.Generator) -> None:
    """Courses of dressed stone along the ground."""
    course, y = (HEIGHT - PLINTH) / 2, PLINTH
    rectangle(canvas, 0, PLINTH, WIDTH, HEIGHT - PLINTH, linear((0.40, 0.38, 0.35)))  # mortar
    while y < HEIGHT:
        x = -rng.uniform(4, 12)
        while x < WIDTH:
            width = rng.uniform(15, 24)
            shape = (round(course * SUPERSAMPLE), round(width * SUPERSAMPLE))
            grey = np.array([0.60, 0.57, 0.52]) * np.exp(rng.normal(0, 0.07))
            rough = np.exp(0.09 * noise(rng, shape, (4, 4)) + 0.05 * noise(rng, shape, (14, 14)))
            rough[:2] *= 1.25
            rough[-3:], rough[:, -3:] = 0.5 * rough[-3:], 0.5 * rough[:, -3:]
            stone = linear(grey.astype(np.float32)) * rough[..., None]
            texture(canvas, x, y, stone.astype(np.float32))
            x += width
        y += course
    shade(canvas, 0, PLINTH, WIDTH, 0.8, 1.2)


if __name__ == "__main__":
    save_png(draw(), Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
