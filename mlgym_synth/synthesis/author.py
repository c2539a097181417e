"""Who proposes and writes tasks: the protocol that the pipeline talks to, whoever is behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from mlgym_synth.synthesis.draft import Draft

MOST_BESIDE = 500
"""Characters of what is told beside a failure, which must not be lost among them."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a stage cost at a model."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    prompt_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a task is to be about.

    Attributes:
        family, title, dataset: for the ledger and the funnel.
        body: JSON-able; whatever the author needs to write it.
    """

    family: str
    title: str
    dataset: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a draft did not do: where it ended, and what was said; goes back to the author."""

    stage: str
    reason: str

    def beside(self, unusable: Failure) -> Failure:
        """The same, where a later answer gave no draft: it is told too, for the draft that failed is still there."""
        also = f"A later answer could not be used: {unusable.reason[:MOST_BESIDE]}"
        return replace(self, reason=f"{self.reason}\n{also}")


class Rejected(Exception):
    """A stage gave nothing of use; an attempt that counts."""

    def __init__(self, reason: str, spent: Spent | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.spent = spent or Spent()


class Author(Protocol):
    """Proposes and writes; every method may be called for many candidates at once.

    Attributes:
        debugs: whether a failure can be mended by `debug`; else a candidate has one attempt.
        paid: whether what it says is paid for, so that an answer under way is worth waiting for.
    """

    debugs: bool
    paid: bool

    async def propose(self, number: int, attempt: int, failure: Failure | None) -> tuple[Proposal, Spent] | None:
        """What candidate `number` is to be about; None when there is nothing left to propose.

        Raises:
            Rejected: no proposal came out of this attempt.
        """

    async def ground(self, proposal: Proposal) -> Proposal:
        """The proposal with what is known of its data.

        Raises:
            Rejected: its data cannot be had, or cannot carry it.
        """

    async def write(self, proposal: Proposal, attempt: int, failure: Failure | None) -> tuple[Draft, Spent]:
        """Write the task; `failure` is why the last attempt gave no draft, if it is to be told.

        Raises:
            Rejected: no draft came out of this attempt.
        """

    async def debug(self, proposal: Proposal, draft: Draft, failure: Failure, attempt: int) -> tuple[Draft, Spent]:
        """Mend a draft that failed.

        Raises:
            Rejected: no draft came out of this attempt.
        """

    def stop(self) -> None:
        """Ask for nothing more: what is being answered is waited for, what is not yet sent must not be."""

    async def close(self) -> None:
        """Give back what is held."""
