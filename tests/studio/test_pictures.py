"""Pictures in the studio: which are taken, what is kept of them."""

import json
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from ingan_fast.pictures import Pixels
from ingan_fast.studio import pictures_api
from ingan_fast.studio.studio import Limits, file_name
from studio_server import Gate, add, connected, sentence, serving, until


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says that it has this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def send(client: TestClient, name: str, content: bytes) -> tuple[int, str]:
    answer = client.post("/api/pictures", files={"file": (name, content)})
    return answer.status_code, sentence(answer, answer.status_code)


def test_a_picture_is_taken_and_the_same_one_has_the_same_id(client: TestClient, picture_path: Path) -> None:
    first = client.post("/api/pictures", files={"file": ("../../one.png", picture_path.read_bytes())})
    again = client.post("/api/pictures", files={"file": ("two.png", picture_path.read_bytes())})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert first.json()["name"] == "one.png"
    assert first.json()["size"] == [64, 56]
    assert [each["id"] for each in client.get("/api/pictures").json()["pictures"]] == [first.json()["id"]]


def test_the_preview_is_the_picture(client: TestClient, picture_path: Path, picture: Pixels, tmp_path: Path) -> None:
    key = add(client, picture_path)["id"]
    (tmp_path / "preview.png").write_bytes(client.get(f"/api/pictures/{key}/preview.png").content)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "preview.png")), picture)
    assert client.get(f"/api/pictures/{key}/view.jpg?max_side=64").headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("text.png", b"no picture " * 100_000, 400, "text.png is not a picture"),
        ("empty.png", b"", 400, "empty"),
        ("bomb.png", bomb(60_000, 60_000), 413, "60000x60000"),
        ("cut.png", bomb(100, 100), 400, "cut short"),
        ("small.png", bomb(8, 8), 400, "at least 16"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_sentence(
    client: TestClient, name: str, content: bytes, status: int, said: str
) -> None:
    got, text = send(client, name, content)
    assert (got, said in text) == (status, True), text
    assert client.get("/api/pictures").json()["pictures"] == []
    assert not [path for path in client.studio.store.incoming.iterdir() if path.name != "jobs"]  # type: ignore[attr-defined]


def test_a_picture_cut_short_is_refused(client: TestClient, picture_path: Path) -> None:
    assert send(client, "cut.png", picture_path.read_bytes()[:2000])[0] == 400


def test_bytes_are_counted_as_they_come(tmp_path: Path) -> None:
    def blocks() -> Iterator[bytes]:  # without a length in the headers
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        for _ in range(30):
            yield bytes(10_000)

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    with serving(tmp_path / "cache", Limits(upload_bytes=200_000)) as client:
        assert "too large" in sentence(client.post("/api/pictures", content=blocks(), headers=headers), 413)
        declared = {**headers, "Content-Length": "200001"}
        assert "too large" in sentence(client.post("/api/pictures", content=b"x", headers=declared), 413)


def test_a_form_without_a_file_is_refused(client: TestClient) -> None:
    assert "file" in sentence(client.post("/api/pictures", files={"other": ("a.png", b"x")}), 400)
    assert client.post("/api/pictures", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 400


def test_many_uploads_at_once_are_handled_or_refused_and_the_server_goes_on(
    tmp_path: Path, picture_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    received = pictures_api.received

    async def held(*arguments: object) -> object:
        await pictures_api.run_in_threadpool(gate.hold)
        return await received(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(pictures_api, "received", held)
    limits = Limits(uploads=2, upload_wait=0.5)
    with serving(tmp_path / "cache", limits) as client:
        answers: list[int] = []

        def one() -> None:
            answer = client.post("/api/pictures", files={"file": ("a.png", picture_path.read_bytes())})
            answers.append(answer.status_code)

        threads = [threading.Thread(target=one) for _ in range(200)]
        for thread in threads:
            thread.start()
        while len(answers) < 198:
            threading.Event().wait(0.05)
        assert gate.waiting == 2  # never more at once
        assert set(answers) == {503}
        gate.opened.set()
        for thread in threads:
            thread.join()
        assert sorted(answers)[:2] in ([200, 201], [201, 201])
        assert client.post("/api/pictures", files={"file": ("a.png", picture_path.read_bytes())}).status_code == 200


def test_a_removed_picture_is_gone(client: TestClient, picture_path: Path) -> None:
    key = add(client, picture_path)["id"]
    assert client.delete(f"/api/pictures/{key}").status_code == 204
    for path in (f"/api/pictures/{key}", f"/api/pictures/{key}/preview.png", f"/api/pictures/{key}/masks/keep"):
        assert "no such picture" in sentence(client.get(path), 404)


def test_the_cache_forgets_what_was_not_used_for_longest(
    client: TestClient, tmp_path: Path, picture: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        Image.fromarray(picture[:, : 40 + number]).save(path)
        keys.append(add(client, path)["id"])
        folder = client.studio.store.folder(keys[-1])  # type: ignore[attr-defined]
        os.utime(folder / "about.json", (1000 + number, 1000 + number))
    store = client.studio.store  # type: ignore[attr-defined]
    monkeypatch.setattr(store, "_limit", 1)
    store.trim({keys[1]})
    assert [store.get(key) is not None for key in keys] == [False, True, False]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("photo.JPG", "photo.JPG"),
        ("C:\\pictures\\a b.png", "a b.png"),
        ("../..", "picture.png"),
        ("--out=x.png", "out=x.png"),
        ("no suffix", "no suffix.png"),
        ("clip.mp4", "clip.mp4.png"),
        ("line\nbreak<>.tif", "linebreak.tif"),
    ],
)
def test_names_are_those_of_files_that_the_command_line_takes(given: str, name: str) -> None:
    assert file_name(given) == name


def test_leftovers_of_killed_servers_are_removed(tmp_path: Path) -> None:
    (tmp_path / "cache" / "incoming" / "999999999" / "x").mkdir(parents=True)
    with serving(tmp_path / "cache") as client:
        assert [path.name for path in client.studio.store.incoming.parent.iterdir()] == [str(os.getpid())]  # type: ignore[attr-defined]


def test_a_picture_whose_files_are_gone_is_told_without_paths(client: TestClient, picture_path: Path) -> None:
    key = add(client, picture_path)["id"]
    until(lambda: client.get(f"/api/pictures/{key}").json()["prepared"], 60)  # otherwise frames may be made afterwards
    folder = client.studio.store.folder(key)  # type: ignore[attr-defined]
    next(folder.glob("source.*")).unlink()
    (folder / "preview.png").unlink()
    client.studio.frames.forget(key)  # type: ignore[attr-defined]
    with connected(client, key) as socket:
        socket.receive_text()
        for solved in (False, True):
            request = {"type": "frame", "seq": 1, "transform": {"size": [80, 56]}, "solved": solved}
            socket.send_text(json.dumps(request))
            while (news := json.loads(socket.receive_text()))["event"] != "error":
                pass
            assert str(folder) not in news["error"]
            assert "/" not in news["error"]
