"""Requests to the Hugging Face Hub: bounded retries, and every fault in words that say what to do.

What a data set is to blame for becomes a `DatasetUnavailable`, what the Hub or the way there is to blame for a
`CatalogueSilent`. The session of `huggingface_hub` sends them, so that `HF_ENDPOINT` and `HF_TOKEN` mean the same.
"""

from __future__ import annotations

import email.utils
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mlgym_synth.errors import CatalogueSilent, DatasetUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to bear with the Hub; the backoff doubles, a longer `Retry-After` than the wait is not waited for."""

    timeout_s: float = 20.0
    retries: int = 4
    backoff_s: float = 0.5
    longest_wait_s: float = 60.0


PATIENCE = Patience()


def ask_json(subject: str, path: str, parameters: dict[str, str], patience: Patience, kind: type[T]) -> T:
    """`ask` for JSON of a kind."""

    def content(response: Any) -> T:
        made = response.json()
        if not isinstance(made, kind):
            raise ValueError(f"answered with {type(made).__name__}, not {kind.__name__}")
        return made

    return ask(subject, path, parameters, {}, patience, content)


def ask(
    subject: str,
    path: str,
    parameters: dict[str, str],
    headers: dict[str, str],
    patience: Patience,
    content: Callable[[Any], T],
) -> T:
    """GET a path of the Hub, with bounded retries, and return what `content` makes of the response.

    `content` raises ValueError for an answer that is worth another try. No message quotes an error of the HTTP
    client: one about a malformed header would quote the token.
    """
    from huggingface_hub import constants, errors
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]  # public, but lazy

    hub = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
    if not hub.startswith(("http://", "https://")):
        raise CatalogueSilent(f"{subject}: HF_ENDPOINT is {hub!r}. Give an address that begins with https://.")
    for attempt in range(patience.retries + 1):
        wait = patience.backoff_s * 2**attempt
        kind: type[DatasetUnavailable] = CatalogueSilent
        try:
            response: Any = get_session().get(
                hub + path,
                params=parameters,
                headers={**build_hf_headers(library_name="mlgym-synth"), **headers},
                timeout=patience.timeout_s,
            )
        except errors.OfflineModeIsEnabled:
            raise CatalogueSilent(f"{subject}: HF_HUB_OFFLINE is set. Unset it, or fetch it elsewhere.") from None
        except Exception as error:  # of requests, httpx or its successor, after the library's version
            name = type(error).__name__
            late = f"did not answer within {patience.timeout_s:g} s" if "Timeout" in name else f"broke off ({name})"
            fault = f"{hub} {late}. Check the network, HF_ENDPOINT and HF_TOKEN, or try again later."
        else:
            if response.status_code < 400:
                try:
                    return content(response)
                except ValueError as error:
                    kind = DatasetUnavailable
                    fault = f"{error}. Try again later; if it stays so, take another revision."
            elif response.status_code == 429:
                wait = max(wait, _retry_after(response))
                fault = "the Hub asks to slow down (429). Try again in some minutes, or set HF_TOKEN for a higher rate."
            elif response.status_code >= 500:
                fault = f"the Hub fails ({response.status_code}). Try again later; see https://status.huggingface.co."
            else:
                page = hub + path.removeprefix("/api").split("/resolve/")[0].split("/revision/")[0]
                refused = CatalogueSilent if _token_refused(response) else DatasetUnavailable
                raise refused(f"{subject} {_refusal(response, page)}")
        if attempt == patience.retries or wait > patience.longest_wait_s:
            break
        time.sleep(wait)
    raise kind(f"{subject}: {fault}")


def _retry_after(response: Any) -> float:
    """Seconds, of `Retry-After` (which may hold a date) or of the Hub's own `RateLimit: "api";r=0;t=55`."""
    if window := re.search(r"\bt=(\d+)", response.headers.get("RateLimit", "")):
        return float(window[1])
    text = response.headers.get("Retry-After", "0")
    try:
        return float(text) if text.isdigit() else email.utils.parsedate_to_datetime(text).timestamp() - time.time()
    except ValueError:
        return 0.0


def _token_refused(response: Any) -> bool:
    said = response.headers.get("X-Error-Message") or ""
    return response.status_code == 401 and "credentials" in said.lower()


def _refusal(response: Any, page: str) -> str:
    """Why the Hub says no for good, and what to do."""
    code, said = (response.headers.get(f"X-Error-{part}") or "" for part in ("Code", "Message"))
    if code == "GatedRepo":
        return f"is gated. Accept its terms at {page} and set HF_TOKEN to a token of that account."
    if "disabled" in said:
        return "is disabled on the Hub. Take another data set."
    if code == "RevisionNotFound":
        return "has no such revision (any more). `inspect` names the present commit; pin that one."
    if code == "EntryNotFound":
        return "has no such file at this revision. `inspect` lists its files."
    if _token_refused(response):
        return "cannot be asked for: HF_TOKEN is not valid (401). Make a new token, or unset it for public data."
    if response.status_code == 401:
        return "is private or does not exist (401). Check the spelling of owner/name; if private, set HF_TOKEN."
    if code == "RepoNotFound" or response.status_code == 404:
        return "was not found (404). Check the spelling of owner/name; if private, set HF_TOKEN."
    if response.status_code == 403:
        return "is private or forbidden (403). Set HF_TOKEN to a token that may read it."
    return f"cannot be had: the Hub answers {response.status_code}. Check the name, the revision and the file."
