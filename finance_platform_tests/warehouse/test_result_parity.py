"""Equal results from both warehouses: every query of `sql/`, on the same star.

Belongs here: the comparison of rows and column names. Does not belong here: expected results (see the other tests).
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import RESTATEMENT_STEP, SIGNED_CLOSE, WAREHOUSE
from finance_platform.warehouse.dialect import split
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.port import QueryResult, Warehouse
from finance_platform.warehouse.statements import first_rows, insert, sql_folder
from finance_platform_tests.warehouse.engines import DuckDBEngine, Engine, RedshiftEngine
from finance_platform_tests.warehouse.report_star import restatement_step, signed_close
from finance_platform_tests.warehouse.star_files import LOADED_AT, january, removed

VALUES: dict[str, object] = {
    "account_key": 22,
    "actuals_through": "2025-02",
    "at": datetime(2030, 1, 1),  # noqa: DTZ001  the warehouse's times have no zone
    "department_key": 11,
    "fingerprint": "of no release",
    "first_date_key": 20250101,
    "first_period": "2025-01",
    "fiscal_year": 2025,
    "horizon": "year to date",
    "last_date_key": 20251231,
    "last_period": "2025-12",
    "load_number": 2,
    "loaded_at": datetime(2025, 7, 1, 12),  # noqa: DTZ001  the warehouse's times have no zone
    "period": "2025-01",
    "reference": "Budget",
    "restated_since": datetime(2025, 1, 1),  # noqa: DTZ001  the warehouse's times have no zone
    "row_count": 5,
    "scenario": "Actual",
    "scenario_key": 31,
    "since": datetime(2025, 1, 1),  # noqa: DTZ001  the warehouse's times have no zone
    "unit": "",
}
QUERIES = [
    pytest.param(sql, id=f"{path.parent.name}/{path.stem}-{number}")
    for folder in ("dml", "load", "quality", "reporting")
    for path in sorted((sql_folder() / folder).glob("*.sql"))
    for number, sql in enumerate(split(path.read_text(encoding="utf-8")))
    if sql.startswith(("SELECT", "WITH")) and "Stage" not in sql
]
QUERIES += [pytest.param(f"SELECT * FROM {view}", id=view) for view in ("SignedAmount", "Restatement")]


def restated(engine: Engine, folder: Path) -> Warehouse:
    warehouse, star_files = engine.loaded(folder), engine.star_files(folder)
    slices = [star_files.facts("2025-01", "j2", january()[:-2]), removed("2025-02")]
    causes = {removed("2025-02").name: [f"übersicht_{number}.csv came" for number in range(500)]}
    publish(
        warehouse, LoadRequest(slices, run_id="run-2", loaded_at=LOADED_AT, closed_periods=["2025-01"], causes=causes)
    )
    with warehouse.transaction() as connection:
        insert(connection, SIGNED_CLOSE, [signed_close("2025-01")])
        insert(connection, RESTATEMENT_STEP, [restatement_step("2025-01", 0, "signed"), restatement_step("2025-01", 1)])
    return warehouse


@pytest.fixture(scope="module")
def both(
    duckdb_engine: DuckDBEngine, redshift: RedshiftEngine, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Warehouse, Warehouse]:
    """The same star in both: loaded, then one closed month restated and one removed."""
    folder = tmp_path_factory.mktemp("both")
    return restated(duckdb_engine, folder / "duckdb"), restated(redshift, folder / "redshift")


def comparable(result: QueryResult) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names and sorted rows, since few statements order ties."""
    rows = [tuple(float(value) if isinstance(value, Decimal) else value for value in row) for row in result.rows]
    return result.columns, sorted(rows, key=repr)


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_gives_the_same_columns_and_rows_on_both(both: tuple[Warehouse, Warehouse], sql: str) -> None:
    values = {key: value for key, value in VALUES.items() if re.search(rf":{key}\b", sql)}

    embedded, redshift = (comparable(warehouse.query(sql, values)) for warehouse in both)

    assert embedded == redshift


@pytest.mark.parametrize("contract", WAREHOUSE, ids=lambda contract: contract.table)
def test_a_tables_first_rows_are_the_same_on_both(both: tuple[Warehouse, Warehouse], contract: Any) -> None:
    if contract.table == "SchemaVersion":
        assert all(len(warehouse.query("SELECT * FROM SchemaVersion").rows) == 1 for warehouse in both)
        return
    sql = first_rows(contract, 50)

    embedded, redshift = (warehouse.query(sql) for warehouse in both)

    assert embedded == redshift


def test_every_query_is_compared() -> None:
    assert len(QUERIES) > 30
