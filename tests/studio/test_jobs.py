"""What the studio makes is what the command line makes; jobs are bounded, and end with their page."""

import io
import json
import shlex
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from ingan_fast.studio.child import Stopped
from ingan_fast.studio.jobs import Job
from ingan_fast.studio.studio import Limits
from studio_server import CLIENT, Gate, add, connected, finished, sentence, serving, until

CORNERS = [[10, 4.5], [90, 0], [84, 60], [0, 52]]


@pytest.fixture
def key(client: TestClient, picture_path: Path) -> str:
    return str(add(client, picture_path)["id"])


def paint(client: TestClient, key: str, name: str, box: tuple[int, int, int, int]) -> None:
    mask = Image.new("L", (64, 56), 0)
    mask.paste(255, box)
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    answer = client.put(f"/api/pictures/{key}/masks/{name}", content=buffer.getvalue(), headers={"X-Version": "0"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("transform", "options"),
    [
        ({"size": [90, 56]}, {}),
        ({"size": [90, 60], "corners": CORNERS}, {"keep": "none"}),
        ({"size": [80, 56]}, {"tile": "x", "variation": 1}),
        ({"size": [90, 56]}, {"keep": "mask"}),
        ({"size": [90, 56]}, {"keep": "mask+auto", "remove": False}),
    ],
    ids=["size", "corners", "tile", "masks", "one mask"],
)
def test_an_output_and_both_commands_give_the_same_file(
    client: TestClient,
    key: str,
    picture_path: Path,
    tmp_path: Path,
    ingan_fast: Callable[..., Any],
    transform: dict[str, Any],
    options: dict[str, Any],
) -> None:
    paint(client, key, "keep", (6, 6, 18, 18))
    paint(client, key, "remove", (40, 30, 44, 34))
    body = {"transform": transform, "options": options}
    job = finished(client, client.post(f"/api/pictures/{key}/outputs", json=body))
    assert job["state"] == "done", job
    made = client.get(f"/api/jobs/{job['id']}/file")
    assert made.headers["content-disposition"] == f'attachment; filename="{job["file"]}"'

    told = client.post(f"/api/pictures/{key}/commands", json=body).json()
    (Path.cwd() / picture_path.name).write_bytes(picture_path.read_bytes())
    for file in told["files"]:
        Path(file["name"]).write_bytes(client.get(file["url"]).content)
    words = shlex.split(told["shell"])
    assert words[0] == "ingan-fast"
    assert ingan_fast(*words[1:]).code == 0
    assert Path(job["file"]).read_bytes() == made.content
    Path(job["file"]).unlink()
    exec(compile(told["python"], "told", "exec"), {})
    assert Path(job["file"]).read_bytes() == made.content


def test_another_format_is_made(client: TestClient, key: str) -> None:
    body = {"transform": {"size": [70, 56]}, "format": "tiff"}
    job = finished(client, client.post(f"/api/pictures/{key}/outputs", json=body))
    with Image.open(io.BytesIO(client.get(f"/api/jobs/{job['id']}/file").content)) as image:
        assert (image.format, image.size) == ("TIFF", (70, 56))


def test_a_command_s_own_error_is_the_job_s(client: TestClient, key: str) -> None:
    body = {"transform": {"size": [90, 60], "corners": CORNERS}, "format": "jpeg"}
    job = finished(client, client.post(f"/api/pictures/{key}/outputs", json=body))
    assert (job["state"], job["file"]) == ("failed", None)
    assert job["error"].startswith("can't write dots_90x60.jpg: the picture needs transparency")
    assert "failed" in sentence(client.get(f"/api/jobs/{job['id']}/file"), 409)


def test_a_layout_is_applied_by_the_command_line(
    client: TestClient, key: str, picture_path: Path, ingan_fast: Callable[..., Any]
) -> None:
    body = {"transform": {"size": [90, 56]}}
    layout = finished(client, client.post(f"/api/pictures/{key}/layouts", json=body))
    Path("l.npz").write_bytes(client.get(f"/api/jobs/{layout['id']}/file").content)
    assert ingan_fast("retarget", picture_path, "--layout", "l.npz", "--out", "out.png").code == 0
    output = finished(client, client.post(f"/api/pictures/{key}/outputs", json=body))
    assert client.get(f"/api/jobs/{output['id']}/file").content == Path("out.png").read_bytes()


def test_companions_come_with_the_picture_in_a_zip(client: TestClient, key: str, tmp_path: Path) -> None:
    heights = np.arange(64 * 56, dtype=np.uint16).reshape(56, 64) * 16
    Image.fromarray(heights).save(tmp_path / "heights.png")
    Image.new("L", (32, 32)).save(tmp_path / "small.png")
    url = f"/api/pictures/{key}/companions"
    refused = client.post(url, files={"file": ("small.png", (tmp_path / "small.png").read_bytes())})
    assert "small.png is 32x32, but the picture 64x56" in sentence(refused, 400)
    one = client.post(url, files={"file": ("heights.png", (tmp_path / "heights.png").read_bytes())}).json()
    assert (one["type"], client.get(f"/api/pictures/{key}").json()["companions"]) == ("uint16", [one])

    body = {"transform": {"size": [90, 56]}, "companions": [one["id"]]}
    job = finished(client, client.post(f"/api/pictures/{key}/outputs", json=body))
    assert job["state"] == "done", job
    with zipfile.ZipFile(io.BytesIO(client.get(f"/api/jobs/{job['id']}/file").content)) as archive:
        assert archive.namelist() == ["dots_90x56/dots.png", "dots_90x56/heights.png"]
        with Image.open(archive.open("dots_90x56/heights.png")) as moved:
            laid_out = np.asarray(moved).astype(int)
    assert laid_out.shape == (56, 90)
    assert np.isin(laid_out, heights).all()  # values are copied, not mixed

    shown = finished(client, client.post(f"{url}/previews", json=body))
    preview = client.get(f"/api/jobs/{shown['id']}/files/{shown['result']['companions'][0]['file']}")
    with Image.open(io.BytesIO(preview.content)) as image:
        assert image.size == (90, 56)
        assert np.array_equal(np.asarray(image)[..., 0], laid_out >> 8)


def test_variations_differ_and_the_first_is_the_best_layout(client: TestClient, key: str) -> None:
    body = {"transform": {"size": [90, 56]}, "count": 2}
    job = finished(client, client.post(f"/api/pictures/{key}/variations", json=body))
    pictures = []
    for each in job["result"]["variations"]:
        content = client.get(f"/api/jobs/{job['id']}/files/{each['file']}").content
        pictures.append(np.asarray(Image.open(io.BytesIO(content))))
    assert not np.array_equal(*pictures)
    output = finished(client, client.post(f"/api/pictures/{key}/outputs", json={"transform": body["transform"]}))
    best = np.asarray(Image.open(io.BytesIO(client.get(f"/api/jobs/{output['id']}/file").content)))
    assert np.array_equal(pictures[0][..., :3], best)


def test_an_output_is_compared_with_a_plain_resize(client: TestClient, key: str, picture_path: Path) -> None:
    job = finished(client, client.post(f"/api/pictures/{key}/comparisons", json={"transform": {"size": [90, 56]}}))
    resized = Image.open(picture_path).resize((90, 56), Image.Resampling.BICUBIC)
    got = client.get(f"/api/jobs/{job['id']}/files/resize.png").content
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(got))), np.asarray(resized))
    carved = client.get(f"/api/jobs/{job['id']}/files/{job['result']['seam_carving']}").content
    assert Image.open(io.BytesIO(carved)).size == (90, 56)


