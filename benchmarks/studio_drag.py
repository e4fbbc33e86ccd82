"""Dragging in the studio: frames a second, delay from a movement of the mouse to the frame that shows it, memory.

    python benchmarks/studio_drag.py PICTURE --handles right,top-right --rates 30,60 --seconds 8 --json drag.json

Starts a studio and Chromium (without a window), which share this machine's cores with the mouse that is imitated here.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright
from websockets.sync.client import ClientConnection, connect

SWING = 0.35  # of the picture's side on the screen, that the handle moves to and fro
PERIOD = 4.0  # seconds for that
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def memory(process: int) -> int:
    """MB of a process and its children, pages that they share counted once for each."""
    total = 0
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            total += int(line.split()[1]) // 1024
    return total + sum(memory(int(child)) for child in children)


def heap(page: Page) -> float:
    """MB of JavaScript's objects that are in use."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return float(found["JSHeapUsedSize"] / 1e6)


class Mouse:
    """Moves the mouse without waiting for the browser, as a hand does; waiting would hide slow frames."""

    def __init__(self, socket: ClientConnection):
        self._socket, self._sent = socket, 0

    def move(self, x: float, y: float) -> None:
        self._sent += 1
        params = {"type": "mouseMoved", "x": x, "y": y, "button": "left", "buttons": 1}
        message = {"id": self._sent, "method": "Input.dispatchMouseEvent", "params": params}
        self._socket.send(json.dumps(message))


def debugger(page: Page, port: int) -> str:
    """The address at which Chromium is told what happens on a page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
        targets = json.load(answer)
    return str(next(each for each in targets if each["url"] == page.url)["webSocketDebuggerUrl"])


def drag(page: Page, mouse: Mouse, handle: str, rate: float, seconds: float) -> dict[str, Any]:
    """Drag a handle to and fro, and what the page measured meanwhile."""
    box, picture = page.locator(f"[data-handle={handle}]").bounding_box(), page.locator("#picture").bounding_box()
    assert box is not None
    assert picture is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for warm in range(12):
        page.mouse.move(x - warm, y + warm / 2)
        page.wait_for_timeout(60)
    page.evaluate("window.__studio.frameTimes.length = window.__studio.serverTimes.length = 0")
    before = page.evaluate("window.__studio.frames")
    began, moves = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        part = (1 - np.cos(2 * np.pi * now / PERIOD)) / 2 * SWING
        mouse.move(x - part * picture["width"], y + part * picture["height"] * 0.5)
        moves += 1
        time.sleep(max(0.0, moves / rate - (time.perf_counter() - began)))
    spent = time.perf_counter() - began
    frames = page.evaluate("window.__studio.frames") - before
    times = page.evaluate("[window.__studio.frameTimes, window.__studio.serverTimes]")
    page.keyboard.press("Escape")
    page.mouse.up()
    page.wait_for_timeout(1500)
    delay, server = (np.percentile(each, [50, 95]).round(1).tolist() for each in times)
    return {
        "handle": handle,
        "moves_a_second": round(moves / spent, 1),
        "frames_a_second": round(frames / spent, 1),
        "delay_ms": delay,
        "server_ms": server,
        "frames": frames,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Dragging in the studio.")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--handles", default="right,top-right")
    parser.add_argument("--rates", default="30,60", help="movements a second")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    words = [sys.executable, "-m", "ingan_fast", "studio", str(given.picture), "--no-open"]
    with tempfile.TemporaryDirectory() as cache, sync_playwright() as driver:
        environment = os.environ | {"INGAN_FAST_CACHE": cache}
        server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
        assert server.stdout is not None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        arguments = ["--no-sandbox", f"--remote-debugging-port={port}", "--remote-allow-origins=*"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(server.stdout.readline().strip())
        while not page.evaluate("window.__studio?.settled"):
            page.wait_for_timeout(200)
        rows = []
        with connect(debugger(page, port), max_queue=None, ping_interval=None, close_timeout=1) as told:
            mouse = Mouse(told)
            for handle in given.handles.split(","):
                for rate in map(float, given.rates.split(",")):
                    rows.append(drag(page, mouse, handle, rate, given.seconds))
                    rows[-1] |= {"server_mb": memory(server.pid), "heap_mb": round(heap(page), 1)}
                    print(rows[-1], flush=True)
        browser.close()
        server.send_signal(signal.SIGINT)
        server.wait()
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
