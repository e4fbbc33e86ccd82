"""Output of videos: supported formats and their writers."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from av import Packet

from ingan_fast.callbacks import Notice
from ingan_fast.errors import UserError
from ingan_fast.files import atomic_path
from ingan_fast.geometry import Size
from ingan_fast.pictures import Photo, Pixels, check_output_path, save_photo
from ingan_fast.video.encoding import GIF, H264, PRORES_ALPHA, VP9, VP9_ALPHA, WEBP, Codec, VideoFile
from ingan_fast.video.frames import OtherStreams, Sink, Source
from ingan_fast.video.gif import MAX_FPS, Painter
from ingan_fast.video.pipes import RawOutput, Y4mOutput

# Suffix → codec without and with alpha.
_CODECS: dict[str, tuple[Codec, Codec | None]] = {
    ".mp4": (H264, None),
    ".m4v": (H264, None),
    ".mkv": (H264, None),
    ".mov": (H264, PRORES_ALPHA),
    ".webm": (VP9, VP9_ALPHA),
    ".gif": (GIF, GIF),
    ".webp": (WEBP, WEBP),
}
_SILENT = (GIF, WEBP)
_NUMBER = re.compile(r"%(0\d)?d", re.ASCII)
PIPE = "-"


@dataclass(frozen=True)
class VideoOutput:
    """Destination of a video.

    Attributes:
        name: a file; a pattern of picture files, such as frames/%05d.png; or - for standard output.
        alpha: with transparency.
        raw: write rgb24 to a pipe instead of y4m.

    Raises:
        UserError: the destination can't be written, or doesn't support alpha.
    """

    name: str
    alpha: bool = False
    raw: bool = False

    def __post_init__(self) -> None:
        if self.name == PIPE:
            self._check_pipe()
        elif self.is_pictures:
            check_output_path(_numbered(self.name, 1), self.alpha)
        else:
            self._codec()
            _check_destination(Path(self.name))

    @property
    def is_pictures(self) -> bool:
        return _NUMBER.search(self.name) is not None

    @contextmanager
    def open(self, source: Source, size: Size, steady: bool, notice: Notice) -> Iterator[Sink]:
        """A sink for frames of `size`. A file is complete after the block, or not written at all if that raises.

        Args:
            steady: all frames have the first one's colours.
            notice: called with messages about differences from the request.

        Raises:
            UserError: the format doesn't support the frames, or the file can't be written.
        """
        if self.name == PIPE:
            self._tell_silence(source, notice)
            with open(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as pipe:
                yield RawOutput(pipe, source.timing) if self.raw else Y4mOutput(pipe, source.timing, size)
        elif self.is_pictures:
            self._tell_silence(source, notice)
            yield _Pictures(self.name)
        else:
            with self._open_file(source, size, steady, notice) as file:
                yield file

    @contextmanager
    def _open_file(self, source: Source, size: Size, steady: bool, notice: Notice) -> Iterator[VideoFile]:
        codec = self._codec()
        if max(size) > codec.max_side:
            raise UserError(
                f"{self.name} can't hold {size[0]}x{size[1]}; each side may have at most {codec.max_side} px"
            )
        if codec is GIF and source.timing.rate > MAX_FPS:
            raise UserError(
                f"{self.name}: GIF holds at most {MAX_FPS} frames per second, these are {float(source.timing.rate):g}; "
                "choose .webp"
            )
        if codec in _SILENT:
            self._tell_silence(source, notice)
        other_streams = OtherStreams() if codec in _SILENT else source.other_streams
        paint = Painter(size, self.alpha, steady) if codec is GIF else None
        with atomic_path(self.name) as temporary:
            file = VideoFile(temporary, self.name, codec, size, source.timing, source.colour, other_streams, paint)
            if file.size != size:
                notice(
                    f"{self.name} is {file.size[0]}x{file.size[1]}: H.264 needs even sides, so the last column or row "
                    "is repeated"
                )
            if file.reencoded:
                notice(f"{self.name} can't hold {' and '.join(file.reencoded)} sound; it is re-encoded")
            if file.left_out:
                notice(f"{self.name} can't hold {' and '.join(file.left_out)} subtitles; they are left out (try .mkv)")
            try:
                yield file
            finally:
                file.close()
            if codec is WEBP and self.alpha:
                _mark_transparent(temporary)

    def _codec(self) -> Codec:
        suffix = Path(self.name).suffix.lower()
        if suffix not in _CODECS:
            given = f"ends in {suffix!r}" if suffix else "has no suffix"
            raise UserError(
                f"can't write {self.name}: the name {given}; choose one of {' '.join(_CODECS)}, pictures such as "
                "frames/%05d.png, or - for standard output"
            )
        opaque, clear = _CODECS[suffix]
        if self.alpha and clear is None:
            able = " ".join(name for name, codecs in _CODECS.items() if codecs[1])
            raise UserError(
                f"can't write {self.name}: {suffix} has no transparency; choose {able} or frames/%05d.png, or give a "
                "background colour"
            )
        return clear if self.alpha and clear else opaque

    def _check_pipe(self) -> None:
        if self.alpha:
            raise UserError("frames in a pipe have no transparency; give a background colour")
        if sys.stdout.isatty():
            raise UserError("frames would go to standard output, which is a terminal; pipe it to a program")

    def _tell_silence(self, source: Source, notice: Notice) -> None:
        kinds = {"sound": source.other_streams.audio, "subtitles": source.other_streams.subtitles}
        lost = " and ".join(kind for kind, streams in kinds.items() if streams)
        if lost:
            notice(f"{self.name} can't hold {lost}; left out")


class _Pictures:
    """A sink that writes each frame to a picture file, numbered from 1."""

    def __init__(self, pattern: str):
        self._pattern = pattern
        self._count = 0

    def write(self, pixels: Pixels, pts: int, duration: int) -> None:
        self._count += 1
        # All files of a sequence have the same channels, even if some are grey.
        save_photo(Photo(pixels), _numbered(self._pattern, self._count))

    def write_packet(self, packet: Packet) -> None:
        """Dropped: picture files carry no audio or subtitles."""

    def finish(self) -> None:
        """Nothing to do: each file is already complete."""


def _mark_transparent(path: Path) -> None:
    """Set the transparency flag of a WebP file (in its RIFF chunk VP8X).

    libwebp omits it if the changed part of each frame is opaque, and readers then show transparent parts as black.
    """
    with open(path, "r+b") as file:
        head = file.read(21)
        if head[12:16] == b"VP8X":
            file.seek(20)
            file.write(bytes([head[20] | 0x10]))


def _numbered(pattern: str, number: int) -> Path:
    return Path(_NUMBER.sub(lambda match: match[0] % number, pattern))


def _check_destination(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"can't write {path}: it is a folder; give a file name in it")
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise UserError(f"can't write {path}: {parent} is a file, not a folder; choose another place")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"can't write {path}: no permission to write in {parent}; choose another place")
