"""A studio in this process, and what its tests ask it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient, WebSocketTestSession

from ingan_fast.studio.app import studio_app
from ingan_fast.studio.studio import Limits, Studio

TOKEN = "a-token-for-the-tests"
PORT = 8000
CLIENT = "page-of-a-test"
ADDRESS = f"http://127.0.0.1:{PORT}"


@contextmanager
def serving(cache: Path, limits: Limits | None = None, token: str | None = TOKEN) -> Iterator[TestClient]:
    """A client of a studio with a cache folder; the studio is closed at the end."""
    studio = Studio(cache, limits)
    headers = {"X-Client": CLIENT, **({"Authorization": f"Bearer {token}"} if token else {})}
    app = studio_app(studio, TOKEN, "127.0.0.1", PORT)
    with TestClient(app, ADDRESS, headers=headers, raise_server_exceptions=False) as client:
        client.studio = studio  # type: ignore[attr-defined]
        yield client


def add(client: TestClient, path: Path, name: str | None = None) -> Any:
    """The picture that a file becomes."""
    with open(path, "rb") as file:
        answer = client.post("/api/pictures", files={"file": (name or path.name, file)})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def sentence(answer: httpx.Response, status: int) -> str:
    """The error of an answer with this status: one sentence without paths or a traceback."""
    assert answer.status_code == status, answer.text
    text: str = answer.json()["error"]
    assert "Traceback" not in text
    assert "\n" not in text
    assert "/cache" not in text
    assert "/tmp" not in text
    return text


def finished(client: TestClient, started: httpx.Response, seconds: float = 60) -> Any:
    """The job that this answer started, when it has ended."""
    assert started.status_code == 202, started.text
    job = started.json()
    end = time.monotonic() + seconds
    while job["state"] in ("queued", "running") and time.monotonic() < end:
        time.sleep(0.02)
        job = client.get(f"/api/jobs/{job['id']}").json()
    return job


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class Gate:
    """Holds a function up until it is opened, and counts the callers that wait."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.waiting = 0

    def hold(self, *_: object, **__: object) -> None:
        self.waiting += 1
        assert self.opened.wait(30)


def connected(client: TestClient, key: str, page: str = CLIENT, **headers: str) -> WebSocketTestSession:
    """A page's socket for a picture."""
    url = f"ws://127.0.0.1:{PORT}/api/pictures/{key}/frames?client={page}"
    return client.websocket_connect(url, headers={name.title(): value for name, value in headers.items()})
