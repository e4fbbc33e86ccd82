"""Shared by the studio's tests."""

import math
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from ingan_fast.studio.studio import Limits
from studio_server import CLIENT, serving


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of one studio for a file's tests: its processes take longer to start than most tests."""
    with serving(tmp_path_factory.mktemp("cache"), Limits(page_gone=math.inf)) as client:
        yield client


@pytest.fixture
def client(shared: TestClient) -> Iterator[TestClient]:
    """The client, of a studio that is empty at first."""
    yield shared
    shared.cookies.clear()
    studio = shared.studio  # type: ignore[attr-defined]
    studio.jobs.page_gone(CLIENT)
    for entry in studio.store.entries():
        studio.remove(entry.id)
    assert not list((studio.store.root / "pictures").iterdir())
