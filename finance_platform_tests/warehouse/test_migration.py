"""Planning alone: what a warehouse holds and what a release defines, and what follows.

Belongs here: `migration.plan` without any warehouse. Does not belong here: applying it (see `test_migrating`).
"""

from __future__ import annotations

import pytest

from finance_platform.contracts.star import WAREHOUSE
from finance_platform.errors import MigrationError
from finance_platform.warehouse.column_changes import HeldColumn, column_type
from finance_platform.warehouse.migration import ExistingSchema, plan
from finance_platform.warehouse.statements import definitions

THING = "CREATE TABLE IF NOT EXISTS Thing (ThingKey BIGINT NOT NULL, Name VARCHAR(10), PRIMARY KEY (ThingKey))"
VIEW = "CREATE OR REPLACE VIEW Things AS SELECT Name AS ThingName FROM Thing"
TOLD = "COMMENT ON COLUMN Thing.Name IS 'Its name.'"
KEY, NAME = HeldColumn("thingkey", "bigint", is_nullable=False), HeldColumn("name", "varchar(10)")


def sql(held: ExistingSchema, *texts: str) -> list[str]:
    return [change.sql for change in plan(texts or (THING, TOLD, VIEW), held)]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("character varying(9)", "varchar(9)"),
        ("numeric(18,2)", "decimal(18,2)"),
        ("DECIMAL(18, 2)", "decimal(18,2)"),
        ("timestamp without time zone", "timestamp"),
        ("INTEGER", "integer"),
        ("int8", "bigint"),
        ("super", "super"),
    ],
)
def test_a_type_is_the_same_however_an_engine_calls_it(said: str, meant: str) -> None:
    assert column_type(said) == meant


def test_an_empty_warehouse_gets_the_definitions_as_they_are() -> None:
    assert sql(ExistingSchema()) == [THING, TOLD, VIEW]


def test_a_warehouse_that_holds_it_all_gets_what_can_be_said_again() -> None:
    assert sql(ExistingSchema({"thing": [KEY, NAME]}, {"things": ["thingname"]})) == [TOLD, VIEW]


def test_the_order_of_columns_is_of_no_account_since_rows_go_in_by_name() -> None:
    assert sql(ExistingSchema({"thing": [NAME, KEY]}), THING) == []


def test_a_new_column_comes_before_what_speaks_of_it() -> None:
    assert sql(ExistingSchema({"thing": [KEY]})) == ["ALTER TABLE Thing ADD COLUMN Name VARCHAR(10)", TOLD, VIEW]


def test_a_longer_text_is_widened_outside_the_transaction_after_the_views_that_hold_it() -> None:
    short = HeldColumn("name", "varchar(5)")
    changes = plan((THING, TOLD, VIEW), ExistingSchema({"thing": [KEY, short]}, {"things": ["thingname"]}))

    assert [(change.sql, change.needs_no_transaction) for change in changes] == [
        ("DROP VIEW Things", True),
        ("ALTER TABLE Thing ALTER COLUMN Name TYPE VARCHAR(10)", True),
        (TOLD, False),
        (VIEW, False),
    ]


def test_a_view_with_other_columns_is_dropped_first_and_one_with_the_same_is_not() -> None:
    held = {"thing": [KEY, NAME]}

    assert sql(ExistingSchema(held, {"things": ["othername"]}), VIEW) == ["DROP VIEW Things", VIEW]
    assert sql(ExistingSchema(held, {"things": ["THINGNAME"]}), VIEW) == [VIEW]


def test_a_column_that_may_be_empty_is_left_alone_whoever_has_added_it() -> None:
    theirs = [HeldColumn("colour", "varchar(3)"), HeldColumn("size", "integer", is_nullable=False, has_default=True)]

    assert sql(ExistingSchema({"thing": [KEY, NAME, *theirs]}), THING) == []


def test_all_that_is_wrong_is_told_at_once_with_what_else_can_be_done() -> None:
    held = ExistingSchema(
        {"thing": [HeldColumn("thingkey", "integer"), NAME, HeldColumn("colour", "varchar(3)", is_nullable=False)]}
    )

    with pytest.raises(MigrationError) as caught:
        plan((THING,), held, "buy another")

    assert "Thing.ThingKey is integer, this release has bigint" in caught.value.found
    assert "ALTER TABLE Thing DROP COLUMN colour;" in caught.value.found
    assert caught.value.fix.endswith("or buy another")


def test_what_the_contracts_say_is_what_the_definitions_make() -> None:
    held = ExistingSchema(
        {
            contract.table.lower(): [HeldColumn(c.sql_name, c.type, is_nullable=c.nullable) for c in contract.columns]
            for contract in WAREHOUSE
        }
    )

    assert not [change for change in plan(definitions(), held) if change.alters or "TABLE " in change.tells]
