"""History of a training: recent losses for the log, validations, early stop."""

from typing import Any

import torch
from torch import Tensor

from ingan_fast.model.step import LOSSES
from ingan_fast.quality.validation import Quality
from ingan_fast.settings import Settings
from ingan_fast.training.early_stop import is_flat, may_be_shortened, shortened


class History:
    """Saved in the checkpoint, so that a resumed training logs and stops like an uninterrupted one."""

    def __init__(self, settings: Settings, device: torch.device):
        self.settings = settings
        self.losses = torch.zeros(settings.log_every, len(LOSSES), device=device)  # of the latest iterations
        self.validations: list[Quality] = []
        self.flat_at: int | None = None  # the iteration at which quality was found flat

    def add_losses(self, iteration: int, losses: Tensor) -> None:
        """Store the losses (float32 [4]) of an iteration, without waiting for them."""
        self.losses[iteration % len(self.losses)] = losses

    def mean_losses(self, done: int) -> dict[str, float]:
        """Means by name, over the iterations since the last multiple of `log_every` before `done`."""
        rows = self.losses[: (done - 1) % len(self.losses) + 1]
        return dict(zip(LOSSES, rows.mean(dim=0).tolist(), strict=True))

    def add_validation(self, done: int, quality: Quality) -> bool:
        """Store a validation; returns whether an early stop begins now (enabled, quality flat, iterations to save)."""
        self.validations.append(quality)
        if not self.settings.early_stop or self.flat_at is not None or not may_be_shortened(self.settings, done):
            return False
        if is_flat(self.validations):
            self.flat_at = done
        return self.flat_at is not None

    def last_quality(self) -> Quality:
        """The last validation; empty before the first one."""
        return self.validations[-1] if self.validations else {}

    def current_settings(self) -> Settings:
        """The run's settings, shortened after an early stop."""
        return self.settings if self.flat_at is None else shortened(self.settings, self.flat_at)

    def state_dict(self) -> dict[str, Any]:
        return {"losses": self.losses, "validations": self.validations, "flat_at": self.flat_at}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["losses"].shape == self.losses.shape:  # old checkpoints have one loss more; their means restart
            self.losses.copy_(state["losses"])
        self.validations = [dict(quality) for quality in state["validations"]]
        self.flat_at = None if state["flat_at"] is None else int(state["flat_at"])
