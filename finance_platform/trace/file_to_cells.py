"""From a file, or one line of it, to the published cells that it reached.

Belongs here: the cells of a file's lines, the lines that a later file replaced, and the lines that are not published,
with the reason. Every accepted line is in exactly one of the three.
Does not belong here: the other direction (see `cell_to_lines`), printing (see `cli.trace_output`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.state import replaced_cells
from finance_platform.errors import TraceError
from finance_platform.feeds.resolved import Dialect
from finance_platform.feeds.values.codes import fold
from finance_platform.safe_text import quote_name
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.cell_to_lines import read_file_texts, superseding_file, to_star_sign
from finance_platform.trace.cells import Member, PublishedStar
from finance_platform.trace.published_lines import SUPERSEDED_BY, LineStore, filter_scenarios
from finance_platform.trace.raw_lines import RawState
from finance_platform.trace.reversals import LinkedLine, NumberedLine, find_links
from finance_platform.trace.source_file import (
    FileDelivery,
    OtherRow,
    find_record,
    find_sheet,
    find_versions,
    other_rows,
    select_version,
)
from finance_platform.warehouse.port import Queryable

_COLUMNS = ("period", "scenario", "department_key", "account_key", "amount", "is_debit_positive")
_NUMBERED = ("scenario", "department_key", "account_key", "transaction_id", "reverses_transaction_id")
_ZERO = Decimal("0.00")


class _Cell(NamedTuple):
    """What lines that are shown together have in common."""

    period: str
    scenario: str
    department_key: int
    account_key: int
    is_debit_positive: bool
    superseded_by: str | None
    source_column: str | None


_CELL = ("period", "scenario", "department_key", "account_key", "is_debit_positive", SUPERSEDED_BY, "source_column")
"""The columns of lines with the values of `_Cell`."""


@dataclass(frozen=True)
class ReachedCell:
    """Lines of one file in one published cell, or that would be in it if a later file had not replaced them.

    Attributes:
        period: YYYY-MM.
        scenario: as delivered.
        department: code.
        account: number.
        lines: how many of the file's lines.
        amount: their sum, sign of the star.
        replaced_by: the file that replaced them; empty for lines that count.
        column: header of the line's cell, of a traced row that gives several lines.
    """

    period: str
    scenario: str
    department: str
    account: str
    lines: int
    amount: Decimal
    replaced_by: str = ""
    column: str | None = None


@dataclass(frozen=True)
class Unpublished:
    """Accepted lines of one scenario and period that are in no cell, and the reason."""

    period: str
    scenario: str
    lines: int
    amount: Decimal
    why: str


@dataclass(frozen=True)
class FileTrace:
    """A file, or one line of it, and the cells that it reached.

    Attributes:
        file: object key.
        line: the line that was asked for; None for the whole file.
        row: the first line of the row that the line is part of.
        versions: the file's deliveries, the newest last.
        shown: id of the delivery that the following fields describe.
        cells: the cells that it reached, by period.
        replaced: the cells in which later files replaced its lines.
        unpublished: accepted lines that are in no cell.
        others: the rejected, repeated and skipped rows of the line; none for a whole file.
        outcomes: candidate lines of the whole file by outcome.
        file_state: state of the file since it was read; None if it was not checked.
        text: the row as an editor or a spreadsheet shows it, if the file is unchanged.
        sheet: the sheet that is shown, of a workbook.
        reversed_lines: the published lines that the traced line reverses; none for a whole file.
        reversed_by: the published lines that reverse the traced line.
    """

    file: str
    line: int | None
    row: int | None
    versions: Sequence[FileDelivery]
    shown: str
    cells: Sequence[ReachedCell] = ()
    replaced: Sequence[ReachedCell] = ()
    unpublished: Sequence[Unpublished] = ()
    others: Sequence[OtherRow] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict)
    file_state: RawState | None = None
    text: str | None = None
    sheet: str | None = None
    reversed_lines: Sequence[LinkedLine] = ()
    reversed_by: Sequence[LinkedLine] = ()


def trace_file(
    store: LineStore, publication: PublishedStar, object_key: str, line: int | None = None, sheet: str | None = None
) -> FileTrace:
    """Return the published cells that a file, or one line of it, reached.

    Args:
        store: the deliveries and their lines.
        publication: the published data.
        object_key: the file.
        line: the line number that an editor shows, or the row of the sheet, from 1.
        sheet: the sheet of a workbook, needed only if several were read.

    Raises:
        TraceError: the file was never delivered, the line is before its first row, or the sheet was not read.
    """
    published = {delivery_id for period in publication.periods.values() for delivery_id in period.scenarios}
    versions = find_versions(store, published, object_key)
    shown = select_version(versions)
    commit = store.commits.get(shown)
    if commit is None:
        return FileTrace(object_key, line, None, versions, "")
    if line is not None or sheet is not None:
        sheet = find_sheet(store, commit, sheet)
    record = None if line is None else find_record(store, commit, line, sheet)
    lines = _DeliveryLines(store, publication, commit)
    lines.classify(record, sheet)
    return FileTrace(
        object_key,
        line,
        record,
        versions,
        shown,
        lines.cells,
        lines.replaced,
        lines.unpublished,
        () if record is None else list(other_rows(store, commit, record, sheet)),
        {name: count.rows for name, count in sorted(commit.outcomes.items())},
        sheet=sheet,
    )


def add_reversals(trace: FileTrace, warehouse: Queryable, store: LineStore) -> FileTrace:
    """Return the trace of one line with the published lines that it reverses, and with those that reverse it."""
    if trace.row is None:
        return trace
    commit = store.commit(trace.shown)
    equal = {"source_row": trace.row, **({} if trace.sheet is None else {"source_sheet": trace.sheet})}
    lines = [
        NumberedLine(commit.feed, *(row[name] for name in _NUMBERED))
        for table in store.lines(commit.delivery_id, _NUMBERED, equal)
        for row in table.to_pylist()
    ]
    links = find_links(warehouse, store, lines)
    return replace(
        trace,
        reversed_lines=tuple(dict.fromkeys(line for one in links for line in one.reverses)),
        reversed_by=tuple(dict.fromkeys(line for one in links for line in one.reversed_by)),
    )


def add_text(trace: FileTrace, raw: ObjectStore, store: LineStore, dialects: Mapping[str, Dialect]) -> FileTrace:
    """Return the trace of one line with the text of its record.

    Raises:
        TraceError: the line is after the end of the last record that starts before it.
    """
    if trace.row is None or trace.line is None:
        return trace
    commit = store.commit(trace.shown)
    state, texts = read_file_texts(raw, commit, store, [(trace.sheet, trace.row)], dialects)
    text = texts.get((trace.sheet, trace.row))
    breaks = 0 if trace.sheet is not None else len(re.findall(r"\r\n|\r|\n", text or ""))
    end = trace.row + breaks
    if text is not None and trace.line > end:
        raise TraceError(
            f"no row of {quote_name(trace.file)} is on line {trace.line}",
            fix=f"the last row before it begins on line {trace.row} and ends on line {end}",
        )
    return replace(trace, file_state=state, text=text)


class _DeliveryLines:
    """The lines of one delivery, classified: published in a cell, replaced by a later file, or not published."""

    def __init__(self, store: LineStore, publication: PublishedStar, commit: DeliveryCommit) -> None:
        self._store = store
        self._publication = publication
        self._commit = commit
        self._is_record = False
        self.cells: list[ReachedCell] = []
        self.replaced: list[ReachedCell] = []
        self._unpublished: dict[tuple[str, str], tuple[int, Decimal]] = {}

    def classify(self, record: int | None, sheet: str | None) -> None:
        """Classify all lines, or those of one record or sheet."""
        places = {"source_row": record, "source_sheet": sheet}
        equal = {name: value for name, value in places.items() if value is not None}
        self._is_record = record is not None
        sums: dict[_Cell, tuple[int, Decimal]] = {}
        for table in self._store.lines(self._commit.delivery_id, self._columns(), equal):
            for period in sorted(pc.unique(table["period"]).to_pylist()):
                contributing, others = self._split(period, table.filter(pc.equal(table["period"], period)))
                for scenario in pc.unique(others["scenario"]).to_pylist():
                    lines = others.filter(pc.equal(others["scenario"], scenario))
                    self._add_unpublished(period, scenario, lines.num_rows, pc.sum(lines["amount"]).as_py())
                if contributing.num_rows:
                    published = self._publication.periods[period]
                    lines = self._store.add_superseded_by(contributing, self._commit.delivery_id, published)
                    if not self._is_record:  # in a whole file, a cell has lines of many columns
                        lines = lines.append_column("source_column", pa.nulls(lines.num_rows, pa.string()))
                    _add_sums(sums, lines)
        for cell, (rows, amount) in sums.items():
            self._add_cell(cell, rows, amount)
        self.cells.sort(key=_sort_key)
        self.replaced.sort(key=_sort_key)

    def _columns(self) -> list[str]:
        periods = self._publication.periods.values()
        keys = (name for period in periods for name in self._store.key_columns(self._commit.delivery_id, period))
        return list(dict.fromkeys([*_COLUMNS, *(["source_column"] if self._is_record else []), *keys]))

    def _split(self, period: str, lines: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Return the lines of one period whose scenarios count in the published version, and the others."""
        published = self._publication.periods.get(period)
        contributing = published.scenarios.get(self._commit.delivery_id, ()) if published else ()
        others = [name for name in pc.unique(lines["scenario"]).to_pylist() if name not in contributing]
        return filter_scenarios(lines, contributing), filter_scenarios(lines, others)

    def _add_cell(self, cell: _Cell, rows: int, amount: Decimal) -> None:
        account = self._publication.accounts.get(cell.account_key, Member(cell.account_key, str(cell.account_key)))
        department = self._publication.departments.get(
            cell.department_key, Member(cell.department_key, str(cell.department_key))
        )
        account_type = self._publication.earlier_types.type_in(cell.period, cell.account_key, account.account_type)
        signed = to_star_sign(amount, account_type, is_debit_positive=cell.is_debit_positive)
        later = cell.superseded_by
        replaced_by = "" if later is None else superseding_file(self._store, later)
        place = (cell.period, cell.scenario, department.code, account.code)
        reached = ReachedCell(*place, rows, signed, replaced_by, cell.source_column)
        (self.cells if later is None else self.replaced).append(reached)

    def _add_unpublished(self, period: str, scenario: str, rows: int, amount: Decimal) -> None:
        previous_rows, previous_amount = self._unpublished.get((period, scenario), (0, _ZERO))
        self._unpublished[period, scenario] = (previous_rows + rows, previous_amount + amount)

    @property
    def unpublished(self) -> list[Unpublished]:
        """The lines that are in no cell, by period and scenario."""
        return [
            Unpublished(period, scenario, rows, amount, self._explain(scenario, period))
            for (period, scenario), (rows, amount) in sorted(self._unpublished.items())
        ]

    def _explain(self, scenario: str, period: str) -> str:
        """Return why a scenario's lines are in no cell of a period: another file covers it, or no load had them."""
        live = {delivery.delivery_id: delivery for delivery in self._store.state.live}
        own = live.get(self._commit.delivery_id)
        if own is None:
            return "this version of the file does not count"
        if period not in own.portion:
            return self._explain_late(period)
        if own.event.load_mode == "replace_period" and not own.event.is_scoped:
            later_files = [
                delivery.event.object_key
                for delivery in self._store.state.ledger
                if delivery.event.feed == own.event.feed
                and delivery.position > own.position
                and (fold(scenario), period) in replaced_cells(delivery)
            ]
            if later_files:
                return f"replaced by {later_files[-1]}, which covers {period}"
        return "not published yet; run `finance-platform run`"

    def _explain_late(self, period: str) -> str:
        """Return why lines of a period do not count although others of the delivery do."""
        state, own = self._store.state, self._commit.delivery_id
        for stopped in (*state.inactive, *state.withdrawn, *state.booked):
            if stopped.commit.delivery_id == own and period in stopped.late_periods:
                return "; ".join(filter(None, [stopped.reason, stopped.fix]))
        return "a later version of the file counts in this period"


def _add_sums(sums: dict[_Cell, tuple[int, Decimal]], lines: pa.Table) -> None:
    grouped = lines.group_by(list(_CELL)).aggregate([([], "count_all"), ("amount", "sum")])
    for row in grouped.to_pylist():
        cell = _Cell(*(row[name] for name in _CELL))
        rows, amount = sums.get(cell, (0, _ZERO))
        sums[cell] = (rows + row["count_all"], amount + row["amount_sum"])


def _sort_key(cell: ReachedCell) -> tuple[str, ...]:
    return cell.period, cell.scenario, cell.department, cell.account, cell.replaced_by, cell.column or ""
