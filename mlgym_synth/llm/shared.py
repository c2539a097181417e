"""Model calls of threads: one event loop in a thread of its own, one `ChatModel` for all who ask with equal settings.

A `ChatModel` belongs to one event loop; agents are synchronous, and many play at once in threads of one process. What
they share beside connections is what bounds the process: requests at a time, money, and what has been learnt of the
endpoint.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from mlgym_synth.errors import LLMError
from mlgym_synth.llm.body import Messages
from mlgym_synth.llm.budget import Budget
from mlgym_synth.llm.model import ChatModel
from mlgym_synth.llm.replies import Reply
from mlgym_synth.llm.settings import ModelSettings

_LEAVING_S = 2.0


class SharedModel:
    """One caller's way to the model of its process; one call at a time, `close` from any thread."""

    def __init__(self, model: str, settings: ModelSettings) -> None:
        """Nothing is sent yet.

        Raises:
            ModelNotConfigured: no usable key or address.
        """
        self._model, self._loop = _of_this_process().model(model, settings)
        self._call: concurrent.futures.Future[Reply] | None = None
        self._closed = False

    @property
    def takes_tools(self) -> bool:
        """Whether the endpoint takes `tools`, as far as is known."""
        return self._model.takes_tools

    def chat(self, messages: Messages, tools: Sequence[Mapping[str, Any]] = (), seed: int | None = None) -> Reply:
        """As `ChatModel.chat`, waiting for the answer; an exception in this thread (Ctrl-C) calls the request off.

        Raises:
            LLMError: also after `close`.
        """
        self._call = asyncio.run_coroutine_threadsafe(self._model.chat(messages, tools, seed), self._loop)
        try:
            if self._closed:
                self._call.cancel()
            return self._call.result()
        except concurrent.futures.CancelledError:
            raise LLMError("the request was called off") from None
        finally:
            self._call.cancel()  # changes nothing once there is an answer

    def close(self) -> None:
        """Call off the request that runs, if one does, and send no other; the model stays for those who share it."""
        self._closed = True
        if self._call is not None:
            self._call.cancel()


class _Exchange:
    """The event loop of a process, and the models in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._models: dict[tuple[str, ModelSettings, str | None], ChatModel] = {}

    def model(self, name: str, settings: ModelSettings) -> tuple[ChatModel, asyncio.AbstractEventLoop]:
        """The one with these settings, and the loop to ask it in."""
        known = (name, settings, os.environ.get("OPENAI_BASE_URL"))
        with self._lock:
            if known not in self._models:
                self._models[known] = _opened(name, settings)
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A daemon: nobody who wants to leave waits for an answer.
                threading.Thread(target=self._loop.run_forever, name="mlgym-synth-models", daemon=True).start()
                atexit.register(self._leave, self._loop, os.getpid())
            return self._models[known], self._loop

    def _leave(self, loop: asyncio.AbstractEventLoop, process: int) -> None:
        """Cancel what runs and close the connections, so that the interpreter exits without warnings."""
        if os.getpid() == process:
            with contextlib.suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._closed(), loop).result(_LEAVING_S)

    async def _closed(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, *(model.close() for model in self._models.values()), return_exceptions=True)


def _opened(name: str, settings: ModelSettings) -> ChatModel:
    return ChatModel(
        name,
        base_url=settings.base_url,
        prices=settings.prices,
        budget=Budget(settings.max_cost_usd),
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        reasoning_effort=settings.reasoning_effort,
        logprobs=settings.logprobs,
        timeout_s=settings.timeout_s,
        retries=settings.retries,
        concurrency=settings.concurrency,
    )


_exchanges: dict[int, _Exchange] = {}


def _of_this_process() -> _Exchange:
    # By process, because threads do not come along with a fork.
    return _exchanges.setdefault(os.getpid(), _Exchange())
