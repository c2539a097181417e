"""Several processes that train one model together, as `accelerate launch` starts them; a single one works too."""

from __future__ import annotations

import os

from mlgym_synth.training.errors import TrainingRefused


def world_size() -> int:
    """How many processes a launcher started to train together; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def refuse_other_world_size(processes: int | None) -> None:
    """Refuse to train with another number of processes than a recipe is for; None takes any.

    Raises:
        TrainingRefused: the number differs.
    """
    if processes not in (None, world_size()):
        raise TrainingRefused(
            f"the recipe is for {processes} processes, and there is {world_size()}: start it with `accelerate launch`,"
            " or --set processes=null for as many as there are."
        )


def is_first() -> bool:
    """Whether this is the process that writes, and speaks for all that a launcher started."""
    return os.environ.get("RANK", "0") == "0"


def wait_for_all() -> None:
    """Go on when every process is here."""
    from accelerate import PartialState

    PartialState().wait_for_everyone()


def first_fault(fault: str | None) -> str | None:
    """What the first of all processes with a fault says, the same in each; every process must call it."""
    if world_size() == 1:
        return fault
    from accelerate.utils import gather_object

    return next((told for told in gather_object([fault]) if told is not None), None)
