"""The data dictionary: the page in docs is current, and `tables` says the same.

Belongs here: `contracts.dictionary` and the command `tables`. Does not belong here: whether a view has the columns of
its contract (see `warehouse`).
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from finance_platform.contracts.dictionary import dictionary, find_entry
from finance_platform.contracts.star import STAR
from finance_platform_tests.data_dictionary import PAGE, as_markdown
from finance_platform_tests.end_to_end.home import CommandResult, Home


def tables(folder: Path, *arguments: str, **environment: str) -> CommandResult:
    return Home(folder).command("tables", *arguments, **environment)


def test_the_page_is_generated_from_the_contracts_of_today():
    assert PAGE.read_text(encoding="utf-8") == as_markdown(), "run `make reference`"


def test_every_entry_has_a_grain_a_key_and_a_meaning_for_each_column():
    for entry in dictionary():
        columns = {column.name: column for column in entry.columns}
        assert entry.grain.endswith(".")
        assert entry.key
        assert set(entry.key) <= set(columns)
        assert set(entry.measures) <= set(columns)
        assert all(column.description.endswith(".") and column.type for column in entry.columns)
    assert len({entry.name.lower() for entry in dictionary()}) == len(dictionary())


def test_what_must_be_fixed_before_a_sum_is_a_column_of_the_table_or_of_a_dimension():
    dimensions = {column.sql_name for contract in STAR for column in contract.columns}
    for entry in dictionary():
        assert set(entry.fix) <= {column.name for column in entry.columns} | dimensions
    fact = find_entry("FactFinancials")
    assert fact is not None
    assert {"ScenarioKey", "Measure", "IsMonetary"} <= set(fact.fix)


@pytest.mark.parametrize("name", ["TopVariance", "topvariance", "finance.top_variance", "FINANCE.TOPVARIANCE"])
def test_a_name_is_found_in_any_case_with_its_schema_or_in_snake_case(name: str):
    entry = find_entry(name)
    assert entry is not None
    assert entry.name == "TopVariance"


def test_tables_lists_each_table_and_view_with_its_grain(tmp_path: Path):
    rows = list(csv.reader(io.StringIO(tables(tmp_path, "--format", "csv").stdout)))
    assert rows == [["name", "kind", "one row is"], *([entry.name, entry.kind, entry.grain] for entry in dictionary())]
    listed = json.loads(tables(tmp_path, "--format", "json").stdout)
    assert [(row["name"], row["kind"]) for row in listed] == [(entry.name, entry.kind) for entry in dictionary()]
    assert "FactFinancials" in tables(tmp_path).stdout


def test_tables_with_a_name_says_what_to_fix_and_what_each_column_means(tmp_path: Path):
    entry = find_entry("PeriodAmount")
    assert entry is not None
    text = " ".join(tables(tmp_path, "periodamount", FINANCE_PLATFORM_CURRENCY="EUR").stdout.split())
    assert f"PeriodAmount (view): {entry.grain}" in text
    assert "Fix before summing, in a filter or in GROUP BY: ScenarioName, AccountType, Measure" in text
    assert "Home currency: EUR" in text
    assert all(column.description.split(",")[0] in text for column in entry.columns)
    columns = list(csv.reader(io.StringIO(tables(tmp_path, "PeriodAmount", "--format", "csv").stdout)))
    assert columns[1:] == [[column.name, column.type, column.description] for column in entry.columns]
    document = json.loads(tables(tmp_path, "PeriodAmount", "--format", "json").stdout)
    assert (document["name"], document["fix"]) == ("PeriodAmount", list(entry.fix))
    assert [column["name"] for column in document["columns"]] == [column.name for column in entry.columns]


def test_an_unknown_name_is_wrong_use_with_the_name_that_was_probably_meant(tmp_path: Path):
    result = tables(tmp_path, "TopVarance")
    assert (result.returncode, result.stdout) == (2, "")
    assert "there is no table or view 'TopVarance'. Did you mean TopVariance?" in result.stderr
    assert f"`finance-platform tables --home {tmp_path}` lists all" in tables(tmp_path, "x\x1b[31m").stderr
