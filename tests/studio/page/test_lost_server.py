"""What the page does while its server is away."""

import socket
from pathlib import Path
from typing import Any

from ingan_fast.pictures import save_image
from layout_scenes import fence
from studio_page import painted, rested, stroke, studio, tool, until

TOKEN = "a-token-for-two-servers"


def test_what_is_painted_without_a_server_is_stored_when_it_comes_back(browser: Any, tmp_path: Path) -> None:
    save_image(fence(), tmp_path / "fence.png")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        words = tmp_path / "fence.png", "--token", TOKEN, "--port", free.getsockname()[1]
    page = browser.new_page()
    with studio(tmp_path / "cache", *words) as address:
        page.goto(address)
        rested(page)
        tool(page, "paint")
    until(page, "!document.getElementById('banner').hidden")
    assert "has stopped" in page.inner_text("#banner")
    stroke(page, (0.2, 0.5), (0.3, 0.5))
    assert painted(page, "keep").any()
    with studio(tmp_path / "cache", *words):
        until(page, "window.__studio.masks.keep === 1")
        until(page, "document.getElementById('banner').hidden")
        page.evaluate("localStorage.clear()")
        page.reload()
        rested(page)
        assert painted(page, "keep")[30, 36:54].all()
    page.close()
