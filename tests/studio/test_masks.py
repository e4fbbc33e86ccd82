"""What is painted: kept on disk by the picture's content, and never overwritten by another page unseen."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from studio_server import CLIENT, add, connected, sentence, serving


def painted(size: tuple[int, int] = (64, 56), mode: str = "L") -> bytes:
    """A PNG with a painted square from (8, 8) to (24, 24)."""
    mask = np.zeros(size[::-1], np.uint8)
    mask[8:24, 8:24] = 255
    image = Image.fromarray(mask)
    if mode == "RGBA":  # a transparent canvas with white strokes
        image = Image.merge("RGBA", [Image.new("L", size, 255)] * 3 + [image])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def put(client: TestClient, key: str, version: int, content: bytes, name: str = "keep") -> object:
    return client.put(f"/api/pictures/{key}/masks/{name}", content=content, headers={"X-Version": str(version)})


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_what_was_painted_comes_back(client: TestClient, picture_path: Path, mode: str) -> None:
    key = add(client, picture_path)["id"]
    assert client.get(f"/api/pictures/{key}/masks/keep").headers["x-version"] == "0"
    assert put(client, key, 0, painted(mode=mode)).json() == {"keep": 1, "remove": 0}  # type: ignore[attr-defined]
    got = client.get(f"/api/pictures/{key}/masks/keep")
    assert got.headers["x-version"] == "1"
    mask = np.asarray(Image.open(io.BytesIO(got.content)))
    assert set(np.unique(mask)) == {0, 255}
    assert (mask == 255).sum() == 16 * 16
    assert mask[8:24, 8:24].all()


def test_a_stale_mask_is_refused_and_changes_nothing(client: TestClient, picture_path: Path) -> None:
    key = add(client, picture_path)["id"]
    put(client, key, 0, painted())
    answer = put(client, key, 0, painted((64, 56)))
    sentence(answer, 409)  # type: ignore[arg-type]
    assert answer.json()["version"] == 1  # type: ignore[attr-defined]
    assert client.get(f"/api/pictures/{key}").json()["masks"] == {"keep": 1, "remove": 0}
    assert put(client, key, 1, painted()).status_code == 200  # type: ignore[attr-defined]


def test_masks_outlive_the_server(tmp_path: Path, picture_path: Path) -> None:
    with serving(tmp_path / "cache") as client:
        key = add(client, picture_path)["id"]
        put(client, key, 0, painted(), "remove")
        before = client.get(f"/api/pictures/{key}/masks/remove").content
    with serving(tmp_path / "cache") as client:
        assert client.get(f"/api/pictures/{key}/masks/remove").content == before
        assert client.get(f"/api/pictures/{key}").json()["masks"] == {"keep": 0, "remove": 1}
        assert add(client, picture_path, "renamed.png")["masks"] == {"keep": 0, "remove": 1}  # opened again


def test_a_mask_of_the_preview_is_scaled_to_the_picture(client: TestClient, tmp_path: Path) -> None:
    Image.new("RGB", (1280, 640), "red").save(tmp_path / "large.png")
    key = add(client, tmp_path / "large.png")["id"]
    put(client, key, 0, painted((640, 320)))
    full = client.get(f"/api/pictures/{key}/masks/keep?size=full")
    mask = np.asarray(Image.open(io.BytesIO(full.content)))
    assert mask.shape == (640, 1280)
    assert mask[16:48, 16:48].all()
    assert (mask > 0).sum() == 32 * 32


@pytest.mark.parametrize("content", [b"no picture", painted((65, 56)), b""], ids=["text", "another size", "empty"])
def test_what_is_no_mask_of_the_picture_is_refused(client: TestClient, picture_path: Path, content: bytes) -> None:
    key = add(client, picture_path)["id"]
    sentence(put(client, key, 0, content), 400)  # type: ignore[arg-type]
    assert client.get(f"/api/pictures/{key}").json()["masks"]["keep"] == 0


def test_there_are_two_masks_only(client: TestClient, picture_path: Path) -> None:
    key = add(client, picture_path)["id"]
    sentence(put(client, key, 0, painted(), "about"), 404)  # type: ignore[arg-type]


def test_an_erased_mask_is_a_new_version(client: TestClient, picture_path: Path) -> None:
    key = add(client, picture_path)["id"]
    put(client, key, 0, painted())
    url = f"/api/pictures/{key}/masks/keep"
    assert client.delete(url, headers={"X-Version": "0"}).status_code == 409
    assert client.delete(url, headers={"X-Version": "1"}).json()["keep"] == 2
    assert client.get(url).status_code == 204


def test_other_pages_hear_of_a_mask(client: TestClient, picture_path: Path) -> None:
    key = add(client, picture_path)["id"]
    with connected(client, key, "another-page") as socket:
        put(client, key, 0, painted())
        while (news := json.loads(socket.receive_text()))["event"] != "masks":
            pass
    assert (news["keep"], news["remove"], news["by"]) == (1, 0, CLIENT)


def test_what_is_found_is_a_mask_of_the_preview(client: TestClient, picture_path: Path) -> None:
    key = add(client, picture_path)["id"]
    found = Image.open(io.BytesIO(client.get(f"/api/pictures/{key}/found.png").content))
    assert found.size == (64, 56)
    assert set(np.unique(np.asarray(found))) <= {0, 255}
