"""A local endpoint that speaks /v1/chat/completions over real HTTP, and every way in which one can fail.

`LLMServer(script)` answers with what the script says: a list (in order; its last element goes on for ever) or a
function of the request. It records the requests.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Response:
    """What goes over the wire.

    Attributes:
        delay_s: seconds before the first byte; less if the server closes.
        cut_after: bytes of the body after which the connection is closed; None sends all of it.
        unsized: sends no Content-Length; the body ends with the connection.
    """

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut_after: int | None = None
    unsized: bool = False


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]  # names in lower case
    json: dict[str, Any]


Script = Sequence[Response] | Callable[[dict[str, Any]], Response]


def answer(
    content: str | None,
    *,
    finish_reason: str = "stop",
    tokens: tuple[int, int] | None = (1000, 500),
    choice: Mapping[str, Any] | None = None,
    **message: Any,
) -> Response:
    """A completion; `message` adds fields (`refusal`, `reasoning_content`), `tokens` are those of prompt and answer.

    `choice` adds fields beside the message (`logprobs`, `token_ids`).
    """
    completion: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "served-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": content, **message},
                **(choice or {}),
            }
        ],
    }
    if tokens is not None:
        completion["usage"] = {
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "total_tokens": sum(tokens),
        }
    return Response(json.dumps(completion).encode())


def call(
    *made: tuple[str, Any], content: str | None = None, finish_reason: str = "tool_calls", **more: Any
) -> Response:
    """A completion that calls functions: each a name with its arguments, as an object or as the text of a model."""
    calls = [
        {"id": f"call-{place}", "type": "function", "function": {"name": name, "arguments": _argument_text(arguments)}}
        for place, (name, arguments) in enumerate(made)
    ]
    return answer(content, finish_reason=finish_reason, tool_calls=calls, **more)


def _argument_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def failure(status: int, message: str = "", *, retry_after: str | None = None, code: str | None = None) -> Response:
    """An error in OpenAI's form."""
    error = {"message": message or f"error {status}", "type": "error", "param": None, "code": code}
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Response(json.dumps({"error": error}).encode(), status, headers)


def hang(seconds: float = 60.0) -> Response:
    """An answer that comes too late."""
    return replace(answer("late"), delay_s=seconds)


def cut() -> Response:
    """An answer whose connection breaks in its middle."""
    return replace(answer("a long answer"), cut_after=40)


def huge(megabytes: float = 5.0, *, unsized: bool = False) -> Response:
    """An answer that is far too long."""
    return replace(answer("x" * int(megabytes * 1e6)), unsized=unsized)


class LLMServer:
    """Use as a context manager; `url` is the base URL, `requests` what was asked, `peak` the most at one time."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._lock = threading.Lock()
        self._running = 0
        self.closing = threading.Event()
        self.peak = 0
        self.requests: list[Request] = []
        server = self

        class Handler(_Handler):
            endpoint = server

        self._http = _QuietServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def respond(self, request: Request) -> Response:
        with self._lock:
            place = len(self.requests)
            self.requests.append(request)
        if not request.path.endswith("/v1/chat/completions"):
            return failure(404, f"no route {request.path}")
        if callable(self._script):
            return self._script(request.json)
        return self._script[min(place, len(self._script) - 1)]

    def count(self, change: int) -> None:
        with self._lock:
            self._running += change
            self.peak = max(self.peak, self._running)

    def __enter__(self) -> LLMServer:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what half of the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    endpoint: LLMServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.endpoint.count(+1)
        try:
            response = self.endpoint.respond(
                Request(self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(body))
            )
            self.endpoint.closing.wait(response.delay_s)
        finally:
            self.endpoint.count(-1)
        self._send(response)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", "application/json")
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.unsized:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body[: response.cut_after])
        if response.cut_after is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""
