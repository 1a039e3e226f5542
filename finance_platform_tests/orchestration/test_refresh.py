"""One small home, run again and again: what a run does, and above all what it leaves alone.

Belongs here: the refresh job with real Glue jobs on Sail and a real warehouse, as the command line starts it.
Does not belong here: reading rules, figures of big files, printing.

Each fixture that is called after an event is a chapter: it changes the home, runs, and keeps what was then seen. Tests
read what was seen, so their own order does not matter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any

import dagster as dg
import pytest

import finance_platform
from finance_platform import code_version
from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.deliveries.discovery import scan_raw_zone
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import last_refresh
from finance_platform.errors import HomeError, LockedError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.orchestration.assets import reporting, warehouse
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.job_runners.pipes_jobs import PipesJobRunner
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.refresh_run import run_refresh
from finance_platform.orchestration.runs import ATTENTION, COMMAND_LINE, STARTED_BY
from finance_platform.refresh.steps.full_audit import AUDITED
from finance_platform.refresh.steps.recorded_code import COMPLETE
from finance_platform.reports import variance
from finance_platform.reports.pack.model import Pack
from finance_platform.reports.reconciliation import reconcile
from finance_platform.reports.run_outcome import EvaluatedCheck, RunOutcome
from finance_platform.reports.statement import Reconciliation
from finance_platform.reports.variance import VarianceRow, variance_rows
from finance_platform.setting_sources import ENV_PREFIX
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.snapshot import take_snapshot
from finance_platform.spark_jobs.harness import request_key
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import PublishedSlice, published_slices
from finance_platform.warehouse.port import Queryable
from finance_platform_tests.profiles import at_night
from finance_platform_tests.unit.factories import JOURNAL, LEDGER, settings, write

pytestmark = pytest.mark.end_to_end

STEPS = ["register", "standardise", "build_star", "load", "reporting__variance_report"]
DIMENSIONS = ["dim_date all", "dim_department all", "dim_account all", "dim_scenario all"]

BRANCH = """\
feed: branch
kind: ledger
path: branch*.csv
columns:
  date: {from: Date, formats: [yyyy-MM-dd]}
  department: {from: Dept}
  account: {from: Account}
  amount: {from: Amount}
