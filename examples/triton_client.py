"""Retarget a picture on a Triton Inference Server; the client computes the geometry for the server's model.

    ingan-fast export RUN --out models --format triton-server
    tritonserver --model-repository models                     # on the server; needs its onnxruntime backend
    pip install ingan-fast "tritonclient[grpc]"
    python triton_client.py picture.png wide.png --size 640x480 --url localhost:8001

UNVERIFIED against Triton Inference Server itself, which is only available as a container. Its client library 2.73 and
its protocol were used, with a stand-in that serves the same repository with ONNX Runtime (tests/examples).
"""

import argparse

import numpy as np
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.parsing import parse_size
from ingan_fast.pictures import Pixels, load_image, save_image

MODEL = "ingan"
MESSAGE = 256 << 20  # bytes: a grid of a 640x480 output takes 2.5 MB, a picture 4 MB


class RemoteRetargeter:
    """The model on a server, called like `ingan_fast.runtime.Retargeter`."""

    def __init__(self, url: str):
        options = [("grpc.max_receive_message_length", MESSAGE), ("grpc.max_send_message_length", MESSAGE)]
        self._client = grpc.InferenceServerClient(url, channel_args=options)
        config = self._client.get_model_config(MODEL).config
        if [tensor.name for tensor in config.input][:2] != ["image", "grid"]:
            raise UserError("the server's model has its geometry or its picture baked in; export it without these")

    def __call__(self, frame: Pixels, transform: Transform) -> Pixels:
        """uint8 [H, W, 3] → uint8 [Ho, Wo, 3]."""
        image = frame.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1  # [1, 3, H, W] in [-1, 1]
        arrays = {"image": image, "grid": transform.grid()[None]}
        inputs = []
        for name, array in arrays.items():
            tensor = grpc.InferInput(name, list(array.shape), "FP32")
            tensor.set_data_from_numpy(np.ascontiguousarray(array, np.float32))
            inputs.append(tensor)
        result = self._client.infer(MODEL, inputs).as_numpy("retargeted")[0]
        return np.rint((result.transpose(1, 2, 0) + 1) * 127.5).clip(0, 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description="Retarget a picture on a Triton Inference Server.")
    parser.add_argument("picture")
    parser.add_argument("out")
    parser.add_argument("--size", required=True, metavar="WxH")
    parser.add_argument("--url", default="localhost:8001", help="the server's gRPC address")
    words = parser.parse_args()
    try:
        transform = Transform.resize(parse_size(words.size))
        retargeter = RemoteRetargeter(words.url)
        save_image(retargeter(load_image(words.picture), transform), words.out)
    except (UserError, InferenceServerException) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
