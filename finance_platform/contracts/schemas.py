"""Schemas: contracts in the words of Spark and Arrow, and the staging tables between reading and writing.

Belongs here: types only. Does not belong here: rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.contracts.model import MONEY, Column
from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS, TRANSACTIONS

_ARROW = {
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
    MONEY: pa.decimal128(18, 2),
}
_SPARK = {
    "integer": "int",
    "bigint": "bigint",
    "date": "date",
    "timestamp": "timestamp_ntz",
    "boolean": "boolean",
    MONEY: MONEY,
}

MEASURED = "measured"
"""Outcome of the one row per file that carries what the reader measured before any rule."""

REFUSED = "refused"
"""Outcome of the one row per file that says why the file as a whole cannot be read."""

NOT_OPENED = "not_opened"
"""Outcome of the one row of a file that storage would not give; nothing is committed, the next run tries again."""

_OUTCOME = tuple(
    Column(name, "varchar", "See contracts.processed.REJECTED_ROWS.", nullable=True)
    for name in ("outcome", "rules", "reasons", "raw_row")
)
_MEASURES = (
    Column("measured_rows", "bigint", "Candidate lines.", nullable=True),
    Column("measured_amount", "varchar", "Exact sum of the amounts that parse, as text.", nullable=True),
    Column("measured_rounding", "varchar", "What rounding to cents added, as text.", nullable=True),
    Column("measured_unpriced", "bigint", "Amount cells that do not parse.", nullable=True),
    Column("measured_order", "varchar", "Greatest value of the column that says the order.", nullable=True),
    Column("covers", "varchar", "Periods that the name declares, a JSON list.", nullable=True),
    Column("extra_columns", "varchar", "Headers that no field uses, a JSON list.", nullable=True),
)
_ATTRIBUTES = tuple(
    Column(name, "varchar", "As the line gives it.", nullable=True)
    for name in ("department_name", "business_unit", "account_name", "account_type", "account_category")
)
_KEY = (Column("line_key", "varchar", "What must not repeat in one delivery.", nullable=True),)

REPEATS: tuple[Column, ...] = (
    Column("delivery_id", "varchar", "The delivery."),
    Column("source_row", "bigint", "The line."),
    *(Column(f"key_{name}", "varchar", "What the key makes of the row.") for name in ("outcome", "rules", "reasons")),
    Column("key_raw_row", "varchar", "The row as it was understood, a JSON object."),
)
"""What `transforms.repeated_keys` gives."""

CELLS: tuple[Column, ...] = (
    Column("period", "varchar", "The accounting period."),
    Column("transaction_date", "date", "The day."),
    *(Column(f"{name}_key", "bigint", f"The {name}.") for name in ("department", "account", "scenario")),
    Column("scenario_type", "varchar", "The type of the scenario."),
    Column("amount", MONEY, "Sum of the lines."),
    Column("transaction_count", "bigint", "How many lines."),
)
"""What `transforms.fact_financials.fact_cells` gives."""

STAGED: dict[str, tuple[Column, ...]] = {
    "ledger": (*TRANSACTIONS.columns, *_ATTRIBUTES, *_OUTCOME, *_MEASURES),
    "departments": (*DEPARTMENTS.columns, *_KEY, *_OUTCOME, *_MEASURES),
    "accounts": (*ACCOUNTS.columns, *_KEY, *_OUTCOME, *_MEASURES),
}


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """Return the Arrow schema of columns; every field nullable, as Spark writes it."""
    return pa.schema([pa.field(column.name, _ARROW.get(column.type, pa.string())) for column in columns])


def parquet_columns(stream: BinaryIO) -> list[tuple[str, str]]:
    """Return the names and types of a Parquet file's columns, in order."""
    return [(field.name, str(field.type)) for field in pq.read_schema(stream)]


def contract_columns(columns: Iterable[Column]) -> list[tuple[str, str]]:
    """Return the names and types that `parquet_columns` must give for these columns."""
    return [(field.name, str(field.type)) for field in arrow_schema(columns)]


def spark_schema(columns: Iterable[Column]) -> str:
    """Return the columns as Spark's DDL text."""
    return ", ".join(f"{column.name} {_SPARK.get(column.type, 'string')}" for column in columns)
