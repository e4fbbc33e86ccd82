"""Retarget the frames of a file or a camera one by one and write them to a file: a base for other programs.

    python python_loop.py MODEL clip.mp4 wide.mp4 --scale 1.5x1
    python python_loop.py MODEL /dev/video0 camera.mp4 --size 640x360      until Ctrl-C

MODEL is a run folder, an exported model, or the folder that it was exported to. Cameras are Linux's (Video4Linux), and
UNVERIFIED: none was available. The sound is dropped; `ingan-fast video` keeps it.
"""

import argparse
from contextlib import suppress
from fractions import Fraction

import av

from ingan_fast import Retargeter, UserError
from ingan_fast.parsing import parse_scale, parse_size
from ingan_fast.pictures import Pixels


def retarget(retargeter: Retargeter, source: str, destination: str, **wanted: tuple[float, float]) -> int:
    """Retarget every frame; returns their number.

    Args:
        wanted: size=(width, height) or scale=(across, down).
    """
    camera = "v4l2" if source.startswith("/dev/") else None
    frames, result = 0, None
    with av.open(source, format=camera) as clip, av.open(destination, "w") as video:
        stream = None
        with suppress(KeyboardInterrupt):
            for decoded in clip.decode(video=0):
                frame = decoded.to_ndarray(format="rgb24")
                result = retargeter(frame, out=result, **wanted)
                if stream is None:
                    stream = add_stream(video, result, clip.streams.video[0].average_rate)
                encoded = av.VideoFrame.from_ndarray(result, format="rgb24")
                encoded.pts, encoded.time_base = decoded.pts, decoded.time_base
                video.mux(stream.encode(encoded))
                frames += 1
        if stream is not None:
            video.mux(stream.encode(None))
    return frames


def add_stream(video: av.container.OutputContainer, picture: Pixels, rate: Fraction | None) -> av.VideoStream:
    """An H.264 stream for pictures of this size; odd sides need full chroma."""
    height, width = picture.shape[:2]
    stream = video.add_stream("libx264", rate=rate or 30)
    stream.width, stream.height = width, height
    stream.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    return stream


def main() -> None:
    parser = argparse.ArgumentParser(description="Retarget frames of a file or a camera.")
    parser.add_argument("model")
    parser.add_argument("source", help="a video, or a camera such as /dev/video0")
    parser.add_argument("destination", help="the video to write")
    shape = parser.add_mutually_exclusive_group(required=True)
    shape.add_argument("--size", metavar="WxH")
    shape.add_argument("--scale", metavar="SXxSY")
    words = parser.parse_args()
    try:
        wanted = {"size": parse_size(words.size)} if words.size else {"scale": parse_scale(words.scale)}
        with Retargeter.open(words.model) as retargeter:
            frames = retarget(retargeter, words.source, words.destination, **wanted)
            print(f"{words.destination}: {frames} frames by {retargeter.describe()}")
    except (UserError, av.FFmpegError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
