"""Draw `ingan_fast/pictures/assets/market.png`: a market stand, many small fruit, one kind a row. Licence: CC0.

Run `python benchmarks/pictures/draw_market.py [OUT.png]`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from shapes import (
    HEIGHT,
    SUPERSAMPLE,
    WIDTH,
    Array,
    Colour,
    blend,
    develop,
    linear,
    new_canvas,
    noise,
    save_png,
    shade,
    shadow_under,
    smoothstep,
    wooden_board,
)

SEED = 7
OUT = Path(__file__).parents[2] / "ingan_fast" / "pictures" / "assets" / "market.png"
BOARD = 5.0  # height of a crate's front board, px
TO_LIGHT = np.array([-0.42, -0.66, 0.62], dtype=np.float32)  # x right, y down, z to the viewer
TO_LIGHT /= np.linalg.norm(TO_LIGHT)


@dataclass(frozen=True)
class Fruit:
    """One kind of fruit: sRGB colours, diameter in px, and what makes it look like itself."""

    name: str
    colours: tuple[Colour, ...]  # each piece is somewhere between two of these
    diameter: float
    long: float = 1.0  # length over width
    gloss: float = 0.5
    blush: Colour | None = None  # a second colour on one cheek
    mark: str = ""  # "calyx", "stem", "button", "tip", "crease"
    speckle: float = 0.03  # contrast of the peel's texture


STAND = (
    Fruit("limes", ((0.36, 0.56, 0.13), (0.26, 0.46, 0.12), (0.47, 0.62, 0.20)), 12.6, 1.13, 0.45,
          mark="tip"),
    Fruit("oranges", ((0.95, 0.52, 0.08), (0.91, 0.44, 0.05), (0.98, 0.60, 0.14)), 14.6, gloss=0.35,
          mark="button", speckle=0.07),
    Fruit("plums", ((0.33, 0.14, 0.29), (0.25, 0.12, 0.31), (0.42, 0.15, 0.26)), 12.4, 1.07, 0.3,
          blush=(0.47, 0.43, 0.60), mark="crease"),
    Fruit("lemons", ((0.96, 0.83, 0.20), (0.93, 0.78, 0.14), (0.97, 0.87, 0.32)), 12.8, 1.22, 0.4,
          mark="tip", speckle=0.05),
    Fruit("tomatoes", ((0.84, 0.15, 0.09), (0.77, 0.11, 0.08), (0.89, 0.23, 0.11)), 14.4, 0.95, 0.9,
          mark="calyx"),
    Fruit("apples", ((0.66, 0.74, 0.27), (0.73, 0.77, 0.33), (0.60, 0.70, 0.24)), 15.2, 0.97, 0.7,
          blush=(0.80, 0.30, 0.20), mark="stem"),
)  # fmt: skip


def draw(seed: int = SEED) -> NDArray[np.uint8]:
    """The whole stand, uint8 [HEIGHT, WIDTH, 3]."""
    rng = np.random.default_rng(seed)
    canvas = new_canvas((0.20, 0.14, 0.10))
    pitch = HEIGHT / len(STAND)
    for row, fruit in enumerate(STAND):
        front = (row + 1) * pitch - BOARD
        fill_crate(canvas, rng, fruit, row * pitch, front)
        wooden_board(canvas, rng, front, BOARD)
        shade(canvas, 0, front - 1.0, WIDTH, 1.0, 0.6)  # the nearest line dips behind the board
    light_stand(canvas, rng)
    return develop(canvas, rng)


def fill_crate(canvas: Array, rng: np.random.Generator, fruit: Fruit, top: float, bottom: float) -> None:
    """Lines of fruit between `top` and `bottom` (px), back to front, every other one shifted by half."""
    # A view that starts at the board above, whose lower edge hides the tops of the last line's fruit.
    canvas = canvas[round(top * SUPERSAMPLE) : round((bottom + 1) * SUPERSAMPLE)]
    top, bottom = 0.0, bottom - top
    across = fruit.diameter * max(1.0, 0.5 + fruit.long / 2) * 0.97
    down = fruit.diameter * 0.76
    lines = int(np.ceil((bottom - top) / down)) + 1
    first = bottom - fruit.diameter * 0.24 - (lines - 1) * down
    for line in range(lines):
        y = first + line * down
        depth = float(np.clip((y - top) / (bottom - top), 0, 1))
        offset = (line % 2) * across / 2 + rng.uniform(-2, 2)
        for x in rng.permutation(np.arange(-1, WIDTH / across + 1) * across + offset):  # none always in front
            jitter = rng.normal(0, 0.05 * fruit.diameter, 2)
            draw_fruit(canvas, rng, fruit, float(x + jitter[0]), float(y + jitter[1]), 0.72 + 0.28 * depth)
    shadow_under(canvas, 0, 7, 0.30)


def draw_fruit(canvas: Array, rng: np.random.Generator, fruit: Fruit, x: float, y: float, exposure: float) -> None:
    """One shaded ellipsoid with its contact shadow, centred at (x, y) px."""
    radius = fruit.diameter / 2 * SUPERSAMPLE * float(np.exp(rng.normal(0, 0.045)))
    angle = rng.uniform(0, np.pi) if fruit.long > 1.1 else rng.uniform(-0.5, 0.5)
    half = int(radius * max(fruit.long, 1) * 1.5) + 2
    cx, cy = round(x * SUPERSAMPLE), round(y * SUPERSAMPLE)
    box = (cy - half, cx - half, cy + half, cx + half)
    grid = np.arange(-half, half, dtype=np.float32) + 0.5
    px, py = np.meshgrid(grid, grid)

    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u = (px * cos + py * sin) / (radius * fruit.long)  # along the axis, -1 to 1
    v = (py * cos - px * sin) / radius
    if fruit.mark == "tip":  # citrus ends are drawn out a little
        v = v * (1 + 0.10 * u**4)
    rho = np.sqrt(u * u + v * v)
    inside = smoothstep(-1.2 / radius, 1.2 / radius, 1 - rho)

    shadow_rho = np.hypot(px - 0.16 * radius, py - 0.26 * radius) / radius
    shadow = 0.62 * (1 - smoothstep(0.72, 1.36, shadow_rho))
    blend(canvas, box, np.zeros((*px.shape, 3), np.float32), shadow)

    nz = np.sqrt(np.clip(1 - rho * rho, 0, 1))
    nx, ny = u * cos - v * sin, u * sin + v * cos
    length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-6
    nx, ny, nz = nx / length, ny / length, nz / length
    diffuse = np.clip((nx * TO_LIGHT[0] + ny * TO_LIGHT[1] + nz * TO_LIGHT[2] + 0.15) / 1.15, 0, 1)
    ambient = 0.20 + 0.14 * (-ny) + 0.12 * nz
    bounce = 0.10 * np.clip(ny, 0, 1) * np.clip(1 - nz, 0, 1)
    lit = peel(rng, fruit, u, v, px / radius, py / radius)
    lit *= (1.08 * diffuse + np.clip(ambient, 0.04, 1))[..., None]
    lit += bounce[..., None] * linear(fruit.colours[0])

    # Blinn-Phong, the viewer straight in front: one tight highlight and a broad sheen.
    halfway = TO_LIGHT + np.array([0, 0, 1], np.float32)
    halfway /= np.linalg.norm(halfway)
    facing = np.clip(nx * halfway[0] + ny * halfway[1] + nz * halfway[2], 0, 1)
    specular = fruit.gloss * (0.9 * facing**70 + 0.13 * facing**9)
    lit += specular[..., None] * np.array([1.0, 0.97, 0.9], np.float32)
    lit *= exposure * (1 - 0.45 * rho**6)[..., None]  # rims are dark where fruit meet
    blend(canvas, box, lit, inside)


def peel(rng: np.random.Generator, fruit: Fruit, u: Array, v: Array, px: Array, py: Array) -> Array:
    """The fruit's own colour, linear [h, w, 3]: hue of the piece, blush, speckle and its mark."""
    first, second = rng.choice(len(fruit.colours), 2)
    share = rng.uniform()
    hue = (1 - share) * np.array(fruit.colours[first]) + share * np.array(fruit.colours[second])
    hue = np.clip(hue * np.exp(rng.normal(0, 0.05)) + rng.normal(0, 0.012, 3), 0, 1)
    colour = np.broadcast_to(linear(hue.astype(np.float32)), (*u.shape, 3)).copy()
    if fruit.blush is not None:
        turn = rng.uniform(0, 2 * np.pi)
        cheek = np.cos(turn) * px + np.sin(turn) * py + 0.25 * noise(rng, u.shape, (12, 12))
        edge = rng.uniform(-0.1, 0.9)
        strength = 0.85 * smoothstep(edge - 0.5, edge + 0.5, cheek.astype(np.float32))
        colour += (linear(fruit.blush) - colour) * strength[..., None]
    texture = fruit.speckle * noise(rng, u.shape, (4, 4)) + 0.05 * noise(rng, u.shape, (18, 18))
    colour *= np.exp(texture)[..., None]
    return mark_peel(rng, fruit.mark, colour, u, v, px, py)


