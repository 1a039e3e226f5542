"""What the tests of the warehouse share: an empty warehouse, a lake to load from, and a loaded one.

A module whose tests hold for every warehouse says `ENGINES = EVERY_ENGINE`; the others run on the embedded one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from finance_platform.warehouse import load
from finance_platform.warehouse.port import Warehouse
from finance_platform_tests.warehouse.engines import DuckDBEngine, Engine, RedshiftEngine, redshift_engine
from finance_platform_tests.warehouse.star_files import StarFiles


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", getattr(metafunc.module, "ENGINES", ("duckdb",)), indirect=True)


@pytest.fixture(scope="session")
def duckdb_engine(tmp_path_factory: pytest.TempPathFactory) -> DuckDBEngine:
    """The embedded warehouse."""
    return DuckDBEngine(tmp_path_factory.mktemp("loaded_once"))


@pytest.fixture(scope="session")
def redshift() -> Iterator[RedshiftEngine]:
    """Redshift's stand-in."""
    with redshift_engine() as engine:
        yield engine


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The kind of warehouse that the test runs on."""
    name = "redshift" if request.param == "redshift" else "duckdb_engine"
    found: Engine = request.getfixturevalue(name)
    yield found
    found.tidy()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the embedded warehouse's file will be."""
    return tmp_path / "home" / "warehouse.duckdb"


@pytest.fixture
def warehouse(engine: Engine, tmp_path: Path) -> Warehouse:
    """A warehouse that nothing was ever loaded into."""
    return engine.empty(tmp_path)


@pytest.fixture
def lake(engine: Engine, tmp_path: Path) -> StarFiles:
    """An empty lake."""
    return engine.lake(tmp_path)


@pytest.fixture
def loaded(engine: Engine, tmp_path: Path) -> Warehouse:
    """A warehouse with the dimensions, a month that has a budget and one that has none; load 1, run-1."""
    return engine.loaded(tmp_path)


@pytest.fixture
def seen(engine: Engine) -> Callable[[Warehouse], object]:
    """What shows whether anything was published, or left behind, since it was last asked."""
    return engine.seen


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PAUSES_SECONDS", (0.0, 0.0))
