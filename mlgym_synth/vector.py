"""Many environments in one process: a thread each, since a step mostly waits for its sandbox.

`gym.make_vec("synth/...", num_envs=8)` and `mlgym_synth.make_vec([...])` build these. A sub-environment whose
infrastructure fails is truncated with `infrastructure_error` in its info, earns nothing in that step, and is reset at
the next one; the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mlgym_synth import registry
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import MlgymSynthError

_Step = tuple[str, float, bool, bool, dict[str, Any]]


class SynthVectorEnv(VectorEnv[tuple[str, ...], Sequence[dict[str, Any]], NDArray[Any]]):
    """`num_envs` copies of one task, or one env for each of `tasks`; autoreset at the next step.

    Observations: a tuple of n strings. Actions: a sequence of n tool calls. Rewards: shape [n], float64; terminations
    and truncations: shape [n], bool. Infos: each key with an array of shape [n], and a mask under `_key`.

    Args:
        num_envs: how many copies; with `tasks`, left out.
        task: the folder or id that all copies play.
        tasks: instead of `task`, one folder or id for each sub-environment.
        **kwargs: as for `SynthEnv`.
    """

    def __init__(
        self, num_envs: int | None = None, task: str | None = None, tasks: Sequence[str] | None = None, **kwargs: Any
    ) -> None:
        if (task is None) == (tasks is None):
            raise ValueError("Give either `task` with `num_envs`, or `tasks`.")
        chosen = list(tasks) if tasks is not None else [str(task)] * (num_envs or 1)
        if not chosen:
            raise ValueError("`tasks` is empty: a vector needs at least one environment.")
        self.envs = [SynthEnv(name, **kwargs) for name in chosen]
        self.num_envs = len(self.envs)
        self.metadata = {**SynthEnv.metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}
        self.render_mode = self.envs[0].render_mode
        self.single_observation_space = self.envs[0].observation_space
        self.single_action_space = self.envs[0].action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._pool = ThreadPoolExecutor(self.num_envs, thread_name_prefix="synth-env")
        self._ended = np.zeros(self.num_envs, dtype=np.bool_)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Reset all sub-environments at once; seed s gives them s, s + 1, ...

        Raises:
            MlgymSynthError: a sub-environment cannot start at all (no sandbox, no data).
        """
        seeds = seed if isinstance(seed, list) else [None if seed is None else seed + i for i in range(self.num_envs)]
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds for {self.num_envs} environments")
        jobs = [self._pool.submit(env.reset, seed=s, options=options) for env, s in zip(self.envs, seeds, strict=True)]
        results = _all_results(jobs)
        self._ended[:] = False
        return tuple(result[0] for result in results), self._infos(result[1] for result in results)

    def step(
        self, actions: Sequence[dict[str, Any]]
    ) -> tuple[tuple[str, ...], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step all sub-environments at once; those that ended in the last step are reset instead (reward 0)."""
        chosen = list(actions)
        if len(chosen) != self.num_envs:
            raise ValueError(f"{len(chosen)} actions for {self.num_envs} environments")
        jobs = [self._pool.submit(self._step_one, index, action) for index, action in enumerate(chosen)]
        observations, rewards, terminations, truncations, infos = zip(*_all_results(jobs), strict=True)
        terminated, truncated = np.array(terminations, dtype=np.bool_), np.array(truncations, dtype=np.bool_)
        self._ended = terminated | truncated
        return observations, np.array(rewards, dtype=np.float64), terminated, truncated, self._infos(infos)

    def render(self) -> tuple[Any, ...] | None:
        """What each sub-environment renders (strings), None with no render mode."""
        return None if self.render_mode is None else tuple(env.render() for env in self.envs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close_extras(self, **kwargs: Any) -> None:
        """Close all sub-environments and their threads."""
        _all_results([self._pool.submit(env.close) for env in self.envs])
        self._pool.shutdown()

    def _step_one(self, index: int, action: dict[str, Any]) -> _Step:
        env = self.envs[index]
        try:
            if self._ended[index]:
                observation, info = env.reset()
                return observation, 0.0, False, False, info
            return env.step(action)
        except MlgymSynthError as error:  # this one's infrastructure; the others go on
            fault = f"{type(error).__name__}: {error}"
            return fault, 0.0, False, True, {"task_id": env.folder.spec.id, "infrastructure_error": fault}

    def _infos(self, infos: Iterable[dict[str, Any]]) -> dict[str, Any]:
        batch: dict[str, Any] = {}
        for index, info in enumerate(infos):
            for key, value in info.items():
                if key not in batch:
                    plain = type(value) in (int, float, bool)
                    # None may come where a number came before, so numbers too are kept as objects once any is None.
                    batch[key] = np.full(self.num_envs, None, dtype=object) if not plain else _zeros(self, value)
                    batch[f"_{key}"] = np.zeros(self.num_envs, dtype=np.bool_)
                if value is None and batch[key].dtype != object:
                    batch[key] = batch[key].astype(object)
                batch[key][index], batch[f"_{key}"][index] = value, True
        return batch


def make_vec(tasks: str | Sequence[str], num_envs: int | None = None, **kwargs: Any) -> SynthVectorEnv:
    """A vector over different tasks (a list of ids), or over `num_envs` copies of one.

    Raises:
        TaskNotFound: with the ids that are near it.
    """
    if isinstance(tasks, str):
        return SynthVectorEnv(num_envs or 1, task=registry.find(tasks).address, **kwargs)
    return SynthVectorEnv(tasks=[registry.find(task).address for task in tasks], **kwargs)


def _zeros(env: SynthVectorEnv, value: object) -> NDArray[Any]:
    return np.zeros(env.num_envs, dtype=type(value))


def _all_results(jobs: list[Any]) -> list[Any]:
    """All results, raising only after every job has ended, so that no thread still runs a step."""
    errors = [job.exception() for job in jobs]
    for error in errors:
        if error is not None:
            raise error
    return [job.result() for job in jobs]
