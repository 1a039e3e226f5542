"""The tables and views in Redshift's catalog: columns and their types, as the contracts spell them.

Belongs here: queries on the catalog. Does not belong here: the target schema (see `migration`).
The catalog is on the leader node: its tables are queried alone, never joined with ours.
"""

from __future__ import annotations

from itertools import groupby

from finance_platform.errors import LoadError
from finance_platform.warehouse.column_changes import ExistingColumn, normalize_type
from finance_platform.warehouse.migration import ExistingSchema, fold_names
from finance_platform.warehouse.redshift.errors import is_missing_table
from finance_platform.warehouse.redshift.session import RedshiftSession
from finance_platform.warehouse.schema_version import SchemaVersion
from finance_platform.warehouse.statements import SqlFile, comment, script

_SCHEMA = "SELECT nspname FROM pg_namespace WHERE nspname = :schema"
_COLUMNS = """
SELECT pg_class.relname, pg_class.relkind = 'v', pg_attribute.attname,
       format_type(pg_attribute.atttypid, pg_attribute.atttypmod), pg_attribute.attnotnull, pg_attribute.atthasdef
FROM pg_attribute
INNER JOIN pg_class ON pg_class.oid = pg_attribute.attrelid
INNER JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
WHERE pg_namespace.nspname = :schema AND pg_class.relkind IN ('r', 'v')
    AND pg_attribute.attnum > 0 AND NOT pg_attribute.attisdropped
ORDER BY pg_class.relname, pg_attribute.attnum
"""
# A description of a table or view itself has the sub-identifier 0, that of a column its number. Objects of other kinds
# may have the same identifier, hence the class.
_COMMENTS = """
SELECT pg_class.relname, pg_class.relkind = 'v', pg_attribute.attname, pg_description.description
FROM pg_description
INNER JOIN pg_class ON pg_class.oid = pg_description.objoid
INNER JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
INNER JOIN pg_class AS class ON class.oid = pg_description.classoid AND class.relname = 'pg_class'
LEFT JOIN pg_attribute
    ON pg_attribute.attrelid = pg_description.objoid AND pg_attribute.attnum = pg_description.objsubid
WHERE pg_namespace.nspname = :schema AND pg_class.relkind IN ('r', 'v')
"""
# Other sessions have tables of that name too; this one's comes first on its search path. Redshift casts no bound text
# to regclass.
_STAGE = """
SELECT pg_attribute.attname, format_type(pg_attribute.atttypid, pg_attribute.atttypmod), pg_attribute.attnotnull
FROM pg_attribute
INNER JOIN pg_class ON pg_class.oid = pg_attribute.attrelid
WHERE pg_class.relname = :stage AND pg_table_is_visible(pg_class.oid)
    AND pg_attribute.attnum > 0 AND NOT pg_attribute.attisdropped
ORDER BY pg_attribute.attnum
"""


def has_schema(session: RedshiftSession, schema: str) -> bool:
    """Return whether the schema exists."""
    return bool(session.run(_SCHEMA, {"schema": schema}).rows)


def read_schema_version(session: RedshiftSession) -> SchemaVersion:
    """Return the latest migration."""
    try:
        rows = session.run(script(SqlFile.SCHEMA_VERSION)).rows
    except LoadError as error:
        if is_missing_table(error):
            return SchemaVersion()
        raise
    return SchemaVersion(*rows[0]) if rows else SchemaVersion()


def read_existing_schema(session: RedshiftSession, schema: str, names: frozenset[str]) -> ExistingSchema:
    """Return the tables and views of this release; other tables in the schema are ignored.

    Args:
        session: any session.
        schema: the star's schema.
        names: lower-case names of the release's tables and views.
    """
    tables: dict[str, list[ExistingColumn]] = {}
    views: dict[str, list[str]] = {}
    rows = session.run(_COLUMNS, {"schema": schema}).rows
    for (name, is_view), columns in groupby(rows, key=lambda row: (row[0], row[1])):
        if name.lower() not in names:
            continue
        if is_view:
            views[name.lower()] = [column[2] for column in columns]
        else:
            tables[name.lower()] = [
                ExistingColumn(
                    column, normalize_type(engine_type), is_nullable=not is_not_null, has_default=has_default
                )
                for _, _, column, engine_type, is_not_null, has_default in columns
            ]
    return ExistingSchema(tables, views, _read_comments(session, schema))


def _read_comments(session: RedshiftSession, schema: str) -> frozenset[str]:
    """Return the statements of the comments, as `fold_names` spells them."""
    rows = session.run(_COMMENTS, {"schema": schema}).rows
    return frozenset(
        fold_names(
            comment("VIEW" if is_view else "TABLE", name, text)
            if column is None
            else comment("COLUMN", f"{name}.{column}", text)
        )
        for name, is_view, column, text in rows
    )


def read_stage_columns(session: RedshiftSession, stage_table: str) -> list[ExistingColumn]:
    """Return the columns of a stage table of this session, in order."""
    rows = session.run(_STAGE, {"stage": stage_table.lower()}).rows
    return [
        ExistingColumn(name, normalize_type(engine_type), is_nullable=not is_not_null)
        for name, engine_type, is_not_null in rows
    ]
