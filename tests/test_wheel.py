"""The wheel, installed into an empty environment outside the checkout, trains and plays models."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from batch_runs import dots
from ingan_fast import load
from ingan_fast.geometry import Transform
from ingan_fast.pictures import load_image

CHECKOUT = Path(__file__).parents[1]
PARTS = ("ingan_fast", "kernels", "export", "models", "pyproject.toml", "README.md", "LICENSE")


def call(*words: object, cwd: Path, **variables: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | variables
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(folder: Path, **variables: str) -> Path:
    """A wheel, from a copy of the checkout, which building would litter; the compiler does not optimise for long."""
    source = folder / "source"
    source.mkdir()
    for part in PARTS:
        if (CHECKOUT / part).is_dir():
            shutil.copytree(CHECKOUT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(CHECKOUT / part, source / part)
    project = source / "pyproject.toml"
    project.write_text(project.read_text().replace('"-O3"', '"-O0"'))
    isolation = [] if importlib.util.find_spec("setuptools") is None else ["--no-isolation"]
    call(sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", folder, source, cwd=folder, **variables)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel; its dependencies are borrowed from this one."""
    folder = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    binaries = folder / "venv" / "bin"
    site = call(binaries / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    # A folder in a .pth file is searched after the environment's own; .pth files in it (the editable install
    # of this checkout) are not read.
    Path(site.strip(), "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ("install", "--no-deps", "--no-index", "--no-compile", "--ignore-installed", wheel)
    call(sys.executable, "-m", "pip", "--python", binaries / "python", *install, cwd=folder)
    return binaries


@pytest.mark.slow
def test_the_installed_wheel_trains(environment: Path, tmp_path: Path) -> None:
    code = "import importlib.util as u; print(u.find_spec('ingan_fast.kernels').origin)"  # without importing torch
    home = call(environment / "python", "-c", code, cwd=tmp_path)
    assert Path(home.strip()).is_relative_to(environment.parent)
    picture = dots(tmp_path / "dots.png")
    words = ("--preset", "smoke", "--iterations", 2, "--device", "cpu")
    assert "trained, 2 iterations" in call(environment / "ingan-fast", "train", picture, *words, cwd=tmp_path)
    assert (tmp_path / "runs" / "dots" / "generator.safetensors").is_file()


@pytest.mark.slow
def test_one_wheel_serves_all_versions_of_python_is_typed_and_needs_no_compiler(
    wheel: Path, environment: Path, tmp_path: Path
) -> None:
    assert "-cp311-abi3-" in wheel.name
    names = ZipFile(wheel).namelist()
    assert "ingan_fast/py.typed" in names
    assert [name for name in names if "native" in name] == []
    code = "from ingan_fast.layout import _loops; print(_loops.__file__)"
    assert Path(call(environment / "python", "-c", code, cwd=tmp_path).strip()).is_relative_to(environment.parent)
    assert "with compiled loops" in call(environment / "ingan-fast", "--version", cwd=tmp_path)


@pytest.mark.slow
def test_the_wheel_has_the_trained_models_and_plays_them(wheel: Path, environment: Path, tmp_path: Path) -> None:
    names = {name.removeprefix("ingan_fast/models/") for name in ZipFile(wheel).namelist() if "/models/" in name}
    folder = CHECKOUT / "models"
    assert names == {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    words = ("--pretrained", "market", "--size", "72x40", "--device", "cpu", "--out", "out.png")
    call(environment / "ingan-fast", "retarget", *words, cwd=tmp_path)
    expected = load(folder / "market", device="cpu").retarget(Transform.resize((72, 40))).picture
    np.testing.assert_array_equal(load_image(tmp_path / "out.png"), expected)


@pytest.mark.slow
def test_without_a_compiler_the_wheel_is_built_without_loops(tmp_path: Path) -> None:
    names = ZipFile(built(tmp_path, CC=str(tmp_path / "no-compiler"))).namelist()
    assert "ingan_fast/layout/solver.py" in names
    assert [name for name in names if "_loops" in name] == ["ingan_fast/layout/_loops.pyi"]


def distributions(*names: str) -> set[str]:
    """These installed distributions and all that they need, without their extras."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found.add(name)
        for text in metadata.requires(name) or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel and what `pip install ingan-fast openvino` brings, no more."""
    folder = tmp_path_factory.mktemp("bare")
    call(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    binaries = folder / "venv" / "bin"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(call(binaries / "python", "-c", where, cwd=folder).strip())
    install = ("install", "--no-deps", "--no-index", "--no-compile", wheel)
    call(sys.executable, "-m", "pip", "--python", binaries / "python", *install, cwd=folder)
    for name in distributions("ingan-fast", "openvino") - {"ingan-fast"}:
        files = metadata.files(name) or []
        for top in {file.parts[0] for file in files if file.parts[0] != ".."}:
            target = Path(str(metadata.distribution(name).locate_file(top)))
            if target.exists() and not (site / top).exists():
                (site / top).symlink_to(target)
    return binaries


def told_by(*words: object, cwd: Path, code: int) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_without_torch_pictures_and_models_are_played(
    bare: Path, picture_path: Path, exported_run: Path, tmp_path: Path
) -> None:
    command = bare / "ingan-fast"
    find = "import importlib.util as u; print(u.find_spec('torch'))"
    assert call(bare / "python", "-c", find, cwd=tmp_path) == "None\n"
    told_by(command, "--help", cwd=tmp_path, code=0)
    told_by(command, "retarget", picture_path, "--scale", "1.5x1", "--out", "wide.png", cwd=tmp_path, code=0)
    model = exported_run / "model.onnx"
    told_by(command, "retarget", model, "--scale", "1.5x1", "--out", "played.png", cwd=tmp_path, code=0)
    for name in ("wide.png", "played.png"):
        with Image.open(tmp_path / name) as wide:
            assert wide.size == (96, 56)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("train", "PICTURE", "--out", "run"), "train"),
        (("evaluate", "PICTURE", "--source", "PICTURE"), "train"),
        (("video", "PICTURE", "--script", "grow", "--out", "out.mp4"), "video"),
        (("retarget", "--pretrained", "market", "--size", "72x40", "--out", "out.png"), "train"),
    ],
)
def test_what_is_missing_is_named_with_its_extra(
    bare: Path, picture_path: Path, tmp_path: Path, words: tuple[str, ...], extra: str
) -> None:
    given = [picture_path if word == "PICTURE" else word for word in words]
    told = told_by(bare / "ingan-fast", *given, cwd=tmp_path, code=2)
    assert f"pip install 'ingan-fast[{extra}]'" in told
    assert len(told.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_from_python_what_is_missing_is_named_too(bare: Path, tmp_path: Path) -> None:
    code = "import ingan_fast\ntry: ingan_fast.train\nexcept ImportError as error: print(error)"
    assert "pip install 'ingan-fast[train]'" in call(bare / "python", "-c", code, cwd=tmp_path)


@pytest.mark.slow
def test_what_measures_is_not_in_the_wheel(environment: Path, tmp_path: Path) -> None:
    told = told_by(environment / "ingan-fast", "bench", "train", "--preset", "smoke", cwd=tmp_path, code=2)
    assert "checkout" in told
    for name in ("bench", "baselines"):
        assert not list((environment.parent / "lib").glob(f"python*/site-packages/ingan_fast/{name}"))
