"""What a sidecar says of an exported file needs only what made the file."""

from importlib.metadata import PackageNotFoundError, version

import pytest

from ingan_fast.export import model
from ingan_fast.training.trained import TrainedRun


@pytest.fixture
def without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(package: str) -> str:
        if package.startswith("onnx"):
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(model, "version", found)


def test_a_package_of_torch_is_described_without_onnx(trained: TrainedRun, without_onnx: None) -> None:
    sidecar = model.describe(trained, model.dynamic(trained, "fp32"), "model.pt2", "pt2", "0" * 64, "fp32")
    assert set(sidecar.versions) == {"ingan-fast", "torch"}


def test_an_onnx_file_names_what_made_it(trained: TrainedRun) -> None:
    sidecar = model.describe(trained, model.dynamic(trained, "fp32"), "model.onnx", "onnx", "0" * 64, "fp32")
    assert sidecar.versions["onnx"] == version("onnx")
