"""What a file would change of what counts now, for `feed check`: sums by scenario and period, and why it would be held.

Belongs here: the file as a delivery beside the live ones, without Spark and without writing into the home. Does not
belong here: reading the file (see `feed_check`), the rules (see `deliveries.verdicts.hold_reasons`), figures of the
star.

The lines lie in a temporary file, as the one Parquet file of a delivery, so that the rules of a run read them as any
other's; as tables, those of a file of 500 MB take several GiB.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE, arrow_schema
from finance_platform.count_text import list_periods
from finance_platform.deliveries.commits import Count, DataFile, DeliveryCommit, PeriodCount, delivery_id, read_commits
from finance_platform.deliveries.current_state import state_of
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, Superseded, cell_of
from finance_platform.deliveries.overlaps import compute_candidate_overlaps
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.deliveries.verdicts.fixes import fix_of_hold, name_file
from finance_platform.deliveries.verdicts.hold_reasons import HoldReasons
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.deliveries.verdicts.moved_amounts import MovedCell, by_scenario, find_moved_cells
from finance_platform.deliveries.verdicts.reason_texts import words_of_signs
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.file_names import order_from_name
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.feeds.values.codes import fold
from finance_platform.money_text import net_and_gross
from finance_platform.settings import Settings
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.store_wrapper import StoreWrapper
from finance_platform.storage.temporary_folders import temporary_folder

LINE_COLUMNS = (
    *("source_sheet", "source_row", "source_column", "scenario", "scenario_type", "period", "line_key", "scope_key"),
    *("department_key", "department_code", "account_key", "amount", "posting_date", "document_date"),
    *("transaction_id", "description", "reverses_transaction_id"),
)
"""The columns of the accepted lines that the comparison needs."""

_SCHEMA = pa.schema([(name, arrow_schema(TRANSACTIONS.columns).field(name).type) for name in LINE_COLUMNS])

_ZERO = Decimal("0.00")
_ID = "checked-file"
_KEY = f"{_ID}.parquet"
_NOW = "9999-12-31T00:00:00.000000+00:00"
"""Of the discovery: after every event of the register."""

_ONCE_HELD = "; commands about the file work once a run holds it"
_DECIDE = (
    "correct the file, or put it into raw/: a run holds what concerns closed periods until a person decides, and "
    "`finance-platform accept {key} --dry-run` shows what that would change"
)
_SMALLER = "; compare the file with its source if it was not to become smaller"


@dataclass(frozen=True)
class ChangedSum:
    """The live lines of a feed in one scenario and period, without the file and with it.

    Attributes:
        scenario: its name.
        period: YYYY-MM.
        before: the lines without the file.
        after: the lines with it.
        moved: the sum of the absolute differences by department and account, if there are lines on both sides.
        is_closed: whether the period is closed.
    """

    scenario: str
    period: str
    before: Count
    after: Count
    moved: Decimal
    is_closed: bool


@dataclass(frozen=True)
class LiveComparison:
    """What a file would change.

    Attributes:
        replaces: whether an earlier version of the same file counts now.
        is_live: whether this very content counts already, by the same rules.
        changed: the sums that would change, in rows or in the amount of a department and account.
        equal: how many scenarios and periods of the file would keep rows and amounts.
        holds: the reasons for which a run would hold it, each with its fix.
        warnings: what a run would only warn of.
    """

    replaces: bool = False
    is_live: bool = False
    changed: Sequence[ChangedSum] = ()
    equal: int = 0
    holds: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


class CheckedLines:
    """The accepted ledger lines of a file, collected while it is read."""

    def __init__(self) -> None:
        """Begin without lines."""
        self._resources = ExitStack()
        self._folder = self._resources.enter_context(temporary_folder())
        self._path = str(self._folder / "lines.parquet")
        self._writer = pq.ParquetWriter(self._path, _SCHEMA)
        self._gone: set[tuple[str, int, str]] = set()

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the accepted lines of a batch of the reader."""
        lines = batch.select([*LINE_COLUMNS]).filter(pc.equal(batch["outcome"], "accepted"))
        if len(lines):
            columns = [lines[item.name].cast(item.type) for item in _SCHEMA]
            self._writer.write_table(pa.table(columns, schema=_SCHEMA))

    def remove(self, rows: pa.Table) -> None:
        """Leave lines out that another row of the file rejects or repeats."""
        self._gone.update(_places(rows))

    @contextmanager
    def stored(self) -> Iterator[str]:
        """Yield the path of a file with the lines, as that of a delivery; no line is added any more."""
        self._writer.close()
        if not self._gone:
            yield self._path
            return
        path = str(self._folder / "lines_left.parquet")
        gone = pa.array(np.unique([row for _, row, _ in self._gone]), pa.int64())
        with pq.ParquetWriter(path, _SCHEMA) as writer:
            for table in _row_groups(self._path, _SCHEMA.names):
                writer.write_table(self._kept(table, gone))
        yield path

    def close(self) -> None:
        """Remove the lines."""
        self._writer.close()
        self._resources.close()

    def _kept(self, lines: pa.Table, rows: pa.Array) -> pa.Table:
        """Return the lines that are not left out; only those of the same rows are looked at one by one."""
        suspected = pc.indices_nonzero(pc.is_in(lines["source_row"].cast(pa.int64()), value_set=rows))
        places = _places(lines.take(suspected))
        is_kept = np.ones(len(lines), dtype=np.bool_)
        is_kept[suspected.to_numpy()] = [place not in self._gone for place in places]
        return lines.filter(pa.array(is_kept))


