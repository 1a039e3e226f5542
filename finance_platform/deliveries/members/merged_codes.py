"""Merged codes: codes of several files that have one surrogate key, so that they would be one member.

Belongs here: which codes of departments, accounts and scenarios have the key of another code among deliveries that
count. Does not belong here: the codes of one file of lines (see `feeds.lines.member_keys`), what becomes of a file with
such a code (see `verdicts.hold_reasons`), the dimensions, whose job refuses them too (see `spark_jobs`).

A key is a part of a hash. In almost every home no two codes share one, and then all codes are read once, by column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS, MEMBERS
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.members_checkpoint import CHECKPOINT
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.feeds.values.codes import fold, surrogate_key
from finance_platform.feeds.violations import quoted
from finance_platform.safe_text import quote_name
from finance_platform.storage.port import ObjectStore

_MEMBER = ("dimension", "member_key", "code")
_KEY = list(_MEMBER[:2])
_DESCRIBED = {
    "departments": ("department", DEPARTMENTS, "department_code"),
    "accounts": ("account", ACCOUNTS, "account_number"),
}
_SCHEMA = pa.schema(
    [pa.field("dimension", pa.string()), pa.field("member_key", pa.int64()), pa.field("code", pa.string())]
)

_Shared = dict[tuple[str, int], dict[str, tuple[str, str]]]
"""By dimension and key, the codes that share it: by folded code, the code and the first file that has it."""


def find_merging(processed: ObjectStore, deliveries: Collection[LiveDelivery]) -> frozenset[str]:
    """Return the deliveries, by id, that have a code whose key another code of one of them has; mostly none."""
    keys = _shared_keys(_codes(processed, deliveries))
    if not keys:
        return frozenset()
    own = ((one.delivery_id, _codes(processed, [one])) for one in deliveries)
    return frozenset(name for name, codes in own for table in codes if _of_keys(table, keys).num_rows)


def find_merged_codes(
    processed: ObjectStore, before: Collection[LiveDelivery], after: Collection[LiveDelivery]
) -> list[str]:
    """Return the codes that would share a key after a change of the live deliveries, and did not before.

    Args:
        processed: the processed zone.
        before: the deliveries that count, in order.
        after: those that would count, in order.

    Returns:
        A clause for each key, which names the codes and their files.
    """
    shared = _shared(processed, after)
    known = _shared(processed, before) if shared else {}
    return [
        f"the {dimension} codes {' and '.join(_named(codes))} have one surrogate key"
        for (dimension, key), codes in sorted(shared.items())
        if not codes.keys() <= known.get((dimension, key), {}).keys()
    ]


def _named(codes: dict[str, tuple[str, str]]) -> list[str]:
    return [f"{quoted(code)} of {quote_name(file)}" for code, file in codes.values()]


def _shared(processed: ObjectStore, live: Collection[LiveDelivery]) -> _Shared:
    keys = _shared_keys(_codes(processed, live))
    shared: _Shared = {}
    for one in live if keys else ():
        for table in _codes(processed, [one]):
            for row in _of_keys(table, keys).to_pylist():
                codes = shared.setdefault((row["dimension"], row["member_key"]), {})
                codes.setdefault(fold(row["code"]), (row["code"], one.event.object_key))
    return {key: codes for key, codes in shared.items() if len(codes) > 1}


def _shared_keys(codes: Iterable[pa.Table]) -> pa.Array:
    """Return the keys of several codes."""
    distinct = [table.group_by(list(_MEMBER), use_threads=False).aggregate([]) for table in codes]
    pairs = (
        pa.concat_tables([_SCHEMA.empty_table(), *distinct]).group_by(list(_MEMBER), use_threads=False).aggregate([])
    )
    # Nearly all keys have one spelling of one code, which nothing needs to fold.
    spellings = pairs.group_by(_KEY, use_threads=False).aggregate([([], "count_all")])
    several = spellings.filter(pc.greater(spellings["count_all"], 1))["member_key"].combine_chunks()
    folded: dict[tuple[str, int], set[str]] = {}
    for row in _of_keys(pairs, several).to_pylist():
        folded.setdefault((row["dimension"], row["member_key"]), set()).add(fold(row["code"]))
    return pa.array(sorted({key for (_, key), of_key in folded.items() if len(of_key) > 1}), pa.int64())


def _of_keys(codes: pa.Table, keys: pa.Array) -> pa.Table:
    return codes.filter(pc.is_in(codes["member_key"], value_set=keys))


def _codes(processed: ObjectStore, deliveries: Collection[LiveDelivery]) -> Iterator[pa.Table]:
    """Yield the dimension, key and code of what deliveries mention or describe; small files are read together."""
    files = [file for one in deliveries for file in one.commit.files.get(MEMBERS.name, ())]
    ids = pa.array([one.delivery_id for one in deliveries], pa.string())
    for rows in CHECKPOINT.read_rows(processed, files, is_updated=False) if files else ():
        # A file that deliveries share has rows of others too.
        yield rows.filter(pc.is_in(rows["delivery_id"], value_set=ids)).select(list(_MEMBER)).cast(_SCHEMA)
    for one in deliveries:
        if one.event.kind in _DESCRIBED:
            dimension, contract, code = _DESCRIBED[one.event.kind]
            columns = [f"{dimension}_key", code]
            for table in read_rows(processed, one.delivery_id, one.commit.files.get(contract.name, ()), columns):
                yield _table(dimension, *(table[name] for name in columns))
    scenarios = sorted({count.scenario for one in deliveries for count in one.commit.periods})
    yield _table("scenario", pa.array(map(surrogate_key, scenarios), pa.int64()), pa.array(scenarios, pa.string()))


def _table(dimension: str, keys: pa.Array, codes: pa.Array) -> pa.Table:
    return pa.table([pa.array([dimension] * len(keys), pa.string()), keys, codes], _SCHEMA)
