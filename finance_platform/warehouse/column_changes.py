"""Column differences between a table of an older release and its definition in this one.

Belongs here: columns and their types: which are added or widened, which changes are rejected.
Does not belong here: tables and views as a whole, their order (see `migration`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from finance_platform.warehouse.dialect import REDSHIFT

_TYPE_SYNONYMS = {
    "bool": "boolean",
    "character varying": "varchar",
    "float8": "double precision",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "numeric": "decimal",
    "timestamp without time zone": "timestamp",
}


@dataclass(frozen=True)
class ExistingColumn:
    """A column of a warehouse; `type` is spelled as in the contracts (see `normalize_type`)."""

    name: str
    type: str
    is_nullable: bool = True
    has_default: bool = False


@dataclass(frozen=True)
class Change:
    """One statement of a migration.

    Attributes:
        sql: the statement, in Redshift's dialect.
        description: its effect, in words; empty for a statement that belongs to every migration, such as a comment.
        altered_table: the table whose columns it changes, if any.
        needs_no_transaction: true if Redshift rejects it inside one; such changes come first.
        is_portable: true for a comment, whose text both warehouses take as it is.
    """

    sql: str
    description: str = ""
    altered_table: str = ""
    needs_no_transaction: bool = False
    is_portable: bool = False


def normalize_type(engine_type: str) -> str:
    """Return a type as the contracts spell it: `character varying(9)` is `varchar(9)`."""
    name, _, arguments = engine_type.lower().partition("(")
    name = _TYPE_SYNONYMS.get(name.strip(), name.strip())
    return f"{name}({arguments.replace(' ', '')}" if arguments else name


def diff_columns(tree: exp.Expr, existing: Sequence[ExistingColumn]) -> tuple[list[Change], list[str]]:
    """Return the additions to an existing table, and the rejected differences, each with the SQL to run by hand."""
    table = created_name(tree)
    unmatched = {column.name.lower(): column for column in existing}
    key_columns = _key_columns(tree)
    changes: list[Change] = []
    rejections: list[str] = []
    for column in tree.find_all(exp.ColumnDef):
        existing_column = unmatched.pop(column.name.lower(), None)
        change = (
            _add(table, column) if existing_column is None else _retype(table, column, existing_column, key_columns)
        )
        if isinstance(change, Change):
            changes.append(change)
        elif change:
            rejections.append(change)
    rejections += [
        f"{table}.{column.name} {column.type} is not a column of this release: "
        f"ALTER TABLE {table} DROP COLUMN {column.name};"
        for column in unmatched.values()
        if not (column.is_nullable or column.has_default)  # else inserts succeed without it
    ]
    return changes, rejections


def created_name(tree: exp.Expr) -> str:
    """Return the name of the table or view that a definition creates, as it spells it."""
    return str(next(tree.find_all(exp.Table)).name)


def _add(table: str, column: exp.ColumnDef) -> Change | str:
    name, type_ = column.name, _type(column)
    if _is_not_null(column) and not _has_default(column):
        manual_sql = f"ALTER TABLE {table} ADD COLUMN {name} {type_.upper()}; {_update(table, name, '<value>')}"
        return f"{table}.{name} {type_} is missing, is NOT NULL and has no default: {manual_sql}"
    sql = f"ALTER TABLE {table} ADD COLUMN {column.sql(dialect=REDSHIFT)}"
    return Change(sql, f"add column {table}.{name} {type_}", altered_table=table)


def _retype(table: str, column: exp.ColumnDef, existing: ExistingColumn, key_columns: set[str]) -> Change | str | None:
    name, type_ = column.name, _type(column)
    length, existing_length = _varchar_length(type_), _varchar_length(existing.type)
    is_text = length > 0 and existing_length > 0
    if existing.type == type_ or (is_text and length < existing_length):
        if not existing.is_nullable and not _is_not_null(column):
            return f"{table}.{name} is NOT NULL, this release writes nulls: {_manual_retype(table, name, type_)}"
        return None
    if is_text and name.lower() not in key_columns:
        sql = f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {type_.upper()}"
        description = f"widen {table}.{name} from {existing.type} to {type_}"
        return Change(sql, description, altered_table=table, needs_no_transaction=True)
    return f"{table}.{name} is {existing.type}, this release has {type_}: {_manual_retype(table, name, type_)}"


def _manual_retype(table: str, name: str, type_: str) -> str:
    return (
        f"ALTER TABLE {table} ADD COLUMN {name}_kept {type_.upper()}; "
        f"{_update(table, f'{name}_kept', f'CAST({name} AS {type_.upper()})')} "
        f"ALTER TABLE {table} DROP COLUMN {name} CASCADE; ALTER TABLE {table} RENAME COLUMN {name}_kept TO {name};"
    )


def _update(table: str, name: str, value: str) -> str:
    return f"UPDATE {table} SET {name} = {value};"  # noqa: S608  shown to a person, never run


def _key_columns(tree: exp.Expr) -> set[str]:
    """Columns of a key; Redshift never changes their type."""
    keys = [*tree.find_all(exp.PrimaryKey, exp.ForeignKey, exp.UniqueColumnConstraint)]
    return {part.name.lower() for key in keys for part in key.find_all(exp.Identifier)}


def _type(column: exp.ColumnDef) -> str:
    return normalize_type(column.args["kind"].sql(dialect=REDSHIFT))


def _varchar_length(type_: str) -> int:
    match = re.fullmatch(r"varchar\((\d+)\)", type_)
    return int(match[1]) if match else 0


def _is_not_null(column: exp.ColumnDef) -> bool:
    constraints = [kind for kind in _constraint_kinds(column) if isinstance(kind, exp.NotNullColumnConstraint)]
    return any(not constraint.args.get("allow_null") for constraint in constraints)


def _has_default(column: exp.ColumnDef) -> bool:
    return any(isinstance(kind, exp.DefaultColumnConstraint) for kind in _constraint_kinds(column))


def _constraint_kinds(column: exp.ColumnDef) -> list[Any]:
    return [constraint.kind for constraint in column.constraints]
