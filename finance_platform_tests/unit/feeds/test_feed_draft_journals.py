"""`feed draft` for journals: lines without a department, days of entry beside days of booking, and one side alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from finance_platform_tests.unit.feeds.drafts import checked, draft
from finance_platform_tests.unit.feeds.test_feed_draft_shapes import sums

EXACT = """\
Boekstuknummer;Datum;Grootboekrekening;Kostenplaats;Omschrijving;Debet;Credit
25200001;03-03-2025;4400;100;Papier;1.234,50;
25200001;03-03-2025;1600;;Papier;;1.234,50
25200002;14-03-2025;4500;200;Huur;900,00;
25200002;14-03-2025;1600;;Huur;;900,00
"""


def test_lines_of_the_balance_sheet_do_not_get_the_department_above_them(tmp_path: Path):
    department = yaml.safe_load(draft(EXACT))["columns"]["department"]
    assert department == {"from": "Kostenplaats", "default": "DECIDE"}
    check = checked(tmp_path, EXACT, default="NONE")
    assert check.is_fine
    assert "if they stand for the text above them, write fill_down: true" in " ".join(
        line.strip(" #") for line in draft(EXACT).splitlines()
    )


@pytest.mark.parametrize(("name", "value"), [("", ""), ("Company,", "1000,"), ("Year,", "2025,")])
def test_a_department_before_what_it_is_about_is_still_given_to_the_lines_below_it(
    name: str, value: str, tmp_path: Path
):
    rows = ("100,6110,2025-03-03,5.00", ",6120,2025-03-04,6.00", "200,6110,2025-03-05,7.00")
    text = f"{name}Department,Account,Posting Date,Amount\n" + "".join(f"{value}{row}\n" for row in rows)
    assert yaml.safe_load(draft(text))["columns"]["department"] == {"from": "Department", "fill_down": True}
    assert sums(tmp_path, text) == {("Actual", "2025-03"): "18.00"}


@pytest.mark.parametrize(
    ("period", "posted", "column", "month"),
    [
        ("PeriodNumber", "02/04/2025", "TransactionDate", "2025-03"),
        ("PeriodNumber", "31/03/2025", "PostedDate", "2025-03"),
        ("Batch", "02/04/2025", "PostedDate", "2025-04"),
    ],
)
def test_of_two_days_the_one_in_the_period_of_each_row_is_that_of_the_line(
    period: str, posted: str, column: str, month: str, tmp_path: Path
):
    text = (
        f"AccountNumber,Dept,TransactionDate,PostedDate,Amount,{period}\n6110,10,31/03/2025,{posted},5.00,3\n"
        f"6120,10,15/03/2025,{posted},6.00,3\n"
    )
    assert yaml.safe_load(draft(text))["columns"]["date"]["from"] == column
    assert sums(tmp_path, text) == {("Actual", month): "11.00"}


def test_the_draft_says_that_the_period_chose_the_day():
    text = "Account,Dept,Transaction Date,Posting Date,Amount,Period\n6110,10,2025-03-31,2025-04-02,5.00,3\n"
    assert "its days are in the period of each row, and those of 'Posting Date' are not" in draft(text)


@pytest.mark.parametrize(("first_month", "column"), [(1, "Document Date"), (2, "Posting Date"), (4, "Document Date")])
def test_numbers_of_periods_may_count_from_the_first_month_of_the_homes_fiscal_years(first_month: int, column: str):
    text = "Account,Dept,Document Date,Posting Date,Amount,Period\n" + "".join(
        f"6110,10,2025-{number:02}-27,2025-{number + 1:02}-05,5.00,{number}\n" for number in range(1, 12)
    )
    assert yaml.safe_load(draft(text, first_month=first_month))["columns"]["date"]["from"] == column


@pytest.mark.parametrize(("debit", "credit", "total"), [("5.00", "", "5.00"), ("", "5.00", "-5.00")])
def test_a_side_that_no_line_has_is_read_in_the_next_file(debit: str, credit: str, total: str, tmp_path: Path):
    text = f"Date,Dept,Account,Debit,Credit\n2025-03-03,10,6110,{debit},{credit}\n"
    assert yaml.safe_load(draft(text))["columns"]["amount"]["from"] == {"debit": "Debit", "credit": "Credit"}
    assert sums(tmp_path, text) == {("Actual", "2025-03"): total}


@pytest.mark.parametrize(("side", "credit"), [("S", "H"), ("Soll", "Haben"), ("D", "C"), ("dr", "Cr")])
def test_a_column_of_sides_is_read_if_every_line_is_a_debit(side: str, credit: str):
    text = f"Date;Dept;Account;Amount;Soll/Haben\n2025-03-03;10;6110;5,00;{side}\n2025-03-03;10;6110;6,00;{side}\n"
    amount = yaml.safe_load(draft(text))["columns"]["amount"]
    assert amount["sign_column"] == {"from": "Soll/Haben", "negative": [credit]}


def test_a_column_of_one_letter_that_is_not_called_a_side_is_not_one():
    text = "Date,Dept,Account,Amount,Group\n2025-03-03,10,6110,5.00,S\n2025-03-03,10,6110,6.00,S\n"
    assert "sign_column" not in draft(text)
