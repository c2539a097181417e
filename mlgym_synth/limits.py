"""What one sandbox may use. Part of a task, and overridable with `gym.make(..., limits={...})`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """Upper bounds on one sandbox; every field carries its unit in its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool_s: float = Field(60.0, gt=0, description="seconds of wall time one tool call may run")
    episode_s: float = Field(900.0, gt=0, description="seconds all tool calls of an episode may run together")
    cpus: float = Field(1.0, gt=0, description="processor cores; also OMP_NUM_THREADS, rounded up")
    memory_mib: int = Field(2048, ge=128, description="memory of the whole sandbox, file systems included")
    pids: int = Field(128, ge=16, description="processes and threads")
    disk_mib: int = Field(256, ge=8, description="MiB that the workspace holds (a tmpfs, counted as memory)")
    output_bytes: int = Field(16_384, ge=1024, description="output of one command kept (head and tail, half each)")
    submission_bytes: int = Field(16 << 20, ge=1024, description="largest submission that is read")
