"""The changes that bring an existing schema to a release's definitions.

Belongs here: `migration.pending_changes` without any warehouse. Does not belong here: applying them (see
`test_adapter_migration`).
"""

from __future__ import annotations

import pytest

from finance_platform.contracts.star import WAREHOUSE
from finance_platform.errors import MigrationError
from finance_platform.warehouse.column_changes import ExistingColumn, normalize_type
from finance_platform.warehouse.migration import ExistingSchema, fold_names, pending_changes
from finance_platform.warehouse.statements import definitions

THING = "CREATE TABLE IF NOT EXISTS Thing (ThingKey BIGINT NOT NULL, Name VARCHAR(10), PRIMARY KEY (ThingKey))"
VIEW = "CREATE OR REPLACE VIEW Things AS SELECT Name AS ThingName FROM Thing"
UPPER_VIEW = "CREATE OR REPLACE VIEW UpperThings AS SELECT ThingName FROM Things"
COMMENT = "COMMENT ON COLUMN Thing.Name IS 'Its name.'"
KEY, NAME = ExistingColumn("thingkey", "bigint", is_nullable=False), ExistingColumn("name", "varchar(10)")


def sql(existing: ExistingSchema, *texts: str) -> list[str]:
    return [change.sql for change in pending_changes(texts or (THING, VIEW), existing, comments=(COMMENT,))]


