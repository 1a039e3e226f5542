"""The accounts of a pack by column: a hundred thousand of them, of which a page shows each once.

Belongs here: the columns, and how the warehouse's rows become them. Does not belong here: what is shown of them (see
`browser_data`, `page`), which amounts a pack has (see `amounts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import starmap
from typing import Any, overload

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.reports.pack.amounts import joined
from finance_platform.reports.pack.model import PackAccount, StatementRow

_TYPES = {"int": pa.int64(), "int | None": pa.int64(), "str": pa.string(), "bool": pa.bool_()}
_COLUMNS = pa.schema([(field.name, _TYPES[str(field.type)]) for field in fields(PackAccount)])

ACCOUNT_ROWS = pa.schema(
    [
        *((name, _COLUMNS.field(name).type) for name in ("key", "number", "name", "type", "category")),
        ("profit_sign", pa.int64()),
        ("is_inferred", pa.bool_()),
    ]
)
"""What the query of the accounts returns."""

STATEMENT_ROWS = pa.schema(
    [
        ("order", pa.int64()),
        ("label", pa.string()),
        ("is_subtotal", pa.bool_()),
        ("sign", pa.int64()),
        ("key", pa.int64()),
        ("factor", pa.int64()),
        ("is_mapped", pa.bool_()),
    ]
)
"""What the query of the statement returns: the accounts that contribute to each of its rows."""

_NO_FACTOR = 1


@dataclass(frozen=True, eq=False)
class PackAccounts(Sequence[PackAccount]):
    """Accounts in an order; as a sequence, `PackAccount`, which are made when they are asked for.

    Attributes:
        table: a column for each attribute of a `PackAccount`.
    """

    table: pa.Table

    @classmethod
    def of(cls, accounts: Sequence[PackAccount]) -> PackAccounts:
        """Return accounts by column."""
        if isinstance(accounts, cls):
            return accounts
        return cls(pa.Table.from_pylist([vars(account) for account in accounts], _COLUMNS))

    @classmethod
    def of_rows(cls, accounts: pa.Table, statement: pa.Table) -> PackAccounts:
        """Return accounts, each with its own line of the statement.

        Args:
            accounts: `ACCOUNT_ROWS`.
            statement: `STATEMENT_ROWS`.
        """
        own = _own_lines(statement)
        places = pc.index_in(accounts["key"], own["key"])
        columns = dict(zip(accounts.column_names, accounts.columns, strict=True)) | {
            "line": own["order"].take(places),
            "factor": pc.fill_null(own["factor"].take(places), _NO_FACTOR),
            "is_mapped": pc.fill_null(own["is_mapped"].take(places), False),
        }
        return cls(pa.table({name: columns[name] for name in _COLUMNS.names}))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, place: int) -> PackAccount: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[PackAccount, ...]: ...
    def __getitem__(self, place: int | slice) -> PackAccount | tuple[PackAccount, ...]:
        if isinstance(place, int):
            return self._accounts[place]
        return tuple(PackAccounts(self.table.take(pa.array(range(len(self))[place], pa.int64()))))

    def __iter__(self) -> Iterator[PackAccount]:
        return iter(self._accounts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._accounts == tuple(other)

    def __hash__(self) -> int:
        return hash(self._accounts)

    @cached_property
    def _accounts(self) -> tuple[PackAccount, ...]:
        return tuple(starmap(PackAccount, self.rows(*_COLUMNS.names)))

    def rows(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Yield some attributes of each account."""
        return zip(*(self.table[name].to_pylist() for name in names), strict=True)

    def of_type(self, account_type: str) -> PackAccounts:
        """Return the accounts of a type."""
        return PackAccounts(self.table.filter(pc.equal(self.table["type"], account_type)))

    def inferred(self) -> PackAccounts:
        """Return the accounts that no reference file has."""
        return PackAccounts(self.table.filter(self.table["is_inferred"]))

    @property
    def keys(self) -> list[int]:
        """The key of each account."""
        return self.table["key"].to_pylist()  # type: ignore[no-any-return]

    def texts(self) -> bytes:
        """Return all attributes as texts, column by column, with a zero byte between them."""
        columns = (pc.fill_null(column.cast(pa.string()), "").combine_chunks() for column in self.table.columns)
        return b"\0".join(map(joined, columns))


def statement_of(rows: pa.Table) -> tuple[StatementRow, ...]:
    """Return the rows of the statement; a subtotal adds up the lines of its accounts, each with one factor.

    Args:
        rows: `STATEMENT_ROWS`.
    """
    own = _own_lines(rows)
    places = pc.index_in(rows["key"], own["key"])
    lines = rows.select(["order", "label", "is_subtotal", "sign"])
    lines = lines.append_column("line", own["order"].take(places))
    lines = lines.append_column("by", pc.multiply(rows["factor"], own["factor"].take(places)))
    # Without threads, they come in the order of their first accounts.
    distinct = lines.group_by(lines.column_names, use_threads=False).aggregate([])
    parts: dict[tuple[int, str, bool, int], dict[int, int]] = {}
    for order, label, is_subtotal, sign, line, by in zip(*distinct.to_pydict().values(), strict=True):
        parts.setdefault((order, label, is_subtotal, sign), {})[line] = by
    return tuple(StatementRow(*row, parts=tuple(sorted(of_row.items()))) for row, of_row in parts.items())


def _own_lines(statement: pa.Table) -> pa.Table:
    """Return the row of each account on the line that is its own."""
    return statement.filter(pc.invert(statement["is_subtotal"]))
