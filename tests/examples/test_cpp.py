"""The examples in C++: what they share is run, they themselves are where headers are found.

ONNXRUNTIME_ROOT and TENSORRT_ROOT say where, if not in the system's own folders.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from example_files import EXAMPLES

from ingan_fast.export.run import ExportOptions, export
from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels, load_image
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.geometry import Geometries
from ingan_fast.runtime.sidecar import read_sidecar
from ingan_fast.training.trained import read_run

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")

SYSTEM = ("/usr/include", "/usr/include/onnxruntime", "/usr/include/x86_64-linux-gnu", "/usr/local/include")
CUDA = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")) / "include"
COMPILE = ["g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror"]
TILT = Transform.from_corners([(5, 0), (90, 8), (96, 40), (0, 33)], (96, 40))

GEOMETRY = """
#include <iostream>
#include "geometry.h"
#include "ppm.h"

int main(int count, char** words) try {
    write_ppm(words[2], read_ppm(words[1]));
    for (const Array& array : read_geometry({words + 3, words + count})) {
        for (int64_t side : array.shape) std::cerr << side << ' ';
        std::cout.write(reinterpret_cast<const char*>(array.values.data()), array.values.size() * sizeof(float));
    }
} catch (const std::exception& error) {
    std::cerr << error.what();
    return 2;
}
"""


def headers(name: str, root: str) -> list[str]:
    """Words for the compiler; skips where the header isn't found."""
    given = [str(Path(os.environ[root]) / "include")] if root in os.environ else []
    found = [folder for folder in (*given, *SYSTEM) if (Path(folder) / name).is_file()]
    if not found:
        pytest.skip(f"{name} is not installed; set {root}")
    return ["-isystem", found[0]]


def run(*words: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([str(word) for word in words], capture_output=True)


def write_matrix(path: Path, transform: Transform) -> Path:
    path.write_text(" ".join(map(repr, map(float, transform.matrix.flat))))
    return path


@pytest.fixture(scope="module")
def geometry_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies a picture and writes geometry to its output."""
    folder = tmp_path_factory.mktemp("cpp")
    (folder / "main.cpp").write_text(GEOMETRY)
    common = ["-I", str(EXAMPLES / "cpp_common")]
    subprocess.run([*COMPILE, *common, str(folder / "main.cpp"), "-o", str(folder / "program")], check=True)
    return folder / "program"


@pytest.mark.parametrize("transform", [Transform.resize((41, 24)), TILT], ids=["a resize", "a tilt"])
def test_grids_in_cpp_are_those_in_python(
    geometry_program: Path, transform: Transform, picture_ppm: Path, tmp_path: Path
) -> None:
    size = "x".join(map(str, transform.size))
    matrix = write_matrix(tmp_path / "matrix.txt", transform)
    ended = run(geometry_program, picture_ppm, tmp_path / "copy.ppm", size, matrix)
    grid = np.frombuffer(ended.stdout, np.float32).reshape(transform.size[1], transform.size[0], 2)
    np.testing.assert_allclose(grid, transform.grid(), atol=3e-7)
    assert (tmp_path / "copy.ppm").read_bytes() == picture_ppm.read_bytes()


def test_damaged_files_are_refused(geometry_program: Path, picture_ppm: Path, tmp_path: Path) -> None:
    (tmp_path / "short.ppm").write_bytes(picture_ppm.read_bytes()[:-1])
    for picture, word in (
        (picture_ppm, "96by40"),
        (tmp_path / "short.ppm", "96x40"),
        (tmp_path / "none.ppm", "96x40"),
    ):
        ended = run(geometry_program, picture, tmp_path / "copy.ppm", word)
        assert ended.returncode == 2, (picture, word)
        assert ended.stderr


@pytest.fixture(scope="module")
def onnxruntime_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, linked with the wheel's library."""
    onnxruntime = pytest.importorskip("onnxruntime")
    include = headers("onnxruntime_cxx_api.h", "ONNXRUNTIME_ROOT")
    library = next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
    program = tmp_path_factory.mktemp("cpp") / "retarget"
    link: Sequence[str] = [str(library), f"-Wl,-rpath,{library.parent}", "-o", str(program)]
    # Its file's name isn't the one that the library gives itself.
    (program.parent / "libonnxruntime.so.1").symlink_to(library)
    source = str(EXAMPLES / "cpp_onnxruntime" / "main.cpp")
    subprocess.run([*COMPILE, *include, source, *link, f"-Wl,-rpath,{program.parent}"], check=True)
    return program


@pytest.mark.slow
def test_onnx_runtime_in_cpp_gives_the_runtimes_picture(
    onnxruntime_program: Path, model: Path, picture: Pixels, picture_ppm: Path, tmp_path: Path
) -> None:
    layout = read_sidecar(model / "model.onnx").layout
    geometry = Geometries(layout, lambda arrays: arrays).make(Transform.resize((96, 45)), (64, 56), picture)
    for name, array in geometry.items():
        np.save(tmp_path / f"{name}.npy", array)
    arrays = [tmp_path / f"{name}.npy" for name in geometry]
    ended = run(onnxruntime_program, model / "model.onnx", picture_ppm, tmp_path / "out.ppm", *arrays)
    assert ended.returncode == 0, ended.stderr
    with Retargeter.open(model, backend="onnxruntime") as retargeter:
        wanted = retargeter(picture, size=(96, 45)).astype(int)
    assert np.abs(load_image(tmp_path / "out.ppm") - wanted).max() <= 1


@pytest.mark.slow
def test_onnx_runtime_in_cpp_makes_the_grid_of_the_papers_generator(
    onnxruntime_program: Path, paper_run: Path, picture: Pixels, picture_ppm: Path, tmp_path: Path
) -> None:
    written = export(read_run(paper_run), tmp_path, ExportOptions())
    matrix = write_matrix(tmp_path / "matrix.txt", TILT)
    ended = run(onnxruntime_program, written.path, picture_ppm, tmp_path / "out.ppm", "96x40", matrix)
    assert ended.returncode == 0, ended.stderr
    with Retargeter.open(written.path, backend="onnxruntime") as retargeter:
        wanted = retargeter(picture, transform=TILT).astype(int)
    assert np.abs(load_image(tmp_path / "out.ppm") - wanted).max() <= 1


@pytest.mark.slow
def test_onnx_runtime_in_cpp_runs_models_of_one_geometry(
    onnxruntime_program: Path, trained_run: Path, picture: Pixels, picture_ppm: Path, tmp_path: Path
) -> None:
    written = export(read_run(trained_run), tmp_path, ExportOptions(transform=Transform.resize((96, 40))))
    ended = run(onnxruntime_program, written.path, picture_ppm, tmp_path / "out.ppm")
    assert ended.returncode == 0, ended.stderr
    with Retargeter.open(written.path, backend="onnxruntime") as retargeter:
        wanted = retargeter(picture).astype(int)
    assert np.abs(load_image(tmp_path / "out.ppm") - wanted).max() <= 1


def test_tensorrt_in_cpp_compiles() -> None:
    if not (CUDA / "cuda_runtime_api.h").is_file():
        pytest.skip("CUDA's headers are not installed; set CUDA_HOME")
    include = headers("NvInfer.h", "TENSORRT_ROOT")
    source = EXAMPLES / "cpp_tensorrt" / "main.cpp"
    ended = run(*COMPILE, "-fsyntax-only", *include, "-isystem", CUDA, source)
    assert ended.returncode == 0, ended.stderr.decode()
