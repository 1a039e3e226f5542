"""Weights: the amounts of a scenario by period, which a year is spread like.

Belongs here: loading them, finding those of a department and account, and why there are none.
Does not belong here: which lines they are sums of (see `deliveries.spread_weights`), shares (see `spread`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

import pyarrow as pa

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.feeds.shape_rules import SpreadRule
from finance_platform.feeds.values.dates import periods_of_year
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

WEIGHTS_SCHEMA = pa.schema(
    [
        ("period", pa.string()),
        ("department_key", pa.int64()),
        ("account_key", pa.int64()),
        ("is_debit_positive", pa.bool_()),
        ("amount", SUM_OF_MONEY_TYPE),
    ]
)
"""Sums of lines of one scenario; those with debits less credits apart from those with natural signs."""

_PERIODS = 12

Doubt = Literal["", "nothing", "signs", "conventions"]
"""Why amounts are no weights: there are none, they have both signs, or debits are less credits in some lines only."""


class Found(NamedTuple):
    """The weights of one department and account in one fiscal year.

    Attributes:
        weights: of the twelve periods, not negative; empty if there are none.
        is_own: whether they are those of the department, or of the account in all departments.
        doubt: why the department's own are no weights; if there are none at all, why the account's are not.
    """

    weights: tuple[int, ...]
    is_own: bool
    doubt: Doubt


@dataclass
class _Amounts:
    """The cents of twelve periods, natural ones and those that are debit less credit."""

    natural: list[int] = field(default_factory=lambda: [0] * _PERIODS)
    debit_positive: list[int] = field(default_factory=lambda: [0] * _PERIODS)

    def add(self, place: int, cents: int, *, is_debit_positive: bool) -> None:
        (self.debit_positive if is_debit_positive else self.natural)[place] += cents

    def weights(self) -> tuple[tuple[int, ...], Doubt]:
        """Return the weights, or why there are none."""
        if any(self.natural) and any(self.debit_positive):
            return (), "conventions"
        cents = self.natural if any(self.natural) else self.debit_positive
        if not any(cents):
            return (), "nothing"
        if min(cents) < 0 < max(cents):
            return (), "signs"
        return tuple(map(abs, cents)), ""


class Weights:
    """The amounts of a scenario by department, account and period."""

    def __init__(self, table: pa.Table, first_month: int) -> None:
        """Enter sums with the columns of `WEIGHTS_SCHEMA`; fiscal years begin with `first_month`."""
        self._own: dict[tuple[str, int, int], _Amounts] = {}
        self._of_account: dict[tuple[str, int], _Amounts] = {}
        self._with_lines: dict[str, set[str]] = {}
        self._found: dict[tuple[str, int, int], Found] = {}
        places: dict[str, tuple[str, int]] = {}
        for row in table.to_pylist():
            period = row["period"]
            if period not in places:
                periods = periods_of_year(period, first_month)
                places[period] = periods[0], periods.index(period)
            (year, place), cents = places[period], int(row["amount"].scaleb(2))
            self._with_lines.setdefault(year, set()).add(period)
            for amounts in (
                self._own.setdefault((year, row["department_key"], row["account_key"]), _Amounts()),
                self._of_account.setdefault((year, row["account_key"]), _Amounts()),
            ):
                amounts.add(place, cents, is_debit_positive=bool(row["is_debit_positive"]))

    def find(self, year: str, department: int, account: int) -> Found:
        """Return the weights of a department and account, else those of the account in all departments.

        Args:
            year: the first period of the fiscal year.
            department: its key.
            account: its key.
        """
        place = (year, department, account)
        if place not in self._found:
            self._found[place] = self._find(*place)
        return self._found[place]

    def _find(self, year: str, department: int, account: int) -> Found:
        weights, doubt = self._own.get((year, department, account), _Amounts()).weights()
        if weights:
            return Found(weights, True, "")
        of_all, doubt_of_all = self._of_account.get((year, account), _Amounts()).weights()
        return Found(of_all, False, doubt if of_all else doubt_of_all)

    def empty_periods(self, year: str) -> list[str]:
        """Return the periods of a fiscal year in which no account has a line, if another one of the year has some."""
        with_lines = self._with_lines.get(year, set())
        return [period for period in periods_of_year(year, int(year[5:])) if period not in with_lines and with_lines]


@dataclass(frozen=True)
class _Source:
    """A file of amounts, which never changes, through whichever object it is read."""

    root: str
    key: str
    first_month: int
    store: ObjectStore = field(compare=False, repr=False)


def load_weights(feed: ResolvedFeed, processed: ObjectStore) -> Weights | None:
    """Return the amounts that a feed's years are spread like; None if they are not known, or not needed."""
    rule = feed.rules.spread
    if rule is None or not feed.weights_file:
        return None
    return _load(_Source(processed.root, feed.weights_file, rule.first_month, processed))


@lru_cache(maxsize=1)  # the files of a feed are read one after the other, and all are spread like the same lines
def _load(source: _Source) -> Weights:
    with open_parquet(source.store, source.key, WEIGHTS_SCHEMA.names) as file:
        return Weights(file.read(columns=WEIGHTS_SCHEMA.names), source.first_month)


def year_of_weights(rule: SpreadRule, period: str) -> str:
    """Return the first period of the fiscal year whose amounts are the weights of a line."""
    first = periods_of_year(period, rule.first_month)[0]
    return f"{int(first[:4]) + rule.year:04d}{first[4:]}"


def span(rule: SpreadRule, year: str) -> str:
    """Return the scenario and the periods of a fiscal year of weights, for a message."""
    return f"{rule.like} of {year} to {periods_of_year(year, rule.first_month)[-1]}"


def all_periods(years: Iterable[str], first_month: int) -> set[str]:
    """Return the periods of fiscal years, each named by its first period."""
    return {period for year in years for period in periods_of_year(year, first_month)}


WORDS: Mapping[Doubt, str] = {
    "nothing": "has no amount",
    "signs": "has amounts of both signs",
    "conventions": "has debits less credits in some files and amounts with their natural sign in others",
}
"""What is wrong with amounts that are no weights."""
