"""Many environments in one process: a thread each, since a step mostly waits for its sandbox.

`gym.make_vec("synth/...", num_envs=8)` and `mlgym_synth.make_vec([...])` build these. A sub-environment whose
infrastructure fails is truncated with `infrastructure_error` in its info, earns nothing in that step, and is reset at
the next one; the others go on.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

import numpy as np
from gymnasium.core import ActType, ObsType
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mlgym_synth import registry
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import MlgymSynthError

Seeds = int | np.integer[Any] | Sequence[int | None] | NDArray[Any] | None
"""One for each sub-environment, or the first of consecutive ones."""

_Step = tuple[str, float, bool, bool, dict[str, Any]]
_T = TypeVar("_T")


class ThreadedVectorEnv(VectorEnv[ObsType, ActType, NDArray[Any]]):
    """A vector whose sub-environments have a thread each; nothing begins in one that cannot begin in all of them."""

    def __init__(self, num_envs: int, thread_name: str) -> None:
        self.num_envs = num_envs
        self.metadata = {**SynthEnv.metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}
        self._pool = ThreadPoolExecutor(num_envs, thread_name_prefix=thread_name)
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _begin_all(
        self, seed: Seeds, options: dict[str, Any] | None, begin: Callable[[int, int | None], _T]
    ) -> list[_T]:
        """Begin an episode everywhere, `begin(index, seed)`.

        Raises:
            ClosedEnvironmentError: after `close()`.
            ValueError: not as many seeds as sub-environments, or a `reset_mask` among the options.
        """
        self._refuse_closed()
        if "reset_mask" in (options or {}):
            raise ValueError(
                "reset_mask: an environment whose episode ended is reset at the next step by itself "
                "(AutoresetMode.NEXT_STEP), and reset() begins anew in all of them. Leave it out."
            )
        seeds = _seeds(seed, self.num_envs)
        self._begun = False  # and so it stays if one of them fails
        results = self._do_all(lambda index: begin(index, seeds[index]))
        self._begun = True
        return results

    def _one_each(self, actions: Iterable[_T]) -> list[_T]:
        """The actions of a step, if it can be made.

        Raises:
            ClosedEnvironmentError: after `close()`.
            ResetNeeded: no episodes are running.
            ValueError: not as many actions as sub-environments.
        """
        self._refuse_closed()
        if not self._begun:
            raise ResetNeeded("The episodes never began, or not all of them: call reset() before step().")
        chosen = list(actions)
        if len(chosen) != self.num_envs:
            raise ValueError(f"{len(chosen)} actions for {self.num_envs} environments")
        return chosen

    def _do_all(self, work: Callable[[int], _T]) -> list[_T]:
        """`work(index)` for all at once; raises only after every one has ended, so that no thread still runs a step."""
        jobs = [self._pool.submit(work, index) for index in range(self.num_envs)]
        for error in [job.exception() for job in jobs]:
            if error is not None:
                raise error
        return [job.result() for job in jobs]

    def _refuse_closed(self) -> None:
        if self.closed:
            raise ClosedEnvironmentError("The vector is closed: make a new one.")


class SynthVectorEnv(ThreadedVectorEnv[tuple[str, ...], Sequence[dict[str, Any]]]):
    """`num_envs` copies of one task, or one env for each of `tasks`; autoreset at the next step.

    Observations: a tuple of n strings. Actions: a sequence of n tool calls. Rewards: shape [n], float64; terminations
    and truncations: shape [n], bool. Infos: each key with an array of shape [n], and a mask under `_key`.

    Args:
        num_envs: how many copies, one if left out; with `tasks`, left out or their number.
        task: the folder or id that all copies play.
        tasks: instead of `task`, one folder or id for each sub-environment.
        **kwargs: as for `SynthEnv`.

    Raises:
        TaskNotFound, TaskInvalid: no such task, or a broken one.
        ValueError: an argument out of its range, or arguments that do not go together.
    """

    def __init__(
        self, num_envs: int | None = None, task: str | None = None, tasks: Sequence[str] | None = None, **kwargs: Any
    ) -> None:
        if (task is None) == (tasks is None):
            raise ValueError("Give either `task` with `num_envs`, or `tasks`.")
        if num_envs is not None and num_envs < 1:
            raise ValueError(f"num_envs={num_envs}: must be at least 1")
        chosen = listed(tasks) if tasks is not None else [str(task)] * (num_envs or 1)
        if not chosen:
            raise ValueError("`tasks` is empty: a vector needs at least one environment.")
        if num_envs not in (None, len(chosen)):
            raise ValueError(
                f"num_envs={num_envs} with {len(chosen)} tasks: each task of a list has one environment. Leave "
                "`num_envs` out; for copies, give one task that is not in a list."
            )
        self.envs = [SynthEnv(name, **kwargs) for name in chosen]
        super().__init__(len(chosen), thread_name="synth-env")
        self.render_mode = self.envs[0].render_mode
        self.single_observation_space = self.envs[0].observation_space
        self.single_action_space = self.envs[0].action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._ended = np.zeros(self.num_envs, dtype=np.bool_)

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Reset all sub-environments at once; seed s gives them s, s + 1, ...

        Raises:
            MlgymSynthError: a sub-environment cannot start at all (no sandbox, no data).
            ValueError: not as many seeds as sub-environments, or a `reset_mask` among the options.
            ClosedEnvironmentError: after `close()`.
        """
        results = self._begin_all(seed, options, lambda index, own: self.envs[index].reset(seed=own, options=options))
        self._ended[:] = False
        return tuple(result[0] for result in results), self._infos(result[1] for result in results)

    def step(
        self, actions: Sequence[dict[str, Any]]
    ) -> tuple[tuple[str, ...], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step all sub-environments at once; those that ended in the last step are reset instead (reward 0).

        Raises:
            ResetNeeded: no episodes are running.
            ValueError: not as many actions as sub-environments.
            ClosedEnvironmentError: after `close()`.
        """
        chosen = self._one_each(actions)
        results = self._do_all(lambda index: self._step_one(index, chosen[index]))
        observations, rewards, terminations, truncations, infos = zip(*results, strict=True)
        terminated, truncated = np.array(terminations, dtype=np.bool_), np.array(truncations, dtype=np.bool_)
        self._ended = terminated | truncated
        return observations, np.array(rewards, dtype=np.float64), terminated, truncated, self._infos(infos)

    def render(self) -> tuple[Any, ...] | None:
        """What each sub-environment renders (strings), None with no render mode."""
        return None if self.render_mode is None else tuple(env.render() for env in self.envs)

    def close_extras(self, **kwargs: Any) -> None:
        """Close all sub-environments and their threads."""
        self._do_all(lambda index: self.envs[index].close())
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
    """A vector over different tasks (a list of ids), or over `num_envs` copies of one (its id).

    Raises:
        TaskNotFound: with the ids that are near it.
        ValueError: `num_envs` is below 1, or not the number of the tasks in the list.
    """
    if isinstance(tasks, str):
        return SynthVectorEnv(num_envs, task=registry.find(tasks).address, **kwargs)
    return SynthVectorEnv(num_envs, tasks=[registry.find(task).address for task in tasks], **kwargs)


def listed(tasks: str | Sequence[str]) -> list[str]:
    """The tasks; a single name is one task, not a sequence of letters."""
    return [tasks] if isinstance(tasks, str) else list(tasks)


def _zeros(env: SynthVectorEnv, value: object) -> NDArray[Any]:
    return np.zeros(env.num_envs, dtype=type(value))


def _seeds(seed: Seeds, number: int) -> list[int | None]:
    if seed is None:
        return [None] * number
    if isinstance(seed, int | np.integer):
        return [int(seed) + index for index in range(number)]
    seeds = [None if own is None else operator.index(own) for own in seed]  # Gymnasium takes no integers of NumPy's
    if len(seeds) != number:
        raise ValueError(f"{len(seeds)} seeds for {number} environments")
    return seeds
