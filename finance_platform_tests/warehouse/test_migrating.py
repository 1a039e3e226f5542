"""What a release does with a warehouse that an older one has made, on every warehouse.

Belongs here: `prepare` and `planned` where the definitions are another release's.
Does not belong here: planning alone (see `test_migration`), breaks of the line (see the tests of AWS).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from finance_platform.errors import MigrationError
from finance_platform.warehouse import statements
from finance_platform.warehouse.duckdb import migration as duckdb_migration
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.redshift import migration as redshift_migration
from finance_platform_tests.warehouse.engines import EVERY_ENGINE
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, removed

ENGINES = EVERY_ENGINE
Release = Callable[..., None]


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Release:
    """Turns the code into another release: pairs of texts to replace in the definitions, and definitions to add."""

    def become(*replaced: tuple[str, str], added: tuple[str, ...] = ()) -> None:
        definitions = "\0".join(statements.definitions())
        for before, after in replaced:
            assert before in definitions
            definitions = definitions.replace(before, after)
        texts = (*added, *definitions.split("\0"))
        for module in (duckdb_migration, redshift_migration):
            monkeypatch.setattr(module, "definitions", lambda: texts)
            monkeypatch.setattr(module, "definitions_fingerprint", lambda: f"release {hash(texts)}"[:64])

    return become


def versions(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.query("SELECT Version, Changes FROM SchemaVersion ORDER BY Version").rows


def test_an_empty_warehouse_gets_every_table_and_view_and_then_there_is_nothing_to_do(warehouse: Warehouse) -> None:
    planned = warehouse.planned()
    warehouse.prepare()

    assert sum("CREATE TABLE" in sql for sql in planned) == 8
    assert warehouse.planned() == ()
    assert warehouse.query("SELECT COUNT(*) FROM ActualVsBudget").rows == [(0,)]
    warehouse.prepare()
    assert [number for number, _ in versions(warehouse)] == [1]


def test_what_adds_is_applied_and_nothing_published_is_lost(
    loaded: Warehouse, release: Release, lake: StarFiles
) -> None:
    release(
        ("ParentDepartmentCode VARCHAR(128),", "ParentDepartmentCode VARCHAR(128),\n    CostCentre VARCHAR(32),"),
        ("IsBaseline   BOOLEAN      NOT NULL,", "IsBaseline BOOLEAN NOT NULL, Rank INTEGER DEFAULT 7 NOT NULL,"),
        ("BusinessUnit         VARCHAR(256)", "BusinessUnit VARCHAR(300)"),
        ("DimDepartment.BusinessUnit,", "DimDepartment.BusinessUnit,\n    DimDepartment.CostCentre,"),
        added=("CREATE TABLE IF NOT EXISTS DimRegion (RegionKey BIGINT NOT NULL) DISTSTYLE ALL",),
    )
    planned = loaded.planned()

    loaded.prepare()

    told = [sql for sql in planned if sql.startswith(("ALTER", "DROP"))]
    assert told == [
        "DROP VIEW ActualVsBudget",
        "ALTER TABLE DimDepartment ALTER COLUMN BusinessUnit TYPE VARCHAR(300)",
        "ALTER TABLE DimDepartment ADD COLUMN CostCentre VARCHAR(32)",
        "ALTER TABLE DimScenario ADD COLUMN Rank INTEGER DEFAULT 7 NOT NULL",
    ]
    assert loaded.planned() == ()
    assert loaded.query("SELECT DISTINCT Rank FROM DimScenario").rows == [(7,)]
    assert loaded.query("SELECT COUNT(*), COUNT(CostCentre) FROM DimDepartment").rows == [(2, 0)]
    assert loaded.query("SELECT COUNT(*) FROM DimRegion").rows == [(0,)]
    assert loaded.query("SELECT COUNT(*), COUNT(CostCentre) FROM ActualVsBudget").rows == [(5, 0)]
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(12,)]
    number, changes = versions(loaded)[-1]
    assert number == 2
    assert "widen DimDepartment.BusinessUnit from varchar(256) to varchar(300)" in changes
    assert "create table DimRegion" in changes
    result = publish(loaded, [removed("2025-01"), *lake.dimensions("d2")], run_id="run-2", loaded_at=LOADED_AT)
    assert result.load_number == 2


def test_a_view_that_reads_alike_is_replaced_in_place(loaded: Warehouse, release: Release) -> None:
    release(
        ("WHERE DimAccount.IsMonetary AND", "WHERE DimAccount.AccountNumber = '6000' AND DimAccount.IsMonetary AND")
    )

    assert not [sql for sql in loaded.planned() if sql.startswith("DROP")]
    loaded.prepare()

    assert loaded.query("SELECT DISTINCT AccountNumber FROM ActualVsBudget").rows == [("6000",)]


def test_an_older_release_leaves_a_longer_text_as_it_is(loaded: Warehouse, release: Release) -> None:
    release(("BusinessUnit         VARCHAR(256)", "BusinessUnit VARCHAR(100)"))

    loaded.prepare()

    assert not [sql for sql in versions(loaded)[-1][1].split("; ") if "BusinessUnit" in sql]


def test_a_release_that_is_taken_back_runs_on_what_it_had_added(
    loaded: Warehouse, release: Release, lake: StarFiles
) -> None:
    release(
        ("ParentDepartmentCode VARCHAR(128),", "ParentDepartmentCode VARCHAR(128),\n    CostCentre VARCHAR(32),"),
        ("DimDepartment.BusinessUnit,", "DimDepartment.BusinessUnit,\n    DimDepartment.CostCentre,"),
    )
    loaded.prepare()
    release(("BusinessUnit         VARCHAR(256)", "BusinessUnit VARCHAR(270)"))

    loaded.prepare()

    result = publish(loaded, [removed("2025-01"), *lake.dimensions("d2")], run_id="run-2", loaded_at=LOADED_AT)
    assert result.load_number == 2
    assert loaded.query("SELECT COUNT(*), COUNT(CostCentre) FROM DimDepartment").rows == [(2, 0)]
    assert "CostCentre" not in loaded.query("SELECT * FROM ActualVsBudget").columns


REFUSED = {
    "a column that is gone": (
        ("    IsMonthEnd    BOOLEAN    NOT NULL,\n", ""),
        r"(?i)DimDate\.IsMonthEnd boolean is no column of this release: ALTER TABLE DimDate DROP COLUMN IsMonthEnd;",
    ),
    "another type": (
        ("ProfitSign          INTEGER", "ProfitSign BIGINT"),
        r"(?i)DimAccount\.ProfitSign is integer, this release has bigint: ALTER TABLE DimAccount ADD COLUMN Profit",
    ),
    "a column that must have a value": (
        ("    IsBaseline   BOOLEAN      NOT NULL,", "    IsBaseline   BOOLEAN NOT NULL, Rank INTEGER NOT NULL,"),
        r"DimScenario\.Rank integer is missing, may not be null and has no default: ALTER TABLE DimScenario ADD COLUMN",
    ),
    "a longer text in a key": (
        ("DepartmentCode       VARCHAR(128) NOT NULL", "DepartmentCode VARCHAR(200) NOT NULL"),
        r"DimDepartment\.DepartmentCode is varchar\(128\), this release has varchar\(200\): ALTER TABLE",
    ),
    "a column that may be empty now": (
        ("    AccountType         VARCHAR(16)  NOT NULL,", "    AccountType VARCHAR(16),"),
        r"(?i)DimAccount\.AccountType may not be null, this release has nulls there: ALTER TABLE",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_does_more_than_add_is_refused_with_the_sql_and_nothing_is_changed(
    loaded: Warehouse, release: Release, seen: Callable[[Warehouse], object], fault: str
) -> None:
    replaced, said = REFUSED[fault]
    before = seen(loaded)
    release(replaced)

    with pytest.raises(MigrationError, match=said) as caught:
        loaded.prepare()
    with pytest.raises(MigrationError, match=said):
        loaded.planned()

    assert "run that SQL" in caught.value.fix
    assert seen(loaded) == before
