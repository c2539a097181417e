"""A `SynthEnv` as TRL's `GRPOTrainer(environment_factory=...)` plays it: `reset`, a method for each tool, `get_reward`.

`grpo.py` hands a `Players` to the trainer, which calls it for every rollout of a batch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlgym_synth.agents.scripted import IDLE
from mlgym_synth.env import SynthEnv
from mlgym_synth.errors import DatasetUnavailable, MlgymSynthError, SandboxUnavailable, TaskInvalid

FAULTS_IN_A_ROW = 8
"""Rollouts cut short by infrastructure, one after the other, after which training stops."""
OVER = "The episode has ended; nothing was run."
CUT_SHORT = "The episode was cut short: its sandbox failed. This is not scored."


@dataclass(slots=True)
class Players:
    """Makes the environments of a training, and can close all of them.

    Attributes:
        settings: keywords of `SynthEnv`.
        journal: where a line for each finished episode goes; None keeps none.
        faults: episodes that infrastructure cut short since the last that was scored.
        step: of the optimizer, for which episodes are played; None leaves it out of the journal.
        stopped: why training must end: one episode after the other was cut short.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    journal: Path | None = None
    faults: int = 0
    step: int | None = None
    stopped: str | None = None
    made: list[SynthTools] = field(default_factory=list)

    def __call__(self) -> SynthTools:
        """A new one."""
        self.made.append(SynthTools(self))
        return self.made[-1]

    def close(self) -> None:
        """Close all sandboxes."""
        for player in self.made:
            player._close()

    def ended(self, episode: dict[str, Any]) -> None:
        """Write an episode down, and count faults.

        Too many set `stopped` instead of raising: other processes are waiting for this batch's rewards.
        """
        if self.step is not None:
            episode = {"step": self.step, **episode}
        if self.journal is not None:
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(episode) + "\n")
        self.faults = self.faults + 1 if episode["fault"] else 0
        if self.faults >= FAULTS_IN_A_ROW:
            self.stopped = (
                f"{self.faults} episodes one after the other were cut short, the last by {episode['fault']}."
                " `mlgym-synth sandbox doctor` says what is wrong; run again to go on from the last checkpoint."
            )


class SynthTools:
    """A `SynthEnv` as TRL wants it. Its public methods are the model's tools, so all else is private.

    TRL makes one for each rollout of a batch and resets it for every episode; the columns of the data set are the
    arguments of `reset`. Docstrings become the tools' descriptions.
    """

    def __init__(self, players: Players) -> None:
        self._players = players
        self._env: SynthEnv | None = None
        self._row: dict[str, Any] = {}
        self._return, self._steps = 0.0, 0
        self._fault: str | None = None
        self._status: str | None = None

    def reset(self, task: str, seed: int = 0, **row: Any) -> str:
        """Begin an episode: the statement, which TRL puts behind the prompt.

        Raises:
            SandboxUnavailable, DatasetUnavailable, TaskInvalid: no episode of this task can be played here.
        """
        self._close()
        self._return, self._steps, self._fault, self._status = 0.0, 0, None, None
        self._env = SynthEnv(task, **self._players.settings)
        self._row = {"task": self._env.folder.spec.id, "seed": int(seed)}
        try:
            return self._env.reset(seed=int(seed))[0]
        except (SandboxUnavailable, DatasetUnavailable, TaskInvalid):
            raise
        except MlgymSynthError as error:
            return self._cut_short(error)

    def get_reward(self) -> float | None:
        """The episode's return; None, which is no reward at all, where infrastructure cut it short.

        A model that stopped without handing in has used up its budget: as at any end of one, the submission that is
        there counts, else the one that was validated last.
        """
        while self._status is None and self._fault is None and self._env is not None:
            self._call(IDLE["tool"], **IDLE["arguments"])
        self._close()
        value = None if self._fault else self._return
        self._players.ended({**self._row, "return": value, "exit_status": self._status, "steps": self._steps,
                             "fault": self._fault})  # fmt: skip
        return value

    def bash(self, command: str, timeout_s: float | None = None) -> str:
        """Run a command in a persistent bash shell.

        Directory, variables and functions stay from call to call; there is no network. Output is cut in the middle when
        long. A command past its time limit is killed.

        Args:
            command: the command, may span lines
            timeout_s: seconds after which to kill it
        """
        return self._used("bash", command=command, timeout_s=timeout_s)

    def view(self, path: str, start: int | None = None, end: int | None = None) -> str:
        """Show a file with line numbers (200 lines unless told otherwise), or list a folder.

        Args:
            path: a path; relative ones start in the workspace
            start: first line, from 1
            end: last line
        """
        return self._used("view", path=path, start=start, end=end)

    def create(self, path: str, content: str) -> str:
        """Write a file, replacing what was there; folders are made.

        Args:
            path: a path; relative ones start in the workspace
            content: the whole text
        """
        return self._used("create", path=path, content=content)

    def edit(self, path: str, old: str, new: str) -> str:
        """Replace a text that occurs exactly once in a file.

        Args:
            path: a path; relative ones start in the workspace
            old: the exact text to replace
            new: the text to put in its place
        """
        return self._used("edit", path=path, old=old, new=new)

    def search(self, pattern: str, path: str | None = None) -> str:
        """Search files below a path for an extended regular expression; prints file:line:text.

        Args:
            pattern: an extended regular expression, as `grep -E` takes it
            path: file or folder, the workspace by default
        """
        return self._used("search", pattern=pattern, path=path)

    def validate(self) -> str:
        """Score the submission file on the validation half of the hidden rows or instances.

        A limited number of times.
        """
        return self._used("validate")

    def submit(self) -> str:
        """Hand in the submission file. It is scored once on the test half, and the episode ends."""
        return self._used("submit")

    def _used(self, name: str, **arguments: Any) -> str:
        if self._fault is not None or self._status is not None:
            return OVER
        self._steps += 1
        return self._call(name, **arguments)

    def _call(self, name: str, **arguments: Any) -> str:
        assert self._env is not None
        given = {key: value for key, value in arguments.items() if value is not None}
        try:
            observation, reward, _, _, info = self._env.step({"tool": name, "arguments": given})
        except MlgymSynthError as error:
            return self._cut_short(error)
        self._return += reward
        self._status = info["exit_status"]
        return observation

    def _cut_short(self, error: MlgymSynthError) -> str:
        self._fault = f"{type(error).__name__}: {error}"
        self._close()
        return CUT_SHORT

    def _close(self) -> None:
        if self._env is not None:
            self._env.close()
            self._env = None
