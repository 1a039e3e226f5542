"""What the star is built from of departments and accounts: the members that deliveries mention.

Belongs here: the members, each statement once. Does not belong here: the checkpoint of their small files (see
`rows_checkpoint`), the dimensions (see `transforms`).

The dimensions are built from what every delivery that counts says of its departments and accounts. A delivery that
arrives alone has a small file with them, so a refresh would open as many files as there were deliveries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import MEMBERS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.rows_checkpoint import SOURCE, RowsCheckpoint, places_among, source_of
from finance_platform.storage.port import ObjectStore

CHECKPOINT = RowsCheckpoint("members", MEMBERS.columns)

_MOST_REPEATED = 1 << 18
"""So many rows that may repeat each other are in memory before they are compared."""

_DELIVERY, _RANK = "delivery_id", "rank"
_SCHEMA = arrow_schema(MEMBERS.columns)
_STATEMENT = [name for name in MEMBERS.column_names if name != _DELIVERY]
_STATEMENTS = pa.schema([*map(_SCHEMA.field, _STATEMENT), pa.field(_RANK, pa.int32())])


@dataclass(frozen=True, slots=True)
class MembersFile:
    """A file with members.

    Attributes:
        file: the file.
        deliveries: the deliveries whose rows in it count, as places in the defined order.
    """

    file: DataFile
    deliveries: Sequence[int]


def read_members(store: ObjectStore, files: Sequence[MembersFile], deliveries: Sequence[str]) -> pa.Table:
    """Return the members that deliveries mention; of those that say the same of a member, only the first one's row.

    Later ones add nothing to a dimension, so what is left to Spark grows with the members and not with the deliveries.
    If many files are not in the checkpoint yet, it is written.

    Args:
        store: the processed zone; the caller holds the lock under which it is changed.
        files: every file with members of the deliveries.
        deliveries: the ids of the deliveries in the defined order.

    Returns:
        The rows with the columns of `MEMBERS`.

    Raises:
        DamagedObjectError: a file that the checkpoint lacks is missing or damaged.
    """
    mentions = _FirstMentions({source_of(one.file): one for one in files}, deliveries)
    for rows, sources in CHECKPOINT.read_and_update(store, [one.file for one in files]):
        mentions.add(rows, sources)
    return mentions.rows()


class _FirstMentions:
    """What deliveries say of members, each statement once: by the first delivery that makes it.

    Attributes:
        files: every file, by its name.
    """

    def __init__(self, files: Mapping[str, MembersFile], deliveries: Sequence[str]) -> None:
        self.files = files
        self._deliveries = pa.array(deliveries, pa.string())
        self._places = {name: place for place, name in enumerate(files)}
        self._names = pa.array(list(files), pa.string())
        self._rows: list[pa.Table] = []
        self._compared = 0

    def add(self, rows: pa.Table, sources: Iterable[str]) -> None:
        """Add those rows that count, of some sources only."""
        ranks = places_among(rows[_DELIVERY], self._deliveries)
        # A file that deliveries share has rows of deliveries that do not count, or that were read again since.
        pairs = pc.add(
            pc.multiply(places_among(rows[SOURCE], self._names).cast(pa.int64()), len(self._deliveries)), ranks
        )
        counted = [self._places[name] * len(self._deliveries) + rank for name in sources for rank in self._ranks(name)]
        counts = pc.is_in(pairs, value_set=pa.array(counted, pa.int64()))
        of_rows = rows.select(_STATEMENT).append_column(_RANK, ranks).filter(counts)
        self._rows.append(_first_of_each(of_rows))
        if sum(one.num_rows for one in self._rows) > max(_MOST_REPEATED, 2 * self._compared):
            self._compare()

    def rows(self) -> pa.Table:
        """Return the rows with the columns of `MEMBERS`, in a defined order."""
        self._compare()
        (rows,) = self._rows
        rows = rows.sort_by([(name, "ascending") for name in ("dimension", "member_key", _RANK)])
        names = self._deliveries.take(rows[_RANK].combine_chunks())
        return rows.append_column(_DELIVERY, names).select(MEMBERS.column_names)

    def _compare(self) -> None:
        nothing = _STATEMENTS.empty_table()
        self._rows = [_first_of_each(pa.concat_tables([nothing, *self._rows]))]
        self._compared = self._rows[0].num_rows

    def _ranks(self, name: str) -> Sequence[int]:
        return self.files[name].deliveries


def _first_of_each(rows: pa.Table) -> pa.Table:
    found = rows.cast(_STATEMENTS).group_by(_STATEMENT, use_threads=False).aggregate([(_RANK, "min")])
    return found.select([*_STATEMENT, f"{_RANK}_min"]).rename_columns(_STATEMENTS.names)
