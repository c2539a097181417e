"""The supervisor's event loop: descriptors with a handler each, one `turn` at a time, and a tick beside them."""

from __future__ import annotations

from select import POLLIN, poll
from time import monotonic

TYPE_CHECKING = False  # module `typing` costs a megabyte
if TYPE_CHECKING:
    from collections.abc import Callable


class Loop:
    """Calls the handlers of ready descriptors; single-threaded."""

    def __init__(self, tick: Callable[[], None], period_s: float) -> None:
        self._poll = poll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._tick, self._period_s = tick, period_s
        self._next_tick = 0.0

    def watch(self, descriptor: int, handler: Callable[[], None], events: int = POLLIN) -> None:
        """Call `handler` whenever `descriptor` is ready (or hung up)."""
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """No longer watch `descriptor`; nothing happens if it is not watched."""
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def turn(self, until: float = float("inf")) -> None:
        """Wait for something to happen, at longest until the monotonic time `until`, and handle it."""
        now = monotonic()
        if now >= self._next_tick:
            self._tick()
            self._next_tick = now + self._period_s
        wait_s = max(0.0, min(until, self._next_tick) - now)
        for descriptor, _ in self._poll.poll(int(wait_s * 1000) + 1):
            handler = self._handlers.get(descriptor)
            if handler is not None:  # an earlier handler of this turn may have dropped it
                handler()
