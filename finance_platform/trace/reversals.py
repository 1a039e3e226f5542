"""Published lines that reverse each other: what a line reverses, and what reverses it.

Belongs here: finding them by their identifiers. Does not belong here: whether they cancel (see
`deliveries.verdicts.reversals`), lines behind a number (see `cell_to_lines`).

Of a feed without a line that names another one nothing is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.lines import line_files, period_of_file
from finance_platform.feeds.values.codes import fold
from finance_platform.trace.published_lines import (
    SUPERSEDED_BY,
    LineStore,
    PublishedPeriod,
    filter_scenarios,
    read_period,
    read_rows,
)
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.port import Queryable

_NumberColumn = Literal["transaction_id", "reverses_transaction_id"]

_COLUMNS = (
    *("source_sheet", "source_row", "source_column", "scenario", "document_date", "department_key", "account_key"),
    *("amount", "transaction_id", "reverses_transaction_id"),
)


@dataclass(frozen=True)
class LinkedLine:
    """A published line that another line reverses, or that reverses it.

    Attributes:
        file: object key in the raw zone.
        sheet: of a workbook.
        row: the line number that an editor shows, or the row of the sheet.
        column: header of the cell, where the row gives several lines.
        transaction_id: its identifier in the source.
        period: YYYY-MM, in which it is booked.
        document_date: the date in the source.
        amount: sign as delivered.
    """

    file: str
    sheet: str | None
    row: int
    column: str | None
    transaction_id: str | None
    period: str
    document_date: date
    amount: Decimal


class NumberedLine(NamedTuple):
    """A line with its identifiers, and what the lines that it reverses, or that reverse it, have in common with it."""

    feed: str
    scenario: str
    department_key: int
    account_key: int
    transaction_id: str | None
    reverses: str | None


class Links(NamedTuple):
    """The lines that a line reverses, and the lines that reverse it, by period, file and row."""

    reverses: tuple[LinkedLine, ...] = ()
    reversed_by: tuple[LinkedLine, ...] = ()


def find_links(warehouse: Queryable, store: LineStore, lines: Sequence[NumberedLine]) -> list[Links]:
    """Return what each line reverses, and what reverses it, among the published lines.

    Args:
        warehouse: what is published.
        store: the ledger lines.
        lines: the lines.

    Raises:
        MissingRecordError: the inputs of a published version are not recorded.
    """
    feeds = {line.feed for line in lines}
    feeds = {commit.feed for commit in store.commits.values() if commit.feed in feeds and _has_reversals(commit)}
    own = [line for line in lines if line.feed in feeds]
    names = {line.reverses for line in own if line.reverses is not None}
    numbers = {line.transaction_id for line in own if line.transaction_id is not None}
    if not own:
        return [Links()] * len(lines)
    periods = [
        read_period(store.processed, period, slice_.version)
        for (table, period), slice_ in sorted(published_slices(warehouse).items())
        if table == FACT_FINANCIALS.name
    ]
    named = _by_place(_read(store, periods, feeds, "transaction_id", names), "transaction_id")
    reversals = _by_place(_read(store, periods, feeds, "reverses_transaction_id", numbers), "reverses_transaction_id")
    return [
        Links(
            named.get((*_place(line), line.reverses), ()),
            reversals.get((*_place(line), line.transaction_id), ()),
        )
        for line in lines
    ]


def _has_reversals(commit: DeliveryCommit, period: str = "") -> bool:
    return any(count.reversals and period in {"", count.period} for count in commit.periods)


def _place(line: NumberedLine) -> tuple[str, str, int, int]:
    return line.feed, fold(line.scenario), line.department_key, line.account_key


def _by_place(
    found: Iterable[tuple[DeliveryCommit, str, dict[str, Any]]], column: _NumberColumn
) -> dict[tuple[Any, ...], tuple[LinkedLine, ...]]:
    """Return lines by feed, scenario, department, account and the identifier in a column."""
    lines: dict[tuple[Any, ...], list[LinkedLine]] = {}
    for commit, period, row in found:
        place = (commit.feed, fold(row["scenario"]), row["department_key"], row["account_key"], row[column])
        line = LinkedLine(
            file=commit.object_key,
            sheet=row["source_sheet"],
            row=row["source_row"],
            column=row["source_column"],
            transaction_id=row["transaction_id"],
            period=period,
            document_date=row["document_date"],
            amount=row["amount"],
        )
        lines.setdefault(place, []).append(line)
    return {
        place: tuple(sorted(of_place, key=lambda one: (one.period, one.file, one.sheet or "", one.row)))
        for place, of_place in lines.items()
    }


def _read(
    store: LineStore,
    periods: Iterable[PublishedPeriod],
    feeds: Collection[str],
    column: _NumberColumn,
    values: Collection[str],
) -> Iterator[tuple[DeliveryCommit, str, dict[str, Any]]]:
    """Yield the published lines of feeds that have one of the values in a column."""
    if not values:
        return
    wanted = pa.array(sorted(values), pa.string())
    between: dict[str, tuple[str, str]] = {column: (wanted[0].as_py(), wanted[-1].as_py())}
    is_of_reversals = column == "reverses_transaction_id"
    for period in periods:
        for delivery_id, scenarios in period.scenarios.items():
            commit = store.commit(delivery_id)
            if commit.feed not in feeds or (is_of_reversals and not _has_reversals(commit, period.period)):
                continue
            columns = [*_COLUMNS, *store.key_columns(delivery_id, period)]
            files = [file for file in line_files(commit) if period_of_file(file.key) in {"", period.period}]
            for table in read_rows(store.processed, delivery_id, files, columns, {"period": period.period}, between):
                named = filter_scenarios(table.filter(pc.is_in(table[column], value_set=wanted)), scenarios)
                if named.num_rows:
                    marked = store.add_superseded_by(named, delivery_id, period)
                    for row in marked.filter(pc.is_null(marked[SUPERSEDED_BY])).to_pylist():
                        yield commit, period.period, row