def _row_groups(path: str, names: Sequence[str]) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=list(names))


def _places(rows: pa.Table) -> Iterator[tuple[str, int, str]]:
    sheets, columns = (pc.fill_null(rows[name], "").to_pylist() for name in ("source_sheet", "source_column"))
    return zip(sheets, rows["source_row"].to_pylist(), columns, strict=True)


class _WithLines(StoreWrapper):
    """The processed zone, in which one more file can be opened."""

    def __init__(self, processed: ObjectStore, path: str) -> None:
        super().__init__(processed)
        self._path = path

    def open(self, key: str) -> BinaryIO:
        return Path(self._path).open("rb") if key == _KEY else super().open(key)


def compare_with_live(
    processed: ObjectStore,
    descriptor: FeedDescriptor,
    feed: ResolvedFeed,
    settings: Settings,
    read: tuple[DeliveryDiscovered, DeliveryCommit],
    lines: CheckedLines,
) -> LiveComparison:
    """Return what a file of ledger lines would change of what counts now.

    Args:
        processed: the processed zone of the home.
        descriptor: the feed.
        feed: the same with the home's settings.
        settings: the home.
        read: the file as a discovery and a commit, without identity.
        lines: its accepted lines, which are read once.

    Raises:
        DamagedObjectError: the rows of a live delivery are damaged.
    """
    events = Register(processed).events()
    commits = read_commits(processed)
    event, commit = read
    now = state_of(processed, events, commits)
    rules = feed.rules
    own = delivery_id(event.object_key, event.fingerprint, event.feed, rules.identity, rules.reader)
    if any(one.delivery_id == own for one in now.live):
        return LiveComparison(replaces=True, is_live=True)
    event = replace(event, delivery_id=_ID, at=_NOW, run_id=_ID, order=_order(descriptor, event.object_key))
    with lines.stored() as path:
        commit = replace(
            commit,
            delivery_id=_ID,
            is_debit_positive=feed.rules.is_debit_positive,
            periods=_periods(path),
            files={"transactions": (DataFile(_KEY, Path(path).stat().st_size),)},
        )
        candidate = next(
            one
            for one in derive_state([*events, event], {**commits, _ID: commit}).awaiting_verdict
            if one.commit is commit
        )
        return _compare(_WithLines(processed, path), now, candidate, settings)


def _compare(home: ObjectStore, now: DeliveryState, candidate: LiveDelivery, settings: Settings) -> LiveComparison:
    overlaps = compute_candidate_overlaps(home, now.live, candidate)
    live, reader = LiveDeliveries(now.live, overlaps), LiveLines(home, overlaps)
    cells = live.affected_cells(candidate)
    before, after = live.live_sets(candidate, cells)
    # A run holds changes of closed periods by the lines' content, which only the job computes; here amounts decide.
    hold_reasons = HoldReasons(home, live, overlaps, ())
    reasons, warnings = hold_reasons.find(candidate)
    warnings += tuple(f"{text}{_SMALLER}" for _, text in hold_reasons.smaller_periods(candidate))
    holds = {
        text: name_file(fix_of_hold(candidate, {kind}, live, hold_reasons), candidate.event.object_key) + _ONCE_HELD
        for kind, text in reasons
    }
    names = {fold(count.scenario): count.scenario for one in now.live for count in one.commit.periods}
    names |= {fold(count.scenario): count.scenario for count in candidate.commit.periods}
    now_sums, then_sums = (_sums(reader, live_set, cells) for live_set in (before, after))
    closed = {cell for cell in cells if cell[1] in now.closed}
    moved = find_moved_cells(reader, before, after, closed | (now_sums.keys() & then_sums.keys()))
    if settings.holds_closed_periods:
        signs = words_of_signs(is_debit_positive=candidate.commit.is_debit_positive)
        decide = name_file(_DECIDE, candidate.event.object_key)
        restated = [one for one in moved if (fold(one.scenario), one.period) in closed]
        holds |= {f"{text}{signs}": decide for text in _restatements(restated)}
    gross = _gross_by_cell(moved)
    changed = [
        ChangedSum(
            names[cell[0]],
            cell[1],
            before=now_sums.get(cell, Count()),
            after=then_sums.get(cell, Count()),
            moved=gross.get(cell, _ZERO),
            is_closed=cell[1] in now.closed,
        )
        for cell in sorted(cells)
        if cell in gross or _rows_and_amount(now_sums, cell) != _rows_and_amount(then_sums, cell)
    ]
    return LiveComparison(
        replaces=bool(live.earlier(candidate)),
        changed=changed,
        equal=sum(1 for cell in cells if cell in then_sums) - sum(1 for one in changed if one.after.rows),
        holds=holds,
        warnings=warnings,
    )


