"""The pages of the assets: what each says of itself, and where every column comes from, back to a file's header.

Belongs here: specs as definitions load. Does not belong here: what a run adds (see `test_describing_runs`).
"""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlglot import exp
from sqlglot.lineage import lineage

from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import STAR
from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.ui.descriptions import GRAINS, RULES
from finance_platform.orchestration.ui.lineage import COMPUTED, REPORT_COLUMNS
from finance_platform.reports.variance import VarianceRow
from finance_platform.warehouse.statements import SqlFile, statement
from finance_platform_tests.unit.factories import LEDGER, settings, with_columns, with_lines, write

Column = tuple[str, str]
"""An asset's key as text, and the name of a column there."""

EVERYTHING = """\
feed: everything
kind: ledger
path: everything*.csv
owner: team:subsidiary
description: The ledger of the subsidiary.
columns:
  date: {from: [Date, Booked], formats: [dd.MM.yyyy]}
  period: {from: Period}
  department: {from: Cost Centre}
  account: {from: ["{Group}-{Code}", Account], default: "9999"}
  amount: {from: {debit: Dr, credit: Cr}, decimal: ",", thousands: "."}
  scenario: {from: Version, map: {A: Actual, B: Budget}}
  transaction_id: {from: No}
  account_name: {from: Text, required: false}
  description: {from: "supplier  name"}
order: {from_column: Sent}
load: {mode: upsert, key: [transaction_id, description]}
tolerance: {rejected_rows: 0.01, rejected_amount: 1000.00}
freshness: {warn_after_days: 35, fail_after_days: 40}
"""
"""A descriptor that says nearly all that one can say of columns."""

SPECS_WITHOUT_ENGINES = """
import sys
from finance_platform.definitions import build_definitions
from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.settings import load_settings
build_definitions(load_settings()).resolve_asset_graph()
print(sorted({"pyspark", "duckdb", "boto3", "pandas", "sqlglot"} & set(sys.modules)))
"""


def specs_of(home: Path) -> dict[str, dg.AssetSpec]:
    return {
        spec.key.to_user_string(): spec for spec in build_definitions(settings(home=home)).resolve_all_asset_specs()
    }


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dg.AssetSpec]:
    """The pages of a home that has only the shipped descriptors."""
    return specs_of(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dg.AssetSpec]:
    """The pages of a home with a descriptor that says nearly everything."""
    home = tmp_path_factory.mktemp("home")
    write(home / "feeds/everything.yaml", EVERYTHING)
    return specs_of(home)


def tables(specs: dict[str, dg.AssetSpec]) -> dict[str, dg.AssetSpec]:
    """The assets that are tables or files with columns; the others are timelines of those."""
    return {key: spec for key, spec in specs.items() if "dagster/column_schema" in spec.metadata}


def columns(spec: dg.AssetSpec) -> dict[str, dg.TableColumn]:
    return {column.name: column for column in spec.metadata["dagster/column_schema"].columns}


def sources(spec: dg.AssetSpec) -> dict[str, list[Column]]:
    lineage = spec.metadata.get("dagster/column_lineage")
    if lineage is None:
        return {}
    return {
        name: [(dep.asset_key.to_user_string(), dep.column_name) for dep in deps]
        for name, deps in lineage.deps_by_column.items()
    }


def ancestors(specs: dict[str, dg.AssetSpec], key: str) -> set[str]:
    parents = {dep.asset_key.to_user_string() for dep in specs[key].deps}
    return parents.union(*(ancestors(specs, parent) for parent in parents))


def headers_behind(specs: dict[str, dg.AssetSpec], column: Column) -> set[Column]:
    """The headers of raw files that a column leads back to."""
    key, name = column
    if key.startswith("raw/"):
        return {column}
    return {header for source in sources(specs[key]).get(name, []) for header in headers_behind(specs, source)}


# Pages


