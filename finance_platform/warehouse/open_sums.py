"""Sums that add up what a contract says to keep apart, such as Actual and Budget, or that take attributes of now.

Belongs here: finding them in a query. Does not belong here: which columns have to be fixed before a sum (see
`contracts.dictionary`), what is said about them (see `cli.query`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from finance_platform.contracts.dictionary import DictionaryEntry, find_entry
from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import (
    ACCOUNT_HISTORY,
    DEPARTMENT_HISTORY,
    DIM_ACCOUNT,
    DIM_DEPARTMENT,
    FACT_FINANCIALS,
)
from finance_platform.warehouse.dialect import parse_query

_MAY_SUM = re.compile(r"\b(?:sum|avg)\b", re.IGNORECASE)

_ACCOUNT = ("AccountType", "AccountKey", "AccountNumber", "AccountName", "AccountClassKey", "Category", "ProfitSign")
_SCENARIO = ("ScenarioName", "ScenarioKey", "ScenarioType", "IsBaseline")
_LINE = ("LineOrder", "Line", "IsSubtotal")
_SAID_BY = {
    "AccountType": (*_ACCOUNT, *_LINE, "Section", "SectionOrder"),
    # Accounts of a type are of one kind, or the reader has named accounts.
    "Measure": (*_ACCOUNT, "Measure"),
    "IsMonetary": (*_ACCOUNT, "IsMonetary"),
    "ScenarioKey": _SCENARIO,
    "ScenarioName": _SCENARIO,
    "LineOrder": _LINE,
    "IsSubtotal": _LINE,
    "StructureFrom": ("StructureFrom", "IsCurrentStructure"),
    "VersionNumber": ("VersionNumber", "IsOriginal", "IsCurrent"),
    "CloseNumber": ("CloseNumber", "IsLatest"),
    "Horizon": ("Horizon", "HorizonOrder"),
    "StepKind": ("StepKind", "StepOrder", "Step"),
    "KpiName": ("KpiName", "KpiOrder"),
}
"""By column to fix: the columns that say which of its values are meant."""
_OF_ANY_ACCOUNT = frozenset({"impact", "profiteffect", "absoluteerror"})
"""Measures that have one sign in all accounts: an effect on profit, an amount without its sign."""


_SPANS = ((DIM_ACCOUNT, ACCOUNT_HISTORY, "AccountSpan"), (DIM_DEPARTMENT, DEPARTMENT_HISTORY, "DepartmentSpan"))
"""Each dimension whose attributes change, the table of its earlier ones, and the view that has both."""


@dataclass(frozen=True)
class CurrentAttributes:
    """A dimension whose attributes of now a query takes for the money of every period.

    Attributes:
        table: its name.
        span: the view with the attributes of each period.
        history: the table of the members that had others in earlier periods.
    """

    table: str
    span: str
    history: Contract


@dataclass(frozen=True)
class OpenSum:
    """A table or view whose measures a query adds up across values that have to be kept apart.

    Attributes:
        table: its name.
        columns: those that the query neither filters nor groups by, nor mentions otherwise.
    """

    table: str
    columns: tuple[str, ...]


def open_sums(sql: str) -> list[OpenSum]:
    """Return what a query adds up although its contract says to fix it first.

    A column counts as fixed if the query mentions it, or one that says as much, anywhere but as a key of a join; so
    nothing that a reader has thought of is reported, and not everything that is wrong.

    Args:
        sql: a valid query in the dialect.
    """
    if not _MAY_SUM.search(sql):
        return []
    query = parse_query(sql)
    summed = set(_summed(query))
    mentioned = {name.casefold() for name in _mentioned(query)}
    entries = (find_entry(name) for name in dict.fromkeys(_tables(query)))
    sums = [OpenSum(entry.name, _open_columns(entry, summed, mentioned)) for entry in entries if entry]
    return [one for one in sums if one.columns]


def current_attributes(sql: str) -> list[CurrentAttributes]:
    """Return the dimensions whose attributes a query joins to the fact table; a name is none, since it groups nothing.

    Args:
        sql: a valid query in the dialect.
    """
    if FACT_FINANCIALS.table.casefold() not in sql.casefold():
        return []
    query = parse_query(sql)
    tables = {name.casefold() for name in _tables(query)}
    columns = {column.name.casefold() for column in query.find_all(exp.Column)}
    return [
        CurrentAttributes(dimension.table, span, history)
        for dimension, history, span in _SPANS
        if {FACT_FINANCIALS.table.casefold(), dimension.table.casefold()} <= tables
        and span.casefold() not in tables
        and not columns.isdisjoint(_attributes(dimension, history))
    ]


def _attributes(dimension: Contract, history: Contract) -> set[str]:
    """Return the attributes that change, without the name and the key."""
    common = set(history.column_names) & set(dimension.column_names)
    names = {name for name in common if not name.endswith("_name")} - {dimension.surrogate_key}
    return {dimension.column(name).sql_name.casefold() for name in names}


def _summed(query: exp.Query) -> Iterator[str]:
    for total in query.find_all(exp.Sum, exp.Avg):
        for column in total.find_all(exp.Column):
            yield column.name.casefold()


def _mentioned(query: exp.Query) -> Iterator[str]:
    for column in query.find_all(exp.Column):
        equal = column.parent
        if not (isinstance(equal, exp.EQ) and all(isinstance(side, exp.Column) for side in (equal.left, equal.right))):
            yield column.name


def _tables(query: exp.Query) -> Iterator[str]:
    own = {table.alias_or_name.casefold() for table in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if table.name.casefold() not in own:
            yield table.name


def _open_columns(entry: DictionaryEntry, summed: set[str], mentioned: set[str]) -> tuple[str, ...]:
    measures = {measure.casefold() for measure in entry.measures} & summed
    if not measures:
        return ()
    return tuple(
        name
        for name in entry.fix
        if not (name == "AccountType" and measures <= _OF_ANY_ACCOUNT)
        and not any(said.casefold() in mentioned for said in _SAID_BY.get(name, (name,)))
    )
