"""Unit-scale layouts in numpy: what torch makes of the same transformation, without torch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ingan_fast import Transform, load
from ingan_fast.config import SMOKE
from ingan_fast.kernels import UnitScale, anchors
from ingan_fast.kernels import unit_scale as torch_unit_scale
from ingan_fast.networks import Generator
from ingan_fast.pictures import Pixels
from ingan_fast.retargeting import TrainedGenerator
from ingan_fast.run_folder import Config
from ingan_fast.runtime.anchors import _chances
from ingan_fast.runtime.arrangement import Arrangement
from ingan_fast.runtime.cuts import cheapest_path
from ingan_fast.runtime.layout import Layout, Source, arrange, unit_scale
from ingan_fast.sampling import sampling_tensor, to_pixels, to_tensor

CPU = torch.device("cpu")
ODD_SIZED = (101, 75)  # width, height: no multiples of 8
TRAPEZOID = Transform.from_corners([[60, 10], [120, 0], [180, 140], [5, 120]], (180, 140))


def noise(size: tuple[int, int], seed: int = 0) -> Pixels:
    """Smooth noise, uint8 [H, W, 3]: cuts through it have a best place."""
    coarse = np.random.default_rng(seed).integers(0, 256, (size[1] // 4 + 2, size[0] // 4 + 2, 3))
    return np.kron(coarse, np.ones((4, 4, 1)))[: size[1], : size[0]].astype(np.uint8)


def torch_layout(
    transform: Transform, size: tuple[int, int], jump: tuple[int, int], scatter: bool, image: Pixels | None
) -> UnitScale:
    x = None if image is None else to_tensor(image)
    return torch_unit_scale(sampling_tensor(transform, CPU), transform.size[::-1], size[::-1], jump, scatter, x)


def apart(
    transform: Transform,
    size: tuple[int, int] = ODD_SIZED,
    jump: tuple[int, int] = (14, 16),
    scatter: bool = False,
    cut: bool = True,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far the two versions are apart: grids in source pixels [1, 4, Ho, Wo, 2], preferences [1, 4, Ho, Wo]."""
    image = noise(size) if cut else None
    expected = torch_layout(transform, size, jump, scatter, image)
    layout = unit_scale(transform, size, jump, scatter, image)
    assert layout.grids.shape == expected.grids.shape
    assert layout.preference.shape == expected.preference.shape
    places = np.abs(layout.grids.astype(float) - expected.grids.numpy()) * np.array(size) / 2
    return places, np.abs(layout.preference.astype(float) - expected.preference.numpy())


@pytest.mark.parametrize("scatter", [False, True])
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize(
    "scale", [(1, 1), (0.3, 0.3), (1.5, 1), (1, 0.6), (1.75, 1.75), (2.2, 0.7), (0.4, 3.1), (2, 3), (4, 4)]
)
def test_a_resize_is_laid_out_as_by_torch(scale: tuple[float, float], cut: bool, scatter: bool) -> None:
    places, preferences = apart(Transform.scale(*scale, ODD_SIZED), scatter=scatter, cut=cut)
    assert places.max() < 1e-3
    assert preferences.max() < 1e-3


@pytest.mark.parametrize("scatter", [False, True])
@pytest.mark.parametrize(
    "transform",
    [
        TRAPEZOID,
        Transform((250, 160), [[0.7, 0.2, 0.1], [-0.15, 0.8, 0], [0.3, -0.2, 1]]),
        Transform((200, 90), [[1, 0.4, 0], [0, 1, 0], [0, 0, 1]]),  # rows stay rows
        Transform((120, 200), [[0, -1, 0], [1, 0, 0], [0, 0, 1]]),  # a quarter turn
        Transform((180, 100), [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]),  # mirrored
        Transform((180, 100), [[-0.8, 0.1, 0], [0.2, 0.9, 0], [0.1, 0.3, 1]]),
        Transform((64, 64), [[0.1, 0.02, 0.5], [0, 0.1, -0.5], [0.01, 0, 1]]),  # mostly of what lies outside
    ],
    ids=["trapezoid", "homography", "shear", "turned", "mirrored", "mirrored homography", "small"],
)
def test_any_transform_is_laid_out_as_by_torch(transform: Transform, scatter: bool) -> None:
    """But for single pixels halfway between two anchors, which one layout ties to the other of them."""
    places, preferences = apart(transform, scatter=scatter)
    assert (places > 1e-3).mean() < 1e-4
    assert (preferences > 1e-3).mean() < 1e-3
    assert preferences.max() < 0.05


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (33, 16), (64, 131)])
@pytest.mark.parametrize("jump", [(8, 8), (96, 40)])
def test_small_pictures_are_laid_out_as_by_torch(size: tuple[int, int], jump: tuple[int, int]) -> None:
    for scale in ((1.3, 2.9), (8, 7)):
        places, preferences = apart(Transform.scale(*scale, size), size, jump)
        assert places.max() < 1e-3
        assert preferences.max() < 2e-3


