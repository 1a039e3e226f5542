"""A home on disk whose use cases run in this process, on one Spark session, with failures at will.

Belongs here: the use cases of `refresh` on local ports, and what they left. Does not belong here: what is sent (see
`sent`), expectations (see `model`, `machine`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path, PurePath
from typing import Any, Literal

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from finance_platform.code_version import JobName, platform_version
from finance_platform.contracts.star import STAR
from finance_platform.data_catalog.delta_log import sync_open_tables
from finance_platform.data_catalog.open_tables import open_tables
from finance_platform.deliveries.changes import detect_changes
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.events import DeliveryDiscovered, select_discovered
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import fingerprint_config
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.errors import RegisterError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.home import Home
from finance_platform.quality.checks import ACCOUNTS_HAVE_SIGN, Outcome, all_checks
from finance_platform.refresh.nothing_new import find_nothing_new
from finance_platform.refresh.status import read_status
from finance_platform.refresh.steps.build_star import build_star
from finance_platform.refresh.steps.complete_run import read_complete_run, record_complete_run
from finance_platform.refresh.steps.full_audit import AUDITED
from finance_platform.refresh.steps.publish import Publication, publish
from finance_platform.refresh.steps.recorded_code import COMPLETE
from finance_platform.refresh.steps.register import register
from finance_platform.refresh.steps.report import report
from finance_platform.refresh.steps.standardise import standardise
from finance_platform.reports.run_outcome import EvaluatedCheck
from finance_platform.reports.status import Status
from finance_platform.reports.status_record import encode_status
from finance_platform.settings import Settings, StarSettings, load_settings
from finance_platform.slices.snapshot import Snapshot, read_snapshot
from finance_platform.storage import immutable_documents
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.duckdb import atomic_file
from finance_platform.warehouse.duckdb.errors import query_errors
from finance_platform.warehouse.duckdb.load_connection import DuckDBLoadConnection
from finance_platform.warehouse.duckdb.session import open_reader, run_query
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult
from finance_platform_tests.in_process_jobs import InProcessJobs
from finance_platform_tests.model_based.model import Cell, Figures, Star

FIRST_MOMENT = datetime(2025, 1, 1, tzinfo=UTC)
_ALL = {
    "facts": """
        SELECT FullDate, LOWER(DepartmentCode), LOWER(AccountNumber), LOWER(ScenarioName), Amount, BudgetAmount,
            TransactionCount, Variance, TransactionDate
        FROM FactFinancials
        INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
        INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = FactFinancials.DepartmentKey
        INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
        INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
    """,
    "departments": "SELECT DepartmentCode, IsInferred FROM DimDepartment",
    "accounts": "SELECT AccountNumber, AccountType, ProfitSign, IsInferred FROM DimAccount",
    "scenarios": "SELECT ScenarioName, ScenarioType, IsBaseline FROM DimScenario",
    "years": "SELECT MIN(Year), MAX(Year) FROM DimDate",
    "count": "SELECT COUNT(*) FROM FactFinancials",
}


class BrokenOffError(Exception):
    """A run was killed at the point that a test chose."""


class FaultInjector:
    """Counts what a run does to files and to the warehouse, and breaks it off at the chosen step."""

    def __init__(self) -> None:
        self.passed = 0
        self._blows_at: int | None = None
        self._has_broken_off = False

    def set_to(self, point: int | None) -> None:
        self.passed, self._blows_at = 0, point

    def step(self) -> None:
        self.passed += 1
        if self.passed == self._blows_at:
            self._has_broken_off = True
            raise BrokenOffError(f"broken off at point {self.passed}")

    @contextmanager
    def wired(self) -> Iterator[FaultInjector]:
        """Wire the fuse into every way by which anything is written: a break before, and one after."""
        with pytest.MonkeyPatch.context() as patch:
            for owner, name in (
                (LocalStore, "write"),
                (LocalStore, "write_new"),
                (LocalStore, "delete_folder"),
                (LocalStore, "list_objects"),
                (DuckDBLoadConnection, "execute"),
                (DuckDBLoadConnection, "copy"),
                (atomic_file.AtomicFile, "_publish"),
            ):
                patch.setattr(owner, name, self._around(getattr(owner, name)))
            try:
                yield self
            except Exception as error:
                # A break within Spark's task arrives as Spark's own error.
                if self._has_broken_off and not isinstance(error, BrokenOffError):
                    raise BrokenOffError(str(error)) from error
                raise
            if self._has_broken_off:
                # The reader leaves a file unread for a fault of its own, and the run goes on (280).
                raise BrokenOffError("broken off while a file was read")

    def _around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def fused(*arguments: Any, **named: Any) -> Any:
            self.step()
            result = original(*arguments, **named)
            self.step()
            return result

        return fused


class WarehouseOpenedOnce(DuckDBWarehouse):
    """Opens each published file once, for every query on it: opening takes longer than most queries."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._reader, self._file_opened = ExitStack(), (0, 0)

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        stat = self.path.stat() if self.path.exists() else None
        published = (stat.st_ino, stat.st_mtime_ns) if stat else (0, 0)
        if published != self._file_opened or not stat:
            self._reader.close()
            self._connection = self._reader.enter_context(open_reader(self.path))
            self._file_opened = published
        with query_errors("fix the query"):
            return run_query(self._connection, sql, parameters)


