"""The port of data catalogs: tables and partitions, and what an adapter must do.

Belongs here: the protocol and its values. Does not belong here: any service's own words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

from finance_platform.errors import TransientError

Values = tuple[str, ...]
"""The values of a partition's keys, in the keys' order."""


class DataCatalogError(TransientError):
    """Engines that read the lake by themselves may find older slices; the numbers are as they are."""

    title = "The data catalog is not up to date"


@dataclass(frozen=True)
class CatalogColumn:
    """One column, or one partition key.

    Attributes:
        name: as in Parquet.
        type: as Hive spells it.
        comment: one sentence for the analyst.
        is_personal: whether it is free text of a source, which may name a person.
    """

    name: str
    type: str
    comment: str
    is_personal: bool = False


@dataclass(frozen=True)
class CatalogTable:
    """One table as a catalog should have it.

    Attributes:
        name: the contract's.
        description: what a row is.
        columns: the columns of the files.
        keys: the partition keys, none of which is a column; none for a table that lies in one folder.
        location: the folder of the table's files; of a table with partitions, a folder that holds all of theirs.
        partitions: the folder of each partition by its values.
    """

    name: str
    description: str
    columns: tuple[CatalogColumn, ...]
    keys: tuple[CatalogColumn, ...]
    location: str
    partitions: Mapping[Values, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """A hash of all but the partitions."""
        return _hash([self.description, self._shape, [asdict(key) for key in self.keys], self.location])

    def version_of(self, values: Values) -> str:
        """Return a hash of where a partition is and of what its files hold."""
        return _hash([self.partitions[values], self._shape])

    @property
    def _shape(self) -> list[object]:
        return [asdict(column) for column in self.columns]


@dataclass(frozen=True)
class Registered:
    """One table as a catalog has it.

    Attributes:
        version: what the platform noted of it; empty for a table that somebody else has made.
        keys: names of the partition keys.
        partitions: version by values; empty text for a partition that somebody else has made.
    """

    version: str
    keys: tuple[str, ...]
    partitions: Mapping[Values, str]


class DataCatalog(Protocol):
    """One database of a catalog. Everything raises DataCatalogError where it fails."""

    @property
    def name(self) -> str:
        """What the database is called, for messages."""
        ...

    def find(self, table: str) -> Registered | None:
        """Return a table as it is registered, or None."""
        ...

    def create_table(self, table: CatalogTable) -> None:
        """Register a table, without partitions."""
        ...

    def update_table(self, table: CatalogTable) -> None:
        """Register a table anew; its partitions stay."""
        ...

    def drop_table(self, table: str) -> None:
        """Take out a table with its partitions; the files stay."""
        ...

    def create_partitions(self, table: CatalogTable, values: Sequence[Values]) -> None:
        """Register partitions that are not there yet."""
        ...

    def update_partitions(self, table: CatalogTable, values: Sequence[Values]) -> None:
        """Register partitions anew."""
        ...

    def drop_partitions(self, table: str, values: Sequence[Values]) -> None:
        """Take out partitions; the files stay."""
        ...


def _hash(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
