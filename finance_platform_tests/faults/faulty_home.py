"""A home whose storage fails on purpose, and everything that a refresh leaves in it.

Belongs here: the use cases on faulty ports, the story, the state to compare. Does not belong here: expectations, S3
(see `faulty_s3_home`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import LOAD_LEDGER, MOVEMENTS, SCHEMA_VERSION, STAR, WAREHOUSE
from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.register import Register
from finance_platform.refresh.close import close_period, examine_period
from finance_platform.refresh.steps.register import register
from finance_platform.refresh.steps.report import REPORT_FILE
from finance_platform.refresh.verification.verify import Verifier
from finance_platform.reports.reconciliation import reconcile
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import published_slices
from finance_platform_tests.faults.faulty_store import FaultyStore
from finance_platform_tests.faults.faulty_warehouse import faulty_warehouse
from finance_platform_tests.faults.plan import FaultPlan
from finance_platform_tests.model_based.home import FIRST_MOMENT, LawHome
from finance_platform_tests.model_based.sent import Feed, SentAccount, SentRow, as_bytes

LEDGER = Feed("ledger", mode="upsert", key=("transaction_id",), has_types=True)
PLAN = Feed("plan", mode="replace_period", scenario="Budget")
CHART = Feed("chart", kind="accounts")
FIRST = {
    "ledger/a.csv": (
        SentRow("1", "2024-01-05", "D1", "4000", "Actual", "100.00", "Revenue"),
        SentRow("2", "2024-02-05", "D1", "4000", "Actual", "200.00", "Revenue"),
    ),
    "ledger/b.csv": (SentRow("3", "2024-03-05", "D2", "6000", "Actual", "-30.00"),),
    "ledger/e.csv": (SentRow("6", "2024-05-05", "D1", "4000", "Actual", "60.00", "Revenue"),),
    "plan/p.csv": (SentRow("", "2024-01-01", "D1", "4000", "", "90.00"),),
}
THEN = {
    # One key moves from February to April, one is corrected, one is new; the plan is another one.
    "ledger/c.csv": (
        SentRow("2", "2024-04-09", "D1", "4000", "Actual", "250.00", "Revenue"),
        SentRow("3", "2024-03-05", "D2", "6000", "Actual", "-31.00"),
        SentRow("4", "2024-03-06", "D3", "6000", "Actual", "7.77"),
    ),
    # A late line of January, which is closed. Files come in the order of their names, as those of one second on S3 do.
    "ledger/d.csv": (SentRow("5", "2024-01-20", "D1", "4000", "Actual", "5.00", "Revenue"),),
    # The same line and one more: the slice of May takes over the files that it has.
    "ledger/e.csv": (
        SentRow("6", "2024-05-05", "D1", "4000", "Actual", "60.00", "Revenue"),
        SentRow("7", "2024-06-05", "D1", "4000", "Actual", "70.00", "Revenue"),
    ),
    "plan/p.csv": (SentRow("", "2024-03-01", "D2", "6000", "", "-25.00"),),
}
UNITS = """\
feed: units
kind: departments
path: units/*.csv
columns: {code: Code, name: Name, business_unit: Unit, valid_from: From}
"""
BALANCES = """\
feed: balances
kind: balances
path: balances/*.csv
columns: {period: Period, account: Account, balance: Balance}
"""
AUDITED = {
    # A department moves to another unit from February on, and a trial balance of January comes.
    "units/u.csv": b"Code,Name,Unit,From\nD1,Sales,North,\nD1,Sales,South,2024-02\n",
    "balances/b.csv": b"Period,Account,Balance\n2024-01,4000,-100.00\n",
}
"""What tables beside the star have rows of."""

_TIMES = {
    "signature",
    "restated_at",
    "at",
    "modified_at",
    "discovered_at",
    "run_id",
    "committed_at",
    "built_at",
    "attempt",
    "loaded_at",
    "etag",
    "size_and_time",
}
"""Fields with a moment, a run or an attempt; two runs with the same result differ in them."""
_OF_A_RUN = {"run_id", "signature", "event_number"}
_BESIDE_THE_STAR = [one for one in WAREHOUSE if one not in (*STAR, LOAD_LEDGER, MOVEMENTS, SCHEMA_VERSION)]


@dataclass
class FaultyHome(LawHome):
    """A home on disk.

    Attributes:
        plan: counts the operations of storage, and lets one fail.
    """

    plan: FaultPlan = field(default_factory=FaultPlan)

    @property
    def raw(self) -> ObjectStore:
        return FaultyStore(LocalStore(self.path / "raw"), self.plan)

    @property
    def processed(self) -> ObjectStore:
        return FaultyStore(LocalStore(self.path / "processed"), self.plan)

    @property
    def reports(self) -> ObjectStore:
        return FaultyStore(LocalStore(self.path / "reports"), self.plan)

    def register(self) -> int:
        """Take the first step; a fault may be reported as the problem of one raw file."""
        return register(self.raw, self.processed, self.settings, at=self.tick(), run_id=f"run-{self.ticks}").new_count

    @contextmanager
    def failing(self, plan: FaultPlan) -> Iterator[None]:
        """Let operations of storage fail as a plan says."""
        self.plan = plan
        try:
            with faulty_warehouse(self.path / "warehouse.duckdb", plan):
                yield
        finally:
            self.plan = FaultPlan()

    def modified_at(self, key: str) -> datetime:
        """Return when a raw file was written."""
        item = self.raw.find(key)
        assert item is not None
        return item.modified_at

    def copy(self, path: Path) -> FaultyHome:
        """Return a copy in another folder."""
        shutil.copytree(self.path, path, copy_function=shutil.copy2)
        return self.at(path)

    def at(self, path: Path) -> FaultyHome:
        """Return the home of another folder, whose attempts have other names than those of this one."""
        return FaultyHome(path, self.spark, ticks=self.ticks + 100)

    def unexplained(self) -> object:
        """Return what the statement does not explain; empty if the equation holds."""
        return reconcile(self.processed, self.snapshot(), self.warehouse, currency="USD").unexplained

    def close(self, period: str) -> None:
        """Close a period, whatever its gates say."""
        examined = examine_period(self.opened, period, at=self.tick())
        waived = [result.gate.name for result in examined.red_without(())]
        author = Author("ana", "books closed", self.tick())
        close_period(self.opened, examined, author, waived=waived)

    def _rows(self, contract: Contract) -> list[tuple[Any, ...]]:
        """Return the rows of a table without times, runs and signatures."""
        names = [one.sql_name for one in contract.columns if one.type != "timestamp" and one.name not in _OF_A_RUN]
        return _sorted(self.warehouse.query(f"SELECT {', '.join(names)} FROM {contract.table}").rows)

    def outcome(self) -> dict[str, Any]:
        """Return everything that follows from the files and decisions, without times, runs and attempts."""
        events = [_without_times(asdict(event)) for event in Register(self.processed).events()]
        commits = read_commits(self.processed)
        ledger = published_slices(self.warehouse)
        history = "SELECT TableName, Slice, Version, IsRemoved, RowCount, Amount FROM LoadLedger"
        names = "Kind, Measure, Period, ScenarioKey, DepartmentKey, AccountKey, OldAmount, NewAmount, Cause"
        return {
            "star": self.tables(),
            "movements": _sorted(self.warehouse.query(f"SELECT {names} FROM Movements").rows),
            "register": sorted(json.dumps(event, sort_keys=True, default=str) for event in events),
            "deliveries": {name: _figures(asdict(commit)) for name, commit in sorted(commits.items())},
            "published": {name: (one.version, one.row_count, one.amount) for name, one in sorted(ledger.items())},
            "load ledger": _sorted(self.warehouse.query(history).rows),
            "audit trail": {contract.table: self._rows(contract) for contract in _BESIDE_THE_STAR},
            "verified": [str(one) for one in Verifier(self.raw, self.processed, self.warehouse).verify().findings],
            "status": _without_times(json.loads(json.dumps(self.status().as_json(), default=str))),
            "report": self.reports.read(REPORT_FILE).decode(),
            "unexplained": self.unexplained(),
            "left to do": self.changes(),
        }


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Return a line per part of the outcome that differs, with what only one side has."""
    lines = []
    for part, value in expected.items():
        if found[part] != value:
            ours, theirs = set(_texts(found[part])), set(_texts(value))
            lines.append(f"{part}: only found {sorted(ours - theirs)}, only expected {sorted(theirs - ours)}")
            if ours == theirs:
                lines[-1] = f"{part}: the same in another number or order: {found[part]}, expected {value}"
    return lines


def without_copies(outcome: dict[str, Any]) -> dict[str, Any]:
    """Return an outcome without repeated events: a copy of a raw file is registered again, with its new time."""
    return {**outcome, "register": sorted(set(outcome["register"]))}


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{key}: {text}" for key, inner in value.items() for text in _texts(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in ([repr(inner)] if isinstance(inner, tuple) else _texts(inner))]
    return [str(value)]


def refreshed_then_changed(home: FaultyHome) -> None:
    """Refresh a home, then send more: its next refresh is the one whose storage fails."""
    for feed in (LEDGER, PLAN, CHART):
        home.describe(feed.name, feed.descriptor())
    home.describe("units", UNITS)
    home.describe("balances", BALANCES)
    for nth, (key, content) in enumerate(FIRST.items()):
        home.put(key, as_bytes("ledger", content), FIRST_MOMENT + timedelta(hours=nth))
    home.refresh()
    home.close("2024-01")
    home.refresh()
    for nth, (key, content) in enumerate(THEN.items()):
        home.put(key, as_bytes("ledger", content), FIRST_MOMENT + timedelta(days=1, hours=nth))
    for nth, (key, data) in enumerate(AUDITED.items()):
        home.put(key, data, FIRST_MOMENT + timedelta(days=2, hours=nth))
    home.put("chart/c.csv", as_bytes("accounts", (SentAccount("6000", "Expense"),)), FIRST_MOMENT)


def _figures(commit: dict[str, Any]) -> dict[str, Any]:
    """Return a commit with the number of its files by table; their names contain the attempt."""
    files = {table: len(files) for table, files in commit["files"].items()}
    return _without_times({**commit, "files": files})  # type: ignore[no-any-return]


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(inner) for key, inner in value.items() if key not in _TIMES}
    if isinstance(value, list | tuple):
        return [_without_times(inner) for inner in value]
    return value


def _sorted(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)
