"""`feed draft` for exports with the headers of common accounting systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform_tests.unit.test_feed_draft import checked, draft
from finance_platform_tests.unit.test_feed_draft_shapes import sums


def columns_of(text: str, name: str = "export.csv") -> dict[str, Any]:
    """Return the columns of a file's draft."""
    columns: dict[str, Any] = yaml.safe_load(draft(text, name))["columns"]
    return columns


def source_of(field: Any) -> str:
    return field["from"] if isinstance(field, dict) else field


@pytest.mark.parametrize(
    ("header", "row", "sources"),
    [
        ("RBUKRS,GJAHR,BELNR,RACCT,RCNTR,HSL,RHCUR,BUDAT,SGTXT", "1010,2025,19000001,400000,100,5.00,USD,20250105,Rent",
         {"account": "RACCT", "department": "RCNTR", "amount": "HSL", "date": "BUDAT", "currency": "RHCUR"}),
        ("Cost Center,Cost Element,Cost element name,Val.in rep.cur.,Report currency,Posting Date",
         "100,600000,Rent,5.00,USD,2025-01-31",
         {"account": "Cost Element", "amount": "Val.in rep.cur.", "currency": "Report currency"}),
        ("Posting Date,G/L Account No.,G/L Account Name,Department Code,Amount", "2025-01-31,6000,Rent,100,5.00",
         {"account": "G/L Account No.", "account_name": "G/L Account Name", "department": "Department Code"}),
        ("Buchungsdatum,Sachkontonr.,Kostenstelle Code,Betrag,Beschreibung", "31.01.2025,6000,100,5.00,Miete",
         {"account": "Sachkontonr.", "department": "Kostenstelle Code", "description": "Beschreibung"}),
        ("EcritureNum,EcritureDate,CompteNum,CompteLib,EcritureLib,Kostenstelle 1,Montant",
         "OD1,20250131,606000,Loyer,Janvier,100,5.00",
         {"account": "CompteNum", "date": "EcritureDate", "department": "Kostenstelle 1", "account_name": "CompteLib"}),
        ("TransactionDate,AccountID,Cost Center ID,Amount", "2025-01-31,6000,100,5.00",
         {"account": "AccountID", "department": "Cost Center ID"}),
        ("Time,Cost Centres,Accounts,Value", "Jan 25,100,6000,5.00",
         {"date": "Time", "department": "Cost Centres", "account": "Accounts"}),
        ("Buchungstag,Kostenstelle,Konto,Betrag,Waehrung", "31.01.25,100,6000,5.00,USD",
         {"date": "Buchungstag", "currency": "Waehrung"}),
        ("Posted dt.,Dept,Account no.,Account title,Amount,Memo/Description", "01/31/2025,100,6000,Rent,5.00,Jan",
         {"date": "Posted dt.", "account_name": "Account title", "description": "Memo/Description"}),
    ],
)  # fmt: skip
def test_headers_of_common_systems_name_their_fields(header: str, row: str, sources: dict[str, str], tmp_path: Path):
    text = f"{header}\n{row}\n"
    columns = columns_of(text)
    assert {name: source_of(columns[name]) for name in sources} == sources
    assert sums(tmp_path, text, "export.csv") == {("Actual", "2025-01"): "5.00"}


@pytest.mark.parametrize(
    ("header", "pair"),
    [
        ("PERIOD_NET_DR,PERIOD_NET_CR,BEGIN_BALANCE_DR,BEGIN_BALANCE_CR", ("PERIOD_NET_DR", "PERIOD_NET_CR")),
        ("Debit - Month,Credit - Month,Debit - YTD,Credit - YTD", ("Debit - Month", "Credit - Month")),
        ("Amount (Debit),Amount (Credit),Tax (Debit),Tax (Credit)", ("Amount (Debit)", "Amount (Credit)")),
        ("Soll März,Haben März,Soll kumuliert,Haben kumuliert", ("Soll März", "Haben März")),
        ("Debe mes,Haber mes,Debe saldo,Haber saldo", ("Debe mes", "Haber mes")),
        ("Local DR,Local CR,Transaction DR,Transaction CR", ("Local DR", "Local CR")),
    ],
)
def test_of_several_pairs_of_debit_and_credit_those_of_the_month_are_read(
    header: str, pair: tuple[str, str], tmp_path: Path
):
    text = (
        f"Date,Dept,Account,{header}\n2025-03-31,10,6000,5.50,0.00,90.00,0.00\n2025-03-31,10,6010,0.00,2.00,8.00,0.00\n"
    )
    amount = columns_of(text)["amount"]
    assert amount["from"] == dict(zip(("debit", "credit"), pair, strict=True))
    assert sums(tmp_path, text) == {("Actual", "2025-03"): "3.50"}
    others = [name for name in header.split(",") if name not in pair]
    comment = " ".join(line.strip(" #") for line in draft(text).splitlines())
    assert f"decide: not read, other debits and credits: {', '.join(map(repr, others))}" in comment


@pytest.mark.parametrize(
    "header", ["Debit Jan,Credit Jan,Debit Feb,Credit Feb", "Closing DR,Closing CR,Opening DR,Opening CR"]
)
def test_a_person_decides_between_pairs_none_of_which_is_the_amount(header: str):
    text = f"Date,Dept,Account,{header}\n2025-03-31,10,6000,5.50,0.00,90.00,0.00\n"
    assert source_of(columns_of(text)["amount"]) == "DECIDE"


def test_numbered_segments_are_codes_and_no_money():
    rows = "JAN-25,100,6000,5.50,0.00\nFEB-25,100,6000,1.00,0.00\n"
    text = f"PERIOD_NAME,SEGMENT1,SEGMENT2,PERIOD_NET_DR,PERIOD_NET_CR\n{rows}"
    written = draft(text)
    assert "measures" not in yaml.safe_load(written)
    assert "'SEGMENT1', 'SEGMENT2' may be it" in " ".join(line.strip(" #") for line in written.splitlines())


@pytest.mark.parametrize("header", ["Amount,Amount (LCY)", "Amount,Amount in Local Currency", "Amount,Local Amount"])
def test_an_amount_in_local_currency_is_read_rather_than_one_beside_it(header: str, tmp_path: Path):
    rows = "2025-01-31,10,6000,EUR,4.00,5.00\n2025-01-31,10,6000,,1.00,1.00\n"
    text = f"Posting Date,Dept,Account,Currency Code,{header}\n{rows}"
    assert source_of(columns_of(text)["amount"]) == header.split(",")[1]
    assert sums(tmp_path, text) == {("Actual", "2025-01"): "6.00"}


def test_a_local_currency_is_that_of_the_local_amount(tmp_path: Path):
    text = "Posting Date,Dept,Account,Amount in local currency,Local Currency\n2025-01-31,10,6000,5.00,EUR\n"
    assert columns_of(text)["currency"]["from"] == "Local Currency"
    assert "every row is in 'EUR', and the home's currency is USD" in draft(text)
    assert not checked(tmp_path, text, EUR="EUR").is_fine
