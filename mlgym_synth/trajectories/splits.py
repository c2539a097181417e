"""A task's current split. It may differ from the one stored with an old episode."""

from __future__ import annotations

from mlgym_synth import registry
from mlgym_synth.errors import TaskNotFound


class Splits:
    """The splits of tasks as the registry has them; it is asked once for each task."""

    def __init__(self) -> None:
        self._registered: dict[str, str | None] = {}

    def of(self, task_id: str, stored: str) -> str:
        """The task's split now; of a task that the registry does not know, what is `stored`."""
        if task_id not in self._registered:
            self._registered[task_id] = _registered(task_id)
        return self._registered[task_id] or stored


def _registered(task_id: str) -> str | None:
    try:
        return registry.find(task_id).split
    except TaskNotFound:
        return None
