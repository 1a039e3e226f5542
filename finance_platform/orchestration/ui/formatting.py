"""What steps tell Dagster in one way: data versions, tables as Markdown.

Belongs here: `dg.DataVersion` made from what a table was made from, tables for people, and lists that
stay short in the log. Does not belong here: any step's work, pages of assets (see `specs`), figures (see `figures`),
how a step fails (see `failures`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

LINES_SHOWN = 10
"""How many things of one kind a step logs in a line each; every line of a log is a row in Dagster's storage."""

_NAMES_SHOWN = 3


def few(things: Sequence[str]) -> str:
    """Return the first few of many things in one line: `a; b; c; and 1,997 more`."""
    rest = len(things) - _NAMES_SHOWN
    return "; ".join([*things[:_NAMES_SHOWN], *([f"and {rest:,} more"] if rest > 0 else [])])


def first_lines(lines: Sequence[str], rest: str) -> list[str]:
    """Return the first lines of a log, and one for the others: `and 1,990 more are held`.

    Args:
        lines: one a thing.
        rest: what is said of the others, after how many they are.
    """
    more = len(lines) - LINES_SHOWN
    return [*lines[:LINES_SHOWN], *([f"and {more:,} more {rest}"] if more > 0 else [])]


def version_of(parts: Iterable[Any]) -> dg.DataVersion:
    """Return the data version that says: made from exactly these."""
    return dg.DataVersion(hashlib.sha256(json.dumps(list(parts), default=str).encode()).hexdigest()[:16])


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Return rows as a table for the UI; `none` where there are none."""
    if not rows:
        return dg.MetadataValue.md("none")
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(str(row[name]).replace('|', '&#124;') for name in names)} |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))
