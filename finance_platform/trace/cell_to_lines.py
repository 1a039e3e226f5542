"""From a published cell to its lines: the lines of files behind it, and whether they add up to its value.

Belongs here: the lines of a cell, their sum, and their text in the files.
Does not belong here: the other direction (see `file_to_cells`), printing (see `cli.trace_output`).
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
from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.files.workbook import Place
from finance_platform.feeds.resolved import Dialect
from finance_platform.feeds.values.codes import fold, surrogate_key
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.cells import Cell, CellName, find_cell
from finance_platform.trace.published_lines import (
    SUPERSEDED_BY,
    LineStore,
    PublishedPeriod,
    filter_scenarios,
    read_period,
)
from finance_platform.trace.raw_lines import RawState, check_raw_state, read_raw_texts
from finance_platform.trace.reversals import LinkedLine, NumberedLine, find_links
from finance_platform.warehouse.port import Queryable

LINE_COLUMNS = (
    "source_sheet",
    "source_row",
    "source_column",
    "scenario",
    "document_date",
    "department_code",
    "account_number",
    "amount",
    "is_debit_positive",
    "transaction_id",
    "reverses_transaction_id",
    "description",
)
"""The columns of a ledger line that `traced_line` takes."""

_ZERO = Decimal("0.00")
_UNKNOWN_FILE = "a later file"


@dataclass(frozen=True)
class TracedLine:
    """One ledger line behind a cell.

    Attributes:
        file: object key in the raw zone.
        sheet: of a workbook.
        row: the line number that an editor shows, or the row of the sheet.
        column: header of the cell, where the row gives several lines.
        delivery_id: the delivery that contains it.
        scenario: as delivered.
        document_date: the date in the source.
        department: code as delivered.
        account: number as delivered.
        amount: sign as delivered.
        star_amount: sign of the star.
        transaction_id: identifier in the source.
        reverses: identifier of the line that it reverses.
        description: free text of the source.
        file_state: state of the file since it was read; None if it was not checked.
        text: the record as an editor shows it; None if the file has changed or was not read.
        booked_from: the closed period that the line concerns, if it is booked in a later one; else empty.
        reversed_lines: the published lines that it reverses; see `add_reversals`.
        reversed_by: the published lines that reverse it.
    """

    file: str
    sheet: str | None
    row: int
    column: str | None
    delivery_id: str
    scenario: str
    document_date: date
    department: str
    account: str
    amount: Decimal
    star_amount: Decimal
    transaction_id: str | None
    reverses: str | None
    description: str | None
    file_state: RawState | None = None
    text: str | None = None
    booked_from: str = ""
    reversed_lines: Sequence[LinkedLine] = ()
    reversed_by: Sequence[LinkedLine] = ()


@dataclass(frozen=True)
class CellTrace:
    """A cell and the lines behind it.

    Attributes:
        cell: as published.
        lines: the lines that count, by file and line.
        replaced: by later file, how many lines of the cell it replaced.
        note: why the cell cannot have lines; empty if it can.
    """

    cell: Cell
    lines: Sequence[TracedLine]
    replaced: Mapping[str, int]
    note: str = ""

    @property
    def total(self) -> Decimal:
        """The lines' sum, sign of the star."""
        return sum((line.star_amount for line in self.lines), _ZERO)

    @property
    def reconciles(self) -> bool:
        """Whether the lines add up to the cell: their sum and, for amounts, their number."""
        has_all_lines = self.cell.measure == "budget" or len(self.lines) == self.cell.line_count
        return has_all_lines and self.total == self.cell.value


def trace_cell(warehouse: Queryable, store: LineStore, name: CellName) -> CellTrace:
    """Return a published cell and the lines behind it.

    Raises:
        TraceError: the cell's codes or period are not published; the fix names the closest match.
        MissingRecordError: the inputs of the published version are not recorded.
        NoWarehouseYetError: nothing was ever loaded.
    """
    cell = find_cell(warehouse, name)
    period = read_period(store.processed, cell.period, cell.slice.version)
    if cell.measure == "budget" and not has_budget(cell, period):
        return CellTrace(cell, (), {}, f"{cell.scenario} is not compared with a budget in {cell.period}")
    key = surrogate_key(period.baseline) if cell.measure == "budget" else cell.scenario_key
    lines: list[TracedLine] = []
    replaced: Counter[str] = Counter()
    for delivery_id, scenarios in period.scenarios.items():
        if any(surrogate_key(scenario) == key for scenario in scenarios):
            _collect_lines(store, period, delivery_id, cell, key, lines, replaced)
    return CellTrace(cell, sorted(lines, key=_place), dict(replaced))


def _place(line: TracedLine) -> tuple[str, str, int, str]:
    return line.file, line.sheet or "", line.row, line.column or ""


def has_budget(cell: Cell, period: PublishedPeriod) -> bool:
    """Return whether a scenario's rows have a budget in a period: it covers the period, or is the baseline."""
    has_lines = period.line_counts.get(cell.scenario_key, 0) > 0
    if fold(cell.scenario) == period.baseline or fold(cell.scenario) != "actual" or period.actual_covers is None:
        return has_lines
    return period.actual_covers


