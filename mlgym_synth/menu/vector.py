"""`MenuVectorEnv`: the menu over many tasks at once, a thread each, since a step mostly waits for its sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils.seeding import np_random
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.menu.actions import MenuActions
from mlgym_synth.menu.desk import ACTIONS, OBSERVED
from mlgym_synth.vector import Seeds, ThreadedVectorEnv, listed


class MenuVectorEnv(ThreadedVectorEnv[NDArray[np.float32], NDArray[np.int64]]):
    """`MenuActions` over several tasks, `num_envs` at once, a thread each; autoreset at the next step.

    Sub-environment i plays tasks i, i + num_envs, ... in turn, the next one at each reset. Observations: float32, shape
    [n, `OBSERVED`]; actions: int64, shape [n]; `infos["action_mask"]`: int8, shape [n, 13]. A sub-environment whose
    infrastructure fails is truncated with `infrastructure_error` in its info and a reward of 0: leave that step out.

    `gym.register(id, vector_entry_point="mlgym_synth.menu:MenuVectorEnv", kwargs={"tasks": [...]})` makes it an id for
    `gym.make_vec(id, num_envs=8)`.

    Args:
        num_envs: how many at once; one for each task if left out.
        tasks: folders or ids, or a single one.
        **kwargs: as for `SynthEnv`.

    Raises:
        TaskNotFound, TaskInvalid: no such task, or a broken one.
        ValueError: an argument out of its range.
    """

    def __init__(self, num_envs: int | None = None, tasks: str | Sequence[str] = (), **kwargs: Any) -> None:
        chosen = listed(tasks)
        if not chosen or (num_envs is not None and num_envs < 1):
            raise ValueError(f"{len(chosen)} tasks, num_envs={num_envs}: at least one of each is needed.")
        for task in chosen:
            SynthEnv(task, **kwargs)  # what is wrong with it is said now, not when its turn comes
        super().__init__(num_envs or len(chosen), thread_name="menu-env")
        self.single_action_space = spaces.Discrete(len(ACTIONS))
        self.single_observation_space = spaces.Box(-1.0, 2.0, (OBSERVED,), np.float32)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._slots = [_Slot(chosen, i, self.num_envs, kwargs) for i in range(self.num_envs)]

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode everywhere; seed s gives the sub-environments s, s + 1, ... and starts their turns anew.

        Raises:
            MlgymSynthError: a sub-environment cannot start at all.
            ValueError: not as many seeds as sub-environments, or a `reset_mask` among the options.
            ClosedEnvironmentError: after `close()`.
        """
        started = self._begin_all(seed, options, lambda index, own: self._slots[index].begin(own, options))
        observations, infos = zip(*started, strict=True)
        return np.stack(observations), _batched(infos)

    def step(
        self, actions: NDArray[np.int64] | Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Act everywhere; those that ended in the last step begin anew instead (reward 0).

        Raises:
            ResetNeeded: no episodes are running.
            ValueError: not as many actions as sub-environments, or one that is no index of `ACTIONS`; none has acted.
            ClosedEnvironmentError: after `close()`.
        """
        chosen = self._one_each(np.asarray(actions))
        for index, action in enumerate(chosen):
            if not self.single_action_space.contains(action):
                last = len(ACTIONS) - 1
                raise ValueError(f"action {action} of environment {index}: must be an index of ACTIONS, 0 to {last}")
        results = self._do_all(lambda index: self._slots[index].step(int(chosen[index])))
        observations, rewards, terminations, truncations, infos = zip(*results, strict=True)
        return (np.stack(observations), np.array(rewards, dtype=np.float64), np.array(terminations, dtype=np.bool_),
                np.array(truncations, dtype=np.bool_), _batched(infos))  # fmt: skip

    def close_extras(self, **kwargs: Any) -> None:
        """Close all sub-environments and their threads."""
        self._do_all(lambda index: self._slots[index].close())
        self._pool.shutdown()


class _Slot:
    """One sub-environment: plays its tasks in turn."""

    def __init__(self, tasks: list[str], first: int, stride: int, kwargs: dict[str, Any]) -> None:
        self._tasks, self._first, self._stride, self._kwargs = tasks, first, stride, kwargs
        self._turn, self._ended, self._env = 0, True, self._opened(first)
        self._rng = np_random()[0]

    def _opened(self, turn: int) -> MenuActions:
        return MenuActions(SynthEnv(self._tasks[turn % len(self._tasks)], **self._kwargs))

    def begin(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """An episode of the next task; with a seed, of the first."""
        if seed is not None:
            self._rng, self._turn = np_random(seed)[0], 0
        self._env.close()
        turn, self._turn = self._turn, self._turn + 1  # first, so that a task that cannot be opened costs one turn
        self._env = self._opened(self._first + turn * self._stride)
        observation, info = self._env.reset(seed=int(self._rng.integers(2**31)), options=options)
        self._ended = False
        return observation, info

    def step(self, action: int) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One action; a new episode where the last one ended."""
        try:
            if self._ended:
                observation, info = self.begin()
                return observation, 0.0, False, False, info
            observation, reward, terminated, truncated, info = self._env.step(action)
        except MlgymSynthError as error:  # this one's infrastructure; the others go on
            self._ended = True
            fault = {
                "infrastructure_error": f"{type(error).__name__}: {error}",
                "action_mask": np.ones(len(ACTIONS), np.int8),
            }
            return np.zeros(OBSERVED, np.float32), 0.0, False, True, fault
        self._ended = terminated or truncated
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        """End the episode that is running."""
        self._env.close()


def _batched(infos: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """As Gymnasium has it: for each key an array (of objects, as None may be among them), under `_key` who has it."""
    batch: dict[str, Any] = {}
    for key in dict.fromkeys(key for info in infos for key in info):
        batch[f"_{key}"] = np.array([key in info for info in infos], dtype=np.bool_)
        batch[key] = np.full(len(infos), None, dtype=object)
        for index, info in enumerate(infos):
            batch[key][index] = info.get(key)
    batch["action_mask"] = np.stack([info["action_mask"] for info in infos])
    return batch
