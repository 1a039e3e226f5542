"""The months of an account: which are judged, against which others, and what is said of the unusual ones.

Belongs here: pure functions of accounts' months. Does not belong here: the statistics (see `anomalies`), SQL.

Judged are the last three periods, and earlier months that a load has moved of late, so that an oddity is told while
somebody may still act on it and is gone when the months go on. A period counts when Actual has any line in it; an
account without lines there has 0.00, from the first month on in which it has any. A last period with few lines is still
coming in: it is left to the check of gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from finance_platform.quality.anomalies import LEAST_HISTORY, ExpectedRange, is_unusual, last_is_thin, usual_of

JUDGED_PERIODS = 3
HISTORY = 24
"""Months that say what is usual; more would tell of a company that is no more."""

_EARLIER_YEARS = 3
_IMMATERIAL = Decimal("0.001")
"""Share of the money that moves in a period, over all accounts, that nobody need look at."""
_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class AccountMonth:
    """What an account came to in a period.

    Attributes:
        period: YYYY-MM.
        number: account number.
        name: account name.
        amount: Actual.
        lines: how many ledger lines it sums.
        moved: by how much loads changed the amount lately, after it was first published.
    """

    period: str
    number: str
    name: str
    amount: Decimal
    lines: int
    moved: Decimal = _ZERO


@dataclass(frozen=True)
class UnusualMonth:
    """An account's month that is unusual, and what is usual."""

    month: AccountMonth
    usual: ExpectedRange

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        month, usual = self.month, self.usual
        before = f"in the {usual.months} months before it was usually {usual.amount:,.2f}"
        between = f", between {usual.low:,.2f} and {usual.high:,.2f}" if usual.low != usual.high else ""
        moved = f"; loads have lately moved it by {month.moved:,.2f}" if month.moved else ""
        return f"{month.number} {month.name} was {month.amount:,.2f} in {month.period}; {before}{between}{moved}"


@dataclass(frozen=True)
class Judgement:
    """What was judged, and what was found.

    Attributes:
        periods: the last periods, in which every account is judged.
        accounts: how many accounts have months enough to be judged.
        unusual: the newest first, then the farthest from what is usual.
    """

    periods: tuple[str, ...]
    accounts: int
    unusual: tuple[UnusualMonth, ...]


def judge(months: Iterable[AccountMonth]) -> Judgement:
    """Judge the accounts' last months, and those that were moved, against the months before them."""
    accounts: dict[str, dict[str, AccountMonth]] = {}
    lines: dict[str, int] = {}
    turnover: dict[str, Decimal] = {}
    for month in months:
        accounts.setdefault(month.number, {})[month.period] = month
        lines[month.period] = lines.get(month.period, 0) + month.lines
        turnover[month.period] = turnover.get(month.period, _ZERO) + abs(month.amount)
    periods = sorted(period for period, count in lines.items() if count)
    if last_is_thin([lines[period] for period in periods]):
        periods.pop()
    recent = tuple(periods[-JUDGED_PERIODS:])
    floors = {period: turnover[period] * _IMMATERIAL for period in periods}
    every = [_series(accounts[number], periods) for number in sorted(accounts)]
    found = [one for series in every for one in _unusual(series, recent, floors)]
    found.sort(key=lambda one: (one.month.period, abs(one.month.amount - one.usual.amount)), reverse=True)
    return Judgement(recent, sum(len(series) > LEAST_HISTORY for series in every), tuple(found))


def _series(known: Mapping[str, AccountMonth], periods: Sequence[str]) -> list[AccountMonth]:
    """Return an account's months from the first with lines on, with 0.00 where it has none."""
    any_month = next(iter(known.values()))
    series: list[AccountMonth] = []
    for period in periods:
        month = known.get(period) or replace(any_month, period=period, amount=_ZERO, lines=0, moved=_ZERO)
        if series or month.lines:
            series.append(month)
    return series


def _unusual(
    series: Sequence[AccountMonth], recent: Sequence[str], floors: Mapping[str, Decimal]
) -> Iterator[UnusualMonth]:
    amounts = [month.amount for month in series]
    for position, month in enumerate(series):
        if month.period not in recent and not month.moved:
            continue
        history = amounts[max(0, position - HISTORY) : position]
        same = [one.amount for one in series[:position] if one.period[5:] == month.period[5:]][-_EARLIER_YEARS:]
        if is_unusual(month.amount, history, same, floors[month.period]):
            yield UnusualMonth(month, usual_of(history))
