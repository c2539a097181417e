"""What is seen to while GRPO trains: the curve, whole checkpoints, and that weights and loss stay numbers."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlgym_synth.training.curve import REMEDY, finite, refuse_broken_weights, refuse_divergence
from mlgym_synth.training.errors import TrainingDiverged
from mlgym_synth.training.processes import wait_for_all
from mlgym_synth.training.run_folder import LOSSES, mark_whole

_LOGGED = ("loss", "learning_rate", "grad_norm", "epoch", "reward", "reward_std", "frac_reward_zero_std", "kl",
           "entropy", "completions/mean_length", "completions/clipped_ratio", "tools/call_frequency",
           "tools/failure_frequency", "step_time")  # fmt: skip


def watch(began: float) -> Any:
    """A callback for the trainer; `began` is when a training in one go would have begun.

    It raises `TrainingDiverged`, in all processes.
    """
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]  # of a library without types
        """Writes the curve, marks checkpoints that are whole, and ends what diverges."""

        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            control.should_log |= state.global_step >= state.max_steps  # steps that are added later begin a line
            refuse_broken_weights(state.global_step, model)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if "reward" not in (logs or {}):
                return
            if state.is_world_process_zero:
                told = {key: float(logs[key]) for key in _LOGGED if logs.get(key) is not None}
                with Path(args.output_dir, LOSSES).open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"step": state.global_step, **finite(told)}) + "\n")
            refuse_divergence(state.global_step, logs)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            wait_for_all()  # every process writes its random state
            if state.is_world_process_zero:
                mark_whole(Path(args.output_dir) / f"checkpoint-{state.global_step}", time.monotonic() - began)

    return Watch()


@contextlib.contextmanager
def telling_divergence() -> Iterator[None]:
    """With weights too large to sample from, torch raises an error of its own before there is a loss.

    Raises:
        TrainingDiverged: it was told.
    """
    try:
        yield
    except RuntimeError as error:
        if "probability tensor contains" not in str(error):
            raise
        raise TrainingDiverged(f"the model's probabilities are no numbers any more. {REMEDY}") from error
