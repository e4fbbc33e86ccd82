"""Dragging in the studio: frames a second, delay from a movement of the mouse to the frame that shows it, memory.

    python benchmarks/studio_drag.py PICTURE --handles right,top-right --rates 30,60 --seconds 8 --json drag.json

Starts a studio and Chromium without a window; both share this machine's cores with the mouse that is imitated here.
Chromium is told over its own protocol: Playwright would have each frame sent to itself, too, which takes longer than
showing it.
"""

import argparse
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from processes import memory
from websockets.sync.client import ClientConnection, connect

SWING = 0.35  # of the picture's width, and half of that of its height, that the handle moves to and fro
PERIOD = 4.0  # seconds for that
PATIENCE = 90.0  # seconds until a picture is shown
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PREPARED = "fetch(`/api/pictures/${location.hash.slice(1)}`).then((it) => it.json()).then((it) => it.prepared)"
MEASURED = "({ delay: __studio.frameTimes, server: __studio.serverTimes, frames: __studio.frames, seen: __seen })"
WATCH = """(() => {
    globalThis.__seen = 0;
    let before = "";
    const look = () => {
        const now = document.getElementById("picture").style.cssText + __studio.frames;
        __seen += now !== before;
        before = now;
        requestAnimationFrame(look);
    };
    look();
})()"""


class Browser:
    """A page of Chromium, told over its debugging protocol."""

    def __init__(self, socket: ClientConnection):
        self._socket, self._sent = socket, 0

    def send(self, method: str, **params: Any) -> int:
        """Tell it something and don't wait."""
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": params}))
        return self._sent

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Tell it something and return the answer."""
        number = self.send(method, **params)
        while (answer := json.loads(self._socket.recv())).get("id") != number:
            continue
        found: dict[str, Any] = answer["result"]
        return found

    def value(self, expression: str) -> Any:
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.value(condition):
            if time.monotonic() > end:
                raise TimeoutError(f"the page did not come to {condition}")
            time.sleep(0.2)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """Move, press or release the mouse as a hand does: without waiting for what is shown."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def box(self, selector: str) -> list[float]:
        """Left, top, width and height of an element, px."""
        box = f"document.querySelector('{selector}').getBoundingClientRect()"
        found: list[float] = self.value(f"(({{ x, y, width, height }}) => [x, y, width, height])({box})")
        return found

    def heap(self) -> float:
        """MB of JavaScript's objects that are in use."""
        self.ask("HeapProfiler.collectGarbage")
        self.ask("Performance.enable")
        found = {each["name"]: each["value"] for each in self.ask("Performance.getMetrics")["metrics"]}
        return round(found["JSHeapUsedSize"] / 1e6, 1)


@contextmanager
def chromium(address: str) -> Iterator[tuple[Browser, int]]:
    """A browser that shows an address, and its process."""
    assert CHROMIUM is not None, "install Chromium, such as with `apt-get install chromium`"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        words = ["--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--window-size=1280,900"]
        command = [CHROMIUM, *words, f"--user-data-dir={profile}", address]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            place = Path(profile) / "DevToolsActivePort"
            while not place.is_file() or not place.read_text():
                time.sleep(0.1)
            with urllib.request.urlopen(f"http://127.0.0.1:{place.read_text().split()[0]}/json") as answer:
                page = next(each for each in json.load(answer) if each["type"] == "page")
            with connect(page["webSocketDebuggerUrl"], max_queue=None, max_size=None, ping_interval=None) as socket:
                yield Browser(socket), process.pid
        finally:
            process.terminate()
            process.wait()


def drag(browser: Browser, handle: str, rate: float, seconds: float) -> dict[str, Any]:
    """Drag a handle to and fro, and what the page measured meanwhile."""
    left, top, width, height = browser.box(f"[data-handle={handle}]")
    _, _, across, down = browser.box("#picture")
    x, y = left + width / 2, top + height / 2
    browser.mouse("mouseMoved", x, y)
    browser.mouse("mousePressed", x, y)
    for warm in range(12):
        browser.mouse("mouseMoved", x - warm, y + warm / 2)
        time.sleep(0.06)
    browser.value("__studio.frameTimes.length = __studio.serverTimes.length = __studio.frames = __seen = 0")
    began, moves = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        part = (1 - math.cos(2 * math.pi * now / PERIOD)) / 2 * SWING
        browser.mouse("mouseMoved", x - part * across, y + part * down / 2)
        moves += 1
        time.sleep(max(0.0, moves / rate - (time.perf_counter() - began)))
    spent = time.perf_counter() - began
    measured = browser.value(MEASURED)
    browser.send("Input.dispatchKeyEvent", type="keyDown", key="Escape")
    browser.mouse("mouseReleased", x, y)
    browser.until("__studio.settled")
    found: dict[str, Any] = {"handle": handle, "moves_a_second": round(moves / spent, 1)}
    found["seen_a_second"] = round(measured["seen"] / spent, 1)  # with those that only follow the hand
    found["frames_a_second"] = round(measured["frames"] / spent, 1)
    for name in ("delay", "server"):
        found[f"{name}_ms"] = np.percentile(measured[name], [50, 95]).round(1).tolist()
    return found | {"frames": measured["frames"]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Dragging in the studio.")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--handles", default="right,top-right")
    parser.add_argument("--rates", default="30,60", help="movements a second")
    parser.add_argument("--seconds", type=float, default=6, help="for each handle and rate")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    command = [sys.executable, "-m", "ingan_fast", "studio", str(given.picture), "--no-open"]
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"INGAN_FAST_CACHE": cache}
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            assert server.stdout is not None
            with chromium(server.stdout.readline().strip()) as (browser, process):
                browser.until("globalThis.__studio?.settled")
                browser.until(PREPARED)
                browser.value(WATCH)
                for handle in given.handles.split(","):
                    for rate in map(float, given.rates.split(",")):
                        row = drag(browser, handle, rate, given.seconds)
                        used = {"server_mb": memory(server.pid), "browser_mb": memory(process)}
                        rows.append(row | used | {"heap_mb": browser.heap()})
                        print(rows[-1], flush=True)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
