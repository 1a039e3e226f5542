"""The views of a warehouse, compared with the definitions of this release, on every warehouse.

Does not belong here: what `verify` says about them (see `damage/test_tampering`).
"""

from __future__ import annotations

import pytest

from finance_platform.errors import QueryError
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.statements import definitions
from finance_platform_tests.warehouse.engines import EVERY_ENGINE, Engine

ENGINES = EVERY_ENGINE


def run(warehouse: Warehouse, *statements: str) -> None:
    with warehouse.transaction() as connection:
        for sql in statements:
            connection.execute(sql)


def test_views_of_a_migrated_warehouse_are_as_they_are_defined(warehouse: Warehouse, engine: Engine) -> None:
    warehouse.prepare()
    before = engine.state_of(warehouse)
    assert list(warehouse.changed_views()) == []
    assert engine.state_of(warehouse) == before


def test_each_view_that_somebody_replaced_or_dropped_is_named(warehouse: Warehouse) -> None:
    warehouse.prepare()
    (defined,) = [text for text in definitions() if "VIEW PlanVersion" in text]
    run(warehouse, f"{defined.rstrip().rstrip(';')} LIMIT 1", "DROP VIEW Unclassified")
    assert list(warehouse.changed_views()) == [
        ("PlanVersion", "has another definition than this release gives it"),
        ("Unclassified", "is missing"),
    ]


def test_a_warehouse_of_another_release_is_named_as_such(warehouse: Warehouse) -> None:
    warehouse.prepare()
    run(warehouse, "DELETE FROM SchemaVersion")
    ((name, why),) = warehouse.changed_views()
    assert name == "SchemaVersion"
    assert "the next run brings those of this one" in why


def test_the_error_of_a_view_that_is_missing_says_what_brings_it(warehouse: Warehouse) -> None:
    warehouse.prepare()
    run(warehouse, "DROP VIEW Unclassified")
    with pytest.raises(QueryError) as missing:
        warehouse.query("SELECT * FROM Unclassified")
    assert "run `finance-platform run`, which brings those that an earlier release had not" in missing.value.fix
    with pytest.raises(QueryError) as unknown:
        warehouse.query("SELECT * FROM Unclasified")
    assert unknown.value.fix.startswith("fix the query")
