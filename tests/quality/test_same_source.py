"""An output of another source is told from a poor output of this one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from ingan_fast.errors import UserError
from ingan_fast.pictures import MARKET, Pixels, load_image
from ingan_fast.quality.resampling import plain_resize, seam_carve
from ingan_fast.quality.same_source import LIMIT, check_made_of, unlikeness

FACADE = Path(__file__).parents[2] / "benchmarks" / "pictures" / "facade.png"


def poor_outputs(source: Pixels) -> Iterator[tuple[str, Pixels]]:
    height, width = source.shape[:2]
    yield "itself", source
    for sigma in (4, 10):
        yield f"blurred by {sigma}", np.asarray(Image.fromarray(source).filter(ImageFilter.GaussianBlur(sigma)))
    noise = np.random.default_rng(0).normal(0, 50, source.shape)
    yield "noisy", (source + noise).clip(0, 255).astype(np.uint8)
    for size in ((width // 3, height), (3 * width, height), (width, height // 2), (2 * width, 2 * height)):
        yield f"stretched to {size}", plain_resize(source, size)
    yield "carved", seam_carve(source, (round(0.6 * width), height))
    yield "tiled", np.tile(source, (1, 2, 1))
    yield "cut", np.ascontiguousarray(source[:, : width // 2])


@pytest.mark.parametrize("path", [FACADE, MARKET])
def test_poor_outputs_of_the_right_source_pass(path: Path) -> None:
    source = np.ascontiguousarray(load_image(path)[:144, :176])
    for name, output in poor_outputs(source):
        assert unlikeness(output, source) < 0.85 * LIMIT, name


def test_another_picture_is_refused_with_what_was_measured() -> None:
    facade, market = load_image(FACADE), load_image(MARKET)
    with pytest.raises(UserError, match=r"looks like an output of another picture: .* \d\.\d\d away .* as source"):
        check_made_of("wide.png", plain_resize(market, (400, 224)), facade)
    with pytest.raises(UserError):
        check_made_of("wide.png", facade[:120], market)


def test_only_what_is_inside_the_mask_counts() -> None:
    facade, market = load_image(FACADE), load_image(MARKET)
    output, mask = market.copy(), np.zeros(market.shape[:2], np.float32)
    output[40:160, 60:220] = facade[40:160, 60:220]
    mask[40:160, 60:220] = 1
    assert unlikeness(output, facade, mask) < LIMIT < unlikeness(output, facade)


def test_pictures_of_a_few_pixels_and_flat_ones_have_an_answer() -> None:
    picture = np.ascontiguousarray(load_image(FACADE)[:144, :176])
    assert unlikeness(plain_resize(picture, (200, 9)), picture) < LIMIT
    assert unlikeness(picture[100:110, 100:110], picture[100:110, 100:112]) < LIMIT
    grey = np.full((40, 50, 3), 128, np.uint8)
    assert unlikeness(grey, grey) < LIMIT < unlikeness(grey // 2, grey)