def test_every_asset_says_what_it_is_whose_it_is_and_what_it_is_made_with(own: dict[str, dg.AssetSpec]):
    for key, spec in own.items():
        assert len(spec.description or "") > 100, key
        assert spec.owners, key
        assert spec.kinds, key
        assert spec.group_name == key.split("/")[0]
        assert {"domain", "layer", "grain"} <= spec.tags.keys(), key
        assert spec.metadata["dagster/code_references"].code_references, key


def test_every_table_has_columns_and_each_column_a_sentence(own: dict[str, dg.AssetSpec]):
    beside = {key for key in own if key.startswith("deliveries/")}
    beside |= {"warehouse/fact_financials_by_period", "raw/unread_files"}
    assert own.keys() - tables(own).keys() == beside
    for key, spec in tables(own).items():
        assert all(column.description for column in columns(spec).values()), key


def test_every_table_of_the_contracts_has_rules_and_a_grain_and_no_other_has():
    names = {contract.name for contract in (*PROCESSED, *STAR)} | {"variance_report"}
    assert RULES.keys() == GRAINS.keys() == names


def test_the_fact_table_says_what_may_be_added_up_and_what_a_budget_below_a_period_means(
    shipped: dict[str, dg.AssetSpec],
):
    for key in ("processed/fact_financials", "warehouse/fact_financials"):
        said = shipped[key].description or ""
        assert "One row per day, department, account and scenario" in said
        assert "What may be added up" in said
        assert "below a period `BudgetAmount` and `Variance` mean nothing" in said


def test_a_warehouse_table_shows_its_ddl_its_name_and_its_file(shipped: dict[str, dg.AssetSpec]):
    for contract in STAR:
        metadata = shipped[f"warehouse/{contract.name}"].metadata
        shown = metadata["definition"].value
        assert shown.startswith(f"```sql\nCREATE TABLE IF NOT EXISTS {contract.table} (")
        assert all(column.sql_name in shown for column in contract.columns)
        assert shown.count("CREATE TABLE") == 1
        assert metadata["dagster/table_name"] == f"finance.{contract.table}"
        assert metadata["dagster/uri"].endswith("warehouse.duckdb")


def test_links_to_code_lead_to_a_line_of_a_file_that_is_there(shipped: dict[str, dg.AssetSpec]):
    for spec in shipped.values():
        for reference in spec.metadata["dagster/code_references"].code_references:
            lines = Path(reference.file_path).read_text(encoding="utf-8").splitlines()
            _, _, name = (reference.label or "").partition(":")
            assert not name or f"def {name}(" in lines[reference.line_number - 1], reference


def test_a_raw_page_says_how_its_files_are_read_and_when_they_are_held(own: dict[str, dg.AssetSpec]):
    spec = own["raw/everything"]
    said = spec.description or ""
    assert said.startswith("The ledger of the subsidiary.")
    for part in ("everything*.csv", "upsert", "transaction_id, description", "`Sent`", "1.00 %", "1,000.00", "40 days"):
        assert part in said
    assert list(spec.owners) == ["team:subsidiary"]
    assert spec.tags["finance_platform/feed"] == "everything"
    assert spec.metadata["dagster/uri"].endswith("raw/everything*.csv")


def test_a_raw_page_has_every_header_that_is_read_with_what_becomes_of_it(own: dict[str, dg.AssetSpec]):
    found = {name: column.description for name, column in columns(own["raw/everything"]).items()}
    assert found.keys() == {
        *("Date", "Booked", "Period", "Cost Centre", "Group", "Code", "Account", "Dr", "Cr", "Version", "No", "Text"),
        *("supplier  name", "Sent"),
    }
    assert found["Group"] == "Becomes `account`, as part of `{Group}-{Code}`. Read: blank means 9999."
    assert found["Booked"] == "Becomes `date`, where the file has not Date. Read: a date as dd.MM.yyyy."
    assert (found["Cr"] or "").startswith("Credit side of `amount`, which is debit less credit. Read: decimal mark ','")
    assert "A → Actual" in (found["Version"] or "")


