"""Pictures that follow the hand."""

import io
import json
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.testclient import WebSocketTestSession as Socket

from ingan_fast.geometry import Transform
from ingan_fast.layout import Frames, Layouts, perspective
from ingan_fast.pictures import Pixels
from ingan_fast.studio import sockets
from ingan_fast.studio.frames import FrameKey
from ingan_fast.studio.subjects import quick_mask
from studio_server import Gate, add, connected, until

HEADER = struct.Struct("<IIIIHHfII")
PROVISIONAL, SOLVED, APPROXIMATE, FLAT = 1, 2, 4, 8


def ask(socket: Socket, seq: int, size: tuple[int, int], **more: Any) -> None:
    request = {"type": "frame", "seq": seq, "transform": {"size": size}, **more}
    if "corners" in request:
        request["transform"] = {"size": size, "corners": request.pop("corners")}
    socket.send_text(json.dumps(request))


def answer(socket: Socket) -> tuple[tuple[Any, ...], Pixels] | dict[str, Any]:
    """The next frame with its header, or the next error."""
    while True:
        message = socket.receive()
        if message.get("bytes"):
            data = message["bytes"]
            header = HEADER.unpack(data[:32])
            return header, np.frombuffer(data[32:], np.uint8).reshape(header[3], header[2], 4)
        news: dict[str, Any] = json.loads(message["text"])
        if news["event"] == "error":
            return news


def frame(socket: Socket) -> tuple[tuple[Any, ...], Pixels]:
    got = answer(socket)
    assert isinstance(got, tuple), got
    return got


@pytest.fixture
def key(client: TestClient, picture_path: Path) -> str:
    return str(add(client, picture_path)["id"])


def prepared(client: TestClient, key: str) -> None:
    until(lambda: client.get(f"/api/pictures/{key}").json()["prepared"])


def test_a_frame_is_what_the_layout_draws(client: TestClient, key: str, picture: Pixels) -> None:
    prepared(client, key)
    size = picture.shape[1], picture.shape[0]
    expected = [Transform.scale(factor, factor, size) for factor in (0.5, 2.0)]
    drawn = Frames(picture, expected=expected).draw(Transform.resize((90, 50)))
    with connected(client, key) as socket:
        ask(socket, 7, (90, 50))
        header, pixels = frame(socket)
    assert header[0] == int.from_bytes(b"IGF1", "little")
    assert (header[1], header[4], header[5], header[7:]) == (7, 0, 0, (90, 50))
    assert np.array_equal(pixels[..., :3], drawn)
    assert (pixels[..., 3] == 255).all()


def test_until_it_is_prepared_a_plain_resize_is_sent(
    client: TestClient, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.studio.frames, "_ready", {})  # type: ignore[attr-defined]
    gate = Gate()
    monkeypatch.setattr(client.studio.frames._child, "run", gate.hold)  # type: ignore[attr-defined]
    with connected(client, key) as socket:
        ask(socket, 1, (80, 50), options={"variation": 3})
        header, pixels = frame(socket)
        assert header[5] == PROVISIONAL
        assert pixels.shape == (50, 80, 4)
        gate.opened.set()


