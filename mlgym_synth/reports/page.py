"""The shell that all reports share, and the few parts they are made of. All text given to them is escaped.

A page is one file that loads nothing. Its content security policy says so too: even if something hostile came through
as markup, no script but the page's own would run and nothing would be fetched.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from mlgym_synth.reports.text import readable
from mlgym_synth.whole_file import write_whole

GENERATOR = "mlgym-synth report"
"""Stands near the begin of every page, so that ours are known."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src {}; base-uri 'none'; form-action 'none'"
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="generator" content="$generator">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body$kind>
$above<h1>$title</h1>
$body
$script</body>
</html>
""")


@dataclass(frozen=True, slots=True)
class Markup:
    """HTML that is escaped already; `number` says that it stands in a column of numbers."""

    text: str
    number: bool = False


Cell = str | int | float | Markup
NOTHING = Markup("")


def escaped(value: Cell) -> str:
    """Text as HTML, with its control characters to be seen; numbers in a form that fits a column."""
    if isinstance(value, Markup):
        return value.text
    if isinstance(value, float):
        return number(value).text
    return html.escape(f"{value:,}" if isinstance(value, int) else readable(value))


def number(value: float | None, digits: int = 3) -> Markup:
    """A number with so many significant digits, a dash for none."""
    if value is None:
        return Markup("-", number=True)
    value += 0.0  # no -0
    return Markup(f"{value:,.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}", number=True)


def fixed(value: float | None, decimals: int = 3) -> Markup:
    """A number with so many decimals, a dash for none."""
    return Markup("-" if value is None else f"{round(value, decimals) + 0.0:.{decimals}f}", number=True)


def heading(text: str, note: str = "") -> Markup:
    """The title of a part, and a sentence on how to read it."""
    below = f'\n<p class="note">{escaped(note)}</p>' if note else ""
    return Markup(f"<h2>{escaped(text)}</h2>{below}")


def paragraph(text: str, kind: str = "") -> Markup:
    """A paragraph of text; `kind` is its class."""
    return Markup(f'<p class="{kind}">{escaped(text)}</p>')


def link(address: str, text: str, attributes: str = "") -> Markup:
    """A link; `attributes` are markup."""
    return Markup(f'<a href="{html.escape(address)}"{attributes}>{escaped(text)}</a>')


def mark(text: str, kind: str) -> Markup:
    """A word with a dot before it; `kind` is `good`, `bad`, `warn` or none."""
    return Markup(f'<span class="mark {kind}">{escaped(text)}</span>')


def figures(named: dict[str, Cell]) -> Markup:
    """A row of numbers with what they are."""
    pairs = "".join(f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in named.items())
    return Markup(f"<dl>{pairs}</dl>")


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], name: str = "") -> Markup:
    """A table; columns of numbers to the right. It scrolls by itself on a narrow screen.

    Args:
        columns: what stands in their heads.
        rows: a cell for each column.
        name: makes a long table: it is found by this name, scrolls below its heads, and sorts with `table_script`.
    """
    listed = list(rows)
    aligned = [" class=n" if any(map(_is_number, column)) else "" for column in zip(*listed, strict=True)]
    aligned = aligned or [""] * len(columns)
    head = "".join(f"<th{side} scope=col>{escaped(title)}" for title, side in zip(columns, aligned, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td{side}>{escaped(value)}" for value, side in zip(row, aligned, strict=True))
        for row in listed
    )
    inside = f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    if not name:
        return Markup(f'<div class="wide"><table>{inside}')
    region = f'<div class="tall" role="region" aria-label="{escaped(name)}" tabindex="0">'
    return Markup(f'{region}<table class="sortable" id="{escaped(name)}">{inside}')


def bars(values: Sequence[tuple[str, int]]) -> Markup:
    """Counts with a bar each, as long as its share of the largest."""
    most = max((count for _, count in values), default=0) or 1
    rows = "\n".join(
        f"<tr><td>{escaped(name)}</td><td class=n>{count:,}</td>"
        f'<td style="width:70%"><span class="bar" style="width:{100 * count / most:.2f}%"></span></td></tr>'
        for name, count in values
    )
    return Markup(f'<table class="bars"><tbody>{rows}</tbody></table>')


def folded(summary: str, items: Iterable[Markup]) -> Markup:
    """A line that opens into a list."""
    inside = "".join(f"<li>{item.text}</li>" for item in items)
    return Markup(f"<details><summary>{escaped(summary)}</summary><ul>{inside}</ul></details>")


def write_page(
    file: Path,
    title: str,
    parts: Iterable[Markup],
    *,
    above: Markup = NOTHING,
    broad: bool = False,
    script: str = "",
) -> None:
    """Write a page; all that it needs is in the one file, which is whole or as it was before.

    Args:
        file: its folder is made if missing.
        title: of the page.
        parts: below the title.
        above: what stands above the title.
        broad: for wide tables rather than for reading.
        script: the only one that may run in the page.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = _PAGE.substitute(
        generator=GENERATOR,
        policy=_POLICY.format(f"'sha256-{digest}'" if script else "'none'"),
        title=escaped(title),
        style=_resource("page.css"),
        kind=' class="broad"' if broad else "",
        above=above.text,
        body="\n".join(part.text for part in parts),
        script=f"<script>{script}</script>\n" if script else "",
    )
    write_whole(file, text, durable=False)  # there may be thousands, and they can be made again


def is_ours(file: Path) -> bool:
    """Whether `write_page` wrote this file."""
    with file.open(encoding="utf-8", errors="replace") as handle:
        return f'content="{GENERATOR}"' in handle.read(500)


def table_script() -> str:
    """The script that sorts and filters tables with a name."""
    return _resource("table.js")


@functools.cache
def _resource(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _is_number(value: Cell) -> bool:
    return value.number if isinstance(value, Markup) else isinstance(value, int | float)
