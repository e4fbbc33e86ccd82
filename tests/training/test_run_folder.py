"""A run folder that is damaged, foreign or half there is refused in one line; its files say what they are."""

import json
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.table import Table
from safetensors import safe_open
from torch import nn

from ingan_fast import Transform, load, train
from ingan_fast.errors import UserError
from ingan_fast.model.networks import Generator
from ingan_fast.pictures import save_image
from ingan_fast.settings import PAPER, SMOKE, Settings
from ingan_fast.training import run_folder
from ingan_fast.training.info import describe
from ingan_fast.training.run_folder import FORMAT, weights_of
from ingan_fast.training.trained import read_run


def refusal(call: Any, *parts: str) -> None:
    with pytest.raises(UserError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def open_and_use(run: Path) -> None:
    load(run, device="cpu").retarget(Transform.resize((32, 32)))


def go_on(run: Path, picture_path: Path) -> None:
    train(picture_path, run, preset_name="smoke", device="cpu", resume=True)


def edit_config(run: Path, **changes: Any) -> None:
    """Change keys of config.json; None removes one."""
    content = json.loads((run / "config.json").read_text()) | changes
    (run / "config.json").write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


# Not a run


def test_a_folder_that_is_not_there_is_refused_with_the_command_to_train(tmp_path: Path) -> None:
    refusal(lambda: read_run(tmp_path / "run"), "does not exist", "ingan-fast train")


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_not_a_run_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    path.mkdir() if kind == "folder" else path.write_text("text")
    refusal(lambda: read_run(path), str(path), "not a run")
    refusal(lambda: describe(path), str(path), "not a run")


# config.json


@pytest.mark.parametrize("text", ["", "{", "[]", "[1, 2]", "null", "3", '"text"', "{}", "\x00\xff", '{"format": 1}'])
def test_a_damaged_config_is_refused(run_copy: Path, text: str) -> None:
    (run_copy / "config.json").write_bytes(text.encode("latin-1"))
    refusal(lambda: read_run(run_copy), "config.json")
    refusal(lambda: describe(run_copy), "config.json")


def test_a_config_that_is_cut_off_is_refused(run_copy: Path) -> None:
    cut(run_copy / "config.json")
    refusal(lambda: read_run(run_copy), "config.json", "overwrite=True")


def test_settings_that_are_gone_are_left_out(run_copy: Path) -> None:
    before = read_run(run_copy).settings
    settings = json.loads((run_copy / "config.json").read_text())["settings"]
    gone = {"unit_scale": False, "jump_x": 0, "jump_y": 0, "scatter": False, "invention": 1.0}
    edit_config(run_copy, settings=settings | gone)
    assert read_run(run_copy).settings == before


def test_a_run_of_a_preset_that_is_gone_is_refused_and_not_called_damaged(run_copy: Path) -> None:
    settings = json.loads((run_copy / "config.json").read_text())["settings"]
    edit_config(run_copy, settings=settings | {"unit_scale": True, "jump_x": 8})
    with pytest.raises(UserError, match=r"no longer supports.*ingan-fast retarget PICTURE") as refused:
        read_run(run_copy)
    assert "damaged" not in str(refused.value)


@pytest.mark.parametrize("key", ["settings", "seed", "images", "preset", "device", "versions"])
def test_a_config_without_one_of_its_keys_is_refused(run_copy: Path, key: str) -> None:
    edit_config(run_copy, **{key: None})
    refusal(lambda: read_run(run_copy), "config.json", key)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": "many"},
        {"settings": []},
        {"settings": {"channels": "wide"}},
        {"settings": {"channels": -8}},
        {"settings": {"colour": 3}},
        {"images": 3},
        {"images": []},
        {"images": [1]},
        {"images": [{"name": "a.png"}]},
        {"versions": 3},
    ],
)
def test_a_config_of_wrong_values_is_refused(run_copy: Path, changes: dict[str, Any]) -> None:
    edit_config(run_copy, **changes)
    refusal(lambda: open_and_use(run_copy))
    refusal(lambda: describe(run_copy))


@pytest.mark.parametrize("versions", [{"ingan-fast": "9.9"}, None, "text"])
def test_a_run_of_another_format_is_refused_with_the_version_that_wrote_it(run_copy: Path, versions: Any) -> None:
    edit_config(run_copy, format=FORMAT + 1, versions=versions)
    parts = ["9.9"] if isinstance(versions, dict) else []
    refusal(lambda: read_run(run_copy), f"format {FORMAT + 1}", "use that version", *parts)
    refusal(lambda: describe(run_copy), f"format {FORMAT + 1}")


# source.png


def test_a_picture_that_is_not_the_runs_is_refused(run_copy: Path) -> None:
    source = read_run(run_copy).source
    save_image(255 - source, run_copy / "source.png")
    refusal(lambda: read_run(run_copy), "source.png", "not the picture of this run")


@pytest.mark.parametrize("damage", [Path.unlink, cut])
def test_a_picture_that_is_gone_or_cut_off_is_refused(run_copy: Path, damage: Any) -> None:
    damage(run_copy / "source.png")
    refusal(lambda: read_run(run_copy), "source.png")


# generator.safetensors


def test_a_run_without_a_generator_yet_is_refused_with_resume(run_copy: Path) -> None:
    (run_copy / "generator.safetensors").unlink()
    refusal(lambda: read_run(run_copy), "generator.safetensors", "resume=True")