constants: {scenario: Actual}
tolerance: {rejected_rows: 0.5}
"""

Line = tuple[str, str, str, str]
"""Date, department, account, amount."""

TRANSACTIONS: list[Line] = [
    ("2025-01-03", "D100", "4000", "1000.00"),
    ("2025-01-09", "D100", "4000", "250.10"),
    ("2025-01-14", "D100", "6000", "310.05"),
    ("2025-01-20", "D200", "6000", "95.00"),
    ("2025-01-31", "D200", "0150", "4000.00"),
    ("2025-02-03", "D100", "4000", "1100.00"),
    ("2025-02-10", "D100", "4000", "-50.00"),
    ("2025-02-11", "D100", "6000", "320.15"),
    ("2025-02-17", "D200", "6000", "99.99"),
    ("2025-02-28", "D200", "0150", "500.00"),
    ("2025-03-03", "D100", "4000", "1205.00"),
    ("2025-03-04", "D100", "4000", "15.00"),
    ("2025-03-12", "D100", "6000", "333.33"),
    ("2025-03-20", "D200", "6000", "101.01"),
]
BUDGET: list[Line] = [
    ("2025-01", "D100", "4000", "1200.00"),
    ("2025-01", "D100", "6000", "300.00"),
    ("2025-01", "D200", "6000", "100.00"),
    ("2025-02", "D100", "4000", "1200.00"),
    ("2025-02", "D100", "6000", "300.00"),
    ("2025-02", "D200", "6000", "100.00"),
]
BRANCH_LINES: list[Line] = [
    ("2025-03-05", "D200", "4000", "77.70"),
    ("2025-03-06", "D200", "6000", "11.10"),
    ("2025-03-07", "D200", "6000", "12.20"),
    ("2025-04-01", "D200", "4000", "88.80"),
    ("2025-04-02", "D200", "6000", "13.30"),
    ("2025-04-03", "D200", "6000", "14.40"),
    ("2025-04-04", "D200", "0150", "600.00"),
    ("2025-04-05", "D200", "6000", "15.50"),
]
LATE: Line = ("30/04/2025", "D200", "4000", "9.90")
"""A line of the branch whose date the first descriptor does not know."""


def csv_of(header: str, lines: Sequence[Sequence[str]]) -> str:
    return "".join(f"{','.join(cells)}\n" for cells in ([header], *lines))


def branch_file(lines: Sequence[Line]) -> str:
    return csv_of("Date,Dept,Account,Amount", [*lines, LATE])


def sums_of(actual: Sequence[Line], budget: Sequence[Line] = BUDGET) -> dict[tuple[str, str], Decimal]:
    """Amount by scenario and period, added up from the lines themselves."""
    sums: dict[tuple[str, str], Decimal] = {}
    for scenario, lines in (("Actual", actual), ("Budget", budget)):
        for day, _, _, amount in lines:
            place = (scenario, day[:7])
            sums[place] = sums.get(place, Decimal("0.00")) + Decimal(amount)
    return sums


@dataclass(frozen=True)
class Seen:
    """What there is after a run.

    Attributes:
        outcome: what the run says of itself.
        steps: the steps that it started, in order.
        files: every file of the processed zone, with its size and time.
        attempts: the folders of the Glue jobs.
        ledger: what is published.
        load_times: LoadTimestamp by period.
        sums: Amount by scenario and period, of periods with money.
        data_versions: the last one of each asset in the Dagster instance.
        statement: the reconciliation.
        warned: warnings whose cause is our own code.
    """

    outcome: RunOutcome
    steps: list[str]
    files: Mapping[str, tuple[int, int]]
    attempts: list[str]
    ledger: Mapping[tuple[str, str], PublishedSlice]
    load_times: Mapping[str, list[datetime]]
    sums: Mapping[tuple[str, str], Decimal]
    data_versions: Mapping[str, str]
    statement: Reconciliation
    warned: list[str]

    @property
    def last_load(self) -> int:
        """The number of the last load."""
        return max(slice_.load_number for slice_ in self.ledger.values())

    def changed(self, before: Seen) -> set[str]:
        """The assets whose data version is another than before."""
        return {key for key, version in self.data_versions.items() if before.data_versions.get(key) != version}

    def failed(self) -> list[EvaluatedCheck]:
        """The checks that failed, warnings included."""
        return [check for check in self.outcome.checks if not check.passed]


def run(home: Settings, *, rebuild: bool = False, periods: Sequence[str] = ()) -> Seen:
    """Run and look."""
    steps: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome = run_refresh(home, rebuild=rebuild, periods=periods, on_step=steps.append)
    package = str(Path(str(finance_platform.__file__)).parent)
    processed = LocalStore(home.processed_root)
    warehouse = DuckDBWarehouse(home.warehouse_path)
    return Seen(
        outcome=outcome,
        steps=steps,
        files={
            path.relative_to(processed.root).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in Path(processed.root).rglob("*")
            # The record of a complete run names the run.
            if path.is_file() and path.name not in {"job.lock", PurePath(COMPLETE).name, PurePath(AUDITED).name}
        },
        attempts=sorted(path.name for path in (Path(processed.root) / "jobs").iterdir()),
        ledger=published_slices(warehouse),
        load_times=load_times(warehouse),
        sums=sums(warehouse),
        data_versions=data_versions(home),
        statement=reconcile(processed, take_snapshot(processed, StarSettings.of(home)), warehouse, currency="USD"),
        warned=[f"{warning.message}" for warning in caught if warning.filename.startswith(package)],
    )


def load_times(warehouse: DuckDBWarehouse) -> dict[str, list[datetime]]:
    sql = (
        "SELECT DISTINCT YearMonth, LoadTimestamp FROM FactFinancials "
        "INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey ORDER BY YearMonth, LoadTimestamp"
    )
    found: dict[str, list[datetime]] = {}
    for period, at in warehouse.query(sql).rows:
        found.setdefault(period, []).append(at)
    return found


def sums(warehouse: DuckDBWarehouse) -> dict[tuple[str, str], Decimal]:
    sql = (
        "SELECT ScenarioName, YearMonth, SUM(Amount) AS Amount FROM FactFinancials "
        "INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey "
        "INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey "
        "GROUP BY ScenarioName, YearMonth"
    )
    return {(scenario, period): amount for scenario, period, amount in warehouse.query(sql).rows}


def data_versions(home: Settings) -> dict[str, str]:
    found = {}
    with open_instance(home.dagster_home) as instance:
        for key in build_definitions(home).resolve_asset_graph().materializable_asset_keys:
            event = instance.get_latest_materialization_event(key)
            if event and event.asset_materialization and event.asset_materialization.tags:
                found[key.to_user_string()] = event.asset_materialization.tags["dagster/data_version"]
    return found


def commit_of(home: Settings, object_key: str) -> DeliveryCommit:
    (commit,) = [c for c in read_commits(LocalStore(home.processed_root)).values() if c.object_key == object_key]
    return commit


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A finance department's files of four months."""
    folder = tmp_path_factory.mktemp("home")
    numbered = [(f"T{number:03}", *line) for number, line in enumerate(TRANSACTIONS)]
    header = "transaction_id,transaction_date,department_code,account_number,amount"
    write(folder / "raw/transactions.csv", csv_of(header, numbered))
    write(folder / "raw/budget.csv", csv_of("period,department_code,account_number,budget_amount", BUDGET))
    write(folder / "raw/branch_2025.csv", branch_file(BRANCH_LINES))
    write(folder / "raw/departments.csv", "department_code,department_name\nD100,Sales\nD200,Works\n")
    accounts = "account_number,account_name,account_type\n4000,Sales,Revenue\n6000,Rent,Expense\n0150,Machines,Asset\n"
    write(folder / "raw/accounts.csv", accounts)
    write(folder / "feeds/branch.yaml", BRANCH)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]:
            patch.delenv(name)
        yield settings(home=folder)


