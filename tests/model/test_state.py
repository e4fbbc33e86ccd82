"""The weights of a training in one vector, and its checkpoints."""

import pytest
import torch

from ingan_fast.model.gradients import in_memory_order
from ingan_fast.model.state import TrainingState, flatten
from ingan_fast.settings import SMOKE

CPU = torch.device("cpu")


def test_weights_are_views_of_one_vector_in_the_order_that_convolutions_take() -> None:
    discriminator = TrainingState(SMOKE, 0, CPU, "float32").discriminator
    before = [weight.detach().clone() for weight in discriminator.parameters()]
    vector = flatten(discriminator)
    weights = list(discriminator.parameters())
    for weight, other in zip(weights, before, strict=True):
        assert torch.equal(weight, other)
        assert weight.dim() != 4 or weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(torch.cat([in_memory_order(weight) for weight in weights]), vector)
    vector.zero_()
    assert all(not weight.any() for weight in weights)


def test_a_checkpoint_in_another_order_is_refused() -> None:
    """Its optimisers' vectors would belong to other weights."""
    state = TrainingState(SMOKE, 0, CPU, "float32")
    saved = state.state_dict()
    state.load_state_dict(saved)
    del saved["weights"]  # as before the order was stored
    with pytest.raises(ValueError, match="another order"):
        state.load_state_dict(saved)
