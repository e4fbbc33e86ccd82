"""What a batch has made so far: `OUT/.batch/journal.jsonl`, a line per output that is whole.

A line is added after its output was renamed into place, so an output without a line is made anew, and one with a line
is whole. A batch that was killed goes on with what has no line.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ingan_fast.errors import UserError, cant_write
from ingan_fast.locks import sole_use

FOLDER = ".batch"
LOCK = "batch.lock"


@dataclass(frozen=True)
class Source:
    """State of a picture file; `sha256` is of its content."""

    size: int
    modified: int  # ns
    sha256: str

    @classmethod
    def of(cls, path: Path, content: bytes) -> "Source":
        status = path.stat()
        return cls(len(content), status.st_mtime_ns, hashlib.sha256(content).hexdigest())

    def looks_like(self, path: Path) -> bool:
        """Whether size and time are those of the file, which then counts as unchanged without being read."""
        try:
            status = path.stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.modified)


@dataclass(frozen=True)
class Entry:
    """An output that was made.

    Attributes:
        output: path in the output folder, of a file or a folder.
        key: of the options (`requests.key`).
        source: the picture that it was made of.
        sizes: bytes of each file, by name; the output itself has the name "".
        pixels: (width, height); None for folders.
        source_pixels: (width, height) of the picture.
        seconds: of computing.
        measures: see `measures`.
        judged: whether they include those by torch.
        note: for the user.
    """

    output: str
    key: str
    source: Source
    sizes: dict[str, int]
    pixels: tuple[int, int] | None
    source_pixels: tuple[int, int] | None
    seconds: float
    measures: dict[str, float] = field(default_factory=dict)
    judged: bool = False
    note: str = ""

    @classmethod
    def read(cls, line: str) -> "Entry":
        """Parse a line; raises ValueError, TypeError or KeyError for anything else."""
        content: dict[str, Any] = json.loads(line)
        content["source"] = Source(**content["source"])
        for name in ("pixels", "source_pixels"):
            content[name] = None if content[name] is None else tuple(content[name])
        return cls(**content)

    def whole(self, folder: Path) -> bool:
        """Whether the files are there, with their sizes."""
        place = folder / self.output
        try:
            return all((place / name if name else place).stat().st_size == size for name, size in self.sizes.items())
        except OSError:
            return False


class Journal:
    """The entries of an output folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / FOLDER / "journal.jsonl"
        self.entries: dict[str, Entry] = {}
        with contextlib.suppress(FileNotFoundError):
            text = self.path.read_text(errors="replace")
            for line in text.splitlines():
                with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):  # cut short by a kill
                    entry = Entry.read(line)
                    self.entries[entry.output] = entry
            if text and not text.endswith("\n"):
                self._append("\n")

    def add(self, entry: Entry) -> None:
        """Add an entry; call this after the output is in place.

        Raises:
            UserError, MachineError: the file can't be written.
        """
        self._append(json.dumps(asdict(entry)) + "\n")
        self.entries[entry.output] = entry

    def unchanged(self, output: str, key: str, picture: Path, judged: bool) -> Entry | None:
        """The entry of an output that need not be made, judging by its picture's size and time."""
        entry = self._usable(output, key, judged)
        return entry if entry is not None and entry.source.looks_like(picture) else None

    def same(self, output: str, key: str, source: Source, judged: bool) -> Entry | None:
        """The entry of an output that need not be made, judging by its picture's content."""
        entry = self._usable(output, key, judged)
        if entry is None or entry.source.sha256 != source.sha256:
            return None
        entry = replace(entry, source=source)
        self.add(entry)
        return entry

    def _usable(self, output: str, key: str, judged: bool) -> Entry | None:
        entry = self.entries.get(output)
        if entry is None or entry.key != key or (judged and not entry.judged):
            return None
        return entry if entry.whole(self.folder) else None

    def _append(self, text: str) -> None:
        try:
            with open(self.path, "a") as file:  # not flushed to the disk: a line that is lost costs an output's time
                file.write(text)
        except OSError as error:
            raise cant_write(self.path, error, "free space or check permissions, and run the same command again") from (
                error
            )


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    """Lock an output folder, making it where it is missing, and yield its journal; removes it if it stays empty.

    Raises:
        UserError: another batch uses the folder, or it can't be written.
    """
    if folder.is_file():
        raise UserError(f"--out {folder} is a file; give a folder")
    taken = f"another batch is writing to {folder}; wait until it ends, or give another --out"
    with sole_use(folder / FOLDER, LOCK, taken):
        yield Journal(folder)
