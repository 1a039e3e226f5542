"""Reached: the trace's way back, from a file or one line of it to the cells of what is published.

Belongs here: which cells a file's lines are in, which of them a later file replaced, what is not published and why, and
what was rejected. Every accepted line is in exactly one of the first three.
Does not belong here: the way from a cell to its lines (see `trace`), looks (see `tracing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.errors import TraceError
from finance_platform.feeds.codes import fold, nearest
from finance_platform.lake.deliveries import DataFile, DeliveryCommit
from finance_platform.lake.plan import covered
from finance_platform.reporting.cells import Member, accounts, departments
from finance_platform.reporting.published_lines import (
    FACT,
    HIDDEN_BY,
    LINE_TABLES,
    LineStore,
    PublishedPeriod,
    of_scenarios,
    read_period,
    read_rows,
)
from finance_platform.reporting.trace import star_amount
from finance_platform.warehouse.ledger import published
from finance_platform.warehouse.port import Queryable

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
_REJECTED = ("source_row", "outcome", "rules", "reasons", "amount", "raw_row")
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
class OtherRow:
    """A candidate line that became no ledger line."""

    row: int
    outcome: str
    rules: str
    reasons: str
    amount: Decimal | None
    raw_row: str


@dataclass(frozen=True)
class Version:
    """One delivery of the file.

    Attributes:
        delivery_id: the delivery; empty for one that is not read yet.
        state: live, held, refused, withdrawn, superseded, pending, or unjudged.
        reason: why it does not count.
        fix: what to do about it.
        is_published: whether lines of it are in what is published.
    """

    delivery_id: str
    state: str
    reason: str = ""
    fix: str = ""
    is_published: bool = False


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


@dataclass(frozen=True)
class Publication:
    """What the warehouse holds, as far as lines go.

    Attributes:
        periods: what each published period was made from.
        accounts: the published accounts by key, for signs and spelling.
        departments: the published departments by key.
    """

    periods: Mapping[str, PublishedPeriod]
    accounts: Mapping[int, Member]
    departments: Mapping[int, Member]


def read_publication(warehouse: Queryable, store: LineStore, object_key: str) -> Publication:
    """Return what is published of the periods that any delivery of a file has lines in.

    Raises:
        MissingRecordError: the lake no longer knows what was published.
    """
    reached = {
        count.period for commit in store.commits.values() if commit.object_key == object_key for count in commit.periods
    }
    slices = published(warehouse)
    if not slices:
        return Publication({}, {}, {})
    periods = {
        name: read_period(store.processed, name, found.version)
        for (table, name), found in slices.items()
        if table == FACT and name in reached
    }
    return Publication(periods, accounts(warehouse), departments(warehouse))


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
    versions = _versions(store, publication, object_key)
    shown = _shown(versions)
    commit = store.commits.get(shown)
    if commit is None:
        return Reached(object_key, line, None, versions, "")
    record = None if line is None else _record(store, commit, line)
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
        () if record is None else list(_other_rows(store, commit, record)),
        {name: count.rows for name, count in sorted(commit.outcomes.items())},
    )


def _versions(store: LineStore, publication: Publication, object_key: str) -> list[Version]:
    ids = list(dict.fromkeys(event.delivery_id for event in reversed(store.events) if event.object_key == object_key))
    if not ids:
        known = sorted({event.object_key for event in store.events})
        near = nearest(object_key, known)
        hint = (
            f"did you mean {near!r}?" if near else "name it as the raw zone does; `finance-platform status` lists all"
        )
        raise TraceError(f"no file {object_key!r} was ever delivered", fix=hint)
    counted = {delivery_id for period in publication.periods.values() for delivery_id in period.counted}
    state = store.state
    said = {d.delivery_id: ("live", "", "") for d in state.live}
    said |= {d.delivery_id: ("unjudged", "not judged yet", _RUN) for d in state.unjudged if d.delivery_id not in said}
    said |= {s.commit.delivery_id: ("refused" if s.is_refused else "held", s.reason, s.fix) for s in state.stopped}
    said |= {s.commit.delivery_id: ("withdrawn", s.reason, s.fix) for s in state.withdrawn}
    said |= {event.delivery_id: ("pending", "not read yet", _RUN) for event in state.pending}
    gone = ("superseded", "a later version of the file took its place", "")
    return [Version(one, *said.get(one, gone), is_published=one in counted) for one in reversed(ids)]


def _shown(versions: Sequence[Version]) -> str:
    """Return the version to speak of: what is published of the file, else what counts, else the newest."""
    for is_it in (
        lambda version: version.is_published,
        lambda version: version.state == "live",
        lambda version: version.state not in {"pending", "superseded"},
    ):
        found = [version.delivery_id for version in versions if is_it(version)]
        if found:
            return found[-1]
    return versions[-1].delivery_id


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


def _record(store: LineStore, commit: DeliveryCommit, line: int) -> int:
    """Return the line on which the record begins that a line is part of: the last one that begins on it or before.

    Raises:
        TraceError: no row begins there or before.
    """
    starts = [
        pc.max(table["source_row"].filter(pc.less_equal(table["source_row"], line))).as_py()
        for files in _row_files(commit)
        for table in read_rows(store.processed, files, ["source_row"], {}, {"source_row": (0, line)})
    ]
    found = max((start for start in starts if start is not None), default=None)
    if found is None:
        raise TraceError(
            f"no row of {commit.object_key} begins on line {line} or before",
            fix="lines are counted from 1 as an editor does; the header is no row",
        )
    return int(found)


def _row_files(commit: DeliveryCommit) -> Iterator[Sequence[DataFile]]:
    for table in (*LINE_TABLES, "departments", "accounts", "rejected_rows"):
        yield commit.files.get(table, ())


def _other_rows(store: LineStore, commit: DeliveryCommit, record: int) -> Iterator[OtherRow]:
    files = commit.files.get("rejected_rows", ())
    for table in read_rows(store.processed, files, _REJECTED, {"source_row": record}):
        for row in table.to_pylist():
            yield OtherRow(*(row[name] for name in _REJECTED))
