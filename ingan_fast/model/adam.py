"""Adam (Kingma & Ba, ICLR 2015) of one vector of weights."""

from typing import Any

import torch
from torch import Tensor

BETAS = (0.5, 0.999)
EPSILON = 1e-8
_STATE = ("rate", "steps", "mean", "square")


class Adam:
    """Torch's fused Adam, without its optimiser, which imports torch's compiler: two seconds and 170 MB.

    What changes from step to step are tensors on the device: a captured step reads their current value.

    Args:
        weights: one vector with a gradient; updated in place.

    Attributes:
        rate: learning rate, a scalar.
    """

    def __init__(self, weights: Tensor):
        self.weights = weights
        self.rate = torch.zeros((), device=weights.device)
        self.steps = torch.zeros((), device=weights.device)
        self.mean = torch.zeros_like(weights, requires_grad=False)  # of gradients, decaying
        self.square = torch.zeros_like(weights, requires_grad=False)  # of their squares

    @torch.no_grad()
    def step(self) -> None:
        """Update the weights by their gradient."""
        assert self.weights.grad is not None
        self.steps.add_(1)
        torch._fused_adam_(
            [self.weights],
            [self.weights.grad],
            [self.mean],
            [self.square],
            [],
            [self.steps],
            lr=self.rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _STATE}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in _STATE:
            getattr(self, name).copy_(state[name])  # a checkpoint is loaded to the CPU
