"""A menu of research moves over a `SynthEnv`: `Discrete` actions and a small vector to look at, for classic RL.

`MenuActions` wraps one env, `MenuVectorEnv` plays many tasks at once. Which experiments to run, and when to stop, is
left to whoever chooses.
"""

from __future__ import annotations

from mlgym_synth.menu.actions import MenuActions
from mlgym_synth.menu.desk import ACTIONS, IDEAS, OBSERVED
from mlgym_synth.menu.vector import MenuVectorEnv

__all__ = ["ACTIONS", "IDEAS", "OBSERVED", "MenuActions", "MenuVectorEnv"]