def test_only_the_timeline_of_a_feed_that_says_when_it_is_overdue_can_be(own: dict[str, dg.AssetSpec]):
    policies = {key: spec.freshness_policy for key, spec in own.items() if spec.freshness_policy}
    wanted = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=40), warn_window=timedelta(days=35))
    assert policies["deliveries/everything"] == wanted
    overdue = {f"deliveries/{feed.feed}" for feed in shipped_descriptors() if feed.freshness}
    assert policies.keys() == overdue | {"deliveries/everything"}


def test_a_feed_may_be_overdue_without_a_warning_before(tmp_path: Path):
    write(tmp_path / "feeds/own.yaml", with_lines(LEDGER, freshness="{fail_after_days: 3}"))
    policy = specs_of(tmp_path)["deliveries/ledger"].freshness_policy
    assert policy == dg.FreshnessPolicy.time_window(fail_window=timedelta(days=3))


def test_free_text_of_a_source_is_marked(shipped: dict[str, dg.AssetSpec]):
    marked = {
        (key, column.name)
        for key, spec in tables(shipped).items()
        for column in columns(spec).values()
        if column.tags.get("personal")
    }
    lines = {
        (f"processed/{table}", name) for table in ("transactions", "budget") for name in ("description", "line_key")
    }
    assert marked == lines | {("processed/rejected_rows", "raw_row"), ("processed/rejected_rows", "reasons")}


# Lineage


@pytest.mark.parametrize("home", ["shipped", "own"])
def test_every_column_comes_from_somewhere_or_is_computed_and_never_both(home: str, request: pytest.FixtureRequest):
    specs: dict[str, dg.AssetSpec] = request.getfixturevalue(home)
    for key, spec in tables(specs).items():
        group, table = key.split("/")
        if group == "raw":
            assert sources(spec) == {}
            continue
        computed = set(COMPUTED.get((group, table), {}))
        assert computed <= columns(spec).keys(), key
        assert computed.isdisjoint(sources(spec)), key
        without = columns(spec).keys() - computed - sources(spec).keys()
        assert {(key, name) for name in without} <= NOT_DELIVERED[home], key
        assert sources(spec).keys() <= columns(spec).keys(), key


NOT_DELIVERED: dict[str, set[Column]] = {
    "own": {("processed/accounts", "measure"), *((f"processed/{t}", "scope_key") for t in ("transactions", "budget"))},
    "shipped": {
        ("processed/accounts", "measure"),
        *((f"processed/{table}", "scope_key") for table in ("transactions", "budget")),
        # The shipped feeds have one scenario each, which is no column of their files, and the plans have no key.
        *(
            (f"processed/{table}", name)
            for table in ("transactions", "budget")
            for name in ("scenario", "scenario_type", "scenario_key")
        ),
        *(("processed/budget", name) for name in ("line_key", "transaction_id", "description")),
    },
}
"""Columns that could come from a file's header, and that no descriptor of the home gives."""


@pytest.mark.parametrize("home", ["shipped", "own"])
def test_every_dependency_is_a_column_of_an_asset_upstream(home: str, request: pytest.FixtureRequest):
    specs: dict[str, dg.AssetSpec] = request.getfixturevalue(home)
    for key, spec in tables(specs).items():
        for name, found in sources(spec).items():
            for source_key, source in found:
                assert source_key in ancestors(specs, key), (key, name)
                assert source in columns(specs[source_key]), (key, name, source_key, source)
            assert len(found) == len(set(found)), (key, name)


def test_every_header_that_a_line_is_made_of_leads_to_a_column(own: dict[str, dg.AssetSpec]):
    used = {source for spec in tables(own).values() for found in sources(spec).values() for source in found}
    headers = {("raw/everything", name) for name in columns(own["raw/everything"])}
    assert headers - used == {("raw/everything", "Sent")}


