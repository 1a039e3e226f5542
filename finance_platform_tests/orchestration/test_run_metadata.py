"""Metadata of runs on the pages of assets: figures, previews, the grid of months, the timelines, staleness.

Belongs here: events and metadata after real runs of one small home. Does not belong here: pages before any run (see
`test_asset_pages`), the results of a run (see `test_refresh`).

Each fixture that is named after an event is a chapter: it changes the home, runs, and keeps the resulting state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.instance import DagsterInstance
from dagster._core.loader import LoadingContextForTest

from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.decisions import withdraw
from finance_platform.deliveries.period_decisions import close
from finance_platform.orchestration.assets import standardise, warehouse
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.refresh_run import run_refresh
from finance_platform.orchestration.ui.table_specs import BY_PERIOD
from finance_platform.settings import Settings
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import published_versions
from finance_platform_tests.dagster_jobs import runs_store_outputs
from finance_platform_tests.unit.factories import settings, write

pytestmark = [pytest.mark.end_to_end, pytest.mark.filterwarnings(r"ignore::DeprecationWarning:dagster\._core")]

SUPPLIER = "Rosalind Featherstonehaugh"
"""The name of a supplier, which no page may show."""

SPEND = """\
feed: spend
kind: ledger
path: spend*.csv
columns:
  date: {from: Date, formats: [yyyy-MM-dd]}
  department: {from: Dept}
  account: {from: Account}
  amount: {from: Amount}
  description: {from: Supplier}
constants: {scenario: Actual}
load: {mode: upsert, key: [date, description]}
tolerance: {rejected_rows: 0.9}
hold_if_removes: never
"""
HEADER = "Date,Dept,Account,Amount,Supplier\n"
JANUARY = f"2025-01-03,D100,6000,1000.49,{SUPPLIER}\n2025-01-04,D100,6000,{SUPPLIER},1.00\n"
"""A valid line, and a line with two cells in the wrong order."""
FEBRUARY = f"2025-02-03,D100,6000,250.01,{SUPPLIER}\n"
MARCH = f"2025-03-03,D100,6000,9.00,{SUPPLIER}\n"

AUTHOR = Author("controller", "because", datetime(2025, 6, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Event:
    """One event of the grid of months or of a timeline."""

    partition: str | None
    tags: Mapping[str, str]
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class State:
    """The state after a run.

    Attributes:
        run_id: the run.
        pages: the metadata of each asset's last event.
        everything: every event of the run as text, including checks and logs.
        infos: the log messages of the run.
        periods: events of the grid in this run, by period.
        deliveries: events of the timelines in this run.
        partitions: the periods of the grid.
        status: the stale status of each asset in Dagster, if it was asked for.
    """

    run_id: str
    pages: Mapping[str, Mapping[str, Any]]
    everything: str
    infos: list[str]
    periods: Mapping[str, Event]
    deliveries: list[Event]
    partitions: list[str]
    status: Mapping[str, StaleStatus]


def staleness(home: Settings, instance: DagsterInstance) -> dict[str, StaleStatus]:
    graph = build_definitions(home).resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return {key.to_user_string(): resolver.get_status(key) for key in graph.materializable_asset_keys}


def run(home: Settings, *, with_status: bool = False) -> State:
    outcome = run_refresh(home, rebuild=False, periods=(), on_step=lambda _: None)
    assert outcome.succeeded, outcome.error
    with open_instance(home.dagster_home) as instance:
        logs = instance.all_logs(outcome.run_id)
        keys = build_definitions(home).resolve_asset_graph().materializable_asset_keys
        last = {key.to_user_string(): instance.get_latest_materialization_event(key) for key in keys}
        materializations = [entry.asset_materialization for entry in logs if entry.asset_materialization]
        events = [(materialization.asset_key, _event(materialization)) for materialization in materializations]
        return State(
            run_id=outcome.run_id,
            pages={key: _values(entry.asset_materialization) for key, entry in last.items() if entry},
            everything="\n".join(dg.serialize_value(entry) for entry in logs),
            infos=[entry.user_message for entry in logs if not entry.is_dagster_event],
            periods={event.partition or "": event for key, event in events if key == BY_PERIOD},
            deliveries=[event for key, event in events if key.path[0] == "deliveries"],
            partitions=list(instance.get_dynamic_partitions("period")),
            status=staleness(home, instance) if with_status else {},
        )


def _event(materialization: dg.AssetMaterialization) -> Event:
    return Event(materialization.partition, materialization.tags or {}, _values(materialization))


def _values(materialization: dg.AssetMaterialization | None) -> dict[str, Any]:
    return {name: value.value for name, value in materialization.metadata.items()} if materialization else {}


def rows(page: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [dict(record.data) for record in page[name].records]


@pytest.fixture(scope="module", autouse=True)
def _all_events() -> Iterator[None]:
    with runs_store_outputs():
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A feed whose lines name a supplier, in two months; a budget for one of them."""
    folder = tmp_path_factory.mktemp("home")
    write(folder / "feeds/spend.yaml", SPEND)
    write(folder / "raw/spend_1.csv", HEADER + JANUARY + FEBRUARY)
    write(folder / "raw/budget.csv", "period,department_code,account_number,budget_amount\n2025-01,D100,6000,900.00\n")
    write(folder / "raw/departments.csv", "department_code,department_name\nD100,Works\n")
    write(folder / "raw/accounts.csv", "account_number,account_name,account_type\n6000,Rent,Expense\n")
    return settings(home=folder, closed_periods="publish")


