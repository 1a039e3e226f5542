"""What runs add to the pages of assets: figures, previews, the grid of months, the timelines, staleness.

Belongs here: events and metadata after real runs of one small home. Does not belong here: what a page says before any
run (see `test_describing_pages`), what a run does (see `test_refresh`).

Each fixture that is called after an event is a chapter: it changes the home, runs, and keeps what was then seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.instance import DagsterInstance
from dagster._core.loader import LoadingContextForTest

from finance_platform.deliveries.decisions import Author, close, withdraw
from finance_platform.orchestration.assets import standardise, warehouse
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.refresh_run import run_refresh
from finance_platform.orchestration.ui.specs import BY_PERIOD
from finance_platform.settings import Settings
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import published_versions
from finance_platform_tests.unit.factories import settings, write

pytestmark = [pytest.mark.end_to_end, pytest.mark.filterwarnings(r"ignore::DeprecationWarning:dagster\._core")]

SUPPLIER = "Rosalind Featherstonehaugh"
"""A person who supplies; no page may show the name."""

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
"""A good line, and one whose cells came in the wrong order."""
FEBRUARY = f"2025-02-03,D100,6000,250.01,{SUPPLIER}\n"
MARCH = f"2025-03-03,D100,6000,9.00,{SUPPLIER}\n"

AUTHOR = Author("controller", "because", datetime(2025, 6, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Told:
    """One event of an asset that is beside the run's own."""

    partition: str | None
    tags: Mapping[str, str]
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """What there is after a run.

    Attributes:
        run_id: the run.
        pages: the metadata of each asset's last event.
        everything: every event of the run as text, checks and logs too.
        infos: what the run logged for people.
        periods: events of the grid in this run, by period.
        deliveries: events of the timelines in this run.
        partitions: the periods of the grid.
        status: what Dagster says of each asset.
    """

    run_id: str
    pages: Mapping[str, Mapping[str, Any]]
    everything: str
    infos: list[str]
    periods: Mapping[str, Told]
    deliveries: list[Told]
    partitions: list[str]
    status: Mapping[str, StaleStatus]


def staleness(home: Settings, instance: DagsterInstance) -> dict[str, StaleStatus]:
    graph = build_definitions(home).resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return {key.to_user_string(): resolver.get_status(key) for key in graph.materializable_asset_keys}


def run(home: Settings) -> Seen:
    outcome = run_refresh(home, rebuild=False, periods=(), on_step=lambda _: None)
    assert outcome.succeeded, outcome.error
    with open_instance(home.dagster_home) as instance:
        logs = instance.all_logs(outcome.run_id)
        keys = build_definitions(home).resolve_asset_graph().materializable_asset_keys
        last = {key.to_user_string(): instance.get_latest_materialization_event(key) for key in keys}
        events = [entry.asset_materialization for entry in logs if entry.asset_materialization]
        told = [(event.asset_key, _told(event)) for event in events]
        return Seen(
            run_id=outcome.run_id,
            pages={key: _values(entry.asset_materialization) for key, entry in last.items() if entry},
            everything="\n".join(dg.serialize_value(entry) for entry in logs),
            infos=[entry.user_message for entry in logs if not entry.is_dagster_event],
            periods={one.partition or "": one for key, one in told if key == BY_PERIOD},
            deliveries=[one for key, one in told if key.path[0] == "deliveries"],
            partitions=list(instance.get_dynamic_partitions("period")),
            status=staleness(home, instance),
        )


def _told(event: dg.AssetMaterialization) -> Told:
    return Told(event.partition, event.tags or {}, _values(event))


def _values(event: dg.AssetMaterialization | None) -> dict[str, Any]:
    return {name: value.value for name, value in event.metadata.items()} if event else {}