def test_each_column_says_in_words_where_it_comes_from(shipped: dict[str, dg.AssetSpec]):
    amount = columns(shipped["processed/transactions"])["amount"].description or ""
    assert amount.endswith("From raw/transactions: amount.")
    counted = columns(shipped["warehouse/fact_financials"])["LoadTimestamp"].description or ""
    assert counted.endswith("Computed: the moment of the load.")
    for key, spec in tables(shipped).items():
        for name, found in sources(spec).items():
            said = columns(spec)[name].description or ""
            assert all(f"{source_key}: " in said and source in said for source_key, source in found), (key, name)


def test_an_amount_of_the_warehouse_leads_back_to_the_header_of_the_ledger(shipped: dict[str, dg.AssetSpec]):
    behind = headers_behind(shipped, ("warehouse/fact_financials", "Amount"))
    assert ("raw/transactions", "amount") in behind
    assert {("raw/budget", "budget_amount"), ("raw/budget", "amount"), ("raw/forecast", "forecast_amount")} <= behind
    assert headers_behind(shipped, ("reporting/variance_report", "Actual")) == behind


def test_a_budget_leads_back_to_plans_alone(shipped: dict[str, dg.AssetSpec]):
    feeds = {key for key, _ in headers_behind(shipped, ("reporting/variance_report", "Budget"))}
    assert feeds == {"raw/budget", "raw/forecast", "raw/accounts"}


def test_a_pair_of_debit_and_credit_and_a_template_lead_back_to_all_their_headers(own: dict[str, dg.AssetSpec]):
    behind = headers_behind(own, ("warehouse/fact_financials", "Amount"))
    assert {("raw/everything", "Dr"), ("raw/everything", "Cr")} <= behind
    accounts = headers_behind(own, ("warehouse/dim_account", "AccountNumber"))
    assert {("raw/everything", name) for name in ("Group", "Code", "Account")} <= accounts


def test_a_name_that_only_ledger_lines_give_leads_back_to_their_header(own: dict[str, dg.AssetSpec]):
    assert ("raw/everything", "Text") in headers_behind(own, ("warehouse/dim_account", "AccountName"))


def test_the_report_has_the_columns_of_its_file(shipped: dict[str, dg.AssetSpec]):
    row = VarianceRow(2025, "Expense", *4 * [None])  # type: ignore[arg-type]
    assert list(columns(shipped["reporting/variance_report"])) == list(row.cells()) == list(REPORT_COLUMNS)


@pytest.mark.parametrize("name", REPORT_COLUMNS)
def test_the_report_s_lineage_is_what_its_sql_says(name: str):
    view: Any = exp.maybe_parse(statement(SqlFile.ACTUAL_VS_BUDGET), dialect="redshift").expression
    schema = {contract.table: {column.sql_name: column.type for column in contract.columns} for contract in STAR}
    sql = statement(SqlFile.VARIANCE_BY_YEAR)
    found = lineage(name, sql, sources={"ActualVsBudget": view}, schema=schema, dialect="redshift")
    # Whether a period has a budget decides which rows count, not what they say.
    read = {node.name for node in found.walk() if not node.downstream} - {"dimdate.yearmonth"}
    names = {contract.name: contract.table for contract in STAR}
    assert read == {f"{names[key[1]]}.{column}".lower() for key, column in REPORT_COLUMNS[name]}


def test_a_header_in_two_spellings_is_one_column(tmp_path: Path):
    text = with_columns({"period": "{from: ' DATE '}"})
    write(tmp_path / "feeds/own.yaml", text)
    specs = specs_of(tmp_path)
    assert set(columns(specs["raw/ledger"])) == {"Date", "Dept", "Account", "Amount"}
    assert ("raw/ledger", "Date") in sources(specs["processed/transactions"])["period"]


# Cost


def test_definitions_load_without_an_engine_and_soon(tmp_path: Path):
    started = time.monotonic()
    found = subprocess.run(
        [sys.executable, "-c", SPECS_WITHOUT_ENGINES], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
    # A start takes 1.5 s; the rest is for a machine that does much else.
    assert time.monotonic() - started < 20
