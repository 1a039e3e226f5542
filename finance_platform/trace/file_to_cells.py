"""Reached: the trace's way back, from a file or one line of it to the cells of what is published.

Belongs here: which cells a file's lines are in, which of them a later file replaced, what is not published and why, and
what was rejected. Every accepted line is in exactly one of the first three.
Does not belong here: the way from a cell to its lines (see `trace`), looks (see `tracing`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.state import covered_periods
from finance_platform.errors import TraceError
from finance_platform.feeds.codes import fold
from finance_platform.feeds.resolved import Dialect
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.cell_to_lines import star_amount, texts_of
from finance_platform.trace.cells import Member, Publication
from finance_platform.trace.published_lines import HIDDEN_BY, LineStore, of_scenarios
from finance_platform.trace.raw_lines import RawState
from finance_platform.trace.records import OtherRow, other_rows, record_of
from finance_platform.trace.versions import Version, version_to_show, versions_of

_COLUMNS = (
    "period",
    "scenario",
    "department_key",
    "account_key",
    "amount",
    "is_debit_positive",
)
_CELL = ("scenario", "department_key", "account_key", "is_debit_positive", HIDDEN_BY)
_NOTHING = Decimal("0.00")
_RUN = "run `finance-platform run`"


@dataclass(frozen=True)
class ReachedCell:
    """Lines of one file that are in one cell of what is published, or would be if no later file had replaced them.

    Attributes:
        period: YYYY-MM.
        scenario: as delivered.
        department: code.
        account: number.
        lines: how many of the file's lines.
        amount: their sum, sign of the star.
        replaced_by: the file that replaced them; empty for lines that count.
    """

    period: str
    scenario: str
    department: str
    account: str
    lines: int
    amount: Decimal
    replaced_by: str = ""


@dataclass(frozen=True)
class Unpublished:
    """Accepted lines of one scenario and period that are in no cell, and why: another file's, or not loaded."""

    period: str
    scenario: str
    lines: int
    amount: Decimal
    why: str


@dataclass(frozen=True)
class Reached:
    """What a file, or one line of it, came to.

    Attributes:
        file: object key.
        line: the line that was asked for, None for the whole file.
        record: the line on which the record begins that the line is part of.
        versions: the file's deliveries, the newest last.
        shown: id of the delivery that the rest speaks of.
        cells: what it reached, by period.
        replaced: what later files replaced.
        unpublished: accepted lines that are in no cell.
        others: the rejected, repeated and skipped rows: of a line the rows, of a file none.
        outcomes: candidate lines by outcome, of the whole file.
        file_state: what became of the file since it was read; None where nobody asked.
        text: the record as an editor shows it, where the file is still the same.
    """

    file: str
    line: int | None
    record: int | None
    versions: Sequence[Version]
    shown: str
    cells: Sequence[ReachedCell] = ()
    replaced: Sequence[ReachedCell] = ()
    unpublished: Sequence[Unpublished] = ()
    others: Sequence[OtherRow] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict)
    file_state: RawState | None = None
    text: str | None = None


def trace_file(store: LineStore, publication: Publication, object_key: str, line: int | None = None) -> Reached:
    """Return which cells a file, or one line of it, reached in what is published.

    Args:
        store: the lines.
        publication: what is published.
        object_key: the file.
        line: the line that an editor shows, counted from 1.

    Raises:
        TraceError: no such file was ever delivered, or the line is before its first row.
    """
    counted = {delivery_id for period in publication.periods.values() for delivery_id in period.counted}
    versions = versions_of(store, counted, object_key)
    shown = version_to_show(versions)
    commit = store.commits.get(shown)
    if commit is None:
        return Reached(object_key, line, None, versions, "")
    record = None if line is None else record_of(store, commit, line)
    way = _Way(store, publication, commit)
    way.follow(record)
    return Reached(
        object_key,
        line,
        record,
        versions,
        shown,
        way.cells,
        way.replaced,
        way.unpublished,
        () if record is None else list(other_rows(store, commit, record)),
        {name: count.rows for name, count in sorted(commit.outcomes.items())},
    )


def with_text(reached: Reached, raw: ObjectStore, store: LineStore, dialects: Mapping[str, Dialect]) -> Reached:
    """Return what one line came to with the text of its record.

    Raises:
        TraceError: the line is behind the end of the last record before it.
    """
    if reached.record is None or reached.line is None:
        return reached
    commit = store.commit(reached.shown)
    state, texts = texts_of(raw, commit, store, [reached.record], dialects)
    text = texts.get(reached.record)
    end = reached.record + len(re.findall(r"\r\n|\r|\n", text or ""))
    if text is not None and reached.line > end:
        raise TraceError(
            f"no row of {reached.file} is on line {reached.line}",
            fix=f"the last row before it begins on line {reached.record} and ends on line {end}",
        )
    return replace(reached, file_state=state, text=text)


