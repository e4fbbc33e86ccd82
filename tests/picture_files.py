"""Picture file formats, checks of errors, and colour profiles."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ingan_fast.errors import UserError

LOSSLESS = [".png", ".webp", ".tif", ".tiff", ".bmp"]
LOSSY = [".jpg", ".jpeg"]


def refusal_of(call: Callable[[], object], *parts: str | Path) -> None:
    """Assert that the call raises a UserError of one line that contains each of `parts`."""
    with pytest.raises(UserError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message


P3 = ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841))  # red, green, blue, in D50


def profile(kind: str = "RGB ", gamma: float = 2.2, primaries: Sequence[Sequence[float]] = P3) -> bytes:
    """A colour profile (ICC, version 2) of that gamma: "RGB " of these primaries, or "GRAY"."""

    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(79)
    tags = {
        b"desc": text,
        b"cprt": b"text" + bytes(4) + b"CC0\0",
        b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249),
    }
    if kind == "GRAY":
        tags[b"kTRC"] = curve
    else:
        for name, primary in zip("rgb", primaries, strict=True):
            tags[f"{name}XYZ".encode()] = b"XYZ " + bytes(4) + fixed(*primary)
            tags[f"{name}TRC".encode()] = curve
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    head = struct.pack(
        ">I4sI4s4s4s12s4s", at + len(body), bytes(4), 0x02400000, b"mntr", kind.encode(), b"XYZ ", bytes(12), b"acsp"
    )
    return head.ljust(68, b"\0") + fixed(0.9642, 1, 0.8249).ljust(60, b"\0") + table + body