@pytest.fixture(scope="module")
def variance_readers() -> list[str]:
    """The threads that added up Actual against Budget in the first run."""
    return []


@pytest.fixture(scope="module")
def first(home: Settings, variance_readers: list[str]) -> Seen:
    """The first run."""

    def read(queryable: Queryable) -> list[VarianceRow]:
        variance_readers.append(threading.current_thread().name)
        return variance_rows(queryable)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variance, "variance_rows", read)
        return run(home)


@pytest.fixture(scope="module")
def pack_readers() -> list[str]:
    """The threads that read the report pack of the second run."""
    return []


@pytest.fixture(scope="module")
def again(home: Settings, first: Seen, pack_readers: list[str]) -> Seen:
    """Nothing happened; the versions of the jobs' code are known from the first run's record."""
    assert first.outcome.succeeded

    read_pack: Callable[..., Pack] = vars(warehouse)["read_pack"]  # as the first run has read it

    def read(*arguments: Any) -> Pack:
        pack_readers.append(threading.current_thread().name)
        return read_pack(*arguments)

    def derive(job: str, _: object) -> str:
        raise AssertionError(f"the version of {job} was derived again")

    with pytest.MonkeyPatch.context() as patch:
        # Nor read from what another process has kept, which a read-only installation does not have.
        patch.setattr(code_version, "_kept_version", derive)
        for module in (reporting, warehouse):
            patch.setattr(module, "read_pack", read)
        return run(home)


@pytest.fixture(scope="module")
def replaced(home: Settings, again: Seen) -> Seen:
    """The branch sent its file again, with one line changed and one less."""
    assert again.outcome.succeeded
    write(home.home_path / "raw/branch_2025.csv", branch_file(REPLACED))
    return run(home)


REPLACED: list[Line] = [("2025-03-05", "D200", "4000", "70.00"), *BRANCH_LINES[1:-1]]


@pytest.fixture(scope="module")
def rebuilt(home: Settings, replaced: Seen) -> Seen:
    """February is asked anew when its budget is gone from raw, and a file that a killed run registered is gone too."""
    assert replaced.outcome.succeeded
    raw, register = LocalStore(home.raw_root), Register(LocalStore(home.processed_root))
    brief = write(home.home_path / "raw/branch_brief.csv", branch_file(BRANCH_LINES))
    at = datetime.now(UTC)
    scan = scan_raw_zone(raw, register, load_feed_set(home.feeds_path), home, at=at, run_id="killed")
    register.append(scan.new)
    assert scan.new_count == 1
    brief.unlink()
    (home.home_path / "raw/budget.csv").unlink()
    return run(home, rebuild=True, periods=["2025-02"])


@pytest.fixture(scope="module")
def corrected(home: Settings, rebuilt: Seen) -> Seen:
    """The branch's descriptor learned the date of the rejected line."""
    assert rebuilt.outcome.succeeded
    write(home.home_path / "feeds/branch.yaml", BRANCH.replace("[yyyy-MM-dd]", "[yyyy-MM-dd, dd/MM/yyyy]"))
    return run(home)


