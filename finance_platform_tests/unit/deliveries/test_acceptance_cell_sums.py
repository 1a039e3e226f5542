"""Cell sums: a delivery with which a stored sum would be too large is held, and every other one counts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from finance_platform.contracts.processed import MEMBERS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import Count
from finance_platform.deliveries.decisions import accept, reinstate, withdraw
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.hold_kinds import OVERFLOW
from finance_platform.errors import DecisionError
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform_tests.unit.zone import ADA, Line, Zone, many

NINE = "9000000000000000.00"


OFFSET = [
    Line(account=account, amount=f"{sign}{NINE}") for account, sign in (("1", ""), ("2", ""), ("3", "-"), ("4", "-"))
]
OF_OFFSET: dict[str, Any] = {"commit_outcomes": {"accepted": Count(4, Decimal(0), Decimal(4) * Decimal(NINE))}}


def large(**values: Any) -> Line:
    return Line(**{"amount": NINE, **values})


def overflow(zone: Zone, *sent: Line, key: str = "big.csv", **values: Any) -> str:
    """Deliver lines; return why they are held, or nothing."""
    zone.deliver(key, sent, key, **values)
    verdict = zone.evaluate()[key]
    assert (OVERFLOW in verdict.kinds) == verdict.is_held
    return "; ".join(verdict.reasons)


def test_a_file_with_a_cell_that_is_too_large_is_held_and_the_others_count(zone: Zone) -> None:
    zone.deliver("good.csv", many(2, "2025-02"), "good.csv")
    reason = overflow(zone, large(), large())
    assert reason == (
        "sums would have more than the 16 digits that the warehouse holds: "
        "Actual 2025-01, department D1, account 4000: 18,000,000,000,000,000.00; "
        "Actual 2025-01-15, department D1, account 4000: 18,000,000,000,000,000.00; "
        "the total of 2025-01: 18,000,000,000,000,000.00"
    )
    assert zone.live == ["good.csv@good.csv"]


def test_one_large_line_counts(zone: Zone) -> None:
    assert overflow(zone, large()) == ""


def test_the_file_that_makes_a_sum_too_large_waits_until_the_other_one_is_withdrawn(zone: Zone) -> None:
    assert overflow(zone, large(), key="a.csv") == ""
    assert "18,000,000,000,000,000.00" in overflow(zone, large(), key="b.csv")
    with pytest.raises(DecisionError, match="cannot be published yet: sums would have more than the 16 digits"):
        accept(zone.store, "b.csv", ADA)
    assert zone.evaluate() == {}
    withdraw(zone.store, "a.csv", ADA)
    assert {key: verdict.is_held for key, verdict in zone.evaluate().items()} == {"b.csv": False}
    with pytest.raises(DecisionError, match="sums would be too large"):
        reinstate(zone.store, "a.csv", ADA)


def test_a_file_that_counted_in_part_is_not_taken_back_if_a_sum_would_be_too_large(zone: Zone) -> None:
    zone.deliver("a.csv", [Line("1")], "v1")
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "done", "2025-01-28T00:00:00+00:00"))
    zone.deliver("a.csv", [Line("1", amount="12.00"), large(period="2025-02")], "v2")
    zone.evaluate(holds_closed_periods=True)
    assert [one.late for one in zone.state.inactive] == [(("2025-01",),)]
    withdraw(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert overflow(zone, large(period="2025-02"), key="b.csv") == ""
    with pytest.raises(DecisionError, match="sums would be too large"):
        reinstate(zone.store, "a.csv", ADA, holds_closed_periods=True)
    withdraw(zone.store, "b.csv", ADA, holds_closed_periods=True)
    reinstate(zone.store, "a.csv", ADA, holds_closed_periods=True)
    assert zone.evaluate() == {}


def test_a_file_that_keeps_a_sum_small_cannot_be_withdrawn(zone: Zone) -> None:
    assert overflow(zone, large(amount=f"-{NINE}"), key="down.csv") == ""
    assert overflow(zone, large(), key="up.csv") == ""
    assert overflow(zone, large(day=16), key="up_again.csv") == ""
    with pytest.raises(DecisionError, match="sums would be too large"):
        withdraw(zone.store, "down.csv", ADA)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([large(), large(day=16)], id="two days of a period"),
        pytest.param([large(account="1"), large(account="2")], id="the total of a period"),
        pytest.param([large(), large(scenario="Budget", amount=f"-{NINE}")], id="the variance"),
        pytest.param([large(scenario="Budget"), large(scenario="Forecast", amount=f"-{NINE}")], id="two plans"),
        pytest.param([large(amount=f"-{NINE}"), large(amount=f"-{NINE}")], id="a negative sum"),
        pytest.param([large(), large(department="d1", scenario="ACTUAL")], id="other spellings"),
    ],
)
def test_every_sum_that_a_load_stores_is_checked(zone: Zone, sent: list[Line]) -> None:
    assert overflow(zone, *sent)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([large(), large(period="2025-02")], id="two periods of a year"),
        pytest.param([large(), large(amount=f"-{NINE}")], id="they offset each other"),
        pytest.param([large(account="1"), large(account="2", amount=f"-{NINE}")], id="the total is small"),
    ],
)
def test_sums_that_fit_are_accepted(zone: Zone, sent: list[Line]) -> None:
    assert overflow(zone, *sent) == ""


def test_a_correction_that_moves_a_sum_too_far_is_held(zone: Zone) -> None:
    assert overflow(zone, large()) == ""
    zone.deliver("big.csv", [large(amount=f"-{NINE}")], "v2")
    (reason,) = zone.evaluate_held()["big.csv"]
    assert reason.endswith("Actual 2025-01, department D1, account 4000: moved by -18,000,000,000,000,000.00")


def test_accounts_of_a_closed_period_do_not_move_too_far_together(zone: Zone) -> None:
    """What leads from signed figures to those of now is stored by groups of accounts, so by a sum of several."""
    assert overflow(zone, Line(), key="a.csv") == ""
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "done", "2025-01-28T00:00:00+00:00"))
    assert overflow(zone, *OFFSET, **OF_OFFSET) == (
        "sums would have more than the 16 digits that the warehouse holds: "
        "Actual 2025-01, closed: accounts moved down by 18,000,000,000,000,000.00 together; "
        "Actual 2025-01, closed: accounts moved up by 18,000,000,000,000,000.00 together"
    )
    zone.deliver("open.csv", [replace(line, period="2025-02") for line in OFFSET], **OF_OFFSET)
    assert not zone.evaluate()["open.csv"].is_held
    with pytest.raises(DecisionError, match="cannot be published yet"):
        accept(zone.store, "big.csv", ADA)


def test_a_closed_period_is_not_taken_back_too_far(zone: Zone) -> None:
    assert overflow(zone, *OFFSET, **OF_OFFSET) == ""
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "done", "2025-01-28T00:00:00+00:00"))
    with pytest.raises(DecisionError, match="2025-01, closed: accounts moved down by 18,000,000,000,000,000"):
        withdraw(zone.store, "big.csv", ADA)


def test_a_replaced_period_is_not_added_to_the_one_that_replaces_it(zone: Zone) -> None:
    assert overflow(zone, large(), key="a.csv", load_mode="replace_period") == ""
    assert overflow(zone, large(), key="b.csv", load_mode="replace_period") == ""


def test_a_superseded_key_is_not_added_to_the_line_that_supersedes_it(zone: Zone) -> None:
    assert overflow(zone, large(key="T1"), key="a.csv", load_mode="upsert") == ""
    assert overflow(zone, large(key="T1"), key="b.csv", load_mode="upsert") == ""
    assert overflow(zone, large(key="T2"), key="c.csv", load_mode="upsert")


def test_files_of_another_feed_are_added(zone: Zone) -> None:
    assert overflow(zone, large(), key="a.csv") == ""
    assert overflow(zone, large(), key="b.csv", feed="other")


@pytest.mark.parametrize(("account_type", "is_held"), [("Expense", True), ("Revenue", False), (None, True)])
def test_lines_of_a_debit_positive_feed_are_turned_where_the_type_of_the_account_says_so(
    zone: Zone, account_type: str | None, *, is_held: bool
) -> None:
    """As the star has them: credit accounts alone have the opposite sign."""
    member = {"dimension": "account", "member_key": surrogate_key("4000"), "code": "4000", "account_type": account_type}
    file = zone.write("members/journal.parquet", arrow_schema(MEMBERS.columns), [{"delivery_id": "journal", **member}])
    signed: dict[str, Any] = {"commit_is_debit_positive": True, "commit_files": {"members": (file,)}}
    assert overflow(zone, large(), key="a.csv") == ""
    assert bool(overflow(zone, large(), key="journal.csv", feed="journal", **signed)) == is_held


def test_a_home_with_ordinary_amounts_reads_no_line_for_this(zone: Zone) -> None:
    zone.deliver("a.csv", [Line(amount="999999999999.99")])
    zone.store.opened.clear()
    assert zone.evaluate_held() == {}
    assert [key for key in zone.store.opened if "parquet" in key] == []
