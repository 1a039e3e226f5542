"""The months of an account: which are evaluated, against which others, and the sentence about an unusual one.

Belongs here: pure functions of accounts' months. Does not belong here: the statistics (see `anomalies`), SQL.

The last three periods are evaluated, and earlier months that a load has recently changed: an anomaly is reported while
someone can still act on it, and no longer once further months have arrived. A period counts if Actual has any line in
it; an account without lines there has 0.00, starting with the first month in which it has lines. A last period with few
lines is still incomplete: it is left to the check of gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from finance_platform.money_text import grouped_money
from finance_platform.quality.anomalies import (
    MIN_HISTORY_MONTHS,
    ExpectedRange,
    expected_range,
    has_thin_last_period,
    is_unusual,
)
from finance_platform.quality.natural_signs import WrongSigns, find_wrong_signs
from finance_platform.quality.other_units import OtherUnit, find_other_units
from finance_platform.quality.running_years import RunningYear, find_running_years
from finance_platform.quality.year_end_entries import YearEndEntries, find_year_end_entries

EVALUATED_PERIODS = 3
HISTORY_MONTHS = 24
"""Months that make up the expected range; more would describe the company as it used to be."""

_EARLIER_YEARS = 3
_IMMATERIAL = Decimal("0.001")
"""Share of the amounts of a period, over all accounts, below which no difference is reported."""
_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class AccountMonth:
    """The total of an account in a period.

    Attributes:
        period: YYYY-MM.
        number: account number.
        name: account name.
        amount: Actual.
        lines: how many ledger lines it sums.
        moved: by how much loads recently changed the amount after it was first published.
        profit_sign: 1 of revenue, -1 of costs, 0 of accounts that are not of profit and loss.
        budget: the baseline.
    """

    period: str
    number: str
    name: str
    amount: Decimal
    lines: int
    moved: Decimal = _ZERO
    profit_sign: int = 1
    budget: Decimal = _ZERO


@dataclass(frozen=True)
class UnusualMonth:
    """An unusual month of an account, and the expected range."""

    month: AccountMonth
    expected: ExpectedRange

    @property
    def sentence(self) -> str:
        """The finding as one sentence."""
        month, expected = self.month, self.expected
        before = f"in the {expected.months} months before it was usually {grouped_money(expected.median)}"
        is_range = expected.low != expected.high
        between = f", between {grouped_money(expected.low)} and {grouped_money(expected.high)}" if is_range else ""
        moved = f"; loads have lately moved it by {grouped_money(month.moved)}" if month.moved else ""
        return (
            f"{month.number} {month.name} was {grouped_money(month.amount)} in {month.period}; {before}{between}{moved}"
        )


@dataclass(frozen=True)
class UnusualMonths:
    """The result of an evaluation.

    Attributes:
        periods: the last periods, in which every account is evaluated.
        accounts: how many accounts have enough months to be evaluated.
        months: the unusual months, the newest first, then the farthest from the expected amount.
        year_ends: the periods with entries of a year-end close.
        wrong_signs: the types of accounts whose amounts have the other sign.
        other_units: the periods whose amounts have another unit than those of other periods.
        running_years: the periods whose amounts seem to be totals since an earlier one.
    """

    periods: tuple[str, ...]
    accounts: int
    months: tuple[UnusualMonth, ...]
    year_ends: tuple[YearEndEntries, ...] = ()
    wrong_signs: tuple[WrongSigns, ...] = ()
    other_units: tuple[OtherUnit, ...] = ()
    running_years: tuple[RunningYear, ...] = ()


def find_unusual_months(months: Iterable[AccountMonth]) -> UnusualMonths:
    """Compare the last months of every account, and its recently changed months, with the months before them."""
    accounts: dict[str, dict[str, AccountMonth]] = {}
    lines: dict[str, int] = {}
    turnover: dict[str, Decimal] = {}
    for month in months:
        accounts.setdefault(month.number, {})[month.period] = month
        lines[month.period] = lines.get(month.period, 0) + month.lines
        turnover[month.period] = turnover.get(month.period, _ZERO) + abs(month.amount)
    periods = sorted(period for period, count in lines.items() if count)
    if has_thin_last_period([lines[period] for period in periods]):
        periods.pop()
    recent = tuple(periods[-EVALUATED_PERIODS:])
    floors = {period: turnover[period] * _IMMATERIAL for period in periods}
    unusual: list[UnusualMonth] = []
    evaluated = 0
    for number in sorted(accounts):
        known = accounts[number]
        # The account has 0.00 in each month without lines from its first one with lines on.
        first = next((place for place, period in enumerate(periods) if period in known and known[period].lines), None)
        if first is not None:
            evaluated += len(periods) - first > MIN_HISTORY_MONTHS
            unusual += _unusual_months(known, periods[first:], recent, floors)
    unusual.sort(key=_sort_key, reverse=True)
    of_profit = [
        {period: month.amount for period, month in known.items()}
        for known in accounts.values()
        if next(iter(known.values())).profit_sign
    ]
    moved = {period for known in accounts.values() for period, month in known.items() if month.moved}
    year_ends = find_year_end_entries(of_profit, periods, {*recent, *moved})
    amounts = {
        number: {period: (month.amount, month.budget) for period, month in known.items() if month.lines}
        for number, known in accounts.items()
    }
    signs = ((next(iter(known.values())).profit_sign, amounts[number]) for number, known in accounts.items())
    # Entries of a year-end close are larger than the month's own amounts, and have the other sign. So have accruals
    # that are reversed on the first day of a month, before it has much else.
    closing = {one.period for one in year_ends}
    compared = {*recent, *moved}.intersection(periods) - closing
    wrong_signs, other_units = find_wrong_signs(signs, compared), find_other_units(amounts, compared)
    running_years = find_running_years(of_profit, periods, compared)
    return UnusualMonths(recent, evaluated, tuple(unusual), year_ends, wrong_signs, other_units, running_years)


def _sort_key(unusual: UnusualMonth) -> tuple[str, Decimal]:
    return unusual.month.period, abs(unusual.month.amount - unusual.expected.median)


def _unusual_months(
    known: Mapping[str, AccountMonth], periods: Sequence[str], recent: Sequence[str], floors: Mapping[str, Decimal]
) -> Iterator[UnusualMonth]:
    """Yield an account's unusual months.

    Months without lines, which a home with many accounts has in millions, are amounts alone unless one is unusual.
    """
    amounts = [known[period].amount if period in known else _ZERO for period in periods]
    evaluated = {*recent, *(period for period, month in known.items() if month.moved)}
    for position, period in [(place, period) for place, period in enumerate(periods) if period in evaluated]:
        month = known.get(period)
        history = amounts[max(0, position - HISTORY_MONTHS) : position]
        same_month = [
            amount for earlier, amount in zip(periods[:position], amounts, strict=False) if earlier[5:] == period[5:]
        ]
        if is_unusual(amounts[position], history, same_month[-_EARLIER_YEARS:], floors[period]):
            month = month or replace(next(iter(known.values())), period=period, amount=_ZERO, lines=0, moved=_ZERO)
            yield UnusualMonth(month, expected_range(history))
