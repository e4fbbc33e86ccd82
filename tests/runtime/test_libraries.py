"""Playing and exporting a model tells nobody, leaves nothing in the home folder, and imports only what it uses."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingan_fast.runtime.libraries import has_cuda_provider, openvino_precision

OPENVINO = pytest.param(
    "openvino", marks=pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="no OpenVINO")
)
# Prints what Python code does with sockets: opening one, looking up a host.
PLAY = """
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith("socket.") else None)
import numpy as np
from ingan_fast.runtime import Retargeter
with Retargeter.open(sys.argv[1], "auto", sys.argv[2]) as retargeter:
    retargeter(np.zeros((48, 56, 3), np.uint8), size=(40, 40))
    print(retargeter.backend, sorted({"onnxruntime", "openvino", "torch"} & set(sys.modules)), seen)
"""
EXPORT = """
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith("socket.") else None)
import atexit
from ingan_fast.cli import main
atexit.register(lambda: print(seen))
sys.argv = ["ingan-fast", "export", sys.argv[1], "--out", "exported", "--fixed", "40x40"]
main()
"""


def in_a_fresh_home(tmp_path: Path, code: str, *words: str) -> str:
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        env=kept | {"HOME": str(home)},
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours = {".cache/ingan-fast"}
    left = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    assert [path for path in left if not any(path.startswith(prefix) for prefix in ours)] == []
    return done.stdout


@pytest.mark.parametrize("backend", ["onnxruntime", OPENVINO])
def test_a_model_is_played_without_telemetry_or_other_backends(tmp_path: Path, model: Path, backend: str) -> None:
    assert in_a_fresh_home(tmp_path, PLAY, str(model), backend) == f"{backend} ['{backend}'] []\n"


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="no OpenVINO")
@pytest.mark.skipif(has_cuda_provider(), reason="ONNX Runtime runs on CUDA here")
def test_what_is_not_chosen_is_not_imported(tmp_path: Path, model: Path) -> None:
    assert in_a_fresh_home(tmp_path, PLAY, str(model), "auto") == "openvino ['openvino'] []\n"


def test_a_run_is_exported_without_telemetry(tmp_path: Path, trained_run: Path) -> None:
    assert in_a_fresh_home(tmp_path, EXPORT, str(trained_run)).splitlines()[-1] == "[]"


def test_a_program_that_wants_telemetry_keeps_it(tmp_path: Path) -> None:
    code = (
        "import os\nos.environ['ORT_DISABLE_TELEMETRY'] = '0'\n"
        "from ingan_fast.runtime.libraries import import_onnxruntime\nimport_onnxruntime()\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "0\n"


def test_the_cuda_provider_is_found_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_cuda_provider()
    package = tmp_path / "onnxruntime"
    (package / "capi").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('must not be imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    assert not has_cuda_provider()
    (package / "capi" / "libonnxruntime_providers_cuda.so").touch()
    assert has_cuda_provider()


class Cpu:
    """OpenVINO's core, on a CPU with these capabilities."""

    def __init__(self, *capabilities: str):
        self.capabilities = capabilities

    def get_property(self, device: str, name: str) -> tuple[str, ...]:
        assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
        return self.capabilities


@pytest.mark.parametrize(
    ("limit", "cpu", "expected"),
    [
        (None, Cpu("FP32", "BF16"), "bf16"),
        (None, Cpu("FP32"), "f32"),
        ("avx2", Cpu("FP32", "BF16"), "f32"),
        ("AVX512_CORE", Cpu("FP32", "BF16"), "f32"),
        ("AVX512_CORE_BF16", Cpu("FP32", "BF16"), "bf16"),
        ("AVX512_CORE_AMX", Cpu("FP32"), "f32"),
    ],
)
def test_openvino_is_not_asked_for_bfloat16_that_its_kernels_may_not_use(
    limit: str | None, cpu: Cpu, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    if limit is not None:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert openvino_precision(cpu) == expected
