"""The statements by which a load finds what changed in the attributes of members.

Belongs here: comparing what is published with what is staged, as it is and by period. Does not belong here: which
attributes are compared, and when (see `movements`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from finance_platform.contracts.model import Column, Contract
from finance_platform.contracts.star import FIRST_PERIOD, LAST_PERIOD
from finance_platform.warehouse.statements import stage_table

if TYPE_CHECKING:
    from sqlglot import exp

_CAUSE = ("OldVersion", "NewVersion", "Cause")


class ComparedAttribute(NamedTuple):
    """An attribute of a dimension that a load compares with its published values.

    Attributes:
        column: the column, in snake_case.
        name: the name by which Movements reports it.
        key: the column that identifies what the attribute belongs to.
        is_name: whether it names a member and groups nothing.
    """

    column: str
    name: str
    key: str
    is_name: bool = False


@lru_cache
def insert_changed_attributes(
    target: Contract, contract: Contract, key_column: str, attributes: tuple[ComparedAttribute, ...]
) -> str:
    """Return the INSERT of each attribute of a dimension that differs between the published and the staged rows.

    A member that is not in both is left out.

    Args:
        target: takes the key, Attribute, IsName, OldValue, NewValue, and the version and cause columns of StageSlice.
        contract: the dimension.
        key_column: the column of `target` that takes the key of the row.
        attributes: the attributes to compare.
    """
    from sqlglot import exp

    columns = [key_column, "Attribute", "IsName", "OldValue", "NewValue", "OldVersion", "NewVersion", "Cause"]
    changed: exp.Query = _changed_attribute(contract, attributes[0])
    for attribute in attributes[1:]:
        # A copy for each attribute would take longer than the load.
        changed = exp.union(changed, _changed_attribute(contract, attribute), distinct=False, copy=False)
    return exp.insert(changed, target.table, columns=columns, copy=False).sql(dialect="redshift", copy=False)


def _changed_attribute(contract: Contract, attribute: ComparedAttribute) -> exp.Select:
    from sqlglot import exp

    key = contract.column(contract.surrogate_key).sql_name
    old, new = (_as_text(table, contract.column(attribute.column)) for table in ("Published", "Staged"))
    return (
        exp.select(
            exp.column(contract.column(attribute.key).sql_name, "Published"),
            exp.alias_(exp.Literal.string(attribute.name), "Attribute"),
            exp.alias_(exp.Boolean(this=attribute.is_name), "IsName"),
            exp.alias_(exp.maybe_parse(old, dialect="redshift"), "OldValue"),
            exp.alias_(exp.maybe_parse(new, dialect="redshift"), "NewValue"),
            *(exp.column(name, "StageSlice") for name in ("OldVersion", "NewVersion", "Cause")),
        )
        .distinct(copy=False)
        .from_(f"{contract.table} AS Published", copy=False)
        .join(f"{stage_table(contract)} AS Staged", on=f"Staged.{key} = Published.{key}", copy=False)
        .join("StageSlice", on=exp.column("TableName", "StageSlice").eq(contract.table), copy=False)
        .where(f"COALESCE({old}, '') <> COALESCE({new}, '')", copy=False)
    )


@lru_cache
def insert_changed_spans(
    target: Contract,
    contract: Contract,
    history: Contract,
    key_column: str,
    attributes: tuple[ComparedAttribute, ...],
) -> str:
    """Return the INSERT of each attribute of a dimension that differs, between which periods.

    What is published is compared with what is staged, each as it was in its periods. A member that is not in both is
    left out.

    Args:
        target: see `insert_changed_attributes`; it takes the first and the last period too.
        contract: the dimension.
        history: its members whose attributes changed between periods.
        key_column: the column of `target` that takes the key of the row.
        attributes: the attributes to compare.
    """
    from sqlglot import exp

    names = [attribute.column for attribute in attributes]
    changed: exp.Query = _changed_span(contract, attributes[0])
    for attribute in attributes[1:]:
        changed = exp.union(changed, _changed_span(contract, attribute), distinct=False, copy=False)
    published = _timeline(contract, contract.table, history, history.table, names)
    staged = _timeline(contract, stage_table(contract), history, stage_table(history), names)
    changed = changed.with_("Published", published, copy=False).with_("Staged", staged, copy=False)
    columns = [key_column, "ValidFrom", "ValidTo", "Attribute", "IsName", "OldValue", "NewValue", *_CAUSE]
    return exp.insert(changed, target.table, columns=columns, copy=False).sql(dialect="redshift", copy=False)


def _changed_span(contract: Contract, attribute: ComparedAttribute) -> exp.Select:
    from sqlglot import exp

    key = contract.column(contract.surrogate_key).sql_name
    old, new = (_as_text(table, contract.column(attribute.column)) for table in ("Published", "Staged"))
    same_periods = "Staged.ValidFrom <= Published.ValidTo AND Published.ValidFrom <= Staged.ValidTo"
    return (
        exp.select(
            exp.column(key, "Published"),
            "GREATEST(Published.ValidFrom, Staged.ValidFrom) AS ValidFrom",
            "LEAST(Published.ValidTo, Staged.ValidTo) AS ValidTo",
            exp.alias_(exp.Literal.string(attribute.name), "Attribute"),
            exp.alias_(exp.Boolean(this=attribute.is_name), "IsName"),
            exp.alias_(exp.maybe_parse(old, dialect="redshift"), "OldValue"),
            exp.alias_(exp.maybe_parse(new, dialect="redshift"), "NewValue"),
            *(exp.column(name, "StageSlice") for name in _CAUSE),
        )
        .from_("Published", copy=False)
        .join("Staged", on=f"Staged.{key} = Published.{key} AND {same_periods}", copy=False)
        .join("StageSlice", on=exp.column("TableName", "StageSlice").eq(contract.table), copy=False)
        .where(f"COALESCE({old}, '') <> COALESCE({new}, '')", copy=False)
    )


def _timeline(
    contract: Contract, table: str, history: Contract, history_table: str, names: Sequence[str]
) -> exp.Select:
    """Return the query for the attributes of each member in each of its spans."""
    from sqlglot import exp

    key = contract.column(contract.surrogate_key).sql_name
    columns = []
    for name in names:
        column = contract.column(name).sql_name
        value = f"{table}.{column}"
        if name in history.column_names:
            is_earlier = "NOT COALESCE(Earlier.IsCurrent, TRUE)"
            value = f"CASE WHEN {is_earlier} THEN Earlier.{column} ELSE {value} END"
        columns.append(f"{value} AS {column}")
    return (
        exp.select(
            exp.column(key, table),
            f"COALESCE(Earlier.ValidFrom, '{FIRST_PERIOD}') AS ValidFrom",
            f"COALESCE(Earlier.ValidTo, '{LAST_PERIOD}') AS ValidTo",
            *columns,
        )
        .from_(table, copy=False)
        .join(f"{history_table} AS Earlier", on=f"Earlier.{key} = {table}.{key}", join_type="left", copy=False)
    )


def _as_text(table: str, column: Column) -> str:
    """An attribute as text; Redshift has no cast from boolean."""
    name = f"{table}.{column.sql_name}"
    if column.type == "boolean":
        return f"CASE WHEN {name} THEN 'true' ELSE 'false' END"
    return name if column.type.startswith("varchar") else f"CAST({name} AS VARCHAR(16))"
