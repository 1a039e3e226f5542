"""Completeness: whether a period has as many Actual lines as usual, so that it may be compared and summed.

Belongs here: the rule, as a pure function of numbers of lines. Does not belong here: reading or storing anything (see
`warehouse.period_status`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low

USUAL_PERIODS = 12
"""Earlier periods that make up what is usual."""

MIN_EARLIER_PERIODS = 3
"""With fewer earlier periods nothing is usual yet, so a period is complete."""

LinesByDepartment = Mapping[int, int]
"""Actual lines by department key; a department without lines may be missing."""

Lines = Mapping[tuple[int, int], int]
"""The lines of a period by department and scenario key; 0 where only a plan is booked on a row of Actual."""


@dataclass(frozen=True)
class PeriodStatus:
    """One period of the fact table.

    Attributes:
        period: YYYY-MM.
        is_complete: whether totals and year-to-date may include it.
        is_closed: whether a person closed it.
        line_count: ledger lines of Actual.
        usual_departments: departments that usually have lines.
        missing_departments: those of them that have less than half of their usual number.
    """

    period: str
    is_complete: bool
    is_closed: bool
    line_count: int
    usual_departments: int
    missing_departments: int


def evaluate_periods(
    lines: Mapping[str, LinesByDepartment], closed_periods: Collection[str], actuals_through: str | None
) -> list[PeriodStatus]:
    """Return the status of each period, in order.

    A period is complete if it is closed, if it has Actual lines and fewer than three earlier periods have any, or if
    each department that usually has lines has at least half of its usual number. The usual number is the median of
    the last twelve earlier periods, so a department without lines in half of them has none. `actuals_through`
    overrides all of this: the periods from the first one with Actual lines to that one are complete, no others.

    A period that is incomplete and has less than half of the usual number of lines in total is no example of what is
    usual; so journals that are posted ahead for a year never make such months look complete, while a dissolved
    department is forgotten after half a year.

    Args:
        lines: Actual lines by period and department; periods without any are listed with no departments.
        closed_periods: the closed periods.
        actuals_through: last period that Actual covers, if the home sets one.
    """
    first = min((period for period, counts in lines.items() if sum(counts.values())), default=None)
    statuses = []
    for period, usual in _usual_by_period(lines, closed_periods):
        counts = lines[period]
        line_count, missing = sum(counts.values()), len(_missing(counts, usual))
        is_closed = period in closed_periods
        is_complete = (line_count > 0 and not missing) or is_closed
        if actuals_through is not None:
            is_complete = first is not None and first <= period <= actuals_through
        statuses.append(PeriodStatus(period, is_complete, is_closed, line_count, len(usual), missing))
    return statuses


def missing_departments(
    lines: Mapping[str, LinesByDepartment], period: str, closed_periods: Collection[str]
) -> dict[int, int]:
    """Return the usual number of lines of each department that has less than half of it in a period.

    Args:
        lines: Actual lines by period and department.
        period: YYYY-MM; it need not have any lines.
        closed_periods: the closed periods.
    """
    counts = lines.get(period, {})
    usual = dict(_usual_by_period({**lines, period: counts}, closed_periods))[period]
    return _missing(counts, usual)


def _usual_by_period(
    lines: Mapping[str, LinesByDepartment], closed_periods: Collection[str]
) -> Iterator[tuple[str, dict[int, int]]]:
    """Yield each period, in order, and the usual number of lines of its departments."""
    departments = sorted({department for counts in lines.values() for department in counts})
    # Lists in the order of the departments: with 2,000 of them, a median of each period is of 24,000 numbers.
    examples: deque[list[int]] = deque(maxlen=USUAL_PERIODS)
    for period in sorted(lines):
        counts = lines[period]
        line_count = sum(counts.values())
        usual = dict(_usual_lines(departments, examples))
        is_as_usual = line_count > 0 and not _missing(counts, usual)
        is_example = line_count and 2 * line_count >= _usual_total(examples)
        if is_as_usual or period in closed_periods or is_example:
            examples.append([counts.get(department, 0) for department in departments])
        yield period, usual


def _missing(counts: LinesByDepartment, usual: Mapping[int, int]) -> dict[int, int]:
    return {department: number for department, number in usual.items() if 2 * counts.get(department, 0) < number}


def _usual_lines(departments: Sequence[int], examples: Collection[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Yield the usual number of lines of each department that usually has any; none without enough examples."""
    if len(examples) < MIN_EARLIER_PERIODS:
        return
    middle = (len(examples) - 1) // 2
    for department, numbers in zip(departments, zip(*examples, strict=True), strict=True):
        if number := sorted(numbers)[middle]:
            yield department, number


def _usual_total(examples: Collection[Sequence[int]]) -> int:
    return median_low(map(sum, examples)) if len(examples) >= MIN_EARLIER_PERIODS else 0
