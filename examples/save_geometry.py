"""What a unit-scale model takes beside the image, for programs that can't make it: grid.npy and preference.npy.

    python save_geometry.py model in.ppm 640x480

`model` is what `ingan-fast export` wrote. The arrays hold for every frame of in.ppm's size; for a clip make them once,
of its first frame.
"""

import argparse
from pathlib import Path

import numpy as np

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.parsing import parse_size
from ingan_fast.pictures import load_image
from ingan_fast.runtime.geometry import Geometries
from ingan_fast.runtime.sidecar import read_sidecar


def main() -> None:
    parser = argparse.ArgumentParser(description="Save what a model takes beside the image.")
    parser.add_argument("model", type=Path, help="a folder with a model.onnx")
    parser.add_argument("picture", type=Path)
    parser.add_argument("size", metavar="WxH")
    words = parser.parse_args()
    try:
        frame = load_image(words.picture)
        layout = read_sidecar(words.model / "model.onnx").layout
        geometries = Geometries(layout, prepare=lambda geometry: geometry)
        transform = Transform.resize(parse_size(words.size))
        for name, array in geometries.make(transform, (frame.shape[1], frame.shape[0]), frame).items():
            np.save(f"{name}.npy", array)
            print(f"{name}.npy: {array.dtype} {list(array.shape)}")
    except UserError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
