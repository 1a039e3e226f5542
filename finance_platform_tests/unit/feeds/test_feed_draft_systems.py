"""`feed draft` for exports with the headers of common accounting systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, check_written
from finance_platform_tests.unit.feeds.drafts import checked, columns_of, draft, mistakes_of
from finance_platform_tests.unit.feeds.test_feed_draft_shapes import sums


def source_of(field: Any) -> str:
    return str(field["from"] if isinstance(field, dict) else field)


@pytest.mark.parametrize(
    ("header", "row", "sources"),
    [
        ("RBUKRS,GJAHR,BELNR,RACCT,RCNTR,HSL,RHCUR,BUDAT,SGTXT", "1010,2025,19000001,400000,100,5.00,USD,20250105,Rent",
         {"account": "RACCT", "department": "RCNTR", "amount": "HSL", "date": "BUDAT", "currency": "RHCUR"}),
        ("Cost Center,Cost Element,Cost element name,Val.in rep.cur.,Report currency,Posting Date",
         "100,600000,Rent,5.00,USD,2025-01-31",
         {"account": "Cost Element", "amount": "Val.in rep.cur.", "currency": "Report currency"}),
        ("Cost Elem.,Cost element name,Cost Ctr,Per,Postg Date,DocumentNo,Name,Val.in RC,RCur",
         "600000,Rent,100,1,2025-01-31,10001,January,5.00,USD",
         {"account": "Cost Elem.", "account_name": "Cost element name", "amount": "Val.in RC", "currency": "RCur"}),
        ("Kostenart,Kostenartenbezeichn.,Kostenstelle,Per,Buch.dat.,Belegnr,Bezeichnung,Wert/BWähr,BWähr",
         "600000,Miete,100,1,31.01.2025,10001,Januar,5.00,USD",
         {"account": "Kostenart", "amount": "Wert/BWähr", "currency": "BWähr", "account_name": "Kostenartenbezeichn."}),
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
        ("DocumentNo,Doc. Date,Pstng Date,Amount in LC,Cost Ctr,G/L Acct", "1,2024-12-30,2025-01-02,5.00,100,6000",
         {"date": "Pstng Date", "account": "G/L Acct", "transaction_id": "DocumentNo"}),
        ("No,Type,Account,Nominal,Dept,Date,Details,Net", "12,BP,LAND01,7100,1,31/01/2025,Rent,5.00",
         {"account": "Nominal", "department": "Dept", "amount": "Net"}),
        ("Scenario,Year,Period,View,Department,Value,Account,ICP,Data",
         "Actual,2025,Jan,Periodic,E100,<Entity Currency>,6110,[ICP None],5.00", {"amount": "Data"}),
        ("Posting Date,Kostenstelle,Kostenarten,Betrag", "2025-01-31,100,400000,5.00", {"account": "Kostenarten"}),
        ("Data,Centro di costo,Conto,Importo", "31/01/2025,100,6000,5.00", {"date": "Data", "amount": "Importo"}),
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


@pytest.mark.parametrize(
    ("names", "texts", "account"),
    [
        ("Ledger account,MainAccount", ["6100-100,6100", "4000-200,4000"], "MainAccount"),
        ("Ledger Account,Ledger Account ID", ["6100:Rent,6100", "4000:Sales,4000"], "Ledger Account ID"),
        ("Account,Account (Main): Number", ["6100 Rent,6100", "4000 Sales,4000"], "Account (Main): Number"),
        ("Account,Main Account", ["6100,61", "6200,62"], "Account"),  # a group of accounts
        ("Account,Main Account", ["6100-1,6100", "4000,4000"], "Account"),
        ("Account,Main Account", ["6100-1,6100", "6100-2,6100"], "Account"),  # all lines are of one
    ],
)
def test_the_code_alone_is_read_rather_than_one_before_a_name(names: str, texts: list[str], account: str):
    rows = "".join(f"2025-01-31,{text},10,5.00\n" for text in texts)
    assert source_of(columns_of(f"Date,{names},Dept,Amount\n{rows}")["account"]) == account


@pytest.mark.parametrize(
    ("texts", "mapped"),
    [
        (["US Dollar", "USD"], {"US Dollar": "USD"}),
        (["US Dollar", "Euro"], {"US Dollar": "USD", "Euro": "EUR"}),
        (["Euro", "Euro"], {"Euro": "DECIDE"}),
        (["USD", "USD"], None),
    ],
)
def test_currencies_with_names_are_mapped_to_their_codes(texts: list[str], mapped: dict[str, str] | None):
    rows = "".join(f"2025-01-31,6100,10,5.00,{text}\n" for text in texts)
    currency = columns_of(f"Date,Account,Dept,Amount,Currency\n{rows}")["currency"]
    assert currency.get("map") == mapped


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


@pytest.mark.parametrize("periods", [["1", "2"], ["001", "002"], ["Jan 2025", "Feb 2025"], ["JAN-25", "FEB-25"]])
def test_a_period_says_which_number_of_a_date_is_the_month(periods: list[str], tmp_path: Path):
    days = ["01/05/2025", "02/03/2025"]
    rows = "".join(f"{day},{period},10,6000,5.00\n" for day, period in zip(days, periods, strict=True))
    text = f"Posting Date,Posting Period,Dept,Account,Amount\n{rows}"
    assert columns_of(text)["date"] == {"from": "Posting Date", "formats": ["MM/dd/yyyy"]}
    assert sums(tmp_path, text) == {("Actual", "2025-01"): "5.00", ("Actual", "2025-02"): "5.00"}


@pytest.mark.parametrize("periods", [["1", "1"], ["10", "11"], ["1", "3"]])
def test_a_person_decides_where_the_period_does_not_say_which_number_is_the_month(periods: list[str]):
    days = ["01/05/2025", "02/03/2025"]
    rows = "".join(f"{day},{period},10,6000,5.00\n" for day, period in zip(days, periods, strict=True))
    written = draft(f"Posting Date,Posting Period,Dept,Account,Amount\n{rows}")
    assert "decide: '01/05/2025' is also a date of the form MM/dd/yyyy" in written


BATCH = "Umsatz (ohne Soll/Haben-Kz);Soll/Haben-Kennzeichen;Konto;Belegdatum;KOST1 - Kostenstelle\n"


@pytest.mark.parametrize(
    ("days", "form"), [(["0501", "2802", "1503"], "yyyy ddMM"), (["501", "2802", "1503"], "yyyy dMM")]
)
def test_days_without_a_year_have_that_of_the_first_line(days: list[str], form: str, tmp_path: Path):
    first = "EXTF;700;21;Buchungsstapel;9;20250402081522000;;20250101;6;20250101;20250331\n"
    rows = "".join(f"{number},50;S;6000;{day};10\n" for number, day in enumerate(days, start=1))
    name = "EXTF_Buchungsstapel_20250402.csv"
    columns = columns_of(first + BATCH + rows, name)
    assert columns["date"] == {"from": "2025 {Belegdatum}", "formats": [form]}
    assert yaml.safe_load(draft(first + BATCH + rows, name))["path"] == "EXTF_Buchungsstapel_2025*.csv"
    expected = {("Actual", f"2025-0{month}"): f"{month}.50" for month in (1, 2, 3)}
    assert sums(tmp_path, first + BATCH + rows, name) == expected


def test_a_person_decides_the_year_of_days_without_one():
    written = draft(BATCH + "1,50;S;6000;0501;10\n2,50;S;6000;2802;10\n", "stapel.csv")
    assert 'date:       {from: "DECIDE {Belegdatum}", formats: [yyyy ddMM]}' in written
    assert mistakes_of(written) == ["draft.yaml, line 12: columns.date.from is not decided"]


def test_the_smallest_vouchers_that_balance_are_the_vouchers():
    rows = "".join(
        f"GL,T{number},2025-01-{number:02d},10,{account},{debit},{credit}\n"
        for number in range(1, 5)
        for account, debit, credit in (("6000", "5.00", ""), ("1200", "", "5.00"))
    )
    text = f"JournalID,TransactionID,Date,Dept,AccountID,DebitAmount,CreditAmount\n{rows}"
    assert yaml.safe_load(draft(text))["balanced"] == {"by": "TransactionID"}


WIDE = "Dept,Account,Jan Act,Feb Act,Mar Bud\n10,6000,1.00,2.00,3.00\n"


def test_months_without_a_year_leave_nothing_but_the_year_to_a_person(tmp_path: Path):
    written = draft(WIDE, "outlook.csv")
    measures = yaml.safe_load(written)["measures"]
    assert measures["Mar Bud"] == {"date": "DECIDE-03-01", "scenario": "Budget"}
    assert "line 17: measures.Feb Act.date is not decided" in mistakes_of(written)
    check = check_text(tmp_path, WIDE, written.replace("DECIDE-", "2025-"), "outlook.csv")
    assert {place: str(count.amount) for place, count in check.sums.items()} == {
        ("Actual", "2025-01"): "1.00", ("Actual", "2025-02"): "2.00", ("Budget", "2025-03"): "3.00",
    }  # fmt: skip


def test_a_file_of_another_year_is_not_read_by_the_year_of_the_name():
    descriptor = parse_descriptor(draft(WIDE, "outlook_2025.csv"), "outlook.yaml")
    assert descriptor.matches("outlook_2025_v2.csv")
    assert not descriptor.matches("outlook_2026.csv")


def test_quarters_of_several_scenarios_ask_whether_they_are_spread():
    written = draft("Dept,Account,Q1 2025 Actual,Q2 2025 Budget\n10,6000,1.00,2.00\n")
    assert "# decide: An amount of a quarter is dated on its first day" in written


@pytest.mark.parametrize("headers", ["Act. Costs,Plan Costs,Var.(Abs.)", "Istkosten,Plankosten,Abw"])
def test_abbreviated_scenarios_of_columns_are_read(headers: str, tmp_path: Path):
    text = f"Period,Dept,Cost Elements,{headers}\n2025-03,10,6000,7.50,7.00,0.50\n2025-03,10,6100,5.00,6.00,-1.00\n"
    assert sums(tmp_path, text) == {("Actual", "2025-03"): "12.50", ("Budget", "2025-03"): "13.00"}


@pytest.mark.parametrize(
    ("name", "feed", "path"),
    [
        ("gl_export_2025q3.csv", "gl_export", "gl_export_*.csv"),
        ("gl_export_2025-Q3.csv", "gl_export", "gl_export_*.csv"),
        ("FBL3N_2025Q1.csv", "fbl3n", "FBL3N_*.csv"),
        ("journal_2025h1.csv", "journal", "journal_*.csv"),
        ("grand_livre_mars_2025.csv", "grand_livre", "grand_livre_*.csv"),
        ("Kontenblatt März 2025.csv", "kontenblatt_m_rz", "Kontenblatt *.csv"),
        ("march_2025.csv", "march", "march_*.csv"),
        ("cost_review_2025-03.csv", "cost_review", "cost_review_*.csv"),
        ("gl_2025-03.csv", "gl", "gl_20??-??.csv"),
        ("GL 2026.csv", "gl", "GL 20??.csv"),
        ("gl_2025-26.csv", "gl", "gl_20??-??.csv"),
        ("je 20250331.csv", "je", "je 20??????.csv"),
        ("2025-03.csv", "new_feed", "20??-??.csv"),
        ("2025_03_gl.csv", "gl", "20??_??_gl.csv"),
    ],
)
def test_a_feed_is_not_named_after_half_a_period(name: str, feed: str, path: str):
    written = yaml.safe_load(draft("Date,Dept,Account,Amount\n2025-01-31,10,6000,5.00\n", name))
    assert (written["feed"], written["path"]) == (feed, path)


def versions_of(*names: str) -> str:
    rows = "".join(f"2025-01,10,6000,{name},{100 * place}.00\n" for place, name in enumerate(names, start=1))
    return f"Period,Dept,Account,Version,Amount\n{rows}"


def test_numbered_forecasts_are_scenarios_of_their_own(tmp_path: Path):
    assert sums(tmp_path, versions_of("FC1", "FC2"), "forecast.csv") == {
        ("Forecast 1", "2025-01"): "100.00", ("Forecast 2", "2025-01"): "200.00",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["Supplementary 1", "Nachtragshaushalt", "Décision modificative 1", "Virement"])
def test_a_supplement_is_added_to_the_budget(name: str, tmp_path: Path):
    text = versions_of("Original", name)
    assert sums(tmp_path, text, "budget_versions.csv") == {("Budget", "2025-01"): "300.00"}
    comment = " ".join(line.strip(" #") for line in draft(text, "budget_versions.csv").splitlines())
    assert f"decide: {name!r} is added to 'Original'" in comment


@pytest.mark.parametrize("names", [("Original", "Revised"), ("Original", "Revised", "Supplementary 1")])
def test_a_person_decides_which_version_is_the_budget(names: tuple[str, ...]):
    written = draft(versions_of(*names), "budget_versions.csv")
    assert yaml.safe_load(written)["columns"]["scenario"]["map"] == dict.fromkeys(names, "DECIDE")
    assert "Original is not decided" in " ".join(mistakes_of(written))


@pytest.mark.parametrize("accounts", ["Sollkonto;Habenkonto", "Konto Soll;Konto Haben", "Debit Account;Credit Account"])
def test_lines_that_book_two_accounts_are_said_to_have_to_be_exported_otherwise(accounts: str):
    written = draft(f"Buchungsdatum;Kostenstelle;Buchungsbetrag;{accounts}\n31.01.2025;10;5,00;6000;1200\n")
    text = " ".join(line.strip(" #") for line in written.splitlines())
    assert "export the entries with a line for each account" in text
    assert "measures" not in yaml.safe_load(written)


def test_contra_accounts_that_have_no_row_of_their_own_are_named():
    header = "Buchungsdatum;Kostenstelle;Betrag;Konto;Gegenkonto\n"
    batch = f"{header}03.03.2025;10;5,00;4210;1200\n05.03.2025;10;7,00;10000;8400\n"
    asked = " ".join(draft(batch).replace("\n#", "").split())
    assert "'Gegenkonto' has accounts without a row of their own here: 1200, 8400." in asked
    whole = f"{header}03.03.2025;10;5,00;4210;1200\n03.03.2025;10;-5,00;1200;4210\n"
    assert "row of their own" not in draft(whole)


@pytest.mark.parametrize(
    ("header", "row", "sources"),
    [
        ("Compte,Section analytique,Date,Montant", "606000,100,31/01/2025,5.00",
         {"account": "Compte", "department": "Section analytique"}),
        ("Account,Account(T),Costc,Costc(T),Period,Amount", "6000,Rent,100,Ops,202501,5.00",
         {"account": "Account", "account_name": "Account(T)", "department": "Costc"}),
        ("Account Code,Level Name,Level Code,Period,Amount", "6000,Ops,100,2025-01,5.00",
         {"department": "Level Code", "department_name": "Level Name"}),
        ("Date,Type,Account Ref,Nominal A/C,Dept,Amount", "31/01/2025,PI,LAND01,7100,1,5.00",
         {"account": "Nominal A/C"}),
        ("Belegdatum,Belegfeld 1,Konto,KOST1,Umsatz", "31.01.2025,1001,6110,10,5.00",
         {"transaction_id": "Belegfeld 1", "department": "KOST1"}),
        ("G/L Acct,Cost Center,Period,Beginning Balance,Period Activity,Ending Balance",
         "6000,100,Jan-25,1.00,5.00,6.00",
         {"account": "G/L Acct", "amount": "Period Activity"}),
    ],
)  # fmt: skip
def test_headers_of_further_systems_name_their_fields(header: str, row: str, sources: dict[str, str], tmp_path: Path):
    text = f"{header}\n{row}\n"
    assert {name: source_of(columns_of(text)[name]) for name in sources} == sources
    assert sums(tmp_path, text, "export.csv") == {("Actual", "2025-01"): "5.00"}


def test_the_labels_of_accounts_of_datev_are_their_names():
    text = "Konto;Kontenbeschriftung;SprachId\n4210;Miete;de-DE\n8400;Umsatz;de-DE\n"
    assert columns_of(text, "EXTF_Kontenbeschriftungen.csv") == {"number": "Konto", "name": "Kontenbeschriftung"}


@pytest.mark.parametrize(
    ("name", "scenario"), [("begroting.csv", "Budget"), ("presupuesto.csv", "Budget"), ("Hochrechnung.csv", "Forecast")]
)
def test_a_plan_is_known_in_other_languages(name: str, scenario: str, tmp_path: Path):
    text = "Period,Dept,Account,Amount\n2025-01,100,6000,5.00\n2025-02,100,6000,5.00\n"
    assert {of for of, _ in sums(tmp_path, text, name)} == {scenario}


def test_amounts_with_dr_and_cr_are_debits_and_credits(tmp_path: Path):
    text = (
        'Date,Cost Centre,Ledger Account,Amount\n5-Jan-25,100,Rent,"1,34,567.00 Dr"\n6-Jan-25,100,Sales,"4,567.00 Cr"\n'
    )
    assert "sign: debit_positive" in draft(text)
    assert sums(tmp_path, text) == {("Actual", "2025-01"): "130000.00"}


@pytest.mark.parametrize(
    ("first", "second", "others"),
    [
        ("5,00 D", "1.234,56 C", "3.1;100"),
        ("5,00D", "1.234,56C", "3.1;100"),
        ("5,00\u00a0S", "1.234,56\u00a0H", "3.1;100"),
        ("5,00 D", "1.234,56 H", "100D;200C"),
    ],
)
@pytest.mark.parametrize("header", ["Valor", "Debit/Credit Balance", "Saldo D/C", "Betrag (S/H)"])
def test_letters_behind_amounts_are_debits_and_credits(
    first: str, second: str, others: str, header: str, tmp_path: Path
):
    text = f"Date;Account;Cost Centre;{header}\n2025-03-03;{others};{first}\n2025-03-04;{others};{second}\n"
    written = draft(text)
    assert "sign: debit_positive" in written
    assert "is read as" not in written
    assert sums(tmp_path, text) == {("Actual", "2025-03"): "-1229.56"}


@pytest.mark.parametrize(("debit", "credit"), [("D", "C"), ("S", "H"), ("Dr", "Cr"), ("D", "")])
def test_letters_behind_debits_and_credits_are_those_of_their_columns(debit: str, credit: str, tmp_path: Path):
    """A credit with its letter was one with a minus to the draft, and no row was read."""
    rows = f"2025-03-05;6110;10;5,00 {debit};\n2025-03-15;4000;10;;7,50 {credit}\nTotal;;;5,00 {debit};7,50 {credit}\n"
    text = f"Date;Account;Cost Centre;Debit;Credit\n{rows}"
    assert columns_of(text)["amount"]["from"] == {"debit": "Debit", "credit": "Credit"}
    assert sums(tmp_path, text) == {("Actual", "2025-03"): "-2.50"}
    wrong = checked(tmp_path, text.replace(f"5,00 {debit};\n2025-03-15", "5,00 H;\n2025-03-15"))
    (row,) = wrong.refused_rows
    assert row.reasons.endswith("H is beside it, and its column has the debits")


@pytest.mark.parametrize(
    ("first", "second", "side"),
    [("5,00 D", "6,00 D", "a debit"), ("5,00 D", "6,00 S", "a debit"), ("5,00 C", "6,00", "a credit")],
)
def test_letters_behind_amounts_that_are_not_both_sides_are_asked_for(first: str, second: str, side: str):
    written = draft(f"Data;Conta;Centro de Custo;Valor\n03/03/2025;3.1;100;{first}\n14/03/2025;3.1;100;{second}\n")
    assert f"decide: {first!r} is read as {side}" in written


def test_letters_behind_whole_numbers_are_of_codes():
    text = "Date,Account,Cost Centre,Amount\n2025-03-03,100D,10S,5.00\n2025-03-04,200C,20H,6.00\n"
    columns = columns_of(text)
    assert [source_of(columns[name]) for name in ("account", "department", "amount")] == text.splitlines()[0].split(
        ","
    )[1:]
    assert "sign: debit_positive" not in draft(text)


def test_vouchers_of_amounts_with_their_side_balance():
    rows = "".join(
        f"2025-03-0{day},V{day},6000,100,{day}.50 D\n2025-03-0{day},V{day},1000,100,{day}.50 C\n" for day in (3, 4)
    )
    assert yaml.safe_load(draft(f"Date,Voucher,Account,Dept,Amount\n{rows}"))["balanced"] == {"by": "Voucher"}


def test_thousands_behind_a_typographic_apostrophe_are_read(tmp_path: Path):
    text = "Datum,Kostenstelle,Konto,Betrag\n05.01.25,100,6000,1’345.50\n06.01.25,100,6000,2’000.00\n"
    assert sums(tmp_path, text) == {("Actual", "2025-01"): "3345.50"}


def test_amounts_of_the_month_are_read_beside_those_of_the_year(tmp_path: Path):
    text = "Dept,Account,MTD Actual,MTD Budget,YTD Actual,YTD Budget,FY Budget\n100,6000,5.50,6.50,50.50,60.50,90.50\n"
    assert sums(tmp_path, text, "mgmt_2025-03.csv") == {("Actual", "2025-03"): "5.50", ("Budget", "2025-03"): "6.50"}


def test_the_amount_beside_a_budget_is_actual_in_a_report_that_compares_them(tmp_path: Path):
    header = "Financial Row,Class,Amount,Budget Amount,Amount Over Budget,% of Budget"
    rows = "6000 Rent,100,$5.50,$6.50,($1.00),84.62%\n6100 IT,100,$1.50,$2.50,($1.00),60.00%\n"
    text = f"Budget vs. Actual,,,,,\n{header}\n{rows}"
    assert sums(tmp_path, text, "bva_2025-03.csv") == {("Actual", "2025-03"): "7.00", ("Budget", "2025-03"): "9.00"}


@pytest.mark.parametrize(
    "names", ["Réel,Budget", "Realisatie,Begroting", "Consuntivo,Preventivo", "Ejecutado,Presupuesto"]
)
def test_actual_and_planned_amounts_are_known_in_other_languages(names: str, tmp_path: Path):
    text = f"Cost Centre,Account,{names}\n100,6000,5.50,6.50\n100,6100,1.50,2.50\n"
    assert sums(tmp_path, text, "compared_2025-03.csv") == {
        ("Actual", "2025-03"): "7.00",
        ("Budget", "2025-03"): "9.00",
    }


SAGE = "No,Type,Account,Nominal,Dept,Date,Details,Net\n"


def test_kinds_of_sage_say_which_amounts_are_credits(tmp_path: Path):
    rows = "1,PI,LAND01,7100,1,05/01/2025,Rent,100.00\n2,PC,LAND01,7100,1,16/01/2025,Refund,30.00\n"
    amount = columns_of(f"{SAGE}{rows}")["amount"]
    assert amount["sign_column"] == {"from": "Type", "negative": ["PC"], "positive": ["PI"]}
    assert yaml.safe_load(draft(f"{SAGE}{rows}", "trail.csv"))["sign"] == "debit_positive"
    check = checked(tmp_path, f"{SAGE}{rows}", "trail.csv")
    assert {place: str(count.amount) for place, count in check.sums.items()} == {("Actual", "2025-01"): "70.00"}


@pytest.mark.parametrize(
    ("first", "second"),
    [("1,PI,X,7100,1,05/01/2025,a,100.00", "2,PC,X,7100,1,16/01/2025,b,-30.00"),
     ("1,PI,X,7100,1,05/01/2025,a,100.00", "2,PI,X,7100,1,16/01/2025,b,30.00"),
     ("1,PI,X,7100,1,05/01/2025,a,100.00", "2,ZZ,X,7100,1,16/01/2025,b,30.00")],
)  # fmt: skip
def test_amounts_of_sage_with_signs_and_other_kinds_are_read_as_they_are(first: str, second: str):
    assert "sign_column" not in draft(f"{SAGE}{first}\n{second}\n", "trail.csv")


ESSBASE = (
    "Account,Department,Jan 2025,Feb 2025,Mar 2025,Apr 2025\n"
    "A4000,E100,1200.50,#Missing,1300.25,1250.75\n"
    "A4100,E100,#Missing,#Missing,800.00,810.10\n"
    "A6000,E200,100.00,110.10,120.20,{}\n"
)


@pytest.mark.parametrize("missing", ["#Missing", "#MISSING", "#Mi"])
def test_cells_without_an_amount_of_an_essbase_export_give_no_lines(missing: str, tmp_path: Path):
    text = ESSBASE.format(missing)
    descriptor = yaml.safe_load(draft(text, "plan.csv"))
    assert descriptor["unpivot"]["columns"] == ["Jan 2025", "Feb 2025", "Mar 2025", "Apr 2025"]
    assert {one.casefold() for one in descriptor["columns"]["amount"]["map"]} == {"#missing", missing.casefold()}
    read = checked_essbase(tmp_path, descriptor, text)
    assert read.is_fine
    assert read.read.rows == read.outcomes["accepted"].rows == 8


def test_a_cell_that_is_mapped_to_a_blank_is_rejected_only_where_blank_cells_are(tmp_path: Path):
    descriptor = yaml.safe_load(draft(ESSBASE.format("5.00"), "plan.csv"))
    descriptor["unpivot"]["blank"] = "reject"
    assert not checked_essbase(tmp_path, descriptor, ESSBASE.format("5.00")).is_fine


def test_another_text_in_a_cell_of_a_month_is_no_blank(tmp_path: Path):
    descriptor = yaml.safe_load(draft(ESSBASE.format("5.00"), "plan.csv"))
    assert not checked_essbase(tmp_path, descriptor, ESSBASE.format("#Missed")).is_fine


def checked_essbase(folder: Path, descriptor: dict[str, Any], text: str) -> Any:
    (folder / "plan.csv").write_text(text, encoding="utf-8")
    decided = yaml.safe_dump(descriptor)
    return check_written(folder, decided, "plan.csv")


JOURNAL = """\
日付,部門コード,勘定科目コード,勘定科目,借方金額,貸方金額,摘要
2025年3月3日,100,6110,地代家賃,"1,000,000",,3月分家賃
2025年12月15日,200,6120,旅費,"25,500",,出張
2025年3月17日,200,6120,旅費,,500,出張
"""


def sums_of(found: FileCheck) -> dict[str, str]:
    assert not found.holds, found.holds
    return {" ".join(place): str(count.amount) for place, count in found.sums.items()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_a_japanese_journal_is_read_as_it_is(encoding: str, tmp_path: Path):
    found = checked(tmp_path, JOURNAL.encode(encoding), "仕訳帳.csv")
    assert sums_of(found) == {"Actual 2025-03": "999500.00", "Actual 2025-12": "25500.00"}
    written = draft(JOURNAL.encode(encoding), "仕訳帳.csv")
    assert ("a part of it is '日付,部門コード" in written) == (encoding == "cp932")
    assert yaml.safe_load(written)["columns"]["account"] == "勘定科目コード"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("День;Код;Итого;Описание\n03.03.2025;26;5,00;Аренда\n", "cp1251"),
     ("某日,某处,某类,某数\n2025-03-03,100,6601,5.00\n", "gb18030"),
     ("날짜,조직,분류,값\n2025-03-03,100,6110,5.00\n", "cp949")],
)  # fmt: skip
def test_text_of_another_script_whose_headers_are_not_known_asks_for_its_encoding(text: str, encoding: str):
    written = " ".join(draft(text.encode(encoding)).replace("\n#", "").split())
    assert "decide: The file is not UTF-8." in written
    assert encoding in written


@pytest.mark.parametrize(
    "text", ["Übungsstätte;Größe", "Déplacement à Orléans;Noël", "Señal de año", "Åsögatan", "5 €", "1\xa0000,00"]
)
def test_western_text_asks_for_no_encoding(text: str):
    written = draft(f"Date;Dept;Account;Amount;{text}\n2025-01-31;10;6000;5,00;x\n".encode("cp1252"))
    assert yaml.safe_load(written)["dialect"]["encoding"] == "cp1252"
    assert "decide: The file is not UTF-8." not in " ".join(written.replace("\n#", "").split())


@pytest.mark.parametrize("day", ["2025/3/3", "2025-3-3", "2025.03.03", "3. März 2025", "03-mars-25"])
def test_days_of_other_countries_are_read(day: str, tmp_path: Path):
    assert sums_of(checked(tmp_path, f"Date,Dept,Account,Amount\n{day},10,6000,5.00\n")) == {"Actual 2025-03": "5.00"}


@pytest.mark.parametrize("title", ['"January - March, 2025"', "Acme 1. January 2025 bis 31. März 2025", "Q1 2025-02"])
def test_the_months_of_a_title_say_which_number_of_a_day_is_the_month(title: str):
    months = ["02/05/2025", "02/07/2025"] if "-02" in title else ["01/05/2025", "02/07/2025"]
    rows = "".join(f"{day},10,6000,5.00\n" for day in months)
    written = draft(f"{title}\n\nDate,Dept,Account,Amount\n{rows}")
    assert yaml.safe_load(written)["columns"]["date"]["formats"] == ["MM/dd/yyyy"]
    assert "decide: '" in written
    untitled = draft(f"Acme 2025\n\nDate,Dept,Account,Amount\n{rows}")
    assert yaml.safe_load(untitled)["columns"]["date"]["formats"] == ["dd/MM/yyyy"]


@pytest.mark.parametrize(
    "header",
    ["Costs,Last year,Variance", "Berichtsperiode,Vergleichsperiode,Abweichung", "Charges,Prior charges,Diff %"],
)
def test_the_only_column_that_compares_nothing_is_the_amount(header: str):
    rows = "2025-01-31,10,6000,5.00,4.00,1.00\n2025-01-31,10,6100,7.50,7.50,0.00\n"
    assert source_of(columns_of(f"Date,Dept,Account,{header}\n{rows}")["amount"]) == header.split(",")[0]


def test_a_difference_alone_is_not_the_amount():
    text = "Date,Dept,Account,This year,Last year,Variance\n2025-01-31,10,6000,5.00,4.00,1.00\n"
    assert source_of(columns_of(text)["amount"]) == "DECIDE"
