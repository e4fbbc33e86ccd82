"""Runs go to a Hub and come back from it, by huggingface_hub itself over HTTP."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from huggingface_hub import ModelCard, constants
from PIL import Image

from fake_hub import Hub, Repo
from ingan_fast import MachineError, Retargeter, UserError
from ingan_fast.hub import fetch
from ingan_fast.runtime.sidecar import Sidecar, checksum
from ingan_fast.training.run_folder import RunFolder

Command = Callable[..., object]
REPO = "me/dots"


def pushed(hub: Hub, run: Path, *, private: bool = False, extra: tuple[str, ...] = ()) -> None:
    """A repository with a run's files, without the command."""
    names = ("config.json", "generator.safetensors", "source.png")
    hub.repos[REPO] = Repo(private, {name: (run / name).read_bytes() for name in names} | dict.fromkeys(extra, b"old"))


def test_a_run_that_is_pushed_retargets_from_its_address(hub: Hub, trained_run: Path, ingan_fast: Command) -> None:
    done = ingan_fast("push", trained_run, REPO, "--license", "cc0-1.0", "--yes")
    assert done.code == 0, done.err
    assert set(hub.repos[REPO].files) == {
        "README.md",
        "config.json",
        "example.png",
        "generator.safetensors",
        "source.png",
    }
    assert not hub.repos[REPO].private
    assert hub.repos[REPO].files["generator.safetensors"] in hub.large.values()
    for name in hub.repos[REPO].files:  # listed before it was sent
        assert name in done.out
    assert "public" in done.out
    assert "dots.png" in done.out  # config.json tells the picture's name

    done = ingan_fast("retarget", f"hf://{REPO}", "--scale", "1.5x1", "--out", "hub.png")
    assert done.code == 0, done.err
    ingan_fast("retarget", trained_run, "--scale", "1.5x1", "--out", "local.png")
    assert Path("hub.png").read_bytes() == Path("local.png").read_bytes()


def test_python_and_videos_take_addresses(hub: Hub, trained_run: Path, ingan_fast: Command) -> None:
    pushed(hub, trained_run)
    with Retargeter.open(f"hf://{REPO}@main", "cpu") as retargeter:
        assert retargeter.source_size == (64, 56)
        assert retargeter(scale=(1.5, 1)).shape == (56, 96, 3)
    done = ingan_fast("video", f"hf://{REPO}", "--script", "grow-width", "--seconds", "0.1", "--out", "out/%d.png")
    assert done.code == 0, done.err
    assert len(list(Path("out").iterdir())) == 3


