"""`MenuActions`: the wrapper that makes a `SynthEnv` a game of `Discrete` actions, for classic RL libraries."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from mlgym_synth.agents.base import Action
from mlgym_synth.agents.goal import read_goal
from mlgym_synth.agents.scripted import IDLE
from mlgym_synth.agents.strategy import Purse
from mlgym_synth.env import SynthEnv
from mlgym_synth.menu.desk import ACTIONS, OBSERVED, Desk, Moves


class MenuActions(gym.Wrapper[NDArray[np.float32], np.int64, str, dict[str, Any]], RecordConstructorArgs):
    """A `SynthEnv` as a game with `Discrete(13)` actions and a vector to look at.

    Actions, in the order of `ACTIONS`:

    - `look`: what the files hold. It makes the task's experiments known; before it they are not available.
    - `baseline`: run `baseline.py`.
    - `idea-1` ... `idea-6`: write and run one experiment of the scripted researcher for this kind of task. What an
      index stands for depends on the kind alone, never on the seed: on tables 1 is a linear model, 2 boosted trees, 3 a
      forest, 4 a kernel machine or a plain linear model, elsewhere what is nearest to it; programs go from quick to
      thorough.
    - `tune`: run the best experiment again with one setting changed. The best is the one that validated best; with none
      validated, the one with the best estimate of its own.
    - `blend`: put the experiments together, once two have run.
    - `restore`: put the best submission, in the same sense, back in its place.
    - `validate`, `submit`: the env's own.

    One action is one or several tool calls of the env, its reward the sum of theirs. `info` is that of the last of them
    (`exit_code` only if that was a command), `info["menu"]` the action's name, `info["tool_calls"]` how many they were.
    `info["action_mask"]` (int8, shape [13]) says what is available now, by steps, counted tool time and what was done
    so far; `action_masks()` gives the same as bool. An action that is not available does nothing and costs a step.

    Observation: float32, shape [`OBSERVED`], within [-1, 2]: shares of steps, planned tool time and validations left;
    progress of the last and of the best validated submission (0 the baseline, 1 the reference, from the score as it is
    shown); whether there is a validated one, a submission, whether it is validated, whether it is the best known; for
    the baseline, each idea, the last tuning and the blend: 1 ran, -1 failed, 0 not tried, the progress it validated
    with, whether its own estimate is the best so far; the mask; the family, one-hot. It does not depend on the clock.

    Reward: as in `SynthEnv`, with the value 1 / (1 + 3^-progress). By default every `validate` that raises the best
    value by more than the task's spread pays the rise (the first one pays the whole value, about 0.5 for the
    baseline), and the last step pays what makes the sum of the episode the value on the test half, less than what was
    paid if the validated file is not the one handed in. Sums are exact for gamma = 1 only; with `reward="final"` the
    whole value comes at the end.

    Args:
        env: a `SynthEnv`, bare or from `gym.make("synth/...")`.

    Raises:
        TypeError: another kind of env.
    """

    def __init__(self, env: gym.Env[str, dict[str, Any]]) -> None:
        RecordConstructorArgs.__init__(self)
        if not isinstance(env.unwrapped, SynthEnv):
            raise TypeError(f"MenuActions wraps a SynthEnv, not {type(env.unwrapped).__name__}.")
        super().__init__(env)  # type: ignore[arg-type]  # Gymnasium's signature has the outer types here
        self._inner, self._synth = env, env.unwrapped
        self.action_space = spaces.Discrete(len(ACTIONS))
        self.observation_space = spaces.Box(-1.0, 2.0, (OBSERVED,), np.float32)
        self._desk: Desk | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode; see `SynthEnv.reset`."""
        statement, info = self._inner.reset(seed=seed, options=options)
        goal = read_goal(statement)
        self._desk = Desk(goal, self._synth.folder.spec, Purse(goal), info["steps_left"])
        return self._seen(), self._with_mask(info, "reset", 0)

    def step(self, action: int | np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Do one thing of the menu; see the class.

        Raises:
            ValueError: no index of `ACTIONS`.
            ResetNeeded, SandboxDied, GradingError: as `SynthEnv.step`.
        """
        if not self.action_space.contains(action):
            raise ValueError(f"action {action!r}: must be an index of ACTIONS, 0 to {len(ACTIONS) - 1}")
        desk, name = self._desk, ACTIONS[int(action)]
        # With no episode running, the env is asked nonetheless: it says what is wrong.
        moves = desk.do(name) if desk is not None and not desk.over and desk.available()[name] else _idle()
        call, earned, calls, ended = next(moves, None), 0.0, 0, False
        while call is not None and not ended:
            text, reward, terminated, truncated, info = self._inner.step(call)
            earned, calls, ended = earned + float(reward), calls + 1, terminated or truncated
            if desk is not None:
                desk.steps_left, desk.over = info["steps_left"], ended
            call = _next(moves, text)
        return self._seen(), earned, terminated, truncated, self._with_mask(info, name, calls)

    def action_masks(self) -> NDArray[np.bool_]:
        """What is available now, shape [13]; the name that maskable PPO looks for."""
        return np.array(list(self._desk.available().values()) if self._desk else [True] * len(ACTIONS), dtype=np.bool_)

    def _seen(self) -> NDArray[np.float32]:
        assert self._desk is not None
        return self._desk.observation(self._synth.max_steps, self._synth.limits.episode_s)

    def _with_mask(self, info: dict[str, Any], name: str, calls: int) -> dict[str, Any]:
        # Gymnasium's vectors make arrays of numbers, which hold no None.
        info = {key: value for key, value in info.items() if key != "exit_code" or value is not None}
        return {**info, "action_mask": self.action_masks().astype(np.int8), "menu": name, "tool_calls": calls}


def _idle() -> Moves:
    yield IDLE


def _next(moves: Moves, text: str) -> Action | None:
    try:
        return moves.send(text)
    except StopIteration:
        return None
