"""The statements that bring a warehouse of an older release to this one's definitions.

Belongs here: a pure function of the definitions in `sql/ddl` and `sql/views` and of a warehouse's existing schema.
Does not belong here: reading that schema, running the statements (see the adapters).

Only additions are made automatically: new tables, new columns that are nullable or have a default, longer VARCHARs,
views. Another type, a new NOT NULL column and an obsolete NOT NULL column are rejected, with the SQL to run by hand. An
obsolete nullable column is ignored: a newer release or a person has added it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from finance_platform.errors import MigrationError
from finance_platform.warehouse.column_changes import Change, ExistingColumn, created_name, diff_columns
from finance_platform.warehouse.dialect import parse


@dataclass(frozen=True)
class ExistingSchema:
    """The tables and views of a warehouse.

    Attributes:
        tables: columns by lower-case table name.
        views: names of columns by lower-case view name.
        comments: the statements of the comments that it has, as `fold_names` spells them; empty if they were not read,
            and then all are written again.
    """

    tables: dict[str, list[ExistingColumn]] = field(default_factory=dict)
    views: dict[str, list[str]] = field(default_factory=dict)
    comments: frozenset[str] = frozenset()


def pending_changes(
    definitions: Sequence[str],
    existing: ExistingSchema,
    alternative_fix: str = "",
    comments: Sequence[str] = (),
    *,
    drops_views: bool = False,
) -> tuple[Change, ...]:
    """Return the changes that bring a warehouse to the definitions, in the order in which they can run.

    Args:
        definitions: the statements that create every table and view, each repeatable.
        existing: the tables and views of the warehouse.
        alternative_fix: an alternative to running the SQL of a rejection by hand.
        comments: the statements that describe tables, views and columns; they come last.
        drops_views: whether every view is dropped first, since one of them cannot be replaced in place.

    Raises:
        MigrationError: something would have to be removed or changed; no change should be applied then.
    """
    trees = [(text, parse(text)) for text in definitions]
    alterations: list[Change] = []
    rejections: list[str] = []
    for _, tree in trees:
        if is_table(tree) and created_name(tree).lower() in existing.tables:
            table_changes, table_rejections = diff_columns(tree, existing.tables[created_name(tree).lower()])
            alterations += table_changes
            rejections += table_rejections
    if rejections:
        alternative = f"; or {alternative_fix}" if alternative_fix else ""
        raise MigrationError(
            "\n  ".join(rejections), fix=f"run that SQL as the owner of the tables, then run again{alternative}"
        )
    widened = [change for change in alterations if change.needs_no_transaction]
    additions = [change for change in alterations if not change.needs_no_transaction]
    views = [tree for _, tree in trees if isinstance(tree, exp.Create) and not is_table(tree)]
    dropped = _views_to_drop(views, existing, drops_all=drops_views or bool(widened))
    return (
        *(_drop_view(name, needs_no_transaction=True) for name in dropped if widened),
        *widened,
        *_changes_in_transaction(trees, existing, additions, dropped if not widened else []),
        *pending_comments(comments, existing, dropped),
    )


def pending_comments(
    comments: Sequence[str], existing: ExistingSchema, dropped: Sequence[str] = ()
) -> tuple[Change, ...]:
    """Return the comments that a warehouse does not have yet.

    Args:
        comments: the statements that describe tables, views and columns.
        existing: the comments of the warehouse, among others.
        dropped: the views that lose theirs, because they are dropped first.
    """
    lost = tuple(f"comment on {target}" for name in dropped for target in _targets(name.lower()))
    kept = {text for text in existing.comments if not text.startswith(lost)} if lost else existing.comments
    return tuple(Change(text, is_portable=True) for text in comments if fold_names(text) not in kept)


def fold_names(comment: str) -> str:
    """Return the statement of a comment with all but its text in lower case, as Redshift's catalog spells names."""
    target, is_, text = comment.partition(" IS ")
    return target.lower() + is_ + text


def is_table(tree: exp.Expr) -> bool:
    """Return whether a definition creates a table."""
    return isinstance(tree, exp.Create) and isinstance(tree.this, exp.Schema)


def defined_names(definitions: Sequence[str]) -> frozenset[str]:
    """Return the lower-case names of the tables and views that definitions create."""
    trees = [parse(text) for text in definitions]
    return frozenset(created_name(tree).lower() for tree in trees if isinstance(tree, exp.Create))


def table_definition(definitions: Sequence[str], table: str) -> str:
    """Return the statement that creates a table.

    Raises:
        KeyError: there is none.
    """
    for text in definitions:
        tree = parse(text)
        if is_table(tree) and created_name(tree) == table:
            return text
    raise KeyError(table)


def view_columns(tree: exp.Expr) -> list[str]:
    """Return the names of a view's columns, as its definition spells them."""
    return [item.alias_or_name for item in tree.expression.selects]


def _views_to_drop(views: Sequence[exp.Create], existing: ExistingSchema, *, drops_all: bool) -> list[str]:
    """Return the existing views that cannot be replaced in place, each before the views that it reads.

    Replacing keeps the grants on a view, but only works with the same columns, and a view that another one reads
    cannot be dropped. A text is widened only if no view reads it.
    """
    dropped: list[str] = []
    for tree in views:
        name = created_name(tree)
        columns = existing.views.get(name.lower())
        if columns is None:
            continue
        sources = {table.name.lower() for table in tree.expression.find_all(exp.Table)}
        is_changed = drops_all or not _are_same(columns, view_columns(tree))
        if is_changed or not sources.isdisjoint(other.lower() for other in dropped):
            dropped.append(name)
    return dropped[::-1]


def _changes_in_transaction(
    trees: Sequence[tuple[str, exp.Expr]],
    existing: ExistingSchema,
    additions: Sequence[Change],
    dropped: Sequence[str],
) -> list[Change]:
    """The definitions in their own order; a table's new columns come before the views that use them."""
    changes: list[Change] = [_drop_view(name) for name in dropped]
    for text, tree in trees:
        name = created_name(tree)
        if is_table(tree):
            changes += [change for change in additions if change.altered_table == name]
            if name.lower() not in existing.tables:
                changes.append(Change(text, f"create table {name}"))
        else:
            verb = "create" if existing.views.get(name.lower()) is None else "replace"
            changes.append(Change(text, f"{verb} view {name}"))
    return changes


def _targets(name: str) -> tuple[str, str]:
    """Return how the comments of a view and of its columns begin, in lower case."""
    return f"view {name} ", f"column {name}."


def _drop_view(name: str, *, needs_no_transaction: bool = False) -> Change:
    return Change(f"DROP VIEW {name}", f"drop view {name}, to recreate it", needs_no_transaction=needs_no_transaction)


def _are_same(names: Sequence[str], others: Sequence[str]) -> bool:
    return [name.lower() for name in names] == [name.lower() for name in others]