def to_star_sign(amount: Decimal, account_type: str, *, is_debit_positive: bool) -> Decimal:
    """Return an amount with the sign that it has in the star."""
    return -amount if is_debit_positive and account_type in CREDIT_TYPES else amount


def add_texts(
    lines: Sequence[TracedLine], raw: ObjectStore, store: LineStore, dialects: Mapping[str, Dialect]
) -> list[TracedLine]:
    """Return lines with the state of their files, and with their text if the file is unchanged.

    Args:
        lines: from `trace_cell`.
        raw: the raw zone.
        store: the deliveries.
        dialects: the dialect by feed; a feed without a descriptor has the default one.
    """
    places: dict[str, set[Place]] = {}
    for line in lines:
        places.setdefault(line.delivery_id, set()).add((line.sheet, line.row))
    files = {
        delivery_id: read_file_texts(raw, store.commit(delivery_id), store, wanted, dialects)
        for delivery_id, wanted in places.items()
    }
    with_texts = []
    for line in lines:
        state, texts = files[line.delivery_id]
        with_texts.append(replace(line, file_state=state, text=texts.get((line.sheet, line.row))))
    return with_texts


def add_reversals(lines: Sequence[TracedLine], warehouse: Queryable, store: LineStore) -> list[TracedLine]:
    """Return lines with the published lines that they reverse, and with those that reverse them.

    Args:
        lines: from `trace_cell`.
        warehouse: what is published.
        store: the deliveries.
    """
    numbered = [
        NumberedLine(
            store.commit(line.delivery_id).feed,
            line.scenario,
            surrogate_key(line.department),
            surrogate_key(line.account),
            line.transaction_id,
            line.reverses,
        )
        for line in lines
    ]
    links = find_links(warehouse, store, numbered)
    return [
        replace(line, reversed_lines=of_line.reverses, reversed_by=of_line.reversed_by)
        for line, of_line in zip(lines, links, strict=True)
    ]


def read_file_texts(
    raw: ObjectStore, commit: DeliveryCommit, store: LineStore, places: Iterable[Place], dialects: Mapping[str, Dialect]
) -> tuple[RawState, dict[Place, str]]:
    """Return the state of a delivery's file, and the text of some of its records if it is unchanged."""
    etag = next((event.etag for event in reversed(store.events) if event.delivery_id == commit.delivery_id), None)
    state = check_raw_state(raw, commit.object_key, commit.fingerprint, etag)
    if state is not RawState.SAME:
        return state, {}
    try:
        return state, read_raw_texts(raw, commit.object_key, places, dialects.get(commit.feed, Dialect()))
    except (OSError, UnreadableDeliveryError):
        return RawState.UNREADABLE, {}


def superseding_file(store: LineStore, delivery_id: str) -> str:
    """Return the file of a superseding delivery; a phrase if the delivery is unknown."""
    return store.commit(delivery_id).object_key if delivery_id else _UNKNOWN_FILE


def _collect_lines(
    store: LineStore,
    period: PublishedPeriod,
    delivery_id: str,
    cell: Cell,
    scenario_key: int,
    lines: list[TracedLine],
    replaced: Counter[str],
) -> None:
    """Add one delivery's lines of a cell to `lines`, or count them in `replaced` if a later delivery replaced them."""
    equal = {"period": cell.period, "scenario_key": scenario_key}
    equal |= {"department_key": cell.department.key, "account_key": cell.account.key}
    columns = [*LINE_COLUMNS, *store.key_columns(delivery_id, period)]
    for table in store.lines(delivery_id, columns, equal):
        contributing = filter_scenarios(table, period.scenarios[delivery_id])
        for row in store.add_superseded_by(contributing, delivery_id, period).to_pylist():
            if row[SUPERSEDED_BY] is None:
                lines.append(traced_line(store.commit(delivery_id), cell.account.account_type, row))
            else:
                replaced[superseding_file(store, row[SUPERSEDED_BY])] += 1


def traced_line(commit: DeliveryCommit, account_type: str, row: Mapping[str, Any]) -> TracedLine:
    """Return a ledger line.

    Args:
        commit: its delivery.
        account_type: the published type of its account.
        row: its `LINE_COLUMNS`.
    """
    return TracedLine(
        file=commit.object_key,
        sheet=row["source_sheet"],
        row=row["source_row"],
        column=row["source_column"],
        delivery_id=commit.delivery_id,
        scenario=row["scenario"],
        document_date=row["document_date"],
        department=row["department_code"],
        account=row["account_number"],
        amount=row["amount"],
        star_amount=to_star_sign(row["amount"], account_type, is_debit_positive=row["is_debit_positive"]),
        transaction_id=row["transaction_id"],
        reverses=row["reverses_transaction_id"],
        description=row["description"],
        booked_from=commit.booked_from,
    )