@dataclass
class LawHome:
    """A home, the settings that are in force, and a clock that only the test moves.

    Attributes:
        path: the home.
        spark: the session that both jobs work on.
        baseline: setting.
        actuals_through: setting.
        closed_periods: setting.
        ticks: how often anything happened; names attempts and moments.
        during_the_run: raw files that somebody overwrites between the scan and the reading job of the next refresh.
        overwritten: the files that were overwritten so in the latest refresh.
        built: the slices that the latest refresh built.
        publication: what the latest refresh published; None before the first.
    """

    path: Path
    spark: SparkSession
    baseline: str = "Budget"
    actuals_through: str | None = None
    closed_periods: Literal["hold", "publish"] = "publish"
    ticks: int = 0
    during_the_run: dict[str, bytes] = field(default_factory=dict)
    overwritten: list[str] = field(default_factory=list)
    built: list[str] = field(default_factory=list)
    publication: Publication | None = None
    run_id: str = ""

    @property
    def settings(self) -> Settings:
        return _settings_of(self.path, self.baseline, self.actuals_through, self.closed_periods)

    @property
    def processed(self) -> ObjectStore:
        return LocalStore(self.path / "processed")

    @property
    def raw(self) -> ObjectStore:
        return LocalStore(self.path / "raw")

    @property
    def reports(self) -> ObjectStore:
        return LocalStore(self.path / "reports")

    @cached_property
    def warehouse(self) -> DuckDBWarehouse:
        return WarehouseOpenedOnce(self.path / "warehouse.duckdb")

    @property
    def opened(self) -> Home:
        """The home as use cases get it."""
        return Home(self.settings, self.raw, self.processed, self.warehouse)

    @property
    def jobs(self) -> InProcessJobs:
        return InProcessJobs(self.spark, self.raw, self.processed, self._next_attempt, self._overwrite)

    @property
    def is_blocked(self) -> bool:
        """Whether the latest refresh published nothing, because an account has no type and so no sign."""
        return self.publication is not None and bool(self.publication.refusal)

    def tick(self) -> datetime:
        """Return a moment after every earlier one."""
        self.ticks += 1
        return FIRST_MOMENT + timedelta(minutes=self.ticks)

    def put(self, key: str, data: bytes, modified_at: datetime) -> None:
        """Write a raw file with a time of its own."""
        path = self.path / "raw" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (modified_at.timestamp(), modified_at.timestamp()))

    def remove(self, key: str) -> None:
        """Let a raw file vanish."""
        (self.path / "raw" / key).unlink()

    def describe(self, name: str, descriptor: str) -> None:
        """Write a descriptor."""
        path = self.path / "feeds" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(descriptor, encoding="utf-8")

    def events(self) -> list[DeliveryDiscovered]:
        """Return the register's deliveries."""
        return list(select_discovered(Register(self.processed).events()))

    def state(self) -> DeliveryState:
        """Return what the register and the commits say."""
        return derive_state(Register(self.processed).events(), read_commits(self.processed))

    def snapshot(self) -> Snapshot:
        """Look at the processed zone without touching it."""
        return read_snapshot(self.processed, StarSettings.of(self.settings))

    def status(self) -> Status:
        """Return the status as the command line shows it."""
        return read_status(self.opened, at=self.tick())

    def changes(self) -> tuple[str, ...]:
        """Return what the sensor would start a run for."""
        config = fingerprint_config(load_feed_set(self.settings.feeds_path), self.settings)
        return detect_changes(self.raw, self.processed, config, datetime.now(UTC) + timedelta(hours=1)).changes

    def register(self) -> int:
        """Take the first step; return how many events were new."""
        scan = register(self.raw, self.processed, self.settings, at=self.tick(), run_id=f"run-{self.ticks}")
        assert not scan.problems, scan.problems
        return scan.new_count

    def standardise(self) -> None:
        """Take the second step: read pending deliveries, enter verdicts."""
        standardise(self.raw, self.processed, self.jobs, self.settings, clock=self.tick, run_id=f"run-{self.ticks}")

    def build_star(self) -> None:
        """Take the third step."""
        result = build_star(self.processed, self.jobs, StarSettings.of(self.settings))
        self.built = [target.slice for target in result.built]
        sync_open_tables(self.processed, open_tables(result.snapshot), {})

    def open_rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of an open table, as Delta's library reads them."""
        return list(DeltaTable(self.processed.uri(name)).to_pyarrow_table().to_pylist())

    def publish(self) -> None:
        """Take the fourth step."""
        self.publication = publish(self.opened, clock=self.tick, run_id=f"run-{self.ticks}")
        failed = {outcome.check for outcome in self.publication.star_outcomes if not outcome.passed}
        # A debit-positive feed with an account without a type: nothing is published before the type is known.
        assert failed <= {ACCOUNTS_HAVE_SIGN}
        assert bool(self.publication.refusal) == bool(failed), self.publication.refusal

    def report(self) -> None:
        """Take the last step."""
        report(self.processed, self.warehouse, self.reports, run_id=self.run_id, is_complete=True)

    def is_nothing_new(self) -> bool:
        """Return whether the command `run` would report the state without a run, and `status` from a record.

        The recorded status is the one that follows from a full replay of the register.
        """
        complete = read_complete_run(self.processed)
        if complete is None:
            return False
        at = datetime.now(UTC) + timedelta(hours=1)
        opened = self.opened
        first, again = (
            find_nothing_new(opened, self.reports, complete, at=at, last_run=None) for _ in ("derived", "recorded")
        )
        if first is None or again is None:
            assert first is again
            return False
        immutable_documents.forget_documents()  # what the refresh has kept is what a new process derives
        derived = read_status(opened, at=at)
        assert again.status.known_warnings == derived.warnings
        assert encode_status(again.status) == encode_status(first.status) == encode_status(derived)
        return True

    def refresh(self) -> None:
        """Take every step; each leaves everything as it is if the command `run` would not have started them."""
        self.overwritten = []
        with suppress(RegisterError):  # of a damaged register, which the refresh names
            remembered = read_state(self.processed)
            # Each run is a process of its own, which has read no document yet.
            immutable_documents.forget_documents()
            assert remembered == read_state(self.processed)
        immutable_documents.forget_documents()
        before = self.files() if self.is_nothing_new() and not self.during_the_run else None
        try:
            self.refresh_anyway()
        finally:
            self.during_the_run = {}
        assert before in {None, self.files()}

    def files(self) -> frozenset[tuple[str, int]]:
        """Return every file with its time, but for what each complete refresh writes again."""
        written = {"reports", PurePath(COMPLETE).name, PurePath(AUDITED).name}
        files = [path for path in self.path.rglob("*") if path.is_file() and written.isdisjoint(path.parts[-2:])]
        return frozenset((str(path), path.stat().st_mtime_ns) for path in files if not path.name.startswith("status-"))

    def refresh_anyway(self) -> None:
        """Take every step, as `run --force` does."""
        self.register()
        self.run_id = f"run-{self.ticks}"
        self.standardise()
        self.build_star()
        self.publish()
        if not self.is_blocked:
            self.report()
            checks = all_checks(feed.feed for feed in load_feed_set(self.settings.feeds_path).feeds)
            passed = [EvaluatedCheck.of(Outcome(check, passed=True, summary="")) for check in checks]
            record_complete_run(
                self.processed,
                self.warehouse,
                self.reports,
                self.settings,
                run_id=self.run_id,
                checks=passed,
                platform=platform_version(),
            )

    def _next_attempt(self) -> str:
        self.tick()
        return f"{self.ticks:06d}"

    def _overwrite(self, job: JobName) -> None:
        if job == "standardise":
            for key, data in self.during_the_run.items():
                self.put(key, data, self.tick())
                self.overwritten.append(key)

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of the five tables but for what the load sets."""
        found = {}
        for contract in STAR:
            names = ", ".join(column.sql_name for column in contract.stored_columns)
            found[contract.table] = sorted(self.warehouse.query(f"SELECT {names} FROM {contract.table}").rows, key=repr)
        return found

    def star(self) -> Star:
        """Return what the warehouse holds, as the model says it."""
        rows = {name: self.warehouse.query(sql).rows for name, sql in _ALL.items()}
        facts = {}
        for day, department, account, scenario, amount, budget, lines, variance, written in rows["facts"]:
            assert variance == amount - budget
            assert _day(written) == day
            cell = Cell(day, department, account, scenario)
            assert cell not in facts, f"{cell} stands twice"
            facts[cell] = Figures(amount, budget, int(lines))
        assert [(len(facts),)] == rows["count"]
        ((first, last),) = rows["years"]
        return Star(
            facts,
            {code.casefold(): (code, inferred) for code, inferred in rows["departments"]},
            {number.casefold(): (number, *rest) for number, *rest in rows["accounts"]},
            {name.casefold(): (name, *rest) for name, *rest in rows["scenarios"]},
            None if first is None else (first, last),
        )

    def start_from_scratch(self) -> None:
        """Remove everything but the register and what is needed of versions that are gone; the warehouse too."""
        state = self.state()
        last = {event.object_key: event for event in self.events()}
        present = {item.key for item in self.raw.list_objects()}
        readable = {event.delivery_id for key, event in last.items() if key in present}
        described = (one.delivery for one in state.descriptions)
        live = (one.commit_of_all or one.commit for one in (*state.effective, *state.live, *described))
        needed = {commit.delivery_id: commit for commit in (*live, *state.dormant)}
        kept = [commit for name, commit in needed.items() if name not in readable]
        old = self.path / f"processed-{self.tick():%H%M}"
        (self.path / "processed").rename(old)
        shutil.copytree(old / "register", self.path / "processed" / "register")
        for commit in kept:
            names = [f"deliveries/{commit.delivery_id}.json"]
            names += [file.key for files in commit.files.values() for file in files]
            for name in names:
                (self.path / "processed" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(old / name, self.path / "processed" / name)
        (self.path / "warehouse.duckdb").rename(old / "warehouse.duckdb")


@cache
def _settings_of(
    path: Path, baseline: str, actuals_through: str | None, closed_periods: Literal["hold", "publish"]
) -> Settings:
    """Return settings, which each check asks for: to load them takes longer than most of these do."""
    return load_settings(
        home=path, baseline_scenario=baseline, actuals_through=actuals_through, closed_periods=closed_periods
    )


def _day(written: date | datetime) -> date:
    return written.date() if isinstance(written, datetime) else written
