"""What training sees: every pixel, the same draws for the same seed and iteration, all the pictures."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from ingan_fast.geometry import MIN_SIZE
from ingan_fast.model.sampling import Batch, Sampler, to_pixels, to_tensor
from ingan_fast.pictures import Pixels
from ingan_fast.settings import SMOKE

SETTINGS = replace(SMOKE, crop=32, iterations=100, ramp=0.5, size_multiple=8, stages=1)
CPU = torch.device("cpu")


def coordinates(height: int = 56, width: int = 64) -> Pixels:
    """A picture whose red is x and whose green is y."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x, y, 0 * x], axis=-1).astype(np.uint8)


def sampler(*sources: Pixels, seed: int = 0, **changes: object) -> Sampler:
    return Sampler(list(sources) or [coordinates()], replace(SETTINGS, **changes), seed, CPU)  # type: ignore[arg-type]


def same(one: Batch, other: Batch) -> bool:
    values = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(Batch)]
    return all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in values)


@pytest.mark.parametrize("which", ["image", "real"])
def test_every_pixel_is_reached_by_some_crop(which: str) -> None:
    drawn = sampler()
    seen = np.zeros((56, 64), bool)
    for iteration in range(150):
        crop = to_pixels(getattr(drawn.draw(iteration), which))
        seen[crop[..., 1], crop[..., 0]] = True
    assert seen.all()


def test_the_last_row_and_column_are_not_rare() -> None:
    drawn = sampler()
    crops = [to_pixels(drawn.draw(iteration).image) for iteration in range(100)]
    assert sum(crop[-1, 0, 1] == 55 for crop in crops) > 10
    assert sum(crop[0, -1, 0] == 63 for crop in crops) > 10


def test_a_crop_is_a_piece_of_the_picture_as_it_is() -> None:
    crop = to_pixels(sampler().draw(3).image)
    left, top = crop[0, 0, :2]
    np.testing.assert_array_equal(crop, coordinates()[top : top + 32, left : left + 32])


def test_the_discriminators_crop_is_another_one() -> None:
    drawn = sampler()
    pairs = [drawn.draw(iteration) for iteration in range(20)]
    assert sum(torch.equal(pair.image, pair.real) for pair in pairs) < 5


def test_a_draw_depends_on_seed_and_iteration_alone() -> None:
    first, second = sampler(), sampler()
    expected = [first.draw(iteration) for iteration in range(8)]
    np.random.seed(5)
    torch.manual_seed(5)
    for iteration in (7, 2, 2, 5):
        assert same(second.draw(iteration), expected[iteration])
    assert not same(sampler(seed=1).draw(3), expected[3])
    assert not same(expected[3], expected[4])


def test_the_noise_depends_on_seed_and_iteration_alone() -> None:
    def noise(seed: int, iteration: int) -> torch.Tensor:
        return torch.randn(50, generator=sampler(seed=seed).noise_generator(iteration))

    assert torch.equal(noise(0, 4), noise(0, 4))
    assert not torch.equal(noise(0, 4), noise(0, 5))
    assert not torch.equal(noise(0, 4), noise(1, 4))


@pytest.mark.parametrize(("height", "width"), [(36, 40), (36, 64), (56, 36)])
def test_a_side_shorter_than_the_crop_is_used_whole(height: int, width: int) -> None:
    drawn = sampler(coordinates(height, width), crop=48)
    for iteration in range(5):
        crop = to_pixels(drawn.draw(iteration).image)
        assert crop.shape == (min(height, 48), min(width, 48), 3)
        if height < 48:
            np.testing.assert_array_equal(crop[:, 0, 1], np.arange(height))
        if width < 48:
            np.testing.assert_array_equal(crop[0, :, 0], np.arange(width))


def test_all_the_pictures_are_drawn_about_as_often() -> None:
    flat = [np.full((40, 40, 3), value, np.uint8) for value in (10, 100, 200)]
    drawn = sampler(*flat)
    seen = [int(to_pixels(drawn.draw(iteration).image)[0, 0, 0]) for iteration in range(120)]
    assert {value: seen.count(value) > 20 for value in (10, 100, 200)} == {10: True, 100: True, 200: True}


def test_a_crop_and_its_real_twin_are_of_one_picture() -> None:
    drawn = sampler(np.full((40, 40, 3), 10, np.uint8), np.full((40, 40, 3), 200, np.uint8))
    for iteration in range(20):
        draw = drawn.draw(iteration)
        assert torch.equal(draw.image[..., :1, :1], draw.real[..., :1, :1])


def test_training_starts_without_any_transformation() -> None:
    draw = sampler(size_multiple=8).draw(0)
    assert draw.size == (32, 32)
    assert torch.allclose(draw.transform, torch.eye(3)[None])
    assert (draw.visible == 1).all()


def test_a_transformation_that_changes_no_sizes_is_like_none() -> None:
    drawn = sampler(size_multiple=8)
    assert drawn.draw(0).likeness == 1
    for draw in drawn.calibration(20):
        octaves = max(abs(math.log2(side / 32)) for side in draw.size)
        assert draw.likeness.item() == pytest.approx(max(0.0, 1 - 2 * octaves), abs=1e-6)


def test_outputs_are_large_enough_for_the_first_of_several_stages() -> None:
    draws = sampler(size_multiple=8, stages=3, downscales=1).calibration(40)
    sides = [side for draw in draws for side in draw.size]
    assert min(sides) == 4 * MIN_SIZE


def test_the_inverse_undoes_the_transformation() -> None:
    drawn = sampler(resize_probability=0.0)
    for draw in drawn.calibration(10):
        product = draw.transform[0].double() @ draw.inverse[0].double()
        assert torch.allclose(product / product[2, 2], torch.eye(3, dtype=torch.float64), atol=1e-5)


def test_what_leaves_the_output_is_not_visible() -> None:
    """Where T moves a corner of x outside its output, the mask of T⁻¹ is 0 there."""
    drawn = sampler(resize_probability=0.0, max_corner_shift=0.5, reconstruction=0.1)
    means = [draw.visible.mean().item() for draw in drawn.calibration(30)]
    assert min(means) < 0.9
    for draw in drawn.calibration(30):
        assert draw.visible.shape == draw.image.shape[-2:]
        assert 0 <= draw.visible.min() <= draw.visible.max() <= 1


def test_calibration_draws_are_the_same_every_time_and_of_the_full_range() -> None:
    drawn = sampler()
    first, second = drawn.calibration(20), drawn.calibration(20)
    assert all(same(a, b) for a, b in zip(first, second, strict=True))
    sides = [side for draw in first for side in draw.size]
    assert max(sides) > 1.5 * 32
    assert min(sides) < 32


def test_pixels_survive_the_way_to_a_tensor_and_back() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    tensor = to_tensor(pixels)
    assert tensor.min() == -1
    assert tensor.max() == 1
    np.testing.assert_array_equal(to_pixels(tensor), pixels)
