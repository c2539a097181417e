"""Playing a stored episode again, to see whether it comes out the same."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from mlgym_synth.agents.base import Action
from mlgym_synth.agents.goal import read_limits
from mlgym_synth.agents.replay import Divergence, ReplayAgent, first_divergence
from mlgym_synth.rollouts.episode import play
from mlgym_synth.trajectories.model import Trajectory


def settings_of(trajectory: Trajectory) -> dict[str, Any]:
    """Arguments of `SynthEnv` under which the episode was played, as far as it tells: steps and limits."""
    return {"max_steps": trajectory.max_steps or None, "limits": read_limits(trajectory.statement)}


def replay(trajectory: Trajectory, env: gym.Env[str, Action]) -> Divergence | None:
    """Play the episode again from its seed, and compare every observation, reward and score.

    Args:
        trajectory: a stored episode. What an agent returned that JSON does not hold was stored as its `repr`, and comes
            back as text.
        env: of the same task, with the same settings (`settings_of`); it stays open.

    Returns:
        The first difference, None if there is none: up to where it was cut short, if it was.
    """
    return first_divergence(trajectory, play(env, ReplayAgent(trajectory), trajectory.seed))
