"""A generator whose passes between convolutions are joined: the same pictures as the folded one."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ingan_fast.geometry import Transform
from ingan_fast.model import deployed, joined
from ingan_fast.model.deployed import DeployedGraph
from ingan_fast.model.fold import merge_upsampling
from ingan_fast.model.joined import JoinedGraph
from ingan_fast.model.sampling import sampling_tensor
from ingan_fast.settings import LEARNED, PAPER, SMOKE, Settings
from small_networks import folded

SETTINGS = {
    "paper": replace(PAPER, channels=8, blocks=2),
    "learned": replace(LEARNED, channels=8),
    "smoke": SMOKE,
    "three stages, skips, grey": replace(SMOKE, stages=3, downscales=1, skips=True, grey=True),
    "no blocks": replace(SMOKE, blocks=0, downscales=2, stages=1),
    "no downscale": replace(SMOKE, downscales=0, blocks=1, stages=1),
    "neither": replace(SMOKE, downscales=0, blocks=0),
}
SIZES = [(72, 56), (67, 45)]  # multiples of 8, and not


def transforms(size: tuple[int, int]) -> tuple[Transform, Transform]:
    """A homography and a resize."""
    return Transform.from_corners([(4, 2), (60, 6), (size[0], size[1]), (0, size[1])], size), Transform.resize(size)


def inputs(size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Two frames, and the grids of `transforms`."""
    image = torch.rand(2, 3, 40, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    grids = [torch.from_numpy(transform.grid()) for transform in transforms(size)]
    return image.contiguous(memory_format=torch.channels_last), torch.stack(grids)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
@torch.inference_mode()
def test_what_is_deployed_is_the_generator_that_was_trained(settings: Settings, size: tuple[int, int]) -> None:
    generator, (image, grids) = folded(settings), inputs(size)
    matrices = torch.cat([sampling_tensor(transform, torch.device("cpu")) for transform in transforms(size)])
    trained = generator(image, matrices, (size[1], size[0]))
    torch.testing.assert_close(DeployedGraph(generator)(image, grids), trained, rtol=0, atol=1e-3)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
@torch.inference_mode()
def test_pictures_are_those_of_the_folded_generator(settings: Settings, size: tuple[int, int]) -> None:
    generator, given = folded(settings), inputs(size)
    expected = DeployedGraph(generator)(*given)
    assert expected.std() > 0.02
    for one in (generator, merge_upsampling(generator)):
        torch.testing.assert_close(JoinedGraph(one)(*given), expected, rtol=0, atol=2e-5)


@torch.inference_mode()
def test_in_half_precision_it_rounds_about_as_much_as_the_folded_one() -> None:
    generator, given = merge_upsampling(folded(SETTINGS["paper"])), inputs(SIZES[1])
    exact = DeployedGraph(generator)(*given)
    plain = DeployedGraph(generator.bfloat16())(*given)
    found = JoinedGraph(generator)(*given)
    assert found.dtype == torch.float32
    assert 0 < (found - exact).square().mean() <= 2 * (plain - exact).square().mean()


@torch.inference_mode()
def test_an_entry_map_made_some_channels_at_a_time_gives_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, given = JoinedGraph(folded(SETTINGS["paper"])), inputs(SIZES[0])
    whole, samplings = graph(*given), []
    warp = joined.grid_warp

    def counted(features: Tensor, grid: Tensor) -> Tensor:
        samplings.append(features.shape[1])
        return warp(features, grid)

    monkeypatch.setattr(joined, "grid_warp", counted)
    monkeypatch.setattr(deployed, "MAX_ENTRY_BYTES", 2 * 40 * 64 * 4 * 3)  # 3 of 8 channels
    torch.testing.assert_close(graph(*given), whole)
    assert samplings == [2] * 4
