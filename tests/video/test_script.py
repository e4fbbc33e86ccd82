"""Scripts of keyframes in files: what they show, and how they are refused."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.video.poses import GRID
from ingan_fast.video.script import Animation, read_script

SOURCE = (100, 80)
WIDENING = """\
fps: 10
keyframes:
  - time: 0
    scale: 1
  - time: 2
    scale: 1.5x1
"""


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Animation]:
    """Reads a script with this text."""

    def read(text: str | bytes, **options: object) -> Animation:
        path = tmp_path / "s.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_script(str(path), SOURCE, **options)  # type: ignore[arg-type]

    return read


def keyframes(*lines: str, head: str = "") -> str:
    """A script with one keyframe a line, the first of them in line 2 (below a head)."""
    return head + "keyframes:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


def where(animation: Animation, index: int) -> np.ndarray:
    """The corners of the picture in a frame, on the canvas."""
    pose = animation.poses[index]
    return pose.transform.corners() + pose.offset


def test_a_script_goes_from_its_first_keyframe_to_its_last_on_the_smallest_canvas(
    script: Callable[..., Animation],
) -> None:
    animation = script(WIDENING)
    assert animation.canvas == (150, 80)
    assert animation.fps == 10
    assert len(animation.poses) == 20
    first, last = animation.poses[0], animation.poses[-1]
    assert where(animation, 0) == pytest.approx(np.array([(25, 0), (125, 0), (125, 80), (25, 80)]))
    assert (first.transform.size, first.offset) == ((101, 80), (24, 0))
    assert (last.transform, last.offset) == (Transform.resize((150, 80)), (0, 0))


def test_the_boxes_of_all_frames_begin_on_one_grid(script: Callable[..., Animation]) -> None:
    """A network's coarser resolutions begin at the box's corner: on another grid the same content looks otherwise."""
    poses = script(WIDENING).poses
    assert {(pose.offset[0] % GRID, pose.offset[1] % GRID) for pose in poses} == {(0, 0)}
    assert {pose.offset[0] for pose in poses} == {0, 8, 16, 24}


def test_between_keyframes_the_picture_moves_by_parts_of_a_pixel(script: Callable[..., Animation]) -> None:
    animation = script(WIDENING.replace("fps: 10", "fps: 10\neasing: linear"))
    widths = [np.ptp(where(animation, index)[:, 0]) for index in range(20)]
    assert np.diff(widths) == pytest.approx(np.full(19, 50 / 19))
    centres = [where(animation, index)[:, 0].mean() for index in range(20)]
    assert centres == pytest.approx(np.full(20, 75.0))


def test_what_is_asked_for_stands_above_what_the_script_says(script: Callable[..., Animation]) -> None:
    animation = script(WIDENING, fps=Fraction(24000, 1001), seconds=4.0, canvas=(320, 200), anchor="bottom-right")
    assert (animation.canvas, animation.fps, len(animation.poses)) == ((320, 200), Fraction(24000, 1001), 96)
    assert where(animation, 0)[0] == pytest.approx((220, 120))
    assert where(animation, 95)[0] == pytest.approx((170, 120))


def test_sizes_anchors_and_corners_are_where_they_say(script: Callable[..., Animation]) -> None:
    animation = script(
        keyframes(
            "time: 0, size: 50x40, anchor: top-left",
            "time: 1, size: 50x40, anchor: right",
            "time: 2, corners: '10,0 90,0 120,60 0,60'",
            head="canvas: 120x60\nfps: 1\n",
        )
    )
    assert [len(animation.poses), animation.canvas] == [2, (120, 60)]
    slow = script(
        keyframes(
            "time: 0, size: 50x40, anchor: top-left",
            "time: 1, size: 50x40, anchor: right",
            "time: 2, corners: '10,0 90,0 120,60 0,60'",
            head="canvas: 120x60\n",
        ),
        fps=Fraction(3, 2),
    )
    assert where(slow, 0)[0] == pytest.approx([0, 0])
    assert where(slow, 1)[[0, 2]] == pytest.approx(np.array([(70, 10), (120, 50)]))
    assert where(slow, 2) == pytest.approx(np.array([(10, 0), (90, 0), (120, 60), (0, 60)]))


def test_a_loop_ends_just_before_its_beginning(script: Callable[..., Animation]) -> None:
    there_and_back = keyframes(
        "time: 0, size: 60x40", "time: 1, size: 100x40", "time: 2, size: 60x40", head="loop: true\nfps: 4\n"
    )
    animation = script(there_and_back)
    widths = [round(float(np.ptp(where(animation, index)[:, 0])), 3) for index in range(len(animation.poses))]
    assert len(widths) == 8
    assert widths[0] == 60
    assert widths[4] == 100
    assert widths[1:4] == widths[:4:-1]


def test_a_picture_may_be_larger_than_its_canvas_and_only_what_is_seen_is_made(
    script: Callable[..., Animation],
) -> None:
    animation = script(keyframes("time: 0, size: 64x48", "time: 1, size: 640x480"), canvas=(64, 48), fps=Fraction(2))
    last = animation.poses[-1]
    assert (last.transform.size, last.offset) == ((64, 48), (0, 0))
    assert where(animation, -1)[[0, 2]] == pytest.approx(np.array([(-288, -216), (352, 264)]))


def test_of_a_picture_that_is_hardly_on_the_canvas_16_pixels_are_made(script: Callable[..., Animation]) -> None:
    animation = script(
        keyframes("time: 0, corners: '-90,0 5,0 5,50 -90,50'", "time: 1, size: 60x50"), canvas=(80, 50), fps=Fraction(9)
    )
    assert (animation.poses[0].transform.size, animation.poses[0].offset) == ((16, 50), (0, 0))


def test_the_script_in_the_documentation_is_one(script: Callable[..., Animation]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "video.md").read_text()
    animation = script(text.partition("```yaml\n")[2].partition("```")[0])
    assert (animation.canvas, animation.fps, len(animation.poses)) == ((640, 480), 30, 210)
    assert where(animation, -1) == pytest.approx(np.array([(40, 0), (600, 40), (640, 480), (0, 440)]), abs=0.01)


def test_ten_hours_of_frames_are_made_one_by_one_as_they_are_asked_for(script: Callable[..., Animation]) -> None:
    animation = script(WIDENING, seconds=36_000.0, fps=Fraction(25))
    poses = animation.poses
    assert len(poses) == 900_000
    assert poses[450_000] == poses[450_000]
    assert poses[-1].transform.size == (150, 80)
    with pytest.raises(IndexError):
        poses[900_000]
    assert [pose.offset for pose in poses[:2]] == [poses[0].offset, poses[1].offset]


def test_pictures_of_clips_are_scaled_from_their_own_size(script: Callable[..., Animation], tmp_path: Path) -> None:
    script(WIDENING)
    animation = read_script(str(tmp_path / "s.yaml"), (640, 360))
    assert animation.canvas == (960, 360)


GOOD = "time: 0, scale: 1"
BAD_KEYFRAMES = {
    "an unknown key": ("time: 1, scales: 2", "a keyframe has the unknown key 'scales' (did you mean 'scale'?)"),
    "a key twice": ("time: 1, scale: 1, scale: 2", "a keyframe has the key 'scale' twice"),
    "no time": ("scale: 2", "the keyframe has no time"),
    "no size": ("time: 1", "the keyframe has no size; give one of scale, size, corners"),
    "two sizes": ("time: 1, scale: 1, size: 40x40", "scale and size exclude each other"),
    "corners at an anchor": ("time: 1, corners: '0,0 50,0 50,50 0,50', anchor: left", "corners are absolute positions"),
    "the same time": ("time: 0, scale: 2", "time 0 isn't after 0 in line 2; times must increase"),
    "a negative time": ("time: -1, scale: 2", "time '-1' is invalid; give seconds"),
    "a time that is no number": ("time: .nan, scale: 2", "time '.nan' is invalid"),
    "an endless time": ("time: .inf, scale: 2", "time '.inf' is invalid"),
    "a time of more than a day": ("time: 1e9, scale: 2", "time '1e9' is invalid"),
    "too long a time": ("time: 100000, scale: 2", "time '100000' is too long; give at most 86400 seconds"),
    "a boolean for a time": ("time: true, scale: 2", "time 'true' is invalid"),
    "a boolean for a scale": ("time: 1, scale: yes", "scale 'yes' is invalid"),
    "a scale that is no number": ("time: 1, scale: .nan", "scale '.nan' is invalid"),
    "no value": ("time: 1, scale: ", "scale '' is invalid"),
    "a list for a scale": ("time: 1, scale: [1, 2]", "scale is a list or has keys of its own; give one value"),
    "a scale that makes it too small": ("time: 1, scale: 0.1", "output size 10x8 is out of range; each side must"),
    "a scale that makes it too large": (
        "time: 1, scale: 64.1",
        "scale '64.1' is out of range; each factor must be",
    ),
    "a size that is too small": ("time: 1, size: 15x80", "output size 15x80 is out of range"),
    "a size that is too large": ("time: 1, size: 9999x9999", "output size 9999x9999 would need"),
    "an unknown anchor": ("time: 1, scale: 1, anchor: centr", "unknown anchor 'centr' (did you mean 'centre'?)"),
    "an unknown easing": ("time: 1, scale: 1, easing: easein", "unknown easing 'easein' (did you mean 'ease-in'"),
    "corners that are three": ("time: 1, corners: '0,0 1,1 2,2'", "corners '0,0 1,1 2,2' are invalid"),
    "corners that fold": ("time: 1, corners: '0,0 90,0 0,90 90,90'", "corners 0,0 90,0 0,90 90,90 are not a strictly"),
    "corners that are mirrored": ("time: 1, corners: '90,0 0,0 0,90 90,90'", "corners 90,0 0,0 0,90 90,90 are not"),
    "corners that lie close": ("time: 1, corners: '0,0 9,0 9,90 0,90'", "the picture is 9x90 px; each side must"),
    "corners with a horizon": ("time: 1, corners: '0,0 100,0 100,100 49.9,50.1'", "the transform's horizon crosses"),
    "corners outside the canvas": (
        "time: 1, corners: '900,0 990,0 990,90 900,90'",
        "the picture is outside the canvas",
    ),
}


@pytest.mark.parametrize(("keyframe", "message"), BAD_KEYFRAMES.values(), ids=BAD_KEYFRAMES)
def test_a_keyframe_is_refused_with_its_line(
    script: Callable[..., Animation], keyframe: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as error:
        script(keyframes(GOOD, keyframe), canvas=(200, 120) if "canvas" in message else None)
    assert str(error.value).startswith(f"{tmp_path / 's.yaml'}:3: {message}")
    assert "\n" not in str(error.value)


BAD_SCRIPTS = {
    "empty": ("", "1: the file is empty; give `keyframes:` and a list of them"),
    "only a comment": ("# nothing\n", "1: the file is empty"),
    "a list": ("- time: 0\n", "1: a script is not made of `key: value` lines; its keys are fps, canvas"),
    "a word": ("hello", "1: a script is not made of"),
    "an unknown key": (WIDENING + "lop: true\n", "7: a script has the unknown key 'lop' (did you mean 'loop'?)"),
    "a key that is a list": ("[1, 2]: 3\n", "1: a script has the unknown key"),
    "no keyframes": ("fps: 30\n", "1: there are no keyframes"),
    "keyframes that are no list": ("keyframes: 3\n", "1: keyframes is not a list"),
    "an empty list": ("keyframes: []\n", "1: keyframes is not a list"),
    "a keyframe that is a word": ("keyframes:\n  - hello\n", "2: a keyframe is not made of"),
    "one keyframe": (keyframes(GOOD), "2: there is only one keyframe; give at least two"),
    "a late start": (keyframes("time: 1, scale: 1", "time: 2, scale: 2"), "2: the first keyframe's time is 1"),
    "a loop that is open": ("loop: true\n" + keyframes(GOOD, "time: 1, scale: 2"), "4: with `loop: true` the last"),
    "a loop that is a number": ("loop: 1\n" + keyframes(GOOD, GOOD), "1: loop '1' is invalid; give true or"),
    "fps of none": ("fps: 0\n" + keyframes(GOOD, "time: 1, scale: 2"), "1: fps '0' is out of range"),
    "fps of too many": ("fps: 1001\n" + keyframes(GOOD, "time: 1, scale: 2"), "1: fps '1001' is out of range"),
    "fps that is a word": ("fps: fast\n" + keyframes(GOOD, "time: 1, scale: 2"), "1: fps 'fast' is invalid"),
    "fps over zero": ("fps: 30/0\n" + keyframes(GOOD, "time: 1, scale: 2"), "1: fps '30/0' is invalid"),
    "a canvas of one side": ("canvas: 640\n" + keyframes(GOOD, "time: 1, scale: 2"), "1: size '640' is invalid"),
    "a tab": ("keyframes:\n\t- time: 0\n", "2: this is not YAML"),
    "an open quote": ("fps: '30\nkeyframes:\n", "3: this is not YAML"),
    "two documents": (WIDENING + "---\n" + WIDENING, "7: this is not YAML"),
    "an unknown alias": ("fps: *here\n", "1: this is not YAML"),
    "code": ("fps: !!python/object/apply:os.getcwd []\n" + keyframes(GOOD, GOOD), "1: fps is a list"),
    "too many keyframes": (
        keyframes(*["time: 0, scale: 1"] * 1001),
        "1002: keyframes has 1001 items; allowed are",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD_SCRIPTS.values(), ids=BAD_SCRIPTS)
def test_a_script_is_refused_with_the_line(
    script: Callable[..., Animation], text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as error:
        script(text)
    assert str(error.value).startswith(f"{tmp_path / 's.yaml'}:{message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bytes(range(256)) * 9, "is not text"),
        (b"\x00\x01\x02", "is not YAML"),
        (b"[" * 100_000, "is not YAML"),
        (b"# " + b"x" * 300_000, "is larger than 256 kB"),
    ],
    ids=["binary", "control characters", "brackets without end", "huge"],
)
def test_what_is_no_script_at_all_is_refused(script: Callable[..., Animation], data: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        script(data)


def test_a_picture_that_can_not_be_on_its_way_is_refused_with_the_line_it_goes_to(
    script: Callable[..., Animation],
) -> None:
    folding = keyframes(
        "time: 0, corners: '20,10 150,60 130,90 20,100'", "time: 1, corners: '150,40 10,160 40,60 120,0'"
    )
    with pytest.raises(UserError, match=r"s.yaml:3: on the way to this keyframe: the transform's horizon crosses"):
        script(folding)
    half_turn = keyframes("time: 0, corners: '0,0 90,0 90,90 0,90'", "time: 1, corners: '90,90 0,90 0,0 90,0'")
    with pytest.raises(
        UserError, match=r"s.yaml:3: on the way to this keyframe: the picture is \S+ px; each side must have"
    ):
        script(half_turn)


def test_a_script_that_does_not_exist_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"there is no script 'gorw' \(did you mean 'grow'\?\); give a file, or choose one of"
    ):
        read_script("gorw", SOURCE)
    with pytest.raises(UserError, match="is a folder; give a text file of keyframes"):
        read_script(str(tmp_path), SOURCE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 0.0}, "0 seconds at 30 frames per second are not possible"),
        ({"seconds": -1.0}, "-1 seconds at"),
        ({"seconds": float("nan")}, "nan seconds at"),
        ({"seconds": float("inf")}, "inf seconds at"),
        ({"seconds": 0.01}, "are 0 frames; allowed are 1 to 1000000"),
        ({"seconds": 1e6}, "are 30000000 frames"),
        ({"fps": Fraction(0)}, "0 frames per second are not possible"),
        ({"canvas": (8, 8)}, "output size 8x8 is out of range"),
        ({"anchor": "middle"}, "unknown anchor 'middle'"),
    ],
    ids=str,
)
def test_lengths_and_sizes_that_are_not_possible_are_refused(options: dict, message: str) -> None:
    with pytest.raises(UserError) as error:
        read_script("grow", SOURCE, **options)
    assert message in str(error.value)


def test_a_source_that_is_too_small_is_refused() -> None:
    with pytest.raises(UserError, match="out of range"):
        read_script("grow", (15, 80))
