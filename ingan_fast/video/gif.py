"""Converts frames to GIF's 256 colours."""

from fractions import Fraction

from av import VideoFrame
from av.filter import Graph
from av.video.format import VideoFormat

from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels

MAX_FPS = 50  # browsers play faster GIFs at 10 fps
TICK = Fraction(1, 100)  # seconds; time base of the filters, which order frames by it


class Painter:
    """Converts frames to pal8.

    With `steady` all frames share the palette of the first one, which avoids flicker; otherwise each has its own.
    Dithering is ordered, so that static parts keep their pattern.
    """

    def __init__(self, size: Size, alpha: bool, steady: bool):
        self._format = VideoFormat("rgba" if alpha else "rgb24")
        self._steady = steady
        self._count = 0
        self._palettes = _PaletteMaker(size, self._format)
        self._user = _PaletteUser(size, self._format, per_frame=not steady)

    def __call__(self, pixels: Pixels) -> VideoFrame:
        """Convert uint8 [H, W, 3], or [H, W, 4] with `alpha`."""
        frame = VideoFrame.from_ndarray(pixels, self._format.name)
        frame.time_base, frame.pts = TICK, self._count
        if self._count == 0 or not self._steady:
            self._user.take(self._palettes(frame), last=self._steady)
        self._count += 1
        return self._user(frame)


class _PaletteMaker:
    def __init__(self, size: Size, pixel_format: VideoFormat):
        self._graph = Graph()
        self._frames = self._graph.add_buffer(width=size[0], height=size[1], format=pixel_format, time_base=TICK)
        self._palettes = self._graph.add("buffersink")
        self._graph.link_nodes(self._frames, self._graph.add("palettegen", "stats_mode=single"), self._palettes)
        self._graph.configure()

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        self._frames.push(frame)
        return _video(self._palettes.pull())


class _PaletteUser:
    def __init__(self, size: Size, pixel_format: VideoFormat, per_frame: bool):
        self._graph = Graph()
        self._frames = self._graph.add_buffer(width=size[0], height=size[1], format=pixel_format, time_base=TICK)
        self._palettes = self._graph.add_buffer(width=16, height=16, format=VideoFormat("bgra"), time_base=TICK)
        painting = self._graph.add("paletteuse", f"dither=bayer:bayer_scale=3:new={int(per_frame)}")
        self._painted = self._graph.add("buffersink")
        self._frames.link_to(painting, 0, 0)
        self._palettes.link_to(painting, 0, 1)
        painting.link_to(self._painted)
        self._graph.configure()

    def take(self, palette: VideoFrame, last: bool) -> None:
        self._palettes.push(palette)
        if last:
            self._palettes.push(None)

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        self._frames.push(frame)
        return _video(self._painted.pull())


def _video(frame: object) -> VideoFrame:
    assert isinstance(frame, VideoFrame)
    return frame
