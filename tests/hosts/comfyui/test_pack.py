"""The pack as ComfyUI and its registry take it: metadata, names, example workflows in both forms."""

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfyui_host import PACK, WIDGETS, Host, from_ui
from ingan_fast.pictures import Pixels

EXAMPLES = ("instant", "learned")


def ui_form(name: str) -> dict[str, Any]:
    return json.loads((PACK / "example_workflows" / f"{name}.json").read_text())


def api_form(name: str) -> dict[str, Any]:
    return json.loads((PACK / "example_workflows" / "api" / f"{name}.json").read_text())


@pytest.fixture
def with_example(comfyui: Host, picture: Pixels) -> Host:
    """ComfyUI with its example picture, a small one here."""
    Image.fromarray(picture).save(comfyui.folder("input") / "example.png")
    return comfyui


def test_the_registry_finds_what_it_asks_for() -> None:
    project = tomllib.loads((PACK / "pyproject.toml").read_text())
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", project["project"]["name"])
    assert "comfy" not in project["project"]["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["project"]["version"])
    assert project["project"]["license"].keys() == {"text"}
    assert project["project"]["urls"]["Repository"].startswith("https://")
    assert project["tool"]["comfy"].keys() >= {"PublisherId", "DisplayName"}
    needed = (PACK / "requirements.txt").read_text().split()
    assert project["project"]["dependencies"] == needed
    assert not any(line.startswith("torch") for line in needed)  # ComfyUI's own build would be replaced


def test_code_that_the_registry_bans_is_not_there() -> None:
    text = "".join(path.read_text() for path in PACK.glob("*.py"))
    assert not re.search(r"\b(eval|exec|subprocess|__import__)\b|pip install", text)


def test_every_node_says_what_comfyui_asks(comfyui: Host) -> None:
    ours = {name: node for name, node in comfyui.nodes.items() if name.startswith("InganFast")}
    assert len(ours) == 7
    assert len({node.TITLE for node in ours.values()}) == 7
    for node in ours.values():
        assert callable(getattr(node, node.FUNCTION))
        assert len(getattr(node, "RETURN_NAMES", node.RETURN_TYPES)) == len(node.RETURN_TYPES)
        for inputs in node.INPUT_TYPES().values():
            for name, (kind, *options) in inputs.items():
                limits = options[0] if options else {}
                if isinstance(kind, list):
                    assert limits["default"] in kind, name
                elif kind in WIDGETS:
                    assert isinstance(limits["default"], WIDGETS[kind]), name
                if kind in ("INT", "FLOAT"):
                    assert limits["min"] <= limits["default"] <= limits["max"], name


@pytest.mark.parametrize("name", EXAMPLES)
def test_both_forms_of_an_example_are_the_same(with_example: Host, name: str) -> None:
    assert from_ui(ui_form(name), with_example) == api_form(name)


def test_the_example_without_training_runs(with_example: Host) -> None:
    prompt = api_form("instant")
    prompt["4"]["inputs"] |= {"seconds": 0.3, "fps": 10.0}  # a short video is enough here
    with_example.run(prompt)
    with Image.open(with_example.folder("output") / "ingan_fast" / "wide_00000_.png") as wide:
        assert wide.size == (96, 56)
    frames, fps = with_example.saved_video
    assert len(frames) == 3
    assert fps == 10


def test_the_example_with_training_runs_and_is_kept(with_example: Host, trained_run: Path) -> None:
    # A training that is finished already: of the same picture, with the same settings.
    shutil.copytree(trained_run, with_example.folder("output/ingan_fast") / "example")
    prompt = api_form("learned")
    prompt["2"]["inputs"] |= {"preset": "smoke", "minutes": 0.0}
    prompt["5"]["inputs"] |= {"seconds": 0.3, "fps": 10.0}
    with_example.run(prompt)
    with Image.open(with_example.folder("output") / "ingan_fast" / "learned_00000_.png") as wide:
        assert wide.size == (96, 56)
    frames, _ = with_example.saved_video
    assert len(frames) == 3
    with_example.progress.clear()
    with_example.run(prompt)  # queued again: nothing has changed
    assert with_example.progress == []
    assert with_example.saved_video[0] is frames