@pytest.fixture(scope="module")
def first(home: Settings) -> State:
    """The first run."""
    return run(home, with_status=True)


@pytest.fixture(scope="module")
def unchanged(home: Settings, first: State) -> State:
    """A second run without changes."""
    assert first.run_id
    return run(home, with_status=True)


@pytest.fixture(scope="module")
def restated(home: Settings, unchanged: State) -> State:
    """January was closed, and a later file has another amount for its line."""
    assert unchanged.run_id
    versions = {
        period: version
        for (table, period), version in published_versions(DuckDBWarehouse(home.warehouse_path)).items()
        if table == "fact_financials"
    }
    close(LocalStore(home.processed_root), "2025-01", AUTHOR, target=versions, published=versions)
    write(home.home_path / "raw/spend_2.csv", HEADER + JANUARY.replace("1000.49", "1100.50"))
    return run(home, with_status=True)


@pytest.fixture(scope="module")
def killed(home: Settings, restated: State) -> tuple[State, State]:
    """March came, and the process was killed before it reported it; and the run after that."""
    assert restated.run_id
    write(home.home_path / "raw/spend_3.csv", HEADER + MARCH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standardise, "report_deliveries", lambda *_, **__: None)
        patch.setattr(warehouse, "report_periods", lambda *_, **__: None)
        unreported = run(home)
    return unreported, run(home)


@pytest.fixture(scope="module")
def withdrawn(home: Settings, killed: tuple[State, State]) -> State:
    """March was withdrawn, and a file without a valid line came."""
    assert killed
    write(home.home_path / "raw/spend_bad.csv", HEADER + f"2025-01-04,D100,6000,{SUPPLIER},1.00\n")
    withdraw(LocalStore(home.processed_root), "spend_3.csv", AUTHOR)
    return run(home)


@pytest.fixture(scope="module")
def registered(home: Settings, withdrawn: State) -> Iterator[dict[str, StaleStatus]]:
    """A file came, and only `register` ran."""
    assert withdrawn.run_id
    write(home.home_path / "raw/spend_4.csv", HEADER + FEBRUARY.replace("02-03", "02-04"))
    definitions = build_definitions(home)
    raw = [key for key in definitions.resolve_asset_graph().materializable_asset_keys if key.path[0] == "raw"]
    with open_instance(home.dagster_home) as instance:
        job = definitions.resolve_job_def(REFRESH)
        assert job.execute_in_process(instance=instance, asset_selection=raw).success
        yield staleness(home, instance)


# Figures


def test_an_amount_is_exact_text_and_no_figure_adds_accounts_of_several_types(first: State):
    (lines,) = rows(first.pages["processed/transactions"], "by_file")
    assert lines["net sum of all lines, USD"] == "1,250.50"
    (expense,) = [row for row in rows(first.pages["reporting/variance_report"], "report") if row["Line"] == "Expense"]
    assert expense["Variance"] == "100.49"
    assert not [(key, name) for key, page in first.pages.items() for name in page if name.startswith("amount")]


