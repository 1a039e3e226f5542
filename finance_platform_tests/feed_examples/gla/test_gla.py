"""Payments of the Greater London Authority: accounts by their names, in many spellings.

Belongs here: rows, money and accounts against the known answers. Does not belong here: how codes are folded (see
`unit/feeds/test_codes.py`).
"""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data" / "gla_spend"

pytestmark = pytest.mark.end_to_end


def test_rows_money_and_accounts_are_those_of_the_known_answers(spark: SparkSession, tmp_path: Path):
    if not PUBLISHED.is_dir():
        pytest.skip(f"the published files of the Greater London Authority are not in {PUBLISHED}")
    answers = json.loads((PUBLISHED / "known_answers.json").read_text())
    home = Home(tmp_path)
    shutil.copytree(Path(__file__).parent / "feeds", home.path / "feeds")
    (home.path / "raw").mkdir()
    shutil.copyfile(PUBLISHED / "raw" / "all.csv", home.path / "raw" / "all.csv")
    refreshed = Refresher(spark)(home)
    assert refreshed.held() == {}
    ((rows, money),) = home.warehouse.query("SELECT SUM(TransactionCount), SUM(Amount) FROM FactFinancials").rows
    assert (rows, money) == (answers["data_rows"], Decimal(answers["sum_all"])) == (28_145, Decimal("1000083306.00"))
    ((accounts,),) = home.warehouse.query("SELECT COUNT(DISTINCT AccountKey) FROM FactFinancials").rows
    assert accounts == answers["distinct_accounts_casefold_trim"] == 310
    years = home.warehouse.query(
        """
        SELECT CAST(Year AS VARCHAR), SUM(TransactionCount), SUM(Amount)
        FROM FactFinancials INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey GROUP BY 1
        """
    ).rows
    expected = {year: (value["rows"], Decimal(value["sum"])) for year, value in answers["by_year"].items()}
    assert {year: (int(count), amount) for year, count, amount in years} == expected
