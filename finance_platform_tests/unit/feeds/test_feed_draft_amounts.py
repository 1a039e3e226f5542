"""`feed draft` where several columns, or none by its name, may be the amount: scenarios, units, currencies, signs.

Does not belong here: columns of periods (see `test_feed_draft_periods`), departments across (see
`test_feed_draft_crossed`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform_tests.unit.feeds.drafts import draft, mistakes_of
from finance_platform_tests.unit.feeds.test_feed_draft_reports import check, csv_text, sums

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
    assert "'Budget' beside the amount names a scenario" in text


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
    ("header", "debit", "credit"), [("Sign", "+", "-"), ("Posting Key", "40", "50"), ("PK", "21", "31")]
)
def test_signs_and_keys_of_postings_say_which_amounts_are_credits(header: str, debit: str, credit: str, tmp_path: Path):
    text = table(["Amount", header], ["10.50", credit], ["1.50", debit])
    assert sums(check(tmp_path, text, NAME)) == {"Actual 2025-03": "-9.00"}


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


def test_a_total_with_every_cell_of_a_line_is_known_by_its_sum(tmp_path: Path):
    rows = [["2025-03-01", "6100", "D1", amount, text] for text, amount in [("Rent", "10.25"), ("Fee", "30.25")]]
    total = ["2025-03-31", "6999", "D1", "40.50", "Total"]
    text = csv_text([["Date", "Account", "Department", "Amount", "Text"], *rows, total])
    assert sums(check(tmp_path, text, "gl.csv")) == {"Actual 2025-03": "40.50"}
