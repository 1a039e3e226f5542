"""Fixtures of the warehouse tests: an empty warehouse, files to load, and a loaded warehouse.

A module whose tests run on every warehouse sets `ENGINES = EVERY_ENGINE`; the others run on the embedded one. By
default, Redshift has fewer of them, since both warehouses run the same SQL: those that `ON_REDSHIFT_BY_DAY` names, if
the module has it, and of a test with many cases the first one, if the module sets `ONE_CASE_ON_REDSHIFT` (080).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from finance_platform.warehouse import load
from finance_platform.warehouse.port import Warehouse
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.warehouse.engines import DuckDBEngine, Engine, RedshiftEngine, redshift_engine
from finance_platform_tests.warehouse.star_files import StarFiles


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", getattr(metafunc.module, "ENGINES", ("duckdb",)), indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if current_profile().is_exhaustive:
        return
    kept: list[pytest.Item] = []
    others: list[pytest.Item] = []
    seen: set[tuple[str, str]] = set()
    for item in items:
        (others if _is_for_the_night(item, seen) else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=others)


def _is_for_the_night(item: pytest.Item, seen: set[tuple[str, str]]) -> bool:
    """Return whether the day leaves out a case on Redshift; note in `seen` which tests have had a case."""
    case = getattr(item, "callspec", None)
    warehouses = [case.params.get(name) for name in ("engine", "reports")] if case else []
    if not isinstance(item, pytest.Function) or "redshift" not in warehouses:
        return False
    by_day = getattr(item.module, "ON_REDSHIFT_BY_DAY", None)
    if by_day is not None and item.originalname not in by_day:
        return True
    test = item.module.__name__, item.originalname
    is_further = test in seen and getattr(item.module, "ONE_CASE_ON_REDSHIFT", False)
    seen.add(test)
    return is_further


@pytest.fixture(scope="session")
def duckdb_engine(tmp_path_factory: pytest.TempPathFactory) -> DuckDBEngine:
    """The embedded warehouse."""
    return DuckDBEngine(tmp_path_factory.mktemp("loaded_once"))


@pytest.fixture(scope="session")
def redshift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedshiftEngine]:
    """The fake of Redshift."""
    with redshift_engine(tmp_path_factory) as engine:
        yield engine


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The engine that the test runs on."""
    engine: Engine = request.getfixturevalue({"redshift": "redshift", "duckdb": "duckdb_engine"}[request.param])
    yield engine
    engine.clean_up()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the embedded warehouse's file."""
    return tmp_path / "home" / "warehouse.duckdb"


@pytest.fixture
def warehouse(engine: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> Warehouse:
    """An empty warehouse."""
    is_created = current_profile().is_exhaustive or "creates_warehouses" in request.fixturenames
    return engine.empty(tmp_path, is_created=is_created)


@pytest.fixture
def star_files(engine: Engine, tmp_path: Path) -> StarFiles:
    """Writes files that the warehouse can load."""
    return engine.star_files(tmp_path)


@pytest.fixture
def loaded(engine: Engine, tmp_path: Path) -> Warehouse:
    """A warehouse with the dimensions, a month with a budget and one without; load 1, run-1."""
    return engine.loaded(tmp_path)


@pytest.fixture
def state_of(engine: Engine) -> Callable[[Warehouse], object]:
    """Returns a value that changes if anything is published or left behind."""
    return engine.state_of


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PAUSES_SECONDS", (0.0, 0.0))
