"""The months of an account: which are evaluated, against which others, and the sentence about an unusual one.

Belongs here: pure functions of accounts' months. Does not belong here: the statistics (see `anomalies`), SQL.

The last three periods are evaluated, and earlier months that a load has recently changed: an anomaly is reported while
someone can still act on it, and no longer once further months have arrived. A period counts if Actual has any line in
it; an account without lines there has 0.00, starting with the first month in which it has lines. A last period with few
lines is still incomplete: it is left to the check of gaps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from finance_platform.cent_columns import Mask, Numbers, amount_of, exact_sum
from finance_platform.money_text import grouped_money
from finance_platform.quality.anomalies import (
    MIN_HISTORY_MONTHS,
    ExpectedRange,
    expected_range,
    has_thin_last_period,
    is_unusual,
)
from finance_platform.quality.month_columns import AccountMonth, AccountMonths
from finance_platform.quality.natural_signs import WrongSigns, find_wrong_signs
from finance_platform.quality.other_units import OtherUnit, find_other_units
from finance_platform.quality.running_years import RunningYear, find_running_years
from finance_platform.quality.year_end_entries import YearEndEntries, find_year_end_entries

EVALUATED_PERIODS = 3
HISTORY_MONTHS = 24
"""Months that make up the expected range; more would describe the company as it used to be."""

_EARLIER_YEARS = 3
_IMMATERIAL_PART = 1_000
"""Part of the amounts of a period, over all accounts, below which no difference is reported."""
_ZERO = Decimal("0.00")


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


def find_unusual_months(months: AccountMonths, new: Collection[str] = ()) -> UnusualMonths:
    """Compare the last months of every account, and its recently changed months, with the months before them.

    Args:
        months: of every account.
        new: the periods that were published for the first time lately. What is wrong with a period as a whole is looked
            for in them too, since the first load of a home has years; not each amount that was unusual years ago.
    """
    lines = dict.fromkeys(months.periods, 0)
    turnovers = dict.fromkeys(months.periods, 0)
    for period in months.periods:
        places = months.of_period(period)
        lines[period], turnovers[period] = int(months.lines[places].sum()), exact_sum(abs(months.amounts[places]))
    periods = [period for period, count in lines.items() if count]
    if has_thin_last_period([lines[period] for period in periods]):
        periods.pop()
    recent = tuple(periods[-EVALUATED_PERIODS:])
    moved = {months.periods[place] for place in set(months.months[months.moved != 0].tolist())}
    firsts = _first_periods(months, periods)
    unusual = list(_unusual_months(months, periods, firsts, {*recent, *moved}, recent, turnovers))
    unusual.sort(key=_sort_key, reverse=True)
    of_profit, with_lines = months.of_profit(), months.with_lines()
    looked_at = {*recent, *moved, *new}
    year_ends = find_year_end_entries(of_profit, periods, looked_at)
    # Entries of a year-end close are larger than the month's own amounts, and have the other sign. So have accruals
    # that are reversed on the first day of a month, before it has much else.
    closing = {one.period for one in year_ends}
    compared = looked_at.intersection(periods) - closing
    return UnusualMonths(
        recent,
        int((len(periods) - firsts > MIN_HISTORY_MONTHS).sum()),
        tuple(unusual),
        year_ends,
        find_wrong_signs(with_lines, compared),
        find_other_units(with_lines, compared),
        tuple(_without_parts(find_running_years(of_profit, periods, compared), {*recent, *moved})),
    )


def _without_parts(found: Iterable[RunningYear], each: Collection[str]) -> Iterator[RunningYear]:
    """Yield the totals that each of some periods ends; of other periods, the longest since a first one."""
    firsts = set()
    for one in found:
        if one.period in each or one.first not in firsts:
            yield one
        firsts.add(one.first)


def _first_periods(months: AccountMonths, periods: Sequence[str]) -> Numbers:
    """Return the place of the first period with lines of each account; after the last one if there is none."""
    firsts = np.full(len(months.numbers), len(periods))
    for place in range(len(periods) - 1, -1, -1):
        of_period = months.of_period(periods[place])
        firsts[months.accounts[of_period[months.lines[of_period] > 0]]] = place
    return firsts


def _sort_key(unusual: UnusualMonth) -> tuple[str, Decimal]:
    return unusual.month.period, abs(unusual.month.amount - unusual.expected.median)


def _unusual_months(
    months: AccountMonths,
    periods: Sequence[str],
    firsts: Numbers,
    evaluated: Collection[str],
    recent: Collection[str],
    turnovers: Mapping[str, int],
) -> Iterator[UnusualMonth]:
    """Yield the unusual months, by account and period.

    Only the months of few accounts can be large enough to be reported; just these are compared one by one.
    """
    candidates: dict[int, list[str]] = {}
    for position, period in enumerate(periods):
        if period in evaluated:
            can_be = _can_be_material(months, periods, position, firsts, turnovers[period])
            if period not in recent:
                own = months.of_period(period)
                has_moved = np.zeros(len(can_be), np.bool_)
                has_moved[months.accounts[own[months.moved[own] != 0]]] = True
                can_be &= has_moved
            for account in np.flatnonzero(can_be).tolist():
                candidates.setdefault(account, []).append(period)
    floors = {period: amount_of(turnover) / _IMMATERIAL_PART for period, turnover in turnovers.items()}
    for account, of_account in sorted(candidates.items()):
        yield from _unusual_in(months.months_of(account), periods[firsts[account] :], of_account, floors)


def _can_be_material(
    months: AccountMonths, periods: Sequence[str], position: int, firsts: Numbers, turnover: int
) -> Mask:
    """Return of each account whether its distance from its history in a period can reach the floor.

    It cannot unless the amount, or the median before it, is half of the floor away from zero; and the median is no
    farther away than half of the amounts are. An account also needs a year of history.
    """
    half_of_floor = -(-turnover // (2 * _IMMATERIAL_PART))
    own = months.of_period(periods[position])
    is_large = np.zeros(len(months.numbers), np.bool_)
    is_large[months.accounts[own[abs(months.amounts[own]) >= half_of_floor]]] = True
    before = range(max(0, position - HISTORY_MONTHS), position)
    large_before = np.zeros(len(months.numbers), np.int64)
    for place in before:
        earlier = months.of_period(periods[place])
        large = months.accounts[earlier[abs(months.amounts[earlier]) >= half_of_floor]]
        large_before[large[firsts[large] <= place]] += 1
    history = position - np.maximum(firsts, before.start)
    if not half_of_floor:
        is_large[:] = True
    can_be: Mask = (history >= MIN_HISTORY_MONTHS) & (is_large | (2 * large_before >= history))
    return can_be


def _unusual_in(
    known: Mapping[str, AccountMonth], periods: Sequence[str], evaluated: Sequence[str], floors: Mapping[str, Decimal]
) -> Iterator[UnusualMonth]:
    """Yield an account's unusual months.

    Args:
        known: its months with lines or movements.
        periods: every period from its first one with lines on; it has 0.00 in each without lines.
        evaluated: those that are compared.
        floors: see `anomalies.is_material`.
    """
    amounts = [known[period].amount if period in known else _ZERO for period in periods]
    for position, period in [(place, period) for place, period in enumerate(periods) if period in evaluated]:
        month = known.get(period)
        history = amounts[max(0, position - HISTORY_MONTHS) : position]
        same_month = [
            amount for earlier, amount in zip(periods[:position], amounts, strict=False) if earlier[5:] == period[5:]
        ]
        if is_unusual(amounts[position], history, same_month[-_EARLIER_YEARS:], floors[period]):
            month = month or replace(next(iter(known.values())), period=period, amount=_ZERO, lines=0, moved=_ZERO)
            yield UnusualMonth(month, expected_range(history))
