"""Write the README's table of figures from the committed results: `python benchmarks/readme_table.py`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BLOCK = re.compile(r"(<!-- figures: benchmarks/readme_table\.py -->\n).*?(<!-- /figures -->)", re.DOTALL)


def load(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((HERE / "results" / f"{name}.json").read_text())
    return result


def table() -> str:
    steps, memory, validate = load("step_latency"), load("memory"), load("validate_latency")
    played = load("scripted_agents")
    returns = ", ".join(f"`{name}` {value:.2f}" for name, value in played["mean_return"].items())
    docker, bwrap, machine = steps["docker"], steps["bwrap"], steps["machine"]
    inside = max(memory[backend]["sandbox_rss_mib"] for backend in ("docker", "bwrap"))
    owner = max(memory[backend]["owner_mib"] for backend in ("docker", "bwrap"))
    slowest = max(memory[backend]["answer_ms_worst_env"] for backend in ("docker", "bwrap"))
    rows = [
        (
            f"a step (`bash true` through `env.step`, median of {steps['steps']:,})",
            f"{docker['step_ms']} ms in Docker, {bwrap['step_ms']} ms under bubblewrap",
            f"{docker['exec_run_ms']} ms, docker SDK `exec_run` ({docker['ratio']:.0f} times ours)",
            "step_latency.py",
        ),
        (
            "a cold sandbox up to its first answer",
            f"{docker['reset_ms']} ms in Docker, {bwrap['reset_ms']} ms under bubblewrap",
            f"{docker['create_start_ms']} ms, a bare container create + start",
            "step_latency.py",
        ),
        (
            f"memory of an idle environment, {memory['environments']} open",
            f"{owner} MiB in the owner's process, {inside} MiB in the sandbox; slowest answers in {slowest} ms",
            "",
            "memory.py",
        ),
        (
            f"`validate` of {validate['rows']:,} rows, beside reading the file",
            f"{validate['beside_reading_ms']} ms",
            "",
            "validate_latency.py",
        ),
        (
            f"mean return over the {len(played['tasks'])} tasks (0.5 is the baseline, 0.75 the reference)",
            returns,
            "",
            "scripted_agents.py",
        ),
    ]
    lines = ["| what | here | beside it, in the same run | script in `benchmarks/` |", "| --- | --- | --- | --- |"]
    lines += ["| " + " | ".join((*row[:3], f"`{row[3]}`")) + " |" for row in rows]
    lines += ["", f"Measured on {machine['cores']} cores, Python {machine['python']}; the scripts write `results/`."]
    return "\n".join(lines) + "\n"


def with_table(readme: str) -> str:
    """The README's text with its table made anew."""
    return BLOCK.sub(lambda match: match[1] + table() + match[2], readme)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
