"""Processes of a pool, and how they end."""

from __future__ import annotations

import multiprocessing
import os
import threading


def end_with_driver() -> None:
    """Called first in a worker: it ends when the process that started it is gone, however that went.

    A killed driver closes no queue that its workers share among themselves, so they would wait for ever.
    """
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    driver = multiprocessing.parent_process()
    assert driver is not None
    driver.join()
    os._exit(1)