@dataclass(frozen=True)
class Killed:
    """A delivery whose commit was lost, and what was seen after the next run."""

    lost: DeliveryCommit
    found: DeliveryCommit
    seen: Seen


@pytest.fixture(scope="module")
def waiting(home: Settings, corrected: Seen) -> Seen:
    """A debit-positive journal came, with an account that no file describes, and a good journal."""
    assert corrected.outcome.succeeded
    write(home.home_path / "feeds/journal.yaml", JOURNAL)
    write(home.home_path / "raw/journal.csv", "Date,Dept,Account,Dr,Cr\n2025-04-30,D100,4999,,5.00\n")
    write(home.home_path / "raw/journal_good.csv", "Date,Dept,Account,Dr,Cr\n2025-04-30,D100,4000,,3.00\n")
    return run(home)


@pytest.fixture(scope="module")
def healed(home: Settings, waiting: Seen) -> Killed:
    """A job was killed after it had written its Parquet and before it committed the transactions."""
    assert waiting.outcome.succeeded
    lost = commit_of(home, "transactions.csv")
    (Path(home.processed_root) / "deliveries" / f"{lost.delivery_id}.json").unlink()
    seen = run(home)
    return Killed(lost, commit_of(home, "transactions.csv"), seen)


@pytest.fixture(scope="module")
def described(home: Settings, healed: Killed) -> Seen:
    """An accounts file came with the type that the journal waits for."""
    assert healed.seen.outcome.succeeded
    write(home.home_path / "raw/accounts_more.csv", "account_number,account_name,account_type\n4999,Other,Revenue\n")
    return run(home)


# The first run


def test_the_first_run_reads_builds_and_loads_everything(first: Seen):
    periods = [f"fact_financials {period}" for period in ("2025-01", "2025-02", "2025-03", "2025-04")]
    assert (first.outcome.succeeded, first.outcome.error, first.failed()) == (True, "", [])
    assert first.outcome.deliveries_read == 5
    assert sorted(first.outcome.built) == sorted(DIMENSIONS + periods)
    assert sorted(first.outcome.loaded) == sorted(DIMENSIONS + periods)
    assert first.last_load == 1
    assert len(first.attempts) == 2


def test_the_warehouse_holds_the_sums_of_the_lines_to_the_cent(first: Seen):
    assert first.sums == sums_of(TRANSACTIONS + BRANCH_LINES)


def in_all_scenarios(seen: Seen, term: str) -> tuple[int, Decimal]:
    """Return rows and net of a term; the test's files are compared with the sum over their scenarios."""
    counts = [line.term(term) for line in seen.statement.by_scenario]
    return sum(count.rows for count in counts), sum((count.amount for count in counts), Decimal(0))


def test_every_row_and_cent_has_its_place(first: Seen):
    delivered = sum((Decimal(line[3]) for line in [*TRANSACTIONS, *BUDGET, *BRANCH_LINES, LATE]), Decimal(0))
    assert in_all_scenarios(first, "delivered") == (29, delivered)
    assert in_all_scenarios(first, "rejected") == (1, Decimal("9.90"))
    assert in_all_scenarios(first, "in_warehouse") == (28, delivered - Decimal("9.90"))
    assert not first.statement.unexplained


def test_a_run_follows_the_steps_in_their_order(first: Seen):
    assert first.steps == STEPS


def test_every_check_of_the_definitions_is_evaluated_in_a_run(home: Settings, first: Seen):
    declared = {
        (key.asset_key.to_user_string(), key.name)
        for key in build_definitions(home).resolve_asset_graph().asset_check_keys
    }
    # The journal's descriptor may be there by now; when the first run ran it was not.
    declared = {check for check in declared if check[0] != "raw/journal"}
    evaluated = {(check.asset, check.name) for check in first.outcome.checks}
    assert evaluated == declared, "declared in quality/checks.py; add the evaluation to what its step calls"
    assert len(first.outcome.checks) == len(declared)


def test_the_run_is_in_the_instance_under_the_jobs_name(home: Settings, first: Seen):
    with open_instance(home.dagster_home) as instance:
        found = instance.get_run_by_id(first.outcome.run_id)
    assert found is not None
    assert (found.job_name, found.status) == ("refresh", dg.DagsterRunStatus.SUCCESS)


