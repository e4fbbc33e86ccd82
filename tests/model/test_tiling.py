"""An output made tile by tile is the output made at once, up to the rounding of convolutions of other sizes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ingan_fast.geometry import Transform
from ingan_fast.model import deployed
from ingan_fast.model.convolutions import ReflectConv2d
from ingan_fast.model.tiling import halo, tiles
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.opening import opened_run
from ingan_fast.settings import PAPER, SMOKE, Settings
from ingan_fast.training.run_folder import Config
from ingan_fast.training.trained import TrainedRun
from small_networks import folded

DEEP = replace(PAPER, channels=8, blocks=2)  # three downscales, skips
SMOOTH = replace(SMOKE, stages=1)
SHAPES = {"three downscales, skips": DEEP, "no downscale": replace(SMOOTH, downscales=0)}
SHAPES |= {"two stages": replace(SMOKE, skips=True), "three stages": replace(SMOKE, stages=3, downscales=1, skips=True)}
SOURCE = (64, 56)  # of the fixture `picture`
TRANSFORMS = {
    "a resize": Transform.resize((203, 141)),
    "multiples of 8": Transform.resize((200, 144)),
    "a homography": Transform.from_corners([[15, 4], [180, 30], [201, 150], [0, 139]], (201, 150)),
    "a part outside": Transform.from_corners([[-30, 4], [180, -30], [250, 150], [0, 200]], (190, 133)),
}


def player(settings: Settings, picture: Pixels, tile: int | None = None) -> Retargeter:
    """Plays `folded(settings)`, in tiles of `tile` px."""
    config = Config.new(settings, "smoke", None, 0, {"dots.png": picture}, "cpu")
    opened = opened_run(TrainedRun(folded(settings), [picture], config), "cpu", "float32")
    if tile is None:
        return Retargeter(opened)
    retargeter = Retargeter(opened, max_memory=1)
    retargeter._tile = tile
    return retargeter


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS.keys())
@pytest.mark.parametrize("settings", SHAPES.values(), ids=SHAPES.keys())
def test_tiled_equals_untiled(settings: Settings, transform: Transform, picture: Pixels) -> None:
    whole = player(settings, picture)(transform=transform)
    assert whole.std() > 5
    for tile in (32, 64, 112):
        parts: list[float] = []
        tiled = player(settings, picture, tile)(transform=transform, progress=parts.append)
        assert len(parts) > 1
        assert_equal_up_to_rounding(tiled, whole)


@pytest.mark.parametrize("settings", [*SHAPES.values(), replace(SMOKE, stages=3, downscales=0, blocks=1)])
def test_the_halo_holds_all_that_a_pixel_is_made_of(settings: Settings) -> None:
    generator, side = folded(settings), 96
    coarse, middle = generator.coarse, side // 2
    warped = torch.zeros(1, settings.channels, side, side)
    changed = warped.clone()
    changed[..., middle, middle] = 1.0
    with torch.no_grad():
        one, other = (generator.refine(torch.tanh(generator.trunk(features))) for features in (warped, changed))
    places = (one != other)[0].any(dim=0).nonzero()  # rows and columns of the output that the pixel is a part of
    reach = max(middle * coarse - int(places.min()), int(places.max()) - (middle + 1) * coarse + 1)
    assert halo(settings) // 2 < reach <= halo(settings)


def assert_equal_up_to_rounding(tiled: Pixels, whole: Pixels) -> None:
    """On some CPUs the library sums a convolution of another size in another order, which is seen where a value lies
    halfway between two grey levels: one level, in about one of 30,000 values. A tile that lacks a pixel of its halo
    shows in hundreds.
    """
    off = np.abs(tiled.astype(int) - whole)
    assert off.max() <= 1
    assert (off > 0).mean() <= 1e-4


@pytest.mark.parametrize("settings", [SMOOTH, SMOKE])
def test_the_entry_map_made_some_channels_at_a_time_gives_the_same_picture(
    settings: Settings, picture: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    retargeter, transform = player(settings, picture), TRANSFORMS["a homography"]
    whole = retargeter(transform=transform)
    pixels = 64 * 56 // 4 ** (settings.stages - 1)
    monkeypatch.setattr(deployed, "MAX_ENTRY_BYTES", 3 * pixels * 4)  # 3 of the 8 channels
    convolve, chunks = ReflectConv2d.convolve, []

    def counted(self: ReflectConv2d, image: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        chunks.append(len(weight))
        return convolve(self, image, weight, bias)

    monkeypatch.setattr(ReflectConv2d, "convolve", counted)
    assert_equal_up_to_rounding(retargeter(transform=transform), whole)
    assert chunks[:4] == [2, 2, 2, 2]


def test_the_papers_halo_is_72_pixels() -> None:
    assert halo(PAPER) == 72


@pytest.mark.parametrize("settings", [*SHAPES.values(), replace(PAPER, channels=4)])
def test_no_pixel_reaches_beyond_the_halo(settings: Settings) -> None:
    margin = halo(settings)
    cell = 2**settings.downscales
    width = 2 * margin + 10 * cell
    generator = folded(settings)
    for column in range(width // 2, width // 2 + cell):
        one = torch.rand(1, settings.channels, 16, width)
        other = one.clone()
        other[..., column] += 100
        difference = (generator.trunk(one) - generator.trunk(other)).abs().amax(dim=(0, 1, 2))
        reached = difference.nonzero().flatten() - column
        assert reached.abs().max() <= margin


@pytest.mark.parametrize("size", [(16, 16), (33, 100), (130, 64), (200, 17)])
@pytest.mark.parametrize("tile", [16, 64])
def test_the_tiles_cover_every_pixel_once(size: tuple[int, int], tile: int) -> None:
    count = np.zeros(size, int)
    for piece in tiles(size, tile, 24):
        count[slice(*piece.rows), slice(*piece.columns)] += 1
    assert (count == 1).all()


def test_every_tile_is_computed_with_its_margin_from_a_multiple_of_8_on() -> None:
    size, margin = (150, 331), 24
    for piece in tiles(size, 64, margin):
        for side, kept, computed in zip(
            size, (piece.rows, piece.columns), (piece.computed_rows, piece.computed_columns), strict=True
        ):
            assert computed[0] <= max(kept[0] - margin, 0)
            assert computed[1] >= min(kept[1] + margin, side)
            assert computed[0] % 8 == 0
            assert computed[1] % 8 == 0 or computed[1] == side
