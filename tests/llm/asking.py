"""What the tests of the chat model ask for, and of what servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from mlgym_synth.llm.model import (
    ChatModel,
    Reply,
)
from tests.llm_server import LLMServer, Script

KEY = "sk-test-0123456789abcdef"
MESSAGES = [{"role": "system", "content": "You write tasks."}, {"role": "user", "content": "Propose one."}]
Result = TypeVar("Result")


class Column(BaseModel):
    name: str


class Proposal(BaseModel):
    title: str
    rows: int = Field(ge=1)
    columns: list[Column] = []


GOOD = json.dumps({"title": "Wine", "rows": 178, "columns": [{"name": "malic_acid"}]})
WINE = Proposal(title="Wine", rows=178, columns=[Column(name="malic_acid")])


def chat(server: LLMServer, **options: Any) -> ChatModel:
    return ChatModel("author", base_url=server.url, **{"backoff_s": 0.001, "timeout_s": 10.0, **options})


def ask(script: Script, **options: Any) -> tuple[Reply, LLMServer]:
    """One text from a server with this script."""

    async def main() -> Reply:
        async with chat(server, **options) as model:
            return await model.text(MESSAGES)

    with LLMServer(script) as server:
        return asyncio.run(main()), server


def propose(script: Script, times: int = 1, **options: Any) -> tuple[Proposal, LLMServer]:
    """The last of several proposals from a server with this script."""

    async def main() -> Proposal:
        async with chat(server, **options) as model:
            for _ in range(times):
                proposal, _reply = await model.structured(MESSAGES, Proposal)
            return proposal

    with LLMServer(script) as server:
        return asyncio.run(main()), server


async def text_of(model: ChatModel) -> Reply:
    async with model:
        return await model.text(MESSAGES)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(main)
