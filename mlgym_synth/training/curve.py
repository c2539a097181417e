"""What SFT and GRPO have in common in how a training runs: warm-up, and a curve of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlgym_synth.training.errors import TrainingDiverged
from mlgym_synth.training.processes import first_fault

REMEDY = "Train into a new folder with a lower learning_rate, or a longer warmup."
_DECISIVE = ("loss", "grad_norm")


def warmup_steps(steps: int, share: float) -> int:
    """Steps in which the rate rises. Warm-up starts at rate 0, so a one-step warm-up would only waste it: use none."""
    warm = math.floor(steps * share)
    return warm if warm > 1 else 0


def finite(told: Mapping[str, float]) -> dict[str, float | None]:
    """Numbers as JSON has them: null for those that are none."""
    return {name: value if math.isfinite(value) else None for name, value in told.items()}


def refuse_divergence(step: int, logs: Mapping[str, Any]) -> None:
    """End a training whose weights cannot be used any more.

    Raises:
        TrainingDiverged: the loss or the gradient is not finite.
    """
    if wrong := [f"{name} {float(logs[name])}" for name in _DECISIVE if not math.isfinite(float(logs.get(name, 0)))]:
        raise TrainingDiverged(f"step {step}: {' and '.join(wrong)}. {REMEDY}")


def refuse_broken_weights(step: int, model: Any) -> None:
    """End it before a checkpoint or a student is made of such weights; all processes call.

    Raises:
        TrainingDiverged: a weight that is trained, in any process, is not finite.
    """
    fault = None if _are_numbers(model) else f"step {step}: the weights are no numbers any more."
    if (fault := first_fault(fault)) is not None:
        raise TrainingDiverged(f"{fault} {REMEDY}")


def _are_numbers(model: Any) -> bool:
    """Whether all weights that are trained, of this process's share of them, are finite."""
    import torch

    trained = [weights.detach() for weights in model.parameters() if weights.requires_grad]
    here = [weights.to_local() if hasattr(weights, "to_local") else weights for weights in trained]
    return all(bool(torch.isfinite(torch.stack(torch.aminmax(one))).all()) for one in here if one.numel())
