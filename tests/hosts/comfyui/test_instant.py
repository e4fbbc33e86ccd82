"""Retarget (instant) and its layouts, called as ComfyUI calls nodes."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from comfyui_host import Host, InterruptProcessingException, call
from ingan_fast import UserError, retarget
from ingan_fast.layout import LayoutOptions

SHAPE = {"resize_by": "factors", "scale_x": 1.5, "scale_y": 1.0, "width": 100, "height": 40, "corners": ""}
REST = {"tile": "none", "variation": 0, "spare_objects": False, "batch": "each its own layout"}


def instant(comfyui: Host, image: Tensor, **changes: Any) -> tuple[Any, ...]:
    return call(comfyui, "InganFastRetarget", image=image, **(SHAPE | REST | changes))


def laid_out(image: Tensor, scale: tuple[float, float], options: LayoutOptions) -> np.ndarray:
    """What the library makes of the picture."""
    return retarget(image[0].numpy(), scale=scale, options=options).clip(0, 1)


def test_it_is_the_layout_of_the_library(comfyui: Host, image: Tensor) -> None:
    result, outside, _ = instant(comfyui, image)
    expected = laid_out(image, (1.5, 1), LayoutOptions(keep_objects=False))
    np.testing.assert_array_equal(result[0].numpy(), expected)
    assert result.shape == (1, 56, 96, 3)
    assert not outside.any()
    assert outside.shape == (1, 56, 96)


def test_sizes_and_corners(comfyui: Host, image: Tensor) -> None:
    result, _, _ = instant(comfyui, image, resize_by="size")
    assert result.shape == (1, 40, 100, 3)
    result, outside, _ = instant(comfyui, image, resize_by="corners", corners="20,0 100,0 80,40 0,40")
    assert result.shape == (1, 40, 100, 3)
    assert outside[0, 2, 2] == 1
    assert outside[0, 20, 50] == 0
    assert not result[0, 2, 2].any()


def test_each_picture_of_a_batch_has_its_own_layout(comfyui: Host, image: Tensor) -> None:
    batch = torch.cat([image, image.flip(2)])
    result, outside, layout = instant(comfyui, batch)
    assert result.shape == (2, 56, 96, 3)
    assert len(outside) == 2
    alone, _, _ = instant(comfyui, image.flip(2))
    assert torch.equal(result[1], alone[0])
    assert len(layout.views) == 2
    assert comfyui.progress[:2] == [(1, 2), (2, 2)]


def test_frames_of_a_still_camera_share_a_layout(comfyui: Host, image: Tensor) -> None:
    frames = torch.cat([image, 1 - image])
    result, _, layout = instant(comfyui, frames, batch="all as the first")
    assert len(layout.views) == 1
    # Blending over seams is linear, so the negative of a picture under the same layout is the negative of its output.
    torch.testing.assert_close(result[1], 1 - result[0], atol=1e-5, rtol=0)


def test_masks_keep_and_remove(comfyui: Host, image: Tensor) -> None:
    keep, remove = torch.zeros(1, 56, 64), torch.zeros(1, 56, 64)
    keep[:, 20:36, 8:24] = 1
    remove[:, 10:40, 40:50] = 1
    result, _, layout = instant(comfyui, image, scale_x=0.8, keep=keep, remove=remove)
    options = LayoutOptions(keep[0].numpy() > 0, remove[0].numpy() > 0, keep_objects=False)
    np.testing.assert_array_equal(result[0].numpy(), laid_out(image, (0.8, 1), options))
    (left,) = call(comfyui, "InganFastLayoutMask", layout=layout, mask=remove)
    assert not left.any()  # gone
    (kept,) = call(comfyui, "InganFastLayoutMask", layout=layout, mask=keep)
    assert kept.sum() == keep.sum()


def test_the_empty_mask_of_load_image_asks_for_nothing(comfyui: Host, image: Tensor) -> None:
    result, _, _ = instant(comfyui, image, keep=torch.zeros(1, 64, 64))
    assert torch.equal(result, instant(comfyui, image)[0])


def test_one_mask_serves_a_batch_and_others_are_matched(comfyui: Host, image: Tensor) -> None:
    mask = torch.zeros(2, 56, 64)
    mask[0, :, 30:34] = 1
    batch = torch.cat([image, image])
    result, _, _ = instant(comfyui, batch, remove=mask)
    assert not torch.equal(result[0], result[1])
    result, _, _ = instant(comfyui, batch, remove=mask[:1])
    assert torch.equal(result[0], result[1])


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("keep", (1, 40, 64), "keep is 64x40, but the image 64x56; connect a mask of its size"),
        ("remove", (3, 56, 64), "remove is a batch of 3, but there are 2 images; give 1 or 2"),
    ],
)
def test_masks_that_dont_fit_are_told(
    comfyui: Host, image: Tensor, name: str, shape: tuple[int, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        instant(comfyui, torch.cat([image, image]), **{name: torch.ones(shape)})


def test_masks_that_contradict_each_other_are_told(comfyui: Host, image: Tensor) -> None:
    mask = torch.zeros(1, 56, 64)
    mask[:, 20:30, 20:30] = 1
    with pytest.raises(ValueError, match="keep and remove overlap"):
        instant(comfyui, image, keep=mask, remove=mask)
    with pytest.raises(UserError, match="can't all be left out"):
        instant(comfyui, image, remove=torch.ones(1, 56, 64))


def test_tiles_and_variations(comfyui: Host, image: Tensor) -> None:
    tiled, _, _ = instant(comfyui, image, tile="both", scale_x=1.2)
    expected = laid_out(image, (1.2, 1), LayoutOptions(tile="xy"))
    np.testing.assert_array_equal(tiled[0].numpy(), expected)
    assert not torch.equal(instant(comfyui, image, variation=3)[0], instant(comfyui, image)[0])


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_opacity_stay(comfyui: Host, image: Tensor, channels: int) -> None:
    given = image[..., :1] if channels == 1 else torch.cat([image, torch.full_like(image[..., :1], 0.5)], dim=-1)
    result, _, _ = instant(comfyui, given)
    assert result.shape == (1, 56, 96, channels)
    if channels == 4:
        assert (result[..., 3] - 0.5).abs().max() < 1e-3
        result, _, _ = instant(comfyui, given, resize_by="corners", corners="20,0 100,0 80,40 0,40")
        assert result[0, 2, 2, 3] == 0


def test_values_a_little_beyond_are_taken_and_nan_is_told(comfyui: Host, image: Tensor) -> None:
    assert instant(comfyui, image * 1.02 - 0.01)[0].max() <= 1
    image[0, 3, 3] = torch.nan
    with pytest.raises(ValueError, match="not finite"):
        instant(comfyui, image)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resize_by": "corners", "corners": "1,2 3,4"}, "give 4 points in pixels"),
        ({"resize_by": "corners", "corners": "0,0 100,0 100,40 0,40", "tile": "x"}, "tiles fill their frame"),
        ({"resize_by": "size", "width": 4}, "give 16 to 16384"),
        ({"resize_by": "area"}, "choose factors, size, corners"),
        ({"tile": "z"}, "choose none, x, y, both"),
        ({"scale_x": 99.0}, "bigger than max"),
        ({"variation": -1}, "smaller than min"),
        ({"batch": "some"}, "not in list"),
    ],
)
def test_values_that_cant_be_are_told_before_anything_runs(comfyui: Host, changes: dict[str, Any], words: str) -> None:
    comfyui.folder("input").joinpath("a.png").touch()
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "InganFastRetarget", "inputs": {"image": ["1", 0], **SHAPE, **REST, **changes}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "a"}},
    }
    problems = comfyui.problems(prompt)
    assert len(problems) == 1, problems
    assert words in problems[0]


def test_widgets_that_are_linked_are_checked_when_they_are_known(comfyui: Host, image: Tensor) -> None:
    check = comfyui.nodes["InganFastRetarget"].VALIDATE_INPUTS
    assert check() is True
    assert check(resize_by="corners", corners="1,2") is True  # the size comes later
    assert check(resize_by="size", height=40) is True


def test_cancelling_ends_between_two_pictures(comfyui: Host, image: Tensor) -> None:
    comfyui.on_progress = lambda value: comfyui.cancel() if value == 2 else None
    with pytest.raises(InterruptProcessingException):
        instant(comfyui, torch.cat([image] * 5))
    assert comfyui.progress == [(1, 5), (2, 5)]


def test_a_layout_lays_other_images_out_alike(comfyui: Host, image: Tensor) -> None:
    result, _, layout = instant(comfyui, image)
    (again,) = call(comfyui, "InganFastLayoutImage", layout=layout, image=image, kind="picture")
    assert torch.equal(again, result)
    places = torch.arange(64.0).repeat(56, 1)[None, ..., None] / 64
    (copied,) = call(comfyui, "InganFastLayoutImage", layout=layout, image=places, kind="map")
    assert set(copied.unique().tolist()) <= set(places.unique().tolist())  # values as they are
    (batch,) = call(comfyui, "InganFastLayoutImage", layout=layout, image=torch.cat([image] * 3), kind="picture")
    assert torch.equal(batch[2], result[0])
    with pytest.raises(ValueError, match="the image is 32x56, but the layout is of images of 64x56"):
        call(comfyui, "InganFastLayoutImage", layout=layout, image=image[:, :, :32], kind="map")
    _, _, two = instant(comfyui, torch.cat([image] * 2))
    with pytest.raises(ValueError, match="layout is a batch of 2, but there are 3 images"):
        call(comfyui, "InganFastLayoutImage", layout=two, image=torch.cat([image] * 3), kind="map")
