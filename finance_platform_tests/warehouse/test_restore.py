"""A warehouse that is new or was lost gets what was published, and the history of its loads, on every engine.

Belongs here: `refresh.restore` on the star of these tests, and the published state with the latest attributes. Does
not belong here: whole homes, and where a run may end in between (see `damage/test_audit_trail`), the rights of people
(see `aws/test_redshift_apply_security`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import ACCOUNT_HISTORY
from finance_platform.deliveries.commits import DataFile
from finance_platform.refresh.as_of import AS_IS, load_state, published_state
from finance_platform.refresh.steps.restore import restore
from finance_platform.reports.movements import movement_summary
from finance_platform.settings import load_settings
from finance_platform.slices.commits import ScenarioSum, SliceCommit, write_slice
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_records import LoadRecords
from finance_platform.warehouse.load_request import LoadRequest, SliceToLoad
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.statements import insert
from finance_platform_tests.environment import platform_environment
from finance_platform_tests.warehouse.engines import EVERY_ENGINE, Engine, RedshiftEngine
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february, january, removed

ENGINES = EVERY_ENGINE
ON_REDSHIFT_BY_DAY: tuple[str, ...] = ()
HISTORY = ("LoadLedger", "Movements")
STAR = {
    "FactFinancials": "DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, BudgetAmount, TransactionCount",
    "DimAccount": "AccountKey, AccountNumber, AccountType",
    "DimDepartment": "DepartmentKey, DepartmentCode, BusinessUnit",
}


@pytest.fixture
def zone(engine: Engine, tmp_path: Path) -> ObjectStore:
    """The processed zone of the engine, without records of loads."""
    if not isinstance(engine, RedshiftEngine):
        return LocalStore(tmp_path / "processed")
    for folder in ("loads", "slices"):
        engine.zone.delete_folder(folder)
    return engine.zone


def commit(zone: ObjectStore, slices: Sequence[SliceToLoad]) -> Sequence[SliceToLoad]:
    """Write the commits of slices, as the job that builds them does."""
    for one in slices:
        keys = [file.removeprefix(zone.uri("")).lstrip("/") for file in one.files]
        sizes = [(key, item.size) for key in keys if (item := zone.find(key))]
        assert len(sizes) == len(one.files)
        sums = [ScenarioSum(s.scenario_key, "", s.row_count, 0, s.amount, s.budget_amount) for s in one.sums]
        files = [DataFile(*size) for size in sizes]
        if one.version:
            write_slice(zone, SliceCommit(*one.name, one.version, one.row_count, files, sums, inputs={}))
    return slices


def rows(warehouse: Warehouse, table: str, columns: str = "*", loads: int = 2) -> list[tuple[Any, ...]]:
    where = f" WHERE LoadNumber <= {loads}" if table in HISTORY else ""
    return sorted(warehouse.query(f"SELECT {columns} FROM {table}{where}").rows, key=repr)


def test_a_new_warehouse_gets_figures_ledger_and_movements_and_the_next_load_moves_them(
    engine: Engine, warehouse: Warehouse, star_files: StarFiles, zone: ObjectStore, tmp_path: Path
) -> None:
    records = LoadRecords(zone)
    months = [star_files.facts("2025-01", "j1", january(), files=2), star_files.facts("2025-02", "f1", february())]
    corrected = [star_files.facts("2025-01", "j2", january()[:-2]), removed("2025-02")]
    first = commit(zone, [*star_files.dimensions(), *months])
    publish(warehouse, LoadRequest(first, run_id="run-1", loaded_at=LOADED_AT), records=records)
    later = LOADED_AT + timedelta(days=1)
    second = commit(zone, corrected)
    publish(
        warehouse, LoadRequest(second, run_id="run-2", loaded_at=later, closed_periods=["2025-01"]), records=records
    )
    assert rows(warehouse, "Movements")

    other = engine.empty(tmp_path / "other")
    other.prepare()
    (sentence,) = restore(zone, other, records, run_id="run-3", clock=lambda: later)
    assert sentence.startswith("the warehouse lacked the loads 1 to 2: the processed zone gave them, as load 3")
    for table in HISTORY:
        assert rows(other, table) == rows(warehouse, table)
    for table, columns in STAR.items():
        assert rows(other, table, columns) == rows(warehouse, table, columns)
    assert [row for row in rows(other, "Movements", loads=9) if row[0] > 2] == []
    assert restore(zone, other, records, run_id="run-4", clock=lambda: later) == []

    again = commit(zone, [star_files.facts("2025-01", "j3", january())])
    request = LoadRequest(again, run_id="run-5", loaded_at=later, closed_periods=["2025-01"])
    number = publish(other, request, records=records).load_number
    moved = [row for row in movement_summary(other) if row["load_number"] == number]
    assert {(row["period"], row["is_restatement"]) for row in moved} == {("2025-01", True)}


def test_what_is_published_is_shown_with_the_latest_attributes_in_every_period(
    warehouse: Warehouse, star_files: StarFiles, zone: ObjectStore, tmp_path: Path
) -> None:
    slices = commit(zone, [*star_files.dimensions(), star_files.facts("2025-01", "j1", january())])
    publish(warehouse, LoadRequest(slices, run_id="run-1", loaded_at=LOADED_AT), records=LoadRecords(zone))
    key, number = warehouse.query(
        "SELECT AccountKey, AccountNumber FROM DimAccount WHERE AccountType = 'Expense'"
    ).rows[0]
    span = {
        "account_key": key,
        "account_class_key": key,
        "account_name": "Rent",
        "category": "Lease",
        "measure": "flow",
    }
    span |= {"profit_sign": 0, "is_monetary": True, "parent_account_number": None}
    asset = span | {"valid_from": "0001-01", "valid_to": "2025-01", "is_current": False, "account_type": "Asset"}
    expense = {"valid_from": "2025-02", "valid_to": "9999-12", "is_current": True, "account_type": "Expense"}
    with warehouse.transaction() as connection:
        insert(connection, ACCOUNT_HISTORY, [asset, span | expense | {"account_class_key": key + 1}])
    types = f"SELECT DISTINCT AccountType FROM PeriodAmount WHERE AccountNumber = '{number}'"
    assert warehouse.query(types).rows == [("Asset",)]

    state = replace(published_state(zone, warehouse, now=datetime.now(UTC)), attributes=AS_IS)
    (tmp_path / "copies").mkdir()
    shown = DuckDBWarehouse(tmp_path / "as_is.duckdb")
    with platform_environment(tmp_path):
        load_state(zone, shown, load_settings(home=tmp_path), state, tmp_path / "copies")

    assert shown.query(types).rows == [("Expense",)]
    for table in HISTORY:
        assert rows(shown, table) == rows(warehouse, table)
    for table, columns in STAR.items():
        assert rows(shown, table, columns) == rows(warehouse, table, columns)
