"""Sums that a contract forbids: which queries have one, and that what is documented is not.

Belongs here: what is found in a query. Does not belong here: where it is printed (see `test_query_command`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from finance_platform.contracts.dictionary import DictionaryEntry, dictionary
from finance_platform.warehouse.open_sums import OpenSum, current_attributes, open_sums
from finance_platform.warehouse.query_script import read_script
from finance_platform_tests.documented_commands import PAGES, REPOSITORY, documented_commands

SELECT = re.compile(r"\s*(?:SELECT|WITH)\b")
BLOCK_OF_SQL = re.compile(r"^    SELECT .*\n(?:    .*\n)*", re.MULTILINE)
SUMMED = [entry for entry in dictionary() if entry.fix and entry.measures]


def found(sql: str) -> dict[str, tuple[str, ...]]:
    return {one.table: one.columns for one in open_sums(sql)}


@pytest.mark.parametrize("entry", SUMMED, ids=lambda entry: entry.name)
def test_a_sum_of_a_whole_view_names_what_to_fix_and_a_grouped_one_nothing(entry: DictionaryEntry):
    for sql in ("SELECT SUM({0}) FROM {1}", "SELECT AVG(CAST(v.{0} AS DOUBLE PRECISION)) FROM finance.{1} v"):
        (measure,) = entry.measures[:1]
        columns = tuple(name for name in entry.fix if not (name == "AccountType" and measure == "Impact"))
        assert open_sums(sql.format(measure, entry.name)) == [OpenSum(entry.name, columns)]
    for measure in entry.measures:
        assert not open_sums(f"SELECT SUM({measure}) FROM {entry.name} GROUP BY {', '.join(entry.fix)}")


def test_a_table_whose_measures_add_up_anyway_is_not_named():
    assert found("SELECT SUM(Actual) FROM ActualVsBudget GROUP BY Period") == {"ActualVsBudget": ("AccountType",)}
    for sql in (
        "SELECT COUNT(*), MAX(Amount) FROM PeriodAmount",
        "SELECT SUM(FiscalPeriod) FROM PeriodAmount",
        "SELECT SUM(DateKey) FROM DimDate",
        "WITH PeriodAmount AS (SELECT 1 AS Amount) SELECT SUM(Amount) FROM PeriodAmount",
    ):
        assert found(sql) == {}, sql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT SUM(Amount * ProfitSign) FROM PeriodAmount WHERE ScenarioName = 'Actual'",
        "SELECT AccountNumber, SUM(CASE WHEN ScenarioType = 'Actual' THEN Amount END) FROM PeriodAmount GROUP BY 1",
        "SELECT SUM(x.Amount) FROM (SELECT * FROM PeriodAmount WHERE IsBaseline AND AccountName = 'Rent') AS x",
        """SELECT SUM(f.Amount) FROM FactFinancials f JOIN DimScenario s USING (ScenarioKey) JOIN DimAccount a
        ON f.AccountKey = a.AccountKey AND a.AccountType = 'Expense' WHERE s.ScenarioName = 'Actual'""",
        "SELECT SUM(Impact) FROM ScenarioComparison WHERE ScenarioName = 'Actual' AND ReferenceName = 'Budget'",
    ],
)
def test_a_column_that_says_which_values_are_meant_is_enough(sql: str):
    assert found(sql) == {}


@pytest.mark.parametrize("join", ["USING (ScenarioKey)", "ON s.ScenarioKey = f.ScenarioKey"])
def test_the_key_of_a_join_fixes_nothing(join: str):
    sql = f"SELECT SUM(f.Amount) FROM FactFinancials f JOIN DimScenario s {join}"
    assert found(sql)["FactFinancials"][0] == "ScenarioKey"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documented_queries_add_up_nothing_that_has_to_be_kept_apart(page: Path):
    commands = (words for words in documented_commands(page) if words[0] == "query")
    queries = [word for words in commands for word in words if SELECT.match(word)]
    for block in BLOCK_OF_SQL.findall(page.read_text(encoding="utf-8")):
        queries += (statement.sql for statement in read_script(block, page.name))
    for sql in queries:
        assert found(sql) == {}, sql


def test_the_sample_queries_add_up_nothing_that_has_to_be_kept_apart():
    path = REPOSITORY / "sql" / "dml" / "sample_queries.sql"
    for statement in read_script(path.read_text(encoding="utf-8"), path.name):
        assert found(statement.sql) == {}, statement.heading


@pytest.mark.parametrize(
    ("columns", "joined", "tables"),
    [
        ("SUM(Amount * a.ProfitSign)", "JOIN DimAccount a ON a.AccountKey = f.AccountKey", ["DimAccount"]),
        ("BusinessUnit, SUM(Amount)", "JOIN DimDepartment USING (DepartmentKey)", ["DimDepartment"]),
        ("AccountNumber, AccountName, SUM(Amount)", "JOIN DimAccount USING (AccountKey)", []),
        ("AccountType", "JOIN DimAccount a USING (AccountKey) JOIN AccountSpan s USING (AccountKey)", []),
        ("SUM(Amount)", "", []),
    ],
)
def test_attributes_of_now_are_those_of_a_dimension_beside_the_fact_table(columns: str, joined: str, tables: list[str]):
    assert [one.table for one in current_attributes(f"SELECT {columns} FROM FactFinancials f {joined}")] == tables
    assert current_attributes("SELECT AccountType FROM DimAccount") == []
