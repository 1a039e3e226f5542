"""`feed draft` for statements without headings: results and totals that only their amounts prove.

Does not belong here: totals below headings of their names (see `test_feed_draft_statements`).
"""

from __future__ import annotations

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


@pytest.mark.parametrize("name", ["Profit sharing", "Loss on disposal", "Result of associates", "Marge de sécurité"])
def test_accounts_whose_names_have_a_word_of_results_are_lines(name: str, tmp_path: Path):
    text = csv_text([["Account", "Amount"], ["Bonus", "100.50"], ["Fees", "-40.25"], [name, "60.25"], ["Rent", "1"]])
    assert "skip" not in draft(text, "pl_2025-03.csv").replace("skip_", "")
    assert sums(check(tmp_path, text, "pl_2025-03.csv", department="D1")) == {"Actual 2025-03": "121.50"}


def test_a_result_that_does_not_add_up_is_a_line():
    text = csv_text([["Account", "Amount"], ["Sales", "100.50"], ["Rent", "40.25"], ["Net income", "7.25"]])
    assert "net income" not in draft(text, "pl_2025-03.csv").casefold()
