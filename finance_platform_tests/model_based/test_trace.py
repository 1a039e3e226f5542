"""The trace in any order of events: each published cell is the sum of its lines, each accepted line is in one place.

Belongs here: both directions of the trace, and vacuuming, among everything else that may happen to a home.
Does not belong here: what may happen (see `machine`), examples (see `end_to_end/test_trace`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from pyspark.sql import SparkSession

from finance_platform.trace.cell_to_lines import CellTrace, trace_cell
from finance_platform.trace.cells import CellName, read_publication
from finance_platform.trace.file_to_cells import FileTrace, trace_file
from finance_platform.trace.published_lines import LineStore, open_lines
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.port import Queryable
from finance_platform_tests.cached_queries import CachedWarehouse
from finance_platform_tests.model_based.machine import Deliveries
from finance_platform_tests.model_based.test_law import SETTINGS as LAW
from finance_platform_tests.profiles import current_profile

SETTINGS = (
    settings(LAW, max_examples=LAW.max_examples // 4, stateful_step_count=5)
    if current_profile().is_exhaustive
    else settings(LAW)
)
"""At night fewer homes with fewer refreshes than the law's: tracing every cell takes longer than refreshing a home."""

CELLS = """
    SELECT DISTINCT SUBSTRING(CAST(FullDate AS VARCHAR(10)), 1, 7), DepartmentCode, AccountNumber, ScenarioName
    FROM FactFinancials
    INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey
    INNER JOIN DimDepartment ON DimDepartment.DepartmentKey = FactFinancials.DepartmentKey
    INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
    INNER JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
"""


class TracedDeliveries(Deliveries):
    """Everything that may happen to a home, and vacuums; after each refresh every cell and file is traced."""

    @rule()
    @precondition(lambda self: self.learned)
    def vacuum(self) -> None:
        self.remove_what_nothing_needs()
        self._check_trace()

    def _check(self) -> None:
        super()._check()
        if not self.home.is_blocked:
            self._check_trace()

    def _check_trace(self) -> None:
        warehouse, store = CachedWarehouse(self.home.warehouse), open_lines(self.home.processed)
        if not published_slices(warehouse):
            return
        traced = Counter[tuple[str, int, str]]()
        for period, department, account, scenario in warehouse.query(CELLS).rows:
            name = CellName(period, department, account, scenario)
            amount = trace_cell(warehouse, store, name)
            budget = trace_cell(warehouse, store, CellName(period, department, account, scenario, "budget"))
            assert amount.reconciles, _describe(amount)
            assert budget.reconciles, _describe(budget)
            traced.update((line.delivery_id, line.row, scenario) for line in amount.lines)
        assert set(traced.values()) <= {1}
        reached = Counter[str]()
        for object_key in sorted({commit.object_key for commit in store.commits.values()}):
            reached.update(self._check_file(warehouse, store, object_key))
        assert sum(reached.values()) == traced.total()

    def _check_file(self, warehouse: Queryable, store: LineStore, object_key: str) -> dict[str, int]:
        """Check that no line of a file is lost and each is found by its number; return how many reached a cell."""
        publication = read_publication(warehouse, store, object_key)
        whole = trace_file(store, publication, object_key)
        if not whole.shown or store.commits[whole.shown].kind != "ledger":
            return {}
        cells, replaced, unpublished = (_lines(part) for part in (whole.cells, whole.replaced, whole.unpublished))
        assert cells + replaced + unpublished == whole.outcomes.get("accepted", 0)
        assert all(cell.replaced_by for cell in whole.replaced)
        rows = range(2, 2 + store.commits[whole.shown].read.rows)
        self._check_each_line(lambda row: trace_file(store, publication, object_key, row), rows, whole)
        return {whole.shown: cells}

    @staticmethod
    def _check_each_line(trace_line: Callable[[int], FileTrace], rows: range, whole: FileTrace) -> None:
        single = [trace_line(row) for row in rows]
        for trace in single:
            parts = (trace.cells, trace.replaced, trace.unpublished)
            assert sum(map(_lines, parts)) + len(trace.others) == 1, trace
        for part in ("cells", "replaced", "unpublished"):
            assert sum(_lines(getattr(trace, part)) for trace in single) == _lines(getattr(whole, part))
            money = sum((cell.amount for trace in single for cell in getattr(trace, part)), Decimal(0))
            assert money == sum((cell.amount for cell in getattr(whole, part)), Decimal(0))


def _lines(parts: Any) -> int:
    return sum(part.lines for part in parts)


def _describe(trace: CellTrace) -> str:
    return f"{trace.cell}: {trace.total} of {len(trace.lines)} lines"


def test_every_cell_is_the_sum_of_its_lines_and_every_line_is_in_one_place(spark: SparkSession) -> None:
    machine = type("TracedOnSail", (TracedDeliveries,), {"spark": spark})
    run_state_machine_as_test(machine, settings=SETTINGS)
