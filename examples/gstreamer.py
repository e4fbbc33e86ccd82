"""Run a model between two GStreamer pipelines: appsink receives frames, appsrc sends them on.

    python3 gstreamer.py MODEL clip.mp4 wide.mp4 --size 640x360
    python3 gstreamer.py MODEL "v4l2src num-buffers=300" wide.mp4 --size 640x360

A source with a space, or that is not a file, is a part of a pipeline, such as videotestsrc. Needs PyGObject and
GStreamer's base, good and ugly plugins (Debian: python3-gi python3-gst-1.0 gstreamer1.0-plugins-base
gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly, and gstreamer1.0-libav for H.264 files), and ingan-fast
in that Python. Run with GStreamer 1.22 and PyGObject 3.42.
"""

import argparse
import ctypes
from pathlib import Path
from typing import Any

import gi
import numpy as np

from ingan_fast import Retargeter, UserError
from ingan_fast.parsing import parse_size

# Debian's GStreamer loads libunwind, whose exceptions end the process in OpenVINO; libgcc's must be loaded first.
ctypes.CDLL("libgcc_s.so.1", mode=ctypes.RTLD_GLOBAL)

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import GLib, Gst, GstVideo  # noqa: E402

QUEUED = 4  # frames buffered on each side of the model; the faster side waits
POLL = 50 * Gst.MSECOND  # between checks for errors


class Bridge:
    """Pulls frames from one pipeline, retargets them and pushes them into another."""

    def __init__(self, retargeter: Retargeter, source: str, destination: str, size: tuple[int, int]):
        self._retargeter, self._size = retargeter, size
        chroma = "Y444" if size[0] % 2 or size[1] % 2 else "I420"
        read = f'filesrc location="{source}" ! decodebin' if Path(source).is_file() else source
        self._reading = Gst.parse_launch(
            f"{read} ! videoconvert ! video/x-raw,format=RGB ! appsink name=frames max-buffers={QUEUED} sync=false"
        )
        self._writing = Gst.parse_launch(
            f"appsrc name=frames format=time ! videoconvert ! video/x-raw,format={chroma} ! x264enc ! mp4mux ! "
            f'filesink location="{destination}"'
        )
        self._sink, self._source = (each.get_by_name("frames") for each in (self._reading, self._writing))

    def run(self) -> int:
        """Process frames until the source ends; returns their number."""
        frames = 0
        try:
            self._writing.set_state(Gst.State.PLAYING)
            self._reading.set_state(Gst.State.PLAYING)
            while (sample := self._pull()) is not None:
                if frames == 0:
                    self._source.set_property("caps", self._caps(sample))
                self._push(self._retarget(sample))
                frames += 1
            self._source.emit("end-of-stream")
            raise_errors(self._writing, Gst.CLOCK_TIME_NONE)
        finally:
            self._reading.set_state(Gst.State.NULL)
            self._writing.set_state(Gst.State.NULL)
        return frames

    def _pull(self) -> Any:
        """The next frame; None at the end."""
        while True:
            sample = self._sink.emit("try-pull-sample", POLL)
            raise_errors(self._reading)
            if sample is not None or self._sink.get_property("eos"):
                return sample

    def _push(self, buffer: Any) -> None:
        while self._source.get_property("current-level-buffers") >= QUEUED:
            raise_errors(self._writing, POLL)
        self._source.emit("push-buffer", buffer)

    def _caps(self, sample: Any) -> Any:
        """The source's caps with the output's size."""
        caps = sample.get_caps().copy()
        caps.set_value("width", self._size[0])
        caps.set_value("height", self._size[1])
        return caps

    def _retarget(self, sample: Any) -> Any:
        """A buffer with the same times; rows of RGB are padded to multiples of 4 bytes."""
        info = GstVideo.VideoInfo.new_from_caps(sample.get_caps())
        buffer = sample.get_buffer()
        with buffer.map(Gst.MapFlags.READ) as content:
            rows = np.frombuffer(content.data, np.uint8, info.stride[0] * info.height).reshape(info.height, -1)
            frame = rows[:, : info.width * 3].reshape(info.height, info.width, 3).copy()
        width, height = self._size
        padded = np.zeros((height, (width * 3 + 3) // 4 * 4), np.uint8)
        result = self._retargeter(frame, size=self._size)
        padded[:, : width * 3] = result.reshape(height, width * 3)
        made = Gst.Buffer.new_wrapped(padded.tobytes())
        made.pts, made.duration = buffer.pts, buffer.duration
        return made


def raise_errors(pipeline: Any, wait: int = 0) -> None:
    """Raise an error reported by a pipeline within `wait` nanoseconds."""
    message = pipeline.get_bus().timed_pop_filtered(wait, Gst.MessageType.ERROR | Gst.MessageType.EOS)
    if message is not None and message.type == Gst.MessageType.ERROR:
        error, _ = message.parse_error()
        raise UserError(f"GStreamer: {error.message}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Retarget frames between two GStreamer pipelines.")
    parser.add_argument("model")
    parser.add_argument("source", help="a video, or a part of a pipeline")
    parser.add_argument("destination", help="the .mp4 to write")
    parser.add_argument("--size", required=True, metavar="WxH")
    words = parser.parse_args()
    Gst.init(None)
    try:
        size = parse_size(words.size)
        with Retargeter.open(words.model) as retargeter:
            frames = Bridge(retargeter, words.source, words.destination, size).run()
        print(f"{words.destination}: {frames} frames")
    except (UserError, GLib.Error) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
