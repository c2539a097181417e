"""Who acts: scripted teachers and, behind one protocol, anything else that maps observations to actions."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from mlgym_synth.agents.base import Action, Agent, Usage
from mlgym_synth.agents.researcher import researcher
from mlgym_synth.agents.scripted import Script, ScriptedAgent, baseline, nop

SCRIPTS: dict[str, Callable[[str, int], Script]] = {"nop": nop, "baseline": baseline, "researcher": researcher}


def load_agent(name: str) -> Agent:
    """An agent by its name on the command line.

    Args:
        name: `scripted:nop`, `scripted:baseline`, `scripted:researcher`, or `package.module:factory`, a function of no
            argument that returns an `Agent`.

    Raises:
        ValueError: no such agent; says which there are.
    """
    kind, _, rest = name.partition(":")
    if kind == "scripted" and rest in SCRIPTS:
        return ScriptedAgent(name, SCRIPTS[rest])
    if kind != "scripted" and rest:
        try:
            factory = getattr(importlib.import_module(kind), rest)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"agent {name!r}: {error}. {_KNOWN}") from error
        agent: Agent = factory()
        return agent
    raise ValueError(f"There is no agent {name!r}. {_KNOWN}")


_KNOWN = f"Agents are {', '.join(f'scripted:{s}' for s in SCRIPTS)}, and package.module:factory for your own."

__all__ = ["SCRIPTS", "Action", "Agent", "ScriptedAgent", "Usage", "load_agent"]
