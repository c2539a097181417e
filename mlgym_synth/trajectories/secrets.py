"""Keys never leave the environment: what stands in a variable with a telling name is taken out of what is stored."""

from __future__ import annotations

import json
import os
import re

_TELLING = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8
"""Shorter values are no keys, and would take ordinary words out of the text."""


def secrets() -> list[str]:
    """The values that must not be stored, longest first."""
    found = {value.strip() for name, value in os.environ.items() if _TELLING.search(name)}  # as clients send them
    return sorted((value for value in found if len(value) >= SHORTEST), key=len, reverse=True)


def scrubbed(text: str | None) -> str | None:
    """A text with every secret replaced by `***`."""
    return None if text is None else str(json.loads(scrub_json(json.dumps(text))))


def scrub_json(text: str) -> str:
    """JSON text with every secret replaced by `***`."""
    for secret in secrets():
        for form in {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
            text = text.replace(form, "***")
            text = text.replace(json.dumps(form)[1:-1], "***")  # JSON inside JSON, as actions are kept
    return text
