"""What the tests of the warehouse share: an empty warehouse, a lake to load from, and a loaded one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from finance_platform.warehouse import load
from finance_platform.warehouse.duckdb import DuckDBWarehouse
from finance_platform_tests.warehouse.star_files import LOADED_AT, Lake, february, january


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the warehouse's file will be."""
    return tmp_path / "home" / "warehouse.duckdb"


@pytest.fixture
def warehouse(path: Path) -> DuckDBWarehouse:
    """A warehouse that nothing was ever loaded into."""
    return DuckDBWarehouse(path)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "processed")


@pytest.fixture(scope="session")
def _loaded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loaded_once")
    lake = Lake(folder / "processed")
    slices = [
        *lake.dimensions(),
        lake.facts("2025-01", "j1", january(), files=2),
        lake.facts("2025-02", "f1", february()),
    ]
    load.publish(DuckDBWarehouse(folder / "warehouse.duckdb"), slices, run_id="run-1", loaded_at=LOADED_AT)
    return folder / "warehouse.duckdb"


@pytest.fixture
def loaded(warehouse: DuckDBWarehouse, path: Path, _loaded_once: Path) -> DuckDBWarehouse:
    """A warehouse with the dimensions, a month that has a budget and one that has none; load 1, run-1."""
    path.parent.mkdir()
    shutil.copy(_loaded_once, path)
    return warehouse


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PAUSES_SECONDS", (0.0, 0.0))
