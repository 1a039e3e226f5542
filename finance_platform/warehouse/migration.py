"""How a warehouse of an older release becomes one of this: what is added, and what somebody has to do by hand.

Belongs here: planning, a pure function of the definitions in `sql/ddl` and `sql/views` and of what a warehouse holds.
Does not belong here: asking a warehouse what it holds, applying a plan (see the adapters).

Only what adds is done unasked: new tables, new columns that may be null or have a default, longer VARCHARs, views.
A column of another type, suddenly needed, or needed by nobody any more but never empty, is refused, with the SQL that a
person may run. One that may be empty is left alone: a newer release has added it, or somebody for a purpose of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlglot import exp

from finance_platform.contracts.star import SCHEMA_VERSION
from finance_platform.errors import MigrationError
from finance_platform.warehouse.column_changes import Change, HeldColumn, altered, name_of
from finance_platform.warehouse.dialect import parse
from finance_platform.warehouse.inserting import insert
from finance_platform.warehouse.movements import joined_causes
from finance_platform.warehouse.port import LoadConnection


@dataclass(frozen=True)
class ExistingSchema:
    """What a warehouse holds: columns by the folded name of their table, column names by that of their view."""

    tables: dict[str, list[HeldColumn]] = field(default_factory=dict)
    views: dict[str, list[str]] = field(default_factory=dict)


def plan(definitions: Sequence[str], held: ExistingSchema, otherwise: str = "") -> tuple[Change, ...]:
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
        if is_table(tree) and name_of(tree).lower() in held.tables:
            found, refused = altered(tree, held.tables[name_of(tree).lower()])
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
    return frozenset(name_of(tree).lower() for tree in trees if isinstance(tree, exp.Create))


def definition_of(definitions: Sequence[str], table: str) -> str:
    """Return what creates a table.

    Raises:
        KeyError: nothing does.
    """
    for text in definitions:
        tree = parse(text)
        if is_table(tree) and name_of(tree) == table:
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
    trees: Sequence[tuple[str, exp.Expr]], held: ExistingSchema, added: Sequence[Change], dropped: Sequence[str]
) -> list[Change]:
    """The definitions in their own order; a table's new columns come before whatever speaks of them."""
    changes: list[Change] = []
    for text, tree in trees:
        if is_table(tree):
            name = name_of(tree)
            is_there = name.lower() in held.tables
            changes += [change for change in added if change.alters == name]
            changes += [] if is_there else [Change(text, f"create table {name}")]
        elif isinstance(tree, exp.Create):
            name = name_of(tree)
            columns = held.views.get(name.lower())
            # Replacing keeps what is granted on the view, but can only be done with the same columns.
            if columns is not None and name.lower() not in dropped and not _is_alike(columns, view_columns(tree)):
                changes.append(_drop_view(name))
            changes.append(Change(text, f"{'create' if columns is None else 'replace'} view {name}"))
        else:
            changes.append(Change(text))
    return changes


def _drop_view(name: str, *, alone: bool = False) -> Change:
    return Change(f"DROP VIEW {name}", f"drop view {name}, to make it again", needs_no_transaction=alone)


def _spelled(trees: Sequence[tuple[str, exp.Expr]], folded: str) -> str:
    names = [name_of(tree) for _, tree in trees if isinstance(tree, exp.Create)]
    return next((name for name in names if name.lower() == folded), folded)


def _is_alike(held: Sequence[str], wanted: Sequence[str]) -> bool:
    return [name.lower() for name in held] == [name.lower() for name in wanted]
