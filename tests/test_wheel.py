"""The wheel, installed into an empty environment outside the checkout, trains and retargets."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from PIL import Image

CHECKOUT = Path(__file__).parents[1]
PARTS = ("ingan_fast", "kernels", "export", "pyproject.toml", "README.md", "LICENSE")


def call(*words: object, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the checkout, which building would litter."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for part in PARTS:
        if (CHECKOUT / part).is_dir():
            shutil.copytree(CHECKOUT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(CHECKOUT / part, source / part)
    isolation = [] if importlib.util.find_spec("setuptools") is None else ["--no-isolation"]
    call(sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", folder, source, cwd=folder)
    return next(folder.glob("*.whl"))


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
    install = ("install", "--no-deps", "--no-index", "--ignore-installed", wheel)
    call(sys.executable, "-m", "pip", "--python", binaries / "python", *install, cwd=folder)
    return binaries


@pytest.mark.slow
def test_the_installed_wheel_trains_and_retargets(environment: Path, picture_path: Path, tmp_path: Path) -> None:
    home = call(environment / "python", "-c", "import ingan_fast.kernels as k; print(k.__file__)", cwd=tmp_path)
    assert Path(home.strip()).is_relative_to(environment.parent)

    command = environment / "ingan-fast"
    told = call(command, "train", picture_path, "--out", "run", "--preset", "smoke", "--device", "cpu", cwd=tmp_path)
    assert "trained, 12 iterations" in told
    call(command, "retarget", "run", "--scale", "1.5x1", "--out", "wide.png", cwd=tmp_path)
    with Image.open(tmp_path / "wide.png") as wide:
        assert wide.size == (96, 56)
    assert "12 of 12" in call(command, "info", "run", cwd=tmp_path)


@pytest.mark.slow
def test_the_wheel_says_that_it_is_typed(environment: Path, tmp_path: Path) -> None:
    code = "from importlib.resources import files; print(files('ingan_fast').joinpath('py.typed').is_file())"
    assert call(environment / "python", "-c", code, cwd=tmp_path) == "True\n"
