"""The pages of the assets before any run: descriptions, labels, and the sources of every column back to a header.

Belongs here: specs as definitions load. Does not belong here: what a run adds (see `test_run_metadata`).
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlglot import exp
from sqlglot.lineage import lineage

from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import FACT_FINANCIALS, STAR, WAREHOUSE
from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.ui.asset_labels import GRAINS
from finance_platform.orchestration.ui.column_sources import COMPUTED, REPORT_SOURCES, describe_sources
from finance_platform.orchestration.ui.descriptions import RULES
from finance_platform.orchestration.ui.table_specs import AMOUNT_OR_WORD
from finance_platform.refresh.new_home import create_home
from finance_platform.reports.variance import REPORT_COLUMNS
from finance_platform.warehouse.statements import SqlFile, statement
from finance_platform_tests.unit.factories import LEDGER, settings, with_columns, with_lines, write

Column = tuple[str, str]
"""An asset's key as text, and the name of one of its columns."""

SOURCES = re.compile(r"(?:^| )From ((?:raw|processed|warehouse)/.+)\.$")
"""The sentence of a column's description that names its sources."""


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
  reverses: {from: Cancels, required: false}
  account_name: {from: Text, required: false}
  description: {from: "supplier  name"}
order: {from_column: Sent}
load: {mode: upsert, key: [transaction_id, description]}
tolerance: {rejected_rows: 0.01, rejected_amount: 1000.00}
freshness: {warn_after_days: 35, fail_after_days: 40}
"""
"""A descriptor that uses nearly every key for columns."""


def specs_of(home: Path) -> dict[str, dg.AssetSpec]:
    return {
        spec.key.to_user_string(): spec for spec in build_definitions(settings(home=home)).resolve_all_asset_specs()
    }


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dg.AssetSpec]:
    """The pages of a home with only the shipped descriptors."""
    return specs_of(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dg.AssetSpec]:
    """The pages of a home with a descriptor that uses nearly every key."""
    home = tmp_path_factory.mktemp("home")
    write(home / "feeds/everything.yaml", EVERYTHING)
    return specs_of(home)


def tables(specs: dict[str, dg.AssetSpec]) -> dict[str, dg.AssetSpec]:
    """The assets with columns; the others are timelines, the grid of months and the unread files."""
    return {key: spec for key, spec in specs.items() if "dagster/column_schema" in spec.metadata}


def columns(spec: dg.AssetSpec) -> dict[str, dg.TableColumn]:
    return {column.name: column for column in spec.metadata["dagster/column_schema"].columns}


def sources(spec: dg.AssetSpec) -> dict[str, list[Column]]:
    """The columns that the description of each column names as its sources."""
    sentences = {name: SOURCES.search(column.description or "") for name, column in columns(spec).items()}
    return {
        name: [
            (key, source)
            for part in sentence[1].split("; ")
            for key, _, names in [part.partition(": ")]
            for source in names.split(", ")
        ]
        for name, sentence in sentences.items()
        if sentence
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


def test_the_list_of_all_assets_shows_the_first_sentence_of_each_whole(tmp_path: Path):
    create_home(tmp_path / "home")
    specs = specs_of(tmp_path / "home")
    for key, spec in specs.items():
        first, _, _ = (spec.description or "").partition("\n")
        # Dagster cuts a longer line in a window of 1440 pixels.
        assert re.fullmatch(r".{20,53}\.", first), (key, first)
    assert "edit or remove its descriptor" in (specs["raw/example"].description or "")


def test_every_asset_has_a_description_an_owner_kinds_tags_and_links_to_code(own: dict[str, dg.AssetSpec]):
    for key, spec in own.items():
        assert len(spec.description or "") > 100, key
        assert spec.owners, key
        assert spec.kinds, key
        assert spec.group_name == key.split("/")[0]
        assert {"domain", "layer", "grain"} <= spec.tags.keys(), key
        assert spec.metadata["dagster/code_references"].code_references, key


def test_every_description_begins_with_a_sentence_without_markdown(own: dict[str, dg.AssetSpec]):
    """Lists of assets show the beginning as it is written, not as it is rendered."""
    for key, spec in own.items():
        first = (spec.description or "").split("\n\n")[0]
        assert 20 < len(first) < 120, key
        assert first.endswith("."), key
        assert not set(first) & set("*`[]#\n"), key
        # As much as a list shows: of a feed, a sentence is between its first one and how its files are read.
        assert "**" not in (spec.description or "")[:80], key


def test_the_row_as_delivered_does_not_list_every_header_of_every_feed(shipped: dict[str, dg.AssetSpec]):
    description = columns(shipped["processed/rejected_rows"])["raw_row"].description or ""
    assert description.endswith("Computed: every cell of the row, by its header.")


def test_every_table_has_columns_and_each_column_a_description(own: dict[str, dg.AssetSpec]):
    without_columns = {key for key in own if key.startswith("deliveries/")}
    without_columns |= {"warehouse/fact_financials_by_period", "raw/unread_files", "reporting/report_pack"}
    assert own.keys() - tables(own).keys() == without_columns
    for key, spec in tables(own).items():
        assert all(column.description for column in columns(spec).values()), key


def test_the_tables_with_rules_and_a_grain_are_those_of_the_contracts_and_the_report():
    names = {contract.name for contract in (*PROCESSED, *STAR)} | {"variance_report", "report_pack"}
    assert RULES.keys() == GRAINS.keys() == names


def test_the_fact_table_explains_what_may_be_added_up_and_that_a_budget_below_a_period_means_nothing(
    shipped: dict[str, dg.AssetSpec],
):
    for key in ("processed/fact_financials", "warehouse/fact_financials"):
        description = shipped[key].description or ""
        assert "One row per day, department, account and scenario" in description
        assert "What may be added up" in description
        assert "below a period `BudgetAmount` and `Variance` mean nothing" in description


def test_a_warehouse_table_links_to_its_definition_and_shows_its_name_and_its_database(
    shipped: dict[str, dg.AssetSpec],
):
    for contract in STAR:
        metadata = shipped[f"warehouse/{contract.name}"].metadata
        files = [Path(one.file_path) for one in metadata["dagster/code_references"].code_references]
        (definition,) = [file.read_text("utf-8") for file in files if file.parent.name == "ddl"]
        assert f"CREATE TABLE IF NOT EXISTS {contract.table} (" in definition
        assert all(column.sql_name in definition for column in contract.columns)
        assert metadata["dagster/table_name"] == f"finance.{contract.table}"
        assert metadata["dagster/uri"].endswith("warehouse.duckdb")
        assert ("actual_vs_budget.sql" in {file.name for file in files}) == (contract is FACT_FINANCIALS)


def test_links_to_code_point_to_existing_lines(shipped: dict[str, dg.AssetSpec]):
    for spec in shipped.values():
        for reference in spec.metadata["dagster/code_references"].code_references:
            lines = Path(reference.file_path).read_text(encoding="utf-8").splitlines()
            _, _, name = (reference.label or "").partition(":")
            assert not name or f"def {name}(" in lines[reference.line_number - 1], reference


def test_a_raw_page_describes_how_its_files_are_read_and_when_they_are_held(own: dict[str, dg.AssetSpec]):
    spec = own["raw/everything"]
    description = spec.description or ""
    assert description.startswith("The ledger of the subsidiary.")
    for part in ("everything*.csv", "upsert", "transaction_id, description", "`Sent`", "1.00 %", "1,000.00", "40 days"):
        assert part in description
    assert list(spec.owners) == ["team:subsidiary"]
    assert spec.tags["finance_platform/feed"] == "everything"
    assert spec.metadata["dagster/uri"].endswith("raw/everything*.csv")


def test_a_raw_page_lists_every_header_that_is_read_with_its_use(own: dict[str, dg.AssetSpec]):
    uses = {name: column.description or "" for name, column in columns(own["raw/everything"]).items()}
    assert uses.keys() == {
        *("Date", "Booked", "Period", "Cost Centre", "Group", "Code", "Account", "Dr", "Cr", "Version", "No", "Text"),
        *("supplier  name", "Sent", "Cancels"),
    }
    assert uses["Group"] == "Becomes `account`, as part of `{Group}-{Code}`. Read: blank means 9999."
    assert uses["Booked"] == "Becomes `date`, if the file lacks Date. Read: a date as dd.MM.yyyy."
    assert uses["Cr"].startswith("Credit side of `amount`, which is debit less credit. Read: decimal mark ','")
    assert "A → Actual" in uses["Version"]
    assert uses["Sent"] == "Its maximum decides the order of the deliveries."


def test_a_raw_page_says_how_a_credit_with_a_minus_counts(tmp_path: Path):
    write(tmp_path / "feeds/own.yaml", with_columns({"amount": "{debit: Dr, credit: Cr, signed: true}"}))
    uses = {name: column.description or "" for name, column in columns(specs_of(tmp_path)["raw/ledger"]).items()}
    assert uses["Cr"].startswith("Credit side of `amount`, which is debit plus credit, which has its minus")


def uses_of(home: Path, columns_read: dict[str, str], **lines: str) -> dict[str, str]:
    """What the page of a ledger says of each header."""
    write(home / "feeds/own.yaml", with_columns(columns_read, **lines))
    return {name: column.description or "" for name, column in columns(specs_of(home)["raw/ledger"]).items()}


def test_a_raw_page_says_which_part_of_a_text_each_field_takes(tmp_path: Path):
    uses = uses_of(
        tmp_path,
        {
            "department": '{from: Segments, part: {split: "-", number: 2, of: 4}}',
            "account": '{from: Segments, part: {split: "-", number: 3}, pad: 4}',
        },
    )
    assert uses["Segments"] == (
        "Becomes `department`. Read: part 2 of 4, split at '-'. "
        "Becomes `account`. Read: part 3, split at '-'; filled with zeros to 4 digits."
    )


def test_a_raw_page_says_that_an_account_in_a_column_for_each_level_is_chosen_by_row(tmp_path: Path):
    uses = uses_of(tmp_path, {"account": "{from: [Level 3, Level 2, Level 1], first_filled: true}"})
    assert uses["Level 3"] == "Becomes `account`."
    assert uses["Level 2"] == "Becomes `account`, in rows that are blank in Level 3."
    assert uses["Level 1"] == "Becomes `account`, in rows that are blank in Level 3 and Level 2."


def test_a_raw_page_lists_the_column_with_the_signs_of_amounts(tmp_path: Path):
    uses = uses_of(tmp_path, {"amount": "{from: Amount, sign_column: {from: [S/H, D/C], negative: [H]}}"})
    assert uses["Amount"] == "Becomes `amount`."
    assert uses["S/H"] == uses["D/C"] == "Says which values of `amount` are negative: `H`."


def test_a_raw_page_says_what_blank_cells_stand_for_and_that_amounts_are_in_thousands(tmp_path: Path):
    uses = uses_of(
        tmp_path,
        {
            "department": "{from: Dept, fill_down: true}",
            "account": "{from: Account, fill_down: labels}",
            "amount": "{from: Amount, scale: 1000}",
        },
        skip='[{name: headings, column: Amount, matches: "^$", label: true}]',
    )
    assert uses["Dept"] == "Becomes `department`. Read: blank means the last text above."
    assert uses["Account"] == "Becomes `account`. Read: the last label above."
    assert uses["Amount"] == "Becomes `amount`. Read: times 1,000."


@pytest.mark.parametrize(
    ("lines", "cells"),
    [
        ({"path": "books/*.{xlsx,ods}"}, "the only visible sheet, header in row 1"),
        ({"path": "books/*.xlsx", "sheet": "Lines"}, "the sheet `Lines`, header in row 1"),
        ({"path": "books/*.xlsx", "sheet": "[Lines, 2]"}, "the sheets `Lines`, `2`, header in row 1"),
        (
            {"path": "books/*.{csv,xlsx}"},
            "`,` between cells, utf-8 (of a workbook, the only visible sheet), header in row 1",
        ),
        ({"path": "books/*.csv"}, "`,` between cells, utf-8, header in row 1, amounts in natural sign"),
        (
            {"path": "books/*.csv", "sign": "credit_positive"},
            "`,` between cells, utf-8, header in row 1, amounts as credit less debit",
        ),
        (
            {"path": "books/*.csv", "sign": "debit_positive"},
            "`,` between cells, utf-8, header in row 1, amounts as debit less credit",
        ),
    ],
    ids=["workbooks", "sheet", "sheets", "both", "text", "credits", "debits"],
)
def test_a_raw_page_gives_delimiter_and_encoding_of_text_and_the_sheets_of_workbooks(
    tmp_path: Path, lines: dict[str, str], cells: str
):
    write(tmp_path / "feeds/own.yaml", with_lines(LEDGER, **lines))
    description = specs_of(tmp_path)["raw/ledger"].description or ""
    assert f"each read as ledger: {cells}" in description


def test_only_timelines_of_feeds_with_freshness_have_a_freshness_policy(own: dict[str, dg.AssetSpec]):
    policies = {key: spec.freshness_policy for key, spec in own.items() if spec.freshness_policy}
    expected = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=40), warn_window=timedelta(days=35))
    assert policies["deliveries/everything"] == expected
    overdue = {f"deliveries/{feed.feed}" for feed in shipped_descriptors() if feed.freshness}
    assert policies.keys() == overdue | {"deliveries/everything"}


def test_freshness_without_a_warning_sets_only_the_failure(tmp_path: Path):
    write(tmp_path / "feeds/own.yaml", with_lines(LEDGER, freshness="{fail_after_days: 3}"))
    policy = specs_of(tmp_path)["deliveries/ledger"].freshness_policy
    assert policy == dg.FreshnessPolicy.time_window(fail_window=timedelta(days=3))


def test_columns_with_free_text_are_tagged_as_personal(shipped: dict[str, dg.AssetSpec]):
    tagged = {
        (key, column.name)
        for key, spec in tables(shipped).items()
        for column in columns(spec).values()
        if column.tags.get("personal")
    }
    lines = {
        (f"processed/{table}", name) for table in ("transactions", "budget") for name in ("description", "line_key")
    }
    assert tagged == lines | {("processed/rejected_rows", "raw_row"), ("processed/rejected_rows", "reasons")}


# Column sources


@pytest.mark.parametrize("home", ["shipped", "own"])
def test_every_column_has_sources_or_is_computed_and_never_both(home: str, request: pytest.FixtureRequest):
    specs: dict[str, dg.AssetSpec] = request.getfixturevalue(home)
    for key, spec in tables(specs).items():
        if key.startswith("raw/"):
            assert sources(spec) == {}
            continue
        computed = set(COMPUTED.get(key, {}))
        assert computed <= columns(spec).keys(), key
        assert computed.isdisjoint(sources(spec)), key
        without = columns(spec).keys() - computed - sources(spec).keys()
        assert {(key, name) for name in without} <= NOT_DELIVERED[home], key


NOT_DELIVERED: dict[str, set[Column]] = {
    "own": {("processed/accounts", "measure"), *((f"processed/{t}", "scope_key") for t in ("transactions", "budget"))},
    "shipped": {
        ("processed/accounts", "measure"),
        *((f"processed/{table}", "scope_key") for table in ("transactions", "budget")),
        # Each shipped feed has one scenario, which is not a column of its files, and the plans have no key.
        *(
            (f"processed/{table}", name)
            for table in ("transactions", "budget")
            for name in ("scenario", "scenario_type", "scenario_key")
        ),
        *(("processed/budget", name) for name in ("line_key", "transaction_id", "description")),
        *((f"processed/{table}", "reverses_transaction_id") for table in ("transactions", "budget")),
    },
}
"""Columns that a header could fill, but that no descriptor of the home maps."""


@pytest.mark.parametrize("home", ["shipped", "own"])
def test_every_source_is_a_column_of_an_upstream_asset(home: str, request: pytest.FixtureRequest):
    specs: dict[str, dg.AssetSpec] = request.getfixturevalue(home)
    for key, spec in tables(specs).items():
        for name, named in sources(spec).items():
            for source_key, source in named:
                assert source_key in ancestors(specs, key), (key, name)
                assert source in columns(specs[source_key]), (key, name, source_key, source)
            assert len(named) == len(set(named)), (key, name)


def test_every_header_that_fills_a_field_is_the_source_of_a_column(own: dict[str, dg.AssetSpec]):
    used = {source for spec in tables(own).values() for named in sources(spec).values() for source in named}
    headers = {("raw/everything", name) for name in columns(own["raw/everything"])}
    assert headers - used == {("raw/everything", "Sent")}


def test_the_page_of_a_feed_describes_a_field_from_the_name_of_the_file(shipped: dict[str, dg.AssetSpec]):
    page = shipped["raw/forecast"].description or ""
    assert "**From the file's name**: scenario, which matches `(?i)^forecast" in page
    assert "`, as `Forecast {1}-{2}`, or else Forecast, unless a column of the file gives it." in page
    scenario = columns(shipped["raw/forecast"])["scenario"]
    assert "blank means the value that the file's name gives, or Forecast" in (scenario.description or "")
    assert scenario.constraints.other == ["optional"]


def test_each_column_says_where_it_comes_from(shipped: dict[str, dg.AssetSpec]):
    amount = columns(shipped["processed/transactions"])["amount"].description or ""
    assert amount.endswith("From raw/transactions: amount.")
    timestamp = columns(shipped["warehouse/fact_financials"])["LoadTimestamp"].description or ""
    assert timestamp.endswith("Computed: the moment of the load.")


def test_a_column_that_hundreds_of_feeds_fill_names_the_first_of_those_that_fill_it_alike(tmp_path: Path):
    for number in range(200):
        name = f"branch_{number:03}"
        text = with_columns({"amount": "Net"} if number == 40 else {}, feed=f" {name}", path=f" {name}/*.csv")
        write(tmp_path / f"feeds/{name}.yaml", text)
    amount = columns(specs_of(tmp_path)["processed/transactions"])["amount"].description or ""
    assert amount.endswith(
        "From raw/branch_000, raw/branch_001, raw/branch_002, 196 more: Amount; raw/branch_040: Net; "
        "raw/transactions: amount."
    )


def test_a_column_that_many_feeds_fill_each_in_its_way_names_some_and_the_number_of_the_others():
    sources = {f"raw/branch_{number}": [f"Amount {number}"] for number in range(200)}
    sentence = describe_sources("processed/transactions", {"amount": sources})["amount"]
    assert sentence.startswith("From raw/branch_0: Amount 0; raw/branch_1: Amount 1; ")
    assert sentence.endswith("raw/branch_7: Amount 7; and 192 more assets.")


def test_the_amount_of_the_warehouse_leads_back_to_the_headers_of_ledger_files(shipped: dict[str, dg.AssetSpec]):
    behind = headers_behind(shipped, ("warehouse/fact_financials", "Amount"))
    assert ("raw/transactions", "amount") in behind
    assert {("raw/budget", "budget_amount"), ("raw/budget", "amount"), ("raw/forecast", "forecast_amount")} <= behind
    assert headers_behind(shipped, ("reporting/variance_report", "Actual")) == behind


def test_the_budget_leads_back_only_to_plans_and_account_types(shipped: dict[str, dg.AssetSpec]):
    feeds = {key for key, _ in headers_behind(shipped, ("reporting/variance_report", "Budget"))}
    assert feeds == {"raw/budget", "raw/forecast", "raw/accounts"}


def test_a_pair_of_debit_and_credit_and_a_template_have_all_their_headers_as_sources(own: dict[str, dg.AssetSpec]):
    behind = headers_behind(own, ("warehouse/fact_financials", "Amount"))
    assert {("raw/everything", "Dr"), ("raw/everything", "Cr")} <= behind
    accounts = headers_behind(own, ("warehouse/dim_account", "AccountNumber"))
    assert {("raw/everything", name) for name in ("Group", "Code", "Account")} <= accounts


def test_a_name_that_only_ledger_lines_deliver_has_their_header_as_source(own: dict[str, dg.AssetSpec]):
    assert ("raw/everything", "Text") in headers_behind(own, ("warehouse/dim_account", "AccountName"))


def test_the_report_has_the_columns_of_its_file(shipped: dict[str, dg.AssetSpec]):
    names = list(columns(shipped["reporting/variance_report"]))
    assert tuple(names) == REPORT_COLUMNS
    assert set(names) == REPORT_SOURCES.keys() | COMPUTED["reporting/variance_report"].keys()


def test_a_column_of_the_report_that_may_be_a_word_says_so(shipped: dict[str, dg.AssetSpec]):
    for name, column in columns(shipped["reporting/variance_report"]).items():
        may_be_a_word = re.search("`(incomplete|no budget)` if", column.description or "") is not None
        assert (column.type == AMOUNT_OR_WORD) == may_be_a_word, name
        assert column.constraints.nullable


@pytest.mark.parametrize("name", REPORT_SOURCES)
def test_the_sources_of_the_report_are_those_in_its_sql(name: str):
    files = {"ActualVsBudget": SqlFile.ACTUAL_VS_BUDGET, "AccountSpan": SqlFile.ACCOUNT_SPAN}
    views: dict[str, Any] = {
        view: exp.maybe_parse(statement(file), dialect="redshift").expression for view, file in files.items()
    }
    schema = {contract.table: {column.sql_name: column.type for column in contract.columns} for contract in WAREHOUSE}
    sql = statement(SqlFile.VARIANCE_BY_PERIOD)
    # Of the periods with a budget, and of incomplete ones, the report adds up the same column.
    column = "Actual" if name in {"ActualWithBudget", "ActualIncomplete"} else name
    graph = lineage(column, sql, sources=views, schema=schema, dialect="redshift")
    # Whether a period has a budget and is complete decides which rows count, not their values.
    which_rows = {"dimdate.yearmonth", "periodstatus.iscomplete"}
    read = {node.name for node in graph.walk() if not node.downstream} - which_rows
    # What a member was is from the same files as what it is.
    read = {column for column in read if not column.startswith("accounthistory.")}
    tables = {f"warehouse/{contract.name}": contract.table for contract in STAR}
    named = {(tables[key], column) for key, names in REPORT_SOURCES[name].items() for column in names}
    assert read == {f"{table}.{column}".lower() for table, column in named}


def test_a_header_in_two_spellings_is_one_column(tmp_path: Path):
    text = with_columns({"period": "{from: ' DATE '}"})
    write(tmp_path / "feeds/own.yaml", text)
    specs = specs_of(tmp_path)
    assert set(columns(specs["raw/ledger"])) == {"Date", "Dept", "Account", "Amount"}
    assert ("raw/ledger", "Date") in sources(specs["processed/transactions"])["period"]
