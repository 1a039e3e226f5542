"""What Redshift's catalog says of tables and views: columns and their types, in the words of the contracts.

Belongs here: the questions to the catalog. Does not belong here: what should be there (see `migration`, `contracts`).
The catalog lives on the leader node: its tables are asked alone, never joined with ours.
"""

from __future__ import annotations

from itertools import groupby

from finance_platform.warehouse.column_changes import HeldColumn, column_type
from finance_platform.warehouse.migration import ExistingSchema
from finance_platform.warehouse.redshift.session import RedshiftSession

_SCHEMA = "SELECT nspname FROM pg_namespace WHERE nspname = :schema"
_COLUMNS = """
SELECT pg_class.relname, CAST(pg_class.relkind AS VARCHAR(1)), pg_attribute.attname,
       format_type(pg_attribute.atttypid, pg_attribute.atttypmod), pg_attribute.attnotnull, pg_attribute.atthasdef
FROM pg_attribute
INNER JOIN pg_class ON pg_class.oid = pg_attribute.attrelid
INNER JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
WHERE pg_namespace.nspname = :schema AND pg_class.relkind IN ('r', 'v')
    AND pg_attribute.attnum > 0 AND NOT pg_attribute.attisdropped
ORDER BY pg_class.relname, pg_attribute.attnum
"""
# Other sessions have tables of that name too; this one's comes first on its search path. Redshift casts no text that is
# bound to regclass.
_STAGE = """
SELECT pg_attribute.attname, format_type(pg_attribute.atttypid, pg_attribute.atttypmod), pg_attribute.attnotnull
FROM pg_attribute
INNER JOIN pg_class ON pg_class.oid = pg_attribute.attrelid
WHERE pg_class.relname = :stage AND pg_table_is_visible(pg_class.oid)
    AND pg_attribute.attnum > 0 AND NOT pg_attribute.attisdropped
ORDER BY pg_attribute.attnum
"""


def has_schema(session: RedshiftSession, schema: str) -> bool:
    """Return whether the schema is there."""
    return bool(session.run(_SCHEMA, {"schema": schema}).rows)


def held(session: RedshiftSession, schema: str, known: frozenset[str]) -> ExistingSchema:
    """Return the tables and views of the schema that this release knows; a neighbour's are none of its business.

    Args:
        session: any session.
        schema: the star's schema.
        known: folded names of the release's tables and views.
    """
    tables: dict[str, list[HeldColumn]] = {}
    views: dict[str, list[str]] = {}
    rows = session.run(_COLUMNS, {"schema": schema}).rows
    for (name, kind), columns in groupby(rows, key=lambda row: (row[0], row[1])):
        if name.lower() not in known:
            continue
        if kind == "v":
            views[name.lower()] = [column[2] for column in columns]
        else:
            tables[name.lower()] = [
                HeldColumn(column, column_type(said), is_nullable=not is_needed, has_default=has_default)
                for _, _, column, said, is_needed, has_default in columns
            ]
    return ExistingSchema(tables, views)


def stage_columns(session: RedshiftSession, stage_table: str) -> list[HeldColumn]:
    """Return the columns of a table of this session's own, in order."""
    rows = session.run(_STAGE, {"stage": stage_table.lower()}).rows
    return [HeldColumn(name, column_type(said), is_nullable=not is_needed) for name, said, is_needed in rows]
