"""What `validate` costs: a submission of some 1,000 rows through `env.step`, and the part of it that reads the file.

    python benchmarks/validate_latency.py

Writes `results/validate_latency.json`, medians in milliseconds. The content changes between validations, since an
unchanged file is not graded again.
"""

from __future__ import annotations

from typing import Any

from common import median, milliseconds, write

from mlgym_synth import registry
from mlgym_synth.env import SynthEnv
from mlgym_synth.folder import load_task

TIMES = 25


def bash(command: str) -> dict[str, Any]:
    return {"tool": "bash", "arguments": {"command": command}}


def main() -> None:
    entry = next(
        e for e in registry.select() if getattr(load_task(e.folder).spec.data, "split", None) and rows(e) >= 1000
    )
    env = SynthEnv(entry.folder, sandbox="bwrap", max_steps=1000)
    env.reset(seed=0)
    env.step(bash("python baseline.py"))
    file = load_task(entry.folder).spec.submission.file
    validating, reading = [], []
    for _ in range(TIMES):
        env.step(bash(f"(head -n 1 {file}; tail -n +2 {file} | shuf) > s && mv s {file}"))
        validating += milliseconds(lambda: env.step({"tool": "validate", "arguments": {}}), 1)
        reading += milliseconds(lambda: env.sandbox and env.sandbox.read_file(file, 1 << 24), 1)
    env.close()
    beside = [a - b for a, b in zip(validating, reading, strict=True)]
    result = {"task": entry.id, "rows": rows(entry), "validate_ms": median(validating), "read_ms": median(reading)}
    write("validate_latency", result | {"beside_reading_ms": median(beside)})


def rows(entry: registry.TaskEntry) -> int:
    data = load_task(entry.folder).spec.data
    return data.split.evaluation_rows if data.kind == "table" else 0


if __name__ == "__main__":
    main()