def test_every_asset_has_a_data_version(home: Settings, first: Seen):
    keys = {key.to_user_string() for key in build_definitions(home).resolve_asset_graph().materializable_asset_keys}
    assert first.data_versions.keys() == keys - {"raw/journal"}


def test_a_run_uses_no_deprecated_api_of_dagster(first: Seen):
    assert first.warned == []


def test_the_report_lies_in_the_home(home: Settings, first: Seen):
    assert first.outcome.succeeded
    assert (
        (Path(home.reports_root) / "variance_report.csv").read_text().startswith("FiscalYear,Months,Line,AccountType,")
    )


# Nothing new


def test_a_second_run_does_nothing(first: Seen, again: Seen):
    assert (again.outcome.deliveries_read, again.outcome.built, again.outcome.loaded) == (0, [], [])
    assert again.files == first.files
    assert again.attempts == first.attempts
    assert again.ledger == first.ledger
    assert again.load_times == first.load_times


def test_the_figures_of_the_reports_are_read_once_beside_the_load(
    again: Seen, variance_readers: list[str], pack_readers: list[str]
):
    assert again.outcome.succeeded
    # The step of the report adds up its own figures while those of the pack are read.
    assert variance_readers == [threading.main_thread().name]
    assert [name.partition("_")[0] for name in pack_readers] == ["pack-ahead"]


def test_a_second_run_evaluates_all_checks_again(first: Seen, again: Seen):
    assert [(check.asset, check.name) for check in again.outcome.checks] == [
        (check.asset, check.name) for check in first.outcome.checks
    ]
    assert again.failed() == []


def test_data_versions_do_not_change_when_nothing_changes(first: Seen, again: Seen):
    assert again.outcome.run_id != first.outcome.run_id
    assert again.changed(first) == set()


# A file sent again


def test_a_replaced_file_rebuilds_and_reloads_only_its_periods(again: Seen, replaced: Seen):
    touched = ["fact_financials 2025-03", "fact_financials 2025-04"]
    assert replaced.outcome.deliveries_read == 1
    assert (sorted(replaced.outcome.built), sorted(replaced.outcome.loaded)) == (touched, touched)
    for name, slice_ in again.ledger.items():
        is_touched = " ".join(name) in touched
        assert (replaced.ledger[name] != slice_) == is_touched, name
        assert (replaced.ledger[name].version != slice_.version) == is_touched, name
    assert replaced.last_load == 2


def test_rows_of_other_periods_keep_their_load_timestamp(again: Seen, replaced: Seen):
    for period in ("2025-01", "2025-02"):
        assert replaced.load_times[period] == again.load_times[period]
    for period in ("2025-03", "2025-04"):
        assert min(replaced.load_times[period]) > max(again.load_times[period])


def test_a_replaced_file_counts_instead_of_the_old_one(replaced: Seen):
    assert replaced.sums == sums_of(TRANSACTIONS + REPLACED)
    assert in_all_scenarios(replaced, "superseded") == (0, Decimal(0))
    assert not replaced.statement.unexplained


def test_data_versions_change_for_what_was_made_of_a_replaced_file_and_for_nothing_else(again: Seen, replaced: Seen):
    assert replaced.changed(again) == {
        "raw/branch",
        "processed/transactions",
        "processed/rejected_rows",
        "processed/fact_financials",
        "warehouse/fact_financials",
        "reporting/variance_report",
        "reporting/report_pack",
    }


# A file that vanished


def test_a_removed_file_keeps_its_lines_and_warns(replaced: Seen, rebuilt: Seen):
    assert rebuilt.outcome.succeeded
    warned = [(check.asset, check.name, check.is_warning) for check in rebuilt.failed()]
    # The branch's brief file vanished too, but it never counted.
    assert warned == [("raw/budget", "no_file_vanished", True)]
    assert rebuilt.sums == replaced.sums
    assert rebuilt.statement == replaced.statement


def test_a_removed_file_changes_the_data_version_of_its_listing_alone(replaced: Seen, rebuilt: Seen):
    assert rebuilt.changed(replaced) == {"raw/budget"}


def test_a_file_that_vanished_before_it_was_read_starts_no_job(home: Settings, replaced: Seen, rebuilt: Seen):
    assert rebuilt.outcome.deliveries_read == 0
    (attempt,) = set(rebuilt.attempts) - set(replaced.attempts)
    request = json.loads(LocalStore(home.processed_root).read(request_key(attempt)))
    assert [(asked["table"], asked["slice"]) for asked in request["slices"]] == [("fact_financials", "2025-02")]


