"""A journal with vouchers, S and H, and a header file with the dates, read by descriptors alone.

Belongs here: what is published, rejected and held of such files. Does not belong here: single rules (see
`transforms/test_vouchers`).
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
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher

pytestmark = pytest.mark.end_to_end

HEADERS = "Beleg;Buchungsdatum\nB1;31.01.2024\nB2;29.02.2024\nB3;31.03.2024\nB4;31.03.2024\n"
CHART = "Number,Type\n4000,Revenue\n6000,Expense\n1200,Asset\n"
LINES = """\
Beleg;Kostenstelle;Konto;Betrag;S/H
B1;D1;1200;1.190,00;S
B2;D1;6000;500,00;S
B1;D1;4000;1.000,00;H
B1;D1;4000;190,00;H
B2;D2;1200;500,00;H
B3;D1;6000;80,00;S
B3;D1;1200;79,99;H
B4;D1;6000;7,00;S
B4;;1200;7,00;H
"""


MORE_LINES = LINES.splitlines()[0] + "\nB1;D1;9999;5,00;S\nB1;D1;1200;5,00;H\n"
"""A file with an account that the chart does not have."""


@pytest.fixture(scope="module")
def refreshed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Refreshed]:
    """A home with both files, and its refresh."""
    home = Home(tmp_path_factory.mktemp("journal"))
    shutil.copytree(Path(__file__).parent / "feeds", home.path / "feeds")
    home.write("raw/journal/headers.csv", HEADERS)
    home.write("raw/journal/chart.csv", CHART)
    home.write("raw/journal/lines.csv", LINES)
    home.write("raw/journal/lines_2.csv", MORE_LINES)
    return home, Refresher(spark)(home)


def published(home: Home) -> list[tuple[str, str, Decimal]]:
    return home.select(
        "SELECT YearMonth, AccountNumber, SUM(Amount) FROM FactFinancials JOIN DimDate USING (DateKey) "
        "JOIN DimAccount USING (AccountKey) GROUP BY 1, 2 ORDER BY 1, 2"
    )


def named(row: dict[str, Any]) -> tuple[str, str]:
    """The column and the value of a row's only reason."""
    (reason,) = json.loads(row["reasons"])
    return reason["column"], reason["value"]


def test_vouchers_are_dated_by_their_headers_and_accepted_or_rejected_whole(refreshed: tuple[Home, Refreshed]) -> None:
    home, result = refreshed
    (row,) = [row for row in result.status.deliveries if row["file"] == "journal/lines.csv"]
    assert (row["state"], row["accepted"], row["rejected"]) == ("live", 5, 4)
    assert row["rules"] == {"blank_department": 1, "half_voucher": 1, "unbalanced_voucher": 2}
    assert [(month, account, abs(amount)) for month, account, amount in published(home)] == [
        ("2024-01", "1200", Decimal("1190.00")),
        ("2024-01", "4000", Decimal("1190.00")),
        ("2024-02", "1200", Decimal("500.00")),
        ("2024-02", "6000", Decimal("500.00")),
    ]
    lines = [line for line in result.status.reconciliation.lines if line.feed == "journal"]
    assert all(line.has_sides and line.difference.is_zero for line in lines)
    rejected = home.rows(home.commits()["journal/lines.csv"], "rejected_rows")
    names, written = LINES.splitlines()[0].split(";"), LINES.splitlines()
    for one in rejected:
        assert json.loads(one["raw_row"]) == dict(zip(names, written[one["source_row"] - 1].split(";"), strict=True))
    reasons = [(one["source_row"], one["rules"], *named(one)) for one in rejected]
    assert reasons == [
        (7, "unbalanced_voucher", "Beleg", "B3"),
        (8, "unbalanced_voucher", "Beleg", "B3"),
        (9, "half_voucher", "Beleg", "B4"),
        (10, "blank_department", "Kostenstelle", ""),
    ]


def test_an_account_without_a_type_holds_its_file_and_no_other(refreshed: tuple[Home, Refreshed]) -> None:
    home, result = refreshed
    assert list(result.held()) == ["journal/lines_2.csv"]
    assert "account 9999 has no type" in result.held()["journal/lines_2.csv"]
    assert len(published(home)) == 4
