"""What a model that plays is told first. It is sent by agents, and told again by exports and trainers."""

from __future__ import annotations

from pathlib import Path

from mlgym_synth.llm.prompts import Prompts

PROMPTS = Prompts(Path(__file__).parent)


def system_prompt(in_text: bool) -> str:
    """How to act in text, or by calling functions."""
    return PROMPTS.filled("text" if in_text else "tools")