# A rebuild


def test_a_rebuild_of_a_period_makes_and_loads_exactly_that_slice_again(replaced: Seen, rebuilt: Seen):
    february = ["fact_financials 2025-02"]
    assert (rebuilt.outcome.built, rebuilt.outcome.loaded) == (february, february)
    assert rebuilt.last_load == replaced.last_load + 1
    loaded_now = {name for name, slice_ in rebuilt.ledger.items() if slice_.load_number == rebuilt.last_load}
    assert loaded_now == {("fact_financials", "2025-02")}


def test_a_rebuild_gives_the_same_versions_out_of_a_raw_zone_that_lacks_a_file(replaced: Seen, rebuilt: Seen):
    assert {name: slice_.version for name, slice_ in rebuilt.ledger.items()} == {
        name: slice_.version for name, slice_ in replaced.ledger.items()
    }


def test_a_rebuild_moves_the_load_timestamp_of_that_period_alone(replaced: Seen, rebuilt: Seen):
    moved = {period for period, times in rebuilt.load_times.items() if times != replaced.load_times[period]}
    assert moved == {"2025-02"}


# A corrected descriptor


def test_a_changed_descriptor_reads_only_its_own_files_again(rebuilt: Seen, corrected: Seen):
    assert corrected.outcome.deliveries_read == 1
    assert corrected.outcome.built == corrected.outcome.loaded == ["fact_financials 2025-04"]
    assert corrected.outcome.unchanged == ["fact_financials 2025-03"]
    assert corrected.changed(rebuilt) == {
        "processed/transactions",
        "processed/rejected_rows",
        "processed/fact_financials",
        "warehouse/fact_financials",
        "reporting/variance_report",
        "reporting/report_pack",
    }


def test_a_corrected_descriptor_makes_a_line_of_the_rejected_row(corrected: Seen):
    assert corrected.sums == sums_of([*TRANSACTIONS, *REPLACED, ("2025-04-30", *LATE[1:])])
    assert not corrected.statement.unexplained


# A killed job


def test_a_delivery_without_its_commit_is_read_again_although_its_parquet_is_there(waiting: Seen, healed: Killed):
    assert healed.seen.outcome.deliveries_read == 1
    assert healed.found.delivery_id == healed.lost.delivery_id
    left_behind = {file.key for files in healed.lost.files.values() for file in files}
    assert left_behind <= healed.seen.files.keys()
    assert left_behind.isdisjoint(file.key for files in healed.found.files.values() for file in files)
    assert len(healed.seen.attempts) == len(waiting.attempts) + 1


def test_a_healed_home_is_as_if_nothing_had_happened(waiting: Seen, healed: Killed):
    assert (healed.found.outcomes, healed.found.periods) == (healed.lost.outcomes, healed.lost.periods)
    assert (healed.seen.outcome.built, healed.seen.outcome.loaded) == ([], [])
    assert healed.seen.sums == waiting.sums
    assert healed.seen.ledger == waiting.ledger
    assert healed.seen.changed(waiting) == set()
    assert healed.seen.statement == waiting.statement


# A delivery that waits for the type of an account


def test_a_debit_credit_file_with_an_untyped_account_is_held_and_the_others_load(waiting: Seen, healed: Killed):
    for seen in (waiting, healed.seen):
        assert seen.outcome.succeeded
        assert [check.name for check in seen.outcome.failed_checks] == ["no_delivery_awaits_a_decision"]
        assert seen.statement.rows("held") == 1
        assert not seen.statement.unexplained
    assert [name for name in waiting.outcome.loaded if name not in DIMENSIONS] == ["fact_financials 2025-04"]


def test_the_list_of_runs_tells_a_run_with_a_held_file_from_one_without(
    home: Settings, waiting: Seen, healed: Killed, described: Seen
):
    with open_instance(home.dagster_home) as instance:
        runs = [instance.get_run_by_id(seen.outcome.run_id) for seen in (waiting, healed.seen, described)]
    assert [run.tags.get(ATTENTION) for run in runs if run] == ["1 check failed", "1 check failed", None]


def test_the_next_run_does_not_read_a_held_file_again(home: Settings, waiting: Seen, healed: Killed):
    assert waiting.outcome.deliveries_read == 2
    (attempt,) = set(healed.seen.attempts) - set(waiting.attempts)
    request = json.loads(LocalStore(home.processed_root).read(request_key(attempt)))
    assert [file["object_key"] for file in request["deliveries"]] == ["transactions.csv"]


