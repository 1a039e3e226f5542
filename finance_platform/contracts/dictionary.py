"""The data dictionary: every table and view of the warehouse in one form.

Belongs here: what `finance-platform tables`, `docs/data_dictionary.md` and the report pack's appendix say of a table.
Does not belong here: the words themselves, which are in the contracts (see `star`, `views`).
"""

from __future__ import annotations

from dataclasses import dataclass

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS, MOVEMENTS, STAR, WAREHOUSE
from finance_platform.contracts.views import VIEWS, ViewColumn, ViewContract

_FIX = {
    FACT_FINANCIALS.name: ("ScenarioKey", "AccountType", "IsMonetary", "Measure"),
    MOVEMENTS.name: ("Kind", "Measure", "ScenarioName"),
}
"""What to fix in a table before a sum; a contract of a table does not say it. The account's are in DimAccount."""
_MEASURES = {
    FACT_FINANCIALS.name: ("Amount", "BudgetAmount", "Variance", "TransactionCount"),
    MOVEMENTS.name: ("Difference",),
}


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
    columns: tuple[ViewColumn, ...]
    note: str = ""


def dictionary() -> tuple[DictionaryEntry, ...]:
    """Return every view and table of the warehouse: the star first, then the views, which answer most questions."""
    others = (table for table in WAREHOUSE if table not in STAR)
    return (*map(_of_table, STAR), *map(_of_view, VIEWS), *map(_of_table, others))


def find_entry(name: str) -> DictionaryEntry | None:
    """Return the entry of a name in any case, with or without the schema and underscores; None if there is none."""
    return next((entry for entry in dictionary() if _folded(entry.name) == _folded(name)), None)


def _of_view(view: ViewContract) -> DictionaryEntry:
    return DictionaryEntry(view.name, "view", view.grain, view.key, view.fix, view.measures, view.columns, view.note)


def _of_table(contract: Contract) -> DictionaryEntry:
    columns = tuple(ViewColumn(column.sql_name, column.type, column.description) for column in contract.columns)
    key = tuple(contract.column(name).sql_name for name in contract.natural_key)
    fix, measures = _FIX.get(contract.name, ()), _MEASURES.get(contract.name, ())
    return DictionaryEntry(contract.table, "table", contract.grain, key, fix, measures, columns)


def _folded(name: str) -> str:
    return name.rpartition(".")[2].replace("_", "").casefold()
