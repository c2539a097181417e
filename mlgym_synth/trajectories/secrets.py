"""Keys never leave the environment: what stands in a variable with a telling name is taken out of what is stored."""

from __future__ import annotations

import json
import os
import re

_TELLING = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8
"""Shorter values are no keys, and would take ordinary words out of the text."""


def secrets() -> list[str]:
    """What must not be stored, longest first: the values, and each as it is written inside JSON."""
    found = {value.strip() for name, value in os.environ.items() if _TELLING.search(name)}  # as clients send them
    values = [value for value in found if len(value) >= SHORTEST]
    escaped = [json.dumps(value, ensure_ascii=kind)[1:-1] for value in values for kind in (True, False)]
    return sorted({*values, *escaped}, key=len, reverse=True)


def without(secrets: list[str], text: str) -> str:
    """The text with each of these replaced by `***`."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def scrubbed(text: str | None) -> str | None:
    """The text with every secret of the environment replaced by `***`."""
    return None if text is None else without(secrets(), text)