def test_a_damaged_generator_is_refused(run_copy: Path) -> None:
    path = run_copy / "generator.safetensors"
    whole = path.read_bytes()
    for data in (b"", b"x", whole[:4], whole[: len(whole) // 2], whole[:-1], b"\xff" * 200):
        path.write_bytes(data)
        refusal(lambda: read_run(run_copy), "generator.safetensors", "can't be read")


def test_a_generator_of_other_settings_is_refused(run_copy: Path) -> None:
    settings = json.loads((run_copy / "config.json").read_text())["settings"]
    edit_config(run_copy, settings=settings | {"channels": 16})
    refusal(lambda: read_run(run_copy), "generator.safetensors")


def test_a_config_that_asks_for_a_larger_network_is_refused_before_it_is_built(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(generator: Generator) -> Generator:
        assert next(generator.parameters()).is_meta, "the network was built"
        return generator

    monkeypatch.setattr(run_folder, "fold", build)
    settings = json.loads((run_copy / "config.json").read_text())["settings"]
    edit_config(run_copy, settings=settings | {"channels": 128, "blocks": 8})
    refusal(lambda: read_run(run_copy), "generator.safetensors", "can't be read", "weights, the network of config.json")


@pytest.mark.parametrize(
    "settings",
    [
        SMOKE,
        replace(PAPER, channels=8),
        replace(SMOKE, channels=5, downscales=0, blocks=0, stages=1),
        replace(SMOKE, channels=7, downscales=2, blocks=3, stages=2),
        replace(SMOKE, channels=10, downscales=1, stages=3, skips=True),
    ],
)
def test_the_weights_of_a_network_are_counted_without_making_it(settings: Settings) -> None:
    weights = [module.weight for module in Generator(settings).modules() if isinstance(module, nn.Conv2d)]
    assert weights_of(settings) == sum(weight.numel() for weight in weights)


def test_a_generator_describes_itself(trained_run: Path) -> None:
    with safe_open(trained_run / "generator.safetensors", "pt") as file:
        about = json.loads(file.metadata()["ingan_fast"])
    config = json.loads((trained_run / "config.json").read_text())
    assert isinstance(about.pop("stretches"), bool)
    assert about == {"format": FORMAT, "iteration": 12, "settings": config["settings"]}


# checkpoint.pt


class Malicious:
    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_code_in_a_checkpoint_is_not_run(run_copy: Path, picture_path: Path, tmp_path: Path, writer: str) -> None:
    checkpoint, mark = run_copy / "checkpoint.pt", tmp_path / "the code ran"
    if writer == "torch":
        torch.save({"iteration": 4, "generator": Malicious(mark)}, checkpoint)
    else:
        checkpoint.write_bytes(pickle.dumps({"iteration": 4, "generator": Malicious(mark)}))
    refusal(lambda: go_on(run_copy, picture_path), "checkpoint.pt", "overwrite=True")
    assert not mark.exists()


def test_a_damaged_checkpoint_is_refused(run_copy: Path, picture_path: Path) -> None:
    path = run_copy / "checkpoint.pt"
    whole = path.read_bytes()
    for data in (b"", b"x", whole[: len(whole) // 2], whole[:-30], b"\xff" * 200):
        path.write_bytes(data)
        refusal(lambda: go_on(run_copy, picture_path), "checkpoint.pt", "overwrite=True")


@pytest.mark.parametrize(
    "content",
    [
        {},
        [1, 2],
        3,
        torch.zeros(3),
        {"iteration": 4},
        {"iteration": 4, "norm_frozen": False, "generator": {}},
        {"iteration": "4", "norm_frozen": False, "generator": 7},
    ],
    ids=str,
)
def test_a_checkpoint_of_something_else_is_refused(run_copy: Path, picture_path: Path, content: Any) -> None:
    torch.save(content, run_copy / "checkpoint.pt")
    refusal(lambda: go_on(run_copy, picture_path), "checkpoint.pt", "overwrite=True")


def test_a_damaged_checkpoint_does_not_keep_a_run_from_being_used(run_copy: Path) -> None:
    (run_copy / "checkpoint.pt").write_bytes(b"")
    open_and_use(run_copy)


# log.jsonl


@pytest.mark.parametrize("tail", [b'{"iterat', b"\xff\xfe\x00", b"{}\n", b"3\n"])
def test_a_log_line_that_was_cut_off_is_left_out(run_copy: Path, tail: bytes) -> None:
    with open(run_copy / "log.jsonl", "ab") as file:
        file.write(tail)
    table = describe(run_copy)
    assert facts(table)["iterations"] == "12 of 12"


def facts(table: Table) -> dict[str, str]:
    names, values = ([str(cell) for cell in column.cells] for column in table.columns)
    return dict(zip(reversed(names), reversed(values), strict=True))  # of a name that comes twice, the first


def test_a_run_tells_what_it_is(trained_run: Path) -> None:
    table = describe(trained_run)
    rows = facts(table)
    assert rows["picture"] == "dots.png, 64x56"
    assert rows["iterations"] == "12 of 12"
    assert "generator.safetensors" in (rows["generator"])
    assert rows["seed, device, precision"].startswith("0, cpu, ")
    assert rows["preset"] == "smoke"


def test_settings_that_differ_from_the_preset_are_marked(run_copy: Path) -> None:
    settings = json.loads((run_copy / "config.json").read_text())["settings"]
    edit_config(run_copy, settings=settings | {"noise": 0.5})
    rows = facts(describe(run_copy))
    assert (rows["noise"]).startswith("0.5 (preset: ")
    assert "preset" not in (rows["crop"])
