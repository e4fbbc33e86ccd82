"""Trainings in the studio: in a process of their own, they can be stopped and gone on with."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from batch_runs import dots
from ingan_fast.studio.training import look
from ingan_fast.studio.training_api import TrainingRequest
from studio_server import add, sentence, serving, until


def test_what_a_run_folder_shows(trained_run: Path) -> None:
    seen = look(trained_run)
    assert (seen.iteration, seen.iterations, seen.preview, seen.finished) == (12, 12, 12, True)
    assert seen.has_network
    assert seen.measures
    assert {"coherence_x1.5", "swd_x0.6"} <= seen.measures.keys()


def test_the_time_left_follows_the_log_and_a_changed_plan(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"settings": {"iterations": 100}}))
    lines: list[dict[str, Any]] = [{"iteration": 10 * n, "adversarial": 1, "seconds": 5.0 * n} for n in range(1, 5)]
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"iteration": 50, "sec')
    seen = look(tmp_path)
    assert (seen.iteration, seen.seconds_left) == (40, 30.0)
    lines.append({"iteration": 40, "ends_at": 60, "seconds": 20})
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert (look(tmp_path).iterations, look(tmp_path).seconds_left) == (60, 10.0)


def test_there_is_no_training_at_first(client: TestClient, picture_path: Path) -> None:
    key = add(client, picture_path)["id"]
    sentence(client.get(f"/api/pictures/{key}/training"), 404)
    sentence(client.get(f"/api/pictures/{key}/training/preview.png"), 404)
    sentence(client.delete(f"/api/pictures/{key}/training"), 404)
    assert "go on with" in sentence(client.post(f"/api/pictures/{key}/training", json={"resume": True}), 409)


@pytest.mark.parametrize(
    "body", [{"budget": "5 parsecs"}, {"preset": "best"}, {"budget": "5m", "resume": True}, {"out": "/tmp/x"}]
)
def test_an_invalid_plan_starts_nothing(client: TestClient, picture_path: Path, body: dict[str, Any]) -> None:
    key = add(client, picture_path)["id"]
    sentence(client.post(f"/api/pictures/{key}/training", json=body), 400)
    assert client.get(f"/api/pictures/{key}/training").status_code == 404


@pytest.mark.slow
def test_a_training_is_stopped_by_the_server_s_end_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = ["--preset", "smoke", "--iterations", "100000"]  # begins at once, and doesn't end by itself
    monkeypatch.setattr(TrainingRequest, "options", lambda self: quick)
    url = ""
    with serving(tmp_path / "cache") as client:
        key = add(client, dots(tmp_path / "dots.png"))["id"]
        url = f"/api/pictures/{key}/training"
        assert client.post(url, json={"preset": "learned"}).status_code == 202
        assert "another training" in sentence(client.post(url, json={"preset": "smoke"}), 409)
        until(lambda: client.get(url).json()["state"] == "running", 120)
    with serving(tmp_path / "cache") as client:
        stopped = client.get(url).json()
        assert stopped["state"] == "stopped"
        run = client.get(f"/api/pictures/{stopped['run']}").json()
        assert (run["kind"], run["source"]) == ("run", key)
        assert client.post(url, json={"resume": True}).status_code == 202
        until(lambda: client.get(url).json()["iteration"] > stopped["iteration"], 120)
        assert client.delete(url).json()["state"] == "stopping"
        until(lambda: client.get(url).json()["state"] == "stopped", 60)
        preview = client.get(f"{url}/preview.png")
        (tmp_path / "preview.png").write_bytes(preview.content)
        assert Image.open(tmp_path / "preview.png").width > 40
        described = client.get(f"/api/pictures/{key}").json()
        assert (described["trained"], described["has_training"]) == ([stopped["run"]], True)