def test_the_hold_ends_by_itself_when_the_type_arrives(healed: Killed, described: Seen):
    assert (described.outcome.succeeded, described.outcome.failed_checks) == (True, [])
    assert described.statement.rows("held") == 0
    assert described.statement.rows("in_warehouse") == healed.seen.statement.rows("in_warehouse") + 1
    assert not described.statement.unexplained


# Homes that cannot be run


HOLD_THE_LOCK = """
import fcntl, sys
handle = open(sys.argv[1], "w")
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_that_another_run_is_at_work(tmp_path: Path):
    (tmp_path / "raw").mkdir()
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(tmp_path / "run.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LockedError) as caught:
            run_refresh(settings(home=tmp_path), rebuild=False, periods=(), on_step=lambda _: None)
        other.communicate()
    assert str(caught.value) == (
        f"Another run or command is active in this home: {tmp_path}\n  Fix: wait until it has ended, then run again"
    )
    assert not (tmp_path / "processed").exists()


def test_a_run_of_the_ui_waits_for_a_run_of_the_command_line_and_says_so(tmp_path: Path):
    home = settings(home=tmp_path)
    (tmp_path / "raw").mkdir()
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(tmp_path / "run.lock")]
    with (
        open_instance(home.dagster_home) as instance,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
    ):
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        end_of_other = threading.Timer(3, other.stdin.close)
        end_of_other.start()
        result = build_definitions(home).resolve_job_def(REFRESH).execute_in_process(instance=instance)
        end_of_other.join()
        messages = [record.user_message for record in instance.all_logs(result.run_id)]
    assert result.success
    waits = f"Another run or command is active in this home: {tmp_path}. This run waits for up to 600 s until it ends"
    assert messages.count(waits) == 1
    assert not [message for message in messages if "Retry in" in message]


def test_a_run_whose_process_was_killed_is_marked_failed_by_the_next(tmp_path: Path):
    home = settings(home=tmp_path)
    (tmp_path / "raw").mkdir()
    job = build_definitions(home).resolve_job_def(REFRESH)
    started = dg.DagsterRunStatus.STARTED
    with open_instance(home.dagster_home) as instance:
        dead = instance.create_run_for_job(job, status=started, tags={STARTED_BY: COMMAND_LINE})
        of_the_ui = instance.create_run_for_job(job, status=started)
        run_refresh(home, rebuild=False, periods=(), on_step=lambda _: None)
        found = {run.run_id: run.status for run in instance.get_runs()}
    assert found[dead.run_id] == dg.DagsterRunStatus.FAILURE
    assert found[of_the_ui.run_id] == started


def test_a_home_without_a_raw_zone_says_what_to_create(tmp_path: Path):
    with pytest.raises(HomeError) as caught:
        run_refresh(settings(home=tmp_path), rebuild=False, periods=(), on_step=lambda _: None)
    assert f"{tmp_path} has no folder raw" in str(caught.value)
    assert f"create {tmp_path / 'raw'}" in caught.value.fix


# A file that changes while a run is at work


@at_night("`model_based/test_law` overwrites files during runs")
def test_a_file_that_is_overwritten_before_it_is_read_is_a_change_for_the_sensor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path / "feeds/ledger.yaml", LEDGER)
    content = "Date,Dept,Account,Amount\n2025-01-01,D1,6000,2.00\n"
    for name in ("ledger_1.csv", "ledger_2.csv"):
        write(tmp_path / "raw" / name, content.replace("D1", name[7:8]))
    original = PipesJobRunner.run

    def overwriting(self: PipesJobRunner, context: Any, job: Any, request: Any) -> Any:
        if job == "standardise":
            write(tmp_path / "raw/ledger_2.csv", content.replace("2.00", "3.00"))
        return original(self, context, job, request)

    with monkeypatch.context() as patch:
        patch.setattr(PipesJobRunner, "run", overwriting)
        outcome = run_refresh(settings(home=tmp_path), rebuild=False, periods=(), on_step=lambda _: None)
    processed = LocalStore(tmp_path / "processed")
    assert (outcome.succeeded, outcome.deliveries_read) == (True, 1)
    assert last_refresh(processed) is None
    again = run_refresh(settings(home=tmp_path), rebuild=False, periods=(), on_step=lambda _: None)
    assert again.deliveries_read == 1
    assert last_refresh(processed) is not None
