"""Columns that say what an amount means: a file is held if a line contradicts one that nothing reads.

Each fix is typed as the reason has it, and the file read again.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, check_written, net

DESCRIPTOR: dict[str, Any] = {
    "feed": "x",
    "kind": "ledger",
    "path": "x.csv",
    "columns": {"date": "Date", "department": "Unit", "account": "Account", "amount": {"from": "Amount"}},
    "constants": {"scenario": "Actual"},
    "tolerance": {"rejected_rows": "0.9"},
}


def checked(folder: Path, column: str, lines: list[str], descriptor: dict[str, Any], amount: str) -> FileCheck:
    rows = "".join(f"2025-01-31,D1,{line}\n" for line in lines)
    text = f"Date,Unit,Account,{amount},{column}\n{rows}"
    return check_text(folder, text, yaml.safe_dump(descriptor, allow_unicode=True))


def check(folder: Path, column: str, lines: list[str], amount: str = "Amount", **changes: Any) -> FileCheck:
    columns = {**DESCRIPTOR["columns"], "amount": {"from": amount}, **changes.pop("columns", {})}
    return checked(folder, column, lines, {**DESCRIPTOR, "columns": columns, **changes}, amount)


def test_lines_of_another_currency_hold_the_file(tmp_path: Path):
    lines = ["6000,100.00,USD", "6000,200.00,EUR", "6000,300.00,gbp", "6000,5.00,"]
    held = check(tmp_path, "Curr.", lines)
    (reason,) = held.holds
    assert reason == (
        "the column 'Curr.' is not read, and says that 2 of 3 lines are in another currency than USD: 'EUR', 'gbp'"
    )
    assert 'add currency: "Curr." to columns' in held.holds[reason]
    assert 'add "Curr." to ignore_columns' in held.holds[reason]
    read = check(tmp_path, "Curr.", lines, columns={"currency": "Curr."})
    assert not read.holds
    assert net(read) == Decimal("105.00")
    assert not check(tmp_path, "Curr.", lines, ignore_columns=["Curr."]).holds


@pytest.mark.parametrize(
    "amount",
    ["Amount in local currency", "Amount USD", "Accounted Amount", "Amount in LC", "Betrag in Firmenwährung",
     "Hauswährungsbetrag", "Montant en devise interne", "Importo in divisa locale"],
)  # fmt: skip
def test_an_amount_that_is_called_local_is_in_the_homes_currency(tmp_path: Path, amount: str):
    assert not check(tmp_path, "Currency", ["6000,100.00,EUR"], amount).holds


@pytest.mark.parametrize(
    "columns",
    ["Amount in doc. curr.,Currency", "Fremdwährungsbetrag,Währung", "Betrag in Transaktionswährung,Währung",
     "Montant en devise,Devise", "Importe en divisa,Divisa", "Bedrag VV,Valuta"],
)  # fmt: skip
def test_a_foreign_amount_beside_the_one_that_is_read_has_the_currency(tmp_path: Path, columns: str):
    assert not check(tmp_path, columns, ["6000,100.00,90.00,EUR"]).holds


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("Amount in local currency", "Local Currency"),
        ("Amount in Company Code Currency", "Company Code Currency"),
        ("Betrag in HW", "HWähr"),
        ("Betrag in Hauswährung", "Hauswährung"),
        ("Amount in LC", "LCurr"),
    ],
)
def test_the_currency_of_local_amounts_is_that_of_the_books(tmp_path: Path, amount: str, currency: str):
    assert check(tmp_path, currency, ["6000,100.00,EUR"], amount).holds
    assert not check(tmp_path, currency, ["6000,100.00,USD"], amount).holds
    assert not check(tmp_path, currency, ["6000,100.00,EUR"], "Amount in group currency").holds


@pytest.mark.parametrize("columns", ["Hauswährungsbetrag,Währung", "Montant en devise interne,Devise"])
def test_a_local_amount_beside_the_one_that_is_read_has_not_the_currency(tmp_path: Path, columns: str):
    assert check(tmp_path, columns, ["6000,100.00,90.00,EUR"]).holds


@pytest.mark.parametrize(("last", "is_said"), [("eur", True), ("USD", False), ("GBP", False)])
def test_one_other_currency_of_all_lines_may_be_that_of_the_books(tmp_path: Path, last: str, is_said: bool):
    (fix,) = check(tmp_path, "Currency", ["6000,1.00,eur", f"6000,2.00,{last}"]).holds.values()
    assert ("if the books are kept in EUR, set FINANCE_PLATFORM_CURRENCY in the home's .env" in fix) is is_said


@pytest.mark.parametrize("column", ["Currency Risk", "Text"])
def test_a_column_that_is_not_called_a_currency_says_nothing_about_it(tmp_path: Path, column: str):
    assert not check(tmp_path, column, ["6000,100.00,EUR"]).holds


def test_texts_that_are_no_currency_say_nothing_about_it(tmp_path: Path):
    assert not check(tmp_path, "Valuta", ["6000,100.00,31.01.2025", "6000,1.00,US$", "6000,1.00,$"]).holds


def test_a_plan_among_lines_of_actual_holds_the_file(tmp_path: Path):
    lines = ["6000,100.00,Actual", "6000,40.00,Budget 2025", "6000,2.00,Forecast V1", "6000,0.00,Plan"]
    held = check(tmp_path, "Version", lines)
    (reason,) = held.holds
    assert reason == (
        "the column 'Version' is not read, and says 'Budget 2025', 'Forecast V1' of 2 of 4 lines, which are read as "
        "Actual; their 2 amounts add up to 42.00"
    )
    read = check(tmp_path, "Version", lines[:3], columns={"scenario": "Version"}, constants={})
    assert not read.holds
    assert {count.amount for count in read.sums.values()} == {Decimal(100), Decimal(40), Decimal(2)}


def test_actuals_in_a_file_of_a_plan_hold_it(tmp_path: Path):
    (reason,) = check(tmp_path, "Scenario", ["6000,9.00,Ist"], constants={"scenario": "Budget"}).holds
    assert reason.endswith("says 'Ist' of 1 of 1 lines, which are read as Budget; their amount is 9.00")


@pytest.mark.parametrize("version", ["V2", "0", "Actual", "Plan/Ist"])
def test_a_version_that_names_no_other_scenario_holds_nothing(tmp_path: Path, version: str):
    assert not check(tmp_path, "Version", [f"6000,1.00,{version}"]).holds


def test_lines_that_are_not_posted_hold_the_file(tmp_path: Path):
    lines = ["6000,100.00,Posted", "6000,40.00,Void", "6000,300.00, draft (1)", "6000,1.00,Draft", "6000,0.00,Deleted"]
    held = check(tmp_path, "Status", lines)
    (reason,) = held.holds
    assert reason == (
        "the column 'Status' is not read, and says 'Void', 'Draft' of 2 of 5 lines, which count; their 2 amounts add "
        "up to 41.00"
    )
    rule = re.search(r"add skip: (\[.*\]) to the descriptor", held.holds[reason])
    assert rule
    skipped = check(tmp_path, "Status", lines, skip=yaml.safe_load(rule[1]))
    assert not skipped.holds
    assert net(skipped) == Decimal("400.00")
    again = check(tmp_path, "Status", lines, skip=[{"column": "Status", "matches": "^Void$", "may_hold_money": "true"}])
    (fix,) = again.holds.values()
    assert 'add {column: "Status", matches: "(?i)^(Draft)$", may_hold_money: true} to skip in' in fix


@pytest.mark.parametrize(
    ("column", "text", "is_held"),
    [("Voided", "Yes", True), ("Voided", "No", False), ("Posted", "N", True), ("Posted", "Y", False),
     ("Posting", "F", True),
     ("Deletion Flag", "X", True), ("Deletion Flag", "", False), ("Status", "Reversed", False),
     ("Status", "Open", False), ("Status", "Gelöscht", True), ("State", "DE", False)],
)  # fmt: skip
def test_answers_and_states_hold_only_lines_that_do_not_count(tmp_path: Path, column: str, text: str, is_held: bool):
    assert bool(check(tmp_path, column, [f"6000,1.00,{text}", "6000,2.00,"]).holds) is is_held


def test_debits_and_credits_of_an_account_without_signs_hold_the_file(tmp_path: Path):
    lines = ["1000,100.00,D", "1000,40.00,C", "4000,5.00,C"]
    held = check(tmp_path, "D/C", lines)
    (reason,) = held.holds
    assert reason == (
        "the column 'D/C' is not read, and says 'C' of 2 of 3 lines, which are added to the others of their accounts, "
        "since no amount has a sign; their 2 amounts add up to 45.00"
    )
    assert 'add sign_column: {from: "D/C", negative: ["C"]} to columns.amount' in held.holds[reason]
    amount = {"from": "Amount", "sign_column": {"from": "D/C", "negative": ["C"]}}
    read = check(tmp_path, "D/C", lines, columns={"amount": amount}, sign="debit_positive")
    assert not any("D/C" in reason for reason in read.holds)
    assert net(read) == Decimal("55.00")


@pytest.mark.parametrize(
    "lines",
    [
        ["1000,100.00,D", "4000,40.00,C"],  # each account has its natural side
        ["1000,100.00,D", "1000,-40.00,C"],  # the amounts have their signs
        ["1000,100.00,D", "1000,0.00,C"],
        ["1000,100.00,D", "1000,40.00,X"],
    ],
)
def test_sides_that_change_no_figure_hold_nothing(tmp_path: Path, lines: list[str]):
    assert not check(tmp_path, "D/C", lines).holds


def test_a_wide_plan_is_compared_by_its_rows(tmp_path: Path):
    wide = {
        **DESCRIPTOR,
        "columns": {"date": {"formats": ["yyyy-MM"]}, "department": "Unit", "account": "Account"},
        "unpivot": {"columns": ["2025-01", "2025-02"], "into": "date"},
    }
    (reason,) = checked(tmp_path, "2025-02,Version", ["6000,1.00,2.00,Budget"], wide, "2025-01").holds
    assert "says 'Budget' of 2 of 2 lines, which are read as Actual; their 2 amounts add up to 3.00" in reason


def months(folder: Path, column: str, lines: list[str], **changes: Any) -> FileCheck:
    """Check lines that begin with their month."""
    (folder / "x.csv").write_text("".join((f"Month,Unit,Account,Amount,{column}\n", *(f"{one}\n" for one in lines))))
    columns = {**DESCRIPTOR["columns"], "date": {"from": "Month", "formats": ["yyyy-MM"]}, **changes.pop("columns", {})}
    return check_written(folder, {**DESCRIPTOR, "columns": columns, **changes})


@pytest.mark.parametrize(
    ("column", "lines"),
    [
        ("Canceled", ["6000,500.00,Y", "6000,-500.00,C", "6000,20.00,N"]),
        ("Status", ["6000,-500.00,Posted", "6000,500.00,Cancelled"]),
        ("Status", ["6000,500.00,Void", "6000,-500.00,Void"]),
    ],
)
def test_lines_that_a_counter_entry_of_the_file_takes_back_count(tmp_path: Path, column: str, lines: list[str]):
    assert not check(tmp_path, column, lines).holds


@pytest.mark.parametrize(
    "lines",
    [
        ["6000,500.00,Y", "6100,-500.00,C"],
        ["6000,500.00,Y", "6000,500.00,C"],
        ["6000,500.00,Y", "6000,500.00,Y", "6000,-500.00,C"],
    ],
)
def test_a_cancelled_line_without_a_counter_entry_of_its_own_holds_the_file(tmp_path: Path, lines: list[str]):
    (reason,) = check(tmp_path, "Canceled", lines).holds
    assert "says 'Y' of 1 of" in reason
    assert reason.endswith("their amount is 500.00")


def test_no_rule_is_proposed_that_leaves_counter_entries_alone(tmp_path: Path):
    lines = ["6000,500.00,Y", "6000,-500.00,C", "6000,40.00,Y"]
    ((reason, fix),) = check(tmp_path, "Canceled", lines).holds.items()
    assert "which count and have no counter-entry in the file, as 1 other has; their amount is 40.00" in reason
    assert "skip" not in fix


def test_a_forecast_may_have_the_actuals_of_the_months_before_it(tmp_path: Path):
    lines = ["2025-01,D1,6000,1.00,Actual", "2025-02,D1,6000,1.00,Actual", "2025-03,D1,6000,1.00,Forecast"]
    assert not months(tmp_path, "Version", lines, constants={"scenario": "Forecast"}).holds
    neither = [*lines, "2025-04,D1,6000,1.00,Adjustment"]
    assert not months(tmp_path, "Version", neither, constants={"scenario": "Forecast"}).holds
    later = [*lines, "2025-04,D1,6000,1.00,Actual"]
    assert months(tmp_path, "Version", later, constants={"scenario": "Forecast"}).holds
    assert months(tmp_path, "Version", lines[:2], constants={"scenario": "Forecast"}).holds
    assert months(tmp_path, "Version", lines).holds


@pytest.mark.parametrize("text", ["Payment plan", "Real estate", "Pension plan 2025"])
def test_a_type_that_has_the_word_of_a_scenario_among_others_names_none(tmp_path: Path, text: str):
    for scenario in ("Actual", "Budget"):
        assert not check(tmp_path, "Record Type", [f"6000,1.00,{text}"], constants={"scenario": scenario}).holds


@pytest.mark.parametrize(("column", "text"), [("Record Type", "Plan V2"), ("Version", "Operating plan")])
def test_a_word_of_a_scenario_that_is_alone_or_names_a_version_is_one(tmp_path: Path, column: str, text: str):
    assert check(tmp_path, column, [f"6000,1.00,{text}"]).holds


VERSIONS = [f"2025-0{month},D1,{account},{month}0.00,{version}" for version in ("V1", "V2") for month in (1, 2)
            for account in (6000, 6100)]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "text"),
    [("Version", "FC 3+9"), ("Version", "6+6"), ("Scenario", "Outlook"), ("Data Type", "9 + 3")],
)
def test_a_forecast_of_actual_and_planned_months_is_no_actual(tmp_path: Path, column: str, text: str):
    assert check(tmp_path, column, [f"6000,100.00,{text}"]).holds
    assert not check(tmp_path, column, [f"6000,100.00,{text}"], constants={"scenario": "Forecast"}).holds


@pytest.mark.parametrize("text", ["3+8", "13+1", "V1", "FCA"])
def test_other_sums_and_words_are_no_forecast(tmp_path: Path, text: str):
    assert not check(tmp_path, "Version", [f"6000,100.00,{text}"]).holds


def test_versions_of_the_same_months_and_accounts_hold_the_file(tmp_path: Path):
    budget = {"constants": {"scenario": "Budget"}}
    ((reason, fix),) = months(tmp_path, "Version", VERSIONS, **budget).holds.items()
    assert reason == (
        "the column 'Version' is not read, and says 'V2' of 4 of 8 lines, which are added to those of 'V1' in the same "
        "months, departments and accounts; their 4 amounts add up to 60.00"
    )
    rule = re.search(r"add skip: \[(.*?)\] to the descriptor", fix)
    assert rule is not None
    left = months(tmp_path, "Version", VERSIONS, **budget, skip=[yaml.safe_load(rule[1])])
    assert not left.holds
    assert net(left) == Decimal("60.00")
    apart = months(
        tmp_path, "Version", VERSIONS, constants={}, scenarios={"V1": "Budget", "V2": "Budget"},
        columns={"scenario": "Version"},
    )  # fmt: skip
    assert not apart.holds
    assert len(apart.sums) == 4
    assert not months(tmp_path, "Version", VERSIONS, **budget, ignore_columns=["Version"]).holds


@pytest.mark.parametrize(
    "lines",
    [
        ["2025-01,D1,6000,1.00,V1", "2025-02,D1,6000,1.00,V2", "2025-03,D1,6000,1.00,V2"],
        ["2025-01,D1,6000,1.00,V1", "2025-01,D1,6100,1.00,V1", "2025-01,D2,6000,1.00,V2", "2025-01,D2,6100,1.00,V2"],
        ["2025-01,D1,6000,1.00,V1", "2025-01,D1,6100,1.00,V1"],
    ],
)
def test_versions_of_other_months_or_departments_hold_nothing(tmp_path: Path, lines: list[str]):
    assert not months(tmp_path, "Version", lines, constants={"scenario": "Budget"}).holds


def test_versions_of_the_documents_of_a_ledger_hold_nothing_unless_they_are_the_same_lines(tmp_path: Path):
    lines = [f"2025-01,D1,6000,{number}.00,{1 + number % 2}" for number in range(1, 9)]
    assert not months(tmp_path, "Version", lines).holds
    same = [f"2025-01,D1,6000,{number}.00,{version}" for number in range(1, 5) for version in ("V1", "V2")]
    (reason,) = months(tmp_path, "Version", same).holds
    assert "says 'V2' of 4 of 8 lines, which are added to those of 'V1'" in reason


def test_ledgers_with_the_same_lines_hold_the_file(tmp_path: Path):
    lines = [f"2025-0{month},D1,6000,{month}.00,{ledger}" for ledger in ("0L", "2L") for month in (1, 2, 3)]
    ((reason, fix),) = months(tmp_path, "Ledger", [*lines, "2025-03,D1,6000,50.00,2L"]).holds.items()
    assert "says '0L' of 3 of 7 lines, most of which '2L' has too, so they count twice" in reason
    assert '{column: "Ledger", matches: "^0L$", may_hold_money: true}' in fix
    others = [*lines[:3], "2025-01,D1,6000,0.50,2L", "2025-02,D1,6000,0.70,2L"]
    assert not months(tmp_path, "Ledger", others).holds


BOOKINGS = ["2025-01,D1,4930,100.00,1200", "2025-02,D1,1200,-50.00,4930", "2025-03,D1,1200,70.00,8400"]


def test_rows_that_book_a_second_account_hold_the_file(tmp_path: Path):
    ((reason, fix),) = months(tmp_path, "Gegenkonto", BOOKINGS).holds.items()
    assert reason == (
        "the column 'Gegenkonto' is not read, and names an account of other lines that has no line of that day in 2 "
        "of 3 lines, such as '1200', so the amounts of these accounts are missing; their 2 amounts add up to 50.00"
    )
    assert 'add "Gegenkonto" to ignore_columns' in fix
    assert not months(tmp_path, "Gegenkonto", BOOKINGS, ignore_columns=["Gegenkonto"]).holds


def test_a_contra_account_that_has_its_own_line_only_explains(tmp_path: Path):
    mirrored = [*BOOKINGS, "2025-01,D1,1200,-100.00,4930", "2025-02,D1,4930,50.00,1200", "2025-03,D1,8400,-70.00,1200"]
    assert not months(tmp_path, "Bal. Account No.", mirrored).holds
    of_suppliers = ["2025-01,D1,6000,100.00,70001", "2025-01,D1,6100,90.00,70002", "2025-02,D1,6000,80.00,70001"]
    assert not months(tmp_path, "Offsetting acct", of_suppliers).holds


def test_columns_of_the_debited_and_the_credited_account_book_both(tmp_path: Path):
    (tmp_path / "x.csv").write_text("Date,Unit,Sollkonto,Habenkonto,Amount\n2025-01-31,D1,4930,1200,100.00\n")
    parsed = {**DESCRIPTOR, "columns": {**DESCRIPTOR["columns"], "account": "Sollkonto"}}
    (reason,) = check_written(tmp_path, parsed).holds
    assert "the column 'Habenkonto' is not read, and names a second account in 1 of 1 lines, such as '1200'" in reason


def test_a_batch_of_datev_books_both_accounts_of_each_row(tmp_path: Path):
    """Where no contra account was the account of another row, a check had nothing to say."""
    header = "Date,Unit,Konto,Gegenkonto (ohne BU-Schlüssel),Amount"
    (tmp_path / "x.csv").write_text(f"{header}\n2025-01-31,D1,4210,1200,100.00\n2025-01-31,D1,4210,70001,50.00\n")
    parsed = {**DESCRIPTOR, "columns": {**DESCRIPTOR["columns"], "account": "Konto"}}
    (reason,) = check_written(tmp_path, parsed).holds
    assert "names a second account in 2 of 2 lines" in reason
    ignored = {**parsed, "ignore_columns": ["Gegenkonto (ohne BU-Schlüssel)"]}
    assert not check_written(tmp_path, ignored).holds


YEARS = {"columns": {"date": {"from": "Month", "formats": ["yyyy"]}}}


def test_periods_beside_years_that_are_not_read_hold_the_file(tmp_path: Path):
    lines = ["2025,D1,6000,1.00,001", "2025,D1,6000,2.00,002", "2025,D1,6000,4.00,013"]
    ((reason, fix),) = months(tmp_path, "Posting Period", lines, **YEARS).holds.items()
    assert reason == (
        "the column 'Posting Period' is not read, and has 3 periods, '001', '002', '013', while each line is dated on "
        "the first day of its year"
    )
    source, mapped = re.search(r"from: (\".*?\") with", fix), re.search(r"such as (\{.*?\}),", fix)
    assert source is not None
    assert mapped is not None
    assert 'with formats: ["FFFF-PPP"], calendar: fiscal, and a map' in fix
    date = {"from": yaml.safe_load(source[1]), "formats": ["FFFF-PPP"], "calendar": "fiscal"}
    date["map"] = yaml.safe_load(mapped[1])
    read = months(tmp_path, "Posting Period", lines, columns={"date": date})
    assert not read.holds
    assert {period: count.amount for (_, period), count in read.sums.items()} == {
        "2025-01": Decimal(1), "2025-02": Decimal(2), "2025-12": Decimal(4),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "texts", "periods"),
    [
        ("Quarter", ["Q1", "Q2"], ["2025-01", "2025-04"]),
        ("Qtr", ["1", "2"], ["2025-01", "2025-04"]),
        ("Month", ["Jan", "Dec"], ["2025-01", "2025-12"]),
        ("Period", ["01", "12", "13"], ["2025-01", "2025-12"]),
        ("Period", ["P01", "P12"], ["2025-01", "2025-12"]),
    ],
)
def test_the_fix_of_unread_periods_reads_their_texts(tmp_path: Path, column: str, texts: list[str], periods: list[str]):
    rows = "".join(f"2025,D1,6000,1.00,{text}\n" for text in texts)
    (tmp_path / "x.csv").write_text(f"Year,Unit,Account,Amount,{column}\n{rows}")

    def of(date: dict[str, Any]) -> FileCheck:
        descriptor = {**DESCRIPTOR, "columns": {**DESCRIPTOR["columns"], "date": date}}
        return check_written(tmp_path, descriptor)

    (fix,) = of({"from": "Year", "formats": ["yyyy"]}).holds.values()
    source, formats = re.search(r"from: (\".*?\") with", fix), re.search(r"formats: (\[.*?\])", fix)
    assert source is not None
    assert formats is not None
    mapped = re.search(r"such as (\{.*?\}),", fix)
    date = {"from": yaml.safe_load(source[1]), "formats": yaml.safe_load(formats[1])}
    read = of(date | ({"map": yaml.safe_load(mapped[1])} if mapped else {}))
    assert not read.holds
    assert sorted(period for _, period in read.sums) == periods
    assert read.outcomes["accepted"].rows == len(texts)


def test_a_period_that_says_nothing_beside_a_year_holds_nothing(tmp_path: Path):
    lines = ["2025,D1,6000,1.00,1", "2025,D1,6000,2.00,1"]
    assert not months(tmp_path, "Period", lines, **YEARS).holds
    assert not months(tmp_path, "Period", ["2025-01,D1,6000,1.00,1", "2025-02,D1,6000,2.00,2"]).holds
    spread = {"over": "fiscal_year", "how": "even"}
    assert not months(tmp_path, "Quarter", [*lines, "2025,D1,6000,2.00,2"], **YEARS, spread=spread).holds


def test_actual_and_a_plan_in_one_column_are_one_reason(tmp_path: Path):
    lines = [f"2025-0{month},D1,6000,1.00,{name}" for month in (1, 2) for name in ("Actual", "Budget")]
    (reason,) = months(tmp_path, "Version", lines).holds
    assert "says 'Budget' of 2 of 4 lines, which are read as Actual" in reason
