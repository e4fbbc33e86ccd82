"""Profiles: what a user writes, and the shapes that a builder is given."""

import pytest

from ingan_fast.errors import UserError
from ingan_fast.export.profiles import Profile, default_profiles, parse_profile

TEXT = "320x240:640x480:1920x1080"
SIZES = ((320, 240), (640, 480), (1920, 1080))


def test_a_text_has_the_smallest_the_best_and_the_largest_size() -> None:
    assert parse_profile(TEXT) == Profile(output=SIZES, image=SIZES)
    assert str(parse_profile(TEXT)) == TEXT


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("640x480", "give MIN:OPT:MAX"),
        ("320x240:640x480", "give MIN:OPT:MAX"),
        ("320x240:640x480:800x600:900x700", "give MIN:OPT:MAX"),
        ("", "give MIN:OPT:MAX"),
        ("320x240:640:1920x1080", "'640' is invalid"),
        ("320x240:640x480.5:1920x1080", "'640x480.5' is invalid"),
        ("-320x240:640x480:1920x1080", "is invalid"),
        ("15x240:640x480:1920x1080", "15x240"),
        ("320x240:640x480:99999999x1080", "99999999x1080"),
        ("640x480:320x240:1920x1080", "widths are 640, 320 and 1920"),
        ("320x240:640x1200:1920x1080", "heights are 240, 1200 and 1080"),
    ],
)
def test_anything_else_is_refused_in_one_line(text: str, part: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse_profile(text)
    assert part in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_named_axes_get_their_sizes_and_the_batch_is_one() -> None:
    profile = Profile(output=SIZES, image=((16, 17), (18, 19), (20, 21)))
    assert profile.shapes(["N", 4, "Ho", "Wo", 2]) == [[1, 4, 240, 320, 2], [1, 4, 480, 640, 2], [1, 4, 1080, 1920, 2]]
    assert profile.shapes(["N", "H", "W", 3]) == [[1, 17, 16, 3], [1, 19, 18, 3], [1, 21, 20, 3]]


@pytest.mark.parametrize(
    ("source", "image"),
    [
        ((400, 300), ((320, 240), (400, 300), (1920, 1080))),
        ((100, 1200), ((100, 240), (100, 1200), (1920, 1200))),
    ],
)
def test_the_picture_that_was_trained_on_always_fits(
    source: tuple[int, int], image: tuple[tuple[int, int], ...]
) -> None:
    profile = parse_profile(TEXT).with_source(source)
    assert profile.image == image
    assert profile.output == SIZES
    assert profile.covers(output=(320, 1080), image=source)


def test_one_pixel_too_many_is_not_covered() -> None:
    profile = parse_profile(TEXT)
    assert profile.covers((320, 240), (1920, 1080))
    assert not profile.covers((319, 240), (640, 480))
    assert not profile.covers((640, 1081), (640, 480))
    assert not profile.covers((640, 480), (640, 1081))


def test_by_default_there_is_a_narrow_profile_before_a_wide_one() -> None:
    narrow, wide = default_profiles((400, 300))
    assert narrow == Profile(((400, 300), (500, 375), (600, 450)), ((400, 300),) * 3)
    assert wide == Profile(
        ((16, 16), (1280, 720), (2048, 2048)),
        ((16, 16), (400, 300), (2048, 2048)),
    )


@pytest.mark.parametrize("source", [(16, 16), (3000, 200), (64, 4000)])
def test_default_profiles_take_pictures_of_any_size(source: tuple[int, int]) -> None:
    narrow, wide = default_profiles(source)
    assert narrow.covers(source, source)
    for output in (source, (16, 16), (2048, 2048), (source[0] * 3 // 2, source[1])):
        assert wide.covers(output, source)
