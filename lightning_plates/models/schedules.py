"""Learning-rate schedules that end with the run, also where it is resumed with more epochs.

torch keeps the length of a schedule in the checkpoint. A run that is resumed with another number of
epochs would go on along the earlier curve: past its end, a cosine climbs back to its peak.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR

from lightning_plates.errors import ConfigError

WARM_UP_STEPS = 40
"""Steps over which the learning rate of :class:`WarmUpCosine` rises to its full value."""


class EpochCosine(CosineAnnealingLR):
    """Half a cosine from the full rate down to 0, one step an epoch.

    Args:
        optimizer: Its groups' rates are the full ones.
        epochs: Length of the whole run.
    """

    def __init__(self, optimizer: Optimizer, epochs: int) -> None:
        super().__init__(optimizer, T_max=epochs)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over how far the earlier run got, not how long it was meant to be."""
        epochs = self.T_max
        super().load_state_dict(state_dict)
        if self.T_max != epochs:
            self.T_max = epochs
            share = (1 + math.cos(math.pi * self.last_epoch / epochs)) / 2
            rates = [base * share for base in self.base_lrs]
            _set_rates(self, rates)


class WarmUpCosine(LambdaLR):
    """A short warm-up, then half a cosine down to 0, one step an optimiser's step.

    Args:
        optimizer: Its groups' rates are the full ones.
        steps: Length of the whole run.
    """

    def __init__(self, optimizer: Optimizer, steps: int) -> None:
        super().__init__(optimizer, lambda step: rate_share(step, steps))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over how far the earlier run got, not how long it was meant to be."""
        super().load_state_dict(state_dict)
        shares = [share_at(self.last_epoch) for share_at in self.lr_lambdas]
        rates = [base * share for base, share in zip(self.base_lrs, shares, strict=True)]
        _set_rates(self, rates)


def check_rates(**rates: float) -> None:
    """Check learning rates and the like by their names.

    Raises:
        ConfigError: One is negative or not finite.
    """
    for name, rate in rates.items():
        if not 0 <= rate < math.inf:
            raise ConfigError(f"--model.{name}: expected a number of at least 0, got {rate}")


def known_length(length: float) -> int:
    """``length`` of a run, in epochs or steps, where it has one.

    Raises:
        ConfigError: It is endless: a schedule that falls to 0 could never end.
    """
    if not 0 <= length < math.inf:
        raise ConfigError(
            "the learning rate falls to 0 by the last epoch: give --trainer.max_epochs N"
        )
    return int(length)


def rate_share(step: int, steps: int) -> float:
    """Share of the full learning rate at ``step`` of ``steps``, with a warm-up."""
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    return warm_up * (1 + math.cos(math.pi * min(step, steps) / max(steps, 1))) / 2


def _set_rates(schedule: CosineAnnealingLR | LambdaLR, rates: Sequence[float | Tensor]) -> None:
    for group, rate in zip(schedule.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    schedule._last_lr = list(rates)
