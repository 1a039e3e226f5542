"""Writes docs/data_dictionary.md from the contracts.

Belongs here: which file has the text. Does not belong here: the text (see `contracts.dictionary`).
"""

from __future__ import annotations

from pathlib import Path

from finance_platform.contracts.dictionary import as_markdown

PAGE = Path(__file__).parents[1] / "docs" / "data_dictionary.md"

if __name__ == "__main__":
    PAGE.write_text(as_markdown(), encoding="utf-8")