def rows(page: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [dict(record.data) for record in page[name].records]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A feed whose lines name a supplier, in two months; a budget of one."""
    folder = tmp_path_factory.mktemp("home")
    write(folder / "feeds/spend.yaml", SPEND)
    write(folder / "raw/spend_1.csv", HEADER + JANUARY + FEBRUARY)
    write(folder / "raw/budget.csv", "period,department_code,account_number,budget_amount\n2025-01,D100,6000,900.00\n")
    write(folder / "raw/departments.csv", "department_code,department_name\nD100,Works\n")
    write(folder / "raw/accounts.csv", "account_number,account_name,account_type\n6000,Rent,Expense\n")
    return settings(home=folder)


@pytest.fixture(scope="module")
def first(home: Settings) -> Seen:
    """The first run."""
    return run(home)


@pytest.fixture(scope="module")
def again(home: Settings, first: Seen) -> Seen:
    """Nothing happened."""
    assert first.run_id
    return run(home)


@pytest.fixture(scope="module")
def restated(home: Settings, again: Seen) -> Seen:
    """January was closed, and a later file says another amount for its line."""
    assert again.run_id
    versions = {
        period: version
        for (table, period), version in published_versions(DuckDBWarehouse(home.warehouse_path)).items()
        if table == "fact_financials"
    }
    close(LocalStore(home.processed_root), "2025-01", AUTHOR, wanted=versions, published=versions)
    write(home.home_path / "raw/spend_2.csv", HEADER + JANUARY.replace("1000.49", "1100.50"))
    return run(home)


@pytest.fixture(scope="module")
def killed(home: Settings, restated: Seen) -> tuple[Seen, Seen]:
    """March came, and the process was killed before it told of it; the run after that."""
    assert restated.run_id
    write(home.home_path / "raw/spend_3.csv", HEADER + MARCH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standardise, "report_deliveries", lambda *_, **__: None)
        patch.setattr(warehouse, "report_periods", lambda *_, **__: None)
        silent = run(home)
    return silent, run(home)


@pytest.fixture(scope="module")
def withdrawn(home: Settings, killed: tuple[Seen, Seen]) -> Seen:
    """March was withdrawn, and a file came in which no line is good."""
    assert killed
    write(home.home_path / "raw/spend_bad.csv", HEADER + f"2025-01-04,D100,6000,{SUPPLIER},1.00\n")
    withdraw(LocalStore(home.processed_root), "spend_3.csv", AUTHOR)
    return run(home)


@pytest.fixture(scope="module")
def registered(home: Settings, withdrawn: Seen) -> Iterator[dict[str, StaleStatus]]:
    """A file came, and somebody ran nothing but `register`."""
    assert withdrawn.run_id
    write(home.home_path / "raw/spend_4.csv", HEADER + FEBRUARY.replace("02-03", "02-04"))
    definitions = build_definitions(home)
    raw = [key for key in definitions.resolve_asset_graph().materializable_asset_keys if key.path[0] == "raw"]
    with open_instance(home.dagster_home) as instance:
        job = definitions.resolve_job_def(REFRESH)
        assert job.execute_in_process(instance=instance, asset_selection=raw).success
        yield staleness(home, instance)


# Figures


def test_money_is_exact_text_and_a_whole_number_to_plot(first: Seen):
    fact = first.pages["warehouse/fact_financials"]
    assert fact["amount_Actual"] == "1,250.50 USD"
    assert fact["amount_Actual_in_whole_USD"] == 1251
    assert first.pages["processed/transactions"]["amount"] == "1,250.50 USD"
    assert first.pages["reporting/variance_report"]["last_year_variance_Expense"] == "100.49 USD"


def test_no_metadata_is_a_float(first: Seen, restated: Seen):
    for seen in (first, restated):
        told = [*seen.pages.values(), *(one.metadata for one in (*seen.periods.values(), *seen.deliveries))]
        cells = [cell for page in told for name in page for cell in _cells(page[name])]
        assert not [cell for cell in cells if isinstance(cell, float)]


def _cells(value: Any) -> list[Any]:
    records = getattr(value, "records", None)
    return [cell for record in records for cell in record.data.values()] if records is not None else [value]


def test_the_fact_table_shows_a_row_for_each_period(first: Seen, restated: Seen):
    for key in ("processed/fact_financials", "warehouse/fact_financials"):
        january, february = rows(first.pages[key], "periods")
        assert (january["period"], january["Actual"], january["Budget"]) == ("2025-01", "1,000.49", "900.00")
        assert (february["period"], february["Actual"], february["Budget"]) == ("2025-02", "250.01", None)
        assert january["version"] != february["version"]
        assert january["built"]
    published = rows(restated.pages["warehouse/fact_financials"], "periods")
    assert [bool(row["restated"]) for row in published] == [True, False]
    assert [row["now"] for row in published] == ["changed", ""]
    assert all(row["loaded"] for row in published)


def test_rows_are_counted(first: Seen):
    counts = {key: page["dagster/row_count"] for key, page in first.pages.items() if "dagster/row_count" in page}
    assert counts["processed/transactions"] == 2
    assert counts["processed/rejected_rows"] == 1
    assert counts["warehouse/dim_account"] == counts["processed/dim_account"] == 1
    assert counts.keys() == {key for key in first.pages if not key.startswith("raw/")}


def test_each_table_shows_its_first_rows(first: Seen, again: Seen):
    for seen in (first, again):
        for key, page in seen.pages.items():
            if key.startswith(("processed/", "warehouse/")):
                assert 1 <= len(rows(page, "preview")) <= 5, key
    (line,) = rows(first.pages["warehouse/dim_department"], "preview")
    assert (line["DepartmentCode"], line["DepartmentName"], line["IsInferred"]) == ("D100", "Works", False)


def test_a_preview_shows_what_is_published_now(again: Seen, restated: Seen):
    before, now = (rows(seen.pages["warehouse/fact_financials"], "preview") for seen in (again, restated))
    assert "1,000.49" in {row["Amount"] for row in before}
    assert "1,100.50" in {row["Amount"] for row in now}


def test_a_supplier_shows_nowhere(first: Seen, again: Seen, restated: Seen, killed: tuple[Seen, Seen]):
    for seen in (first, again, restated, *killed):
        assert "Featherstonehaugh" not in seen.everything
    assert "1,000.49" in first.everything


def test_a_run_with_nothing_new_writes_little(again: Seen):
    assert len(again.everything) < 600_000
    assert max(len(json.dumps(str(page))) for page in again.pages.values()) < 20_000


def test_the_log_says_what_was_done_in_a_line_each(first: Seen, again: Seen, restated: Seen):
    said = "\n".join(first.infos)
    assert (
        "read spend_1.csv: 3 rows, 2 accepted, 1 rejected, 0 duplicate, 0 skipped, reaching 2 periods (2025-01 …"
        in said
    )
    assert "built 2 periods (2025-01 … 2025-02), 4 dimensions" in said
    assert "loaded 2 periods (2025-01 … 2025-02), 4 dimensions, 0 restated, as load 1" in said
    assert "loaded 1 period (2025-01), 2 dimensions, 1 restated, as load 2" in "\n".join(restated.infos)
    assert "nothing new to read" in again.infos
    assert all("\n" not in line for line in first.infos)


# The grid of months


def test_each_load_of_a_period_is_an_event_of_its_partition(first: Seen, again: Seen, restated: Seen):
    assert first.partitions == restated.partitions == ["2025-01", "2025-02"]
    assert list(first.periods) == ["2025-01", "2025-02"]
    assert again.periods == {}
    assert list(restated.periods) == ["2025-01"]
    before, now = first.periods["2025-01"], restated.periods["2025-01"]
    assert (before.metadata["amount_Actual"], now.metadata["amount_Actual"]) == ("1,000.49 USD", "1,100.50 USD")
    assert (before.metadata["is_restated"], now.metadata["is_restated"]) == (False, True)
    assert (before.metadata["load_number"], now.metadata["load_number"]) == (1, 2)
    assert before.tags["dagster/data_version"] != now.tags["dagster/data_version"]


def test_a_load_that_a_killed_process_did_not_tell_of_is_told_by_the_next_run(killed: tuple[Seen, Seen]):
    silent, healed = killed
    assert silent.periods == {}
    assert list(healed.periods) == ["2025-03"]
    assert healed.partitions == ["2025-01", "2025-02", "2025-03"]


def test_a_period_that_is_taken_out_leaves_the_grid(withdrawn: Seen):
    assert withdrawn.partitions == ["2025-01", "2025-02"]
    assert withdrawn.periods == {}


# The timeline of deliveries


def test_each_delivery_that_was_read_is_an_event_of_its_feed(first: Seen, again: Seen, restated: Seen):
    assert sorted(one.metadata["file"] for one in first.deliveries) == [
        "accounts.csv",
        "budget.csv",
        "departments.csv",
        "spend_1.csv",
    ]
    assert again.deliveries == []
    (second,) = restated.deliveries
    (spend,) = [one for one in first.deliveries if one.metadata["file"] == "spend_1.csv"]
    assert spend.metadata["candidate_lines"] == 3
    assert (spend.metadata["accepted_rows"], spend.metadata["rejected_rows"]) == (2, 1)
    assert spend.metadata["accepted_amount"] == "1,250.50 USD"
    assert spend.metadata["accepted_amount_in_whole_USD"] == 1251
    assert spend.metadata["periods"] == "2 periods (2025-01 … 2025-02)"
    assert spend.metadata["verdict"] == "counts"
    assert spend.metadata["first_seen"] <= spend.metadata["read_at"]
    assert second.tags["finance_platform/delivery"] != spend.tags["finance_platform/delivery"]


def test_a_delivery_that_a_killed_process_did_not_tell_of_is_told_by_the_next_run(killed: tuple[Seen, Seen]):
    silent, healed = killed
    assert silent.deliveries == []
    assert [one.metadata["file"] for one in healed.deliveries] == ["spend_3.csv"]


def test_a_delivery_that_is_held_says_so_and_why_without_a_word_of_its_text(withdrawn: Seen):
    (bad,) = withdrawn.deliveries
    assert bad.metadata["file"] == "spend_bad.csv"
    assert bad.metadata["verdict"].startswith("held: ")
    assert bad.metadata["accepted_amount"] == "0.00 USD"
    assert "Featherstonehaugh" not in withdrawn.everything


# Staleness


def test_a_run_leaves_everything_fresh_whether_something_was_new_or_not(first: Seen, again: Seen, restated: Seen):
    for seen in (first, again, restated):
        unread = {"raw/forecast", "raw/transactions"}  # there is no file, but the look at the raw zone was made
        assert unread <= seen.status.keys()
        assert set(seen.status.values()) == {StaleStatus.FRESH}


def test_what_a_new_file_reaches_is_stale_until_it_is_made_and_nothing_else(registered: dict[str, StaleStatus]):
    # Dagster asks each asset of its own parents: what is further down turns stale when these are made.
    stale = {key for key, status in registered.items() if status == StaleStatus.STALE}
    assert stale == {"processed/transactions", "processed/rejected_rows"}
    assert set(registered.values()) == {StaleStatus.STALE, StaleStatus.FRESH}
