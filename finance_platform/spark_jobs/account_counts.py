"""The candidate lines of deliveries by account, and the files that have them.

Belongs here: what is counted of each delivery, and writing it. Does not belong here: summing up lines (see
`line_sums`), what else is counted of a delivery (see `delivery_results`), reading these files (see
`deliveries.account_counts`).

Accepted lines are counted by column: a home may have as many sums of them as lines.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.processed import ACCOUNT_COUNTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import Count, DataFile
from finance_platform.spark_jobs.rows_by_delivery import by_delivery
from finance_platform.storage.port import ObjectStore

_SUMS = ("row_count", "amount", "absolute")
_ACCEPTED = ("account_key", "scenario", "period", *_SUMS)
_SCHEMA = arrow_schema(ACCOUNT_COUNTS.columns)
_WITH_PLACE = pa.schema([("delivery", pa.int64()), *(field for field in _SCHEMA if field.name != "delivery_id")])
_ROWS_TOGETHER = 1 << 19
_ORDER = ("delivery", *(name for name in ACCOUNT_COUNTS.natural_key if name != "delivery_id"))


class AccountCounts:
    """The candidate lines of one delivery by account, scenario, foreign currency, period of accepted lines, and term.

    They are for the statement of what is not money.
    """

    def __init__(self) -> None:
        self.accepted: list[pa.Table] = []
        self._others: dict[tuple[int, str, str, str], Count] = {}

    def add_accepted(self, sums: pa.Table) -> None:
        """Add accepted lines: `account_key`, `scenario`, `period` and sums of them; a place may be there again."""
        self.accepted.append(sums)

    @property
    def size(self) -> int:
        """How many rows were added: of one place, there may be several."""
        return len(self._others) + sum(map(len, self.accepted))

    def add(self, account_key: int, scenario: str, currency: str, term: str, count: Count) -> None:
        """Add lines of another term, or what rounding has changed."""
        place = (account_key, scenario, currency, term)
        self._others[place] = self._others.get(place, Count()) + count

    def others(self) -> list[tuple[object, ...]]:
        """Return what is not accepted, as rows of `ACCOUNT_COUNTS` without their delivery."""
        rows: list[tuple[object, ...]] = []
        for (account_key, scenario, currency, term), count in self._others.items():
            money = str(count.amount), str(count.absolute)
            rows.append((account_key, scenario, currency, "", term, count.rows, count.unpriced, *money))
        return rows


def accepted_by_delivery(sums: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield the rows of each delivery that have an account, for `add_accepted`.

    Args:
        sums: rows of `line_sums.SUMS`.
    """
    rows = sums.select(["delivery_id", *_ACCEPTED])
    yield from by_delivery(rows.filter(pc.is_valid(rows["account_key"])))


def write_files(
    processed: ObjectStore, folder: str, counted: Mapping[str, AccountCounts], shared: Mapping[str, str]
) -> dict[str, DataFile]:
    """Write the lines by account; return the file of each delivery that has any.

    Args:
        processed: the processed zone.
        folder: a folder that nothing has written to yet.
        counted: by delivery id.
        shared: the name of the file of each delivery that shares it with others.
    """
    of_files: dict[str, list[str]] = {}
    for delivery_id in counted:
        of_files.setdefault(shared.get(delivery_id, delivery_id), []).append(delivery_id)
    files: dict[str, DataFile] = {}
    for names in _together(of_files, counted):
        of_some = {name: of_files[name] for name in names}
        for name, rows, deliveries in _tables(of_some, counted):
            buffer = io.BytesIO()
            pq.write_table(rows, buffer)
            key, data = f"{folder}/{name}.parquet", buffer.getvalue()
            processed.write(key, data)
            files |= {delivery_id: DataFile(key, len(data), delivery_id in shared) for delivery_id in deliveries}
    return files


def _together(of_files: Mapping[str, Sequence[str]], counted: Mapping[str, AccountCounts]) -> Iterator[list[str]]:
    """Yield the names of files whose rows are put in order together.

    To group and sort rows takes longer than the rows of a small file do; rows of many large files would fill memory.
    """
    names: list[str] = []
    size = 0
    for name, deliveries in of_files.items():
        of_file = sum(counted[delivery_id].size for delivery_id in deliveries)
        if names and size + of_file > _ROWS_TOGETHER:
            yield names
            names, size = [], 0
        names.append(name)
        size += of_file
    if names:
        yield names


def _tables(
    of_files: Mapping[str, Sequence[str]], counted: Mapping[str, AccountCounts]
) -> Iterator[tuple[str, pa.Table, list[str]]]:
    """Yield name and rows of each file that has any, and the deliveries that have some of them."""
    names = [delivery_id for of_file in of_files.values() for delivery_id in of_file]
    rows = _in_order([counted[delivery_id] for delivery_id in names])
    counts = np.bincount(rows["delivery"].to_numpy(), minlength=len(names))
    table = rows.append_column("delivery_id", pa.array(names, pa.string()).take(rows["delivery"])).select(_SCHEMA.names)
    first = start = 0
    for name, of_file in of_files.items():
        of_deliveries = counts[first : first + len(of_file)]
        count = int(of_deliveries.sum())
        if count:
            with_rows = [one for one, found in zip(of_file, of_deliveries, strict=True) if found]
            yield name, table.slice(start, count), with_rows
        first, start = first + len(of_file), start + count


def _in_order(counted: Sequence[AccountCounts]) -> pa.Table:
    """Return the rows of deliveries in the order of their keys; `delivery` is the place of a row's delivery."""
    others = [(place, *row) for place, counts in enumerate(counted) for row in counts.others()]
    columns = list(zip(*others, strict=True)) or [()] * len(_WITH_PLACE)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, _WITH_PLACE, strict=True)]
    tables = [pa.table(arrays, schema=_WITH_PLACE)]
    if accepted := [(place, sums) for place, counts in enumerate(counted) for sums in counts.accepted]:
        tables.append(_accepted_rows(accepted))
    rows = pa.concat_tables(tables)
    return rows.take(pc.sort_indices(rows, [(name, "ascending") for name in _ORDER])).combine_chunks()


def _accepted_rows(tables: Sequence[tuple[int, pa.Table]]) -> pa.Table:
    """Return the accepted lines of deliveries, given by their places, with the columns of `_in_order`."""
    places = np.repeat([place for place, _ in tables], [len(sums) for _, sums in tables])
    sums = pa.concat_tables([sums for _, sums in tables]).append_column("delivery", pa.array(places, pa.int64()))
    keys = ["delivery", "account_key", "scenario", "period"]
    grouped = sums.group_by(keys, use_threads=False).aggregate([(name, "sum") for name in _SUMS])
    count = len(grouped)
    columns = {
        **{name: grouped[name] for name in keys},
        "currency": pa.repeat(pa.scalar(""), count),
        "term": pa.repeat(pa.scalar("accepted"), count),
        "row_count": grouped["row_count_sum"],
        "unpriced": pa.array(np.zeros(count, np.int64)),
        # As Python writes a decimal of two places.
        "amount": grouped["amount_sum"].cast(pa.string()),
        "absolute": grouped["absolute_sum"].cast(pa.string()),
    }
    return pa.table([columns[name] for name in _WITH_PLACE.names], schema=_WITH_PLACE)
