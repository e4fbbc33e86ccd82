"""The page in Firefox, told over WebDriver BiDi, which Firefox speaks itself: a shape is dragged, a tool is used."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from studio_page import PATIENCE

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)


class Page:
    """A tab of Firefox; `said` has what its console said of errors."""

    def __init__(self, socket: ClientConnection):
        self._socket, self._number, self.said = socket, 0, list[str]()
        self._tell("session.new", capabilities={})
        self._context = self._tell("browsingContext.getTree")["contexts"][0]["context"]
        self._tell("session.subscribe", events=["log.entryAdded"])

    def _tell(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv(PATIENCE))).get("id") != self._number:
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.said.append(answer["params"]["text"])
        assert answer["type"] == "success", answer
        return answer["result"]

    def open(self, address: str) -> None:
        self._tell("browsingContext.navigate", context=self._context, url=address, wait="complete")

    def value(self, expression: str) -> Any:
        """The value of an expression, as JSON has it."""
        script = {"expression": f"JSON.stringify({expression}) ?? 'null'", "awaitPromise": False}
        found = self._tell("script.evaluate", target={"context": self._context}, **script)
        return json.loads(found["result"]["value"])

    def until(self, condition: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.value(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.1)

    def drag(self, selector: str, dx: int, dy: int) -> None:
        """Drag the middle of an element by CSS pixels."""
        box = self.value(f"document.querySelector('{selector}').getBoundingClientRect()")
        x, y = round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2)
        moves = [
            {"type": "pointerMove", "x": x + dx * step // 8, "y": y + dy * step // 8, "duration": 20}
            for step in range(9)
        ]
        moves[1:1] = [{"type": "pointerDown", "button": 0}]
        mouse = {"type": "pointer", "id": "mouse", "actions": [*moves, {"type": "pointerUp", "button": 0}]}
        self._tell("input.performActions", context=self._context, actions=[mouse])

    def close(self) -> None:
        self._tell("browser.close")


@contextmanager
def firefox(profile: Path) -> Iterator[Page]:
    command = [str(FIREFOX), "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port=0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        told = (re.search(r"WebDriver BiDi listening on (ws://\S+)", line) for line in process.stderr)
        with connect(next(filter(None, told))[1] + "/session", max_size=None, close_timeout=1) as socket:
            page = Page(socket)
            yield page
            page.close()
        process.wait(PATIENCE)
    finally:
        process.kill()


@pytest.mark.slow
@pytest.mark.skipif(FIREFOX is None, reason="the test in Firefox needs it, such as `apt-get install firefox-esr`")
def test_a_shape_is_dragged_in_firefox(opened: str, tmp_path: Path) -> None:
    (tmp_path / "profile").mkdir()
    with firefox(tmp_path / "profile") as page:
        page.open(opened)
        page.until("window.__studio?.settled")
        page.drag("[data-handle=right]", 90, 0)
        page.until("window.__studio.settled && window.__studio.size[0] > 190")
        frames = page.value("window.__studio.frames")
        page.drag("[data-handle=top-right]", -60, 30)
        page.until("window.__studio.settled")
        assert page.value("window.__studio.frames") > frames + 1  # the corner was followed
        assert page.value("document.getElementById('picture').style.transform.startsWith('matrix3d')")
        page.value("document.querySelector('button[data-tool=compare]').click()")
        page.until("document.getElementById('plain').naturalWidth > 0")
        assert page.said == []
