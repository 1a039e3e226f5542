"""Which department shows the amounts of another one, in the structure of another time than theirs.

Belongs here: the rows of DepartmentReorganisation and DepartmentMapping, computed from the reorganisations that count.
Does not belong here: which reorganisations count (see `reorganisations`), the amounts (see `sql/views`).

A structure holds from a reorganisation to the next one. An amount of an earlier period reaches it through each
reorganisation in between, by `share`; one of a later period through each in between backwards, by `origin_share`. What
nothing takes over stays in its department, so the shares of a department add up to one in every structure. They are
stored as the ends of adjoining intervals: an amount is rounded at both ends, and the differences add up to it exactly,
whatever the shares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import DEPARTMENT_MAPPING, DEPARTMENT_REORGANISATION, FIRST_PERIOD, LAST_PERIOD
from finance_platform.feeds.values.dates import period_before

Row = dict[str, Any]
_Shares = Mapping[int, Fraction]
"""By department, its part of an amount; they add up to one."""

_DECIMALS = Decimal("0.000000000001")


def mapping_tables(inputs: Sequence[Mapping[str, Any]]) -> dict[Contract, list[Row]]:
    """Return the rows of both tables.

    Args:
        inputs: what a version of the departments has of its reorganisations; see `Reorganisation.to_input`.
    """
    reorganisations = [
        {**one, "share": Decimal(one["share"]), "origin_share": Decimal(one["origin_share"])} for one in inputs
    ]
    return {DEPARTMENT_REORGANISATION: reorganisations, DEPARTMENT_MAPPING: list(_mapping(reorganisations))}


def _mapping(reorganisations: Sequence[Row]) -> Iterator[Row]:
    dates = sorted({one["valid_from"] for one in reorganisations})
    starts = [FIRST_PERIOD, *dates]
    ends = [*map(period_before, dates), LAST_PERIOD]
    forward, backward = (
        [_steps([one for one in reorganisations if one["valid_from"] == date], *names) for date in dates]
        for names in (
            ("predecessor_key", "department_key", "share"),
            ("department_key", "predecessor_key", "origin_share"),
        )
    )
    departments = sorted({one[name] for one in reorganisations for name in ("predecessor_key", "department_key")})
    for structure in range(len(starts)):
        for span in range(len(starts)):
            path = forward[span:structure] if span < structure else backward[structure:span][::-1]
            for department in departments:
                for target, begin, end in _intervals(_follow(department, path)):
                    if path and (target, begin, end) != (department, Decimal(0), Decimal(1)):
                        yield {
                            "structure_from": starts[structure],
                            "department_key": department,
                            "valid_from": starts[span],
                            "valid_to": ends[span],
                            "shown_as_key": target,
                            "share_from": begin,
                            "share_to": end,
                        }


def _steps(rows: Sequence[Row], source: str, target: str, share: str) -> Mapping[int, _Shares]:
    """Return where the departments of one reorganisation go; what nothing takes over stays."""
    steps: dict[int, dict[int, Fraction]] = {}
    for row in rows:
        if row[share]:
            of_source = steps.setdefault(row[source], {})
            of_source[row[target]] = of_source.get(row[target], Fraction(0)) + Fraction(row[share])
    for department, shares in steps.items():
        rest = 1 - sum(shares.values(), Fraction(0))
        if rest:
            shares[department] = rest
    return steps


def _follow(department: int, path: Sequence[Mapping[int, _Shares]]) -> _Shares:
    shares: dict[int, Fraction] = {department: Fraction(1)}
    for step in path:
        after: dict[int, Fraction] = {}
        for source, part in shares.items():
            for target, share in step.get(source, {source: Fraction(1)}).items():
                after[target] = after.get(target, Fraction(0)) + part * share
        shares = after
    return shares


def _intervals(shares: _Shares) -> Iterator[tuple[int, Decimal, Decimal]]:
    """Yield each department with the ends of its interval, from 0 to 1 without a gap."""
    total, begin = Fraction(0), Decimal(0)
    for target, share in sorted(shares.items()):
        total += share
        end = (Decimal(total.numerator) / Decimal(total.denominator)).quantize(_DECIMALS, ROUND_HALF_EVEN)
        yield target, begin, end
        begin = end
