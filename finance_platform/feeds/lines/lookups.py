"""Lookups: the rows of another feed by key, from which lines take fields.

Belongs here: loading these rows, and finding them by key. Does not belong here: which deliveries of that feed
count (see `deliveries.lookups`), reading its files (see `lookup_rows`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.limits import MAX_LOOKUP_ROWS
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore


@dataclass(frozen=True)
class Lookup:
    """The rows of a lookup feed.

    Attributes:
        keys: folded, each once.
        fields: the texts of each field, by name; as many as keys.
    """

    keys: pa.StringArray
    fields: Mapping[str, pa.StringArray]

    def find(self, keys: pa.StringArray) -> tuple[pa.BooleanArray, dict[str, pa.StringArray]]:
        """Return which keys were found, null keys are not, and the texts of each field."""
        positions = pc.index_in(keys, value_set=self.keys, skip_nulls=True)
        return pc.is_valid(positions), {name: pc.take(texts, positions) for name, texts in self.fields.items()}


@dataclass(frozen=True)
class _Source:
    """The rows of a lookup feed in some deliveries, which never change, through whichever object they are read."""

    root: str
    feed: str
    files: tuple[tuple[str, str], ...]
    fields: tuple[str, ...]
    store: ObjectStore = field(compare=False, repr=False)


def load_lookup(feed: ResolvedFeed, processed: ObjectStore) -> Lookup | None:
    """Return the rows that a feed's lines look up, None if they look up nothing; of several with one key, the latest.

    Raises:
        UnreadableDeliveryError: there are too many rows to hold them.
    """
    rule = feed.rules.lookup
    if rule is None:
        return None
    return _load(_Source(processed.root, rule.feed, feed.lookup_files, rule.take, processed))


@lru_cache(maxsize=1)  # the files of a feed are read one after the other, and all look up the same rows
def _load(source: _Source) -> Lookup:
    tables: list[pa.Table] = []
    count = 0
    for delivery_id, key in source.files:
        tables.append(_read(source.store, delivery_id, key, source.fields))
        count += tables[-1].num_rows
        if count > MAX_LOOKUP_ROWS:
            raise UnreadableDeliveryError(
                f"the feed {source.feed}, which lines look up, has more than {MAX_LOOKUP_ROWS:,} rows, which is the "
                "most that is held",
                fix="withdraw deliveries of that feed that are no longer needed, or divide it into several feeds",
            )
    empty = pa.table({name: pa.array([], pa.string()) for name in ("line_key", *source.fields)})
    rows = pa.concat_tables([empty, *reversed(tables)]).combine_chunks()
    numbered = rows.select(["line_key"]).append_column("row", pa.array(np.arange(rows.num_rows)))
    first = numbered.group_by("line_key").aggregate([("row", "min")])["row_min"]
    latest = rows.take(first).combine_chunks()
    columns = {name: latest[name].combine_chunks() for name in latest.column_names}
    return Lookup(columns["line_key"], {name: columns[name] for name in source.fields})


def _read(processed: ObjectStore, delivery_id: str, key: str, fields: Sequence[str]) -> pa.Table:
    names = ["line_key", *fields]
    with open_parquet(processed, key, ["delivery_id", *names]) as file:
        rows = file.read(columns=["delivery_id", *names])
    return rows.filter(pc.equal(rows["delivery_id"], delivery_id)).select(names)