def test_frames_of_a_removed_picture_are_not_kept(
    client: TestClient, key: str, picture_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(client, key)
    gate, frames = Gate(), client.studio.frames  # type: ignore[attr-defined]
    monkeypatch.setattr(frames._child, "run", gate.hold)
    with connected(client, key) as socket:
        ask(socket, 1, (80, 50), options={"variation": 3})
        frame(socket)
        until(lambda: gate.waiting)
        client.delete(f"/api/pictures/{key}")
    add(client, picture_path)
    gate.opened.set()
    until(lambda: gate.waiting == 2)  # the first ones are done, and those of the new picture begun
    assert not frames.is_ready(FrameKey(key, "auto", (0, 0), 3))


def test_the_newest_request_is_answered_and_older_ones_are_dropped(
    client: TestClient, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(client, key)
    gate, drawn = Gate(), sockets._Page._drawn

    def held(page: Any, request: Any, *others: Any) -> bytes:
        if request.seq == 1:
            gate.hold()
        return drawn(page, request, *others)

    monkeypatch.setattr(sockets._Page, "_drawn", held)
    with connected(client, key) as socket:
        ask(socket, 1, (80, 56))
        until(lambda: gate.waiting)
        for seq in range(2, 30):
            ask(socket, seq, (80 + seq, 56))
        socket.send_text(json.dumps({"type": "frame", "seq": 99}))  # is answered at once: all were read
        error = answer(socket)
        assert isinstance(error, dict)
        assert error["seq"] == 99
        gate.opened.set()
        assert [frame(socket)[0][1] for _ in range(2)] == [1, 29]


def test_moved_corners_are_transparent_outside(client: TestClient, key: str) -> None:
    prepared(client, key)
    with connected(client, key) as socket:
        ask(socket, 1, (80, 60), corners=[[20, 10], [80, 0], [80, 60], [0, 60]])
        header, pixels = frame(socket)
    assert header[5] == 0
    assert pixels[0, 0, 3] == 0
    assert pixels[40, 40, 3] == 255


def test_a_flat_frame_fills_its_box(client: TestClient, key: str) -> None:
    prepared(client, key)
    with connected(client, key) as socket:
        ask(socket, 1, (80, 60), corners=[[20, 10], [80, 0], [80, 60], [0, 60]], flat=True)
        header, pixels = frame(socket)
    assert header[5] == FLAT
    assert header[7:] == (80, 60)
    assert (pixels[..., 3] == 255).all()
    assert 60 < pixels.shape[1] < 80


def test_frames_are_no_larger_than_asked_for(client: TestClient, key: str) -> None:
    prepared(client, key)
    with connected(client, key) as socket:
        ask(socket, 1, (120, 60), max_side=64)
        header, pixels = frame(socket)
    assert pixels.shape == (32, 64, 4)
    assert header[7:] == (120, 60)


def test_a_solved_frame_is_the_output_itself(client: TestClient, key: str, picture: Pixels) -> None:
    with connected(client, key) as socket:
        ask(socket, 1, (90, 56), solved=True)
        header, pixels = frame(socket)
    assert header[5] == SOLVED
    expected = perspective.retarget(Layouts(picture), Transform.resize((90, 56)))
    assert np.array_equal(pixels[..., :3], expected)


def test_what_is_not_wanted_any_more_does_not_keep_others_waiting(
    client: TestClient, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "GRACE", 0.1)
    with connected(client, key) as socket:
        ask(socket, 1, (60_000, 56), solved=True)  # takes minutes
        until(lambda: client.studio.stills._running.locked())  # type: ignore[attr-defined]
        ask(socket, 2, (90, 56), solved=True)
        header, _ = frame(socket)
        assert (header[1], header[5]) == (2, SOLVED)


def test_tiles_are_approximate_until_they_are_solved(client: TestClient, key: str) -> None:
    prepared(client, key)
    with connected(client, key) as socket:
        ask(socket, 1, (80, 56), options={"tile": "x"})
        assert frame(socket)[0][5] == APPROXIMATE
        ask(socket, 2, (80, 56), options={"tile": "x"}, solved=True)
        assert frame(socket)[0][5] == SOLVED


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"transform": {"size": [8, 8]}}, "size"),
        ({"transform": {"size": [65000, 65000]}}, "megapixels"),
        ({"transform": {"size": [80, 56], "corners": [[0, 0], [1, 1], [2, 2], [3, 3]]}}, "convex"),
        ({"transform": {"size": [80, 56]}, "options": {"keep": "all"}}, "keep"),
        ({"transform": {"size": [80, 56]}, "other": 1}, "other"),
    ],
)
def test_what_can_not_be_met_is_an_error_and_the_socket_goes_on(
    client: TestClient, key: str, request_: dict[str, Any], said: str
) -> None:
    with connected(client, key) as socket:
        socket.send_text(json.dumps({"type": "frame", "seq": 5, **request_}))
        error = answer(socket)
        assert isinstance(error, dict)
        assert (error["seq"], said in error["error"]) == (5, True), error
        ask(socket, 6, (80, 56))
        assert frame(socket)[0][1] == 6


def test_a_message_that_is_none_closes_the_socket(client: TestClient, key: str) -> None:
    with connected(client, key) as socket:
        socket.send_text("nothing")
        messages = [socket.receive() for _ in range(1)]
        while messages[-1]["type"] != "websocket.close":
            messages.append(socket.receive())
    assert messages[-1]["code"] == 1008


def test_more_kept_than_fits_is_an_error_not_a_picture(client: TestClient, key: str, picture_path: Path) -> None:
    mask = Image.new("L", (64, 56), 255)
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    client.put(f"/api/pictures/{key}/masks/keep", content=buffer.getvalue(), headers={"X-Version": "0"})
    with connected(client, key) as socket:
        for seq in range(200):
            ask(socket, seq, (40, 56), options={"keep": "mask"})
            got = answer(socket)
            if isinstance(got, dict):
                break
            assert got[0][5] & PROVISIONAL  # never a layout that breaks the wish
            time.sleep(0.05)
    assert isinstance(got, dict)
    assert "kept" in got["error"]


def test_the_quick_mask_is_nearly_the_exact_one() -> None:
    transform = Transform.from_corners([[4, 2.5], [60, 0], [57, 40], [0, 33]], (64, 48))
    difference = np.abs(quick_mask(transform) - transform.mask())
    assert difference.max() < 0.3
    assert difference.mean() < 0.01
