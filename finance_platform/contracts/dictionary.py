"""The data dictionary: every table and view of the warehouse in one form, and as Markdown.

Belongs here: what `finance-platform tables`, `docs/data_dictionary.md` and the report pack's appendix say of a table.
Does not belong here: the words themselves, which are in the contracts (see `star`, `views`).
"""

from __future__ import annotations

from dataclasses import dataclass

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS, MOVEMENTS, STAR, WAREHOUSE
from finance_platform.contracts.views import VIEWS, ViewContract

_FIX = {
    FACT_FINANCIALS.name: ("ScenarioKey", "AccountType", "IsMonetary", "Measure"),
    MOVEMENTS.name: ("Kind", "Measure", "ScenarioName"),
}
"""What to fix in a table before a sum; a contract of a table does not say it. The account's are in DimAccount."""
_MEASURES = {
    FACT_FINANCIALS.name: ("Amount", "BudgetAmount", "Variance", "TransactionCount"),
    MOVEMENTS.name: ("Difference",),
}

_INTRODUCTION = """\
# Data dictionary

Generated from `finance_platform/contracts` by `make reference`; edit the descriptions there. `finance-platform tables`
prints the same, and so do the comments on the tables, views and columns of the warehouse.

All are in the schema `finance`. Money is in the home's one currency. *Fix before summing* names the columns that need
one value each, in a filter or in GROUP BY, before a measure is summed; otherwise money is counted twice, or money of
different kinds is added.
"""


@dataclass(frozen=True)
class DictionaryColumn:
    """One column.

    Attributes:
        name: the name in SQL.
        type: see `model.Column`.
        description: what it means, with its unit.
    """

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class DictionaryEntry:
    """One table or view.

    Attributes:
        name: the name in SQL.
        kind: `table` or `view`.
        grain: one sentence that describes one row.
        key: the columns that identify a row.
        fix: the columns that need one value each before a measure is summed.
        measures: the columns that can then be summed.
        columns: in their order.
        note: what a reader should know beyond the grain; may be empty.
    """

    name: str
    kind: str
    grain: str
    key: tuple[str, ...]
    fix: tuple[str, ...]
    measures: tuple[str, ...]
    columns: tuple[DictionaryColumn, ...]
    note: str = ""


def dictionary() -> tuple[DictionaryEntry, ...]:
    """Return every view and table of the warehouse: the star first, then the views, which answer most questions."""
    others = (table for table in WAREHOUSE if table not in STAR)
    return (*map(_of_table, STAR), *map(_of_view, VIEWS), *map(_of_table, others))


def find_entry(name: str) -> DictionaryEntry | None:
    """Return the entry of a name in any case, with or without the schema and underscores; None if there is none."""
    return next((entry for entry in dictionary() if _folded(entry.name) == _folded(name)), None)


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


def _of_view(view: ViewContract) -> DictionaryEntry:
    columns = tuple(DictionaryColumn(column.name, column.type, column.description) for column in view.columns)
    return DictionaryEntry(view.name, "view", view.grain, view.key, view.fix, view.measures, columns, view.note)


def _of_table(contract: Contract) -> DictionaryEntry:
    columns = tuple(DictionaryColumn(column.sql_name, column.type, column.description) for column in contract.columns)
    key = tuple(contract.column(name).sql_name for name in contract.natural_key)
    fix, measures = _FIX.get(contract.name, ()), _MEASURES.get(contract.name, ())
    return DictionaryEntry(contract.table, "table", contract.grain, key, fix, measures, columns)


def _folded(name: str) -> str:
    return name.rpartition(".")[2].replace("_", "").casefold()


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
