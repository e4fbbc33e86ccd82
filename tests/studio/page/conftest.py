"""One studio and one browser's profile for all tests of the page; each finds the profile empty."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ingan_fast.pictures import save_image
from layout_scenes import fence
from studio_page import POSTS, chromium, rested, studio


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def address(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio(tmp_path_factory.mktemp("cache")) as address:
        yield address


@pytest.fixture
def said() -> list[str]:
    """Errors on the console; there must be none at the end."""
    return []


@pytest.fixture(scope="package")
def resting(browser: Any, address: str) -> Iterator[Any]:
    """A tab that stays open: those beside it share its process, which takes longer to start than most tests."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    tab.goto(f"{_own(address)}/static/favicon.svg")
    yield tab
    context.close()


@pytest.fixture
def context(resting: Any, address: str, said: list[str]) -> Iterator[Any]:
    """The browser's profile, whose pages may ask this machine only and say nothing on the console."""
    context = resting.context
    asked: list[str] = []
    listeners = {
        "request": lambda request: asked.append(request.url),
        "console": lambda message: said.append(_told(message)) if _counts(message, resting) else None,
        "weberror": lambda error: said.append(str(error.error)),
    }
    for event, listener in listeners.items():
        context.on(event, listener)
    yield context
    _empty(resting)
    for event, listener in listeners.items():
        context.remove_listener(event, listener)
    own = _own(address)
    assert [url for url in asked if not url.startswith((own, f"blob:{own}", "data:"))] == []
    assert said == []


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A fence; no test has the same pixels as another one, and so no painting in common."""
    path = tmp_path / "fence.png"
    picture = fence(posts=POSTS)
    picture[0, 0] = next(_numbers)
    save_image(picture, path)
    return path


_numbers = count()


@pytest.fixture
def opened(context: Any, address: str, photo: Path) -> str:
    """The address of the page with the fence."""
    own, token = address.split("/?token=")
    sent = {"name": photo.name, "mimeType": "image/png", "buffer": photo.read_bytes()}
    headers = {"Authorization": f"Bearer {token}"}
    answer = context.request.post(f"{own}/api/pictures", multipart={"file": sent}, headers=headers)
    return f"{address}#{answer.json()['id']}"


@pytest.fixture
def page(context: Any, opened: str) -> Any:
    """The page with the fence."""
    page = context.new_page()
    page.goto(opened)
    rested(page)
    return page


def _own(address: str) -> str:
    """The studio's address without its token."""
    return address.split("/?")[0]


def _empty(resting: Any) -> None:
    """Close the other tabs and forget all that they kept; a tab may still write while it closes."""
    for page in resting.context.pages:
        if page is not resting:
            page.close()
    emptied = "() => { const kept = localStorage.length; localStorage.clear(); return kept === 0; }"
    resting.wait_for_function(emptied, polling=50)
    resting.context.clear_cookies()


def _counts(message: Any, resting: Any) -> bool:
    """Whether a message is an error of a page; the browser asks for an icon of the resting tab, which has none."""
    return message.type == "error" and message.page is not resting


def _told(message: Any) -> str:
    """An error on the console, with the address that it is about."""
    return f"{message.text} {message.location['url']}"
