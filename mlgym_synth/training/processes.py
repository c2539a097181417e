"""Several processes that train one model together, as `accelerate launch` starts them; alone, nothing of it matters."""

from __future__ import annotations


def is_main() -> bool:
    """Whether this process is the one that writes."""
    from accelerate import PartialState

    return bool(PartialState().is_main_process)


def wait_for_all() -> None:
    """Go on when every process is here."""
    from accelerate import PartialState

    PartialState().wait_for_everyone()


def first_fault(fault: str | None) -> str | None:
    """What the first of all processes with a fault says, the same in each; every process must call it."""
    from accelerate import PartialState

    if PartialState().num_processes == 1:
        return fault
    from accelerate.utils import gather_object

    return next((told for told in gather_object([fault]) if told is not None), None)
