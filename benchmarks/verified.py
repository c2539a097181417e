"""Every shipped task through all gates, in as many goes as it takes: what `mlgym-synth verify --all` does in one.

    python benchmarks/verified.py [--minutes 60] [--sandbox bwrap]

Writes `results/verified.csv`, a line a task, and `results/verified.json`, what they come to. A line holds as long as
neither the task nor the code nor the runtime that decided it changes; tasks with such a line are not run again, on any
machine. What `verify` has in its cache is taken over. Whether a task is a copy of another (gate 10) follows from all of
them, needs no sandbox, and is looked at anew each time.
"""

from __future__ import annotations

import argparse
import csv
import time
from typing import Any

from common import RESULTS, write

from mlgym_synth import registry
from mlgym_synth.folder import load_task
from mlgym_synth.gates import Verdict, verify_many
from mlgym_synth.gates.copies import not_a_copy
from mlgym_synth.gates.kept import key_of, known

FILE = RESULTS / "verified.csv"
COLUMNS = ("task_id", "key", "passed", "gates", "seconds")
AT_A_TIME = 40
Line = dict[str, str]


def line(verdict: Verdict, key: str) -> Line:
    """A verdict as a line."""
    values = (verdict.task_id, key, str(verdict.passed), str(len(verdict.results)), f"{verdict.seconds:.1f}")
    return dict(zip(COLUMNS, values, strict=True))


def known_lines(keys: dict[str, str]) -> dict[str, Line]:
    """Lines that still hold."""
    if not FILE.exists():
        return {}
    with FILE.open(newline="") as file:
        return {each["task_id"]: each for each in csv.DictReader(file) if keys.get(each["task_id"]) == each["key"]}


def save(lines: dict[str, Line]) -> None:
    """Write the CSV anew."""
    scratch = FILE.with_suffix(".tmp")
    with scratch.open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(lines[task] for task in sorted(lines))
    scratch.replace(FILE)


def main() -> None:
    """Verify what has no line yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing after so long")
    parser.add_argument("--sandbox", default="bwrap")
    arguments = parser.parse_args()
    entries = registry.select()
    folders = {entry.id: load_task(entry.folder) for entry in entries}
    keys = {task: key_of(folder, arguments.sandbox) for task, folder in folders.items()}
    lines, until = known_lines(keys), time.monotonic() + 60 * arguments.minutes
    for task, folder in folders.items():
        if task not in lines and (verdict := known(folder, arguments.sandbox)) is not None:
            lines[task] = line(verdict, keys[task])
    left = [task for task in folders if task not in lines]
    while left and time.monotonic() < until:
        some, left = left[:AT_A_TIME], left[AT_A_TIME:]
        for verdict in verify_many([folders[task] for task in some], sandbox=arguments.sandbox):
            lines[verdict.task_id] = line(verdict, keys[verdict.task_id])
            print(lines[verdict.task_id], flush=True)
        save(lines)
    save(lines)
    copies = [task for task, folder in folders.items() if not_a_copy(folder, entries) is not None]
    write("verified", summary(list(lines.values()), len(folders), copies))


def summary(lines: list[Line], total: int, copies: list[str]) -> dict[str, Any]:
    """What the lines come to; the seconds are of the gates before the tenth."""
    failed = {each["task_id"] for each in lines if each["passed"] != "True"}
    seconds = sorted(float(each["seconds"]) for each in lines)
    return {
        "tasks": total,
        "verified": len(lines),
        "failed": sorted(failed | {each["task_id"] for each in lines if each["task_id"] in copies}),
        "copies": copies,
        "median_s": seconds[len(seconds) // 2] if seconds else None,
        "slowest_s": seconds[-1] if seconds else None,
        "hours_of_gates": round(sum(seconds) / 3600, 2),
    }


if __name__ == "__main__":
    main()
