"""The workbook's sums over amounts equal the views on both warehouses, where plans have gaps and a month is incomplete.

Belongs here: the checks of the workbook on the star of `test_report_views`. Does not belong here: its cells (see
`report_pack/test_workbook`).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import product

import pytest

from finance_platform.reports.pack.model import Reliability
from finance_platform.reports.pack.read_model import read_pack
from finance_platform.reports.pack.workbook.figures import read_workbook_figures
from finance_platform.reports.pack.workbook.write import workbook_bytes
from finance_platform.warehouse.port import Warehouse
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.report_pack.workbook_formulas import WorkbookFormulas
from finance_platform_tests.warehouse.engines import EVERY_ENGINE, Engine
from finance_platform_tests.warehouse.report_star import load_star

EVERY_CHOICE = tuple(
    product(("2024-08", "2024-09", "2025-02", "2025-05"), ("Budget", "Prior Year", "Forecast 2024-12"))
)
CASES = (
    [(engine, *choice) for engine in EVERY_ENGINE for choice in EVERY_CHOICE]
    if current_profile().is_exhaustive
    else [("duckdb", "2024-09", "Budget")]
)


@pytest.fixture(scope="module")
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The star of reports on one warehouse; no test changes it."""
    engine: Engine = request.getfixturevalue({"redshift": "redshift", "duckdb": "duckdb_engine"}[request.param])
    folder = tmp_path_factory.mktemp("workbook")
    yield load_star(engine.empty(folder), engine.star_files(folder))
    engine.clean_up()


@pytest.mark.parametrize(("warehouse", "period", "reference"), CASES, indirect=["warehouse"])
def test_every_total_is_that_of_data_and_of_the_view(warehouse: Warehouse, period: str, reference: str):
    pack = read_pack(
        warehouse,
        entity="Star",
        currency="USD",
        reliability=Reliability((), (), 0, (), (), 0),
        movements=(),
        period=period,
        reference=reference,
    )
    workbook = WorkbookFormulas(workbook_bytes(pack, read_workbook_figures(warehouse, pack)))
    rows = [row for row in workbook.rows("Checks") if row.get("G") and row["G"].formula]
    assert len(rows) > 20
    assert [row for row in rows if row["G"].value is not True] == []
    wrong = [
        (sheet, place)
        for sheet, place, cell in list(workbook.sums())[::25]
        if abs(workbook.result(sheet, cell.formula) - Decimal(str(cell.value))) > Decimal("0.000001")
    ]
    assert wrong == []
