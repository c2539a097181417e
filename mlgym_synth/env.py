"""`SynthEnv`: one task as a Gymnasium environment. `reset` opens a sandbox, `step` runs a tool, a judge outside scores.

The env answers two tools itself, `validate` and `submit`; all others run in the sandbox. Labels stay in this process.
"""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.utils.seeding import np_random

from mlgym_synth.episode import Episode
from mlgym_synth.errors import MlgymSynthError, SandboxDied, SandboxOverloaded
from mlgym_synth.limits import Limits
from mlgym_synth.playable import Playable, open_task
from mlgym_synth.sandbox import open_sandbox
from mlgym_synth.sandbox.base import Sandbox
from mlgym_synth.spaces import TextSpace, ToolCallSpace
from mlgym_synth.tools import TOOLS, ToolCall, parse_action

RewardMode = Literal["improvement", "final"]
Info = dict[str, Any]


class SynthEnv(gym.Env[str, dict[str, Any]]):
    """One synthesized ML task around one sandbox.

    Observation: a string. Action: `{"tool": name, "arguments": {...}}`; anything else is answered with a correction
    and costs a step. With p = (score - baseline) / (reference - baseline), sign flipped for metrics to minimise, the
    value of a score is 1 / (1 + 3^-p): 0.5 at the baseline, 0.75 at the reference, 0 with no valid submission.

    `reward="improvement"` pays every rise of the best validated value as it happens (a rise within one standard error
    pays nothing) and on the last step whatever makes the episode's undiscounted sum exactly the final test value.
    That identity does not hold for discounted sums: for discounted RL use `reward="final"`, which pays the final test
    value on the last step and 0 before.

    Args:
        task: a task's folder, or the id of a registered task.
        sandbox: `auto`, `docker` or `bwrap`; `MLGYM_SYNTH_SANDBOX` says what `auto` means.
        reward: `improvement` or `final`.
        max_steps: the step budget; None takes the task's.
        limits: fields of `Limits` that override the task's.
        render_mode: None or `ansi`.

    Raises:
        TaskNotFound, TaskInvalid: no such task, or a broken one.
        ValueError: an argument out of its range.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012  # Gymnasium's own form

    def __init__(
        self,
        task: str | Path,
        sandbox: str = "auto",
        reward: RewardMode = "improvement",
        max_steps: int | None = None,
        limits: Limits | dict[str, Any] | None = None,
        render_mode: str | None = None,
    ) -> None:
        if reward not in ("improvement", "final"):
            raise ValueError(f"reward={reward!r}: must be 'improvement' or 'final'")
        if max_steps is not None and max_steps < 1:
            raise ValueError(f"max_steps={max_steps}: must be at least 1")
        if render_mode not in (None, "ansi"):
            raise ValueError(f"render_mode={render_mode!r}: must be None or 'ansi'")
        self.folder: Playable = open_task(task)
        self.observation_space = TextSpace()
        self.action_space = ToolCallSpace()
        self.render_mode = render_mode
        self.max_steps = max_steps or self.folder.spec.max_steps
        self.limits = _merged(self.folder.spec.limits, limits)
        self._reward: RewardMode = reward
        self._backend = sandbox
        self._sandbox: Sandbox | None = None
        self._opened: weakref.WeakSet[Sandbox] = weakref.WeakSet()  # the graders' too
        self._episode: Episode | None = None
        self._shown = ""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Open a fresh sandbox with the task's files and return the statement.

        Ids and row order are drawn from the seed.

        Raises:
            SandboxUnavailable: no sandbox can be had here.
            DatasetUnavailable: the task's data cannot be had.
            SandboxDied: starting failed three times.
        """
        super().reset(seed=seed)
        self._end()
        judge, files = self.folder.open(_drawn(self.np_random), self._open_sandbox)
        self._start_sandbox(files)
        self._episode = Episode(self.folder, judge, self.limits, self.max_steps)
        observation = self.folder.brief(list(files), self.limits, self.max_steps)
        self._shown = observation
        return observation, self._info(tool=None, exit_code=None, elapsed_s=0.0)

    def step(self, action: dict[str, Any]) -> tuple[str, float, bool, bool, Info]:
        """Run one tool call.

        Returns:
            observation, reward, terminated (submitted, or the sandbox was lost to the agent's load), truncated (a
            budget ended; what is there was handed in), info.

        Raises:
            ResetNeeded: there is no running episode.
            SandboxDied: infrastructure failed; the episode is void, never scored.
            GradingError: the grader failed; the episode is void, never scored.
        """
        episode, sandbox = self._episode, self._sandbox
        if episode is None or sandbox is None or episode.exit_status is not None:
            raise ResetNeeded("The episode has ended or never began: call reset() before step().")
        before = episode.paid
        call = parse_action(action, TOOLS)
        episode.steps += 1
        try:
            outcome = self._run(call, episode, sandbox)
            if episode.exit_status is None and episode.budget_ended:
                outcome = (f"{outcome[0]}\n{episode.hand_in(sandbox)}", *outcome[1:])
        except SandboxOverloaded as error:
            outcome = (episode.lose(error), None, 0.0)
        except MlgymSynthError:  # infrastructure: the episode is void
            self._end()
            raise
        observation, exit_code, elapsed_s = outcome
        ended = episode.exit_status is not None
        terminated = episode.exit_status in ("submitted", "sandbox_lost")
        observation += f"\n[step {episode.steps} of {self.max_steps}]"
        name = call.tool.name if isinstance(call, ToolCall) else None
        info = self._info(tool=name, exit_code=exit_code, elapsed_s=elapsed_s)
        if ended:
            self._close_sandbox()
        reward = episode.paid - before if self._reward == "improvement" else (episode.paid if ended else 0.0)
        self._shown = f"> {_call_text(call)}\n{observation}"
        return observation, float(reward), terminated, ended and not terminated, info

    def render(self) -> str | None:
        """The last action and observation as text (`ansi`), None with no render mode."""
        return self._shown if self.render_mode == "ansi" else None

    def interrupt(self) -> None:
        """From another thread: a `step` or `reset` in progress raises `SandboxDied` as soon as it can."""
        for sandbox in list(self._opened):
            sandbox.interrupt()

    def close(self) -> None:
        """End the episode and its sandbox; a second call does nothing."""
        self._end()

    @property
    def sandbox(self) -> Sandbox | None:
        """The running episode's sandbox, None between episodes; for owners that look in, never for agents."""
        return self._sandbox

    def _run(self, call: ToolCall | str, episode: Episode, sandbox: Sandbox) -> tuple[str, int | None, float]:
        episode.graded = None
        if isinstance(call, str):
            return call, None, 0.0
        if call.tool.name == "validate":
            return episode.validate(sandbox), None, 0.0
        if call.tool.name == "submit":
            return episode.submit(sandbox), None, 0.0
        result = episode.use(call, sandbox)
        return result.observation, result.exit_code, result.elapsed_s

    def _info(self, *, tool: str | None, exit_code: int | None, elapsed_s: float) -> Info:
        assert self._episode is not None
        backend = self._sandbox.backend if self._sandbox is not None else None
        return {
            "task_id": self.folder.spec.id,
            "sandbox": backend,
            "tool": tool,
            "exit_code": exit_code,
            "elapsed_s": float(elapsed_s),
            **self._episode.info(),
        }

    def _open_sandbox(self) -> Sandbox:
        sandbox = open_sandbox(self._backend, self.limits, self.folder.spec.runtime)
        self._opened.add(sandbox)
        return sandbox

    def _start_sandbox(self, files: dict[str, bytes]) -> None:
        for attempt in range(3):
            try:
                self._sandbox = self._open_sandbox()
                self._sandbox.write_files(files)
                return
            except SandboxDied:
                self._close_sandbox()
                if attempt == 2:
                    raise

    def _close_sandbox(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def _end(self) -> None:
        self._close_sandbox()
        self._episode = None


def episode_seed(seed: int) -> int:
    """The seed of `Playable.open` in the episode that `reset(seed=seed)` begins."""
    return _drawn(np_random(seed)[0])


def _drawn(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _merged(limits: Limits, overrides: Limits | dict[str, Any] | None) -> Limits:
    if overrides is None or isinstance(overrides, Limits):
        return overrides or limits
    try:
        return Limits.model_validate({**limits.model_dump(), **overrides})
    except ValueError as error:
        known = ", ".join(Limits.model_fields)
        raise ValueError(f"limits={overrides!r}: {error}\nFields are: {known}.") from error


def _call_text(call: ToolCall | str) -> str:
    if isinstance(call, str):
        return "(no tool call)"
    return f"{call.tool.name} " + " ".join(f"{name}={value!r}" for name, value in call.arguments.items())
