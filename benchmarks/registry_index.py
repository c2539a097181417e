"""What the import costs with the shipped registry, and what a call costs on an index of 100,000 tasks.

    python benchmarks/registry_index.py

Writes `results/registry_index.json`. Import: medians over fresh interpreters, beside importing gymnasium alone in
turn. Index: one line of a real task, repeated under other ids, families and data sets; every call in a fresh
interpreter on its own, so that nothing is warm but the disk.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from common import median, write

from mlgym_synth.folder import load_task
from mlgym_synth.registry import find, index_line, shipped_root
from mlgym_synth.task import FAMILIES

TIMES, TASKS = 15, 100_000
TIMED = "import time; began = time.perf_counter(); {}; print((time.perf_counter() - began) * 1000)"
BEFORE = "import mlgym_synth\nfrom mlgym_synth import registry\nimport mlgym_synth.env\nroot = {root!r}\n"
CALLS = {
    "register": ("", "mlgym_synth.register(root)"),
    "find": ("mlgym_synth.register(root)\n", "registry.find('own-050000')"),
    "make": ("mlgym_synth.register(root)\n", "mlgym_synth.make('own-050000')"),
    "list_first_100": ("mlgym_synth.register(root)\n", "registry.select(limit=100)"),
    "filter_first_100": (
        "mlgym_synth.register(root)\n",
        "registry.select(family='ranking', split='heldout', limit=100)",
    ),
    "filter_by_dataset": ("mlgym_synth.register(root)\n", "registry.select(dataset='frame-04242')"),
}


def timed(code: str, before: str = "") -> float:
    return float(subprocess.check_output([sys.executable, "-c", before + TIMED.format(code)], text=True))


def large_index(root: Path) -> None:
    """An index of many tasks, one of which has its folder."""
    source = find("task-0001")
    (root / "registry").mkdir()
    target = root / "envs" / "own-050000"
    target.parent.mkdir()
    target.symlink_to(load_task(source.folder).path)
    fields = json.loads((shipped_root() / "registry" / "index.jsonl").read_text().splitlines()[0])
    with (root / "registry" / "index.jsonl").open("w") as index:
        for number in range(TASKS):
            name = f"own-{number:06d}"
            own = {
                "id": name,
                "path": f"envs/{name}",
                "family": FAMILIES[number % len(FAMILIES)],
                "dataset": f"package:frame-{number % 5000:05d}",
                "split": "heldout" if number % 10 == 9 else "train",
            }
            index.write(index_line(fields | own))


def main() -> None:
    plain, ours = [], []
    for _ in range(TIMES):
        plain.append(timed("import gymnasium"))
        ours.append(timed("import gymnasium, mlgym_synth"))
    added = [b - a for a, b in zip(plain, ours, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        large_index(Path(folder))
        before = BEFORE.format(root=folder)
        calls = {
            name: median([timed(call, before + ready) for _ in range(TIMES)]) for name, (ready, call) in CALLS.items()
        }
    result = {
        "shipped_tasks": sum(1 for _ in (shipped_root() / "registry" / "index.jsonl").open()),
        "import_gymnasium_ms": median(plain),
        "import_both_ms": median(ours),
        "import_added_ms": round(statistics.median(added), 3),
        "index_tasks": TASKS,
        "call_ms": calls,
    }
    write("registry_index", result)


if __name__ == "__main__":
    main()
