"""A process that has played a run with several threads forks; its child plays it too instead of waiting for ever."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ingan_fast.errors import UserError
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.backends import torch as backend

CODE = """
import os, signal, sys
import numpy as np, torch
from ingan_fast.runtime import Retargeter
from ingan_fast.threads import Threads
torch.set_num_threads(2)
Threads.suitable = lambda self, current: 2  # however busy the machine is
retargeter = Retargeter.open(sys.argv[1], "cpu")
expected = retargeter(size=(300, 300))
child = os.fork()
if child == 0:
    signal.alarm(30)  # ends a child that hangs
    for player in (retargeter, Retargeter.open(sys.argv[1], "cpu")):
        # Other sums of fewer threads may round otherwise.
        assert np.abs(player(size=(300, 300)).astype(int) - expected).max() <= 1
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_forked_process_plays_what_its_parent_played(trained_run: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(trained_run)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_gpu_is_refused_in_a_forked_process(trained_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Retargeter.open(trained_run, "cpu") as retargeter:
        monkeypatch.setattr(retargeter._backend, "_done", object())  # as on a GPU
        monkeypatch.setattr(backend, "forked", lambda: True)
        with pytest.raises(UserError, match="spawn"):
            retargeter(np.zeros((48, 56, 3), np.uint8), size=(40, 40))
        monkeypatch.setattr(retargeter._backend, "_done", None)
