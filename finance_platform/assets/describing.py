"""What steps tell Dagster in one way: data versions, tables as Markdown.

Belongs here: `dg.DataVersion` made from what a table was made from, tables for people.
Does not belong here: any step's work, pages of assets (see `specs`), figures (see `figures`), how a step fails (see
`failures`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg


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
