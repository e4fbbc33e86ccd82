"""The runtime makes the run's own pictures, whatever runs the model, and refuses in one line what it can't do."""

import importlib.util
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingan_fast import Transform
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.backends.onnxruntime import OnnxRuntimeBackend

SIZES = [(64, 56), (97, 41), (16, 16), (33, 120), (130, 97)]
TILT = Transform.from_corners([(10, 0), (90, 8), (100, 70), (0, 60)], (100, 70))
needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
OPENVINO = pytest.param("openvino", marks=needs_openvino)
# Grey levels. The last two run in bfloat16 where the CPU can; a network of twelve iterations spreads its rounding.
ALLOWED = {"onnxruntime": 1, "openvino": 6, "torch": 6}


@pytest.fixture(params=["onnxruntime", OPENVINO, "torch"])
def retargeter(request: pytest.FixtureRequest, model: Path, trained_run: Path) -> Retargeter:
    return Retargeter.open(trained_run if request.param == "torch" else model, "cpu", request.param)


def off(picture: Pixels, expected: Pixels) -> float:
    """Grey levels that 99.9 % of the values are within."""
    return float(np.quantile(np.abs(picture.astype(int) - expected), 0.999))


@pytest.mark.parametrize("transform", [*map(Transform.resize, SIZES), TILT], ids=str)
def test_every_backend_makes_the_runs_own_picture(
    retargeter: Retargeter, float32: Retargeter, transform: Transform
) -> None:
    picture = retargeter(transform=transform)
    assert (picture.dtype, picture.shape) == (np.uint8, (*transform.size[::-1], 3))
    assert off(picture, float32.retarget(transform, warp="smooth").picture) <= ALLOWED[retargeter.backend]


def test_a_frame_of_another_size_is_laid_out_as_the_run_does(
    retargeter: Retargeter, float32: Retargeter, picture: Pixels
) -> None:
    frame = np.ascontiguousarray(picture[:41, ::-1])
    expected = float32.retarget(Transform.resize((90, 50)), frame).picture
    assert off(retargeter(frame, size=(90, 50)), expected) <= ALLOWED[retargeter.backend]


@pytest.mark.parametrize("transform", [Transform.resize((80, 40)), TILT], ids=["whole", "tilted"])
def test_the_alpha_is_the_runs_own(
    retargeter: Retargeter, float32: Retargeter, picture: Pixels, transform: Transform
) -> None:
    frame = picture[::-1].copy()
    found, expected = (player.retarget(transform, frame) for player in (retargeter, float32))
    assert (found.alpha is None) == (transform is not TILT)
    np.testing.assert_array_equal(found.alpha, expected.alpha)
    np.testing.assert_array_equal(found.picture, retargeter(frame, transform=transform))


def test_size_scale_and_transform_say_the_same(retargeter: Retargeter) -> None:
    expected = retargeter(size=(96, 28))
    np.testing.assert_array_equal(retargeter(scale=(1.5, 0.5)), expected)
    np.testing.assert_array_equal(retargeter(transform=Transform.resize((96, 28))), expected)