def mark_peel(rng: np.random.Generator, mark: str, colour: Array, u: Array, v: Array, px: Array, py: Array) -> Array:
    """Add the stem, calyx, crease or tip; a turned piece hides it."""
    mx, my = rng.normal(0, 0.30), rng.normal(-0.15, 0.30)
    r, turn = np.hypot(px - mx, py - my), np.arctan2(py - my, px - mx)
    if mark == "tip":
        where, paint = smoothstep(0.86, 1.0, np.abs(u)) * 0.5, linear((0.55, 0.50, 0.20))
    elif mark == "crease":
        where, paint = 0.55 * np.exp(-(((v - 0.3 * (1 - u * u)) / 0.07) ** 2)), linear((0.14, 0.06, 0.14))
    elif rng.uniform() < 0.45:
        return colour
    elif mark == "button":
        where, paint = 1 - smoothstep(0.07, 0.15, r), linear((0.42, 0.40, 0.16))
    elif mark == "calyx":
        reach = 0.22 + 0.22 * np.cos(5 * turn + rng.uniform(0, 6)) ** 2
        where, paint = 1 - smoothstep(-0.05, 0.05, r - reach), linear((0.25, 0.42, 0.14))
    else:
        hollow = 0.6 * (1 - smoothstep(0.05, 0.34, r))
        colour = colour * (1 - 0.6 * hollow[..., None])
        stalk = (np.abs(px - mx - 0.3 * (my - py)) < 0.055) & (py < my + 0.03) & (py > my - 0.36)
        where, paint = stalk.astype(np.float32), linear((0.30, 0.19, 0.10))
    return (colour + (paint - colour) * np.asarray(where, np.float32)[..., None]).astype(np.float32)


def light_stand(canvas: Array, rng: np.random.Generator) -> None:
    """Daylight from the left, slow unevenness of an awning, warm near the light and cooler away from it."""
    height, width = canvas.shape[:2]
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    level = 1.22 - 0.34 * x - 0.06 * (1 - y) + 0.045 * noise(rng, (height, width), (320, 320))
    canvas *= level[..., None]
    canvas *= np.stack([1.03 - 0.05 * x, np.ones_like(x), 0.96 + 0.08 * x], axis=-1)


if __name__ == "__main__":
    save_png(draw(), Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
