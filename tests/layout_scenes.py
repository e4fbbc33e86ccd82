"""Pictures whose right layouts are known."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

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


def drawn_face(scale: int = 4) -> tuple[Pixels, NDArray[np.bool_]]:
    """A face with hair, [120, 100] and where it is; its brows, eyes, nose and mouth are about 50 px wide and high."""
    face, shape = Image.new("RGB", (100 * scale, 120 * scale)), Image.new("L", (100 * scale, 120 * scale))
    skin, hair = (225, 195, 175), (70, 45, 35)

    def ellipse(x: float, y: float, right: float, down: float, colour: tuple[int, int, int], on: Image.Image = face):
        box = [(x - right) * scale, (y - down) * scale, (x + right) * scale, (y + down) * scale]
        ImageDraw.Draw(on).ellipse(box, fill=colour if on is face else 255)

    ellipse(50, 56, 38, 48, hair)
    ellipse(50, 56, 38, 48, hair, shape)
    ellipse(50, 58, 28, 38, skin)
    ellipse(50, 26, 29, 12, hair)
    for x in (39, 61):
        ellipse(x, 52, 8, 4.5, (150, 125, 110))
        ellipse(x, 53, 6, 3, (235, 230, 225))
        ellipse(x, 53, 3.2, 3.2, (70, 55, 50))
        ellipse(x, 44.5, 8, 1.8, (85, 65, 55))
        ellipse(50 + (x - 50) / 2.75, 68, 2, 1.3, (95, 70, 65))
    ellipse(50, 64, 3, 6, (235, 210, 190))
    ellipse(50, 78, 11, 3.5, (160, 85, 85))
    ellipse(50, 77.8, 10, 0.5, (75, 45, 45))
    ellipse(50, 88, 10, 3, (200, 170, 155))
    small = (100, 120)
    face = face.filter(ImageFilter.GaussianBlur(1.2 * scale)).resize(small, Image.Resampling.BOX)
    return np.asarray(face), np.asarray(shape.resize(small, Image.Resampling.BOX)) > 127


def face_in_a_crowd(height: int = 200, width: int = 320, at: tuple[int, int] = (30, 100)) -> Pixels:
    """A drawn face, its upper left corner at (y, x), before blocks of many colours."""
    blocks = np.random.default_rng(3).integers(40, 220, (-(-height // 10), -(-width // 10), 3), np.uint8)
    picture = blocks.repeat(10, axis=0).repeat(10, axis=1)[:height, :width].copy()
    face, mask = drawn_face()
    picture[at[0] : at[0] + 120, at[1] : at[1] + 100][mask] = face[mask]
    return picture