def test_a_script_is_read_by_the_command_line_in_full_resolution(client: TestClient, tmp_path: Path) -> None:
    from ingan_fast.video.script import read_script

    Image.new("RGB", (1920, 960), "red").save(tmp_path / "large.png")
    key = add(client, tmp_path / "large.png")["id"]
    body = {
        "keyframes": [
            {"time": 0, "size": [1920, 960]},
            {"time": 1.5, "corners": [[0, 0], [1600, 100], [1600, 900], [0, 960]], "easing": "linear"},
        ],
        "canvas": [1921, 960],
    }
    answer = client.post(f"/api/pictures/{key}/script", json=body)
    (tmp_path / "s.yaml").write_text(answer.text)
    animation = read_script(str(tmp_path / "s.yaml"), (960, 480))  # which is what `ingan-fast video` makes of it
    assert animation.canvas == (960, 480)
    assert animation.poses[len(animation.poses) - 1].transform.corners()[1] == pytest.approx([800, 50], abs=1e-6)
    body["keyframes"][0]["time"] = 1  # type: ignore[index]
    assert "starts at 0" in sentence(client.post(f"/api/pictures/{key}/script", json=body), 400)


def test_a_video_of_poses_is_made(client: TestClient, key: str, tmp_path: Path) -> None:
    import av

    body = {"keyframes": [{"time": 0, "size": [64, 56]}, {"time": 0.2, "size": [80, 56]}], "fps": 25}
    job = finished(client, client.post(f"/api/pictures/{key}/videos", json=body))
    assert job["state"] == "done", job
    with av.open(io.BytesIO(client.get(f"/api/jobs/{job['id']}/file").content)) as video:
        assert sum(1 for _ in video.decode(video=0)) == 5


