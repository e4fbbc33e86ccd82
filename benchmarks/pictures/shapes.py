"""Shared by both drawn pictures: noise, painting in linear light at 4x, and the final "camera"."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SUPERSAMPLE = 4
WIDTH, HEIGHT = 288, 224

Array = NDArray[np.float32]
Colour = tuple[float, float, float]


def new_canvas(colour: Colour) -> Array:
    """An evenly coloured linear-light canvas at the supersampled size, float32 [4·HEIGHT, 4·WIDTH, 3]."""
    canvas = np.empty((HEIGHT * SUPERSAMPLE, WIDTH * SUPERSAMPLE, 3), dtype=np.float32)
    canvas[:] = linear(colour)
    return canvas


def linear(colour: Colour | Array) -> Array:
    """sRGB in [0, 1] to linear light."""
    light: Array = np.asarray(colour, dtype=np.float32) ** np.float32(2.2)
    return light


def noise(rng: np.random.Generator, shape: tuple[int, int], cell: tuple[float, float]) -> Array:
    """Smooth noise of unit variance, float32 [H, W]; `cell` = (height, width) in pixels of one blob."""
    coarse = (max(2, round(shape[0] / cell[0])), max(2, round(shape[1] / cell[1])))
    field = Image.fromarray(rng.standard_normal(coarse).astype(np.float32))
    smooth = np.asarray(field.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), dtype=np.float32)
    normal: Array = (smooth - smooth.mean()) / (smooth.std() + 1e-6)
    return normal


def smoothstep(low: float, high: float, x: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    curve: Array = t * t * (3 - 2 * t)
    return curve


def blend(canvas: Array, box: tuple[int, int, int, int], colour: Array, alpha: Array) -> None:
    """Lay `colour` [h, w, 3] with `alpha` [h, w] over the canvas at (top, left, bottom, right), clipped."""
    top, left, bottom, right = box
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(bottom, canvas.shape[0]), min(right, canvas.shape[1])
    if y0 >= y1 or x0 >= x1:
        return
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    under = canvas[y0:y1, x0:x1]
    under += (colour[part] - under) * alpha[part][..., None]


def rectangle(canvas: Array, x: float, y: float, width: float, height: float, colour: Array) -> None:
    """A rectangle in final pixels; `colour` is linear, [3] or [h, w, 3] at the supersampled size."""
    left, top = round(x * SUPERSAMPLE), round(y * SUPERSAMPLE)
    right, bottom = round((x + width) * SUPERSAMPLE), round((y + height) * SUPERSAMPLE)
    shape = (max(bottom - top, 0), max(right - left, 0))
    full = np.broadcast_to(colour, (*shape, 3))
    blend(canvas, (top, left, bottom, right), full, np.ones(shape, np.float32))


def texture(canvas: Array, x: float, y: float, colour: Array) -> None:
    """Lay a linear-light texture [h, w, 3], already at the supersampled size, corner at (x, y) px."""
    left, top = round(x * SUPERSAMPLE), round(y * SUPERSAMPLE)
    box = (top, left, top + colour.shape[0], left + colour.shape[1])
    blend(canvas, box, colour, np.ones(colour.shape[:2], np.float32))


def shade(canvas: Array, x: float, y: float, width: float, height: float, factor: float | Array) -> None:
    """Multiply a rectangle (final pixels) by `factor`: a cast shadow, or a fall-off as [h, 1] or [h, w]."""
    left, top = max(round(x * SUPERSAMPLE), 0), max(round(y * SUPERSAMPLE), 0)
    right, bottom = round((x + width) * SUPERSAMPLE), round((y + height) * SUPERSAMPLE)
    part = canvas[top:bottom, left:right]
    part *= factor if isinstance(factor, float) else factor[: part.shape[0], : part.shape[1], None]


def shadow_under(canvas: Array, y: float, height: float, darkest: float) -> None:
    """The soft shadow that an edge at `y` throws over the `height` px below it: from `darkest` to 1."""
    fall = smoothstep(0, 1, np.linspace(0, 1, round(height * SUPERSAMPLE), dtype=np.float32))
    shade(canvas, 0, y, WIDTH, height, (darkest + (1 - darkest) * fall)[:, None])


def wooden_board(canvas: Array, rng: np.random.Generator, top: float, height: float) -> None:
    """A board across the picture at `top` (px): planks with grain, nails, lit above, dark below."""
    rows, width = round(height * SUPERSAMPLE), WIDTH * SUPERSAMPLE
    grain = 0.10 * noise(rng, (rows, width), (2, 90)) + 0.07 * noise(rng, (rows, width), (1, 40))
    grain += 0.08 * noise(rng, (rows, width), (rows, 160))
    tone = np.ones((rows, width), np.float32)
    x = rng.uniform(-30, 0) * SUPERSAMPLE
    while x < width:  # planks of their own tone, a dark gap and two nails where they meet
        plank = rng.uniform(44, 62) * SUPERSAMPLE
        tone[:, max(int(x), 0) : max(int(x + plank), 0)] *= np.exp(rng.normal(0, 0.10))
        for shift, strength, rows_of in ((0, 0.35, np.s_[:]), (9, 0.4, np.s_[9:12]), (-9, 0.4, np.s_[9:12])):
            at = int(x) + shift
            if at >= 0:
                tone[rows_of, at : at + 3] *= strength
        x += plank
    edge = np.linspace(0, 1, rows, dtype=np.float32)
    profile = 1.25 - 0.35 * edge - 0.45 * smoothstep(0.82, 1.0, edge)
    wood = linear((0.72, 0.56, 0.38)) * (0.8 * tone * np.exp(grain) * profile[:, None])[..., None]
    texture(canvas, 0, top, wood.astype(np.float32))


def develop(canvas: Array, rng: np.random.Generator, grain: float = 0.011) -> NDArray[np.uint8]:
    """Linear light to a photograph, uint8 [HEIGHT, WIDTH, 3]: averaged down, highlights rolled off, grain."""
    # The lens: averaging 4x4 with a little overlap, in linear light, as a sensor's pixels do.
    channels = [
        np.asarray(Image.fromarray(canvas[..., c]).resize((WIDTH, HEIGHT), Image.Resampling.HAMMING)) for c in range(3)
    ]
    light = np.maximum(np.stack(channels, axis=-1), 0)
    # Soft shoulder: linear up to 0.7, then slowly towards 1, so that highlights aren't clipped flat.
    light = np.where(light > 0.7, 0.7 + 0.3 * (1 - np.exp(-(light - 0.7) / 0.3)), light)
    picture = light ** (1 / 2.2)
    mono = rng.standard_normal((HEIGHT, WIDTH, 1))
    colour = rng.standard_normal((HEIGHT, WIDTH, 3))
    picture = picture + grain * (0.8 * mono + 0.5 * colour)
    levels: NDArray[np.uint8] = np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)
    return levels


def save_png(picture: NDArray[np.uint8], path: Path) -> None:
    """Write the picture as a PNG without metadata (the same bytes each time)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, optimize=True)
    print(f"{path}: {picture.shape[1]}x{picture.shape[0]}, {path.stat().st_size / 1000:.0f} kB")