class _Way:
    """The way of one delivery's lines into what is published."""

    def __init__(self, store: LineStore, publication: Publication, commit: DeliveryCommit) -> None:
        self._store = store
        self._publication = publication
        self._commit = commit
        self.cells: list[ReachedCell] = []
        self.replaced: list[ReachedCell] = []
        self._left: dict[tuple[str, str], tuple[int, Decimal]] = {}

    def follow(self, record: int | None) -> None:
        """Sort all lines, or those of one record, into what counts, what is replaced, and what is not published."""
        equal = {} if record is None else {"source_row": record}
        sums: dict[tuple[Any, ...], tuple[int, Decimal]] = {}
        for table in self._store.lines(self._commit.delivery_id, self._columns(), equal):
            for name in sorted(pc.unique(table["period"]).to_pylist()):
                counted, left = self._split(name, table.filter(pc.equal(table["period"], name)))
                for scenario in pc.unique(left["scenario"]).to_pylist():
                    lines = left.filter(pc.equal(left["scenario"], scenario))
                    self._leave_out(name, scenario, lines.num_rows, pc.sum(lines["amount"]).as_py())
                if counted.num_rows:
                    period = self._publication.periods[name]
                    _add(sums, name, self._store.with_hiders(counted, self._commit.delivery_id, period))
        for (name, scenario, department, account, is_debit_positive, hider), (rows, amount) in sums.items():
            self._enter(name, scenario, department, account, hider, rows, amount, is_debit_positive=is_debit_positive)
        self.cells.sort(key=_place)
        self.replaced.sort(key=_place)

    def _columns(self) -> list[str]:
        periods = self._publication.periods.values()
        hiding = (name for one in periods for name in self._store.hiding_columns(self._commit.delivery_id, one))
        return list(dict.fromkeys([*_COLUMNS, *hiding]))

    def _split(self, period: str, lines: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Return the lines of one period whose scenarios count in what is published, and the others."""
        published = self._publication.periods.get(period)
        counted = published.counted.get(self._commit.delivery_id, ()) if published else ()
        others = [name for name in pc.unique(lines["scenario"]).to_pylist() if name not in counted]
        return of_scenarios(lines, counted), of_scenarios(lines, others)

    def _enter(
        self,
        period: str,
        scenario: str,
        department_key: int,
        account_key: int,
        hider: str | None,
        rows: int,
        amount: Decimal,
        *,
        is_debit_positive: bool,
    ) -> None:
        account = self._publication.accounts.get(account_key, Member(account_key, str(account_key)))
        department = self._publication.departments.get(department_key, Member(department_key, str(department_key)))
        signed = star_amount(amount, account.account_type, is_debit_positive=is_debit_positive)
        found = ReachedCell(period, scenario, department.code, account.code, rows, signed, self._file(hider))
        (self.cells if hider is None else self.replaced).append(found)

    def _file(self, hider: str | None) -> str:
        if hider is None:
            return ""
        return self._store.commit(hider).object_key if hider else "a later file"

    def _leave_out(self, period: str, scenario: str, rows: int, amount: Decimal) -> None:
        before = self._left.get((period, scenario), (0, _NOTHING))
        self._left[period, scenario] = (before[0] + rows, before[1] + amount)

    @property
    def unpublished(self) -> list[Unpublished]:
        """The lines that are in no cell, by period and scenario."""
        return [
            Unpublished(period, scenario, rows, amount, self._why(scenario, period))
            for (period, scenario), (rows, amount) in sorted(self._left.items())
        ]

    def _why(self, scenario: str, period: str) -> str:
        """Say why a scenario's lines are in no cell of a period: another file has the period, or no load had them."""
        by_id = {delivery.delivery_id: delivery for delivery in self._store.state.live}
        own = by_id.get(self._commit.delivery_id)
        if own is None:
            return "this version of the file does not count"
        if own.event.load_mode == "replace_period" and not own.event.is_scoped:
            cell = (fold(scenario), period)
            winners = [
                delivery.event.object_key
                for delivery in self._store.state.ledger
                if delivery.event.feed == own.event.feed
                and delivery.position > own.position
                and cell in covered_periods(delivery)
            ]
            if winners:
                return f"replaced by {winners[-1]}, which covers {period}"
        return f"not published yet; {_RUN}"


def _add(sums: dict[tuple[Any, ...], tuple[int, Decimal]], period: str, lines: pa.Table) -> None:
    grouped = lines.group_by(list(_CELL)).aggregate([([], "count_all"), ("amount", "sum")])
    for row in grouped.to_pylist():
        cell = (period, *(row[name] for name in _CELL))
        rows, amount = sums.get(cell, (0, _NOTHING))
        sums[cell] = (rows + row["count_all"], amount + row["amount_sum"])


def _place(cell: ReachedCell) -> tuple[str, ...]:
    return cell.period, cell.scenario, cell.department, cell.account, cell.replaced_by
