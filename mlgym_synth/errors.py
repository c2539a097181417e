"""The root of this package's own errors, and the errors that several rooms share.

Foreign exceptions are mapped once, at the boundary.

MlgymSynthError
├── TaskNotFound          no such task id (says what was near it)
├── TaskInvalid           a task folder that breaks the format (file, field, fix)
├── SandboxUnavailable    no sandbox can be had on this machine (says what to install or start)
├── SandboxDied           the daemon, the host or the owner failed; never the agent's doing, never scored
├── SandboxOverloaded     the sandbox died of the agent's own load (memory, pids, disk); scored by the env
├── FileRefused           a path in a sandbox that is not a regular file, too large, a link, ...
├── SubmissionInvalid     a submission that breaks its format; the message is written for the agent
├── GradingError          the grader itself failed; never scored
├── DatasetUnavailable    which data set, why, and what to do
│   └── CatalogueSilent         the Hub itself does not answer, or not to us; nothing is said of a data set
├── ScoresInvalid         a scores file that breaks the format (file, place, fix)
├── LLMError              a model endpoint that failed for good
│   ├── ModelNotConfigured      no usable key or address; nothing was sent
│   ├── ContextLengthExceeded   the conversation is too long for the model
│   └── ToolsUnsupported        the endpoint takes no `tools`
├── RolloutStopped        one episode after the other was cut short; the message says by what
└── BudgetExhausted       a request that would have started after the budget was spent

A room's own errors are defined beside the code that raises them, below the same root: `training/errors.py`
(TrainingRefused and its kinds, TrainingDiverged), `trajectories/store.py` (StoreInUse, StoreInvalid),
`trajectories/rows.py` (NewerSchema), `trajectories/export.py` (ExportError), `trajectories/tokens.py`
(TokenizerUnavailable), `rollouts/ray.py` (RayUnavailable), `synthesis/ledger.py` (LedgerInUse), `reports/plots.py`
(PlotsUnavailable), `reports/trajectories.py` (NoEpisodes) and `reports/synthesis.py` (NoLedger).

Outside this hierarchy are `llm.replies.Refused` (a model's attempt that gave nothing usable: it counts, and may be
repeated), other exceptions that the package handles itself, `ValueError` and `TypeError` for wrong arguments, and
Gymnasium's own `ResetNeeded` and `ClosedEnvironmentError`.
"""

from __future__ import annotations


class MlgymSynthError(Exception):
    """Root of this package's own errors."""


class TaskNotFound(MlgymSynthError):
    """No task has this id."""


class TaskInvalid(MlgymSynthError):
    """A task folder breaks the format; the message names file, field and fix."""


class SandboxUnavailable(MlgymSynthError):
    """No sandbox can be had here; the message says what to install or start."""


class SandboxDied(MlgymSynthError):
    """Infrastructure failed under a running sandbox. Never scored as the agent's failure."""


class SandboxOverloaded(MlgymSynthError):
    """The sandbox died of the agent's own load; `cause` is `memory`, `pids` or `disk`."""

    def __init__(self, message: str, cause: str = "memory") -> None:
        super().__init__(message)
        self.cause = cause


class FileRefused(MlgymSynthError):
    """A file in a sandbox could not be read or written; the message says why, in the agent's terms."""


class SubmissionInvalid(MlgymSynthError):
    """A submission breaks its declared format; the message tells the agent what to correct."""


class GradingError(MlgymSynthError):
    """The grader failed, not the submission. Never scored."""


class DatasetUnavailable(MlgymSynthError):
    """A task's data cannot be had; the message names the data set, the reason and the remedy."""


class CatalogueSilent(DatasetUnavailable):
    """The catalogue itself does not answer (network, endpoint, token); it says nothing of a data set."""


class ScoresInvalid(MlgymSynthError):
    """A scores file is not there or breaks the format; the message names file, place and fix."""


WRONG_PATHS = (FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError, PermissionError)
"""Of the system's errors, those that the caller has to mend; others, a full disk, may pass."""


class LLMError(MlgymSynthError):
    """A model endpoint failed for good (retries are over)."""


class ModelNotConfigured(LLMError):
    """A model without a usable key or address; the message says what to set. Nothing was sent."""


class ContextLengthExceeded(LLMError):
    """A request is longer than the model's context; a shorter one may do."""


class PromptRefused(LLMError):
    """A filter of the endpoint's turned a prompt away; it would do so again, with other prompts answered."""


class ToolsUnsupported(LLMError):
    """An endpoint, or the model behind it, takes no `tools`; the same may be asked for in text."""


class BudgetExhausted(MlgymSynthError):
    """A request would have started after the budget was spent; a higher budget goes on from here."""


class RolloutStopped(MlgymSynthError):
    """One episode after the other was cut short; the message says by what. Run again once that is mended."""
