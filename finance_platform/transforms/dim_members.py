"""The shared part of `dim_department` and `dim_account`: members from reference files and from ledger lines.

Grain of the output: one member, with the attributes of the source that takes precedence, in the order of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Contract
from finance_platform.contracts.schemas import arrow_schema

IS_INFERRED = "is_inferred"

_RANK = "rank"


def conformed_members(
    reference: pa.Table, mentioned: pa.Table, deliveries: Sequence[str], key: str, columns: Mapping[str, str]
) -> pa.Table:
    """Return one row per member: `key`, every column of `columns`, and is_inferred.

    The latest reference delivery of a member gives its attributes, the last of its rows about the member; for those
    that are blank there, the first ledger delivery that has a value gives it. These are the attributes of the last
    periods; what they were in earlier ones is not in the dimension (see `deliveries.attribute_spans`).

    Args:
        reference: reference rows; those of live deliveries count.
        mentioned: member rows of ledger deliveries; those of live ones count.
        deliveries: the live deliveries in the defined order.
        key: name of the surrogate key in `reference`.
        columns: output column to member column; empty if members have no such column.
    """
    described = _latest_descriptions(reference, deliveries, key, list(columns))
    by_lines = _ranked(mentioned, deliveries).sort_by(_RANK)
    inferred = pa.table(
        {
            key: by_lines["member_key"],
            **{
                name: by_lines[source] if source else pa.nulls(len(by_lines), pa.string())
                for name, source in columns.items()
            },
            IS_INFERRED: pa.repeat(True, len(by_lines)),
        }
    )
    described = described.append_column(IS_INFERRED, pa.repeat(False, len(described)))
    known = pa.concat_tables([described, inferred])
    return _first_of_each(known, key, [*columns, IS_INFERRED], skip_nulls=True).sort_by(key)


def as_dimension(rows: pa.Table, derived: Mapping[str, pa.ChunkedArray | pa.Array], contract: Contract) -> pa.Table:
    """Return members with the columns of their dimension, some of which are derived."""
    schema = arrow_schema(contract.stored_columns)
    values = [derived[name] if name in derived else rows[name] for name in schema.names]
    return pa.table(values, names=schema.names).cast(schema)


def _latest_descriptions(rows: pa.Table, deliveries: Sequence[str], key: str, columns: Sequence[str]) -> pa.Table:
    """Return the latest description of each member.

    It counts as a whole: an attribute that is blank in it is not filled from an older one.
    """
    ranked = _ranked(rows, deliveries)
    for name in ("valid_from", "source_sheet"):
        ranked = ranked.set_column(ranked.schema.get_field_index(name), name, pc.fill_null(ranked[name], ""))
    # Of rows with one date, one for each predecessor, the first one counts; a date counts before none.
    order = [(_RANK, "descending"), ("valid_from", "descending"), ("source_sheet", "ascending")]
    return _first_of_each(ranked.sort_by([*order, ("source_row", "ascending")]), key, columns, skip_nulls=False)


def _ranked(rows: pa.Table, deliveries: Sequence[str]) -> pa.Table:
    """Return the rows of live deliveries, with the place of each delivery in the defined order."""
    ranks = pc.index_in(rows["delivery_id"], value_set=pa.array(deliveries, pa.string()))
    return rows.append_column(_RANK, ranks).filter(pc.is_valid(ranks))


def _first_of_each(rows: pa.Table, key: str, columns: Iterable[str], *, skip_nulls: bool) -> pa.Table:
    """Return, by key, the first value of each column."""
    options = pc.ScalarAggregateOptions(skip_nulls=skip_nulls, min_count=0)
    first = rows.group_by(key, use_threads=False).aggregate([(name, "first", options) for name in columns])
    return pa.table({key: first[key], **{name: first[f"{name}_first"] for name in columns}})
