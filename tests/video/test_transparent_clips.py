"""Clips with transparency keep it, or are laid over the background; the colours that it hides are never seen."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels
from ingan_fast.video.animations import AnimatedPicture, is_animation
from ingan_fast.video.frames import Frame, Still
from ingan_fast.video.opacity import retarget_both
from ingan_fast.video.poses import Animation, Pose
from ingan_fast.video.reading import Clip
from ingan_fast.video.rendering import Renderer
from ingan_fast.video.writing import VideoOutput
from picture_files import refusal_of
from video_clips import QuickEngine

SIZE = (64, 48)
BACKGROUND = (20, 40, 200)
needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
NAMES = ["clip.gif", "clip.webp", "clip.mov", "clip.webm", "clip.png", pytest.param("clip.avif", marks=needs_avif)]


def clear_frames(count: int = 4) -> list[Pixels]:
    """A green square that moves over nothing; what is hidden is bright red."""
    frames = []
    for index in range(count):
        frame = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
        frame[..., 0] = 255
        frame[16:32, 8 + 8 * index : 24 + 8 * index] = (30, 160, 60, 255)
        frames.append(frame)
    return frames


def make(path: Path, frames: list[Pixels]) -> Path:
    if path.suffix in (".png", ".avif"):
        first, *others = (Image.fromarray(frame) for frame in frames)
        options = {"quality": 100} if path.suffix == ".avif" else {}
        first.save(path, save_all=True, append_images=others, duration=100, **options)
        return path
    with VideoOutput(str(path), alpha=True).open(Still(len(frames), Fraction(10)), SIZE, False, print) as sink:
        for index, frame in enumerate(frames):
            sink.write(frame, index, 1)
        sink.finish()
    return path


def read(path: Path) -> Clip | AnimatedPicture:
    return AnimatedPicture(path) if is_animation(path) else Clip(path)


def rendered(
    clip: Clip | AnimatedPicture, background: tuple[int, int, int] | None, size: tuple[int, int]
) -> list[Pixels]:
    animation = Animation(size, Fraction(10), [Pose(Transform.resize(size), (0, 0))])
    renderer = Renderer(QuickEngine(), animation, clip.timing.base, background)
    result = []
    for item in clip:
        assert isinstance(item, Frame)
        out = np.empty(renderer.shape, np.uint8)
        renderer(item, out)
        result.append(out)
    assert renderer.laid_over == (background is not None)
    return result


def middles(frame: Pixels) -> tuple[Pixels, Pixels]:
    """Of the first frame, well inside of the square and well outside of it."""
    return frame[20:28, 12:20], frame[:, 40:]


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_keeps_its_transparency(tmp_path: Path, name: str) -> None:
    clip = read(make(tmp_path / name, clear_frames()))
    assert clip.alpha
    outs = rendered(clip, None, SIZE)
    assert len(outs) == 4
    inside, outside = middles(outs[0])
    assert inside[..., 3].min() >= 250
    assert np.abs(inside[..., :3].astype(int) - (30, 160, 60)).max() <= 8
    assert outside[..., 3].max() <= 5
    assert outs[3][20:28, 36:44, 3].min() >= 250  # it has moved
    assert outs[3][:, :28, 3].max() <= 5


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_is_laid_over_the_background(tmp_path: Path, name: str) -> None:
    inside, outside = middles(rendered(read(make(tmp_path / name, clear_frames())), BACKGROUND, SIZE)[0])
    assert np.abs(inside.astype(int) - (30, 160, 60)).max() <= 8
    assert np.abs(outside.astype(int) - BACKGROUND).max() <= 3


def test_opacity_is_laid_out_like_the_picture(tmp_path: Path) -> None:
    wide = rendered(read(make(tmp_path / "clip.webp", clear_frames())), None, (128, 48))[0]
    assert wide[20:28, 24:40, 3].min() >= 250
    assert wide[:, 80:, 3].max() <= 5


def test_a_generator_that_paints_plain_colours_otherwise_leaves_clear_parts_clear() -> None:
    frame = np.zeros((48, 128, 4), np.uint8)
    frame[:, :64] = (30, 160, 60, 255)

    def greyish(opaque: Pixels) -> Pixels:
        """Moves everything 4 px to the right, and makes of black and white two greys."""
        return np.roll(opaque // 2 + 64, 4, axis=1)

    picture, opacity = retarget_both(frame, Transform.resize((128, 48)), greyish)
    assert (opacity[:, :56] == 255).all()
    assert (opacity[:, 72:] == 0).all()
    # Between, the edge is where the generator has it.
    assert opacity[:, 64:68].min() >= 250
    assert opacity[:, 68:72].max() <= 5
    assert (picture[:, 8:68] == np.array([30, 160, 60]) // 2 + 64).all()


def test_where_a_generator_cannot_tell_black_from_white_the_transform_decides() -> None:
    frame = np.zeros((48, 128, 4), np.uint8)
    frame[:, :64, 3] = 255
    _, opacity = retarget_both(frame, Transform.resize((64, 48)), lambda opaque: opaque[:, ::2] // 16)
    assert (opacity[:, :32] == 255).all()
    assert (opacity[:, 32:] == 0).all()


def test_opaque_frames_of_a_format_with_transparency_are_made_once(tmp_path: Path) -> None:
    frames = [np.dstack([frame[..., :3], np.full(SIZE[::-1], 255, np.uint8)]) for frame in clear_frames()]
    clip = read(make(tmp_path / "clip.gif", frames))
    engine, asked = QuickEngine(), 0
    renderer = Renderer(
        engine, Animation(SIZE, Fraction(10), [Pose(Transform.resize(SIZE), (0, 0))]), clip.timing.base, None
    )

    def counted(frame: Pixels | None, *, transform: Transform, out: Pixels) -> Pixels:
        nonlocal asked
        asked += 1
        return engine(frame, transform=transform, out=out)

    renderer._engine = counted  # type: ignore[assignment]
    for item in clip:
        assert isinstance(item, Frame)
        renderer(item, np.empty(renderer.shape, np.uint8))
    assert asked == 4


@pytest.mark.parametrize("lossless", [True, False])
def test_an_animation_has_its_own_times(tmp_path: Path, lossless: bool) -> None:
    first, *others = (Image.fromarray(frame) for frame in clear_frames())
    lengths = [40, 120, 80, 200]
    first.save(tmp_path / "a.webp", save_all=True, append_images=others, duration=lengths, lossless=lossless)
    clip = AnimatedPicture(tmp_path / "a.webp")
    assert [item.duration for item in clip] == lengths
    assert [item.pts for item in clip] == [0, 40, 160, 240]
    assert (clip.seconds, clip.timing.rate, clip.timing.even, clip.total) == (0.44, 25, False, 4)


def test_a_still_picture_and_a_damaged_animation_are_refused(tmp_path: Path) -> None:
    Image.fromarray(clear_frames()[0]).save(tmp_path / "still.webp")
    refusal_of(lambda: AnimatedPicture(tmp_path / "still.webp"), "still picture", "ingan-fast retarget")
    path = make(
        tmp_path / "clip.webp", [np.random.default_rng(i).integers(0, 256, (48, 64, 4), np.uint8) for i in range(4)]
    )
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(UserError, match="damaged"):
        list(AnimatedPicture(path))
