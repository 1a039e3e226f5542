"""Re-execution from failure in Dagster: whatever step failed, it heals once the cause is repaired.

Belongs here: each step failed by a real cause, repaired, and re-executed by Dagster's public API, as its UI does.
Does not belong here: what a step does (see `test_refresh`, `test_load_step`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from finance_platform.deliveries.scans import last_refresh
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.settings import load_settings
from finance_platform_tests.dagster_jobs import runs_store_outputs
from finance_platform_tests.end_to_end.home import Home, Tables
from finance_platform_tests.end_to_end.small_home import ACCOUNTS, create_small_home
from finance_platform_tests.environment import clean_environment
from finance_platform_tests.profiles import at_night
from finance_platform_tests.unit.factories import JOURNAL

pytestmark = pytest.mark.end_to_end

STEPS = ["register", "standardise", "build_star", "load", "reporting__variance_report"]
JOURNAL_LINES = "Date,Dept,Account,Dr,Cr\n2024-03-10,D100,6100,100.00,\n"
DESCRIBED = f"{ACCOUNTS}6100,Rent,Expense,Premises,\n"
BUDGET_MORE = "period,department_code,account_number,budget_amount\n2024-03,D100,4000,5.00\n"

Repair = Callable[[], object]


def refresh_job() -> dg.JobDefinition:
    """Return the job of the home in the current folder; Dagster asks for it four times per run."""
    return _job_of(Path.cwd())


@cache
def _job_of(home: Path) -> dg.JobDefinition:
    return build_definitions(load_settings(home=home, spark_engine="sail")).resolve_job_def(REFRESH)


@dataclass(frozen=True)
class EndedRun:
    """A run that ended: whether it succeeded, the steps that failed, why, and those that it started."""

    run_id: str
    is_success: bool
    failed: list[str]
    started: list[str]
    errors: list[str]


@contextmanager
def instance_of(home: Home) -> Iterator[dg.DagsterInstance]:
    with clean_environment(home.path), open_instance(home.path / "dagster") as instance:
        yield instance


def execute(home: Home, parent_run_id: str | None = None, *, selects_all: bool = False) -> EndedRun:
    """Run the job; from the failure of another run, if one is given; with every asset selected, as the UI does."""
    _job_of.cache_clear()
    with instance_of(home) as instance:
        options = dg.ReexecutionOptions.from_failure(parent_run_id, instance) if parent_run_id else None
        job = dg.reconstructable(refresh_job)
        assets = sorted(job.get_definition().asset_layer.executable_asset_keys) if selects_all else None
        with dg.execute_job(
            job, instance, reexecution_options=options, asset_selection=assets, raise_on_error=False
        ) as result:
            events: Sequence[Any] = result.all_events
        return EndedRun(
            result.run_id,
            result.success,
            [event.step_key for event in events if event.is_step_failure],
            [event.step_key for event in events if event.event_type_value == "STEP_START"],
            [event.step_failure_data.error.message for event in events if event.is_step_failure],
        )


@dataclass(frozen=True)
class Outcome:
    """What is published, and whether the home counts as refreshed."""

    tables: Tables
    report: str
    files: list[str]
    is_refreshed: bool


def outcome(home: Home) -> Outcome:
    return Outcome(
        home.tables(),
        (home.path / "reports" / "variance_report.csv").read_text(encoding="utf-8"),
        sorted(home.commits()),
        last_refresh(home.processed) is not None,
    )


def new_home(path: Path) -> Home:
    home = create_small_home(path)
    home.write("feeds/journal.yaml", JOURNAL)
    home.write("raw/journal.csv", JOURNAL_LINES)
    home.write("raw/accounts.csv", DESCRIBED)
    home.write("raw/budget_more.csv", BUDGET_MORE)
    return home


@pytest.fixture(scope="module", autouse=True)
def _all_events() -> Iterator[None]:
    with runs_store_outputs():
        yield


@pytest.fixture(scope="module")
def without_fault(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The state of a home in which no step failed."""
    home = new_home(tmp_path_factory.mktemp("without_fault"))
    assert execute(home).is_success
    return outcome(home)


