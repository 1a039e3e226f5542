"""Runs of any selection: one table, a group, what is upstream or downstream of a table, checks alone.

Belongs here: what a selection runs, reports and leaves alone. Does not belong here: loads of what fails a check (see
`test_load_selection`), clicks (see `browser`).

The selections are texts, as `dagster asset materialize --select` takes them, run from code by `dagster.materialize`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.star import STAR
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.resources import platform_resources
from finance_platform.refresh.steps.complete_run import read_complete_run
from finance_platform.refresh.steps.full_audit import AUDITED
from finance_platform.settings import Settings
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import PublishedSlice, published_slices
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.factories import settings, write

pytestmark = pytest.mark.end_to_end

JOURNAL = """\
feed: journal
kind: ledger
path: journal*.csv
columns:
  date: {from: Date, formats: [yyyy-MM-dd]}
  department: {from: Dept}
  account: {from: Account}
  amount: {from: Amount}
constants: {scenario: Actual}
"""
LINES = "Date,Dept,Account,Amount\n2025-01-10,D100,4000,100.00\n2025-02-10,D100,4000,120.00\n"
LATER_LINES = LINES.replace("2025-01", "2025-03").replace("D100,4000,120", "D200,4000,120")
ACCOUNTS = "account_number,account_name,account_type\n4000,Sales,Revenue\n"
ALL_TABLES = {f"warehouse/{contract.name}" for contract in STAR}
Published = dict[tuple[str, str], PublishedSlice]


@dataclass(frozen=True)
class Ran:
    """A run: whether it succeeded, the assets and checks with events, and the log messages of its steps."""

    is_success: bool
    assets: set[str]
    checks: dict[str, bool]
    messages: list[str]


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return new_home(tmp_path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, Ran]]:
    """A home after the runs of `SELECTIONS`, and these runs."""
    home = new_home(tmp_path_factory.mktemp("home"))
    return home, {selection: run(home, selection) for selection in SELECTIONS}


def new_home(tmp_path: Path) -> Settings:
    write(tmp_path / "feeds/journal.yaml", JOURNAL)
    write(tmp_path / "raw/journal_1.csv", LINES)
    write(tmp_path / "raw/accounts.csv", ACCOUNTS)
    return settings(home=tmp_path)


@contextmanager
def opened(home: Settings) -> Iterator[tuple[dg.Definitions, dg.DagsterInstance]]:
    with open_instance(home.dagster_home) as instance:
        yield build_definitions(home), instance


def run(home: Settings, selection: str | dg.AssetSelection) -> Ran:
    with opened(home) as (definitions, instance):
        result = dg.materialize(
            [one for one in definitions.assets or () if isinstance(one, dg.AssetsDefinition | dg.AssetSpec)],
            selection=selection,
            resources=platform_resources(home),
            instance=instance,
            raise_on_error=False,
        )
        events = instance.all_logs(result.run_id)
    evaluated = result.get_asset_check_evaluations()
    return Ran(
        result.success,
        {one.asset_materialization.asset_key.to_user_string() for one in events if one.asset_materialization},
        {f"{one.asset_key.to_user_string()} {one.check_name}": one.passed for one in evaluated},
        [one.user_message for one in events if not one.is_dagster_event],
    )


def refresh(home: Settings) -> None:
    assert run(home, dg.AssetSelection.all()).is_success


def published(home: Settings) -> Published:
    return published_slices(DuckDBWarehouse(home.warehouse_path))


def check(asset: str, name: str) -> dg.AssetSelection:
    return dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(asset.split("/")), name))


SELECTIONS = {
    "raw/journal": {"raw/journal"},
    'group:"processed"': {"processed/transactions", "processed/rejected_rows", "processed/fact_financials"},
    "warehouse/dim_account": {"warehouse/dim_account"},
    '+key:"reporting/variance_report"': {"reporting/variance_report", *ALL_TABLES},
    'key:"raw/journal"+': {"raw/journal", "processed/transactions", *ALL_TABLES, "reporting/report_pack"},
}
"""By selection, assets that it must update."""


def test_one_table_a_group_and_what_is_upstream_or_downstream_run_from_a_fresh_home_on(
    ran: tuple[Settings, dict[str, Ran]],
):
    home, runs = ran
    for selection, updated in SELECTIONS.items():
        assert runs[selection].is_success, selection
        assert updated <= runs[selection].assets, selection
    assert {period for table, period in published(home) if table == "fact_financials"} == {"2025-01", "2025-02"}


def test_a_selection_that_looks_for_no_files_says_so_in_a_home_of_which_nothing_is_read(tmp_path: Path):
    home = new_home(tmp_path)
    for selection in ("warehouse/fact_financials", "processed/dim_account", "processed/transactions"):
        (warning,) = [line for line in run(home, selection).messages if "no file has been read yet" in line]
        assert "start the job refresh" in warning, selection
    assert not any("no file" in line for line in run(home, "raw/journal").messages)
    read = run(home, 'group:"raw" or group:"processed"')
    assert not any("no file" in line for line in read.messages)
    assert not any("no file" in line for line in run(home, "warehouse/fact_financials").messages)


def test_one_table_of_the_warehouse_is_published_with_all_others_and_the_log_names_them(
    ran: tuple[Settings, dict[str, Ran]],
):
    home, _ = ran
    write(home.home_path / "raw/journal_2.csv", LATER_LINES)
    assert run(home, 'group:"raw"').is_success
    read = run(home, "processed/transactions")
    assert {"processed/transactions", "processed/rejected_rows", "deliveries/journal"} <= read.assets
    assert any("every pending file is read" in line and "rejected_rows" in line for line in read.messages)
    before = published(home)
    loaded = run(home, "warehouse/dim_date")
    assert {"warehouse/dim_department", "warehouse/fact_financials", "processed/fact_financials"} <= loaded.assets
    assert "warehouse/dim_scenario" not in loaded.assets  # its rows are the same
    assert loaded.checks["warehouse/fact_financials lake_equals_warehouse"]
    assert any(
        line.startswith("not selected and done all the same, because a load needs it: build_star; ")
        for line in loaded.messages
    )
    assert any(
        line.startswith(
            "not selected and updated all the same, because all stale slices are published together or none: "
            "warehouse/dim_department, "
        )
        for line in loaded.messages
    )
    after = published(home)
    assert after.keys() ^ before.keys() == {("fact_financials", "2025-03")}
    # Once: a refresh has nothing left to publish.
    refresh(home)
    assert published(home) == after


@pytest.mark.usefixtures("opens_readers")  # DuckDB lets no reader of this process be open while it writes the file
def test_checks_by_themselves_read_what_is_published_change_nothing_and_find_what_somebody_changed(home: Settings):
    refresh(home)
    write(home.home_path / "raw/journal_2.csv", LATER_LINES)
    before, register = published(home), sorted((home.home_path / "processed/register").iterdir())
    selected = (
        check("warehouse/fact_financials", "lake_equals_warehouse")
        | check("warehouse/fact_financials", "amounts_are_usual")
        | check("processed/fact_financials", "ledger_lines_equal_star")
        | check("processed/rejected_rows", "no_file_is_refused")
        | check("raw/journal", "files_can_be_opened")
    )
    checked = run(home, selected)
    assert checked.is_success
    assert (home.home_path / "processed" / AUDITED).exists()
    assert (len(checked.checks), set(checked.checks.values()), checked.assets) == (5, {True}, set())
    assert (published(home), sorted((home.home_path / "processed/register").iterdir())) == (before, register)

    with duckdb.connect(str(home.warehouse_path)) as connection:
        connection.execute("UPDATE finance.FactFinancials SET Amount = Amount + 1 WHERE Amount = 100")
    equal, references = "lake_equals_warehouse", "references_resolve"
    checked = run(home, check("warehouse/fact_financials", equal) | check("warehouse/fact_financials", references))
    assert not checked.is_success
    assert checked.checks == {
        f"warehouse/fact_financials {equal}": False,
        f"warehouse/fact_financials {references}": True,
    }
    # The next load relies on no slice that it does not replace, and the next run is one.
    assert not (home.home_path / "processed" / AUDITED).exists()
    assert read_complete_run(LocalStore(str(home.home_path / "processed"))) is None


@pytest.mark.parametrize("table", ["transactions", "dim_scenario"])
def test_the_check_of_a_table_fails_for_a_file_that_lost_a_column(table: str, home: Settings):
    refresh(home)
    file = min((home.home_path / "processed" / table).glob("2*/**/*.parquet"))
    whole = pq.read_table(file, partitioning=None)
    pq.write_table(whole.drop_columns(whole.column_names[-1:]), file)
    other = "accounts" if table == "transactions" else "dim_account"
    name = "schema_matches_contract"
    checked = run(home, check(f"processed/{table}", name) | check(f"processed/{other}", name))
    assert checked.checks == {f"processed/{table} {name}": False, f"processed/{other} {name}": True}
    assert not checked.is_success


def test_every_check_can_be_executed_by_itself_and_no_table_needs_another_one(home: Settings):
    with opened(home) as (definitions, _):
        graph = definitions.resolve_asset_graph()
    keys: list[dg.AssetKey | dg.AssetCheckKey] = [*graph.asset_check_keys, *graph.materializable_asset_keys]
    together = {key for key in keys if len(graph.get_execution_set_asset_and_check_keys(key)) > 1}
    assert together == set()


def test_every_declared_check_has_a_result_when_checks_alone_are_executed(ran: tuple[Settings, dict[str, Ran]]):
    home, _ = ran
    with opened(home) as (definitions, _):
        keys = definitions.resolve_asset_graph().asset_check_keys
    declared = {f"{key.asset_key.to_user_string()} {key.name}" for key in keys}
    never = declared - run(home, dg.AssetSelection.all_asset_checks()).checks.keys()
    assert not never, "declared in quality/checks.py; add the evaluation to what its step calls for checks alone"


def test_what_has_no_step_is_refused_before_a_run_starts(home: Settings):
    with pytest.raises(dg.DagsterInvalidDefinitionError) as refused:
        run(home, "deliveries/journal")
    assert "Invalid selected keys: {AssetKey(['deliveries', 'journal'])}" in str(refused.value.__cause__)
    with opened(home) as (_, instance):
        assert instance.get_runs_count() == 0


def test_the_command_of_dagster_takes_what_is_downstream_of_a_feed(home: Settings):
    if not current_profile().is_exhaustive:
        pytest.skip("a process of Dagster takes five seconds; `run` takes the same selections")
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "-m", "finance_platform.definitions"]
    environment = {"FINANCE_PLATFORM_HOME": str(home.home_path), "DAGSTER_HOME": str(home.dagster_home)}
    with open_instance(home.dagster_home):
        pass  # which writes its configuration
    done = subprocess.run(
        [*command, "--select", 'key:"raw/journal"+'], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert published(home)
