"""The tables PeriodStatus and ScenarioPeriod: which periods are closed, which are complete, which scenarios cover them.

Belongs here: computing their rows from what is published, and replacing them in a load's own transaction.
Does not belong here: the rule (see `slices.completeness`), closing a period (see `deliveries.period_decisions`).

They are tables, not views: under row-level security, a view would count only the lines of the reader's own departments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import DIM_SCENARIO, LOAD_LEDGER, PERIOD_STATUS, SCENARIO_PERIOD
from finance_platform.slices.completeness import Lines, PeriodStatus, evaluate_periods
from finance_platform.warehouse.port import LoadConnection, Queryable, Warehouse
from finance_platform.warehouse.statements import SqlFile, delete_all, insert, select_columns, statement


class ScenarioPeriod(NamedTuple):
    """A scenario and a period in which it has lines, or in which a setting says that Actual covers a gap.

    Attributes:
        period: YYYY-MM.
        scenario_key: the scenario.
        line_count: its ledger lines.
        is_covered: whether it is compared in the period: a plan always, Actual through its last complete period.
    """

    period: str
    scenario_key: int
    line_count: int
    is_covered: bool


class _Target(NamedTuple):
    """The rows that the two tables should have."""

    statuses: list[PeriodStatus]
    scenarios: list[ScenarioPeriod]


def stored_statuses(source: Queryable) -> list[PeriodStatus]:
    """Return the rows of PeriodStatus, by period."""
    return [PeriodStatus(*row) for row in source.query(statement(SqlFile.PERIOD_STATUSES)).rows]


def stored_scenario_periods(source: Queryable) -> list[ScenarioPeriod]:
    """Return the rows of ScenarioPeriod, by period and key."""
    return [ScenarioPeriod(*row) for row in source.query(statement(SqlFile.SCENARIO_PERIODS)).rows]


def replace_statuses(
    connection: LoadConnection,
    closed_periods: Collection[str],
    actuals_through: str | None,
    lines: Mapping[str, Lines] | None,
) -> None:
    """Store the status of each period of the fact table; the caller's transaction holds the ledger's lock.

    Args:
        connection: sees the facts that are published, or about to be.
        closed_periods: the closed periods.
        actuals_through: last period that Actual covers, if the home sets one.
        lines: the lines of every published slice by period; None to count them in the fact table, reading all of it.
    """
    target = _target(connection, closed_periods, actuals_through, lines)
    if target.statuses != stored_statuses(connection):
        connection.execute(delete_all(PERIOD_STATUS))
        insert(connection, PERIOD_STATUS, [asdict(status) for status in target.statuses])
    if target.scenarios != stored_scenario_periods(connection):
        connection.execute(delete_all(SCENARIO_PERIOD))
        insert(connection, SCENARIO_PERIOD, [row._asdict() for row in target.scenarios])


def update_statuses(
    warehouse: Warehouse,
    closed_periods: Collection[str],
    actuals_through: str | None,
    lines: Mapping[str, Lines] | None = None,
) -> None:
    """Store the statuses in a transaction of their own, if they changed: after a decision, a setting, an upgrade.

    Args:
        warehouse: a prepared warehouse; the caller holds the run's lock.
        closed_periods: the closed periods.
        actuals_through: last period that Actual covers, if the home sets one.
        lines: see `replace_statuses`.

    Raises:
        LoadError: the transaction fails; the stored statuses are unchanged.
    """
    target = _target(warehouse, closed_periods, actuals_through, lines)
    if target != _Target(stored_statuses(warehouse), stored_scenario_periods(warehouse)):
        with warehouse.transaction() as connection:
            connection.lock(LOAD_LEDGER.table)
            replace_statuses(connection, closed_periods, actuals_through, lines)


def actual_lines(source: Queryable) -> dict[str, dict[int, int]]:
    """Return the published lines of Actual by period and department key; a period with plans only has zeros."""
    return _count_lines(source, None)[0]


def _count_lines(
    source: Queryable, lines: Mapping[str, Lines] | None
) -> tuple[dict[str, dict[int, int]], dict[tuple[str, int, bool], int]]:
    """Return the lines of Actual by period and department, and those of each scenario by period."""
    actual: dict[str, dict[int, int]] = {}
    by_scenario: dict[tuple[str, int, bool], int] = {}
    rows = source.query(statement(SqlFile.SCENARIO_LINES)).rows if lines is None else _known_lines(source, lines)
    for period, department, scenario, scenario_type, count in rows:
        is_actual = scenario_type == "Actual"
        departments = actual.setdefault(period, {})
        departments[department] = departments.get(department, 0) + (int(count) if is_actual else 0)
        key = (period, scenario, is_actual)
        by_scenario[key] = by_scenario.get(key, 0) + int(count)
    return actual, by_scenario


def _known_lines(source: Queryable, lines: Mapping[str, Lines]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of `SCENARIO_LINES` from counts, in any order; only the few rows of DimScenario are read."""
    types = dict(source.query(select_columns(DIM_SCENARIO, ["scenario_key", "scenario_type"])).rows)
    return (
        (period, department, scenario, types[scenario], count)
        for period, counts in lines.items()
        for (department, scenario), count in counts.items()
        if scenario in types
    )


def status_rows(
    source: Queryable, closed_periods: Collection[str], actuals_through: str | None
) -> dict[Contract, list[dict[str, object]]]:
    """Return the rows that both tables have once these periods are closed."""
    target = _target(source, closed_periods, actuals_through, None)
    return {
        PERIOD_STATUS: [asdict(status) for status in target.statuses],
        SCENARIO_PERIOD: [row._asdict() for row in target.scenarios],
    }


def _target(
    source: Queryable,
    closed_periods: Collection[str],
    actuals_through: str | None,
    lines: Mapping[str, Lines] | None,
) -> _Target:
    actual, scenario_lines = _count_lines(source, lines)
    statuses = evaluate_periods(actual, closed_periods, actuals_through)
    last_complete = max((status.period for status in statuses if status.is_complete), default="")
    # A setting says that Actual covers gaps too: as zero, and the budget beside it is booked in the fact table.
    gaps = {status.period for status in statuses if status.is_complete and actuals_through is not None}
    of_gaps = {(period, scenario, True): 0 for period in gaps for _, scenario, is_actual in scenario_lines if is_actual}
    scenarios = [
        ScenarioPeriod(period, scenario, count, not is_actual or period <= last_complete)
        for (period, scenario, is_actual), count in sorted((of_gaps | scenario_lines).items())
        if count or (is_actual and period in gaps)
    ]
    return _Target(statuses, scenarios)
