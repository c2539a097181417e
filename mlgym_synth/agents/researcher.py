"""`scripted:researcher`: a teacher without a model. Reads the task through the tools, then tries to beat the baseline."""

from __future__ import annotations

from mlgym_synth.agents.scripted import Script, bash, tool


def researcher(statement: str, seed: int) -> Script:
    """Look around, run the baseline, validate, submit."""
    yield bash("ls -1")
    yield bash("python baseline.py")
    yield tool("validate")
    yield tool("submit")
