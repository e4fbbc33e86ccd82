"""Batches on a real Ray cluster of two nodes on this machine."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batch_runs import dots, run
from ingan_fast import UserError
from ingan_fast.batch import work
from ingan_fast.batch.journal import FOLDER
from ingan_fast.batch.pools import RAY, RayPool, connected, temporary_folder
from ingan_fast.batch.run import TRIES, Progress
from ingan_fast.batch.work import Answer, Product, Task

pytest.importorskip("ray", reason="needs Ray: pip install 'ingan-fast[batch]'")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two nodes with one and two slots; the second one has a pretended GPU."""
    os.environ.update(RAY)
    from ray.cluster_utils import Cluster

    unneeded = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1} | unneeded)
    cluster.add_node(num_cpus=2, num_gpus=1)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def pool(cluster: Any) -> Iterator[RayPool]:
    with connected(cluster.address) as pool:
        yield pool


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed in range(6):
        dots(tmp_path / "photos" / f"{seed}.png", seed)
    return tmp_path / "photos"


def test_both_nodes_make_outputs_with_one_thread_each(
    pool: RayPool, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    seen = tmp_path / "seen"
    seen.mkdir()

    def noted(task: Task) -> Answer:
        time.sleep(0.3)  # otherwise the first node may be done before the second one's process has started
        (seen / f"{ray.get_runtime_context().get_node_id()} {os.environ['OMP_NUM_THREADS']}").touch()
        return work_of(task)

    work_of = work.lay_out
    monkeypatch.setattr(work, "lay_out", noted)
    outcome = run(photos, tmp_path / "out", pool=pool)
    assert len(outcome.made) == 6
    assert not outcome.errors
    assert {path.name.split()[1] for path in seen.iterdir()} == {"1"}
    assert len(list(seen.iterdir())) == 2


def test_a_worker_that_is_killed_in_the_middle_is_tried_again(
    pool: RayPool, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies_once(task: Task) -> Answer:
        first = tmp_path / f"{Path(task.path).stem}.tried"
        if not first.exists() and Path(task.path).stem in ("1", "2"):
            first.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return work_of(task)

    work_of = work.lay_out
    monkeypatch.setattr(work, "lay_out", dies_once)
    assert len(run(photos, tmp_path / "out", pool=pool).made) == 6
    assert len(list(tmp_path.glob("*.tried"))) == 2


def test_a_picture_that_always_kills_its_worker_is_an_error(
    pool: RayPool, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(task: Task) -> Answer:
        if task.path.endswith("1.png"):
            os.kill(os.getpid(), signal.SIGKILL)
        return work_of(task)

    work_of = work.lay_out
    monkeypatch.setattr(work, "lay_out", dies)
    outcome = run(photos, tmp_path / "out", pool=pool)
    assert len(outcome.made) == 5
    assert f"{TRIES} times" in outcome.errors["1_48x36.png"]


@pytest.mark.parametrize(("share", "together"), [(1.0, False), (0.5, True)])
def test_trainings_share_a_gpu_only_where_they_may(pool: RayPool, tmp_path: Path, share: float, together: bool) -> None:
    patience = 30 if together else 1  # s that a training waits for the other one

    def trained(task: Task) -> Answer:
        mark = tmp_path / task.path
        mark.touch()
        end = time.monotonic() + patience
        while not (met := len(list(tmp_path.iterdir())) == 2) and time.monotonic() < end:
            time.sleep(0.02)
        if not met:
            mark.unlink()
        return Answer({"run": Product(note=os.environ.get("CUDA_VISIBLE_DEVICES", ""), measures={"met": met})})

    for name in ("a", "b"):
        pool.submit(trained, Task(name, b"", {}, work.Options()), share)
    products = []
    while len(products) < 2:
        for _, answer in pool.finished(1.0):
            assert isinstance(answer, Answer)
            products.append(answer.products["run"])
    assert [product.measures["met"] for product in products] == [together] * 2
    assert {product.note for product in products} == {"0"}


def test_a_node_that_leaves_is_survived(
    cluster: Any, pool: RayPool, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    name, tries = node.node_id, tmp_path / "tries"
    tries.mkdir()

    def begun() -> bool:
        return any(path.name.startswith(name) for path in tries.iterdir())

    def slow(task: Task) -> Answer:
        here = ray.get_runtime_context().get_node_id()
        (tries / f"{here} {time.time_ns()}").touch()
        if here == name:
            time.sleep(60)  # the node leaves before
        end = time.monotonic() + 30
        while not begun() and time.monotonic() < end:
            time.sleep(0.02)
        return work_of(task)

    def leave(progress: Progress) -> None:
        if node in cluster.worker_nodes and begun():
            cluster.remove_node(node, allow_graceful=False)

    work_of = work.lay_out
    monkeypatch.setattr(work, "lay_out", slow)
    outcome = run(photos, tmp_path / "out", pool=pool, show=leave)
    assert node not in cluster.worker_nodes
    assert len(outcome.made) == 6
    assert not outcome.errors
    assert len(list(tries.iterdir())) > 6  # what the node was working on was worked on again


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files with a short name: Ray makes sockets in it."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        yield Path(folder)


def test_a_long_name_of_the_folder_for_temporary_files_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    made = Path(temporary_folder())
    made.rmdir()
    assert made.parent == Path("/tmp")
    assert not list(long.iterdir())


def test_ctrl_c_ends_the_cluster_and_leaves_whole_outputs(photos: Path, tmp_path: Path, temporary: Path) -> None:
    for seed in range(6, 40):
        dots(photos / f"{seed}.png", seed)
    words = ["-m", "ingan_fast", "batch", str(photos), "--size", "48x36", "--out", str(tmp_path / "out")]
    environment = os.environ | {"TMPDIR": str(temporary)}
    process = subprocess.Popen(
        [sys.executable, *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    journal = tmp_path / "out" / FOLDER / "journal.jsonl"
    while process.poll() is None and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert "not done yet" in out
    made = [path for path in (tmp_path / "out").iterdir() if path.suffix == ".png"]
    assert len(made) == len(journal.read_text().splitlines()) < 40
    assert not list((tmp_path / "out").glob(".*.png"))
    assert not list(temporary.glob("ingan-*"))
    assert not [args for args in processes() if str(temporary) in args]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:99999", "nothing:1"])
def test_a_cluster_that_is_not_there_is_refused_at_once(address: str) -> None:
    with pytest.raises(UserError, match=f"--address {address}"), connected(address):
        pass


def processes() -> list[str]:
    """Command lines of this machine's processes."""
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
