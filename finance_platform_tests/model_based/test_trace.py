"""The law of the trace: every published cell is the sum of its lines, and every accepted line is in one place.

Belongs here: both directions of the trace, and vacuuming, in any order among everything else that may happen to a home.
Does not belong here: what may happen (see `machine`), single stories (see the end-to-end tests).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from pyspark.sql import SparkSession

from finance_platform.slices.retention import find_expired, remove
from finance_platform.trace.cell_to_lines import Trace, trace_cell
from finance_platform.trace.cells import CellName, read_publication
from finance_platform.trace.file_to_cells import Reached, trace_file
from finance_platform.trace.published_lines import LineStore, open_lines
from finance_platform.warehouse.ledger import published
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, Queryable, QueryResult
from finance_platform_tests.model_based.machine import Deliveries

EXAMPLES = int(os.environ.get("LAW_EXAMPLES", "0"))
"""How many homes to try, at random; unset, the same few every time."""

FEW = settings(
    max_examples=2,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
MANY = settings(FEW, max_examples=EXAMPLES or 1, stateful_step_count=25, derandomize=False, print_blob=True)
CELLS = """
    SELECT DISTINCT SUBSTRING(CAST(FullDate AS VARCHAR(10)), 1, 7), DepartmentCode, AccountNumber, ScenarioName
    FROM FactFinancials
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = FactFinancials.DepartmentKey
    INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
"""


class Asked:
    """A warehouse that nobody loads meanwhile: each question is put to it once."""

    def __init__(self, warehouse: Queryable) -> None:
        self._warehouse = warehouse
        self._answers: dict[tuple[Any, ...], QueryResult] = {}

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        question = (sql, *sorted(parameters.items()))
        if question not in self._answers:
            self._answers[question] = self._warehouse.query(sql, parameters)
        return self._answers[question]


class Traced(Deliveries):
    """Everything that may happen to a home, vacuums too; after each refresh all of it is traced."""

    @rule()
    @precondition(lambda self: self.learned)
    def vacuum(self) -> None:
        """Remove whatever may go at all, whatever state the home is in."""
        processed = self.home.processed
        versions = {name: slice_.version for name, slice_ in published(self.home.warehouse).items()}
        far = self.home.tick() + timedelta(days=40_000)
        remove(processed, find_expired(processed, self.home.snapshot(), versions, now=far, retention_days=0))
        left = find_expired(processed, self.home.snapshot(), versions, now=far, retention_days=0)
        assert left == []
        self._check_the_trace()

    def _check(self) -> None:
        super()._check()
        self._check_the_trace()

    def _check_the_trace(self) -> None:
        warehouse, store = Asked(self.home.warehouse), open_lines(self.home.processed)
        if not published(warehouse):
            return
        behind = Counter[tuple[str, int, str]]()
        for period, department, account, scenario in warehouse.query(CELLS).rows:
            name = CellName(period, department, account, scenario)
            amount = trace_cell(warehouse, store, name)
            budget = trace_cell(warehouse, store, CellName(period, department, account, scenario, "budget"))
            assert amount.reconciles, _told(amount)
            assert budget.reconciles, _told(budget)
            behind.update((line.delivery_id, line.row, scenario) for line in amount.lines)
        assert set(behind.values()) <= {1}
        reached = Counter[str]()
        for object_key in sorted({commit.object_key for commit in store.commits.values()}):
            reached.update(self._check_the_way_back(warehouse, store, object_key))
        assert sum(reached.values()) == behind.total()

    def _check_the_way_back(self, warehouse: Queryable, store: LineStore, object_key: str) -> dict[str, int]:
        """Return how many of a file's lines reached a cell, by delivery; none is lost, each is found by its line."""
        publication = read_publication(warehouse, store, object_key)
        found = trace_file(store, publication, object_key)
        if not found.shown or store.commits[found.shown].kind != "ledger":
            return {}
        cells, replaced, left = (_lines(part) for part in (found.cells, found.replaced, found.unpublished))
        assert cells + replaced + left == found.outcomes.get("accepted", 0)
        assert all(one.replaced_by for one in found.replaced)
        rows = range(2, 2 + store.commits[found.shown].read.rows)
        self._check_each_line(lambda row: trace_file(store, publication, object_key, row), rows, found)
        return {found.shown: cells}

    @staticmethod
    def _check_each_line(ask: Callable[[int], Reached], rows: range, whole: Reached) -> None:
        one_by_one = [ask(row) for row in rows]
        for found in one_by_one:
            parts = (found.cells, found.replaced, found.unpublished)
            assert sum(map(_lines, parts)) + len(found.others) == 1, found
        for part in ("cells", "replaced", "unpublished"):
            assert sum(_lines(getattr(one, part)) for one in one_by_one) == _lines(getattr(whole, part))
            money = sum((cell.amount for one in one_by_one for cell in getattr(one, part)), Decimal(0))
            assert money == sum((cell.amount for cell in getattr(whole, part)), Decimal(0))


def _lines(parts: Any) -> int:
    return sum(part.lines for part in parts)


def _told(trace: Trace) -> str:
    return f"{trace.cell}: {trace.total} of {len(trace.lines)} lines"


def test_every_cell_is_the_sum_of_its_lines_and_every_line_is_in_one_place(spark: SparkSession) -> None:
    machine = type("TracedOnSail", (Traced,), {"spark": spark})
    run_state_machine_as_test(machine, settings=MANY if EXAMPLES else FEW)
