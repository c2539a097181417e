"""Pages as a reader gets them in a browser."""

from __future__ import annotations

from typing import Any

from selenium import webdriver


def log(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    """What the browser logged since the last call: of the console, or `performance` for the network."""
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return entries
