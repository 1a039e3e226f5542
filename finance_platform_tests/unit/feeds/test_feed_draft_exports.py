"""`feed draft` for reports that ledgers print, with a few lines of each account: fewer than its headings and totals."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from finance_platform.errors import UnreadableDeliveryError
from finance_platform_tests.unit.feeds.drafts import checked, draft

PAGE = (
    "Sachkonten Einzelpostenliste    Seite 1\n\nHauptbuchkonto\t{account}\nBuchungskreis\t1000\nLedger\t0L\n\n"
    "\tS\tZuordnung\tBelegnr.\tBeleg-Dat.\tBuch.dat.\t  Betrag in HW\tHWähr\tKostenst.\tText\n\n"
)
FAGLL03 = (
    PAGE.format(account="400000  Material")
    + "\t\t20250305\t100123\t27.02.2025\t05.03.2025\t1.234,50 \tUSD\t4711\tMiete\n"
    + "\t\t20250306\t100124\t28.02.2025\t06.03.2025\t99,00-\tUSD\t4711\tGutschrift\n"
    + "*\tKonto 400000\t\t\t\t\t1.135,50 \tUSD\t\t\n\n"
    + PAGE.format(account="410000  Lohn")
    + "\t\t20250331\t100200\t31.03.2025\t31.03.2025\t12.500,00 \tUSD\t4712\tLohn\n"
    + "*\tKonto 410000\t\t\t\t\t12.500,00 \tUSD\t\t\n"
    + "**\t\t\t\t\t\t13.635,50 \tUSD\t\t\n"
)
QUICKBOOKS = """General Ledger,,,,,,
"March 1-31, 2025",,,,,,
,,,,,,
,Date,Transaction Type,Memo/Description,Split,Amount,Balance
Rent Expense,,,,,,
,Beginning Balance,,,,,"2,000.00"
,03/05/2025,Bill,March rent,Payable,"1,234.50","3,234.50"
,03/16/2025,Credit,Refund,Payable,-99.00,"3,135.50"
Total for Rent Expense,,,,,"$1,135.50",
Payroll Expenses,,,,,,
,03/31/2025,Journal Entry,Wages,Checking,"12,500.00","12,500.00"
Total for Payroll Expenses,,,,,"$12,500.00",
,,,,,,
"Thursday, Apr 03, 2025 09:15:22 AM - Accrual Basis",,,,,,
"""
QUICKBOOKS_DESKTOP = """,,Type,Date,Num,Memo,Class,Split,Debit,Credit,Balance
6000 · Rent,,,,,,,,,,"2,000.00"
,,Bill,03/05/2025,1001,March rent,Office,Payable,"1,234.50",,"3,234.50"
,,Credit,03/16/2025,1002,Refund,Office,Payable,,99.00,"3,135.50"
Total 6000 · Rent,,,,,,,,"1,234.50",99.00,"3,135.50"
6100 · Wages,,,,,,,,,,0.00
,,Journal,03/31/2025,J7,Wages,Plant,Checking,"12,500.00",,"12,500.00"
Total 6100 · Wages,,,,,,,,"12,500.00",0.00,"12,500.00"
TOTAL,,,,,,,,"13,734.50",99.00,"15,635.50"
"""
NETSUITE = """General Ledger
Mar 2025
Account,Type,Date,Document Number,Name,Department: Name,Memo,Debit,Credit,Amount (Net)
6000 - Rent,,,,,,,,,
,Bill,3/5/2025,1001,Landlord,East,Rent,"$1,234.50",,"$1,234.50"
,Bill Credit,3/16/2025,1002,Landlord,East,Refund,,$99.00,($99.00)
Total - 6000 - Rent,,,,,,,"$1,234.50",$99.00,"$1,135.50"
6100 - Wages,,,,,,,,,
,Journal,3/31/2025,JE1,,Plant,Wages,"$12,500.00",,"$12,500.00"
Total - 6100 - Wages,,,,,,,"$12,500.00",$0.00,"$12,500.00"
Total,,,,,,,"$13,734.50",$99.00,"$13,635.50"
"""
GRAND_LIVRE = """Société Démo SA;;;;;;
Date;Journal;Pièce;Libellé;Débit;Crédit;Solde
613200 - Locations;;;;;;
05/03/2025;AC;F1;Loyer;1 234,50;;1 234,50
16/03/2025;AC;A1;Avoir;;99,00;1 135,50
{total} compte 613200;;;;1 234,50;99,00;1 135,50
641100 - Salaires;;;;;;
31/03/2025;OD;P3;Salaires;12 500,00;;12 500,00
{total} compte 641100;;;;12 500,00;0,00;12 500,00
{grand};;;;13 734,50;99,00;13 635,50
"""


@pytest.mark.parametrize(
    ("text", "decided", "totals"),
    [
        (FAGLL03, {}, 3),
        (QUICKBOOKS, {"department": "D1"}, 2),
        (QUICKBOOKS_DESKTOP, {}, 6),
        (NETSUITE, {}, 6),
        (GRAND_LIVRE.format(total="Total", grand="Total général"), {"department": "D1"}, 6),
        (GRAND_LIVRE.format(total="Totale", grand="Totale generale"), {"department": "D1"}, 6),
        (GRAND_LIVRE.format(total="Total", grand="Total"), {"department": "D1"}, 6),
    ],
)
def test_accounts_with_few_lines_each_are_read_and_their_totals_tie(
    text: str, decided: dict[str, str], totals: int, tmp_path: Path
):
    check = checked(tmp_path, text, "ledger.txt", **decided)
    assert check.is_fine, check.holds
    assert {place: str(count.amount) for place, count in check.sums.items()} == {("Actual", "2025-03"): "13635.50"}
    assert check.findings.control_totals.tied == check.findings.control_totals.checked == totals


def test_a_list_of_sap_is_dated_by_the_posting_and_has_the_currency_of_its_amounts():
    columns = yaml.safe_load(draft(FAGLL03))["columns"]
    assert columns["date"]["from"] == "Buch.dat."
    assert columns["department"] == "Kostenst."
    assert columns["account"] == {"from": "S", "fill_down": "labels"}
    assert "every row is in 'EUR', and the home's currency is USD" in draft(FAGLL03.replace("USD", "EUR"))


def test_a_statement_of_an_account_counts_neither_the_balance_before_nor_the_one_after(tmp_path: Path):
    text = (
        "Konto: 6000 Raumaufwand;;;;;\nDatum;Beleg;Text;KST;Soll;Haben\n;;Saldovortrag;;2'000.00;\n"
        "05.03.25;1001;Miete;4711;1'234.50;\n16.03.25;1002;Gutschrift;4711;;99.00\n"
        ";;Total;;1'234.50;99.00\n;;{balance};;3'135.50;\n"
    )
    for balance in ("Saldo", "Saldo per 31.03.2025", "Endsaldo"):
        check = checked(tmp_path, text.format(balance=balance), "konto.csv", account='"6000"')
        assert check.is_fine, check.holds
        assert {str(count.amount) for count in check.sums.values()} == {"1135.50"}


def test_headings_that_name_the_account_leave_the_choice_of_the_amount_to_a_person():
    text = FAGLL03.replace("  Betrag in HW", "Wert 1").replace("Kostenst.", "Wert 2")
    assert "amount:         {from: DECIDE" in draft(text)
    assert "measures:" not in draft(text)


PRINTED = """Kostenstellen: Ist/Plan      Stand: 03.04.2025      Seite:    2
Kostenstelle/Gruppe  4711        Verwaltung

Kostenarten                       Istkosten     Plankosten
  400000  Material                 1.135,50       1.000,00
  410000  Loehne                  12.500,00      12.000,00
* Belastung                       13.635,50      13.000,00
"""


def test_a_page_that_is_aligned_with_blanks_is_not_cut_at_the_commas_of_its_amounts():
    with pytest.raises(UnreadableDeliveryError, match="aligned with blanks") as error:
        draft(PRINTED, "report.txt")
    assert "export it as CSV or as a workbook" in error.value.fix


def test_accounts_that_each_line_debits_and_credits_are_no_amounts():
    rows = "05.03.2025;6000;2000;4711;Miete;1'234.50\n16.03.2025;2000;6000;4711;Gutschrift;99.00\n"
    written = draft(f"Datum;SollKto;HabenKto;KST;Text;Betrag\n{rows}")
    assert "Each line books two accounts, 'SollKto' and 'HabenKto'" in written
    assert "other columns with amounts" not in written
