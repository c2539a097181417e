"""A Hub on 127.0.0.1 for tests: the paths that `huggingface_hub` asks, real data, faults that are switched on by name.

`HubServer` is a context manager; `server.add(HubRepo(...))` serves a data set, and a repository's fields may be changed
while the server runs. `server.requests` holds what was asked, so that tests can see how much was read.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    import pandas as pd

TOKEN = "hf_a_secret_of_the_tests"
"""The one token that opens gated and private repositories."""

LFS_FROM = 50_000
"""Files of so many bytes are in large file storage, with a sha256; smaller ones have git's hash."""


@dataclass
class HubRepo:
    """A data set at one commit, and its faults."""

    id: str
    files: dict[str, bytes]
    revision: str = "1" * 40
    tags: tuple[str, ...] = ()
    card: dict[str, Any] = field(default_factory=dict)
    downloads: int = 0

    gated: bool = False
    private: bool = False
    disabled: bool = False
    failures: list[int] = field(default_factory=list)
    """Statuses to answer with, one a request, before all is well again."""
    fails_for_ever: int | None = None
    failing_path: str = ""
    """Only requests with this in their path fail."""
    retry_after: str | None = None
    rate_limit: str | None = None
    """Sent with every 429 as `RateLimit`, which is how the Hub says how long to wait."""
    delay_s: float = 0.0
    truncated: Literal["closed", "short"] | None = None
    """Bodies of files are halved: the connection closes early, or the length is that of the half."""
    wrong_hash: bool = False
    recorded_size: int | None = None
    """The descriptions give every file this size, and no hash."""
    other_commit: str | None = None
    """Answers name this commit, whatever was asked for."""
    ignores_ranges: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    range: str | None
    authorised: bool


