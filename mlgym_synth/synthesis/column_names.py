"""Names of columns as agents see them."""

from __future__ import annotations

import re

_TAKEN = {"id": "identifier", "row": "row_number", "column": "column_name", "rownames": "position"}
"""What episodes name themselves, and what would say nothing."""


def clean_names(names: tuple[str, ...]) -> dict[str, str]:
    """Source name -> a name that is an identifier, none twice, none that episodes need."""
    made: dict[str, str] = {}
    for name in names:
        clean = re.sub(r"\W+", "_", name.strip()).strip("_") or "unnamed"
        clean = _TAKEN.get(clean, clean)
        while clean in made.values():
            clean += "_2"
        made[name] = clean
    return made