def test_more_anchors_than_are_cut_or_allowed_are_laid_out_as_by_torch() -> None:
    size = (300, 24)
    for jump, scale in (((8, 8), 2.5), ((1, 1), 5)):  # 56 anchors; 1200 would fit
        places, preferences = apart(Transform.scale(scale, 1, size), size, jump)
        assert places.max() < 1e-3
        assert preferences.max() < 1e-2  # nearing the border weighs 8 a pixel at jumps of 1


def laid_out(transform: Transform, image: Pixels | Source) -> Layout:
    return unit_scale(transform, ODD_SIZED, (14, 16), False, image)


def test_a_picture_that_is_kept_gives_the_same_layouts() -> None:
    image = noise(ODD_SIZED)
    source = Source(image)
    for transform in (TRAPEZOID, Transform.scale(2, 1.5, ODD_SIZED)):
        for once, kept in zip(*(vars(laid_out(transform, of)).values() for of in (image, source)), strict=True):
            np.testing.assert_array_equal(once, kept)


def test_layouts_are_ready_for_a_runtime() -> None:
    layout = laid_out(TRAPEZOID, noise(ODD_SIZED))
    for array in vars(layout).values():
        assert array.dtype == np.float32
        assert array.flags.c_contiguous


def test_pieces_do_not_depend_on_how_many_rows_are_made_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    transforms = TRAPEZOID, Transform.scale(2, 1.5, ODD_SIZED), Transform.scale(2, 4, ODD_SIZED)
    whole = [laid_out(transform, noise(ODD_SIZED)) for transform in transforms]
    monkeypatch.setattr("ingan_fast.runtime.layout.CHUNK", 1000)
    for transform, expected in zip(transforms, whole, strict=True):
        layout = laid_out(transform, noise(ODD_SIZED))
        np.testing.assert_array_equal(layout.grids, expected.grids)
        np.testing.assert_array_equal(layout.preference, expected.preference)


