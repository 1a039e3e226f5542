"""Writes docs/data_dictionary.md from the contracts.

Belongs here: the page. Does not belong here: what it says of a table (see `contracts.dictionary`).

    python -m finance_platform_tests.data_dictionary
"""

from __future__ import annotations

from pathlib import Path

from finance_platform.contracts.dictionary import DictionaryEntry, dictionary

PAGE = Path(__file__).parents[1] / "docs" / "data_dictionary.md"

_INTRODUCTION = """\
# Data dictionary

Generated from `finance_platform/contracts` by `make reference`; edit the descriptions there. `finance-platform tables`
prints the same, and so do the comments on the tables, views and columns of the warehouse.

All are in the schema `finance`. Money is in the home's one currency. *Fix before summing* names the columns that need
one value each, in a filter or in GROUP BY, before a measure is summed; otherwise money is counted twice, or money of
different kinds is added.
"""


def as_markdown() -> str:
    """Return the dictionary as a page of Markdown."""
    entries = dictionary()
    lists = []
    for kind, title in (("view", "Views"), ("table", "Tables")):
        members = [entry for entry in entries if entry.kind == kind]
        rows = [f"| [`{entry.name}`](#{entry.name.lower()}) | {_cell(entry.grain)} |" for entry in members]
        lists += ["", f"## {title}", "", f"| {kind} | one row |", "|---|---|", *rows]
        for entry in members:
            lists += ["", *_section(entry)]
    return _INTRODUCTION + "\n".join(lists) + "\n"


def _section(entry: DictionaryEntry) -> list[str]:
    facts = [entry.grain]
    if entry.fix:
        facts.append(f"Fix before summing: {_names(entry.fix)}.")
    if entry.measures:
        facts.append(f"{'Then sum' if entry.fix else 'Sum'}: {_names(entry.measures)}.")
    if entry.note:
        facts.append(entry.note)
    columns = [f"| `{column.name}` | {column.type} | {_cell(column.description)} |" for column in entry.columns]
    key = f"Key: {_names(entry.key)}."
    header = ["| column | type | meaning |", "|---|---|---|"]
    return [f"### {entry.name}", "", " ".join(facts), "", key, "", *header, *columns]


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(as_markdown(), encoding="utf-8")
