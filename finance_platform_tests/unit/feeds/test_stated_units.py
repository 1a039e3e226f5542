"""What headers and titles say about the unit of amounts: a file is held if its descriptor reads them otherwise."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, net
from finance_platform_tests.workbooks import xlsx

DESCRIPTOR = """\
feed: x
kind: ledger
path: x.{csv,xlsx}
dialect: {header_row: 2}
columns: {date: Date, department: Unit, account: Account, amount: {from: "%s"%s}}
constants: {scenario: Actual%s}
"""


def check(
    folder: Path, title: str, amount: str = "Amount", scale: str = "", constants: str = "", **values: str
) -> FileCheck:
    text = f'"{title}"\nDate,Unit,Account,"{amount}"\n2025-01-31,D1,6000,1.50\n'
    rule = f", scale: {scale}" if scale else ""
    return check_text(folder, text, DESCRIPTOR % (amount, rule, constants), **values)


@pytest.mark.parametrize(
    ("title", "unit", "scale"),
    [
        *((title, "thousands", "1000") for title in (
            "Amounts in thousands of USD", "in T$", "USD 000s", "$000", "(000s)", "Ledger (thousands)", "Unit: USD k",
            "Angaben in Tsd. USD", "Figures in US dollars thousand", "In Tausend", "TUSD", "Amounts in USD '000",
            "Montants en milliers", "Importes en miles de USD", "Einheit: Tsd. USD", "Unit = thousands",
        )),
        *((title, "millions", "1000000") for title in ("Figures in USD m", "in Millionen", "USD mn", "In millions")),
    ],
)  # fmt: skip
def test_a_title_that_states_another_unit_holds_the_file(tmp_path: Path, title: str, unit: str, scale: str):
    held = check(tmp_path, title)
    (reason,) = held.holds
    assert reason == f"the title in row 1 {title!r} says that amounts are in {unit}, and columns.amount has scale: 1"
    assert f"set scale: {scale} of columns.amount" in held.holds[reason]
    read = check(tmp_path, title, scale=scale)
    assert not read.holds
    assert net(read) == Decimal("1.50") * int(scale)


@pytest.mark.parametrize(
    "title",
    ["Thousand Oaks", "Report in 2025 of Thousand Oaks", "Invoices of more than 100 TEUR", "Millions Club", "Ledger",
     "All amounts in USD", "Values in $", "EUR subsidiary", "Page 1 of 1000", "Amounts in USD and EUR",
     "Business Unit: Thousand Oaks", "Business unit 25'000", "Unit: Thousand Oaks", "Report of units, Mio Sports Ltd",
     "Currency rates EUR GBP", "Budget amounts per SEK team", "Values of the CHF fund"],
)  # fmt: skip
def test_a_title_that_states_no_other_unit_holds_nothing(tmp_path: Path, title: str):
    assert not check(tmp_path, title).holds


def test_the_header_of_the_amount_states_its_unit(tmp_path: Path):
    (reason,) = check(tmp_path, "Ledger", "Amount (000s)").holds
    assert reason == "the header 'Amount (000s)' says that amounts are in thousands, and columns.amount has scale: 1"
    assert not check(tmp_path, "All amounts in USD millions", "Amount (000s)", "1000").holds
    (reason,) = check(tmp_path, "Ledger", "Amount (millions)", "1000").holds
    assert "columns.amount has scale: 1000" in reason


@pytest.mark.parametrize("amount", ["Amount (EUR)", "Amount €", "amount_eur", "Betrag in TEUR", "CA$ Amount"])
def test_the_header_of_the_amount_states_its_currency(tmp_path: Path, amount: str):
    held = check(tmp_path, "Ledger", amount, "1000" if "T" in amount else "")
    (reason,) = held.holds
    currency = "CAD" if "CA$" in amount else "EUR"
    assert reason == f"the header {amount!r} says that amounts are in {currency}, and they are read as USD"
    assert not check(tmp_path, "Ledger", amount, "1000" if "T" in amount else "", ", currency: USD").holds
    assert not check(tmp_path, "Ledger", amount, "1000" if "T" in amount else "", currency=currency).holds


@pytest.mark.parametrize("title", ["Currency: EUR", "Währung EUR", "All amounts in €", "Values in GBP",
     "Currency EUR Entity DE01", "Amounts in EUR unless stated", "Amounts (SEK) of all teams",
     "Figures shown EUR, rounded"],
)  # fmt: skip
def test_a_title_states_the_currency(tmp_path: Path, title: str):
    (reason,) = check(tmp_path, title).holds
    assert reason.startswith(f"the title in row 1 {title!r} says that amounts are in ")
    assert not check(tmp_path, title, "Amount USD").holds, "the header is nearer to the amounts"


def test_the_name_of_a_sheet_states_the_unit(tmp_path: Path):
    rows: list[list[object]] = [["Ledger"], ["Date", "Unit", "Account", "Amount"], ["2025-01-31", "D1", "6000", 1.5]]
    (reason,) = check_text(tmp_path, xlsx({"kUSD": rows}), DESCRIPTOR % ("Amount", "", ""), "x.xlsx").holds
    assert reason == "the sheet's name 'kUSD' says that amounts are in thousands, and columns.amount has scale: 1"
