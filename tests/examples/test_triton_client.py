"""The client for Triton Inference Server, with what stands in for one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tritonclient.grpc", reason="tritonclient is not installed")

from example_files import call, example
from triton_stand_in import serving

from ingan_fast.errors import UserError
from ingan_fast.export.run import ExportOptions
from ingan_fast.export.triton_server import write_repository
from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels, load_image
from ingan_fast.runtime import Retargeter
from ingan_fast.training.trained import read_run


@pytest.fixture(scope="module")
def server(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    repository = tmp_path_factory.mktemp("repository")
    write_repository(read_run(trained_run), repository, ExportOptions())
    with serving(repository) as url:
        yield url


def test_a_server_gives_the_runtimes_picture(
    server: str, model: Path, picture: Pixels, picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "wide.png"
    call(example("triton_client"), monkeypatch, picture_path, out, "--size", "96x45", "--url", server)
    with Retargeter.open(model, backend="onnxruntime") as retargeter:
        wanted = retargeter(picture, size=(96, 45)).astype(int)
    assert np.abs(load_image(out) - wanted).max() <= 1


def test_a_model_that_takes_no_geometry_is_refused(trained_run: Path, tmp_path: Path) -> None:
    write_repository(read_run(trained_run), tmp_path, ExportOptions(transform=Transform.resize((96, 40))))
    with serving(tmp_path) as url, pytest.raises(UserError, match="baked in"):
        example("triton_client").RemoteRetargeter(url)


def test_no_server_is_said_in_one_line(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client, out = example("triton_client"), tmp_path / "wide.png"
    with pytest.raises(SystemExit) as end:
        call(client, monkeypatch, picture_path, out, "--size", "96x45", "--url", "127.0.0.1:1")
    assert end.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not out.exists()
