"""Finds the pictures of a batch, and names their outputs."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingan_fast.batch.requests import Request
from ingan_fast.errors import UserError
from ingan_fast.pictures.formats import SUFFIXES, WRITTEN


@dataclass(frozen=True)
class Picture:
    """A picture file.

    Attributes:
        path: of the file.
        name: path relative to the folder that was given (or to a pattern's fixed part), with forward slashes. Outputs
            are named after it.
    """

    path: Path
    name: str

    def output(self, request: Request) -> str:
        """Path of an output, relative to the output folder.

        It depends on nothing but the picture's name and the request, so that a batch can go on where it stopped.
        """
        stem, suffix = os.path.splitext(self.name)
        kind = WRITTEN.get(suffix.lower())
        if kind is None or (request.kind == "corners" and not kind.alpha):
            # Another format: a.gif becomes a.gif_640x480.png, beside a.png's a_640x480.png.
            stem, suffix = self.name, ".png"
        return f"{stem}_{request.label}{suffix}"

    def run(self) -> str:
        """Path of the run folder of its training."""
        return f"{self.name}_run"

    def model(self) -> str:
        """Path of the folder of its exported network."""
        return f"{self.name}_model"


def find_pictures(given: Sequence[str], out: Path) -> list[Picture]:
    """The pictures of folders, patterns and files, sorted by name; none of them in `out`.

    Folders are searched with their subfolders, but not through symbolic links to folders; hidden files and folders and
    files without a picture's suffix are left out. Links to files count as pictures of their own.

    Raises:
        UserError: something doesn't exist or is not a picture, a pattern or a folder has no picture, or `out` is the
            folder of the pictures.
    """
    target = out.expanduser().resolve()
    found: dict[str, Picture] = {}  # by absolute path
    for text in given:
        own = list(_pictures(text, target))
        for picture in own:
            found.setdefault(os.path.abspath(picture.path), picture)
        if not own:
            endings = ", ".join(SUFFIXES)
            raise UserError(f"no picture matches {text} (outside of --out {out}); files may end in {endings}")
    return sorted(found.values(), key=lambda picture: (picture.name, str(picture.path)))


def check_names(pictures: Sequence[Picture], requests: Sequence[Request], out: Path) -> None:
    """Check that each output has its own name and replaces no input.

    Raises:
        UserError: otherwise.
    """
    inputs = {picture.path.resolve(): picture.path for picture in pictures}
    names: dict[str, Picture] = {}
    for picture in pictures:
        for name in (*map(picture.output, requests), picture.run(), picture.model()):
            other = names.setdefault(os.path.normcase(name), picture)
            if other is not picture:
                raise UserError(
                    f"{other.path} and {picture.path} would both be written to {out / name}; give the folder above "
                    "both, or use another --out for one of them"
                )
            source = inputs.get((out / name).resolve())
            if source is not None:
                raise UserError(f"--out {out} would replace {source}; give another folder")


def _pictures(text: str, out: Path) -> Iterator[Picture]:
    path = Path(text).expanduser()
    if path.is_dir():
        if path.resolve() == out:
            raise UserError(f"--out {text} is the folder of the pictures; give another one, such as {path / 'out'}")
        yield from _in_folder(path, out)
    elif os.path.lexists(path):
        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"{text} is not a picture; give a folder, a pattern in quotes, or files")
        yield Picture(path, path.name)
    elif glob.has_magic(text):
        root = _fixed_part(path)
        for match in sorted(glob.iglob(str(path), recursive=True)):
            file = Path(match)
            if _is_picture(file) and not _inside(file, out):
                yield Picture(file, file.relative_to(root).as_posix())
    else:
        raise UserError(f"{text} doesn't exist; give a folder, a pattern in quotes such as 'photos/*.jpg', or files")


def _in_folder(root: Path, out: Path) -> Iterator[Picture]:
    for folder, subfolders, files in os.walk(root):
        here = Path(folder)
        subfolders[:] = sorted(
            name for name in subfolders if not name.startswith(".") and (here / name).resolve() != out
        )
        for name in sorted(files):
            file = here / name
            if not name.startswith(".") and _is_picture(file) and not _inside(file, out):
                yield Picture(file, file.relative_to(root).as_posix())


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.is_dir()


def _inside(file: Path, folder: Path) -> bool:
    return file.parent.resolve().is_relative_to(folder)


def _fixed_part(pattern: Path) -> Path:
    """The folder above a pattern's first part with a wildcard."""
    parts = list(pattern.parts)
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first])
