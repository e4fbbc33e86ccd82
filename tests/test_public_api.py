"""What `from ingan_fast import …` gives: documented, typed, light, and its examples run."""

import doctest
import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import ingan_fast
from ingan_fast.settings import PRESETS


@pytest.mark.usefixtures("unwatched")
def test_the_packages_example_runs(picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The example takes minutes, here seconds.
    monkeypatch.setitem(PRESETS, "learned", replace(PRESETS["smoke"], iterations=2, stages=1, blocks=0))
    Image.open(picture_path).save("fruit.jpg")
    names: dict[str, object] = {}
    examples = doctest.DocTestParser().get_examples(ingan_fast.__doc__ or "")
    assert len(examples) >= 3
    for example in examples:
        exec(example.source, names)
    assert names["wide"].picture.shape == (480, 640, 3)  # type: ignore[attr-defined]
    assert names["wider"].picture.shape == (480, 640, 3)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ingan_fast.__all__)
def test_every_public_name_is_documented_and_typed(name: str) -> None:
    thing = getattr(ingan_fast, name)
    if name == "__version__":
        assert isinstance(thing, str)
        return
    assert len(inspect.getdoc(thing) or "") > 40
    if isinstance(thing, type) and issubclass(thing, Exception):
        return
    signature = inspect.signature(thing)
    assert all(parameter.annotation is not parameter.empty for parameter in signature.parameters.values())


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="draw"):
        ingan_fast.draw  # noqa: B018


@pytest.mark.parametrize("code", ["import ingan_fast", "from ingan_fast import Transform; Transform.resize((64, 48))"])
def test_importing_loads_nothing_heavy(code: str, tmp_path: Path) -> None:
    check = f"{code}\nimport sys\nprint({{'torch', 'triton', 'tensorrt', 'matplotlib'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["--version"]])
def test_help_loads_no_torch(words: list[str], tmp_path: Path) -> None:
    check = (
        f"import sys\nsys.argv = ['ingan-fast', *{words}]\nfrom ingan_fast.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