def _rows_and_amount(sums: Mapping[Cell, Count], cell: Cell) -> tuple[int, Decimal]:
    """Return what is compared, since it is what is shown."""
    count = sums.get(cell, Count())
    return count.rows, count.amount


def _gross_by_cell(moved: Iterable[MovedCell]) -> dict[Cell, Decimal]:
    gross: dict[Cell, Decimal] = {}
    for one in moved:
        cell = fold(one.scenario), one.period
        gross[cell] = gross.get(cell, _ZERO) + abs(one.amount)
    return gross


def _restatements(moved: Sequence[MovedCell]) -> Iterable[str]:
    if moved:
        periods = sorted({one.period for one in moved})
        verb = "is closed" if len(periods) == 1 else "are closed"
        amounts = ", ".join(f"{one.scenario} {net_and_gross(one.amount, one.gross)}" for one in by_scenario(moved))
        yield f"would restate {list_periods(periods)}, which {verb}: {amounts}"


def _order(descriptor: FeedDescriptor, object_key: str) -> str:
    pattern = descriptor.order.from_name if descriptor.order else None
    return "" if pattern is None else order_from_name(pattern, object_key)


def _periods(path: str) -> list[PeriodCount]:
    counts: dict[tuple[str, str, str], Count] = {}
    for lines in _row_groups(path, ["scenario", "scenario_type", "period", "amount"]):
        wide = lines.set_column(3, "amount", lines["amount"].cast(SUM_OF_MONEY_TYPE))
        wide = wide.append_column("absolute", pc.abs(wide["amount"]))
        sums = wide.group_by(["scenario", "scenario_type", "period"]).aggregate(
            [([], "count_all"), ("amount", "sum"), ("absolute", "sum")]
        )
        for row in sums.to_pylist():
            place = row["scenario"], row["scenario_type"], row["period"]
            count = Count(row["count_all"], row["amount_sum"], row["absolute_sum"])
            counts[place] = counts[place] + count if place in counts else count
    return [
        PeriodCount(*place, rows=count.rows, amount=count.amount, absolute=count.absolute)
        for place, count in counts.items()
    ]


def _sums(reader: LiveLines, live: LiveSet, cells: Collection[Cell]) -> dict[Cell, Count]:
    """Return rows and amount of the live lines by cell; only deliveries of which lines are superseded are read."""
    counts: dict[Cell, Count] = {}
    for delivery in live.of_feed.values():
        superseded = reader.superseded(delivery, live, cells)
        for cell, count in _counts(reader, delivery, superseded, cells):
            counts[cell] = counts.get(cell, Count()) + count
    return {cell: count for cell, count in counts.items() if count.rows}


def _counts(
    reader: LiveLines, delivery: LiveDelivery, superseded: Superseded, cells: Collection[Cell]
) -> Iterable[tuple[Cell, Count]]:
    if superseded == Superseded():
        for count in delivery.commit.periods:
            cell = fold(count.scenario), count.period
            if cell in cells:
                yield cell, Count(count.rows, count.amount, count.absolute)
        return
    table = reader.read(delivery, superseded, cells, ["amount"])
    wide = table.set_column(table.column_names.index("amount"), "amount", table["amount"].cast(SUM_OF_MONEY_TYPE))
    wide = wide.append_column("absolute", pc.abs(wide["amount"]))
    rows = wide.group_by(["cell"]).aggregate([([], "count_all"), ("amount", "sum"), ("absolute", "sum")])
    for row in rows.to_pylist():
        yield cell_of(row["cell"]), Count(row["count_all"], row["amount_sum"] or _ZERO, row["absolute_sum"] or _ZERO)
