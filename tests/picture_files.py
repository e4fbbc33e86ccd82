"""The formats of picture files, and how one is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingan_fast.errors import UserError

LOSSLESS = [".png", ".webp", ".tif", ".tiff", ".bmp"]
LOSSY = [".jpg", ".jpeg"]


def refusal_of(call: Callable[[], object], *parts: str | Path) -> None:
    """The call raises a UserError of one line that names each of `parts`."""
    with pytest.raises(UserError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message
