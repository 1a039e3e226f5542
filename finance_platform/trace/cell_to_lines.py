"""The trace: the lines of files behind one cell of what is published, and whether they come to its value.

Belongs here: from a cell to its ledger lines, their sum, and the files' own text.
Does not belong here: the way back, from a file to its cells (see `reached`), looks (see `tracing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from finance_platform.contracts.star import CREDIT_TYPES
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.feeds.codes import fold, surrogate_key
from finance_platform.feeds.resolved import Dialect
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.cells import Cell, CellName, find_cell
from finance_platform.trace.published_lines import HIDDEN_BY, LineStore, PublishedPeriod, of_scenarios, read_period
from finance_platform.trace.raw_lines import RawState, raw_state, raw_texts
from finance_platform.warehouse.port import Queryable

_COLUMNS = (
    "source_sheet",
    "source_row",
    "scenario",
    "document_date",
    "department_code",
    "account_number",
    "amount",
    "is_debit_positive",
    "transaction_id",
    "description",
)
_NOTHING = Decimal("0.00")
_LATER = "a later file"


@dataclass(frozen=True)
class TracedLine:
    """One ledger line behind a cell.

    Attributes:
        file: object key in the raw zone.
        sheet: of a workbook.
        row: the line that an editor shows.
        delivery_id: the delivery that offered it.
        scenario: as delivered.
        document_date: the date that the source gives.
        department: code as delivered.
        account: number as delivered.
        amount: sign as delivered.
        star_amount: sign of the star.
        transaction_id: identifier in the source.
        description: free text of the source.
        file_state: what became of the file since.
        text: the record as an editor shows it; None where the file is no longer the same, or nobody asked.
    """

    file: str
    sheet: str | None
    row: int
    delivery_id: str
    scenario: str
    document_date: date
    department: str
    account: str
    amount: Decimal
    star_amount: Decimal
    transaction_id: str | None
    description: str | None
    file_state: RawState | None = None
    text: str | None = None


@dataclass(frozen=True)
class Trace:
    """A cell, and what is behind it.

    Attributes:
        cell: as published.
        lines: the lines that count, by file and line.
        replaced: lines of the same cell that later files replaced, counted by those files.
        note: what explains a cell that no line can reach.
    """

    cell: Cell
    lines: Sequence[TracedLine]
    replaced: Mapping[str, int]
    note: str = ""

    @property
    def total(self) -> Decimal:
        """The lines' sum, sign of the star."""
        return sum((line.star_amount for line in self.lines), _NOTHING)

    @property
    def reconciles(self) -> bool:
        """Whether the lines come to the cell, in money and, for amounts, in number."""
        is_counted = self.cell.measure == "budget" or len(self.lines) == self.cell.line_count
        return is_counted and self.total == self.cell.value


def trace_cell(warehouse: Queryable, store: LineStore, name: CellName) -> Trace:
    """Return the lines behind a cell of what is published.

    Raises:
        TraceError: there is no such cell; says the closest_match.
        MissingRecordError: the lake no longer knows what was published.
        NoWarehouseYetError: nothing was ever loaded.
    """
    cell = find_cell(warehouse, name)
    period = read_period(store.processed, cell.period, cell.slice.version)
    if cell.measure == "budget" and not is_compared(cell, period):
        return Trace(cell, (), {}, f"{cell.scenario} is not compared with a budget in {cell.period}")
    key = surrogate_key(period.baseline) if cell.measure == "budget" else cell.scenario_key
    lines: list[TracedLine] = []
    replaced: Counter[str] = Counter()
    for delivery_id, scenarios in period.counted.items():
        if any(surrogate_key(scenario) == key for scenario in scenarios):
            _follow(store, period, delivery_id, cell, key, lines, replaced)
    return Trace(cell, sorted(lines, key=lambda line: (line.file, line.sheet or "", line.row)), dict(replaced))


def is_compared(cell: Cell, period: PublishedPeriod) -> bool:
    """Return whether a scenario's rows have a budget in a period: where the scenario covers it, or is the baseline."""
    has_lines = period.line_counts.get(cell.scenario_key, 0) > 0
    if fold(cell.scenario) == period.baseline or fold(cell.scenario) != "actual" or period.actual_covers is None:
        return has_lines
    return period.actual_covers


def star_amount(amount: Decimal, account_type: str, *, is_debit_positive: bool) -> Decimal:
    """Return an amount with the sign that it has in the star."""
    return -amount if is_debit_positive and account_type in CREDIT_TYPES else amount


def with_texts(
    lines: Sequence[TracedLine], raw: ObjectStore, store: LineStore, dialects: Mapping[str, Dialect]
) -> list[TracedLine]:
    """Return lines with what became of their files, and with their text where that is still to be had.

    Args:
        lines: from `trace_cell`.
        raw: the raw zone.
        store: for what was read.
        dialects: by feed, how its files are cut into cells; a feed that nobody knows any more has usual ones.
    """
    rows: dict[str, set[int]] = {}
    for line in lines:
        rows.setdefault(line.delivery_id, set()).add(line.row)
    found = {name: texts_of(raw, store.commit(name), store, wanted, dialects) for name, wanted in rows.items()}
    return [
        replace(
            line,
            file_state=found[line.delivery_id][0],
            text=found[line.delivery_id][1].get(line.row) if line.sheet is None else None,
        )
        for line in lines
    ]


def texts_of(
    raw: ObjectStore, commit: DeliveryCommit, store: LineStore, rows: Iterable[int], dialects: Mapping[str, Dialect]
) -> tuple[RawState, dict[int, str]]:
    """Return what became of a delivery's file, and the text of some of its records where it is still the same."""
    etag = next((event.etag for event in reversed(store.events) if event.delivery_id == commit.delivery_id), None)
    state = raw_state(raw, commit.object_key, commit.fingerprint, etag)
    if state is not RawState.SAME:
        return state, {}
    try:
        return state, raw_texts(raw, commit.object_key, rows, dialects.get(commit.feed, Dialect()))
    except OSError:
        return RawState.UNREADABLE, {}


def _follow(
    store: LineStore,
    period: PublishedPeriod,
    delivery_id: str,
    cell: Cell,
    scenario_key: int,
    lines: list[TracedLine],
    replaced: Counter[str],
) -> None:
    """Add one delivery's lines of a cell to those that count, or to those that later deliveries replaced."""
    equal = {"period": cell.period, "scenario_key": scenario_key}
    equal |= {"department_key": cell.department.key, "account_key": cell.account.key}
    columns = [*_COLUMNS, *store.hiding_columns(delivery_id, period)]
    for table in store.lines(delivery_id, columns, equal):
        counted = of_scenarios(table, period.counted[delivery_id])
        for row in store.with_hiders(counted, delivery_id, period).to_pylist():
            if row[HIDDEN_BY] is None:
                lines.append(_line(store, delivery_id, cell, row))
            else:
                replaced[store.commit(row[HIDDEN_BY]).object_key if row[HIDDEN_BY] else _LATER] += 1


def _line(store: LineStore, delivery_id: str, cell: Cell, row: Mapping[str, Any]) -> TracedLine:
    return TracedLine(
        file=store.commit(delivery_id).object_key,
        sheet=row["source_sheet"],
        row=row["source_row"],
        delivery_id=delivery_id,
        scenario=row["scenario"],
        document_date=row["document_date"],
        department=row["department_code"],
        account=row["account_number"],
        amount=row["amount"],
        star_amount=star_amount(row["amount"], cell.account.account_type, is_debit_positive=row["is_debit_positive"]),
        transaction_id=row["transaction_id"],
        description=row["description"],
    )
