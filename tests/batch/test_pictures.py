"""Which pictures a batch takes, and how outputs are named."""

import os
from pathlib import Path

import pytest

from batch_runs import dots
from ingan_fast import UserError
from ingan_fast.batch.pictures import Picture, check_names, find_pictures
from ingan_fast.batch.requests import parse_requests

SIZE, SCALE, CORNERS = parse_requests(["64x48"], ["1.5x1"], ["0,0 64,4 60,48 2,47"])


def names(given: list[Path | str], out: Path) -> list[str]:
    return [picture.name for picture in find_pictures([str(one) for one in given], out)]


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("a.jpg", ["a_64x48.jpg", "a_scale1.5x1.jpg", "a.jpg_corners1.png"]),
        ("a.PNG", ["a_64x48.PNG", "a_scale1.5x1.PNG", "a_corners1.PNG"]),
        ("a.gif", ["a.gif_64x48.png", "a.gif_scale1.5x1.png", "a.gif_corners1.png"]),
        ("sub/b.c.webp", ["sub/b.c_64x48.webp", "sub/b.c_scale1.5x1.webp", "sub/b.c_corners1.webp"]),
    ],
)
def test_outputs_keep_the_format_where_it_can_hold_them(name: str, outputs: list[str]) -> None:
    assert [Picture(Path(name), name).output(request) for request in (SIZE, SCALE, CORNERS)] == outputs


def test_a_folder_is_searched_with_its_subfolders_but_not_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b.png", "sub/a.jpg", "sub/deep/c.webp", ".hidden.png", ".git/d.png", "Überfluß 図.png"):
        dots(tmp_path / name)
    (tmp_path / "notes.txt").write_text("text")
    assert names([tmp_path], tmp_path / "out") == ["b.png", "sub/a.jpg", "sub/deep/c.webp", "Überfluß 図.png"]


def test_outputs_inside_the_folder_do_not_become_inputs(tmp_path: Path) -> None:
    dots(tmp_path / "a.png")
    dots(tmp_path / "made" / "a_64x48.png")
    for given in (tmp_path, tmp_path / "**" / "*.png"):
        assert names([given], tmp_path / "made") == ["a.png"]
    with pytest.raises(UserError, match="is the folder of the pictures"):
        names([tmp_path], tmp_path)
    with pytest.raises(UserError, match="no picture matches"):
        names([tmp_path / "made" / "*.png"], tmp_path / "made")


def test_a_pattern_names_outputs_after_what_follows_its_fixed_part(tmp_path: Path) -> None:
    for name in ("x/a.png", "y/a.png", "y/b.jpg"):
        dots(tmp_path / name)
    assert names([tmp_path / "*" / "*.png"], tmp_path / "out") == ["x/a.png", "y/a.png"]
    assert names([tmp_path / "y" / "[ab].*"], tmp_path / "out") == ["a.png", "b.jpg"]


def test_a_file_with_brackets_in_its_name_is_no_pattern(tmp_path: Path) -> None:
    assert names([dots(tmp_path / "a[1].png")], tmp_path / "out") == ["a[1].png"]


def test_a_picture_that_is_given_twice_is_taken_once(tmp_path: Path) -> None:
    dots(tmp_path / "a.png")
    assert names([tmp_path, tmp_path / "*.png"], tmp_path / "out") == ["a.png"]


def test_links_to_files_are_pictures_and_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    dots(folder / "a.png")
    dots(tmp_path / "elsewhere" / "b.png")
    (folder / "link.png").symlink_to(tmp_path / "elsewhere" / "b.png")
    (folder / "gone.png").symlink_to(tmp_path / "nothing.png")  # fails as a picture later, and stops no other one
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    assert names([folder], tmp_path / "out") == ["a.png", "gone.png", "link.png"]


@pytest.mark.parametrize("given", ["photos", "photos/*.png", "photos/notes.txt", "nothing", "nothing/*.png"])
def test_nothing_to_do_is_refused(tmp_path: Path, given: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").write_text("text")
    with pytest.raises(UserError):
        names([tmp_path / given], tmp_path / "out")


def test_pictures_that_differ_in_their_suffix_alone_have_outputs_of_their_own(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "a.gif", "a.bmp"):
        dots(tmp_path / name)
    pictures = find_pictures([str(tmp_path)], tmp_path / "out")
    check_names(pictures, [SIZE, SCALE, CORNERS], tmp_path / "out")
    assert len({picture.output(CORNERS) for picture in pictures}) == 4


def test_two_pictures_with_one_name_are_refused(tmp_path: Path) -> None:
    given = [str(dots(tmp_path / folder / "a.png")) for folder in "xy"]
    with pytest.raises(UserError, match=r"x/a\.png and .*y/a\.png would both be written to .*a_64x48\.png"):
        check_names(find_pictures(given, tmp_path / "out"), [SIZE], tmp_path / "out")


def test_an_output_that_would_replace_a_picture_is_refused(tmp_path: Path) -> None:
    picture = dots(tmp_path / "a.png")
    other = dots(tmp_path / "out" / "a_64x48.png")  # a file that was given by its name is taken from anywhere
    with pytest.raises(UserError, match="would replace"):
        check_names(find_pictures([str(picture), str(other)], tmp_path / "out"), [SIZE], tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="names are text on Windows")
def test_names_that_are_no_text_are_taken(tmp_path: Path) -> None:
    dots(tmp_path / "a.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    assert names([tmp_path], tmp_path / "out") == ["\udcff.png"]