@pytest.mark.parametrize(
    ("engine_type", "contract_type"),
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
def test_a_type_is_the_same_under_every_engine_s_name(engine_type: str, contract_type: str) -> None:
    assert normalize_type(engine_type) == contract_type


def test_an_empty_warehouse_gets_the_definitions_unchanged() -> None:
    assert sql(ExistingSchema()) == [THING, VIEW, COMMENT]


def test_a_complete_warehouse_gets_only_repeatable_statements() -> None:
    assert sql(ExistingSchema({"thing": [KEY, NAME]}, {"things": ["thingname"]})) == [VIEW, COMMENT]


def test_the_order_of_columns_is_ignored_since_inserts_name_them() -> None:
    assert sql(ExistingSchema({"thing": [NAME, KEY]}), THING) == [COMMENT]


def test_a_new_column_comes_before_the_statements_that_use_it() -> None:
    assert sql(ExistingSchema({"thing": [KEY]})) == ["ALTER TABLE Thing ADD COLUMN Name VARCHAR(10)", VIEW, COMMENT]


def test_a_longer_text_is_widened_outside_the_transaction_after_its_views_are_dropped() -> None:
    short = ExistingColumn("name", "varchar(5)")
    existing = ExistingSchema({"thing": [KEY, short]}, {"things": ["thingname"], "upperthings": ["thingname"]})
    changes = pending_changes((THING, VIEW, UPPER_VIEW), existing, comments=(COMMENT,))

    assert [(change.sql, change.needs_no_transaction) for change in changes] == [
        ("DROP VIEW UpperThings", True),
        ("DROP VIEW Things", True),
        ("ALTER TABLE Thing ALTER COLUMN Name TYPE VARCHAR(10)", True),
        (VIEW, False),
        (UPPER_VIEW, False),
        (COMMENT, False),
    ]


def test_comments_that_are_there_are_written_again_only_for_views_that_are_dropped() -> None:
    comments = ("COMMENT ON VIEW Things IS 'All.'", "COMMENT ON COLUMN Things.ThingName IS 'Its name.'", COMMENT)
    in_catalog = frozenset(map(fold_names, comments))
    tables = {"thing": [KEY, NAME]}

    def written(existing: ExistingSchema) -> list[str]:
        changes = pending_changes((THING, VIEW), existing, comments=comments)
        return [change.sql for change in changes if change.sql.startswith("COMMENT")]

    assert written(ExistingSchema(tables, {"things": ["thingname"]}, in_catalog)) == []
    assert written(ExistingSchema(tables, {"things": ["othername"]}, in_catalog)) == list(comments[:2])
    assert written(ExistingSchema(tables, {"things": ["thingname"]}, in_catalog - {fold_names(COMMENT)})) == [COMMENT]


def test_only_a_view_with_other_columns_is_dropped_first() -> None:
    existing = {"thing": [KEY, NAME]}

    assert sql(ExistingSchema(existing, {"things": ["othername"]}), VIEW) == ["DROP VIEW Things", VIEW, COMMENT]
    assert sql(ExistingSchema(existing, {"things": ["THINGNAME"]}), VIEW) == [VIEW, COMMENT]


def test_a_view_that_reads_a_dropped_one_is_dropped_before_it() -> None:
    views = {"things": ["othername"], "upperthings": ["thingname"]}

    assert sql(ExistingSchema({"thing": [KEY, NAME]}, views), VIEW, UPPER_VIEW) == [
        "DROP VIEW UpperThings",
        "DROP VIEW Things",
        VIEW,
        UPPER_VIEW,
        COMMENT,
    ]


def test_an_unknown_column_that_inserts_may_omit_is_ignored() -> None:
    unknown = [
        ExistingColumn("colour", "varchar(3)"),
        ExistingColumn("size", "integer", is_nullable=False, has_default=True),
    ]

    assert sql(ExistingSchema({"thing": [KEY, NAME, *unknown]}), THING) == [COMMENT]


def test_all_rejections_are_reported_at_once_with_the_alternative_fix() -> None:
    existing = ExistingSchema(
        {
            "thing": [
                ExistingColumn("thingkey", "integer"),
                NAME,
                ExistingColumn("colour", "varchar(3)", is_nullable=False),
            ]
        }
    )

    with pytest.raises(MigrationError) as caught:
        pending_changes((THING,), existing, "buy another")

    assert "Thing.ThingKey is integer, this release has bigint" in caught.value.found
    assert "ALTER TABLE Thing DROP COLUMN colour;" in caught.value.found
    assert caught.value.fix.endswith("or buy another")


def test_a_shorter_text_is_left_as_it_is() -> None:
    longer = ExistingColumn("name", "varchar(20)")

    assert sql(ExistingSchema({"thing": [KEY, longer]}), THING) == [COMMENT]


@pytest.mark.parametrize(
    ("definition", "existing", "rejection"),
    [
        (
            "CREATE TABLE IF NOT EXISTS Thing (ThingKey BIGINT NOT NULL, Rank INTEGER NOT NULL)",
            [KEY],
            "Thing.Rank integer is missing, is NOT NULL and has no default: ALTER TABLE Thing ADD COLUMN Rank INTEGER;",
        ),
        (
            "CREATE TABLE IF NOT EXISTS Thing (Code VARCHAR(20) NOT NULL, PRIMARY KEY (Code))",
            [ExistingColumn("code", "varchar(10)", is_nullable=False)],
            "Thing.Code is varchar(10), this release has varchar(20): ALTER TABLE Thing ADD COLUMN Code_kept",
        ),
        (
            "CREATE TABLE IF NOT EXISTS Thing (Name VARCHAR(10))",
            [ExistingColumn("name", "varchar(10)", is_nullable=False)],
            "Thing.Name is NOT NULL, this release writes nulls: ALTER TABLE Thing ADD COLUMN Name_kept",
        ),
    ],
    ids=["a column that must have a value", "a longer text in a key", "a column that is nullable now"],
)
def test_a_change_that_is_no_addition_is_rejected_with_the_sql(
    definition: str, existing: list[ExistingColumn], rejection: str
) -> None:
    with pytest.raises(MigrationError) as caught:
        pending_changes((definition,), ExistingSchema({"thing": existing}))

    assert rejection in caught.value.found


def test_the_contracts_describe_the_tables_of_the_definitions() -> None:
    existing = ExistingSchema(
        {
            contract.table.lower(): [
                ExistingColumn(c.sql_name, c.type, is_nullable=c.nullable) for c in contract.columns
            ]
            for contract in WAREHOUSE
        }
    )

    assert not [
        change
        for change in pending_changes(definitions(), existing)
        if change.altered_table or "TABLE " in change.description
    ]
