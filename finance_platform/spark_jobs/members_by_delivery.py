"""The members that the lines of many deliveries mention: groups of deliveries, and the hash of each one's members.

Belongs here: how many are derived at once, and the hash by column, which is part of the identity of slices and of
checkpoints: the same members always have the same one. Does not belong here: which members a delivery has (see
`transforms.members`).

A file of a home with 50,000 accounts mentions all of them, so 36 such files have two million.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from json.encoder import encode_basestring_ascii

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import MEMBERS
from finance_platform.spark_jobs.rows_by_delivery import by_delivery

HASHED = tuple(name for name in MEMBERS.column_names if name not in {"delivery_id", "member_key"})
MEMBER_COLUMNS = ("delivery_id", *HASHED)

MEMBERS_AT_ONCE = 100_000
"""The members that are derived at once on one machine: an engine takes 3 KiB for each of them."""

_ESCAPED_IN_JSON = r"[^ !#-\[\]-~]"


def member_groups(members: Mapping[str, int], first: Collection[str] = ()) -> list[list[str]]:
    """Return deliveries in groups whose members are derived at once, each with as many as an engine can hold.

    Args:
        members: by delivery id, how many members it has.
        first: deliveries that are together in the first group, because they share files.
    """
    groups = [[name for name in members if name in first]]
    size = sum(members[name] for name in groups[0])
    for name in members:
        if name in first:
            continue
        if groups[-1] and size + members[name] > MEMBERS_AT_ONCE:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += members[name]
    return groups


def hash_members(tables: Iterable[pa.Table]) -> Iterator[tuple[str, str]]:
    """Yield each delivery and the hash of its members.

    Args:
        tables: rows with `MEMBER_COLUMNS`; those of a delivery may be in several tables.
    """
    parts: dict[str, list[pa.Table]] = {}
    for table in tables:
        for delivery_id, members in by_delivery(table):
            parts.setdefault(delivery_id, []).append(members.select(HASHED))
    for delivery_id in list(parts):
        yield delivery_id, _hash(pa.concat_tables(map(_as_texts, parts.pop(delivery_id))))


def _as_texts(members: pa.Table) -> pa.Table:
    columns = (pc.fill_null(column.cast(pa.string()), "") for column in members.columns)
    return pa.table(list(columns), names=members.column_names)


def _hash(members: pa.Table) -> str:
    """Return the hash of the JSON of the sorted rows; Arrow sorts the bytes of texts, so as Python sorts texts."""
    ordered = members.take(pc.sort_indices(members, [(name, "ascending") for name in members.column_names]))
    first, *others = (_in_json(column) for column in ordered.columns)
    values = [part for column in others for part in ('", "', column)]
    rows = pc.binary_join_element_wise('["', first, *values, '"]', "").combine_chunks()
    together = pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows)
    digest = hashlib.sha256(b"[")
    digest.update(pc.binary_join(together, ", ")[0].as_buffer())
    digest.update(b"]")
    return digest.hexdigest()[:16]


def _in_json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts as JSON has them, without the quotation marks around them."""
    if not pc.any(pc.match_substring_regex(column, _ESCAPED_IN_JSON)).as_py():
        return column
    encoded = pc.dictionary_encode(column.combine_chunks())
    texts = [encode_basestring_ascii(text)[1:-1] for text in encoded.dictionary.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string()).take(encoded.indices)])
