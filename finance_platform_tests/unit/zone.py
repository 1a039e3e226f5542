"""A processed zone on disk, built delivery by delivery: ledger lines as Parquet, commits, the register.

Belongs here: the results of reading files, so that tests of deliveries and slices need no Spark.
Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.contracts.processed import MEMBERS, TRANSACTIONS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.commits import (
    Count,
    DataFile,
    DeliveryCommit,
    PeriodCount,
    lines_hash,
    read_commits,
    write_commit,
)
from finance_platform.deliveries.discovery import RawZoneScan, unread_objects
from finance_platform.deliveries.events import DeliveryDiscovered, Event, Verdict, select_discovered
from finance_platform.deliveries.overlaps import Overlaps, compute_overlaps
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.deliveries.verdicts.acceptance import evaluate_deliveries
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.settings import StarSettings
from finance_platform.slices.snapshot import Snapshot, read_snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import commit_of, delivered

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
STAR = StarSettings("Budget", None, 1, holds_closed_periods=False)
ADA = Author("ada", "looked at it", NOON)


@dataclass(frozen=True)
class Line:
    """A ledger line; `scope` if its feed has one, `number` and `reverses` if it has them in its source."""

    key: str | None = None
    period: str = "2025-01"
    scenario: str = "Actual"
    scope: str | None = None
    amount: str = "10.00"
    department: str = "D1"
    account: str = "4000"
    day: int = 15
    number: str | None = None
    reverses: str | None = None


class RecordingStore(LocalStore):
    """A store on disk that records which objects were opened."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[str] = []

    def open(self, key: str) -> BinaryIO:
        """Open a file for reading, and record it."""
        self.opened.append(key)
        return super().open(key)


def lines(*keys: str, **values: Any) -> list[Line]:
    """Return a line for each key."""
    return [Line(key, **values) for key in keys]


def many(count: int, period: str = "2025-01", scenario: str = "Actual") -> list[Line]:
    """Return lines without keys."""
    return [Line(None, period, scenario)] * count


