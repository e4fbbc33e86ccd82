"""A stand-in for Triton Inference Server: its protocol, with ONNX Runtime."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnxruntime
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc


class Server(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Serves one model of a repository; rejects requests that don't match its configuration, like the server."""

    def __init__(self, repository: Path):
        text = (repository / "ingan" / "config.pbtxt").read_text()
        self.config = text_format.Parse(text, model_config_pb2.ModelConfig())
        self.session = onnxruntime.InferenceSession(repository / "ingan" / "1" / "model.onnx")

    def ModelConfig(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelConfigResponse(config=self.config)

    def ModelInfer(self, request: Any, context: Any) -> Any:
        inputs = {}
        for tensor, content in zip(request.inputs, request.raw_input_contents, strict=True):
            array = np.frombuffer(content, np.float32).reshape(tensor.shape)
            dims = next(each.dims for each in self.config.input if each.name == tensor.name)
            if not fits(array.shape, dims, self.config.max_batch_size):
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"unexpected shape for input '{tensor.name}'")
            inputs[tensor.name] = array
        result = self.session.run(None, inputs)[0]
        response = service_pb2.ModelInferResponse(model_name=request.model_name)
        response.outputs.add(name="retargeted", datatype="FP32", shape=result.shape)
        response.raw_output_contents.append(result.tobytes())
        return response


def fits(shape: tuple[int, ...], dims: list[int], most: int) -> bool:
    if most:
        batch, *shape = shape
        if not 1 <= batch <= most:
            return False
    return len(shape) == len(dims) and all(want in (-1, size) for size, want in zip(shape, dims, strict=True))


@contextmanager
def serving(repository: Path) -> Iterator[str]:
    """Yields the URL of a server."""
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(1), options=options)
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Server(repository), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
