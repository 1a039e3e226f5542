"""Rows that the platform itself makes, added by a few statements.

Belongs here: batching. Does not belong here: which rows (see `ledger`, `movements`), rows of files (see COPY).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finance_platform.contracts.model import Contract
from finance_platform.warehouse.port import LoadConnection
from finance_platform.warehouse.statements import insert_rows

_ROWS_PER_INSERT = 100


def insert(connection: LoadConnection, contract: Contract, rows: Sequence[Mapping[str, object]]) -> None:
    """Add rows, each a value by column name.

    A hundred rows go in one statement: redshift-connector's `executemany` takes a round trip for each.
    """
    for begin in range(0, len(rows), _ROWS_PER_INSERT):
        batch = rows[begin : begin + _ROWS_PER_INSERT]
        values = {f"{name}_{index}": value for index, row in enumerate(batch) for name, value in row.items()}
        connection.execute(insert_rows(contract, len(batch)), values)