@dataclass
class Zone:
    """The zone; each delivery is a day later than the previous one, unless it has its own `modified_at`.

    Its lines are in one file or, as the reader writes them, in one for each period, which is read as one that others
    share if so wanted.
    """

    path: Path
    days: int = 0
    runs: int = 0
    is_by_period: bool = False
    is_shared: bool = False
    store: RecordingStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = RecordingStore(self.path)

    @property
    def register(self) -> Register:
        """The register."""
        return Register(self.store)

    @property
    def state(self) -> DeliveryState:
        """The current state."""
        return derive_state(self.register.events(), read_commits(self.store))

    @property
    def unread(self) -> Sequence[str]:
        """The deliveries that the status and a close name as not read or not judged, if no raw object has changed."""
        events = select_discovered(self.register.events())
        scan = RawZoneScan(events, 0, present={}, problems=(), unmatched=(), vanished=(), feeds={})
        return [event.delivery_id for event in unread_objects(self.state, scan).values()]

    def snapshot(self) -> Snapshot:
        """Return the zone's snapshot; nothing is stored."""
        return read_snapshot(self.store, STAR)

    def deliver(self, key: str, sent: Iterable[Line], content: str = "v1", **values: Any) -> DeliveryDiscovered:
        """Register a delivery with its commit and lines; `values` that begin with `commit_` go to the commit."""
        self.days += 1
        own = {name.removeprefix("commit_"): values.pop(name) for name in list(values) if name.startswith("commit_")}
        values = {"modified_at": f"2025-05-{self.days:02d}", **values}
        event = delivered(key, content, **values)
        commit = commit_of(event, *counts_of(sent), **own)
        files = {**self._write_lines(event, list(sent), commit.is_debit_positive), **commit.files}
        write_commit(self.store, replace(commit, files=files))
        self.register.append([event])
        return event

    def describe_accounts(self, key: str, file: DataFile, rows: int, content: str, **values: Any) -> DeliveryDiscovered:
        """Register a reference delivery of accounts, whose rows are in `file`."""
        read = Count(rows, unpriced=rows)
        return self.deliver(
            key,
            [],
            content,
            feed="chart",
            kind="accounts",
            commit_files={"accounts": (file,)},
            commit_read=read,
            commit_outcomes={"accepted": read},
            **values,
        )

    def commit(self, commit: DeliveryCommit) -> None:
        """Replace a delivery's commit."""
        write_commit(self.store, commit)

    def evaluate(self, *, holds_closed_periods: bool = False) -> dict[str, Verdict]:
        """Evaluate deliveries as a run does; return the verdicts by object."""
        self.runs += 1
        at, run_id = NOON + timedelta(minutes=self.runs), f"run-{self.runs}"
        verdicts = evaluate_deliveries(self.store, at=at, run_id=run_id, holds_closed_periods=holds_closed_periods)
        return {verdict.object_key: verdict for verdict in verdicts}

    def evaluate_held(self, **values: Any) -> dict[str, tuple[str, ...]]:
        """Evaluate deliveries, and return the reasons of the held ones by object."""
        return {key: verdict.reasons for key, verdict in self.evaluate(**values).items() if verdict.is_held}

    def append(self, *events: Event) -> None:
        """Append events to the register."""
        self.register.append(events)

    @property
    def live(self) -> list[str]:
        """The ids of the live deliveries."""
        return [delivery.delivery_id for delivery in self.state.live]

    def overlaps(self) -> Overlaps:
        """Return the overlaps of the live deliveries; none are stored."""
        return compute_overlaps(self.store, self.state.live)

    def versions(self) -> dict[str, str]:
        """Return the target version of each period's facts."""
        target = self.snapshot().target
        return {item.slice: item.version for item in target if item.table == "fact_financials"}

    def members(self, delivery: str, accounts: Mapping[str, str | None]) -> tuple[DataFile, ...]:
        """Write the account members of a delivery, with their account types."""
        rows = [
            {
                "delivery_id": delivery,
                "dimension": "account",
                "member_key": int(code),
                "code": code,
                "account_type": kind,
            }
            for code, kind in accounts.items()
        ]
        return (self.write(f"members/{delivery}.parquet", arrow_schema(MEMBERS.columns), rows),)

    def write(self, key: str, schema: pa.Schema, rows: Sequence[Mapping[str, Any]], row_groups: int = 1) -> DataFile:
        """Write a Parquet file."""
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
        pq.write_table(table, path, row_group_size=max(1, len(table) // row_groups))
        return DataFile(key, path.stat().st_size)

    def _write_lines(
        self, event: DeliveryDiscovered, sent: Sequence[Line], is_debit_positive: bool
    ) -> dict[str, Sequence[DataFile]]:
        rows: dict[str, list[dict[str, Any]]] = {}
        files: dict[str, list[DataFile]] = {}
        for number, line in enumerate(sent, start=2):
            table = "transactions" if line.scenario == "Actual" else "budget"
            folder = f"{table}/{event.delivery_id}"
            key = f"{folder}/then_by={line.period}/part.parquet" if self.is_by_period else f"{folder}.parquet"
            rows.setdefault(key, []).append(_row(event, line, number) | {"is_debit_positive": is_debit_positive})
        for key, of_file in rows.items():
            file = self.write(key, arrow_schema(TRANSACTIONS.columns), of_file, row_groups=2)
            files.setdefault(key.partition("/")[0], []).append(replace(file, is_shared=self.is_shared))
        return {**files}


def counts_of(sent: Iterable[Line]) -> list[PeriodCount]:
    """Return a commit's counts of lines, by scenario and period."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in sent:
        groups.setdefault((line.scenario, line.period), []).append(line)
    return [
        PeriodCount(
            scenario,
            scenario.split(" ")[0].capitalize(),
            period,
            len(of_period),
            sum((Decimal(line.amount) for line in of_period), Decimal("0.00")),
            sum((abs(Decimal(line.amount)) for line in of_period), Decimal("0.00")),
            lines_hash(crc32(repr(sorted(map(_hashed, of_period))).encode())),
            reversals=sum(line.reverses is not None for line in of_period),
        )
        for (scenario, period), of_period in groups.items()
    ]


def _hashed(line: Line) -> str:
    """Return what the star derives from; the hashes of commits leave out scopes and what a line is called."""
    return repr(replace(line, scope=None, number=None, reverses=None))


def _row(event: DeliveryDiscovered, line: Line, number: int) -> dict[str, Any]:
    day = date.fromisoformat(f"{line.period}-{line.day:02d}")
    return {
        "delivery_id": event.delivery_id,
        "feed": event.feed,
        "source_file": event.object_key,
        "source_row": number,
        "transaction_id": line.number,
        "reverses_transaction_id": line.reverses,
        "scenario": line.scenario,
        "scenario_type": line.scenario.split(" ")[0].capitalize(),
        "period": line.period,
        "line_key": line.key,
        "scope_key": line.scope,
        "amount": Decimal(line.amount),
        "document_date": day,
        "posting_date": day,
        "department_code": line.department,
        "department_key": surrogate_key(line.department),
        "account_number": line.account,
        "account_key": surrogate_key(line.account),
    }
