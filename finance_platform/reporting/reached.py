"""Reached: the trace's way back, from a file or one line of it to the cells of what is published.

Belongs here: which cells a file's lines are in, which of them a later file replaced, what is not published and why, and
what was rejected. Every accepted line is in exactly one of the first three.
Does not belong here: the way from a cell to its lines (see `trace`), looks (see `tracing`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.errors import TraceError
from finance_platform.feeds.codes import fold
from finance_platform.feeds.resolved import Dialect
from finance_platform.lake.deliveries import DeliveryCommit
from finance_platform.lake.plan import covered
from finance_platform.lake.port import Lake
from finance_platform.reporting.cells import Member, Publication
from finance_platform.reporting.published_lines import HIDDEN_BY, LineStore, of_scenarios
from finance_platform.reporting.raw_lines import RawState
from finance_platform.reporting.records import OtherRow, other_rows, record_of
from finance_platform.reporting.trace import star_amount, texts_of
from finance_platform.reporting.versions import Version, version_to_show, versions_of

_COLUMNS = (
    "source_row",
    "period",
    "scenario",
    "department_code",
    "department_key",
    "account_number",
    "account_key",
    "amount",
    "is_debit_positive",
    "line_key",
    "scope_key",
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
    if record is None:
        for period in sorted({count.period for count in commit.periods}):
            way.follow_period(period)
    else:
        way.follow_record(record)
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


def with_text(reached: Reached, raw: Lake, store: LineStore, dialects: Mapping[str, Dialect]) -> Reached:
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
        self.unpublished: list[Unpublished] = []

    def follow_period(self, name: str) -> None:
        """Sort all lines of one period into what counts, what is replaced, and what is not published."""
        counted = self._counted(name)
        for count in self._commit.periods:
            if count.period == name and count.scenario not in counted:
                self._leave_out(name, count.scenario, count.rows, count.amount)
        if counted:
            lines = self._store.lines(self._commit.delivery_id, _COLUMNS, {"period": name})
            self._sum_up(name, (of_scenarios(table, counted) for table in lines))

    def follow_record(self, record: int) -> None:
        """Sort the lines of one record of the file, usually one."""
        for table in self._store.lines(self._commit.delivery_id, _COLUMNS, {"source_row": record}):
            for name in sorted(set(table["period"].to_pylist())):
                lines = table.filter(pc.equal(table["period"], name))
                counted = self._counted(name)
                for row in lines.select(["scenario", "amount"]).to_pylist():
                    if row["scenario"] not in counted:
                        self._leave_out(name, row["scenario"], 1, row["amount"])
                self._sum_up(name, [of_scenarios(lines, counted)])

    def _counted(self, name: str) -> tuple[str, ...]:
        """Return the scenarios of which this delivery's lines count in what is published of a period."""
        period = self._publication.periods.get(name)
        return period.counted.get(self._commit.delivery_id, ()) if period else ()

    def _sum_up(self, name: str, tables: Iterable[pa.Table]) -> None:
        """Enter the cells of lines that count in a period, and of those of them that are hidden there."""
        sums: dict[tuple[Any, ...], tuple[int, Decimal]] = {}
        for table in tables:
            if table.num_rows:
                hidden = self._store.with_hiders(table, self._commit.delivery_id, self._publication.periods[name])
                _add(sums, hidden)
        for (scenario, department, account, is_debit_positive, hider), (rows, amount) in sums.items():
            self._enter(name, scenario, department, account, hider, rows, amount, is_debit_positive=is_debit_positive)
        self.cells.sort(key=_place)
        self.replaced.sort(key=_place)

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
        self.unpublished.append(Unpublished(period, scenario, rows, amount, self._why(scenario, period)))

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
                and cell in covered(delivery)
            ]
            if winners:
                return f"replaced by {winners[-1]}, which covers {period}"
        return f"not published yet; {_RUN}"


def _add(sums: dict[tuple[Any, ...], tuple[int, Decimal]], lines: pa.Table) -> None:
    grouped = lines.group_by(list(_CELL)).aggregate([([], "count_all"), ("amount", "sum")])
    for row in grouped.to_pylist():
        cell = tuple(row[name] for name in _CELL)
        rows, amount = sums.get(cell, (0, _NOTHING))
        sums[cell] = (rows + row["count_all"], amount + row["amount_sum"])


def _place(cell: ReachedCell) -> tuple[str, ...]:
    return cell.period, cell.scenario, cell.department, cell.account, cell.replaced_by
