"""Each measure's known answers, and its agreement with brute force."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ingan_fast.errors import UserError
from ingan_fast.quality import metrics, patches
from ingan_fast.quality.metrics import coherence, completeness, evaluate, patch_swd, psnr, size_kept, verbatim
from ingan_fast.quality.resampling import plain_resize, seam_carve


def texture(height: int, width: int, seed: int = 0, discs: float = 0.02) -> NDArray[np.uint8]:
    """Overlapping shaded discs of many colours and two to seven pixels: elements of a size of their own."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 0.5)
    y, x = np.mgrid[:height, :width]
    for _ in range(int(discs * height * width)):
        cy, cx, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(2, 7)
        top, left = max(0, int(cy - 8)), max(0, int(cx - 8))
        window = np.s_[top : top + 17, left : left + 17]
        distance = np.hypot(y[window] - cy, x[window] - cx) / radius
        image[window][distance < 1] = (rng.uniform(0.1, 1, 3) * (1 - 0.6 * distance[..., None]))[distance < 1]
    return (image * 255).round().astype(np.uint8)


def blurred(image: NDArray, factor: int) -> NDArray:
    height, width = image.shape[:2]
    return plain_resize(plain_resize(image, (width // factor, height // factor)), (width, height))


@pytest.fixture(scope="module")
def field() -> NDArray[np.uint8]:
    return texture(96, 260)


@pytest.fixture(scope="module")
def source(field: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return field[:, :96]


def test_a_picture_compared_with_itself_scores_zero(source: NDArray) -> None:
    for measure in (coherence, completeness, patch_swd):
        assert measure(source, source) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("ratio", [1.5, 0.6, 2.0])
@pytest.mark.parametrize("axis", ["width", "height"])
def test_a_plain_resize_keeps_no_size(source: NDArray, axis: str, ratio: float) -> None:
    size = (round(96 * ratio), 96) if axis == "width" else (96, round(96 * ratio))
    assert size_kept(plain_resize(source, size), source, axis) == pytest.approx(0, abs=0.02)


def test_flat_ground_around_thin_lines_does_not_count_as_kept_size() -> None:
    rng = np.random.default_rng(0)
    wall = np.full((160, 160, 3), 0.4) + rng.normal(0, 0.004, (160, 160, 1))
    wall[:, 10::40] = wall[:, 11::40] = wall[15::50] = 0.8
    wall = (wall * 255).round().astype(np.uint8)
    assert size_kept(plain_resize(wall, (96, 160)), wall) == pytest.approx(0, abs=0.02)


def test_a_wider_crop_of_a_texture_keeps_sizes(field: NDArray, source: NDArray) -> None:
    assert size_kept(field[:, 100:244], source) > 0.7
    assert size_kept(field.transpose(1, 0, 2)[100:244], source.transpose(1, 0, 2), "height") > 0.7


def test_a_tiled_copy_keeps_sizes_and_is_coherent(source: NDArray) -> None:
    tiled = np.tile(source, (1, 2, 1))
    assert size_kept(tiled, source) == pytest.approx(1, abs=0.05)
    assert coherence(tiled, source) < 0.2 * coherence(plain_resize(source, (192, 96)), source)
    assert completeness(tiled, source) < 1e-4


def test_noise_raises_coherence(source: NDArray) -> None:
    noise = np.random.default_rng(0).normal(0, 1, source.shape)
    scores = [coherence((source / 255 + sigma * noise).clip(0, 1), source) for sigma in (0, 0.03, 0.1)]
    assert scores == sorted(scores)


def test_more_blur_raises_completeness_and_swd(source: NDArray) -> None:
    outputs = [source, blurred(source, 2), blurred(source, 4)]
    for measure in (coherence, completeness, patch_swd):
        scores = [measure(output, source) for output in outputs]
        assert scores[0] < scores[1]
        assert measure is coherence or scores[1] < scores[2]
    # smooth patches have likenesses among the source's; its sharp ones have none among the smooth
    assert completeness(outputs[2], source) > coherence(outputs[2], source)


def test_a_ghost_costs_verbatim_everywhere_a_hard_seam_only_along_itself(source: NDArray) -> None:
    assert verbatim(source, source) == 1
    moved = np.roll(source, 20, axis=1)
    ghost = ((source.astype(int) + moved) // 2).astype(np.uint8)
    seam = np.concatenate([source[:, :40], source[:, 60:]], axis=1)
    assert verbatim(ghost, source) < 0.2
    assert verbatim(seam, source) == pytest.approx(1 - 6 / 70, abs=0.03)  # six columns of patches cross it
    assert evaluate(seam, source)["verbatim"] == verbatim(seam, source)


def test_a_missing_half_raises_completeness_far_more_than_coherence(source: NDArray) -> None:
    half = source[:, :48]
    assert completeness(half, source) > 20 * coherence(half, source)


def test_nearest_neighbours_agree_with_brute_force() -> None:
    output, source = texture(27, 24, seed=1), texture(22, 26, seed=2)
    out, src = brute_patches(output), brute_patches(source)
    d = cdist(out, src, "sqeuclidean") / 147
    with pytest.MonkeyPatch().context() as patch:
        patch.setattr(patches, "SCALES", (1,))
        assert coherence(output, source) == pytest.approx(d.min(1).mean(), rel=1e-4)
        assert completeness(output, source) == pytest.approx(d.min(0).mean(), rel=1e-4)


def test_levels_count_alike_and_only_where_both_pictures_have_them() -> None:
    output, source = texture(40, 36, seed=1), texture(32, 44, seed=2)
    assert coherence(output, source) == pytest.approx(brute_coherence(output, source, (1, 2, 4)), rel=1e-4)
    low = output[:20]  # five pixels high at 1/4
    assert coherence(low, source) == pytest.approx(brute_coherence(low, source, (1, 2)), rel=1e-4)


def test_swd_agrees_with_scipys_wasserstein_distance() -> None:
    from scipy.stats import wasserstein_distance  # which takes half a second, in every process that collects tests

    output, source = texture(24, 24, seed=1), texture(24, 24, seed=2)
    directions = torch.randn(147, metrics.DIRECTIONS, generator=torch.Generator().manual_seed(0)).numpy()
    a, b = (brute_patches(x) @ (directions / np.linalg.norm(directions, axis=0)) for x in (output, source))
    with pytest.MonkeyPatch().context() as patch:
        patch.setattr(patches, "SCALES", (1,))
        expected = np.mean([wasserstein_distance(a[:, i], b[:, i]) for i in range(metrics.DIRECTIONS)])
        assert patch_swd(output, source) == pytest.approx(expected, rel=1e-4)


def test_sampled_queries_are_close_to_all_and_the_same_every_time(
    field: NDArray, source: NDArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = coherence(field[:, 150:246], source)
    monkeypatch.setattr(metrics, "EXACT_PAIRS", 0)
    sampled = coherence(field[:, 150:246], source)
    assert sampled != exact
    assert sampled == pytest.approx(exact, rel=0.03)
    assert coherence(field[:, 150:246], source) == sampled


def test_what_is_outside_the_mask_changes_nothing(source: NDArray) -> None:
    output, mask = source[::-1, :80] / np.float32(255), np.zeros((96, 80), np.float32)
    mask[16:80, 10:64] = 1
    garbage = np.where(mask[..., None] > 0, output, np.float32("nan"))
    for measure in (coherence, completeness, patch_swd):
        assert measure(garbage, source, mask) == measure(output, source, mask)
    assert evaluate(output, source, mask)["kept_width"] is None


def test_a_full_mask_is_no_mask(source: NDArray) -> None:
    output = blurred(source, 2)
    for measure in (coherence, completeness, patch_swd):
        masked = measure(output, source, np.ones((96, 96)))
        assert masked == pytest.approx(measure(output, source), rel=1e-5)


def test_low_matmul_precision_elsewhere_does_not_reach_the_measures(source: NDArray) -> None:
    expected = coherence(blurred(source, 2), source)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        assert coherence(blurred(source, 2), source) == expected
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_evaluate_gives_every_measure_and_none_where_one_is_undefined(source: NDArray) -> None:
    wide = evaluate(plain_resize(source, (144, 96)), source)
    assert list(wide) == ["coherence", "completeness", "swd", "verbatim", "kept_width", "kept_height"]
    assert wide["kept_width"] == pytest.approx(0, abs=0.02)
    assert wide["kept_height"] is None
    both = evaluate(plain_resize(source, (150, 150)), source)
    assert both["kept_width"] is None
    assert both["kept_height"] is None


def test_psnr_of_known_errors() -> None:
    black = np.zeros((8, 8, 3))
    assert psnr(black, black + 0.1) == pytest.approx(20)
    assert psnr(black, black) == float("inf")


def test_baselines_give_the_size_and_type_asked_for(source: NDArray) -> None:
    for baseline in (plain_resize, seam_carve):
        for image in (source, source / np.float32(255)):
            result = baseline(image[:40, :50], (60, 30))
            assert result.shape == (30, 60, 3)
            assert result.dtype == image.dtype


def test_mistakes_are_named(source: NDArray) -> None:
    with pytest.raises(UserError, match="at least 7 pixels"):
        coherence(source[:6], source)
    with pytest.raises(UserError, match="leaves no 7x7 patch"):
        completeness(source, source, np.zeros((96, 96)))
    with pytest.raises(UserError, match="colour picture"):
        coherence(source[..., 0], source)
    with pytest.raises(UserError, match=r"outside \[0, 1\]"):
        coherence(source.astype(np.float32), source)
    with pytest.raises(UserError, match="one axis at a time"):
        size_kept(source, source)
    with pytest.raises(UserError, match="one axis at a time"):
        size_kept(plain_resize(source, (150, 150)), source)
    with pytest.raises(UserError, match="too small to measure"):
        size_kept(source[:, :10], source)
    with pytest.raises(UserError, match="flat everywhere"):
        size_kept(np.zeros((120, 180, 3)), np.zeros((120, 120, 3)))


def brute_patches(image: NDArray) -> NDArray:
    values = image / 255 if image.dtype == np.uint8 else image
    windows = np.lib.stride_tricks.sliding_window_view(values, (7, 7), axis=(0, 1))  # [h', w', 3, 7, 7]
    return windows.reshape(-1, 147).astype(np.float64)


def brute_coherence(output: NDArray, source: NDArray, scales: tuple[int, ...]) -> float:
    levels = [[brute_patches(shrink(image, scale)) for image in (output, source)] for scale in scales]
    return float(np.mean([cdist(out, src, "sqeuclidean").min(1).mean() / 147 for out, src in levels]))


def shrink(image: NDArray, scale: int) -> NDArray:
    """The triangle filter of half-width `scale`, written out for sides that are multiples of it."""
    values = image / 255
    for axis in (0, 1):
        size = values.shape[axis]
        centres = (np.arange(size // scale) + 0.5) * scale
        weights = (1 - np.abs(np.arange(size) + 0.5 - centres[:, None]) / scale).clip(0)
        weights /= weights.sum(1, keepdims=True)
        values = np.moveaxis(np.tensordot(weights, values, (1, axis)), 0, axis)
    return values