def test_a_server_takes_addresses(
    hub: Hub, trained_run: Path, ingan_fast: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed(hub, trained_run)
    plans: list[Any] = []
    monkeypatch.setattr("ingan_fast.studio.service.Service", lambda plan: plans.append(plan) or Mock())
    monkeypatch.setattr("ingan_fast.studio.service.service_app", Mock())
    monkeypatch.setattr("ingan_fast.studio.running.serve", Mock())
    done = ingan_fast("serve", f"hf://{REPO}", "--port", "0")
    assert done.code == 0, done.err
    assert (plans[0].served, plans[0].is_photo) == (fetch(f"hf://{REPO}"), False)


def test_the_card_has_what_the_hub_reads_and_measures(hub: Hub, trained_run: Path, ingan_fast: Command) -> None:
    ingan_fast("push", trained_run, REPO, "--license", "cc-by-4.0", "--private", "--yes")
    assert hub.repos[REPO].private
    card = ModelCard(hub.repos[REPO].files["README.md"].decode())
    assert card.data.license == "cc-by-4.0"
    assert card.data.library_name == "ingan-fast"
    assert "![The picture, and outputs at other widths](example.png)" in card.text
    assert f"retarget hf://{REPO} " in card.text
    assert "| iterations | 12 of 12 |" in card.text
    rows = [line.split("|") for line in card.text.splitlines() if line.startswith("| coherence")]
    assert len(rows) == 1
    assert all(0 <= float(value) < 1000 for value in rows[0][2:6])


def test_what_an_earlier_model_left_is_removed(hub: Hub, trained_run: Path, ingan_fast: Command) -> None:
    pushed(hub, trained_run, extra=("model.onnx", "model.onnx.json", "notes.txt"))
    done = ingan_fast("push", trained_run, REPO, "--license", "mit", "--yes")
    assert done.code == 0, done.err
    assert "model.onnx" not in hub.repos[REPO].files
    assert hub.repos[REPO].files["notes.txt"] == b"old"  # not ours
    assert "removed" in done.out


def exported(folder: Path, sha256: str) -> Path:
    """A folder that looks like an export of a run whose picture has this checksum."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"weights")
    source = {"name": "dots", "sha256": sha256, "width": 64, "height": 56, "file": "source.png"}
    sidecar = Sidecar("model.onnx", checksum(folder / "model.onnx"), "onnx", "fp32", [], [], 8, 16, 8, source)
    sidecar.write(folder)
    return folder


def test_an_exported_model_is_taken_where_there_is_no_torch(
    hub: Hub, trained_run: Path, ingan_fast: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("push", trained_run, REPO, "--license", "mit", "--yes", "--onnx")
    done = ingan_fast(*words, exported(tmp_path / "another", "0" * 64))
    assert done.code == 2
    assert "was not exported from" in done.err
    own = RunFolder(trained_run).read_config().images[0]["sha256"]
    done = ingan_fast(*words, exported(tmp_path / "own", own))
    assert done.code == 0, done.err
    assert {"model.onnx", "model.onnx.json"} < hub.repos[REPO].files.keys()
    assert fetch(f"hf://{REPO}").is_dir()  # the run, where torch is
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else ...)
    assert fetch(f"hf://{REPO}").name == "model.onnx"


def test_nothing_but_known_files_is_downloaded(hub: Hub, trained_run: Path) -> None:
    pushed(hub, trained_run, extra=("checkpoint.pt", "model.pt2", "model.engine", "evil.py", "sub/source.png"))
    folder = fetch(f"hf://{REPO}")
    assert {path.name for path in folder.iterdir()} == {"config.json", "generator.safetensors", "source.png"}
    got = {each.rsplit("/", 1)[1] for each in hub.requests if "/resolve/" in each}
    assert got == {"config.json", "generator.safetensors", "source.png"}


def test_what_is_cached_is_used_without_a_connection(
    hub: Hub, trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed(hub, trained_run)
    folder = fetch(f"hf://{REPO}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(f"hf://{REPO}") == folder
    with pytest.raises(MachineError, match=r"can't be reached for hf://me/other .*HF_HUB_OFFLINE"):
        fetch("hf://me/other")


def test_a_hub_that_cant_be_reached_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(MachineError, match=r"can't be reached for hf://me/dots .*check the network"):
        fetch(f"hf://{REPO}")


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("hf://dots", "is not the address of a model"),
        ("hf://me/dots/more", "is not the address of a model"),
        ("hf://datasets/dots", "is not the address of a model"),
        ("hf://me/../dots", "is not the address of a model"),
        ("hf://me/dots@", "names no branch"),
        ("hf://me/dots@a..b", "names no branch"),
    ],
)
def test_addresses_of_other_forms_are_refused(refused: Command, address: str, part: str) -> None:
    refused("retarget", address, "--scale", "2", "--out", "x.png", parts=(part, "hf://OWNER/NAME"))


def test_repositories_that_cant_be_used_are_told(logged_out: Hub, trained_run: Path, refused: Command) -> None:
    hub = logged_out
    words = ("retarget", f"hf://{REPO}", "--scale", "2", "--out", "x.png")
    refused(*words, parts=("no hf://me/dots", "private", "hf auth login"))
    pushed(hub, trained_run, private=True)
    refused(*words, parts=("private", "hf auth login"))
    hub.repos[REPO] = Repo(files={"config.json": b"{}", "model.safetensors": b""})
    refused(*words, parts=("not a model of ingan-fast", "generator.safetensors"))
    pushed(hub, trained_run)
    refused("retarget", f"hf://{REPO}@v9", *words[2:], parts=("no such branch, tag or commit",))
    hub.sizes["generator.safetensors"] = 5 << 30
    refused(*words, parts=("5369 MB", "at most 1074 MB"))
    assert not any("/resolve/" in each for each in hub.requests)


def test_another_programs_config_is_told(hub: Hub, trained_run: Path, refused: Command) -> None:
    pushed(hub, trained_run)
    hub.repos[REPO].files["config.json"] = b'{"architectures": ["Other"]}'
    refused("retarget", f"hf://{REPO}", "--scale", "2", "--out", "x.png", parts=("config.json can't be read",))


def test_pushes_that_cant_be_are_refused_before_anything_is_sent(
    hub: Hub, trained_run: Path, run_copy: Path, refused: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused("push", trained_run, REPO, parts=("no licence was given", "--license"))
    refused("push", trained_run, REPO, "--license", "CC BY", parts=("'CC BY'", "cc0-1.0"))
    refused("push", trained_run, "dots", "--license", "mit", parts=("OWNER/NAME",))
    refused("push", trained_run, f"{REPO}@main", "--license", "mit", parts=("names a revision",))
    refused("push", "nowhere", REPO, "--license", "mit", parts=("nowhere does not exist",))
    pushed(hub, trained_run)
    refused("push", trained_run, REPO, "--license", "mit", "--private", parts=("exists and is public",))
    RunFolder(run_copy).generator_path.unlink()
    refused("push", run_copy, REPO, "--license", "mit", parts=("no generator.safetensors yet",))
    monkeypatch.delenv("HF_TOKEN")
    refused("push", trained_run, REPO, "--license", "mit", parts=("hf auth login", "HF_TOKEN"))
    assert hub.writes == []


def test_without_a_terminal_or_yes_nothing_is_sent(hub: Hub, trained_run: Path, ingan_fast: Command) -> None:
    done = ingan_fast("push", trained_run, REPO, "--license", "mit")
    assert done.code == 2
    assert "--yes" in done.err
    assert "generator.safetensors" in done.out
    assert hub.writes == []
    assert REPO not in hub.repos


@pytest.mark.parametrize("sent", [False, True])
def test_on_a_terminal_it_asks_for_the_licence_and_before_sending(
    hub: Hub, trained_run: Path, ingan_fast: Command, monkeypatch: pytest.MonkeyPatch, sent: bool
) -> None:
    monkeypatch.setattr("ingan_fast.cli.push.typer.prompt", lambda text, err: "cc0-1.0")
    monkeypatch.setattr("ingan_fast.cli.push.typer.confirm", lambda text, err: sent)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    done = ingan_fast("push", trained_run, REPO)
    assert (done.code == 0) == sent, done.err
    assert (REPO in hub.repos) == sent
    if sent:
        assert "license: cc0-1.0" in hub.repos[REPO].files["README.md"].decode()


def test_what_the_hub_refuses_is_told(hub: Hub, trained_run: Path, ingan_fast: Command) -> None:
    done = ingan_fast("push", trained_run, REPO, "--license", "no-such-licence", "--yes")
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert "must be one of [apache-2.0, mit]" in done.err
    assert hub.repos == {}
    hub.writable = False
    done = ingan_fast("push", trained_run, REPO, "--license", "mit", "--yes")
    assert done.code == 2
    assert "may not write to me/dots" in done.err
    hub.writable = True
    hub.repos[REPO] = Repo(private=True, hidden=True)
    done = ingan_fast("push", trained_run, REPO, "--license", "mit", "--yes")
    assert done.code == 2
    assert "exists, and this login may not see it" in done.err


def test_a_hub_that_fails_is_the_machines_fault(hub: Hub, refused: Command) -> None:
    hub.fails = 501
    refused("retarget", f"hf://{REPO}", "--scale", "2", "--out", "x.png", parts=("the Hub failed",), code=1)


def test_the_example_shows_the_picture_and_outputs(hub: Hub, trained_run: Path, ingan_fast: Command) -> None:
    ingan_fast("push", trained_run, REPO, "--license", "mit", "--yes")
    Path("example.png").write_bytes(hub.repos[REPO].files["example.png"])
    with Image.open("example.png") as example:
        width, height = example.size
    assert width > 64 + 96 + 38  # the picture, and x1.5 and x0.6 of it
    assert height > 56


def test_without_the_library_its_extra_is_named(
    trained_run: Path, refused: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "huggingface_hub", None)
        refused("push", trained_run, REPO, "--license", "mit", parts=("pip install 'ingan-fast[hub]'",))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'ingan-fast\[hub\]'"):
        fetch(f"hf://{REPO}")
