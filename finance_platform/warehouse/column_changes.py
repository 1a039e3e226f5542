"""One table of an older release and of this one: which columns are added or widened, and what only a person may do.

Belongs here: columns and their types. Does not belong here: tables and views as a whole, their order (see `migration`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from finance_platform.warehouse.dialect import REDSHIFT

_ALSO_CALLED = {
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
class HeldColumn:
    """A column as a warehouse holds it; `type` in the words of the contracts, as `column_type` gives them."""

    name: str
    type: str
    is_nullable: bool = True
    has_default: bool = False


@dataclass(frozen=True)
class Change:
    """One statement of a plan.

    Attributes:
        sql: the statement, in Redshift's dialect.
        tells: what it does, in words; empty for what comes with every plan and changes nothing by itself.
        alters: the table whose columns it changes, if any.
        needs_no_transaction: true for what Redshift refuses to run inside one; such changes come first.
    """

    sql: str
    tells: str = ""
    alters: str = ""
    needs_no_transaction: bool = False


def column_type(said: str) -> str:
    """Return a type in the words of the contracts: `character varying(9)` is `varchar(9)`."""
    name, _, rest = said.lower().partition("(")
    name = _ALSO_CALLED.get(name.strip(), name.strip())
    return f"{name}({rest.replace(' ', '')}" if rest else name


def altered(tree: exp.Expr, held: Sequence[HeldColumn]) -> tuple[list[Change], list[str]]:
    """Return what adds to a table as a warehouse holds it, and what else would be needed, each with its SQL."""
    table = name_of(tree)
    found = {column.name.lower(): column for column in held}
    wanted = list(tree.find_all(exp.ColumnDef))
    informed = _informational_columns(tree)
    changes: list[Change] = []
    refusals: list[str] = []
    for column in wanted:
        there = found.pop(column.name.lower(), None)
        change = _add(table, column) if there is None else _retype(table, column, there, informed)
        if isinstance(change, Change):
            changes.append(change)
        elif change:
            refusals.append(change)
    refusals += [
        f"{table}.{gone.name} {gone.type} is no column of this release: ALTER TABLE {table} DROP COLUMN {gone.name};"
        for gone in found.values()
        if not (gone.is_nullable or gone.has_default)  # else rows go in without it
    ]
    return changes, refusals


def _add(table: str, column: exp.ColumnDef) -> Change | str:
    kind = _type(column)
    if _is_needed(column) and not _has_default(column):
        by_hand = (
            f"ALTER TABLE {table} ADD COLUMN {column.name} {kind.upper()}; {_filled(table, column.name, '<value>')}"
        )
        return f"{table}.{column.name} {kind} is missing, may not be null and has no default: {by_hand}"
    added = f"ALTER TABLE {table} ADD COLUMN {column.sql(dialect=REDSHIFT)}"
    return Change(added, f"add column {table}.{column.name} {kind}", alters=table)


def _retype(table: str, column: exp.ColumnDef, there: HeldColumn, informed: set[str]) -> Change | str | None:
    kind, name = _type(column), column.name
    longer = _length(kind) - _length(there.type)
    is_text = _length(kind) > 0 and _length(there.type) > 0
    if there.type == kind or (is_text and longer < 0):
        if not there.is_nullable and not _is_needed(column):
            return f"{table}.{name} may not be null, this release has nulls there: {_by_hand(table, name, kind)}"
        return None
    if is_text and name.lower() not in informed:
        widened = f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {kind.upper()}"
        told = f"widen {table}.{name} from {there.type} to {kind}"
        return Change(widened, told, alters=table, needs_no_transaction=True)
    return f"{table}.{name} is {there.type}, this release has {kind}: {_by_hand(table, name, kind)}"


def _by_hand(table: str, name: str, kind: str) -> str:
    return (
        f"ALTER TABLE {table} ADD COLUMN {name}_kept {kind.upper()}; "
        f"{_filled(table, f'{name}_kept', f'CAST({name} AS {kind.upper()})')} "
        f"ALTER TABLE {table} DROP COLUMN {name} CASCADE; ALTER TABLE {table} RENAME COLUMN {name}_kept TO {name};"
    )


def _filled(table: str, name: str, value: str) -> str:
    return f"UPDATE {table} SET {name} = {value};"  # noqa: S608  told to a person, who decides


def _informational_columns(tree: exp.Expr) -> set[str]:
    """Columns in a key: Redshift changes the type of none of them."""
    keys = [*tree.find_all(exp.PrimaryKey, exp.ForeignKey, exp.UniqueColumnConstraint)]
    return {part.name.lower() for key in keys for part in key.find_all(exp.Identifier)}


def name_of(tree: exp.Expr) -> str:
    """Return the name of what a definition creates, as it spells it."""
    return str(next(tree.find_all(exp.Table)).name)


def _type(column: exp.ColumnDef) -> str:
    return column_type(column.args["kind"].sql(dialect=REDSHIFT))


def _length(kind: str) -> int:
    found = re.fullmatch(r"varchar\((\d+)\)", kind)
    return int(found[1]) if found else 0


def _is_needed(column: exp.ColumnDef) -> bool:
    kinds = [one for one in _kinds(column) if isinstance(one, exp.NotNullColumnConstraint)]
    return any(not one.args.get("allow_null") for one in kinds)


def _has_default(column: exp.ColumnDef) -> bool:
    return any(isinstance(one, exp.DefaultColumnConstraint) for one in _kinds(column))


def _kinds(column: exp.ColumnDef) -> list[Any]:
    return [constraint.kind for constraint in column.constraints]
