"""Oxford's payments, seventeen files with thirteen headers, read by one descriptor.

Belongs here: their rows and money, by default and with the quarter from the file's name. Does not belong here: other
forms of dates and amounts (see `unit/feeds/test_dates.py`, `unit/feeds/test_amounts.py`).
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.unit.factories import settings

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data" / "oxford_spend"
FEEDS = Path(__file__).parent / "feeds"
WITHOUT_DATES, WITH_JUNK = "expenditure-over-500-apr-jun-2014.csv", "expenditure-over-500-jan-mar-2014.csv"

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    if not PUBLISHED.is_dir():
        pytest.skip(f"Oxford's published files are not in {PUBLISHED}")
    return dict(json.loads((PUBLISHED / "known_answers.json").read_text()))


@pytest.fixture(scope="module")
def home(answers: dict[str, Any], spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with all files, after its first refresh."""
    home = Home(tmp_path_factory.mktemp("oxford"))
    shutil.copytree(FEEDS, home.path / "feeds")
    (home.path / "raw").mkdir()
    for file in (PUBLISHED / "raw").glob("*.csv"):
        shutil.copyfile(file, home.path / "raw" / file.name)
    refreshed = Refresher(spark)(home)
    assert len(refreshed.read) == answers["files"]
    assert refreshed.held() == {}
    return home


def test_every_row_and_its_money_is_published(home: Home, answers: dict[str, Any]):
    ((rows, money, departments, accounts),) = home.warehouse.query(
        """
        SELECT SUM(TransactionCount), SUM(Amount), COUNT(DISTINCT DepartmentKey), COUNT(DISTINCT AccountKey)
        FROM FactFinancials
        """
    ).rows
    assert (rows, money) == (answers["data_rows"], Decimal(answers["sum_all"])) == (61_528, Decimal("228210155.40"))
    assert departments == answers["distinct_departments_casefold_trim"]
    assert accounts == len(codes_as_published()) == 262


def test_months_have_the_money_of_the_known_answers_and_the_quarter_its_first_day(home: Home, answers: dict[str, Any]):
    rows = home.warehouse.query(
        """
        SELECT YearMonth, SUM(TransactionCount), SUM(Amount)
        FROM FactFinancials
        INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
        GROUP BY YearMonth
        """
    ).rows
    months = {month: (int(count), money) for month, count, money in rows}
    expected = {month: (value["rows"], Decimal(value["sum"])) for month, value in answers["by_month"].items()}
    expected["2014-04"] = expected.pop("(no date)")
    assert months == expected


def test_without_the_quarter_from_the_name_the_rows_without_a_date_are_refused():
    text = (FEEDS / "oxford_spend.yaml").read_text(encoding="utf-8")
    by_default = re.sub(r"    (map|from_name|template): .*\n", "", text)
    outcomes = read(by_default, WITHOUT_DATES)
    assert outcomes == {"rejected": (3_836, Decimal("14165887.28"))}


def test_the_junk_row_is_counted_and_has_no_money():
    outcomes = read((FEEDS / "oxford_spend.yaml").read_text(encoding="utf-8"), WITH_JUNK)
    assert outcomes["skipped"] == (1, Decimal(0))
    assert set(outcomes) == {"accepted", "skipped"}


def codes_as_published() -> set[str]:
    """Return the distinct account codes of all rows, without case and white space; the junk row has none."""
    codes = set()
    for file in (PUBLISHED / "raw").glob("*.csv"):
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream)
            place = [name.casefold().replace("_", " ").strip() for name in next(rows)].index("expenditure code")
            codes |= {" ".join(row[place].casefold().split()) for row in rows}
    return codes - {""}


def read(descriptor: str, name: str) -> dict[str, tuple[int, Decimal]]:
    """Return rows and money by outcome of one file, read without Spark."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"Oxford's published files are not in {PUBLISHED}")
    feed = parse_descriptor(descriptor, "oxford_spend.yaml").resolve(settings())
    store = LocalStore(PUBLISHED / "raw")
    with store.local_copy(name) as copy:
        file = FileToRead("delivery", name, feed.name, copy.fingerprint())
    counts: Counter[str] = Counter()
    money: dict[str, Decimal] = {}
    for batch in read_file("ledger", feed, store, file):
        for row in batch.select(["outcome", "amount", "source_row"]).to_pylist():
            if row["source_row"]:
                counts[row["outcome"]] += 1
                money[row["outcome"]] = money.get(row["outcome"], Decimal(0)) + (row["amount"] or Decimal(0))
    return {outcome: (count, money[outcome]) for outcome, count in counts.items()}
