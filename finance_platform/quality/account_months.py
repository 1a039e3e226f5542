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
    """

    period: str
    number: str
    name: str
    amount: Decimal
    lines: int
    moved: Decimal = _ZERO


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
    """

    periods: tuple[str, ...]
    accounts: int
    months: tuple[UnusualMonth, ...]


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
    all_series = [_series(accounts[number], periods) for number in sorted(accounts)]
    unusual = [month for series in all_series for month in _unusual_months(series, recent, floors)]
    unusual.sort(key=_sort_key, reverse=True)
    return UnusualMonths(recent, sum(len(series) > MIN_HISTORY_MONTHS for series in all_series), tuple(unusual))


def _sort_key(unusual: UnusualMonth) -> tuple[str, Decimal]:
    return unusual.month.period, abs(unusual.month.amount - unusual.expected.median)


def _series(known: Mapping[str, AccountMonth], periods: Sequence[str]) -> list[AccountMonth]:
    """Return an account's months, starting with the first that has lines, with 0.00 where it has none."""
    any_month = next(iter(known.values()))
    series: list[AccountMonth] = []
    for period in periods:
        month = known.get(period) or replace(any_month, period=period, amount=_ZERO, lines=0, moved=_ZERO)
        if series or month.lines:
            series.append(month)
    return series


def _unusual_months(
    series: Sequence[AccountMonth], recent: Sequence[str], floors: Mapping[str, Decimal]
) -> Iterator[UnusualMonth]:
    amounts = [month.amount for month in series]
    for position, month in enumerate(series):
        if month.period not in recent and not month.moved:
            continue
        history = amounts[max(0, position - HISTORY_MONTHS) : position]
        calendar_month = month.period[5:]
        same_month = [earlier.amount for earlier in series[:position] if earlier.period[5:] == calendar_month]
        if is_unusual(month.amount, history, same_month[-_EARLIER_YEARS:], floors[month.period]):
            yield UnusualMonth(month, expected_range(history))
