"""Oakland's budgets in text files and workbooks, read by descriptors alone.

Belongs here: their totals by fiscal year, type and department. Does not belong here: other oddities of workbooks (see
`unit/feeds/test_workbook.py`).
"""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data" / "oakland_budget"
FIRST_DAYS = {"FY13-14": "2013-07-01", "FY14-15": "2014-07-01", "FY16-17": "2016-07-01", "FY19-20": "2019-07-01"}
FIRST_DAYS |= {"FY20-21": "2020-07-01"}
SCENARIOS = {"adopted": "Budget adopted", "adjusted": "Budget adjusted"}
BALANCED = {("Budget adjusted", "2014"), ("Budget adopted", "2019"), ("Budget adopted", "2020")}

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    if not PUBLISHED.is_dir():
        pytest.skip(f"Oakland's published files are not in {PUBLISHED}")
    return dict(json.loads((PUBLISHED / "known_answers.json").read_text()))


@pytest.fixture(scope="module")
def home(answers: dict[str, Any], spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with all files, after its first refresh."""
    home = Home(tmp_path_factory.mktemp("oakland"))
    shutil.copytree(Path(__file__).parent / "feeds", home.path / "feeds")
    (home.path / "raw" / "oakland").mkdir(parents=True)
    for file in (PUBLISHED / "raw").iterdir():
        if file.suffix != ".txt":
            shutil.copyfile(file, home.path / "raw" / "oakland" / file.name)
    refreshed = Refresher(spark)(home)
    assert len(refreshed.read) == len(answers["by_file"].keys() & {Path(key).name for key in refreshed.read}) + 2
    assert refreshed.held() == {}
    assert refreshed.failed_checks == []
    return home


def published(home: Home, column: str) -> dict[tuple[str, str, str], tuple[int, Decimal]]:
    """Return lines and amount by scenario, year and a column of a dimension."""
    rows = home.warehouse.query(
        f"""
        SELECT ScenarioName, CAST(Year AS VARCHAR), {column}, SUM(TransactionCount), SUM(Amount)
        FROM FactFinancials
        INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
        INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = FactFinancials.DepartmentKey
        INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
        INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
        GROUP BY 1, 2, 3
        """
    ).rows
    return {(scenario, year, text): (int(count), amount) for scenario, year, text, count, amount in rows}


def expected(answers: dict[str, Any], place: str) -> dict[tuple[str, str, str], tuple[int, Decimal]]:
    """Return what the answers say by type or department (`place`), for the files that are here."""
    here = {file.name for file in (PUBLISHED / "raw").glob("*.csv")}
    totals: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
    for key, value in answers[f"by_year_scenario_{place}"].items():
        year, stage, text = key.split("|")
        if f"{year}__{stage}.csv" in here:
            text = "No department" if text == "(blank)" else text
            totals[SCENARIOS[stage], FIRST_DAYS[year][:4], text] = (value["rows"], Decimal(value["sum"]))
    for key, value in answers["xlsx_mayor_proposed_13_15"][f"by_year_{place}"].items():
        year, text = key.split("|")
        totals["Budget proposed", FIRST_DAYS[year][:4], text] = (value["rows"], Decimal(value["sum"]))
    for text, value in answers["xlsx_fy1617_midcycle"][f"by_{place}"].items():
        totals["Budget midcycle", "2016", text] = (value["rows"], Decimal(value["sum"]))
    return totals


def test_rows_and_money_are_those_of_the_known_answers_by_type(home: Home, answers: dict[str, Any]):
    totals = published(home, "AccountType")
    assert totals == expected(answers, "type")
    for scenario, year in BALANCED:
        assert totals[scenario, year, "Revenue"][1] == totals[scenario, year, "Expense"][1]


def test_rows_and_money_are_those_of_the_known_answers_by_department(home: Home, answers: dict[str, Any]):
    assert published(home, "DepartmentCode") == expected(answers, "department")


def test_the_lines_of_a_sheet_know_their_row_and_trace_shows_it(home: Home):
    result = home.command("trace", "--file", "oakland/mayor-proposed-13-15.xlsx", "--line", "3", "--format", "json")
    assert result.returncode == 0, result.stderr
    traced = json.loads(result.stdout)
    assert (traced["sheet"], traced["row"]) == ("City_of_Oakland_Proposed_Policy", 3)
    assert traced["text"].startswith("FY13-14 | 10 | Mayor | Mayor | 1111 | 01111 - Mayor: Administration | 1010 | ")
    assert traced["text"].endswith(" | Expense | 55113 | Other, O&M | 55113 - Meals | 561")
    (cell,) = traced["cells"]
    assert (cell["period"], cell["scenario"], cell["department"], cell["account"]) == (
        "2013-07",
        "Budget proposed",
        "Mayor",
        "55113",
    )
