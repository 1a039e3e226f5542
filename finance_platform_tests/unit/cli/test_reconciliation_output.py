"""The reconciliation for people: which terms are printed, and what is never added.

Belongs here: `cli.reconciliation_output`. Does not belong here: figures (see `test_reconciliation`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from finance_platform.cli.reconciliation_output import print_sentences, print_tables
from finance_platform.deliveries.commits import Count
from finance_platform.reports.statement import Line, Reconciliation
from finance_platform_tests.unit.factories import money
from finance_platform_tests.unit.printed_text import RECONCILIATION, lines


def of(*statement_lines: Line) -> Reconciliation:
    return Reconciliation(statement_lines, "USD")


def test_a_run_prints_rows_and_then_net_and_gross_of_each_scenario_with_every_decimal_of_the_rounding():
    rows, net, gross = lines(print_sentences, RECONCILIATION)
    assert rows == "Rows: delivered 5 = in the warehouse 2 + rejected 2 + duplicate 1"
    others = " + duplicate 100.00 + rounding -0.001"
    delivered = "delivered 1,234.499 = in the warehouse 1,000.00 + rejected 134.50"
    assert net == f"Actual USD net: {delivered} (unpriced 1){others}"
    assert gross == f"Actual USD gross: {delivered}{others}"


def test_scenarios_and_currencies_have_lines_of_their_own():
    actual = {"delivered": money(1, "10.00"), "in_warehouse": money(1, "10.00")}
    rejected = {"delivered": money(1, "7.00"), "rejected": money(1, "7.00")}
    statement = of(Line("Actual", "USD", actual), Line("Actual", "EUR", rejected), Line("Budget", "USD", actual))
    assert [line for line in lines(print_sentences, statement) if "net" in line] == [
        "Actual USD net: delivered 10.00 = in the warehouse 10.00",
        "Actual EUR net: delivered 7.00 = rejected 7.00",
        "Budget USD net: delivered 10.00 = in the warehouse 10.00",
    ]


def test_the_table_has_a_row_per_term():
    assert lines(print_tables, RECONCILIATION)[2:] == [
        "Actual USD delivered 5 1,234.499 1,234.499 1 without an amount",
        "Actual USD = in the warehouse 2 1,000.00 1,000.00",
        "Actual USD + rejected 2 134.50 134.50 1 without an amount",
        "Actual USD + duplicate 1 100.00 100.00",
        "Actual USD + rounding 0 -0.001 -0.001",
    ]


def test_several_feeds_have_a_table_of_their_own_and_sides_where_a_feed_has_them():
    count = Count(2, Decimal("-10.00"), Decimal("30.00"))
    terms = {"delivered": count, "in_warehouse": count}
    statement = of(
        Line("Actual", "USD", terms, "journal", "a.csv", has_sides=True),
        Line("Actual", "USD", terms, "ledger", "b.csv"),
    )
    printed = lines(print_tables, statement)
    assert "journal Actual USD delivered 2 -10.00 30.00 10.00 20.00" in printed
    assert "ledger Actual USD delivered 2 -10.00 30.00" in printed
    assert "Actual USD delivered 4 -20.00 60.00" in printed


def test_feeds_that_share_no_scenario_are_named_in_the_one_table():
    terms = {"delivered": money(1, "10.00"), "in_warehouse": money(1, "10.00")}
    statement = of(Line("Actual", "USD", terms, "ledger", "a.csv"), Line("Budget", "USD", terms, "plan", "b.csv"))
    assert lines(print_tables, statement)[2:] == [
        "ledger Actual USD delivered 1 10.00 10.00",
        "ledger Actual USD = in the warehouse 1 10.00 10.00",
        "plan Budget USD delivered 1 10.00 10.00",
        "plan Budget USD = in the warehouse 1 10.00 10.00",
    ]


def test_a_run_prints_debits_and_credits_of_a_feed_that_shares_its_scenario_with_one_without():
    count = Count(2, Decimal("-10.00"), Decimal("30.00"))
    terms = {"delivered": count, "in_warehouse": count}
    statement = of(
        Line("Actual", "USD", terms, "journal", "a.csv", has_sides=True),
        Line("Actual", "USD", terms, "ledger", "b.csv"),
    )
    assert lines(print_sentences, statement)[-2:] == [
        "journal, Actual USD debit: delivered 10.00 = in the warehouse 10.00",
        "journal, Actual USD credit: delivered 20.00 = in the warehouse 20.00",
    ]


def test_files_have_a_table_of_their_own_if_asked():
    terms = {"delivered": money(1, "10.00"), "in_warehouse": money(1, "10.00")}
    statement = of(Line("Actual", "USD", terms, "ledger", "a.csv"), Line("Actual", "USD", terms, "ledger", "b.csv"))
    printed = lines(lambda console, shown: print_tables(console, shown, by_file=True), statement)
    assert "ledger a.csv Actual USD delivered 1 10.00 10.00" in printed
    assert "ledger b.csv Actual USD = in the warehouse 1 10.00 10.00" in printed
    assert "ledger a.csv Actual USD delivered 1 10.00 10.00" not in lines(print_tables, statement)


@pytest.mark.parametrize("show", [print_tables, print_sentences])
def test_what_no_term_explains_is_printed(show: Callable[..., Any]):
    (line,) = RECONCILIATION.lines
    lost = replace(line, terms={**line.terms, "in_warehouse": money(1, "999.99")})
    assert lines(show, of(lost))[-1] == "not explained: Actual USD 1 rows, 0.01"
