"""`feed draft` where several columns, or none by its name, may be the amount: scenarios, units, currencies, signs.

Does not belong here: columns of periods (see `test_feed_draft_periods`), departments across (see
`test_feed_draft_crossed`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform_tests.unit.feeds.drafts import columns_of, draft, mistakes_of
from finance_platform_tests.unit.feeds.test_feed_draft_reports import check, csv_text, sums
from finance_platform_tests.workbooks import xlsx

NAME = "pl_2025-03.csv"


def table(names: list[str], *lines: list[Any]) -> str:
    """Return a report of two accounts of a department."""
    accounts = [["4000", "D1"], ["6100", "D1"]]
    return csv_text(
        [["Account", "Department", *names], *([*one, *line] for one, line in zip(accounts, lines, strict=False))]
    )


def undecided(text: str) -> list[str]:
    """Return what a draft leaves to a person, and nothing else that the parser says of it."""
    mistakes = [mistake.split(": ")[-1].split(", ")[-1] for mistake in mistakes_of(text)]
    assert all(mistake.endswith(" is not decided") for mistake in mistakes)
    return [mistake.split(": ")[-1].removesuffix(" is not decided") for mistake in mistakes]


@pytest.mark.parametrize(
    "names", [["Actual", "Budget", "Group Actual", "FX Budget"], ["Group Actual", "FX Budget", "Actual", "Budget"]]
)
def test_of_amounts_of_one_scenario_the_one_that_is_called_so_alone_is_read(names: list[str], tmp_path: Path):
    """Two columns of Actual made a draft that read the budget alone, as the amount."""
    values = {"Actual": 100.25, "Budget": 90.25, "Group Actual": 120.25, "FX Budget": 80.5}
    line = [values[name] for name in names]
    text = table(names, line, line)
    assert sums(check(tmp_path, text, NAME)) == {"Actual 2025-03": "200.50", "Budget 2025-03": "180.50"}


def test_amounts_of_one_scenario_in_two_currencies_are_left_to_a_person():
    text = draft(table(["Actual LC", "Actual GC", "Budget"], [1.5, 2.5, 3.5], [1.25, 2.25, 3.25]), NAME)
    assert undecided(text) == [
        "measures.Actual LC.scenario", "measures.Actual GC.scenario"
    ]  # fmt: skip
    assert "Several are of one: leave each to one column" in " ".join(text.replace("\n#", "").split())


def test_an_amount_beside_a_budget_and_their_difference_is_actual(tmp_path: Path):
    """The scenario of the amounts that were spent was Budget, by the name of the column beside them."""
    names = ["Amount", "Budget Amount", "Amount Over Budget", "% of Budget"]
    text = table(names, ["3000.75", "2800.00", "200.75", "107.17%"], ["300.00", "310.00", "-10.00", "96.77%"])
    assert sums(check(tmp_path, text, "BudgetvsActual_2025-03.csv")) == {
        "Actual 2025-03": "3300.75", "Budget 2025-03": "3110.00"
    }  # fmt: skip


@pytest.mark.parametrize("names", [["Amount", "Budget"], ["Debit", "Budget", "Credit"]])
def test_the_scenario_of_amounts_beside_a_budget_is_asked(names: list[str]):
    text = draft(table(names, [1.5, 2.5, 3.5][: len(names)], [1.25, 2.25, 3.25][: len(names)]), NAME)
    assert undecided(text) == ["constants.scenario"]
    assert "'Budget' names a scenario: write that of the amount, such as Actual" in text


def test_a_month_beside_totals_of_the_year_has_its_scenarios(tmp_path: Path):
    names = ["Mar Actual", "Mar Budget", "Var", "YTD Actual", "YTD Budget", "FY Budget"]
    text = table(names, [10.5, 11.5, -1, 30.5, 33.5, 120.5], [1.5, 2.5, -1, 4.5, 7.5, 20.5])
    assert sums(check(tmp_path, text, NAME)) == {"Actual 2025-03": "12.00", "Budget 2025-03": "14.00"}


def test_one_unit_of_several_amounts_is_asked():
    """The amounts in units counted a thousand times."""
    text = draft(table(["Actual", "Budget (k)"], [10500.25, 11.5], [1500.75, 2.5]), NAME)
    assert undecided(text) == ["columns.amount.scale"]
    assert "'Budget (k)' says that amounts are in thousands, and 'Actual' does not" in " ".join(
        text.replace("\n  #", "").split()
    )


@pytest.mark.parametrize(
    "text",
    [
        ",,EUR,,USD,\nAccount,Department,Jan,Feb,Jan,Feb\n6100,D1,10.5,11.5,12.5,13.5\n6200,D1,1.5,2.5,1.75,2.75\n",
        "Account,Department,Jan EUR,Jan USD,Feb EUR,Feb USD\n6100,D1,10.5,12.5,11.5,13.5\n6200,D1,1.5,1.75,2.5,2.75\n",
    ],
)
def test_of_months_in_several_currencies_those_of_the_home_are_read(text: str, tmp_path: Path):
    """They were added up."""
    assert sums(check(tmp_path, text, "ledger_2025.csv")) == {"Actual 2025-01": "14.25", "Actual 2025-02": "16.25"}


def test_a_second_amount_of_a_month_is_left_to_a_person():
    text = table(["Jan Net", "Jan Gross", "Feb Net", "Feb Gross"], [10.5, 12.5, 11.5, 13.5], [1.5, 1.75, 2.5, 2.75])
    assert undecided(draft(text, "ledger_2025.csv")) == [
        "columns.date.map.Jan Gross", "columns.date.map.Feb Gross"
    ]  # fmt: skip


def test_amounts_of_the_year_before_below_a_month_are_left_out(tmp_path: Path):
    rows = [["", "", "Jan-25", "", "", "Feb-25", "", ""], ["Account", "Department", *["Actual", "Budget", "PY"] * 2]]
    text = csv_text([*rows, ["6100", "D1", 10.5, 11.5, 9, 12.5, 13.5, 9], ["6200", "D1", 1.5, 2.5, 9, 3.5, 4.5, 9]])
    assert sums(check(tmp_path, text, "report_2025.csv")) == {
        "Actual 2025-01": "12.00", "Actual 2025-02": "16.00", "Budget 2025-01": "14.00", "Budget 2025-02": "18.00"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("header", "debit", "credit"),
    [("Sign", "+", "-"), ("Posting Key", "40", "50"), ("PK", "21", "31"), ("PK", "86", "96")],
)
def test_signs_and_keys_of_postings_say_which_amounts_are_credits(header: str, debit: str, credit: str, tmp_path: Path):
    text = table(["Amount", header], ["10.50", credit], ["1.50", debit])
    assert sums(check(tmp_path, text, NAME)) == {"Actual 2025-03": "-9.00"}


def test_a_column_of_plus_signs_alone_says_how_credits_are_written():
    amount = columns_of(table(["Amount", "D/C"], ["10.50", "+"], ["1.50", "+"]), NAME)["amount"]
    assert amount["sign_column"] == {"from": "D/C", "negative": ["-"]}


def test_signs_that_say_nothing_are_asked():
    text = draft(table(["Amount", "DC"], ["10.50", "2"], ["1.50", "1"]), NAME)
    assert undecided(text) == [
        "columns.amount.sign_column.negative", "columns.amount.sign_column.positive"
    ]  # fmt: skip
    assert "which of '1', '2' in 'DC' says that an amount is a credit" in text


def test_days_with_a_comma_and_a_short_year_are_read(tmp_path: Path):
    text = 'Date,Account,Department,Amount\n"Mar 31, 25",6100,D1,10.25\n"Apr 1, 25",6100,D1,20.25\n'
    assert yaml.safe_load(draft(text))["columns"]["date"]["formats"] == ["MMM d, yy"]
    assert sums(check(tmp_path, text, "gl.csv")) == {"Actual 2025-03": "10.25", "Actual 2025-04": "20.25"}


@pytest.mark.parametrize("word", ["Result", "Total", "Summe"])
def test_a_booking_whose_text_is_a_word_of_totals_is_a_line(word: str, tmp_path: Path):
    lines = [("Rent", "10.25"), (word, "20.25"), ("Fee", "30.25")]
    rows = [["2025-03-01", "6100", "D1", amount, text] for text, amount in lines]
    text = csv_text([["Date", "Account", "Department", "Amount", "Text"], *rows])
    assert "control_total" not in draft(text)
    assert sums(check(tmp_path, text, "gl.csv")) == {"Actual 2025-03": "60.75"}


def test_a_booking_with_a_word_of_totals_is_a_line_though_its_codes_add_up(tmp_path: Path):
    lines = [("10", "Rent", "10.25"), ("20", "Fee", "20.25"), ("30", "Total", "5.25")]
    rows = [["2025-03-01", "6100", department, amount, text] for department, text, amount in lines]
    text = csv_text([["Date", "Account", "Department", "Amount", "Text"], *rows])
    assert sums(check(tmp_path, text, "gl.csv")) == {"Actual 2025-03": "35.75"}


def test_a_total_with_every_cell_of_a_line_is_known_by_its_sum(tmp_path: Path):
    rows = [["2025-03-01", "6100", "D1", amount, text] for text, amount in [("Rent", "10.25"), ("Fee", "30.25")]]
    total = ["2025-03-31", "6999", "D1", "40.50", "Total"]
    text = csv_text([["Date", "Account", "Department", "Amount", "Text"], *rows, total])
    assert sums(check(tmp_path, text, "gl.csv")) == {"Actual 2025-03": "40.50"}


@pytest.mark.parametrize("header", ["Version", "Kind", "Type"])
def test_a_column_of_scenarios_is_read_whatever_its_name_and_their_differences_are_left_out(
    header: str, tmp_path: Path
):
    """All three were added up as Actual."""
    rows = [
        [account, "D1", kind, amount]
        for account, amounts in {"4000": ("100.25", "90.25", "10.00"), "6100": ("10.25", "9.25", "1.00")}.items()
        for kind, amount in zip(("Actual", "Budget", "Variance"), amounts, strict=True)
    ]
    text = csv_text([["Account", "Department", header, "Amount"], *rows])
    assert sums(check(tmp_path, text, NAME)) == {"Actual 2025-03": "110.50", "Budget 2025-03": "99.50"}


def test_of_amounts_in_several_currencies_that_of_the_home_is_read(tmp_path: Path):
    text = table(["EUR", "USD", "GBP"], [10.5, 11.5, 9.5], [1.5, 2.5, 1.25])
    assert sums(check(tmp_path, text, NAME)) == {"Actual 2025-03": "14.00"}


@pytest.mark.parametrize(
    "names",
    [
        ["H1 2025", "H2 2025"],
        ["1H", "2H"],
        ["HJ1", "HJ2"],
        ["1H25", "2H25"],
        ["First half 2025", "Second half 2025"],
        ["1. Halbjahr 2025", "2. Halbjahr 2025"],
    ],
)
def test_halves_of_a_year_are_columns_of_periods(names: list[str], tmp_path: Path):
    text = table([*names, "Total"], [600.5, 700.25, 1300.75], [60.5, 70.25, 130.75])
    assert "spread: {over: half_year, how: even}" in " ".join(draft(text, "budget_2025.csv").replace("\n#", "").split())
    assert sums(check(tmp_path, text, "budget_2025.csv")) == {"Budget 2025-01": "661.00", "Budget 2025-07": "770.50"}


def test_halves_of_a_year_beside_its_months_are_totals():
    text = table(["Jan", "Feb", "H1", "H2"], [1.5, 2.5, 4, 0], [1.25, 2.25, 3.5, 0])
    assert yaml.safe_load(draft(text, "budget_2025.csv"))["ignore_columns"] == ["H1", "H2"]


def test_a_title_that_says_totals_of_the_year_is_shown():
    text = "Cumulative amounts 2025\n" + table(["Jan", "Feb"], [1.5, 2.5], [1.25, 2.25])
    assert "A row above the header says 'Cumulative amounts 2025'" in draft(text, "ledger_2025.csv")
    beside = "Month and YTD\n" + table(["Amount", "YTD"], [1.5, 2.5], [1.25, 2.25])
    assert "totals since the beginning" not in draft(beside, NAME)


def test_months_of_the_year_before_beside_those_of_a_plan_are_asked_about():
    names = [f"{month} {year}" for year in (2025, 2024) for month in ("Jan", "Feb")]
    text = draft(table(names, [1.5, 2.5, 3.5, 4.5], [1.25, 2.25, 3.25, 4.25]), "forecast_2025.csv")
    assert "'Jan 2024', 'Feb 2024' are read as a plan for the year before" in text
    fiscal = table(["Nov 2024", "Dec 2024", "Jan 2025", "Feb 2025"], [1.5, 2.5, 3.5, 4.5], [1.25, 2.25, 3.25, 4.25])
    assert "the year before" not in draft(fiscal, "forecast_2025.csv")


def test_numbers_are_the_accounts_of_a_trial_balance():
    rows = [["6100", "Rent", "110.50", "", "310.50", ""], ["4000", "Sales", "", "1000.00", "", "3000.00"]]
    header = ["No.", "Name", "Net Change Debit", "Net Change Credit", "Balance Debit", "Balance Credit"]
    assert yaml.safe_load(draft(csv_text([header, *rows]), "Trial Balance_2025-03.csv"))["columns"]["account"] == "No."


def test_a_balance_beside_budgets_and_expenditures_is_not_taken_for_the_amount():
    """What was left of the budget was read as the budget."""
    names = ["Original Budget", "Revised Budget", "Encumbrances", "Expenditures", "Balance"]
    text = draft(table(names, [100, 110, 20, 10.5, 79.5], [50, 55, 5, 1.5, 48.5]), "grant_2025-03.csv")
    assert undecided(text) == ["columns.amount.from", "constants.scenario"]


def test_the_only_amount_of_the_month_beside_those_of_years_is_read(tmp_path: Path):
    text = table(["This Month", "This Year", "Last Year"], [10.5, 30.5, 9.5], [1.5, 4.5, 1.25])
    assert sums(check(tmp_path, text, NAME)) == {"Actual 2025-03": "12.00"}
    text = table(["Mar-25", "YTD Mar-25"], [10.5, 30.5], [1.5, 4.5])
    assert sums(check(tmp_path, text, NAME)) == {"Actual 2025-03": "12.00"}


@pytest.mark.parametrize(
    "text",
    [
        "Account,Department,Jan,Feb\n,,USD k,USD k\n6100,D1,10.5,11.5\n6200,D1,1.5,2.5\n",
        "Account,Department,Jan,Feb,Unit\n6100,D1,10.5,11.5,TUSD\n6200,D1,1.5,2.5,TUSD\n",
    ],
)
def test_a_unit_below_the_header_or_in_a_column_is_that_of_the_amounts(text: str, tmp_path: Path):
    assert sums(check(tmp_path, text, "budget_2025.csv")) == {
        "Budget 2025-01": "12000.00", "Budget 2025-02": "14000.00"
    }  # fmt: skip


def test_cells_that_say_that_there_is_no_amount_are_blank(tmp_path: Path):
    text = table(["Jan", "Feb"], [10.5, "n/a"], ["n/a", 2.5])
    assert sums(check(tmp_path, text, "budget_2025.csv")) == {"Budget 2025-01": "10.50", "Budget 2025-02": "2.50"}
    assert columns_of("Account,Department,Jan,Feb\n6100,NA,1.5,n/a\n6200,D1,n/a,2.5\n")["department"] == "Department"


@pytest.mark.parametrize("departments", [("NA", "NA"), ("100", "NA")])
def test_a_department_may_be_called_na(departments: tuple[str, str]):
    """It was blank beside another column with `n/a`, and the draft asked for the department."""
    rows = [["2025-03-01", one, "6100", "10.25", "n/a"] for one in departments]
    written = draft(csv_text([["Date", "Department", "Account", "Amount", "Project"], *rows]))
    assert yaml.safe_load(written)["columns"]["department"] == "Department"


def test_a_month_without_any_amount_is_blank(tmp_path: Path):
    text = table(["Jan", "Feb", "Mar"], [10.5, "n/a", 1.5], ["n/a", "n/a", 2.5])
    assert sums(check(tmp_path, text, "budget_2025.csv")) == {"Budget 2025-01": "10.50", "Budget 2025-03": "4.00"}


LEVELS = [["6", "12.00"], ["61", "10.50"], ["6100", "10.50"], ["62", "1.50"], ["6200", "1.00"], ["6210", "0.50"]]


@pytest.mark.parametrize("department", ["D1", "100"])
def test_accounts_that_add_up_those_that_begin_with_their_codes_are_left_out(department: str, tmp_path: Path):
    """Each amount counted three times."""
    rows = [[code, department, amount] for code, amount in LEVELS]
    text = csv_text([["Account", "Department", "Amount"], *rows])
    assert sums(check(tmp_path, text, "gl_2025-03.csv")) == {"Actual 2025-03": "12.00"}
    other = csv_text([["Account", "Department", "Amount"], *([code, "D1", "7.25"] for code, _ in LEVELS)])
    assert sums(check(tmp_path, other, "gl_2025-03.csv")) == {"Actual 2025-03": "43.50"}


def test_digits_of_another_script_are_named():
    text = "Date,Account,Department,Amount\n2025-03-01,6100,D1,١٢٣٫٤٥\n2025-03-02,6100,D1,٢٣٫٥٠\n"
    assert "'١٢٣٫٤٥' has digits of another script, and a feed reads 0 to 9" in " ".join(
        draft(text).replace("\n  #", "").split()
    )


def test_rows_of_period_0_are_left_to_a_rule_that_the_draft_gives():
    """The draft read the year alone."""
    rows = [["2025", "0", "6100", "D1", "100"], ["2025", "3", "6100", "D1", "10.5"], ["2025", "4", "6200", "D1", "1.5"]]
    text = draft(csv_text([["Fiscal Year", "Period", "Account", "Department", "Amount"], *rows]), "gl.csv")
    assert yaml.safe_load(text)["columns"]["date"]["from"] == "{Fiscal Year}-{Period}"
    assert 'skip: [{column: "Period", matches: "^0+$", may_hold_money: true}]' in " ".join(
        text.replace("\n  #", "").split()
    )


def test_a_last_total_with_a_text_of_its_own_is_that_of_all(tmp_path: Path):
    rows = [
        ["D1", "6100", "10.5"], ["D1", "6200", "1.5"], ["D1", "Total", "12"],
        ["D2", "6100", "20.5"], ["D2", "6200", "2.5"], ["D2", "Total", "23"], ["All", "Total", "35"],
    ]  # fmt: skip
    found = check(tmp_path, csv_text([["Department", "Account", "Amount"], *rows]), NAME)
    assert sums(found) == {"Actual 2025-03": "35.00"}
    assert found.findings.control_totals.tied == 3


@pytest.mark.parametrize(
    ("sheets", "name", "periods"),
    [
        ({"Q1": ["Jan", "Feb", "Q1"], "Q2": ["Apr", "May", "Q2"]}, "budget_2025.xlsx", ["01", "02", "04", "05"]),
        ({"Q1": ["Jan", "Feb"], "Q2": ["Mar", "Apr"]}, "actual_2025.xlsx", ["01", "02", "03", "04"]),
    ],
)
def test_sheets_with_months_of_their_own_are_all_read(
    sheets: dict[str, list[str]], name: str, periods: list[str], tmp_path: Path
):
    """The sheet with most rows was read alone."""
    data = xlsx({
        sheet: [["Account", "Department", *names], ["6100", "D1", *[1.25, 2.25, 3.5][: len(names)]]]
        for sheet, names in sheets.items()
    })  # fmt: skip
    scenario = "Budget" if name.startswith("budget") else "Actual"
    assert sums(check(tmp_path, data, name)) == {
        f"{scenario} 2025-{month}": amount for month, amount in zip(periods, ["1.25", "2.25"] * 2, strict=True)
    }


def test_sheets_of_two_years_are_read_by_their_headers(tmp_path: Path):
    data = xlsx({
        year: [["Account", "Department", f"Jan {year}", f"Feb {year}"], ["6100", "D1", 1.25, 2.25]]
        for year in ("2025", "2026")
    })  # fmt: skip
    assert set(sums(check(tmp_path, data, "budget.xlsx"))) == {
        f"Budget {year}-{month}" for year in (2025, 2026) for month in ("01", "02")
    }
