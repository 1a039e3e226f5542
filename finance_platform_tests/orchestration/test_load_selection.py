"""A load without the steps before it: it builds what is missing and publishes what is sound, or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from finance_platform.contracts.star import STAR
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.settings import Settings
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import published_slices
from finance_platform_tests.profiles import at_night
from finance_platform_tests.unit.factories import JOURNAL, settings, write

pytestmark = pytest.mark.end_to_end

LINES = "Date,Dept,Account,Dr,Cr\n2025-01-10,D100,4000,,100.00\n"
LOAD = [dg.AssetKey(["warehouse", contract.name]) for contract in STAR]
READ = [
    dg.AssetKey(["processed", name]) for name in ("transactions", "budget", "departments", "accounts", "rejected_rows")
]


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """A home with a journal whose account has no type, and so no sign."""
    write(tmp_path / "feeds/journal.yaml", JOURNAL)
    write(tmp_path / "raw/journal_1.csv", LINES)
    return settings(home=tmp_path)


def materialize(home: Settings, selection: list[dg.AssetKey] | None = None) -> tuple[bool, str]:
    """Run the job, or the steps of a selection; return whether it succeeded, and the title and text of its failures."""
    with open_instance(home.dagster_home) as instance:
        job = build_definitions(home).resolve_job_def(REFRESH)
        result = job.execute_in_process(instance=instance, asset_selection=selection, raise_on_error=False)
    failures = [event.step_failure_data.user_failure_data for event in result.get_step_failure_events()]
    return result.success, " ".join(str(failure.description) for failure in failures if failure)


@at_night("`test_reexecution` shows it of a whole run")
def test_a_load_by_itself_publishes_nothing_that_fails_a_blocking_check_of_the_star(home: Settings):
    write(home.home_path / "raw/accounts.csv", "account_number,account_name,account_type\n4000,Sales,Revenue\n")
    assert materialize(home, [dg.AssetKey(["raw", "journal"]), dg.AssetKey(["raw", "accounts"]), *READ])[0]
    (path,) = [
        path for path in (home.home_path / "processed/deliveries").iterdir() if "journal_1.csv" in path.read_text()
    ]
    sound = path.read_text()
    lost = json.loads(sound)
    lost["periods"][0]["rows"] += 1
    write(path, json.dumps(lost))
    for selection in (None, LOAD):
        is_success, failure = materialize(home, selection)
        assert not is_success
        assert "ledger_lines_equal_star" in failure
        assert published_slices(DuckDBWarehouse(home.warehouse_path)) == {}
    write(path, sound)
    assert materialize(home)[0]
    assert published_slices(DuckDBWarehouse(home.warehouse_path))
