"""Periods that are built and loaded again in one run, and the grid of months that shows them.

Belongs here: the job `rebuild_periods`, states of the grid. Does not belong here: the grid after a load (see
`test_run_metadata`), the option `--rebuild` (see `test_refresh`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.period_decisions import close
from finance_platform.errors import RebuildError
from finance_platform.orchestration.code_location import LOCATION
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REBUILD_PERIODS, REFRESH
from finance_platform.orchestration.ui.table_specs import BY_PERIOD, by_period_spec
from finance_platform.refresh.steps.build_star import expand_periods
from finance_platform.settings import Settings
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import published_slices, published_versions
from finance_platform_tests.unit.factories import settings, write

FEED = """\
feed: spend
kind: ledger
path: spend*.csv
columns: {date: Date, department: Dept, account: Account, amount: Amount}
constants: {scenario: Actual}
"""
LINES = (
    "Date,Dept,Account,Amount\n2025-01-10,D100,6000,100.00\n2025-02-10,D100,6000,120.00\n2025-03-10,D100,6000,9.00\n"
)
ACCOUNTS = "account_number,account_name,account_type\n6000,Rent,Expense\n"


def run(home: Settings, job: str, **config: object) -> tuple[dg.ExecuteInProcessResult, dict[str, str], str]:
    """Run a job; return its result, the state of each period with an event, and the texts of failures."""
    with open_instance(home.dagster_home) as instance:
        resolved = build_definitions(home).resolve_job_def(job)
        result = resolved.execute_in_process(instance=instance, run_config=config, raise_on_error=False)
    failures = [event.step_failure_data.user_failure_data for event in result.get_step_failure_events()]
    events = (event.step_materialization_data.materialization for event in result.get_asset_materialization_events())
    states = {str(one.partition): str(one.metadata["state"].value) for one in events if one.asset_key == BY_PERIOD}
    return result, states, " ".join(str(failure.description) for failure in failures if failure)


def loads(home: Settings) -> dict[str, int]:
    ledger = published_slices(DuckDBWarehouse(home.warehouse_path))
    return {period: one.load_number for (table, period), one in ledger.items() if table == "fact_financials"}


@pytest.mark.end_to_end
def test_periods_are_built_and_loaded_again_in_one_run_and_cost_nothing_else(tmp_path: Path):
    home = settings(home=tmp_path)
    write(tmp_path / "feeds/spend.yaml", FEED)
    write(tmp_path / "raw/spend.csv", LINES)
    write(tmp_path / "raw/accounts.csv", ACCOUNTS)
    _, states, _ = run(home, REFRESH)
    assert states == dict.fromkeys(("2025-01", "2025-02", "2025-03"), "published")

    write(tmp_path / "raw/spend_new.csv", LINES.replace("2025-", "2024-"))
    result, states, _ = run(home, REBUILD_PERIODS, periods=["2025-02..2025-03"])
    assert result.success
    assert states == dict.fromkeys(("2025-02", "2025-03"), "published")
    # The new file is not read, and stays new for the next refresh.
    assert loads(home) == {"2025-01": 1, "2025-02": 2, "2025-03": 2}

    result, states, failure = run(home, REBUILD_PERIODS, periods=["2031-07"])
    assert (result.success, states) == (False, {})
    assert failure == (
        "These periods cannot be built again: 2031-07 to build again, and no file that counts has lines there\n"
        "  Fix: choose among the periods 2025-01 to 2025-03"
    )

    versions = {
        period: version
        for (table, period), version in published_versions(DuckDBWarehouse(home.warehouse_path)).items()
        if table == "fact_financials"
    }
    author = Author("controller", "signed", datetime(2025, 6, 1, tzinfo=UTC))
    close(LocalStore(home.processed_root), "2025-01", author, target=versions, published=versions)
    result, states, _ = run(home, REFRESH)
    assert result.success
    assert states == dict.fromkeys(("2024-01", "2024-02", "2024-03"), "published") | {"2025-01": "closed"}

    # The home's periods have a gap by now. The fix names none that would be refused as well.
    result, _, failure = run(home, REBUILD_PERIODS, periods=["2024-03..2025-02", "2025-06"])
    assert not result.success
    assert failure == (
        "These periods cannot be built again: 2024-04 to 2024-12, 2025-06 to build again, and no file that counts has "
        "lines there\n  Fix: choose among the periods 2024-01 to 2024-03, 2025-01 to 2025-03"
    )


def test_the_page_of_the_grid_leads_to_the_launchpad_of_the_job(tmp_path: Path):
    description = by_period_spec(settings(home=tmp_path)).description or ""
    assert f"[Launchpad of {REBUILD_PERIODS}](/locations/{LOCATION}/jobs/{REBUILD_PERIODS}/playground)" in description


def test_an_empty_list_of_periods_rebuilds_nothing(tmp_path: Path):
    """The Launchpad's "Scaffold missing config" writes it, and the steps would take it as every slice."""
    result, _, failure = run(settings(home=tmp_path), REBUILD_PERIODS, periods=[])
    assert not result.success
    assert "no period is given" in failure
    assert "give months as 2025-06" in failure


@pytest.mark.parametrize("step", ["build_star", "load"])
def test_periods_in_the_launchpad_of_the_refresh_that_would_not_be_built_again_are_refused(tmp_path: Path, step: str):
    (tmp_path / "raw").mkdir()
    result, _, failure = run(settings(home=tmp_path), REFRESH, ops={step: {"config": {"periods": ["2025-06"]}}})
    assert not result.success
    assert "periods are given, and rebuild is not true" in failure
    assert "set rebuild: true beside them, or start the job rebuild_periods" in failure


def test_the_launchpad_says_what_each_setting_of_a_step_does(tmp_path: Path):
    job = build_definitions(settings(home=tmp_path)).resolve_job_def(REFRESH)
    again = {"rebuild", "periods"}
    for step, names in {"register": {"skip_unstable"}, "build_star": again, "load": again}.items():
        definition: Any = job.get_node_named(step).definition
        fields = definition.config_schema.config_type.fields
        assert {name for name, field in fields.items() if field.description} == names


@pytest.mark.parametrize(
    ("texts", "periods"),
    [
        (["2025-06"], ["2025-06"]),
        (["2024-11..2025-02", "2024-12"], ["2024-11", "2024-12", "2025-01", "2025-02"]),
        ([], []),
    ],
)
def test_periods_are_months_or_ranges_of_months(texts: list[str], periods: list[str]):
    assert expand_periods(texts) == periods


@pytest.mark.parametrize(
    "text", ["2025-9", "2025-13", "2025", "2025-02..2025-01", "2025-02..", "..2025-02", "", "June"]
)
def test_what_is_no_period_is_refused_with_an_example(text: str):
    with pytest.raises(RebuildError, match="give months as 2025-06"):
        expand_periods([text])
