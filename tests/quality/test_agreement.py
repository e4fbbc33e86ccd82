"""The measures against a second implementation, plain numpy and Pillow, written from the definitions alone."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ingan_fast.pictures import MARKET, Pixels, load_image
from ingan_fast.quality import metrics
from ingan_fast.quality.resampling import plain_resize, seam_carve

FACADE = Path(__file__).parents[2] / "benchmarks" / "pictures" / "facade.png"
STRETCHES = (-0.5, 0, 0.25, 0.5, 0.75, 1, 1.25)


@pytest.fixture(scope="module")
def facade() -> Pixels:
    return np.ascontiguousarray(load_image(FACADE)[60:156, 40:152])


@pytest.fixture(scope="module")
def market() -> Pixels:
    return np.ascontiguousarray(load_image(MARKET)[100:196, 80:192])


def resized(image: NDArray, across: float, down: float, how: Image.Resampling) -> NDArray:
    """By exactly these factors, from the upper left corner on."""
    width, height = int(image.shape[1] * across), int(image.shape[0] * down)
    part = (0, 0, width / across, height / down)
    channels = [Image.fromarray(np.ascontiguousarray(image[..., c])) for c in range(3)]
    return np.stack([np.asarray(c.resize((width, height), how, box=part)) for c in channels], axis=2)


def windows(image: NDArray, height: int, width: int) -> NDArray:
    """[rows, columns, values]"""
    views = np.lib.stride_tricks.sliding_window_view(image, (height, width), axis=(0, 1))
    return views.reshape(*views.shape[:2], -1).astype(np.float32)


def nearest(queries: NDArray, database: NDArray) -> NDArray:
    """Mean squared difference to the nearest row."""
    best = np.full(len(queries), np.inf)
    for rows in np.array_split(database, 1 + len(database) // 2000):
        squares = (queries**2).sum(1)[:, None] + (rows**2).sum(1) - 2 * queries @ rows.T
        best = np.minimum(best, squares.min(1))
    return best / queries.shape[1]


def levels(image: Pixels) -> list[NDArray]:
    """All patches at 1, 1/2 and 1/4."""
    values = (image / 255).astype(np.float32)
    pictures = [resized(values, factor, factor, Image.Resampling.BILINEAR) for factor in (1, 1 / 2, 1 / 4)]
    return [windows(picture, 7, 7).reshape(-1, 147) for picture in pictures]


def coherence(output: Pixels, source: Pixels) -> float:
    return float(np.mean([nearest(o, s).mean() for o, s in zip(levels(output), levels(source), strict=True)]))


def patch_swd(output: Pixels, source: Pixels) -> float:
    directions = np.random.default_rng(7).normal(size=(147, 600))
    directions /= np.linalg.norm(directions, axis=0)
    at = (np.arange(400) + 0.5) / 400
    distances = []
    for o, s in zip(levels(output), levels(source), strict=True):
        along = [np.sort(directions.T @ patches.T) for patches in (o, s)]  # much faster than np.quantile
        quantiles = [values[:, (at * values.shape[1]).astype(int)] for values in along]
        distances.append(np.abs(quantiles[0] - quantiles[1]).mean())
    return float(np.mean(distances))


def size_kept(output: Pixels, source: Pixels) -> float:
    """Along the width."""
    out, src = ((image / 255).astype(np.float32) for image in (output, source))
    (height, width), ratio = output.shape[:2], output.shape[1] / source.shape[1]
    candidates = np.power(ratio, STRETCHES)
    resolution = 0.8 * min(1.0, candidates.min())
    wide = round(15 * resolution)

    def centred(image: NDArray) -> NDArray:
        views = np.lib.stride_tricks.sliding_window_view(image, (15, wide), axis=(0, 1))
        centred = views - views.mean((-2, -1), keepdims=True)
        return centred.reshape(*centred.shape[:2], -1).astype(np.float64)

    small = resized(src, resolution, 1, Image.Resampling.BICUBIC)
    database = centred(small).reshape(-1, 45 * wide)
    margin = 7.5 * candidates.max()
    down, across = np.linspace(7.5, height - 7.5, 24), np.linspace(margin, width - margin, 24)
    errors, contrasts = [], []
    for s in candidates:
        undone = resized(out, resolution / s, 1, Image.Resampling.BICUBIC)
        here = centred(undone)
        top = np.clip(np.round(down - 7.5).astype(int), 0, here.shape[0] - 1)
        left = np.clip(np.round(across * resolution / s - wide / 2).astype(int), 0, here.shape[1] - 1)
        queries = here[np.ix_(top, left)].reshape(576, -1)
        contrasts.append((queries**2).mean(1))
        errors.append(nearest(queries, database) / contrasts[-1])
    lowest = np.min(contrasts, axis=0)
    best = np.argmin(errors, axis=0)[lowest >= np.quantile(lowest, 0.2)]
    return 1 - float(np.asarray(STRETCHES)[best].mean())


def outputs(source: Pixels) -> list[Pixels]:
    """Wider and narrower ones of several kinds."""
    height, width = source.shape[:2]
    noise = np.random.default_rng(0).normal(0, 12, source.shape)
    noisy = (source + noise).clip(0, 255).astype(np.uint8)
    blurred = np.asarray(Image.fromarray(source).filter(ImageFilter.GaussianBlur(1.5)))
    return [
        plain_resize(source, (3 * width // 2, height)),
        seam_carve(source, (2 * width // 3, height)),
        noisy,
        blurred,
        source[:, ::-1],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["facade", "market"])
def test_coherence_and_completeness_agree_also_where_queries_are_sampled(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    source: Pixels = np.ascontiguousarray(request.getfixturevalue(name)[:72, :84])
    for output in outputs(source)[:2]:
        expected = coherence(output, source), coherence(source, output)
        for exact_pairs in (metrics.EXACT_PAIRS, 0):
            with monkeypatch.context() as patch:
                patch.setattr(metrics, "EXACT_PAIRS", exact_pairs)
                measured = metrics.coherence(output, source), metrics.completeness(output, source)
                assert measured == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["facade", "market"])
def test_swd_agrees_with_one_of_other_directions(name: str, request: pytest.FixtureRequest) -> None:
    source: Pixels = np.ascontiguousarray(request.getfixturevalue(name)[:72, :84])
    for output in outputs(source)[:4]:
        assert metrics.patch_swd(output, source) == pytest.approx(patch_swd(output, source), rel=0.05)


@pytest.mark.parametrize("name", ["facade", "market"])
def test_size_kept_agrees(name: str, request: pytest.FixtureRequest) -> None:
    source: Pixels = request.getfixturevalue(name)
    wide = np.concatenate([source, source[:, 28:84]], axis=1)
    for output in (plain_resize(source, (168, 96)), wide, seam_carve(source, (72, 96)), source[:, 20:87]):
        output = np.ascontiguousarray(output)
        assert metrics.size_kept(output, source) == pytest.approx(size_kept(output, source), abs=0.05)


@pytest.mark.parametrize("name", ["facade", "market"])
def test_psnr_agrees(name: str, request: pytest.FixtureRequest) -> None:
    source: Pixels = request.getfixturevalue(name)
    noisy = outputs(source)[2]
    error = ((source.astype(float) - noisy) ** 2).mean()
    assert metrics.psnr(noisy, source) == pytest.approx(10 * np.log10(255**2 / error))


@pytest.mark.parametrize("how", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
@pytest.mark.parametrize("ratio", [0.5, 0.7, 1.3, 2.0])
@pytest.mark.parametrize(("name", "axis"), [("facade", "width"), ("market", "height")])
def test_a_resize_by_any_filter_keeps_no_size(
    name: str, axis: str, ratio: float, how: Image.Resampling, request: pytest.FixtureRequest
) -> None:
    source: Pixels = request.getfixturevalue(name)
    size = (round(112 * ratio), 96) if axis == "width" else (112, round(96 * ratio))
    resized = np.asarray(Image.fromarray(source).resize(size, how))
    assert metrics.size_kept(resized, source, axis) == pytest.approx(0, abs=0.02)
