"""A training step whose networks are compiled, for all sizes at once."""

import os
from pathlib import Path

import torch
from torch import Tensor, nn

from ingan_fast.kernels import UnitScale
from ingan_fast.networks import Generator, Painted
from ingan_fast.sampling import Draw
from ingan_fast.state import TrainingState
from ingan_fast.step import Networks, training_step

# Kept between runs, so that only the first training of a machine waits for compilers.
CACHE = Path.home() / ".cache" / "ingan-fast" / "compiled"


class CompiledStep:
    """`training_step` with G and D compiled by `torch.compile`.

    Compiled are G after its layout and each of D's networks, with the sides of their pictures as symbols: a handful of
    compilations serve every size, and the networks of all scales share theirs. What stays outside is small, or differs
    in structure from size to size (which scales there are).
    """

    def __init__(self) -> None:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(CACHE))
        # D over y is gone back through twice, for G's loss and for its own.
        torch._functorch.config.donated_buffer = False  # type: ignore[attr-defined]
        self.generate = torch.compile(_generate, dynamic=True)
        self.paint = torch.compile(_paint, dynamic=True)
        self.judge = torch.compile(_judge, dynamic=True)

    def __call__(self, state: TrainingState, draw: Draw) -> Tensor:
        return training_step(state, draw, self.networks(state))

    def networks(self, state: TrainingState) -> Networks:
        generator, discriminator = state.generator, state.discriminator

        def generate(image: Tensor, matrix: Tensor, size: tuple[int, int]) -> Painted:
            if generator.jump:
                return self.paint(generator, image, generator.lay_out(image, matrix, size))
            return self.generate(generator, image, matrix, size)

        def judge(image: Tensor) -> list[Tensor]:
            pyramid = discriminator.pyramid(image)
            return [self.judge(net, scaled) for net, scaled in zip(discriminator.nets, pyramid, strict=False)]

        return Networks(generate, judge)


def _generate(generator: Generator, image: Tensor, matrix: Tensor, size: tuple[int, int]) -> Painted:
    return generator.warp(image, matrix, size)


def _paint(generator: Generator, image: Tensor, layout: UnitScale) -> Painted:
    return generator.paint(image, layout)


def _judge(net: nn.Module, image: Tensor) -> Tensor:
    scores: Tensor = net(image)
    return scores
