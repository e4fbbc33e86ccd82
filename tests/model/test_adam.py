"""Our Adam is torch's."""

import subprocess
import sys

import pytest
import torch

from ingan_fast.model.adam import BETAS, Adam


def vector(device: str) -> torch.Tensor:
    return torch.linspace(-1, 1, 1000, device=device)


def gradient(step: int, device: str) -> torch.Tensor:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(step)) * 10.0 ** (step % 3 - 1)
    return values.to(device)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("resumed_after", [None, 3])
def test_weights_are_those_of_torchs_to_the_bit(device: str, resumed_after: int | None) -> None:
    ours, theirs = vector(device), vector(device).requires_grad_()
    adam = Adam(ours)
    rate = torch.zeros((), device=device)
    reference = torch.optim.Adam([theirs], rate, betas=BETAS, fused=True, capturable=device == "cuda")
    for step in range(6):
        if step == resumed_after:
            saved = {name: value.cpu().clone() for name, value in adam.state_dict().items()}
            adam.step()  # leaves no trace
            ours.copy_(theirs.detach())
            adam = Adam(ours)
            adam.load_state_dict(saved)
        ours.grad, theirs.grad = gradient(step, device), gradient(step, device)
        adam.rate.fill_(0.01 / (step + 1))
        rate.fill_(0.01 / (step + 1))
        adam.step()
        reference.step()
        assert torch.equal(ours, theirs.detach())
    assert not torch.equal(ours, vector(device))


def test_a_training_imports_no_compiler() -> None:
    """It takes two seconds and 170 MB; SymPy, of which compilers make their sizes, half a second."""
    code = (
        "import sys, torch\n"
        "before = set(sys.modules)\n"
        "from ingan_fast.model.sampling import Sampler\n"
        "from ingan_fast.model.state import TrainingState\n"
        "from ingan_fast.model.step import training_step\n"
        "from ingan_fast.settings import SMOKE\n"
        "picture = torch.randint(0, 256, (48, 64, 3), dtype=torch.uint8).numpy()\n"
        "state = TrainingState(SMOKE, 0, torch.device('cpu'))\n"
        "training_step(state, Sampler([picture], SMOKE, 0, torch.device('cpu')).draw(0))\n"
        "sys.exit(bool({'torch._dynamo', 'sympy'} & (set(sys.modules) - before)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