def _block(path: Path) -> Repair:
    """Put a file where a folder must be created; return how to remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"in the way")
    return path.unlink


def register_cannot_be_written(home: Home) -> Repair:
    return _block(home.path / "processed" / "register")


def lines_cannot_be_written(home: Home) -> Repair:
    return _block(home.path / "processed" / "transactions")


def star_cannot_be_written(home: Home) -> Repair:
    return _block(home.path / "processed" / "fact_financials")


def warehouse_is_open_elsewhere(home: Home) -> Repair:
    return _block(home.path / "warehouse.duckdb.wal")


def report_cannot_be_written(home: Home) -> Repair:
    return _block(home.path / "reports")


FAULTS: list[tuple[str, Callable[[Home], Repair]]] = [
    ("register", register_cannot_be_written),
    ("standardise", lines_cannot_be_written),
    ("build_star", star_cannot_be_written),
    ("load", warehouse_is_open_elsewhere),
    ("reporting__variance_report", report_cannot_be_written),
]


@at_night("the last test shows it of one step, with a blocking check to heal")
@pytest.mark.parametrize(("step", "break_home"), FAULTS, ids=[step for step, _ in FAULTS])
def test_a_failed_step_heals_by_re_execution_from_failure(
    step: str, break_home: Callable[[Home], Repair], without_fault: Outcome, tmp_path: Path
):
    home = new_home(tmp_path / "home")
    repair = break_home(home)
    failed = execute(home)
    assert (failed.is_success, failed.failed) == (False, [step])

    repair()
    healed = execute(home, failed.run_id)
    assert healed.is_success
    assert healed.started == STEPS[STEPS.index(step) :]
    assert outcome(home) == without_fault


def test_every_step_is_failed_by_a_fault():
    assert [step for step, _ in FAULTS] == STEPS


REPAIRED = [(star_cannot_be_written, False), (warehouse_is_open_elsewhere, True)]


@at_night("the last test shows it of one step, with a blocking check to heal")
@pytest.mark.parametrize(("break_home", "selects_all"), REPAIRED)
def test_a_file_that_arrives_with_the_repair_is_read_by_the_re_execution(
    break_home: Callable[[Home], Repair], selects_all: bool, without_fault: Outcome, tmp_path: Path
):
    """The failed step alone would never see the accounts file that gives the journal's account a type."""
    home = new_home(tmp_path / "home")
    home.write("raw/accounts.csv", ACCOUNTS)
    repair = break_home(home)
    failed = execute(home, selects_all=selects_all)
    assert not failed.is_success
    again = execute(home, failed.run_id, selects_all=selects_all)
    assert again.failed == failed.failed

    repair()
    home.write("raw/accounts.csv", DESCRIBED)
    assert execute(home, again.run_id, selects_all=selects_all).is_success
    assert outcome(home) == without_fault


def lines_lose_one(home: Home) -> Repair:
    """Make the commit of a file say one line more than its lines are; return how to correct it."""
    commits = (home.path / "processed/deliveries").iterdir()
    (path,) = [one for one in commits if '"transactions.csv"' in one.read_text()]
    sound = path.read_text()
    commit = json.loads(sound)
    commit["periods"][0]["rows"] += 1
    path.write_text(json.dumps(commit))
    return lambda: path.write_text(sound)


def test_a_failed_check_heals_by_re_execution_from_failure_which_reads_a_file_that_arrives_with_the_repair(
    without_fault: Outcome, tmp_path: Path
):
    """The failed step alone would never see the accounts file that gives the journal's account a type."""
    home = new_home(tmp_path / "home")
    home.write("raw/accounts.csv", ACCOUNTS)
    (home.path / "raw/budget_more.csv").unlink()
    assert execute(home).is_success
    before, refreshed = home.tables(), last_refresh(home.processed)
    assert "journal.csv" not in home.commits()

    repair = lines_lose_one(home)
    home.write("raw/budget_more.csv", BUDGET_MORE)
    failed = execute(home)
    assert (failed.is_success, failed.failed) == (False, ["build_star"])
    # What the page of a run shows before the stack trace.
    (error,) = failed.errors
    assert "A blocking check failed, so nothing after it ran: ledger_lines_equal_star" in error
    assert "Rebuild everything with" in error
    assert 'File "' not in error
    assert (home.tables(), last_refresh(home.processed)) == (before, refreshed)

    repair()
    home.write("raw/accounts.csv", DESCRIBED)
    healed = execute(home, failed.run_id)
    assert (healed.is_success, healed.started) == (True, STEPS[STEPS.index("build_star") :])
    assert outcome(home) == without_fault
    assert last_refresh(home.processed) != refreshed