def test_a_run_is_opened_exported_and_its_network_makes_the_outputs(
    client: TestClient, trained_run: Path, ingan_fast: Callable[..., Any]
) -> None:
    key = client.studio.add_run(trained_run)  # type: ignore[attr-defined]
    assert client.get(f"/api/pictures/{key}").json()["kind"] == "run"
    job = finished(client, client.post(f"/api/pictures/{key}/outputs", json={"transform": {"size": [80, 56]}}))
    assert ingan_fast("retarget", trained_run, "--size", "80x56", "--out", "out.png").code == 0
    assert client.get(f"/api/jobs/{job['id']}/file").content == Path("out.png").read_bytes()
    sentence(client.post(f"/api/pictures/{key}/layouts", json={"transform": {"size": [80, 56]}}), 400)
    assert client.delete(f"/api/pictures/{key}").status_code == 204
    assert (trained_run / "config.json").is_file()  # what the command line named stays


def test_only_runs_are_exported(client: TestClient, key: str) -> None:
    assert "train a model first" in sentence(client.post(f"/api/pictures/{key}/exports", json={}), 409)


def test_what_is_not_installed_is_named(client: TestClient, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingan_fast.studio.installed.find_spec", lambda name: None)
    from ingan_fast.studio.installed import extras

    extras.cache_clear()
    try:
        answer = client.post(f"/api/pictures/{key}/measures", json={"transform": {"size": [80, 56]}})
        assert "pip install 'ingan-fast[judge]'" in sentence(answer, 409)
        answer = client.post(f"/api/pictures/{key}/training", json={"preset": "smoke"})
        assert "pip install 'ingan-fast[train]'" in sentence(answer, 409)
        assert client.get("/api/server").json()["torch"] is False
    finally:
        extras.cache_clear()


def held(gate: Gate) -> Callable[[Job], None]:
    def work(job: Job) -> None:
        while not gate.opened.wait(0.02):
            if job.state == "cancelled":
                raise Stopped("cancelled")

    return work


def test_jobs_are_cancelled_when_their_page_is_gone(tmp_path: Path, picture_path: Path) -> None:
    gate = Gate()
    with serving(tmp_path / "cache", Limits(page_gone=0.2)) as client:
        key = add(client, picture_path)["id"]
        jobs = client.studio.jobs  # type: ignore[attr-defined]
        with connected(client, key, "page-that-goes"):
            mine = jobs.start("output", key, "page-that-goes", held(gate))
            other = jobs.start("output", key, "page-that-stays", held(gate))
            until(lambda: mine.state == "running")
        until(lambda: mine.state == "cancelled")
        until(lambda: not mine.folder.exists())
        assert other.state == "running"
        gate.opened.set()
        until(lambda: other.state == "done")


def test_a_page_that_reloads_keeps_its_jobs(tmp_path: Path, picture_path: Path) -> None:
    gate = Gate()
    with serving(tmp_path / "cache", Limits(page_gone=1.0)) as client:
        key = add(client, picture_path)["id"]
        with connected(client, key):
            job = client.studio.jobs.start("output", key, CLIENT, held(gate))  # type: ignore[attr-defined]
        with connected(client, key):
            threading.Event().wait(1.3)
            assert job.state == "running"
            gate.opened.set()
            until(lambda: job.state == "done")


def test_jobs_are_limited_per_page_and_in_all(tmp_path: Path, picture_path: Path) -> None:
    gate = Gate()
    limits = Limits(running=1, waiting=2, per_page=2)
    with serving(tmp_path / "cache", limits) as client:
        key = add(client, picture_path)["id"]
        jobs = client.studio.jobs  # type: ignore[attr-defined]
        started = [jobs.start("output", key, CLIENT, held(gate)) for _ in range(2)]
        body = {"transform": {"size": [70, 56]}}
        refused = client.post(f"/api/pictures/{key}/outputs", json=body)
        assert "of this page" in sentence(refused, 429)
        jobs.start("output", key, "another-page", held(gate))
        refused = client.post(f"/api/pictures/{key}/outputs", json=body, headers={"X-Client": "a-third-page"})
        assert "too much to do" in sentence(refused, 503)
        assert refused.headers["retry-after"]
        assert client.delete(f"/api/jobs/{started[1].id}").status_code == 204  # one that waits
        gate.opened.set()
        assert finished(client, client.post(f"/api/pictures/{key}/outputs", json=body))["state"] == "done"


def test_a_cancelled_command_s_process_ends(client: TestClient, key: str) -> None:
    processes = []

    def work(job: Job) -> None:
        def note() -> None:
            until(lambda: job._process is not None)
            processes.append(job._process)
            client.studio.jobs.remove(job.id)  # type: ignore[attr-defined]

        threading.Thread(target=note).start()
        job.command(["train", "dots.png", "--out", "run", "--budget", "1h"])

    (job := client.studio.jobs.start("output", key, CLIENT, work))  # type: ignore[attr-defined]
    until(lambda: job.state == "cancelled" and processes and processes[0].poll() is not None)


def test_a_picture_that_is_gone_has_no_jobs(client: TestClient) -> None:
    sentence(client.post(f"/api/pictures/{'0' * 32}/outputs", json={"transform": {"size": [70, 56]}}), 404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"transform": {"size": [70]}},
        {"transform": {"size": [70, 56]}, "format": "exe"},
        {"transform": {"size": [70, 56]}, "options": {"tile": "z"}},
        {"transform": {"size": [70, 56], "corners": CORNERS}, "options": {"tile": "x"}},
    ],
)
def test_invalid_wishes_are_sentences(client: TestClient, key: str, body: dict[str, Any]) -> None:
    sentence(client.post(f"/api/pictures/{key}/outputs", json=body), 400)


def test_a_child_ends_with_the_server_that_started_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from ingan_fast.studio.child import Child; c = Child(); c._started(); "
        "print(c._process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        child = int(server.stdout.readline())
        server.kill()
    until(lambda: not running(child))


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def test_news_of_a_job_reach_its_page_alone(client: TestClient, key: str) -> None:
    gate = Gate()
    with connected(client, key) as mine, connected(client, key, "another-page") as other:
        for socket in (mine, other):
            assert json.loads(socket.receive_text())["event"] == "hello"
        job = client.studio.jobs.start("output", key, CLIENT, held(gate))  # type: ignore[attr-defined]
        gate.opened.set()
        states = []
        while "done" not in states:
            news = json.loads(mine.receive_text())
            if news["event"] == "job":
                assert news["job"]["id"] == job.id
                states.append(news["job"]["state"])
        client.studio.hub.publish("masks", key, keep=0, remove=0, by=None)  # type: ignore[attr-defined]
        events = []
        while "masks" not in events:
            events.append(json.loads(other.receive_text())["event"])
    assert states == ["queued", "running", "done"]
    assert "job" not in events
