"""A real studio in a process of its own, and its page in a real browser."""

import os
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
POSTS = 10  # of the fence that the page shows
PATIENCE = 120.0  # seconds; the machine may be busy

# As text, which reaches Python much faster than numbers do.
PIXELS = """(canvas) => {
    const { width, height } = canvas;
    let bytes = "";
    for (const value of canvas.getContext("2d").getImageData(0, 0, width, height).data)
        bytes += String.fromCharCode(value);
    return [width, height, btoa(bytes)];
}"""


@contextmanager
def studio(cache: Path, *words: object) -> Iterator[str]:
    """The address of a studio that runs until the end."""
    command = [sys.executable, "-m", "ingan_fast", "studio", *map(str, words), "--no-open"]
    environment = {**os.environ, "INGAN_FAST_CACHE": str(cache)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright")
    if CHROMIUM is None:
        pytest.skip("the page's tests need Chromium, such as of `apt-get install chromium`")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def until(page: Any, condition: str) -> Any:
    """Wait until an expression is true on the page; its policy lets no waiting script in."""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < PATIENCE:
        value = page.evaluate(condition)
        if value:
            return value
        page.wait_for_timeout(min(25 + 100 * waited, 250))  # asking takes time from what is waited for
    status = page.evaluate("document.getElementById('status').textContent")
    raise AssertionError(f"it did not come true: {condition}; the page says: {status}")


def rested(page: Any) -> None:
    """Wait until the output is shown as it will be saved."""
    until(page, "window.__studio?.settled")


def shape(page: Any) -> tuple[int, int]:
    return int(page.input_value("#width")), int(page.input_value("#height"))


def pixels(page: Any, canvas: str) -> NDArray[np.uint8]:
    """What is on a canvas: [height, width, 4]."""
    width, height, text = page.locator(canvas).evaluate(PIXELS)
    return np.frombuffer(b64decode(text), np.uint8).reshape(height, width, 4)


def drag(page: Any, handle: str, dx: float, dy: float, steps: int = 8) -> None:
    """Drag a handle by CSS pixels and let go."""
    box = page.locator(f"[data-handle={handle}]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, steps + 1):
        page.mouse.move(x + dx * step / steps, y + dy * step / steps)
        page.wait_for_timeout(16)
    page.mouse.up()


def stroke(page: Any, *points: tuple[float, float]) -> None:
    """Paint along points, in parts of the picture's sides."""
    begin_stroke(page, *points)
    page.mouse.up()


def begin_stroke(page: Any, *points: tuple[float, float]) -> None:
    """Paint and keep the button down."""
    box = page.locator("#brush-area").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places:
        page.mouse.move(*place)


def choose(page: Any, label: str) -> None:
    """Choose one of a row of choices in the panel that is shown."""
    page.locator(".panel:not([hidden]) .choice", has_text=label).click()


def tool(page: Any, name: str) -> None:
    page.click(f"button[data-tool={name}]")


def painted(page: Any, mask: str) -> NDArray[np.bool_]:
    """What is painted: [height, width]."""
    return pixels(page, f"#{mask}")[..., 3] > 127
