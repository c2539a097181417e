"""Who acts: scripted teachers and, behind one protocol, anything else that maps observations to actions."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable, Iterator

from mlgym_synth.agents.base import Action, Agent, Usage, fingerprint_of, where
from mlgym_synth.agents.brief import BriefAgent
from mlgym_synth.agents.cheater import cheater
from mlgym_synth.agents.fuzz import random_calls
from mlgym_synth.agents.human import HumanAgent
from mlgym_synth.agents.llm import LLMAgent, model_fingerprint
from mlgym_synth.agents.replay import ReplayAgent, load_trajectory
from mlgym_synth.agents.researcher import researcher
from mlgym_synth.agents.scripted import Script, ScriptedAgent, baseline, nop
from mlgym_synth.llm.settings import ModelSettings

log = logging.getLogger(__name__)

SCRIPTS: dict[str, Callable[[str, int], Script]] = {
    "nop": nop,
    "baseline": baseline,
    "researcher": researcher,
    "random": random_calls,
    "cheater": cheater,
}
BRIEF = ("brief", "brief-baseline")


def load_agent(name: str, model: ModelSettings | None = None) -> Agent:
    """An agent by its name on the command line.

    Args:
        name: `openai:MODEL`; `scripted:` and a name of `SCRIPTS` or `BRIEF`; `replay:FILE`, see `load_trajectory`;
            `human`; or `package.module:factory`, a function of no argument that returns an `Agent`.
        model: how the model of `openai:MODEL` is called; others have none.

    Raises:
        ValueError: no such agent; says which there are.
        LLMError: `openai:MODEL` without a usable key or address.
        TaskNotFound, StoreInvalid: no such episode to replay.
    """
    kind, _, rest = name.partition(":")
    if kind == "openai" and rest:
        return LLMAgent(rest, model)
    if kind == "scripted" and rest in SCRIPTS:
        return ScriptedAgent(name, SCRIPTS[rest])
    if kind == "scripted" and rest in BRIEF:
        return BriefAgent(name, improves=rest == "brief")
    if kind == "replay" and rest:
        return ReplayAgent(load_trajectory(rest), name)
    if name == "human":
        return HumanAgent()
    if kind not in ("scripted", "openai") and rest:
        return _own(name, kind, rest)
    raise ValueError(f"There is no agent {name!r}. {_KNOWN}")


@contextlib.contextmanager
def opened_agent(name: str, model: ModelSettings | None = None) -> Iterator[Agent]:
    """The same, closed afterwards where it has a `close`."""
    agent = load_agent(name, model)
    try:
        yield agent
    finally:
        close_agent(agent)


def close_agent(agent: Agent) -> None:
    """Call its `close`, where it has one; what that raises is logged, as no episode is to be lost by it."""
    try:
        getattr(agent, "close", lambda: None)()
    except Exception:
        log.warning("agent %s: close() failed", agent.name, exc_info=True)


def code_of(name: str, model: ModelSettings | None = None) -> str:
    """The fingerprint of an agent by its name; that of a model needs no key.

    Raises:
        ValueError, TaskNotFound, StoreInvalid: no such agent, see `load_agent`.
    """
    kind, _, rest = name.partition(":")
    if kind == "openai" and rest:
        return model_fingerprint(name, model or ModelSettings())
    with opened_agent(name) as agent:
        return fingerprint_of(agent)


def _own(name: str, module: str, factory: str) -> Agent:
    try:
        make = getattr(importlib.import_module(module), factory)
    except (ImportError, AttributeError) as error:
        hint = f"Leave out the .py: {module.removesuffix('.py')}:{factory}." if module.endswith(".py") else _KNOWN
        raise ValueError(f"agent {name!r}: {error}{where(error)}. {hint}") from error
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}{where(error)}"
        raise ValueError(f"agent {name!r}: importing {module} failed: {why}") from error
    try:
        agent: Agent = make()
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}{where(error)}"
        raise ValueError(f"agent {name!r}: {factory}() failed: {why}") from error
    missing = [part for part in ("start", "act") if not callable(getattr(agent, part, None))]
    if missing or not isinstance(getattr(agent, "name", None), str):
        lacks = ", ".join([*(f"{part}()" for part in missing), *([] if missing else ["a `name`"])])
        raise ValueError(f"agent {name!r}: what {factory}() returned is no agent, it lacks {lacks}.")
    return agent


_KNOWN = (
    f"Agents are {', '.join(f'scripted:{s}' for s in (*SCRIPTS, *BRIEF))}, openai:MODEL, replay:FILE, human, and"
    " package.module:factory for your own."
)

__all__ = [
    "SCRIPTS",
    "Action",
    "Agent",
    "LLMAgent",
    "ModelSettings",
    "ScriptedAgent",
    "Usage",
    "close_agent",
    "code_of",
    "load_agent",
    "opened_agent",
]
