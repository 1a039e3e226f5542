"""Portions: the lines of one delivery that are in some periods, with the figures of its commit for them alone.

Belongs here: which periods a portion has, and the commit as it would be with only these lines. Does not belong here:
why the rest of a delivery does not count (see `late_lines`), what follows for its object's earlier versions (see
`state`).

The lines stay in the delivery's own files: every reader selects lines by period anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.deliveries.commits import DELIVERED, Count, DataFile, DeliveryCommit, PeriodCount, ScenarioCount
from finance_platform.deliveries.lines import period_of_file
from finance_platform.feeds.findings import ReaderFindings
from finance_platform.feeds.values.codes import fold

_ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Portion:
    """Some periods of a delivery.

    Attributes:
        only: the periods; None for all of them, and then what the file has beside its accepted lines is in it too.
        without: periods that are not in it.
    """

    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def __contains__(self, period: str) -> bool:
        return (self.only is None or period in self.only) and period not in self.without

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole delivery."""
        return self.only is None and not self.without

    @staticmethod
    def from_inputs(without: Sequence[str], only: Sequence[str] | None) -> Portion:
        """Rebuild a portion from the inputs of a slice."""
        return Portion(None if only is None else frozenset(only), frozenset(without))

    @property
    def described(self) -> list[list[str] | None]:
        """The portion in the inputs of a slice."""
        return [sorted(self.without), None if self.only is None else sorted(self.only)]

    def within(self, periods: Collection[str]) -> Portion:
        """Return the part of it that is in some periods."""
        own = frozenset(periods) if self.only is None else self.only.intersection(periods)
        return Portion(own - self.without)

    def leaving(self, periods: Collection[str]) -> Portion | None:
        """Return what it leaves to an earlier version if it counts everywhere but in some periods; None if nothing."""
        left = frozenset(periods) if self.only is None else self.only.intersection(periods)
        return Portion(left) if left else None

    def joined_with(self, other: Portion) -> Portion:
        """Return the periods of this portion and of another one of the same delivery."""
        if self.only is None:
            return Portion(None, frozenset(period for period in self.without if period not in other))
        if other.only is None:
            return other.joined_with(self)
        return Portion((self.only - self.without) | (other.only - other.without))

    def of(self, commit: DeliveryCommit) -> DeliveryCommit:
        """Return a commit with the figures of the portion alone."""
        if self.is_whole:
            return commit
        periods = [count for count in commit.periods if count.period in self]
        covers = tuple(period for period in commit.covers if period in self)
        files = {table: _files(of_table, self) for table, of_table in commit.files.items()}
        if self.only is None:
            gone = [count for count in commit.periods if count.period not in self]
            lines = _total(gone)
            return replace(
                commit,
                read=commit.read - lines,
                outcomes={**commit.outcomes, _ACCEPTED: commit.outcome(_ACCEPTED) - lines},
                scenarios=_without(commit.scenarios, gone),
                periods=periods,
                covers=covers,
                files=files,
            )
        return replace(
            commit,
            read=_total(periods),
            rounding=Decimal(0),
            outcomes={_ACCEPTED: _total(periods)},
            scenarios=_scenarios(periods),
            rules={},
            periods=periods,
            covers=covers,
            files={table: of_table for table, of_table in files.items() if table != REJECTED_ROWS.name},
            findings=ReaderFindings(),
        )


WHOLE = Portion()
"""The whole of a delivery."""


def _files(files: Iterable[DataFile], portion: Portion) -> tuple[DataFile, ...]:
    """Return the files that have rows of a portion; only files of lines are of one period."""
    return tuple(file for file in files if not (period := period_of_file(file.key)) or period in portion)


def _total(counts: Iterable[PeriodCount]) -> Count:
    return sum((count.count for count in counts), Count())


def _scenarios(counts: Iterable[PeriodCount]) -> list[ScenarioCount]:
    """Return accepted lines by scenario, as they were delivered, after rounding."""
    sums: dict[str, Count] = {}
    for count in counts:
        sums[count.scenario] = sums.get(count.scenario, Count()) + count.count
    return [ScenarioCount(name, "", term, count) for name, count in sums.items() for term in (DELIVERED, _ACCEPTED)]


def _without(scenarios: Iterable[ScenarioCount], gone: Iterable[PeriodCount]) -> list[ScenarioCount]:
    """Return counts without some accepted lines; the reader may spell a scenario in another case than its lines."""
    taken = {(fold(one.scenario), one.term): one.count for one in _scenarios(gone)}
    return [
        one if one.currency else replace(one, count=one.count - taken.pop((fold(one.scenario), one.term), Count()))
        for one in scenarios
    ]
