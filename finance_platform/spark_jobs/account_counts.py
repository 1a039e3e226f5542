"""The candidate lines of deliveries by account, and the files that have them.

Belongs here: what is counted of each delivery, and writing it. Does not belong here: summing up lines (see
`line_sums`), what else is counted of a delivery (see `delivery_results`), reading these files (see
`deliveries.account_counts`).

Accepted lines are counted by column: a home may have as many sums of them as lines. Those of one large file are put in
order and written for some accounts after the others.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.processed import ACCOUNT_COUNTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import Count, DataFile
from finance_platform.spark_jobs.rows_by_delivery import by_delivery
from finance_platform.storage.port import ObjectStore
from finance_platform.transforms.fact_tables import encode
from finance_platform.transforms.keyed_sums import KeyedRows

_SUMS = ("row_count", "amount", "absolute")
_ACCEPTED = ("account_key", "scenario", "period", *_SUMS)
_SCHEMA = arrow_schema(ACCOUNT_COUNTS.columns)
_WITH_PLACE = pa.schema([("delivery", pa.int64()), *(field for field in _SCHEMA if field.name != "delivery_id")])
_ROWS_TOGETHER = 1 << 18
"""The rows that are put in order at once: each takes some 300 bytes meanwhile."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
_TEXTS = ("scenario", "currency", "period", "term")
"""What the rows of an account are in the order of, as in the natural key."""

_IN_PARTS = pa.schema([(one.name, _TEXT if one.name in _TEXTS else one.type) for one in _WITH_PLACE])
"""The same, with texts that repeat in dictionaries."""

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
"""The bounds of keys of accounts."""


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

    def of_accounts(self, first: int, last: int) -> Self:
        """Return the lines of the accounts with these keys and those between them."""
        part = type(self)()
        for sums in self.accepted:
            keys = sums["account_key"]
            is_within = pc.and_(pc.greater_equal(keys, first), pc.less_equal(keys, last))
            part.accepted.append(sums.filter(is_within))
        part._others = {place: count for place, count in self._others.items() if first <= place[0] <= last}
        return part

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
        for name, data, deliveries in _contents({name: of_files[name] for name in names}, counted):
            key = f"{folder}/{name}.parquet"
            processed.write(key, data)
            files |= {delivery_id: DataFile(key, len(data), delivery_id in shared) for delivery_id in deliveries}
    return files


def _contents(
    of_files: Mapping[str, Sequence[str]], counted: Mapping[str, AccountCounts]
) -> Iterator[tuple[str, bytes, list[str]]]:
    """Yield name and content of each file that has any rows, and the deliveries that have some of them."""
    buffers: dict[str, io.BytesIO] = {}
    writers: dict[str, pq.ParquetWriter] = {}
    with_rows: dict[str, list[str]] = {}
    with ExitStack() as stack:
        for part in _parts({name: counted[name] for names in of_files.values() for name in names}):
            for name, rows, deliveries in _tables(of_files, part):
                if name not in writers:
                    buffers[name] = io.BytesIO()
                    writers[name] = stack.enter_context(pq.ParquetWriter(buffers[name], _SCHEMA))
                writers[name].write_table(rows)
                with_rows.setdefault(name, []).extend(deliveries)
    for name, buffer in buffers.items():
        yield name, buffer.getvalue(), list(dict.fromkeys(with_rows[name]))


def _parts(counted: Mapping[str, AccountCounts]) -> Iterator[Mapping[str, AccountCounts]]:
    """Yield the lines of deliveries for some accounts after the others, each with about as many rows; few at once."""
    accepted = [sums["account_key"].to_numpy() for counts in counted.values() for sums in counts.accepted]
    if sum(map(len, accepted)) <= _ROWS_TOGETHER:
        yield counted
        return
    firsts = np.unique(np.sort(np.concatenate(accepted))[_ROWS_TOGETHER::_ROWS_TOGETHER]).tolist()
    for first, after in pairwise([_LEAST, *firsts, _MOST + 1]):
        yield {name: counts.of_accounts(first, after - 1) for name, counts in counted.items()}


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
    arrays = [pa.array(values, field.type) for values, field in zip(columns, _IN_PARTS, strict=True)]
    tables = [pa.table(arrays, schema=_IN_PARTS)]
    if accepted := [(place, sums) for place, counts in enumerate(counted) for sums in counts.accepted]:
        tables.append(_accepted_rows(accepted))
    rows = pa.concat_tables(tables)
    return rows.take(_order(rows)).cast(_WITH_PLACE).combine_chunks()


def _order(rows: pa.Table) -> pa.Array:
    """Return the places of the rows in their order; texts, which repeat, are compared by their ranks."""
    numbers = [rows[name].to_numpy() for name in ("delivery", "account_key")]
    return pa.array(np.lexsort([_ranks(rows, _TEXTS), *reversed(numbers)]))


def _ranks(rows: pa.Table, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return a number for each row, which is in the order of these texts."""
    ranks = np.zeros(len(rows), np.int64)
    for name in names:
        column = encode(rows[name])
        order = sorted(range(len(column.values)), key=column.values.__getitem__)
        rank_of = np.empty(len(order), np.int64)
        rank_of[order] = np.arange(len(order))
        ranks = ranks * len(order) + rank_of[column.places]
    return ranks


def _accepted_rows(tables: Sequence[tuple[int, pa.Table]]) -> pa.Table:
    """Return the accepted lines of deliveries, given by their places, with the columns of `_in_order`."""
    deliveries = np.repeat([place for place, _ in tables], [len(sums) for _, sums in tables])
    sums = pa.concat_tables([sums for _, sums in tables])
    scenario, period = encode(sums["scenario"]), encode(sums["period"])
    keyed = sums.select(["account_key", *_SUMS]).append_column("delivery", pa.array(deliveries, pa.int64()))
    place = scenario.places * len(period.values) + period.places
    grouped = KeyedRows(keyed.append_column("place", pa.array(place))).sums(["delivery", "account_key", "place"], _SUMS)
    of_scenario, of_period = np.divmod(grouped["place"].to_numpy(), max(len(period.values), 1))
    count = len(grouped)
    columns = {
        **{name: grouped[name] for name in ("delivery", "account_key", "row_count")},
        "scenario": _texts(scenario.values, of_scenario),
        "period": _texts(period.values, of_period),
        "currency": _texts([""], np.zeros(count, np.int64)),
        "term": _texts(["accepted"], np.zeros(count, np.int64)),
        "unpriced": pa.array(np.zeros(count, np.int64)),
        # As Python writes a decimal of two places.
        "amount": grouped["amount"].cast(pa.string()),
        "absolute": grouped["absolute"].cast(pa.string()),
    }
    return pa.table([columns[name] for name in _WITH_PLACE.names], names=_WITH_PLACE.names)


def _texts(values: Sequence[str], places: npt.NDArray[np.int64]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), pa.array(values, pa.string()))
