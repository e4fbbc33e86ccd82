"""What is asked of every picture, and when an output counts as the same."""

from dataclasses import replace

import pytest

from ingan_fast import UserError
from ingan_fast.batch.requests import Options, Training, key, parse_requests

CORNERS = "0,0 64,4 60,48 2,47"


def test_requests_are_in_order_and_labelled() -> None:
    found = parse_requests(["640x480", "16×16"], ["1.50x1"], [CORNERS, CORNERS])
    assert [request.label for request in found] == ["640x480", "16x16", "scale1.5x1", "corners1", "corners2"]
    assert [request.transform((100, 50)).size for request in found[:3]] == [(640, 480), (16, 16), (150, 50)]
    assert found[3].transform((100, 50)).size == (64, 48)


@pytest.mark.parametrize(
    ("sizes", "scales", "corners", "part"),
    [
        ([], [], [], "no output size"),
        (["640x480", "0640x480"], [], [], "--size 640x480 is given twice"),
        ([], ["1.5", "1.5x1.5"], [], "--scale 1.5x1.5 is given twice"),
        (["640"], [], [], "invalid"),
        (["8x8"], [], [], "16 to"),
        ([], ["0x1"], [], "out of range"),
        ([], [], ["0,0 1,1 2,2 3,3"], "corners"),
    ],
)
def test_bad_requests_are_refused(sizes: list[str], scales: list[str], corners: list[str], part: str) -> None:
    with pytest.raises(UserError, match=part):
        parse_requests(sizes, scales, corners)


def test_a_scale_that_makes_a_picture_too_small_is_an_error_of_that_picture() -> None:
    (request,) = parse_requests([], ["0.5"], [])
    assert request.transform((40, 40)).size == (20, 20)
    with pytest.raises(UserError, match="output size 10x10"):
        request.transform((20, 20))


def test_the_key_changes_with_what_changes_an_output_and_with_nothing_else() -> None:
    first, second = parse_requests(["640x480", "480x640"], [], [])
    options = Options()
    known = key(options, first)
    assert key(replace(options, judge=True), first) == known
    assert key(options, second) != known
    for change in ({"keep_objects": False}, {"tile": "x"}, {"variation": 1}, {"strip": True}):
        assert key(replace(options, **change), first) != known  # type: ignore[arg-type]
    trained = Options(training=Training(60))
    assert key(trained, first) != known
    assert key(Options(training=Training(120)), first) != key(trained, first)
    assert key(Options(training=Training(60, export=True)), first) == key(trained, first)
    # A training is not repeated for options that concern its outputs alone.
    assert key(replace(trained, strip=True)) == key(trained)
