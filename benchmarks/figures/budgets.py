"""Time budgets of the figures: durations of trainings, choice of pictures, steps of slow methods."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingan_fast.training.budget import duration

# Figure 9 on a CPU: a small version of the paper's network at half size, which learns to keep sizes in a thousand
# iterations (docs/experiments.md). The preset `learned` has no reconstruction loss.
SMALL_PAPER: dict[str, Any] = {
    "max_side": 144,
    "crop": 96,
    "channels": 32,
    "downscales": 2,
    "blocks": 4,
    "skips": False,
    "d_channels": 32,
    "size_multiple": 32,
    "buckets": 0,
    "learning_rate_g": 4e-4,
    "learning_rate_d": 4e-4,
    "fine_at": 0.33,
    "ema": 0.995,
    "validate_every": 100_000,  # never: outputs are evaluated at the end
    "checkpoint_every": 100,
}


@dataclass(frozen=True)
class TrainingRequest:
    """A training."""

    name: str  # of its run folder
    picture: str
    preset: str
    seconds: float | None = None  # budget; None if `changes` give the iterations
    changes: Mapping[str, Any] = field(default_factory=dict)  # to the preset's settings
    seed: int = 0


@dataclass(frozen=True)
class Share:
    """A picture's part of a budget.

    On a CPU a number of iterations, so that a busy machine gives the same pictures; on a GPU, where the paper's network
    is trained, a duration.
    """

    iterations: int
    seconds: float
    side: int | None = None  # px; limit of its longer side, for all methods


@dataclass(frozen=True)
class Budget:
    """Budget of all figures.

    Attributes:
        shares: by picture; others are left out of the figures.
        ablation_iterations: of each training of figure 9.
        ablation_seeds: of figure 9, whose numbers are given for each.
        options: reduced options of baselines, by name.
        preset: None: the device's default.
        changes: to that preset's settings.
    """

    name: str
    shares: Mapping[str, Share]
    ablation_iterations: int
    ablation_seeds: tuple[int, ...] = (0,)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    preset: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)

    def chosen(self, *pictures: str) -> list[str]:
        """The given pictures that are in this budget."""
        return [picture for picture in pictures if picture in self.shares]

    def plan(self, picture: str, device: str) -> TrainingRequest:
        """The training of a picture, shared by the figures; on a GPU with the paper's preset."""
        share = self.shares[picture]
        sides = {"max_side": share.side} if share.side else {}
        if device == "cuda":
            return TrainingRequest(f"{picture}-{self.name}", picture, "paper", share.seconds, {**sides, **self.changes})
        often = dict.fromkeys(("iterations", "preview_every", "validate_every"), share.iterations)
        return TrainingRequest(
            f"{picture}-{self.name}", picture, self.preset or "learned", None, {**sides, **often, **self.changes}
        )

    def ablation(self, name: str, changes: Mapping[str, Any], seed: int, device: str) -> TrainingRequest:
        """A training of figure 9: the paper's network with `changes`."""
        small = {} if device == "cuda" else SMALL_PAPER
        iterations = self.ablation_iterations
        settings = {**small, "iterations": iterations, "preview_every": iterations, **self.changes, **changes}
        return TrainingRequest(
            f"market-{self.name}-{name}-{seed}", "market", self.preset or "paper", None, settings, seed
        )

    def description(
        self, device: str, pictures: Collection[str], methods: Collection[str], ablations: bool = False
    ) -> str:
        """Description for the user: training durations, reductions, baselines with reduced options.

        For a figure with these pictures and methods; with `ablations`, for figure 9.
        """
        plans = [self.plan(picture, device) for picture in self.shares if picture in pictures]
        if ablations:
            trained = [f"{self.ablation_iterations:,} iterations each"]
        elif device == "cuda":
            trained = [f"{plan.picture} {duration(plan.seconds or 0)}" for plan in plans]
        else:
            trained = [f"{plan.picture} {plan.changes['iterations']:,} iterations" for plan in plans]
        parts = [f"{self.name}: training {', '.join(trained)}"]
        sides = [f"{plan.picture} {side} px" for plan in plans if (side := plan.changes.get("max_side"))]
        if sides and not ablations:
            parts.append(f"pictures reduced for all methods, longer sides {', '.join(sides)}")
        for method, options in self.options.items():
            if method in methods:
                values = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in options.items())
                parts.append(f"{method} with {values}, not its defaults")
        return "; ".join(parts)


QUICK = Budget(
    "quick",
    {
        "market": Share(800, 90.0, side=240),
        "coins": Share(900, 90.0, side=240),
        "gravel": Share(2000, 90.0, side=160),
        "coffee": Share(150, 60.0, side=200),
    },
    ablation_iterations=400,
    options={"GPDM": {"steps": 60, "learning_rate": 0.01}, "Spatial GAN": {"iterations": 1500}},
)
FULL = Budget(
    "full",
    {
        "market": Share(6000, 600.0),
        "coins": Share(4000, 600.0),
        "gravel": Share(3000, 300.0, side=192),
        "facade": Share(3000, 300.0),
        "brick": Share(2000, 300.0, side=192),
        "coffee": Share(1000, 120.0),
    },
    ablation_iterations=5000,
    ablation_seeds=(0, 1),
)
BUDGETS = {budget.name: budget for budget in (QUICK, FULL)}
