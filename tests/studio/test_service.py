"""`ingan-fast serve`: one endpoint, a bounded queue, errors as sentences."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from ingan_fast.studio.child import Child
from ingan_fast.studio.service import Plan, Service, service_app
from studio_server import ADDRESS, PORT, TOKEN, Gate, sentence, until


@contextmanager
def serving(served: Path, token: str | None = None, is_photo: bool = True, **plan: Any) -> Iterator[TestClient]:
    service = Service(Plan(served, is_photo, **plan))
    app = service_app(service, token, "127.0.0.1", PORT)
    with TestClient(app, ADDRESS, raise_server_exceptions=False) as client:
        client.service = service  # type: ignore[attr-defined]
        yield client


@pytest.fixture(scope="module")
def client(picture_path: Path) -> Iterator[TestClient]:
    with serving(picture_path) as client:
        yield client


def test_an_answer_is_the_command_line_s_file(
    client: TestClient, picture_path: Path, ingan_fast: Callable[..., Any], tmp_path: Path
) -> None:
    mask = Image.new("L", (64, 56))
    mask.paste(255, (6, 6, 18, 18))
    mask.save("mask.png")
    corners = "10,4.5 90,0 84,60 0,52"
    wishes: list[tuple[dict[str, str], list[str]]] = [
        ({"size": "90x56"}, ["--size", "90x56"]),
        ({"scale": "1.5x1", "variation": "1"}, ["--scale", "1.5x1", "--variation", "1"]),
        ({"corners": corners}, ["--corners", corners]),
        ({"size": "80x56", "tile": "both"}, ["--size", "80x56", "--tile", "both"]),
        ({"size": "90x56"}, ["--size", "90x56"]),  # as before: nothing of the others is left
    ]
    for fields, words in wishes:
        assert ingan_fast("retarget", picture_path, *words, "--out", "out.png").code == 0
        assert client.post("/retarget", data=fields).content == Path("out.png").read_bytes()
    files = {"keep": ("mask.png", Path("mask.png").read_bytes())}
    assert ingan_fast("retarget", picture_path, "--size", "90x56", "--keep", "mask.png", "--out", "out.png").code == 0
    assert client.post("/retarget", data={"size": "90x56"}, files=files).content == Path("out.png").read_bytes()


def test_another_picture_may_be_sent(client: TestClient, tmp_path: Path, picture_path: Path) -> None:
    Image.open(picture_path).convert("L").save(tmp_path / "grey.jpg")
    files = {"image": ("grey.jpg", (tmp_path / "grey.jpg").read_bytes())}
    answer = client.post("/retarget", data={"size": "70x56", "format": "jpeg"}, files=files)
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.mode, image.size) == ("L", (70, 56))


@pytest.mark.parametrize(
    ("fields", "files", "said"),
    [
        ({}, {}, "size, scale and corners"),
        ({"size": "70x56", "scale": "2"}, {}, "one of"),
        ({"size": "70"}, {}, "WIDTHxHEIGHT"),
        ({"size": "70x56", "tile": "z"}, {}, "tile"),
        ({"size": "70x56", "format": "exe"}, {}, "format"),
        ({"size": "70x56", "variation": "-1"}, {}, "variation"),
        ({"size": "70x56", "colour": "red"}, {}, "colour"),
        ({"size": "60000x60000"}, {}, "megapixels"),
        ({"size": "15000x15000"}, {}, "at most 100"),
        ({"size": "70x56", "tile": "x", "corners": "10,4 90,0 84,60 0,52"}, {}, "tiles"),
        ({"size": "70x56"}, {"image": ("a.png", b"no picture")}, "a picture that can be read"),
        ({"size": "70x56"}, {"image": ("a.png", b"")}, "empty"),
        ({"size": "70x56"}, {"keep": ("a.png", b"no picture")}, "a picture that can be read"),
        ({"size": "70x56", "image": "text"}, {}, "as a file"),
    ],
)
def test_what_can_not_be_met_is_a_sentence(
    client: TestClient, fields: dict[str, str], files: dict[str, Any], said: str
) -> None:
    assert said in sentence(client.post("/retarget", data=fields, files=files), 400)
    assert not list(client.service.folder.iterdir())  # type: ignore[attr-defined]


def test_a_model_answers_with_its_network(
    trained_run: Path, picture_path: Path, ingan_fast: Callable[..., Any]
) -> None:
    with serving(trained_run, is_photo=False) as client:
        assert ingan_fast("retarget", trained_run, "--size", "80x56", "--out", "out.png").code == 0
        made = Image.open(io.BytesIO(client.post("/retarget", data={"size": "80x56"}).content))
        difference = np.asarray(made).astype(int) - np.asarray(Image.open("out.png"))
        assert abs(difference).max() <= 2  # bfloat16 here, float32 there, on some CPUs
        files = {"image": ("a.png", picture_path.read_bytes())}
        assert client.post("/retarget", data={"scale": "2"}, files=files).status_code == 200
        assert "for photos" in sentence(client.post("/retarget", data={"size": "80x56", "tile": "x"}), 400)


def test_health_and_the_description_of_the_api(client: TestClient) -> None:
    health = client.get("/health").json()
    assert (health["status"], health["kind"], health["size"]) == ("ok", "photo", [64, 56])
    described = client.get("/openapi.json").json()["paths"]["/retarget"]["post"]
    form = described["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert {"image", "keep", "remove", "size", "scale", "corners", "tile", "variation", "format"} == form.keys()


def test_the_token_is_needed_where_there_is_one(picture_path: Path) -> None:
    with serving(picture_path, TOKEN) as client:
        sentence(client.post("/retarget", data={"size": "70x56"}), 401)
        assert client.get("/health").status_code == 200
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert client.post("/retarget", data={"size": "70x56"}, headers=headers).status_code == 200
        sentence(client.post("/retarget", headers=headers | {"Origin": "http://evil.example"}), 403)


def test_too_many_requests_are_refused_and_the_service_recovers(
    picture_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, run = Gate(), Child.run

    def held(child: Child, task: str, *arguments: Any, **named: Any) -> Any:
        if task == "answer":
            gate.hold()
        return run(child, task, *arguments, **named)

    monkeypatch.setattr(Child, "run", held)
    with serving(picture_path, workers=1, queue=2) as client:
        answers: list[int] = []
        ask = lambda: answers.append(client.post("/retarget", data={"size": "70x56"}).status_code)  # noqa: E731
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: client.get("/health").json()["waiting"] == 2)
        refused = client.post("/retarget", data={"size": "70x56"})
        assert "wait" in sentence(refused, 503)
        assert int(refused.headers["retry-after"]) > 0
        gate.opened.set()
        for thread in threads:
            thread.join()
        assert answers == [200, 200, 200]
        assert client.post("/retarget", data={"size": "70x56"}).status_code == 200


def test_what_takes_too_long_is_ended_and_its_worker_goes_on(picture_path: Path) -> None:
    with serving(picture_path, workers=1, timeout=0.3) as client:
        assert "0.3 seconds" in sentence(client.post("/retarget", data={"size": "8000x6000"}), 504)
        health = client.get("/health").json()
        assert (health["running"], health["waiting"]) == (0, 0)
    with serving(picture_path, workers=1, timeout=30) as client:
        client.service._children[0].stop()  # type: ignore[attr-defined]  # as it was ended
        assert client.post("/retarget", data={"size": "70x56"}).status_code == 200