def test_a_page_has_no_hash_and_nothing_to_plot_over_runs_but_rows_and_sizes(first: State):
    for key, page in first.pages.items():
        numbers = {name for name, value in page.items() if type(value) is int}
        assert numbers <= {"dagster/row_count", "size_in_bytes"}, key
        cells = [cell for name in page for cell in _cells(page[name])]
        assert not [cell for cell in cells if isinstance(cell, str) and re.fullmatch(r"[0-9a-f]{12,64}", cell)], key
        assert not [cell for cell in cells if type(cell) is int and cell > 2**40], key


def test_no_metadata_is_a_float(first: State, restated: State):
    for state in (first, restated):
        pages = [*state.pages.values(), *(event.metadata for event in (*state.periods.values(), *state.deliveries))]
        cells = [cell for page in pages for name in page for cell in _cells(page[name])]
        assert not [cell for cell in cells if isinstance(cell, float)]


def _cells(value: Any) -> list[Any]:
    records = getattr(value, "records", None)
    return [cell for record in records for cell in record.data.values()] if records is not None else [value]


def test_the_fact_table_shows_a_row_for_each_period(first: State, restated: State):
    february, january = rows(first.pages["warehouse/fact_financials"], "periods")
    assert (january["period"], january["expense"], january["revenue"]) == ("2025-01", "1,000.49", None)
    assert (february["period"], february["expense"], february["state"]) == ("2025-02", "250.01", "published")
    february, january = rows(first.pages["processed/fact_financials"], "periods")
    assert (january["scenarios"], february["scenarios"]) == ("Actual, Budget", "Actual")
    assert january["built"]
    february, january = rows(restated.pages["warehouse/fact_financials"], "periods")
    assert (january["expense"], january["state"]) == ("1,100.50", "closed")
    assert restated.pages["warehouse/fact_financials"]["changed_now"] == "2025-01"


def test_rows_are_counted(first: State):
    counts = {key: page["dagster/row_count"] for key, page in first.pages.items() if "dagster/row_count" in page}
    assert counts["processed/transactions"] == 2
    assert counts["processed/rejected_rows"] == 1
    page = first.pages["processed/rejected_rows"]
    assert {row["rule"]: row["rows"] for row in rows(page, "by_reason")} == {"invalid_amount": 1}
    assert "header_changes" not in page
    assert counts["warehouse/dim_account"] == counts["processed/dim_account"] == 1
    without_rows = {"reporting/report_pack"}
    assert counts.keys() == {key for key in first.pages if not key.startswith("raw/")} - without_rows


def test_each_table_has_a_preview(first: State, unchanged: State):
    for state in (first, unchanged):
        for key, page in state.pages.items():
            if key.startswith(("processed/", "warehouse/")) and not key.endswith("/fact_financials"):
                assert 1 <= len(rows(page, "preview")) <= 3, key
    (line,) = rows(first.pages["warehouse/dim_department"], "preview")
    assert (line["DepartmentCode"], line["DepartmentName"], line["IsInferred"]) == ("D100", "Works", False)


def test_a_preview_shows_the_published_rows(unchanged: State, restated: State):
    before, now = (rows(state.pages["warehouse/dim_account"], "preview") for state in (unchanged, restated))
    assert before == now
    assert [row["AccountNumber"] for row in now] == ["6000"]


def test_no_event_contains_the_name_of_a_supplier(
    first: State, unchanged: State, restated: State, killed: tuple[State, State]
):
    for state in (first, unchanged, restated, *killed):
        assert "Featherstonehaugh" not in state.everything
    assert "1,000.49" in first.everything


def test_a_run_without_changes_stores_little(unchanged: State):
    assert len(unchanged.everything) < 600_000
    assert max(len(json.dumps(str(page))) for page in unchanged.pages.values()) < 20_000


def test_the_log_has_one_line_per_action(first: State, unchanged: State, restated: State):
    log = "\n".join(first.infos)
    assert (
        "read spend_1.csv: 3 rows, 2 accepted, 1 rejected, 0 duplicate, 0 skipped, reaching 2 periods (2025-01 …" in log
    )
    assert "built 2 periods (2025-01 … 2025-02), 4 dimensions" in log
    assert "loaded 2 periods (2025-01 … 2025-02), 4 dimensions, 0 restated, as load 1" in log
    assert "loaded 1 period (2025-01), left 2 dimensions as before, 1 restated, as load 2" in "\n".join(restated.infos)
    assert "nothing new to read" in unchanged.infos
    assert all("\n" not in line for line in first.infos)