class HubServer:
    """The server; `endpoint` is what `HF_ENDPOINT` is to be."""

    def __init__(self) -> None:
        self.repos: dict[str, HubRepo] = {}
        self.requests: list[Asked] = []
        hub = self

        class Bound(_Handler):
            server_state = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, repo: HubRepo) -> HubRepo:
        self.repos[repo.id] = repo
        return repo

    def bytes_read(self, file: str) -> int:
        """Bytes asked for of a file, by range; a request without a range counts as the whole file."""
        total = 0
        for asked in self.requests:
            if asked.method == "GET" and asked.path.endswith(file):
                span = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.range or "")
                whole = next(len(r.files[file]) for r in self.repos.values() if file in r.files)
                total += int(span[2]) - int(span[1]) + 1 if span else whole
        return total

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def parquet(frame: pd.DataFrame, rows_a_group: int | None = None) -> bytes:
    """A frame as a parquet file, uncompressed, so that its size is that of the data."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, out, row_group_size=rows_a_group, compression="none", use_dictionary=False)
    return out.getvalue()


def csv_text(frame: pd.DataFrame) -> bytes:
    """A frame as CSV."""
    text: str = frame.to_csv(index=False)
    return text.encode()


class _Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: HubServer

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # a client that lost its patience
            self.close_connection = True

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._query = parse_qs(url.query) if self.command != "POST" else parse_qs(body.decode())
        self._known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        path = unquote(url.path)
        self.server_state.requests.append(Asked(self.command, path, self.headers.get("Range"), self._known))
        try:
            self._route(path)
        except _Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.message}
            headers |= refused.headers
            self._send(refused.status, json.dumps({"error": refused.message}).encode(), headers)

    def _route(self, path: str) -> None:
        if "Authorization" in self.headers and not self._known:
            raise _Refused(401, "", "Invalid credentials in Authorization header")
        if path == "/api/datasets":
            return self._search()
        for repo in sorted(self.server_state.repos.values(), key=lambda repo: -len(repo.id)):
            for prefix in (f"/api/datasets/{repo.id}", f"/datasets/{repo.id}"):
                if path == prefix or path.startswith(prefix + "/"):
                    self._admit(repo, path)
                    return self._repo(repo, path.removeprefix(prefix))
        # So does the Hub: who has no token is not told whether a repository is private or not there.
        raise _Refused(404 if self._known else 401, "RepoNotFound", "Repository not found")

    def _admit(self, repo: HubRepo, path: str) -> None:
        time.sleep(repo.delay_s)
        if repo.failing_path in path and (repo.failures or repo.fails_for_ever):
            status = repo.failures.pop(0) if repo.failures else repo.fails_for_ever
            assert status is not None
            waits = {"Retry-After": repo.retry_after, "RateLimit": repo.rate_limit} if status == 429 else {}
            raise _Refused(status, "", "at your peril", {name: text for name, text in waits.items() if text})
        if repo.disabled:
            raise _Refused(403, "", "Access to this resource is disabled.")
        if repo.private and not self._known:
            raise _Refused(401, "RepoNotFound", "Repository not found")

    def _repo(self, repo: HubRepo, rest: str) -> None:
        if rest == "":
            return self._json(_info(repo, blobs=True))
        _, kind, revision, *inner = rest.split("/")
        if revision not in ("main", repo.revision):
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        file = "/".join(inner)
        if kind == "revision":
            self._json(_info(repo, blobs="blobs" in self._query))
        elif kind == "tree":
            self._json([_entry(repo, name) for name in repo.files if name.startswith(file)])
        elif kind == "paths-info":
            self._json([_entry(repo, name) for name in self._query["paths"] if name in repo.files])
        elif kind == "resolve":
            self._file(repo, file)
        else:
            raise _Refused(404, "", "no such path")

    def _search(self) -> None:
        words = self._query.get("search", [""])[0].lower().split()
        tags = set(self._query.get("filter", []))
        found = [
            repo
            for repo in sorted(self.server_state.repos.values(), key=lambda repo: -repo.downloads)
            if all(word in repo.id.lower() for word in words) and tags <= set(repo.tags) and not repo.private
        ]
        if any(repo.fails_for_ever for repo in found):
            raise _Refused(500)
        self._json([_info(repo) for repo in found[: int(self._query.get("limit", ["1000"])[0])]])

    def _file(self, repo: HubRepo, name: str) -> None:
        if repo.gated and not self._known:
            raise _Refused(403, "GatedRepo", f"Access to dataset {repo.id} is restricted.")
        if name not in repo.files:
            raise _Refused(404, "EntryNotFound", "Entry not found")
        whole = repo.files[name]
        content, status = whole, 200
        headers = {
            "ETag": f'"{_hash(repo, name)}"',
            "X-Repo-Commit": repo.other_commit or repo.revision,
            "Accept-Ranges": "bytes",
        }
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if span and not repo.ignores_ranges:
            start, stop = int(span[1]), min(int(span[2]) + 1 if span[2] else len(whole), len(whole))
            if start >= len(whole):
                raise _Refused(416, "", "Range not satisfiable")
            content, status = whole[start:stop], 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(whole)}"
        if repo.truncated == "short":
            content = content[: len(content) // 2]
        self._send(status, content, headers, cut=repo.truncated == "closed")

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str], cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut


def _hash(repo: HubRepo, name: str) -> str:
    content = b"another file" if repo.wrong_hash else repo.files[name]
    if len(repo.files[name]) >= LFS_FROM:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _lfs(repo: HubRepo, name: str) -> dict[str, Any] | None:
    size = len(repo.files[name])
    return {"sha256": _hash(repo, name), "size": size, "pointerSize": 130} if size >= LFS_FROM else None


def _entry(repo: HubRepo, name: str) -> dict[str, Any]:
    """A file as `tree` and `paths-info` tell of it."""
    entry = {"type": "file", "path": name, "size": len(repo.files[name]), "oid": _hash(repo, name)}
    if (lfs := _lfs(repo, name)) is not None:
        entry["lfs"] = {"oid": lfs["sha256"], "size": lfs["size"], "pointerSize": lfs["pointerSize"]}
    return entry


def _info(repo: HubRepo, blobs: bool = False) -> dict[str, Any]:
    siblings: list[dict[str, Any]] = [{"rfilename": name} for name in repo.files]
    for sibling in siblings if blobs else ():
        name = sibling["rfilename"]
        if repo.recorded_size is not None:
            sibling["size"] = repo.recorded_size
            continue
        sibling |= {"size": len(repo.files[name]), "blobId": _hash(repo, name)[:40]}
        if (lfs := _lfs(repo, name)) is not None:
            sibling["lfs"] = lfs
    return {
        "id": repo.id,
        "sha": repo.other_commit or repo.revision,
        "private": repo.private,
        "gated": "auto" if repo.gated else False,
        "disabled": repo.disabled,
        "downloads": repo.downloads,
        "tags": list(repo.tags),
        "cardData": repo.card,
        "siblings": siblings,
    }
