"""`MenuVectorEnv`: the menu over many tasks at once, a thread each, since a step mostly waits for its sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import MlgymSynthError
from mlgym_synth.menu.actions import MenuActions
from mlgym_synth.menu.desk import ACTIONS, OBSERVED


class MenuVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.int64], NDArray[Any]]):
    """`MenuActions` over several tasks, `num_envs` at once, a thread each; autoreset at the next step.

    Sub-environment i plays tasks i, i + num_envs, ... in turn, the next one at each reset. Observations: float32, shape
    [n, `OBSERVED`]; actions: int64, shape [n]; `infos["action_mask"]`: int8, shape [n, 13]. A sub-environment whose
    infrastructure fails is truncated with `infrastructure_error` in its info and a reward of 0: leave that step out.

    `gym.register(id, vector_entry_point="mlgym_synth.menu:MenuVectorEnv", kwargs={"tasks": [...]})` makes it an id for
    `gym.make_vec(id, num_envs=8)`.

    Args:
        num_envs: how many at once; one for each task if left out.
        tasks: folders or ids.
        **kwargs: as for `SynthEnv`.
    """

    def __init__(self, num_envs: int | None = None, tasks: Sequence[str] = (), **kwargs: Any) -> None:
        if not tasks or (num_envs is not None and num_envs < 1):
            raise ValueError(f"{len(tasks)} tasks, num_envs={num_envs}: at least one of each is needed.")
        self.num_envs = num_envs or len(tasks)
        self.metadata = {**SynthEnv.metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}
        self.single_action_space = spaces.Discrete(len(ACTIONS))
        self.single_observation_space = spaces.Box(-1.0, 2.0, (OBSERVED,), np.float32)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._slots = [_Slot(list(tasks), i, self.num_envs, kwargs) for i in range(self.num_envs)]
        self._pool = ThreadPoolExecutor(self.num_envs, thread_name_prefix="menu-env")

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode everywhere; seed s gives the sub-environments s, s + 1, ... and starts their turns anew.

        Raises:
            MlgymSynthError: a sub-environment cannot start at all.
        """
        seeds = seed if isinstance(seed, list) else [None if seed is None else seed + i for i in range(self.num_envs)]
        started = self._pool.map(lambda slot, own: slot.begin(own), self._slots, seeds)
        observations, infos = zip(*list(started), strict=True)
        return np.stack(observations), _batched(infos)

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Act everywhere; those that ended in the last step begin anew instead (reward 0)."""
        results = list(self._pool.map(lambda slot, action: slot.step(int(action)), self._slots, actions))
        observations, rewards, terminations, truncations, infos = zip(*results, strict=True)
        return (np.stack(observations), np.array(rewards, dtype=np.float64), np.array(terminations, dtype=np.bool_),
                np.array(truncations, dtype=np.bool_), _batched(infos))  # fmt: skip

    def close_extras(self, **kwargs: Any) -> None:
        """Close all sub-environments and their threads."""
        self._pool.shutdown()
        for slot in self._slots:
            slot.close()


class _Slot:
    """One sub-environment: plays its tasks in turn."""

    def __init__(self, tasks: list[str], first: int, stride: int, kwargs: dict[str, Any]) -> None:
        self._tasks, self._first, self._stride, self._kwargs = tasks, first, stride, kwargs
        self._turn, self._ended, self._env = 0, True, self._opened(first)
        self._rng = np_random()[0]

    def _opened(self, turn: int) -> MenuActions:
        return MenuActions(SynthEnv(self._tasks[turn % len(self._tasks)], **self._kwargs))

    def begin(self, seed: int | None = None) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """An episode of the next task; with a seed, of the first."""
        if seed is not None:
            self._rng, self._turn = np_random(seed)[0], 0
        self._env.close()
        self._env = self._opened(self._first + self._turn * self._stride)
        self._turn += 1
        observation, info = self._env.reset(seed=int(self._rng.integers(2**31)))
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
