"""`feed draft` for statements without headings: results and totals that only their amounts prove.

Does not belong here: totals below headings of their names (see `test_feed_draft_statements`).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform_tests.unit.feeds.drafts import draft
from finance_platform_tests.unit.feeds.test_feed_draft_reports import check, csv_text, sums

STATEMENT = [["Revenue", "100.50"], ["COGS", "-40.25"], ["Gross profit", "60.25"], ["Rent", "-10.50"]]


@pytest.mark.parametrize(
    ("rows", "skipped"),
    [
        ([*STATEMENT, ["EBIT", "49.75"]], "gross profit|ebit"),
        (
            [*STATEMENT, ["Travel", "-1.50"], ["Operating expenses", "-12.00"], ["Net profit", "48.25"]],
            "gross profit|operating expenses|net profit",
        ),
        (
            [
                ["Revenue", "100.50"],
                ["Rent", "10.50"],
                ["Travel", "1.50"],
                ["Total expenses", "12"],
                ["Profit", "88.50"],
            ],
            "total expenses|profit",
        ),
    ],
)
def test_results_of_a_statement_without_headings_are_left_out(rows: list[list[str]], skipped: str, tmp_path: Path):
    """They counted beside the lines that they add up."""
    text = csv_text([["Account", "Amount"], *rows])
    lines = [Decimal(amount) for name, amount in rows if name.casefold() not in skipped.split("|")]
    assert f"(?i)^({skipped})$" in draft(text, "pl_2025-03.csv")
    assert sums(check(tmp_path, text, "pl_2025-03.csv", department="D1")) == {"Actual 2025-03": str(sum(lines))}


def test_results_of_each_department_and_scenario_are_left_out(tmp_path: Path):
    rows = [
        [department, name, *amounts]
        for department in ("D1", "D2")
        for name, *amounts in (["Sales", "100.25", "90"], ["Rent", "40.25", "30.50"], ["Net income", "60.00", "59.50"])
    ]
    text = csv_text([["Department", "Account", "Actual", "Budget"], *rows])
    assert sums(check(tmp_path, text, "pl_2025-03.csv")) == {"Actual 2025-03": "281.00", "Budget 2025-03": "241.00"}


@pytest.mark.parametrize(
    "name",
    [
        *("Profit sharing", "Loss on disposal", "Result of associates", "Marge de sécurité"),
        *("Other income", "Interest income", "Income tax", "Other operating income"),
    ],
)
def test_accounts_whose_names_have_a_word_of_results_are_lines(name: str, tmp_path: Path):
    text = csv_text([["Account", "Amount"], ["Bonus", "100.50"], ["Fees", "-40.25"], [name, "60.25"], ["Rent", "1"]])
    assert "skip" not in draft(text, "pl_2025-03.csv").replace("skip_", "")
    assert sums(check(tmp_path, text, "pl_2025-03.csv", department="D1")) == {"Actual 2025-03": "121.50"}


def test_results_of_accounts_with_numbers_are_left_out(tmp_path: Path):
    rows = [["4000", "Sales", "100.25"], ["6000", "Rent", "40.25"], ["9000", "Net income", "60.00"]]
    text = csv_text([["Account", "Account Name", "Amount"], *rows])
    assert sums(check(tmp_path, text, "pl_2025-03.csv", department="D1")) == {"Actual 2025-03": "140.50"}


def test_the_number_of_an_account_is_no_amount_that_adds_up():
    """39 is the sum of 3 and 36, and nothing is that of nothing."""
    rows = [["3", "Energy", "0.00"], ["36", "Rent", "0.00"], ["39", "Net income", "0.00"], ["40", "Fees", "5.25"]]
    assert "net income" not in draft(csv_text([["Account", "Account Name", "Amount"], *rows])).casefold()


def test_a_result_that_does_not_add_up_is_a_line():
    text = csv_text([["Account", "Amount"], ["Sales", "100.50"], ["Rent", "40.25"], ["Net income", "7.25"]])
    assert "net income" not in draft(text, "pl_2025-03.csv").casefold()


NESTED = {
    "Personnel": ("32.50", ["Wages", "Bonuses"]),
    "Wages": ("30.50", ["Worker", "Clerk"]),
    "Bonuses": ("2.00", ["Bonus", "Gift"]),
    "Other": ("6.50", ["Rents"]),
    "Rents": ("6.50", ["Rent", "Heat"]),
}
LINES = {"Worker": "10.00", "Clerk": "20.50", "Bonus": "1.50", "Gift": "0.50", "Rent": "5.25", "Heat": "1.25"}


def nested(name: str, level: int, mark: Callable[[str, int], list[str]], *, is_above: bool) -> list[list[str]]:
    """Return the rows of a group, whose sum is above or below its parts."""
    if name in LINES:
        return [[*mark(name, level), LINES[name], LINES[name]]]
    amount, parts = NESTED[name]
    below = [row for part in parts for row in nested(part, level + 1, mark, is_above=is_above)]
    own = [*mark(name, level), amount, amount]
    return [own, *below] if is_above else [*below, own]


def in_columns(name: str, level: int) -> list[str]:
    return [name if place == level else "" for place in range(3)]


@pytest.mark.parametrize("is_above", [True, False])
@pytest.mark.parametrize(
    ("mark", "names"),
    [
        (lambda name, _: [name], ["Cost Elements"]),
        (lambda name, level: [name if name in LINES else f"{'*' * (2 - level)}   {name}"], ["Cost Elements"]),
        (in_columns, ["", "", ""]),
    ],
)
def test_sums_of_several_levels_are_left_out_or_tie(
    mark: Callable[[str, int], list[str]], names: list[str], is_above: bool, tmp_path: Path
):
    """Each amount counted once for every level."""
    rows = [row for name in ("Personnel", "Other") for row in nested(name, 0, mark, is_above=is_above)]
    text = csv_text([[*names, "Act. Costs", "Plan Costs"], *rows])
    assert sums(check(tmp_path, text, "alr_2025-03.csv", department="100")) == {
        "Actual 2025-03": "39.00", "Budget 2025-03": "39.00"
    }  # fmt: skip


def test_debits_of_a_journal_are_no_sums_of_their_credits():
    vouchers = [("V1", [("S", "100"), ("H", "60"), ("H", "40")]), ("V2", [("S", "75"), ("H", "50"), ("H", "25")])]
    rows = [
        [voucher, f"60{place}", "D1", side, amount]
        for voucher, lines in vouchers
        for place, (side, amount) in enumerate(lines)
    ]
    text = csv_text([["Voucher", "Account", "Department", "D/C", "Amount"], *rows])
    assert "skip:" not in draft(text, "journal_2025-03.csv")