# The grid of months


def test_each_load_of_a_period_is_an_event_of_its_partition(first: State, unchanged: State, restated: State):
    assert first.partitions == restated.partitions == ["2025-01", "2025-02"]
    assert list(first.periods) == ["2025-01", "2025-02"]
    assert unchanged.periods == {}
    assert list(restated.periods) == ["2025-01"]
    before, now = first.periods["2025-01"], restated.periods["2025-01"]
    amount = "Actual expense, whole USD"
    assert (before.metadata[amount], now.metadata[amount]) == (1000, 1101)
    assert (before.metadata["state"], now.metadata["state"]) == ("published", "closed")
    assert (before.metadata["is_restated"], now.metadata["is_restated"]) == (False, True)
    assert (before.metadata["load_number"], now.metadata["load_number"]) == ("1", "2")
    assert before.tags["dagster/data_version"] != now.tags["dagster/data_version"]


def test_a_load_that_a_killed_process_did_not_report_is_reported_by_the_next_run(killed: tuple[State, State]):
    unreported, healed = killed
    assert unreported.periods == {}
    assert list(healed.periods) == ["2025-03"]
    assert healed.partitions == ["2025-01", "2025-02", "2025-03"]


def test_a_removed_period_is_removed_from_the_grid(withdrawn: State):
    assert withdrawn.partitions == ["2025-01", "2025-02"]
    assert withdrawn.periods == {}


# The timeline of deliveries


def test_each_delivery_that_was_read_is_an_event_of_its_feed(first: State, unchanged: State, restated: State):
    assert sorted(event.metadata["file"] for event in first.deliveries) == [
        "accounts.csv",
        "budget.csv",
        "departments.csv",
        "spend_1.csv",
    ]
    assert unchanged.deliveries == []
    (second,) = restated.deliveries
    (spend,) = [event for event in first.deliveries if event.metadata["file"] == "spend_1.csv"]
    assert spend.metadata["candidate_lines"] == 3
    assert (spend.metadata["accepted_rows"], spend.metadata["rejected_rows"]) == (2, 1)
    assert spend.metadata["accepted_amount"] == "1,250.50 USD"
    assert spend.metadata["periods"] == "2 periods (2025-01 … 2025-02)"
    assert spend.metadata["verdict"] == "counts"
    assert spend.metadata["first_seen"] <= spend.metadata["read_at"]
    assert second.tags["finance_platform/delivery"] != spend.tags["finance_platform/delivery"]


def test_a_delivery_that_a_killed_process_did_not_report_is_reported_by_the_next_run(killed: tuple[State, State]):
    unreported, healed = killed
    assert unreported.deliveries == []
    assert [event.metadata["file"] for event in healed.deliveries] == ["spend_3.csv"]


def test_the_event_of_a_held_delivery_has_the_reason_and_no_text_of_the_file(withdrawn: State):
    (bad,) = withdrawn.deliveries
    assert bad.metadata["file"] == "spend_bad.csv"
    assert bad.metadata["verdict"].startswith("held: ")
    assert bad.metadata["accepted_amount"] == "0.00 USD"
    assert "Featherstonehaugh" not in withdrawn.everything


# Staleness


def test_after_a_run_everything_is_fresh_with_or_without_changes(first: State, unchanged: State, restated: State):
    for state in (first, unchanged, restated):
        without_files = {"raw/forecast", "raw/transactions"}  # the raw zone was scanned for them all the same
        assert without_files <= state.status.keys()
        assert set(state.status.values()) == {StaleStatus.FRESH}


def test_only_the_tables_that_a_new_file_goes_into_are_stale_until_they_are_updated(registered: dict[str, StaleStatus]):
    # Dagster compares each asset with its direct parents: assets further down turn stale when these are updated.
    stale = {key for key, status in registered.items() if status == StaleStatus.STALE}
    assert stale == {"processed/transactions", "processed/rejected_rows"}
    assert set(registered.values()) == {StaleStatus.STALE, StaleStatus.FRESH}