def test_nothing_of_it_needs_torch() -> None:
    program = """
import sys
import numpy as np
from ingan_fast import Transform
from ingan_fast.runtime.layout import unit_scale
unit_scale(Transform.resize((40, 50)), (30, 30), (8, 8), True, np.zeros((30, 30, 3), np.uint8))
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_chances_are_those_of_torch() -> None:
    expected = anchors._chances(CPU)
    np.testing.assert_array_equal(_chances(), expected.numpy())


def test_cheapest_paths_are_those_of_torch_and_so_are_ties() -> None:
    rng = np.random.default_rng(0)
    for values in (rng.random((5, 47, 30)), rng.integers(0, 3, (5, 47, 30)), np.zeros((2, 47, 4))):
        cost = values.astype(np.float32)
        expected = anchors._cheapest_path(torch.from_numpy(cost)[None])[0]
        np.testing.assert_array_equal(cheapest_path(cost), expected.numpy())


# What a generator paints over them


def assert_painted_alike(trained: TrainedGenerator, transform: Transform) -> None:
    """Within a grey level on 99.9 % of the values of what `retarget` gives, with a layout of torch."""
    settings = trained.settings
    jump = settings.jump_y, settings.jump_x
    layout = unit_scale(transform, trained.source_size, jump, settings.scatter, trained.source)
    with torch.inference_mode():
        arrays = UnitScale(torch.from_numpy(layout.grids), torch.from_numpy(layout.preference))
        painted = to_pixels(trained.generator.paint(to_tensor(trained.source), arrays).image)
    off = np.abs(painted.astype(int) - trained.retarget(transform).picture)
    assert (off <= 1).mean() >= 0.999


TRANSFORMS = [Transform.resize((150, 64)), Transform.resize((40, 90)), Transform.resize((203, 171)), TRAPEZOID]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_trained_generator_paints_the_same_picture(trained_run: Path, transform: Transform) -> None:
    assert_painted_alike(load(trained_run, device="cpu"), transform)


@pytest.mark.parametrize("scatter", [False, True])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_random_weights_paint_the_same_picture(transform: Transform, scatter: bool) -> None:
    torch.manual_seed(0)
    settings, source = replace(SMOKE, scatter=scatter), noise((64, 56))
    generator = Generator(settings).eval()
    torch.nn.init.normal_(generator.exit.weight, std=0.1)
    config = Config.new(settings, "smoke", None, 0, {"noise": source}, "cpu")
    assert_painted_alike(TrainedGenerator(generator, [source], config, CPU), transform)


# Arrangements


@pytest.mark.parametrize("scatter", [False, True])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_by_its_own_arrangement_a_layout_is_the_same_to_the_bit(transform: Transform, scatter: bool) -> None:
    size, jump = (64, 56), (14, 16)
    for image in (noise(size), None):
        expected = unit_scale(transform, size, jump, scatter, image)
        arrangement = arrange(transform, size, jump, scatter, image)
        layout = unit_scale(transform, size, jump, scatter, None, arrangement)
        np.testing.assert_array_equal(layout.grids, expected.grids)
        np.testing.assert_array_equal(layout.preference, expected.preference)


def shown(transform: Transform, arrangement: Arrangement) -> NDArray[np.float64]:
    """What the preferred layout shows at each pixel, [Ho, Wo, 2] in source pixels."""
    layout = unit_scale(transform, ODD_SIZED, (14, 16), False, None, arrangement)
    best = layout.preference[0].argmax(axis=0)
    grid = np.take_along_axis(layout.grids[0], best[None, ..., None], axis=0)[0]
    return np.asarray((grid.astype(float) + 1) / 2 * ODD_SIZED)


def test_an_arrangement_goes_on_where_another_one_would_be_taken() -> None:
    """The 2.75th jump of 16 px is where a third one comes: on either side of it both show nearly the same as beyond."""
    image, widths = noise(ODD_SIZED), (ODD_SIZED[0] + 43, ODD_SIZED[0] + 45)
    before, after = (Transform.resize((width, ODD_SIZED[1])) for width in widths)
    old, new = (arrange(transform, ODD_SIZED, (14, 16), False, image) for transform in (before, after))
    assert (old.across.last, new.across.last) == (2, 3)
    for arrangement in (old, new):
        places = [shown(transform, arrangement) for transform in (before, after)]
        moved = np.abs(places[1][:, : widths[0]] - places[0])
        assert (moved.max(axis=2) <= 2.1).mean() > 0.95  # what moves with the right border moves by 2 px
    hopped = np.abs(shown(after, new)[:, : widths[0]] - shown(before, old)).max(axis=2)
    assert (hopped > 10).mean() > 0.1


@pytest.mark.parametrize("scale", [(1, 1), (1.3, 0.7), (1.6, 0.6), (2.4, 0.4)])
def test_an_arrangement_lays_other_transforms_out_from_border_to_border(scale: tuple[float, float]) -> None:
    arrangement = arrange(Transform.scale(2, 0.5, ODD_SIZED), ODD_SIZED, (14, 16), False, noise(ODD_SIZED))
    transform = Transform.scale(*scale, ODD_SIZED)
    places = shown(transform, arrangement)
    assert np.isfinite(places).all()
    for axis, side in enumerate(ODD_SIZED):
        along = places[..., axis].swapaxes(0, 1 - axis)
        assert np.median(along[0]) == pytest.approx(0.5, abs=0.1)
        assert np.median(along[-1]) == pytest.approx(side - 0.5, abs=0.1)
        assert ((along > -1) & (along < side + 1)).mean() > 0.98
