"""The lines of a delivery by account, by column: for the statement of what is not money.

Belongs here: their rows and files. Does not belong here: counting lines (see `delivery_results`), what reads the files
(see `deliveries.checkpoints`).

A file of a home with 50,000 accounts has as many rows, so 36 such files have two million.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.processed import ACCOUNT_COUNTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import Count, DataFile
from finance_platform.storage.port import ObjectStore

AccountPlace = tuple[int, str, str, str, str]
"""Account, scenario, foreign currency, period of accepted lines, and term."""

_FILE = arrow_schema(ACCOUNT_COUNTS.columns)
_SCHEMA = pa.schema(list(_FILE)[1:])
_PLACE = _SCHEMA.names[:5]
_ACCEPTED = "accepted"
_SUMMED = ("account_key", "scenario", "period")


def account_counts(sums: Sequence[pa.Table], others: Mapping[AccountPlace, Count]) -> pa.Table:
    """Return the rows of a delivery, after its id, in the order of their place.

    Args:
        sums: sums of accepted lines, with account, scenario, period, row count, amount and absolute amount.
        others: of other terms.
    """
    places, counts = list(others), list(others.values())
    columns = [
        *([place[number] for place in places] for number in range(len(_PLACE))),
        [count.rows for count in counts],
        [count.unpriced for count in counts],
        [str(count.amount) for count in counts],
        [str(count.absolute) for count in counts],
    ]
    rows = pa.table(list(map(pa.array, columns, _SCHEMA.types)), schema=_SCHEMA)
    if sums:
        rows = pa.concat_tables([rows, _accepted(pa.concat_tables(sums))])
    return rows.take(pc.sort_indices(rows, [(name, "ascending") for name in _PLACE]))


def _accepted(sums: pa.Table) -> pa.Table:
    found = sums.group_by(list(_SUMMED), use_threads=False).aggregate(
        [(name, "sum") for name in ("row_count", "amount", "absolute")]
    )
    size = len(found)
    columns = {
        **{name: found[name] for name in _SUMMED},
        "currency": pa.repeat("", size),
        "term": pa.repeat(_ACCEPTED, size),
        "row_count": found["row_count_sum"],
        "unpriced": pa.repeat(0, size),
        "amount": found["amount_sum"].cast(pa.string()),
        "absolute": found["absolute_sum"].cast(pa.string()),
    }
    return pa.table([columns[name] for name in _SCHEMA.names], schema=_SCHEMA)


def write_account_counts(
    processed: ObjectStore, folder: str, counts: Mapping[str, Callable[[], pa.Table]], shared: Mapping[str, str]
) -> dict[str, DataFile]:
    """Write the lines by account; return the file of each delivery that has any.

    Args:
        processed: the processed zone.
        folder: a folder that nothing has written to yet.
        counts: by delivery id, what returns its rows, of `account_counts`.
        shared: the name of the file of each delivery that shares it with others.
    """
    names: dict[str, list[str]] = {}
    for delivery_id in counts:
        names.setdefault(shared.get(delivery_id, delivery_id), []).append(delivery_id)
    files: dict[str, DataFile] = {}
    for name, of_file in names.items():
        rows = {delivery_id: counts[delivery_id]() for delivery_id in of_file}
        tables = [
            table.add_column(0, _FILE.field(0), pa.repeat(delivery_id, len(table)))
            for delivery_id, table in rows.items()
            if len(table)
        ]
        if not tables:
            continue
        buffer = io.BytesIO()
        pq.write_table(pa.concat_tables(tables).combine_chunks(), buffer)
        key, data = f"{folder}/{name}.parquet", buffer.getvalue()
        processed.write(key, data)
        files |= {one: DataFile(key, len(data), one in shared) for one, table in rows.items() if len(table)}
    return files
