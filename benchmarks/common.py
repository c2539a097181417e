"""What the benchmark scripts share: timing, the machine's description, results written beside the scripts."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def milliseconds(action: Callable[[], Any], times: int) -> list[float]:
    """Wall time of each of `times` calls, in milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def median(values: list[float]) -> float:
    """The median, rounded for a report."""
    return round(statistics.median(values), 3)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load": round(os.getloadavg()[0], 2),
    }


def write(name: str, result: dict[str, Any]) -> None:
    """Write `results/<name>.json` and show it."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({**result, "machine": machine()}, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)