def test_large_outputs_are_made_in_tiles_and_are_the_same(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, ...]] = []
    run = OnnxRuntimeBackend.run

    def counted(self: OnnxRuntimeBackend, frame: Pixels, prepared: Any, out: Pixels, stream: Any = None) -> None:
        made.append(out.shape)
        run(self, frame, prepared, out, stream)

    monkeypatch.setattr(OnnxRuntimeBackend, "run", counted)
    whole = Retargeter.open(model, "cpu", "onnxruntime")(size=(300, 170))
    assert made == [(170, 300, 3)]
    made.clear()
    parts: list[float] = []
    tiled = Retargeter.open(model, "cpu", "onnxruntime", max_memory=1)(size=(300, 170), progress=parts.append)
    assert len(made) == 15  # of 64 px: 5 x 3
    assert all(height < 170 and width < 300 for height, width, _ in made)
    assert parts == pytest.approx([count / 15 for count in range(1, 16)])
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_tiles_take_the_memory_that_they_may(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = 0
    run = OnnxRuntimeBackend.run

    def measured(self: OnnxRuntimeBackend, frame: Pixels, prepared: Any, out: Pixels, stream: Any = None) -> None:
        nonlocal largest
        largest = max(largest, out.shape[0] * out.shape[1] * self.bytes_per_pixel)
        run(self, frame, prepared, out, stream)

    monkeypatch.setattr(OnnxRuntimeBackend, "run", measured)
    limit = 40_000 * Retargeter.open(model, "cpu", "onnxruntime")._backend.bytes_per_pixel
    Retargeter.open(model, "cpu", "onnxruntime", max_memory=limit)(size=(400, 300))
    assert limit / 4 < largest <= limit


def test_out_is_written_to_and_returned(retargeter: Retargeter) -> None:
    out = np.zeros((50, 70, 3), np.uint8)
    assert retargeter(size=(70, 50), out=out) is out
    np.testing.assert_array_equal(out, retargeter(size=(70, 50)))


def test_a_buffer_with_new_content_is_a_new_frame(retargeter: Retargeter, picture: Pixels) -> None:
    frame = picture.copy()
    first = retargeter(frame, scale=1.5)
    frame[:] = picture[::-1, ::-1]
    second = retargeter(frame, scale=1.5)
    np.testing.assert_array_equal(second, retargeter(picture[::-1, ::-1].copy(), scale=1.5))
    assert (first != second).any()


@needs_openvino
def test_threads_take_turns(model: Path) -> None:
    retargeter = Retargeter.open(model, "cpu", "openvino")
    expected = [retargeter(size=size) for size in SIZES]
    found: list[Pixels | None] = [None] * len(SIZES)

    def work(index: int) -> None:
        for _ in range(3):
            found[index] = retargeter(size=SIZES[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(SIZES))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for picture, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(picture, wanted)


@pytest.mark.parametrize("backend", ["onnxruntime", OPENVINO])
def test_a_fixed_model_takes_frames_alone(fixed_model: Path, float32: Retargeter, backend: str) -> None:
    retargeter = Retargeter.open(fixed_model, "cpu", backend)
    expected = float32(size=(96, 40))
    assert off(retargeter(), expected) <= ALLOWED[backend]
    with pytest.raises(UserError, match="96x40"):
        retargeter(size=(100, 40))
    with pytest.raises(UserError, match="64x56"):
        retargeter(np.zeros((40, 40, 3), np.uint8))


@needs_openvino
def test_the_folder_of_an_export_is_enough(model: Path) -> None:
    with Retargeter.open(model.parent, "cpu") as retargeter:
        assert retargeter.backend == "openvino"
        assert "fastest" in retargeter.describe()
        assert retargeter(size=(32, 32)).shape == (32, 32, 3)


@needs_openvino
def test_torch_is_never_imported(model: Path) -> None:
    program = f"""
import sys
sys.modules["torch"] = None  # importing it fails, as where it isn't installed
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.backends.onnxruntime import OnnxRuntimeBackend
for backend in ("onnxruntime", "openvino"):
    retargeter = Retargeter.open({str(model)!r}, backend=backend)
    assert retargeter(scale=1.5).shape == (84, 96, 3)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ({}, "give one of"),
        ({"size": (64, 64), "scale": 2}, "give one of"),
        ({"size": (8, 64)}, "16"),
        ({"size": (70000, 64)}, "65535"),
        ({"scale": -1}, "scale"),
        ({"size": (64, 64), "out": np.zeros((64, 63, 3), np.uint8)}, "out is uint8"),
        ({"frame": np.zeros((64, 64), np.uint8), "size": (64, 64)}, "RGB"),
        ({"frame": np.zeros((64, 64, 3), np.float32), "size": (64, 64)}, "float32"),
        ({"frame": np.zeros((9, 64, 3), np.uint8), "size": (64, 64)}, "64x9"),
        ({"frame": object(), "size": (64, 64)}, "object"),
    ],
)
def test_what_is_not_possible_is_refused_in_one_line(model: Path, wanted: dict[str, object], part: str) -> None:
    with pytest.raises(UserError, match=part) as caught:
        Retargeter.open(model, "cpu", "onnxruntime")(**wanted)
    assert "\n" not in str(caught.value)


def foreign(folder: Path, model: Path) -> Path:
    shutil.copy(model, folder / "other.onnx")
    return folder / "other.onnx"


def cut_short(folder: Path, model: Path) -> Path:
    for name in ("model.onnx", "model.onnx.json"):
        shutil.copy(model.with_name(name), folder)
    (folder / "model.onnx").write_bytes(model.read_bytes()[:1000])
    return folder / "model.onnx"


def damaged_sidecar(folder: Path, model: Path) -> Path:
    shutil.copy(model, folder)
    (folder / "model.onnx.json").write_text('{"format": 1}')
    return folder / "model.onnx"


def other_format(folder: Path, model: Path) -> Path:
    shutil.copy(model, folder)
    (folder / "model.onnx.json").write_text('{"format": 99}')
    return folder / "model.onnx"


def text_file(folder: Path, model: Path) -> Path:
    (folder / "model.txt").write_text("text")
    return folder / "model.txt"


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda folder, model: folder / "none.onnx", "does not exist"),
        (lambda folder, model: folder, "is not a run"),
        (foreign, "no sidecar other.onnx.json"),
        (cut_short, "changed or truncated"),
        (damaged_sidecar, "damaged"),
        (other_format, "format 99"),
        (text_file, "not a model"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path, model: Path, make: object, part: str) -> None:
    path = make(tmp_path, model)  # type: ignore[operator]
    with pytest.raises(UserError, match=part) as caught:
        Retargeter.open(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("device", "backend", "part"),
    [
        ("tpu", "auto", "tpu"),
        ("auto", "tflite", "tflite"),
        ("cpu", "tensorrt", "give a file for it"),
        pytest.param("cuda", "openvino", "CPU", marks=needs_openvino),
    ],
)
def test_what_a_backend_cant_do_is_refused(model: Path, device: str, backend: str, part: str) -> None:
    with pytest.raises(UserError, match=part):
        Retargeter.open(model, device, backend)


def test_without_its_source_a_model_needs_frames(tmp_path: Path, model: Path, picture: Pixels) -> None:
    for name in ("model.onnx", "model.onnx.json"):
        shutil.copy(model.with_name(name), tmp_path)
    retargeter = Retargeter.open(tmp_path, "cpu")
    with pytest.raises(UserError, match=r"source\.png"):
        retargeter(size=(64, 64))
    assert retargeter(picture, size=(64, 64)).shape == (64, 64, 3)


def test_two_packages_of_onnx_runtime_are_told_where_a_gpu_is_wanted(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingan_fast.runtime.opening.has_cuda_provider", lambda: False)
    monkeypatch.setattr("ingan_fast.runtime.opening.has_both_onnxruntimes", lambda: True)
    with pytest.raises(UserError, match="onnxruntime and onnxruntime-gpu are both installed"):
        Retargeter.open(model, "cuda")


def test_a_model_of_a_preset_that_is_gone_is_refused_and_not_called_damaged(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model if model.is_dir() else model.parent, tmp_path / "model")
    sidecar = tmp_path / "model" / "model.onnx.json"
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"layout": {"jump": [8, 8], "scatter": False}}))
    with pytest.raises(UserError, match=r"no longer supports.*ingan-fast retarget PICTURE") as refused:
        Retargeter.open(tmp_path / "model" / "model.onnx", "cpu")
    assert "damaged" not in str(refused.value)
