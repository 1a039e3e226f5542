"""Tolerance: the rejected rows and amounts above which a delivery is held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finance_platform.deliveries.commits import Count, ScenarioCount
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.verdicts.commit_reasons import tolerance_breach
from finance_platform_tests.unit.factories import commit_of, delivered, money, partly_rejected


def limits(share: str = "0", amount: str | None = None) -> DeliveryDiscovered:
    return delivered(tolerated_share=share, tolerated_amount=amount)


@pytest.mark.parametrize(("rejected", "is_held"), [(0, False), (2, False), (3, True)])
def test_a_delivery_is_held_if_more_rows_are_rejected_than_tolerated(rejected: int, *, is_held: bool) -> None:
    event = limits("0.01")
    assert (tolerance_breach(event, partly_rejected(event, rejected, of=200)) is not None) == is_held


def test_without_a_tolerance_one_rejected_row_holds_the_delivery() -> None:
    reason = tolerance_breach(limits(), partly_rejected(limits(), 1, of=1000))
    assert reason == "1 of 1,000 rows rejected, tolerated 0%"


@pytest.mark.parametrize(
    ("amount", "is_held"), [("100.00", False), ("100.01", True), ("-100.01", True), ("0.00", False)]
)
def test_a_delivery_is_held_if_a_larger_amount_is_rejected_than_tolerated(amount: str, *, is_held: bool) -> None:
    event = limits("1", "100.00")
    assert (tolerance_breach(event, partly_rejected(event, 1, of=2, amount=amount)) is not None) == is_held


def test_rejected_debits_and_credits_do_not_offset_each_other() -> None:
    event = limits("1", "100.00")
    commit = commit_of(event, outcomes={"rejected": money(2, "0.00", "1000.00")}, read=Count(2))
    assert tolerance_breach(event, commit) == "1,000.00 rejected, tolerated 100.00"


def test_without_a_tolerated_amount_only_the_rows_count() -> None:
    event = limits("0.5")
    assert tolerance_breach(event, partly_rejected(event, 1, of=2, amount="999999999.00")) is None


def test_with_a_tolerated_amount_of_zero_one_rejected_cent_holds_the_delivery() -> None:
    event = limits("1", "0")
    assert tolerance_breach(event, partly_rejected(event, 1, of=2, amount="0.01")) is not None


def test_a_file_without_rows_is_not_held() -> None:
    assert tolerance_breach(limits(), commit_of(limits())) is None


def test_duplicate_and_skipped_rows_are_tolerated() -> None:
    commit = commit_of(limits(), read=Count(2), outcomes={"duplicate": money(1), "skipped": money(1)})
    assert tolerance_breach(limits(), commit) is None


def test_each_foreign_currency_is_compared_with_the_tolerated_amount_by_itself() -> None:
    event = limits("1", "10.00")
    rejected = [
        ScenarioCount("Actual", currency, "rejected", money(1, amount))
        for currency, amount in (("EUR", "9.00"), ("CHF", "8.00"))
    ]
    commit = replace(partly_rejected(event, 1, of=3, amount="7.00"), scenarios=tuple(rejected))
    assert tolerance_breach(event, commit) is None
    breach = ScenarioCount("Budget", "CHF", "rejected", money(1, "2.01"))
    found = tolerance_breach(event, replace(commit, scenarios=(*rejected, breach)))
    assert found == "10.01 CHF rejected, tolerated 10.00"
