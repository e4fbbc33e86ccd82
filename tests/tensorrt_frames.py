"""Runs frames through an engine, and reads the results on a stand-in GPU."""

from typing import Any

import numpy as np

from fake_cuda import FakeCuda
from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels
from ingan_fast.runtime.backends.tensorrt import TensorRTBackend
from ingan_fast.runtime.device_arrays import DeviceImage


def prepare(backend: TensorRTBackend, transform: Transform) -> Any:
    return backend.prepare({"grid": transform.grid()[None]})


def run(backend: TensorRTBackend, frame: Pixels, transform: Transform) -> Pixels:
    out = np.zeros((transform.size[1], transform.size[0], 3), np.uint8)
    backend.run(frame, prepare(backend, transform), out)
    return out


def tilted(size: tuple[int, int], shift: float = 0.1) -> Transform:
    width, height = size
    return Transform.from_corners([(shift * width, 0), (width, 0.1 * height), (width, height), (0, height)], size)


def read(gpu: FakeCuda, image: DeviceImage) -> Pixels:
    """The content of an image as seen by later work on its stream."""
    interface = image.__cuda_array_interface__
    stream = gpu.streams[interface["stream"]]
    stream.run(stream.issued)
    return gpu.at(interface["data"][0], int(np.prod(image.shape))).reshape(image.shape).copy()
