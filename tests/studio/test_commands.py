"""The commands `studio` and `serve` as processes: they begin, answer, and end without a trace."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from studio_server import until


@contextmanager
def started(*words: object, cache: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ingan_fast", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"INGAN_FAST_CACHE": str(cache)},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def children(process: int) -> list[int]:
    files = Path(f"/proc/{process}/task").glob("*/children")
    return [int(word) for file in files for word in file.read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_studio_begins_and_ends(picture_path: Path, tmp_path: Path, number: signal.Signals) -> None:
    with started("studio", picture_path, "--no-open", cache=tmp_path) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        found = re.fullmatch(r"(http://127\.0\.0\.1:\d+)/\?token=(\S{16,})", address)
        assert found, address
        with httpx.Client(base_url=found[1]) as browser:
            assert browser.get(f"/?token={found[2]}").status_code == 200
            start = browser.get("/api/server").json()["start"]
            assert browser.get(f"/api/pictures/{start}").json()["name"] == picture_path.name
        mine = children(process.pid)
        assert mine or sys.platform != "linux"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
    until(lambda: not any(Path(f"/proc/{child}").exists() for child in mine))
    assert not list((tmp_path / "studio" / "incoming").iterdir())


def test_the_service_begins_and_ends(picture_path: Path, tmp_path: Path) -> None:
    with started("serve", picture_path, "--port", 0, "--workers", 1, cache=tmp_path) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answer = httpx.post(url, data={"size": "70x56"}, timeout=30)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("command", ["studio", "serve"])
def test_other_machines_are_let_in_with_a_token_only(
    refused: Callable[..., None], picture_path: Path, command: str
) -> None:
    refused(command, picture_path, "--host", "0.0.0.0", parts=("--token",))
    refused(command, picture_path, "--host", "0.0.0.0", "--token", "short", parts=("at least 16",))


@pytest.mark.parametrize("command", ["studio", "serve"])
def test_what_is_not_there_is_refused(refused: Callable[..., None], command: str, tmp_path: Path) -> None:
    refused(command, tmp_path / "missing.png", parts=("missing.png", "doesn't exist"))


def test_a_port_that_is_taken_is_refused(refused: Callable[..., None], picture_path: Path) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused("serve", picture_path, "--port", other.getsockname()[1], parts=("can't listen", "--port"))
