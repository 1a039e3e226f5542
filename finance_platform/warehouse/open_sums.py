"""Sums that add up what a contract says to keep apart, such as Actual and Budget.

Belongs here: finding them in a query. Does not belong here: which columns have to be fixed before a sum (see
`contracts.dictionary`), what is said about them (see `cli.query`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from finance_platform.contracts.dictionary import DictionaryEntry, find_entry
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
