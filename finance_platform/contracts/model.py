"""The model of a contract: column, reference, contract.

Belongs here: frozen dataclasses and properties derived from them.
Does not belong here: any table (see `star`, `processed`), types of an engine (see `schemas`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MONEY = "decimal(18,2)"
"""Money everywhere, in the home's one currency; never a float."""

SliceName = tuple[str, str]
"""Contract name and slice: `("fact_financials", "2024-01")`, `("dim_account", "all")`."""

Versions = Mapping[SliceName, str]
"""Version by slice, as the load ledger or a signature says."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: snake_case, as in Parquet, Python and asset keys.
        type: integer, bigint, date, timestamp, boolean, decimal(18,2), varchar(n) with n in bytes, or
            varchar where no warehouse table limits it.
        description: one sentence for the analyst, with units.
        nullable: whether null may appear.
        set_by_load: true if only the load knows the value; such a column is not in Parquet.
        is_personal: true for free text of a source, which may name a person; shown only on request.
    """

    name: str
    type: str
    description: str
    nullable: bool = False
    set_by_load: bool = False
    is_personal: bool = False

    @property
    def sql_name(self) -> str:
        """The name in SQL: `is_month_end` is IsMonthEnd."""
        return self.name.title().replace("_", "")


@dataclass(frozen=True)
class Reference:
    """A foreign key: `column` of this table refers to `key` of the table of `contract`."""

    column: str
    contract: str
    key: str


@dataclass(frozen=True)
class Contract:
    """One table.

    Attributes:
        name: snake_case; the asset key's last part.
        table: the table's name in SQL, or empty for a table of the processed zone only.
        grain: one sentence that describes one row.
        natural_key: columns that identify a row in terms of the business; unique.
        surrogate_key: the column that other tables refer to, or empty.
        columns: in the order of Parquet, DDL and COPY.
        references: foreign keys.
        sliced_by_period: true if the table is built and loaded period by period.
    """

    name: str
    table: str
    grain: str
    natural_key: tuple[str, ...]
    columns: tuple[Column, ...]
    surrogate_key: str = ""
    references: tuple[Reference, ...] = field(default=())
    sliced_by_period: bool = False

    def column(self, name: str) -> Column:
        """Return the column called `name`.

        Raises:
            KeyError: there is no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    def fit(self, name: str, text: str) -> str | None:
        """Return a text that a column can take, null if it is empty; a longer one ends with an ellipsis."""
        limit = int(self.column(name).type.removeprefix("varchar(").removesuffix(")"))
        data = text.encode()
        if len(data) <= limit:
            return text or None
        return f"{data[: limit - 3].decode(errors='ignore')}…"

    @property
    def column_names(self) -> tuple[str, ...]:
        """All columns, snake_case, in contract order."""
        return tuple(column.name for column in self.columns)

    @property
    def non_personal_columns(self) -> tuple[Column, ...]:
        """The columns that may be shown to every user of the UI."""
        return tuple(column for column in self.columns if not column.is_personal)

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns that are in Parquet: all but those that the load sets."""
        return tuple(column for column in self.columns if not column.set_by_load)
