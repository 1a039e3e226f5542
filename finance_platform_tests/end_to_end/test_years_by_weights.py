"""Budgets of years that are spread by weights of the descriptor, which change.

Belongs here: which months count then, beside files that are gone and beside closed periods. Does not belong here: how
an amount is spread (see `unit/feeds/test_spread`), years that are spread like a scenario (see
`test_values_from_other_feeds`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform.deliveries.decisions import accept, withdraw
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.register import Register
from finance_platform.warehouse.ledger import published_versions
from finance_platform_tests.model_based.home import LawHome
from finance_platform_tests.unit.zone import ADA

pytestmark = pytest.mark.end_to_end

PLAN = """
feed: plan
kind: ledger
path: plan_*.csv
columns: {{date: {{from: Day, formats: [yyyy-MM-dd]}}, department: Dept, account: Account, amount: Amount}}
spread: {{over: {over}, how: {{weights: {weights}}}}}
constants: {{scenario: Budget}}
load: {load}
hold_if_removes: never
"""
BY_KEY = "{mode: upsert, key: [department, account]}"
LOADS = [BY_KEY, "{mode: replace_period}", "{mode: replace_period, scope: [department]}"]
JANUARY_ALONE, JUNE_ALONE = [1] + [0] * 11, [0] * 5 + [1] + [0] * 6
FEBRUARY_ALONE, FEBRUARY_AND_JUNE = [0, 1] + [0] * 10, [0, 1, 0, 0, 0, 1] + [0] * 6
SENT = datetime(2026, 1, 5, tzinfo=UTC)


class Plans:
    """A home with budgets."""

    def __init__(self, home: LawHome) -> None:
        self.home = home

    def spread(self, weights: list[int], *, over: str = "fiscal_year", load: str = BY_KEY) -> None:
        self.home.describe("plan", PLAN.format(weights=weights, over=over, load=load))

    def send(self, name: str, amount: str, day: str = "2025-01-01") -> None:
        """Send a file with one amount, and run."""
        data = f"Day,Dept,Account,Amount\n{day},D1,6000,{amount}\n"
        self.home.put(name, data.encode(), SENT + timedelta(minutes=self.home.ticks))
        self.home.refresh()

    def close(self, period: str) -> None:
        signed = {"fact_financials": published_versions(self.home.warehouse)["fact_financials", period]}
        at = self.home.tick().isoformat()
        Register(self.home.processed).append([PeriodStatusChanged("closed", period, "ada", "done", at, signed)])

    @property
    def held(self) -> dict[str, str]:
        return {one.event.object_key: one.reason for one in self.home.state().inactive}

    @property
    def months(self) -> dict[str, Decimal]:
        """The budget of each month."""
        amounts: dict[str, Decimal] = {}
        for cell, figures in self.home.star().facts.items():
            month = f"{cell.day:%Y-%m}"
            amounts[month] = amounts.get(month, Decimal(0)) + figures.amount
        return amounts


@pytest.fixture
def plans(tmp_path: Path, spark: SparkSession) -> Plans:
    return Plans(LawHome(tmp_path, spark, closed_periods="hold"))


@pytest.mark.parametrize("load", LOADS)
def test_a_year_does_not_count_beside_the_one_of_a_file_that_is_gone_with_other_months(plans: Plans, load: str) -> None:
    plans.spread(JANUARY_ALONE, load=load)
    plans.send("plan_1.csv", "100.00")
    plans.home.remove("plan_1.csv")
    plans.spread(JUNE_ALONE, load=load)
    plans.send("plan_2.csv", "120.00")
    assert plans.held == {
        "plan_2.csv": "it does not replace all lines of plan_1.csv, whose years were spread by other weights: "
        "Budget 2025-01, lines 1, net 100.00"
    }
    assert plans.months == {"2025-01": Decimal(100)}
    plans.send("plan_1.csv", "100.00")  # it is back, and is read by the same weights
    assert (plans.held, plans.months) == ({}, {"2025-06": Decimal(120)})


def test_quarters_are_not_compared_with_one_another(plans: Plans) -> None:
    plans.spread([1, 0, 0], over="fiscal_quarter")
    plans.send("plan_1.csv", "100.00")
    plans.send("plan_2.csv", "50.00", "2025-04-01")
    assert (plans.held, plans.months) == ({}, {"2025-01": Decimal(100), "2025-04": Decimal(50)})
    plans.home.remove("plan_1.csv")
    plans.spread([0, 1, 0], over="fiscal_quarter")
    plans.send("plan_3.csv", "110.00")
    assert "it does not replace all lines of plan_1.csv" in plans.held["plan_3.csv"]


def test_a_year_by_other_weights_waits_whole_if_one_of_its_periods_is_closed(plans: Plans) -> None:
    """The amount of January would stay beside the same amount of June."""
    plans.spread(JANUARY_ALONE)
    plans.send("plan_1.csv", "100.00")
    plans.close("2025-01")
    plans.spread(JUNE_ALONE)
    plans.home.refresh()
    assert plans.months == {"2025-01": Decimal(100)}
    plans.send("plan_1.csv", "120.00")
    assert plans.months == {"2025-01": Decimal(100)}
    accept(plans.home.processed, "plan_1.csv", ADA)
    plans.home.refresh()
    assert plans.months == {"2025-06": Decimal(120)}


def test_a_corrected_year_by_the_same_weights_waits_in_closed_periods_alone(plans: Plans) -> None:
    plans.spread([1, 1] + [0] * 10)
    plans.send("plan_1.csv", "100.00")
    plans.close("2025-01")
    plans.send("plan_1.csv", "120.00")
    assert plans.months == {"2025-01": Decimal(50), "2025-02": Decimal(60)}


def test_a_corrected_year_by_other_weights_waits_whole_if_one_of_its_periods_is_closed(plans: Plans) -> None:
    """Of 90.00 and 30.00, January would stay 50.00, and the year would have 80.00."""
    plans.spread([1, 1] + [0] * 10)
    plans.send("plan_1.csv", "100.00")
    plans.close("2025-01")
    plans.spread([3, 1] + [0] * 10)
    plans.send("plan_1.csv", "120.00")
    assert plans.months == {"2025-01": Decimal(50), "2025-02": Decimal(50)}
    accept(plans.home.processed, "plan_1.csv", ADA)
    plans.home.refresh()
    assert plans.months == {"2025-01": Decimal(90), "2025-02": Decimal(30)}


def test_a_year_that_is_corrected_to_a_few_cents_by_other_weights_waits_whole(plans: Plans) -> None:
    """The cents by which lines are rounded are small beside the amount before."""
    plans.spread(FEBRUARY_ALONE)
    plans.send("plan_1.csv", "100.00")
    plans.close("2025-02")
    plans.spread(FEBRUARY_AND_JUNE)
    plans.send("plan_1.csv", "0.05")
    assert plans.months == {"2025-02": Decimal(100)}


def test_a_year_that_replaces_that_of_another_file_by_other_weights_waits_whole(plans: Plans) -> None:
    plans.spread([1, 1] + [0] * 10)
    plans.send("plan_1.csv", "100.00")
    plans.close("2025-01")
    plans.home.remove("plan_1.csv")
    plans.spread([3, 1] + [0] * 10)
    plans.send("plan_2.csv", "120.00")
    assert plans.months == {"2025-01": Decimal(50), "2025-02": Decimal(50)}
    accept(plans.home.processed, "plan_2.csv", ADA)
    plans.home.refresh()
    assert plans.months == {"2025-01": Decimal(90), "2025-02": Decimal(30)}


def test_a_year_that_is_corrected_twice_waits_in_closed_periods_alone(plans: Plans) -> None:
    """January has an amount of the first file, and the others have those of the second one."""
    plans.spread([1, 1, 1] + [0] * 9)
    plans.send("plan_1.csv", "100.00")
    plans.close("2025-01")
    plans.send("plan_1.csv", "150.01")
    plans.send("plan_1.csv", "0.10")
    assert plans.months == {"2025-01": Decimal("33.33"), "2025-02": Decimal("0.03"), "2025-03": Decimal("0.04")}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("weights", [FEBRUARY_AND_JUNE, [1] * 12])
def test_a_year_does_not_count_beside_a_later_one_that_waits(plans: Plans, load: str, weights: list[int]) -> None:
    """The later file waits whole; the other months of the earlier one would count beside it."""
    plans.spread(FEBRUARY_ALONE, load=load)
    plans.send("plan_1.csv", "100.00")
    plans.send("plan_2.csv", "60.00")
    plans.close("2025-02")
    plans.spread(weights, load=load)
    plans.home.refresh()
    assert plans.months == {"2025-02": Decimal(60)}
    assert plans.held["plan_1.csv"].startswith(
        "plan_2.csv, whose years were spread by other weights, does not replace all of its lines: Budget 2025-"
    )
    accept(plans.home.processed, "plan_2.csv", ADA)
    plans.home.refresh()
    assert (plans.held, sum(plans.months.values())) == ({}, 60)


def test_a_year_does_not_count_beside_a_later_one_of_a_file_that_is_gone(plans: Plans) -> None:
    plans.spread(FEBRUARY_ALONE)
    plans.send("plan_1.csv", "100.00")
    plans.send("plan_2.csv", "60.00")
    plans.home.remove("plan_2.csv")
    plans.spread(FEBRUARY_AND_JUNE)
    plans.home.refresh()
    assert plans.held == {
        "plan_1.csv": "plan_2.csv, whose years were spread by other weights, does not replace all of its lines: "
        "Budget 2025-06, lines 1, net 50.00"
    }
    assert plans.months == {"2025-02": Decimal(60)}
    withdraw(plans.home.processed, "plan_2.csv", ADA)
    plans.home.refresh()
    assert (plans.held, plans.months) == ({}, {"2025-02": Decimal(50), "2025-06": Decimal(50)})


def test_only_the_last_of_several_years_counts_while_it_waits(plans: Plans) -> None:
    plans.spread(FEBRUARY_ALONE)
    for number in (1, 2, 3):
        plans.send(f"plan_{number}.csv", f"{number}0.00")
    plans.close("2025-02")
    plans.spread(FEBRUARY_AND_JUNE)
    plans.home.refresh()
    assert plans.months == {"2025-02": Decimal(30)}
    assert all(reason.startswith("plan_3.csv") for key, reason in plans.held.items() if key != "plan_3.csv")
    accept(plans.home.processed, "plan_3.csv", ADA)
    plans.home.refresh()
    assert (plans.held, plans.months) == ({}, {"2025-02": Decimal(15), "2025-06": Decimal(15)})


def test_an_earlier_year_whose_months_a_later_one_has_counts_below_it(plans: Plans) -> None:
    """The later file waits, and still has each month of the earlier one."""
    plans.spread(FEBRUARY_AND_JUNE)
    plans.send("plan_1.csv", "100.00")
    plans.send("plan_2.csv", "60.00")
    plans.close("2025-02")
    plans.spread(JUNE_ALONE)
    plans.home.refresh()
    assert list(plans.held) == ["plan_2.csv"]
    assert plans.months == {"2025-02": Decimal(30), "2025-06": Decimal(30)}


def test_lines_of_a_year_that_wait_do_not_hold_an_earlier_file(plans: Plans) -> None:
    plans.spread([1, 1] + [0] * 10)
    plans.send("plan_1.csv", "100.00")
    plans.close("2025-01")
    plans.send("plan_2.csv", "120.00")
    plans.spread([2, 2] + [0] * 10)
    plans.home.refresh()
    assert list(plans.held) == ["plan_2.csv"]
    assert plans.months == {"2025-01": Decimal(50), "2025-02": Decimal(60)}


@pytest.mark.parametrize("load", LOADS)
def test_two_years_that_move_to_another_month_do_not_wait_for_each_other(plans: Plans, load: str) -> None:
    plans.spread(FEBRUARY_ALONE, load=load)
    plans.send("plan_1.csv", "100.00")
    plans.send("plan_2.csv", "60.00")
    plans.spread(JUNE_ALONE, load=load)
    plans.home.refresh()
    assert (plans.held, plans.months) == ({}, {"2025-06": Decimal(60)})


@pytest.mark.parametrize("load", LOADS)
def test_two_years_that_move_out_of_a_closed_month_wait_until_both_are_accepted(plans: Plans, load: str) -> None:
    plans.spread(FEBRUARY_ALONE, load=load)
    plans.send("plan_1.csv", "100.00")
    plans.send("plan_2.csv", "60.00")
    plans.close("2025-02")
    plans.spread(JUNE_ALONE, load=load)
    plans.home.refresh()
    assert (sorted(plans.held), plans.months) == (["plan_1.csv", "plan_2.csv"], {"2025-02": Decimal(60)})
    accept(plans.home.processed, "plan_1.csv", ADA)
    accept(plans.home.processed, "plan_2.csv", ADA)
    plans.home.refresh()
    assert (plans.held, plans.months) == ({}, {"2025-06": Decimal(60)})


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("corrected", ["110.00", "120.00"])
def test_a_year_does_not_count_beside_one_that_its_earlier_version_replaced(
    plans: Plans, load: str, corrected: str
) -> None:
    """Whether the file is only read again, or has other amounts too; the file that it replaced is gone."""
    plans.spread(JANUARY_ALONE, load=load)
    plans.send("plan_1.csv", "100.00")
    plans.send("plan_2.csv", "110.00")
    plans.home.remove("plan_1.csv")
    plans.spread(JUNE_ALONE, load=load)
    plans.send("plan_2.csv", corrected)
    assert plans.held == {
        "plan_2.csv": "spread by other weights, lines count again that another file of the feed has replaced: "
        "Budget 2025-01, lines 1, gross 100.00"
    }
    assert plans.months == {"2025-01": Decimal(110)}
    withdraw(plans.home.processed, "plan_1.csv", ADA)
    accept(plans.home.processed, "plan_2.csv", ADA)
    plans.home.refresh()
    assert (plans.held, plans.months) == ({}, {"2025-06": Decimal(corrected)})


def test_a_corrected_year_with_fewer_departments_lets_those_of_another_file_count(plans: Plans) -> None:
    plans.spread(FEBRUARY_AND_JUNE)
    header, both = "Day,Dept,Account,Amount\n", "2025-01-01,D1,6000,{0}\n2025-01-01,D2,6000,{0}\n"
    for number, amount in ((1, "100.00"), (2, "60.00")):
        data = header + both.format(amount)
        plans.home.put(f"plan_{number}.csv", data.encode(), SENT + timedelta(minutes=plans.home.ticks))
        plans.home.refresh()
    plans.send("plan_2.csv", "80.00")
    assert (plans.held, plans.months) == ({}, {"2025-02": Decimal(90), "2025-06": Decimal(90)})
