"""Pictures whose right layouts are known."""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.seams import Seams

Pixels = NDArray[np.uint8]


def grain(height: int, width: int, seed: int = 0, channels: int = 3) -> Pixels:
    """Noise with a little smoothness: a texture."""
    noise = np.random.default_rng(seed).normal(0, 1, (height + 2, width + 2, channels))
    smooth = sum(noise[y : y + height, x : x + width] for y in range(3) for x in range(3))
    return (128 + 18 * np.asarray(smooth)).clip(0, 255).astype(np.uint8)


def fence(height: int = 60, posts: int = 10, period: int = 18) -> Pixels:
    """Upright posts at equal distances, on a ground that is brighter towards the bottom and towards the next post."""
    x = np.arange(posts * period)
    post = (x % period < 5)[None, :, None]
    ground = np.linspace(60, 160, height)[:, None, None] * np.array([1, 0.9, 0.7])
    ground = ground * (1 + 0.5 * (x % period) / period)[None, :, None]
    return np.where(post, np.array([150, 40, 30]), ground).astype(np.uint8)


def ball_on_grain(height: int = 90, width: int = 150, at: tuple[int, int] = (45, 75), radius: int = 14) -> Pixels:
    """One bright ball with a pattern of its own, on a grey ground with a little texture."""
    picture = (90 + grain(height, width, channels=1) // 6).repeat(3, axis=2)
    y, x = np.mgrid[:height, :width]
    inside = (y - at[0]) ** 2 + (x - at[1]) ** 2 <= radius**2
    pattern = np.stack([250 - 3 * (x - at[1]), 120 + 4 * (y - at[0]), 40 + 0 * x], axis=2)
    return np.where(inside[..., None], pattern.clip(0, 255), picture).astype(np.uint8)


def ball_mask(
    height: int = 90, width: int = 150, at: tuple[int, int] = (45, 75), radius: int = 14
) -> NDArray[np.bool_]:
    y, x = np.mgrid[:height, :width]
    return (y - at[0]) ** 2 + (x - at[1]) ** 2 <= radius**2


def whole_copies(picture: Pixels, element: Pixels, mask: NDArray[np.bool_]) -> int:
    """How often the element [h, w, 3] is in the picture, pixel by pixel where its mask is set."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, element.shape[:2], axis=(0, 1))  # [y, x, 3, h, w]
    wanted = element.transpose(2, 0, 1)
    error = (np.abs(windows.astype(np.int16) - wanted) * mask).max(axis=(2, 3, 4))
    return int((error <= 1).sum())


def sky(height: int = 120, width: int = 200, channels: int = 3) -> NDArray[np.uint8]:
    """Brighter from left to right, from 100 to 140."""
    row = np.linspace(100, 140, width).round().astype(np.uint8)
    return np.repeat(row[None, :, None], height, axis=0).repeat(channels, axis=2)


def along_rows(height: int = 120) -> Seams:
    """A seam that runs along between two rows for 60 px."""
    places = np.full((1, height), 90)
    places[0, height // 2 :] = 150
    return Seams(np.array([-60]), places)
