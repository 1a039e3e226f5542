"""How a warehouse of an older release becomes one of this: what is added, and what somebody has to do by hand.

Belongs here: planning, a pure function of the definitions in `sql/ddl` and `sql/views` and of what a warehouse holds.
Does not belong here: asking a warehouse what it holds, applying a plan (see the adapters).

Only what adds is done unasked: new tables, new columns that may be null or have a default, longer VARCHARs, views.
A column that is gone, of another type or suddenly needed is refused, with the SQL that a person may run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlglot import exp

from finance_platform.contracts.star import SCHEMA_VERSION
from finance_platform.errors import MigrationError
from finance_platform.warehouse.dialect import REDSHIFT, parse
from finance_platform.warehouse.inserting import insert
from finance_platform.warehouse.movements import joined_causes
from finance_platform.warehouse.port import LoadConnection

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
class Held:
    """What a warehouse holds: columns by the folded name of their table, column names by that of their view."""

    tables: dict[str, list[HeldColumn]] = field(default_factory=dict)
    views: dict[str, list[str]] = field(default_factory=dict)


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


def plan(definitions: Sequence[str], held: Held, otherwise: str = "") -> tuple[Change, ...]:
    """Return what brings a warehouse to the definitions, in the order in which it can run.

    Args:
        definitions: what creates every table and view, each statement able to run again.
        held: what the warehouse holds.
        otherwise: what a person may do instead of running the SQL of a refusal.

    Raises:
        MigrationError: something would have to be taken away or changed; nothing should be applied then.
    """
    trees = [(text, parse(text)) for text in definitions]
    alterations: list[Change] = []
    refusals: list[str] = []
    for _, tree in trees:
        if is_table(tree) and _name(tree).lower() in held.tables:
            found, refused = _alter(tree, held.tables[_name(tree).lower()])
            alterations += found
            refusals += refused
    if refusals:
        raise MigrationError(
            "\n  ".join(refusals),
            fix="run that SQL as the owner of the tables, then run again" + (f"; or {otherwise}" if otherwise else ""),
        )
    widened = [change for change in alterations if change.needs_no_transaction]
    dropped = list(held.views) if widened else []
    return (
        *(_drop_view(_spelled(trees, name), alone=True) for name in dropped),
        *widened,
        *_in_transaction(trees, held, [change for change in alterations if change not in widened], dropped),
    )


def is_table(tree: exp.Expr) -> bool:
    """Return whether a definition creates a table."""
    return isinstance(tree, exp.Create) and isinstance(tree.this, exp.Schema)


def known_names(definitions: Sequence[str]) -> frozenset[str]:
    """Return the folded names of the tables and views that definitions create."""
    trees = [parse(text) for text in definitions]
    return frozenset(_name(tree).lower() for tree in trees if isinstance(tree, exp.Create))


def definition_of(definitions: Sequence[str], table: str) -> str:
    """Return what creates a table.

    Raises:
        KeyError: nothing does.
    """
    for text in definitions:
        tree = parse(text)
        if is_table(tree) and _name(tree) == table:
            return text
    raise KeyError(table)


def view_columns(tree: exp.Expr) -> list[str]:
    """Return the names of a view's columns, as its definition spells them."""
    return [item.alias_or_name for item in tree.expression.selects]


def record(
    connection: LoadConnection, changes: Sequence[Change], *, version: int, fingerprint: str, applied_at: datetime
) -> None:
    """Write down what was done, in the transaction in which it was; `applied_at` is UTC without a zone."""
    told = joined_causes([change.tells for change in changes if change.tells])
    row = {
        "version": version,
        "fingerprint": fingerprint,
        "changes": told or "definitions read alike",
        "applied_at": applied_at,
    }
    insert(connection, SCHEMA_VERSION, [row])


def _in_transaction(
    trees: Sequence[tuple[str, exp.Expr]], held: Held, added: Sequence[Change], dropped: Sequence[str]
) -> list[Change]:
    """The definitions in their own order; a table's new columns come before whatever speaks of them."""
    changes: list[Change] = []
    for text, tree in trees:
        if is_table(tree):
            name = _name(tree)
            is_there = name.lower() in held.tables
            changes += [change for change in added if change.alters == name]
            changes += [] if is_there else [Change(text, f"create table {name}")]
        elif isinstance(tree, exp.Create):
            name = _name(tree)
            columns = held.views.get(name.lower())
            # Replacing keeps what is granted on the view, but can only be done with the same columns.
            if columns is not None and name.lower() not in dropped and not _is_alike(columns, view_columns(tree)):
                changes.append(_drop_view(name))
            changes.append(Change(text, f"{'create' if columns is None else 'replace'} view {name}"))
        else:
            changes.append(Change(text))
    return changes


def _alter(tree: exp.Expr, held: Sequence[HeldColumn]) -> tuple[list[Change], list[str]]:
    table = _name(tree)
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


def _drop_view(name: str, *, alone: bool = False) -> Change:
    return Change(f"DROP VIEW {name}", f"drop view {name}, to make it again", needs_no_transaction=alone)


def _spelled(trees: Sequence[tuple[str, exp.Expr]], folded: str) -> str:
    names = [_name(tree) for _, tree in trees if isinstance(tree, exp.Create)]
    return next((name for name in names if name.lower() == folded), folded)


def _is_alike(held: Sequence[str], wanted: Sequence[str]) -> bool:
    return [name.lower() for name in held] == [name.lower() for name in wanted]


def _name(tree: exp.Expr) -> str:
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
