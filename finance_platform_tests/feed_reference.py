"""Writes what is generated from the models of a descriptor: the reference of docs/feeds.md, and the JSON Schema.

Belongs here: which file has which text. Does not belong here: the texts (see `feeds.descriptor.reference`, `.schema`).
"""

from __future__ import annotations

from pathlib import Path

from finance_platform.feeds.descriptor.reference import with_reference
from finance_platform.feeds.descriptor.schema import SCHEMA_FILE, schema_text

DOCS = Path(__file__).parents[1] / "docs"


def generated_files() -> dict[Path, str]:
    """Return the text that each file should have."""
    page = DOCS / "feeds.md"
    return {
        page: with_reference(page.read_text(encoding="utf-8")),
        DOCS / SCHEMA_FILE: schema_text(),
    }


if __name__ == "__main__":
    for file, text in generated_files().items():
        file.write_text(text, encoding="utf-8")
