"""What an episode leaves behind: a trajectory of steps, as plain data. Played, stored, filtered, exported, replayed.

A step is one action and what came back; a trajectory is an episode with the task and the agent it belongs to. Both are
made of JSON values only, so that every store and every reader holds the same thing. `SCHEMA_VERSION` goes up whenever
a field changes its meaning.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA_VERSION = 1
Fault = Literal["agent", "model", "infrastructure"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What an agent has used so far in an episode."""

    calls: int = 0
    tokens_sent: int = 0
    tokens_received: int = 0
    cost_usd: float = 0.0

    @property
    def tokens(self) -> int:
        """Sent and received."""
        return self.tokens_sent + self.tokens_received

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.tokens_sent + other.tokens_sent,
            self.tokens_received + other.tokens_received,
            self.cost_usd + other.cost_usd,
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.calls - other.calls,
            self.tokens_sent - other.tokens_sent,
            self.tokens_received - other.tokens_received,
            self.cost_usd - other.cost_usd,
        )


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said on the way to one action; scripts say nothing.

    Attributes:
        thought: the text beside the action, as the agent keeps it in its own context.
        reasoning: what the endpoint or the model marked as reasoning; kept apart, never in the context.
        response: where the action was read out of text, the message as it stands in the context: up to the end of its
            first command; empty for tool calls.
        token_ids, logprobs: of the answer as it came, one for each token; None where the endpoint does not give them.
    """

    thought: str = ""
    reasoning: str = ""
    response: str = ""
    token_ids: list[int] | None = None
    logprobs: list[float] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One action and what came back.

    Attributes:
        action: what the agent returned; `{"tool": ..., "arguments": {...}}` where it is valid.
        observation: the text that came back.
        reward: what the step paid.
        tool: the tool that ran; None for an action that is no tool call.
        exit_code: bash's.
        elapsed_s: seconds the tool ran.
        latency_s: seconds the agent took to choose.
        score: the raw score of this step's grading (validation half; test half on the last step), None without one.
        test_score: the same submission's on the test half; never shown to an agent.
        usage: of the calls that led to this action.
        said: what the model said, if there is one.
    """

    action: Any
    observation: str
    reward: float
    tool: str | None = None
    exit_code: int | None = None
    elapsed_s: float = 0.0
    latency_s: float = 0.0
    score: float | None = None
    test_score: float | None = None
    usage: Usage = Usage()
    said: Said = Said()


@dataclass(slots=True)
class Trajectory:
    """One episode.

    Attributes:
        task_id, task_sha256, family, dataset, split, metric, direction: the task, as it was when it was played.
        agent, agent_sha256: who played, and the hash of its settings and code ("" where it gives none).
        seed: of the episode and of the agent.
        index: which of the task's episodes in its run.
        statement: the first observation.
        system: what the agent's model was told before it; empty for scripts.
        exit_status: the env's; None where the episode was cut short by `fault`.
        fault: whose failure cut it short; None if nobody's. Only `agent` may count against the agent.
        error: the failure in words.
        cause: of a lost sandbox.
        baseline_score, reference_score, test_score, progress: on the test half; None where there is none.
        usage: of the whole episode, with what attempts took that infrastructure cut short before it in the same run
            of the program.
        sandbox: the backend.
        max_steps: the step budget.
        seconds: wall time from reset to the end.
        started_at: seconds since the epoch.
        version: of this package.
    """

    task_id: str
    agent: str
    seed: int
    index: int = 0
    task_sha256: str = ""
    family: str = ""
    dataset: str = ""
    split: str = ""
    metric: str = ""
    direction: str = "maximize"
    agent_sha256: str = ""
    statement: str = ""
    system: str = ""
    steps: list[Step] = field(default_factory=list)
    exit_status: str | None = None
    fault: Fault | None = None
    error: str | None = None
    cause: str | None = None
    baseline_score: float | None = None
    reference_score: float | None = None
    test_score: float | None = None
    progress: float | None = None
    usage: Usage = field(default_factory=Usage)
    sandbox: str | None = None
    max_steps: int = 0
    seconds: float = 0.0
    started_at: float = 0.0
    version: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def total_reward(self) -> float:
        """The undiscounted return: the worth of the test score, 0 with no valid submission.

        An agent that failed has handed nothing in, and does not keep what validations paid it on the way.
        """
        return 0.0 if self.fault == "agent" else sum(step.reward for step in self.steps)

    @property
    def void(self) -> bool:
        """Whether something else than the agent cut it short: such an episode says nothing of the agent."""
        return self.fault in ("infrastructure", "model")

    @property
    def status(self) -> str:
        """How it ended, in one word: the exit status, or whose failure cut it short (`agent_failed` ...)."""
        return self.exit_status or f"{self.fault or 'infrastructure'}_failed"

    @property
    def successful(self) -> bool:
        """Whether a valid submission was graded at the end."""
        return self.test_score is not None

    @property
    def tool_seconds(self) -> float:
        """Seconds that tools ran."""
        return sum(step.elapsed_s for step in self.steps)

    @property
    def validations(self) -> list[tuple[int, float]]:
        """Step (from 1) and raw score of every validation; where it was the budget's last step, it was handed in too.

        Such a step's score is that of the test half, as with every step that ends an episode.
        """
        return validations(self.steps[:-1] if self.exit_status is not None else self.steps)

    @property
    def validation_scores(self) -> list[float]:
        """Raw scores of all validations, in order."""
        return [score for _, score in self.validations]

    @property
    def content_sha256(self) -> str:
        """Of what was done and seen; equal for episodes that a reader could not tell apart."""
        told = [self.statement, *map(_visible_parts, self.steps)]
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=repr).encode()).hexdigest()


def validations(steps: Sequence[Step]) -> list[tuple[int, float]]:
    """Step (from 1) and raw score of every validation among these."""
    return [(n, s.score) for n, s in enumerate(steps, 1) if s.tool == "validate" and s.score is not None]


def _visible_parts(step: Step) -> list[Any]:
    """What a reader has of a step; answers in text only where there is one, since hashes of the others are stored."""
    answer = [step.said.response] if step.said.response else []
    return [step.action, step.said.thought, step.observation, *answer]


def to_dict(trajectory: Trajectory) -> dict[str, Any]:
    """As JSON values; `action` is whatever the agent returned, or the `repr` of what JSON does not hold."""
    told = dataclasses.asdict(dataclasses.replace(trajectory, steps=[]))
    return {**told, "steps": [_step_dict(step) for step in trajectory.steps]}


def from_dict(fields: dict[str, Any]) -> Trajectory:
    """What `to_dict` made."""
    steps = [
        Step(**{**step, "usage": Usage(**step["usage"]), "said": Said(**step["said"])}) for step in fields["steps"]
    ]
    return Trajectory(**{**fields, "steps": steps, "usage": Usage(**fields["usage"])})


def _step_dict(step: Step) -> dict[str, Any]:
    return {**dataclasses.asdict(dataclasses.replace(step, action=None)), "action": plain(step.action)}


def plain(value: Any) -> Any:
    """A value as JSON gives it back; the `repr` of one that JSON does not hold."""
    try:
        return json.loads(json.dumps(value))
    except Exception:  # a type of the agent's own may raise anything
        try:
            return repr(value)
        except Exception:  # its own, or Python's: a number of more than 4,300 digits has no text
            return f"<{type(value).__name__}>"
