"""The words that a contract is made of: column, reference, contract.

Belongs here: frozen dataclasses and what follows from them alone.
Does not belong here: any table (see `star`, `processed`), any engine's types.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MONEY = "decimal(18,2)"
"""Money everywhere, in the home's one currency; never a float."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: snake_case, as in Parquet, Python and asset keys.
        type: integer, bigint, date, timestamp, boolean, decimal(18,2), varchar(n) with n in bytes, or
            varchar where no warehouse table limits it.
        description: one sentence for the analyst; says units.
        sql_name: as SQL spells it; empty for tables that never reach the warehouse.
        nullable: whether null may appear.
        set_by_load: true for what only the load knows; such a column is not in Parquet.
        is_personal: true for free text of a source, which may name a person; nothing shows it unasked.
    """

    name: str
    type: str
    description: str
    sql_name: str = ""
    nullable: bool = False
    set_by_load: bool = False
    is_personal: bool = False


@dataclass(frozen=True)
class Reference:
    """`column` of this table holds the `key` of the table that contract `contract` describes."""

    column: str
    contract: str
    key: str


@dataclass(frozen=True)
class Contract:
    """One table: what a row is, what names it, what it is made of.

    Attributes:
        name: snake_case; the asset key's last part.
        table: the table's name in SQL, or empty for a table of the processed zone only.
        grain: one sentence that says what one row is.
        natural_key: columns that name a row in the business's own words; unique.
        surrogate_key: the column that other tables refer to, or empty.
        columns: in the order of Parquet, DDL and COPY.
        references: foreign keys.
        sliced_by_period: true when the table is built and loaded a period at a time.
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

    @property
    def column_names(self) -> tuple[str, ...]:
        """All columns, snake_case, in contract order."""
        return tuple(column.name for column in self.columns)

    @property
    def shown_columns(self) -> tuple[Column, ...]:
        """The columns that may be shown to anybody who looks at the table's page."""
        return tuple(column for column in self.columns if not column.is_personal)

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns that are in Parquet: all but those that only the load knows."""
        return tuple(column for column in self.columns if not column.set_by_load)
