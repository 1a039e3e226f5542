"""Migration of a warehouse of an older release, on every warehouse.

Belongs here: `prepare` and `pending_statements` with the definitions of another release.
Does not belong here: the list of changes alone (see `test_migration`), lost connections (see the tests of AWS).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from finance_platform.contracts.star import WAREHOUSE
from finance_platform.contracts.views import VIEWS
from finance_platform.errors import MigrationError
from finance_platform.warehouse import statements
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.port import Warehouse
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.warehouse.engines import EVERY_ENGINE
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, removed

ENGINES = EVERY_ENGINE
ONE_CASE_ON_REDSHIFT = True
ON_REDSHIFT_BY_DAY = (
    "test_additions_are_applied_and_published_rows_are_kept",
    "test_a_view_whose_column_gets_another_type_is_created_again_with_those_that_read_it",
    "test_a_change_that_is_no_addition_is_rejected_with_the_sql_and_changes_nothing",
)
pytestmark = pytest.mark.usefixtures("creates_warehouses", "opens_readers")
Release = Callable[..., None]
EXHAUSTIVE = current_profile().is_exhaustive


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Release:
    """Simulates another release: pairs of texts to replace in the definitions, and definitions to add.

    It has three of the eight hundred comments: they are alike, and take as long as all the rest of a migration.
    """
    few = statements.comments()[:3]
    monkeypatch.setattr(statements, "comments", lambda: few)
    this_release = "\0".join(statements.definitions())

    def simulate(*replaced: tuple[str, str], added: tuple[str, ...] = ()) -> None:
        definitions = this_release
        for before, after in replaced:
            assert before in definitions
            definitions = definitions.replace(before, after)
        texts = (*added, *definitions.split("\0"))
        monkeypatch.setattr(statements, "definitions", lambda: texts)
        monkeypatch.setattr(statements, "definitions_fingerprint", lambda: f"release {hash(texts)}"[:64])

    return simulate


def versions(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.query("SELECT Version, Changes FROM SchemaVersion ORDER BY Version").rows


@pytest.mark.skipif(not EXHAUSTIVE, reason="`test_migration` and `test_new_file` show it by day")
def test_an_empty_warehouse_gets_every_table_and_view_and_then_there_is_nothing_to_do(warehouse: Warehouse) -> None:
    pending = warehouse.pending_statements()
    warehouse.prepare()

    assert sum("CREATE TABLE" in sql for sql in pending) == len(WAREHOUSE)
    assert warehouse.pending_statements() == ()
    assert warehouse.query("SELECT COUNT(*) FROM ActualVsBudget").rows == [(0,)]
    warehouse.prepare()
    assert [number for number, _ in versions(warehouse)] == [1]


_CODE = "DepartmentCode       VARCHAR(128) NOT NULL,\n"
"""The column before BusinessUnit in DimDepartment."""

_COST_CENTRE_IN_A_VIEW = (
    ("DimDepartment.ParentDepartmentCode\n", "DimDepartment.ParentDepartmentCode,\n    DimDepartment.CostCentre\n"),
    (
        "DepartmentHistory.ParentDepartmentCode\n",
        "DepartmentHistory.ParentDepartmentCode,\n    CAST(NULL AS VARCHAR(32)) AS CostCentre\n",
    ),
    ("DepartmentSpan.BusinessUnit,", "DepartmentSpan.BusinessUnit,\n    DepartmentSpan.CostCentre,"),
)


def test_additions_are_applied_and_published_rows_are_kept(
    loaded: Warehouse, release: Release, star_files: StarFiles
) -> None:
    release(
        ("VARCHAR(128),\n    IsInferred           ", "VARCHAR(128),\n    CostCentre VARCHAR(32),\n    IsInferred "),
        ("IsBaseline   BOOLEAN      NOT NULL,", "IsBaseline BOOLEAN NOT NULL, Rank INTEGER DEFAULT 7 NOT NULL,"),
        (f"{_CODE}    BusinessUnit         VARCHAR(256)", f"{_CODE}    BusinessUnit VARCHAR(300)"),
        *_COST_CENTRE_IN_A_VIEW,
        added=("CREATE TABLE IF NOT EXISTS DimRegion (RegionKey BIGINT NOT NULL) DISTSTYLE ALL",),
    )
    pending = loaded.pending_statements()

    loaded.prepare()

    alterations = [sql for sql in pending if sql.startswith(("ALTER", "DROP"))]
    assert alterations == [
        *(f"DROP VIEW {view.name}" for view in reversed(VIEWS)),
        "ALTER TABLE DimDepartment ALTER COLUMN BusinessUnit TYPE VARCHAR(300)",
        "ALTER TABLE DimDepartment ADD COLUMN CostCentre VARCHAR(32)",
        "ALTER TABLE DimScenario ADD COLUMN Rank INTEGER DEFAULT 7 NOT NULL",
    ]
    assert loaded.pending_statements() == ()
    assert loaded.query("SELECT DISTINCT Rank FROM DimScenario").rows == [(7,)]
    assert loaded.query("SELECT COUNT(*), COUNT(CostCentre) FROM DimDepartment").rows == [(2, 0)]
    assert loaded.query("SELECT COUNT(*) FROM DimRegion").rows == [(0,)]
    assert loaded.query("SELECT COUNT(*), COUNT(CostCentre) FROM ActualVsBudget").rows == [(5, 0)]
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(12,)]
    number, changes = versions(loaded)[-1]
    assert number == 2
    assert "widen DimDepartment.BusinessUnit from varchar(256) to varchar(300)" in changes
    assert "create table DimRegion" in changes
    result = publish(
        loaded, LoadRequest([removed("2025-01"), *star_files.dimensions("d2")], run_id="run-2", loaded_at=LOADED_AT)
    )
    assert result.load_number == 2


@pytest.mark.skipif(not EXHAUSTIVE, reason="`test_migration` and `test_new_file` show it by day")
def test_a_view_with_the_same_columns_is_replaced_in_place(loaded: Warehouse, release: Release) -> None:
    release(
        ("WHERE AccountSpan.IsMonetary AND", "WHERE AccountSpan.AccountNumber = '6000' AND AccountSpan.IsMonetary AND")
    )

    assert not [sql for sql in loaded.pending_statements() if sql.startswith("DROP")]
    loaded.prepare()

    assert loaded.query("SELECT DISTINCT AccountNumber FROM ActualVsBudget").rows == [("6000",)]


def test_a_view_whose_column_gets_another_type_is_created_again_with_those_that_read_it(
    loaded: Warehouse, release: Release
) -> None:
    """Redshift replaces a view by one with the same types only."""
    release(("CAST(Source AS VARCHAR(8)) AS Source", "CAST(Source AS VARCHAR(16)) AS Source"))
    sources = loaded.query("SELECT Period, Source FROM Outlook ORDER BY Period, Source").rows

    loaded.prepare()

    assert loaded.pending_statements() == ()
    assert loaded.query("SELECT Period, Source FROM Outlook ORDER BY Period, Source").rows == sources
    assert [number for number, _ in versions(loaded)] == [1, 2]


@pytest.mark.skipif(not EXHAUSTIVE, reason="`test_migration` shows that no statement shortens a text")
def test_an_older_release_does_not_shorten_a_text(loaded: Warehouse, release: Release) -> None:
    release(("BusinessUnit         VARCHAR(256)", "BusinessUnit VARCHAR(100)"))

    loaded.prepare()

    assert not [sql for sql in versions(loaded)[-1][1].split("; ") if "BusinessUnit" in sql]


def test_an_older_release_runs_on_columns_that_a_newer_one_has_added(
    loaded: Warehouse, release: Release, star_files: StarFiles
) -> None:
    release(
        ("VARCHAR(128),\n    IsInferred           ", "VARCHAR(128),\n    CostCentre VARCHAR(32),\n    IsInferred "),
        *_COST_CENTRE_IN_A_VIEW,
    )
    loaded.prepare()
    release((f"{_CODE}    BusinessUnit         VARCHAR(256)", f"{_CODE}    BusinessUnit VARCHAR(270)"))

    loaded.prepare()

    result = publish(
        loaded, LoadRequest([removed("2025-01"), *star_files.dimensions("d2")], run_id="run-2", loaded_at=LOADED_AT)
    )
    assert result.load_number == 2
    assert loaded.query("SELECT COUNT(*), COUNT(CostCentre) FROM DimDepartment").rows == [(2, 0)]
    assert "CostCentre" not in loaded.query("SELECT * FROM ActualVsBudget").columns


REJECTED = {
    "an obsolete column": (
        ("    IsMonthEnd    BOOLEAN    NOT NULL,\n", ""),
        r"(?i)DimDate\.IsMonthEnd boolean is not a column of this release: ALTER TABLE DimDate DROP COLUMN IsMonthEnd;",
    ),
    "another type": (
        ("ProfitSign          INTEGER", "ProfitSign BIGINT"),
        r"(?i)DimAccount\.ProfitSign is integer, this release has bigint: ALTER TABLE DimAccount ADD COLUMN Profit",
    ),
    "a column that must have a value": (
        ("    IsBaseline   BOOLEAN      NOT NULL,", "    IsBaseline   BOOLEAN NOT NULL, Rank INTEGER NOT NULL,"),
        r"DimScenario\.Rank integer is missing, is NOT NULL and has no default: ALTER TABLE DimScenario ADD COLUMN",
    ),
    "a longer text in a key": (
        ("DepartmentCode       VARCHAR(128) NOT NULL", "DepartmentCode VARCHAR(200) NOT NULL"),
        r"DimDepartment\.DepartmentCode is varchar\(128\), this release has varchar\(200\): ALTER TABLE",
    ),
    "a column that is nullable now": (
        ("    AccountType         VARCHAR(16)  NOT NULL,", "    AccountType VARCHAR(16),"),
        r"(?i)DimAccount\.AccountType is NOT NULL, this release writes nulls: ALTER TABLE",
    ),
}


@pytest.mark.parametrize("fault", REJECTED if EXHAUSTIVE else [next(iter(REJECTED))])
def test_a_change_that_is_no_addition_is_rejected_with_the_sql_and_changes_nothing(
    loaded: Warehouse, release: Release, state_of: Callable[[Warehouse], object], fault: str
) -> None:
    replaced, message = REJECTED[fault]
    before = state_of(loaded)
    release(replaced)

    with pytest.raises(MigrationError, match=message) as caught:
        loaded.prepare()
    with pytest.raises(MigrationError, match=message):
        loaded.pending_statements()

    assert "run that SQL" in caught.value.fix
    assert state_of(loaded) == before
