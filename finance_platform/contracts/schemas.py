"""Schemas: contracts as Arrow and Spark schemas, and the columns of the jobs' staging tables.

Belongs here: the mapping of types, the columns of tables that a job writes and reads again, names of summary outcomes.
Does not belong here: rules, contracts of tables that outlive a job (see `processed`, `star`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.contracts.model import MONEY, Column
from finance_platform.contracts.processed import (
    ACCOUNTS,
    BALANCES,
    COMMENTS,
    DEPARTMENTS,
    LOOKUP_ROWS,
    STATEMENT_LINES,
    TRANSACTIONS,
)

EXACT_MONEY = "decimal(38,18)"
"""Amounts as written, before they are rounded to cents; of more than 18 decimals the rest is rounded."""

SUM_OF_MONEY = "decimal(38,2)"
"""Holds the sum of any number of amounts."""

_ARROW_TYPES = {
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
    MONEY: pa.decimal128(18, 2),
    EXACT_MONEY: pa.decimal128(38, 18),
    SUM_OF_MONEY: pa.decimal128(38, 2),
}
MONEY_TYPE = _ARROW_TYPES[MONEY]
EXACT_MONEY_TYPE = _ARROW_TYPES[EXACT_MONEY]
SUM_OF_MONEY_TYPE = _ARROW_TYPES[SUM_OF_MONEY]

_SPARK_TYPES = {
    "integer": "int",
    "bigint": "bigint",
    "date": "date",
    "timestamp": "timestamp_ntz",
    "boolean": "boolean",
    MONEY: MONEY,
    EXACT_MONEY: EXACT_MONEY,
    SUM_OF_MONEY: SUM_OF_MONEY,
}

MEASURED = "measured"
"""Outcome of a file's summary row that carries its totals before any rule."""

REFUSED = "refused"
"""Outcome of a file's summary row that carries the reason why the file as a whole cannot be read."""

WRITTEN = "written"
"""Outcome of a line that has its Parquet file and is compared with others that may have its key."""

MENTIONED = "mentioned"
"""Outcome of a copy of such a line that is the first of its table with its department's or its account's code."""

NOT_OPENED = "not_opened"
"""Outcome of a file's summary row if storage did not return it or a fault of the reader stopped it (280).

Nothing is committed, and the next run tries again. The row has the reason and, as its raw row, the fix.
"""

_OUTCOME = tuple(
    Column(name, "varchar", "See REJECTED_ROWS.", nullable=True) for name in ("outcome", "rules", "reasons", "raw_row")
)
_TOTALS = (
    Column("measured_rows", "bigint", "Candidate lines.", nullable=True),
    Column("measured_amount", "varchar", "Exact sum of the amounts that parse, as text.", nullable=True),
    Column("measured_rounding", "varchar", "Sum of the differences from rounding to cents, as text.", nullable=True),
    Column("measured_counts", "varchar", "Totals by scenario and currency, a JSON list.", nullable=True),
    Column("measured_account_rounding", "varchar", "Rounding by account, a JSON list.", nullable=True),
    Column("measured_unpriced", "bigint", "Rows without an amount that parses.", nullable=True),
    Column("measured_order", "varchar", "Greatest value of the column that orders deliveries.", nullable=True),
    Column("covers", "varchar", "Periods that the name declares, a JSON list.", nullable=True),
    Column("findings", "varchar", "What the reader found about the file, a JSON object.", nullable=True),
    Column("may_repeat", "bigint", "Rows whose key an earlier row may have; there are no others.", nullable=True),
    Column("written_files", "varchar", "Parquet files of accepted lines, a JSON list.", nullable=True),
    Column("extra_columns", "varchar", "Headers that no field uses, a JSON list.", nullable=True),
    Column("header", "varchar", "The kind of each column by its name, a JSON object.", nullable=True),
)
_ATTRIBUTES = tuple(
    Column(name, "varchar", "As delivered in the line.", nullable=True)
    for name in ("department_name", "business_unit", "account_name", "account_type", "account_category")
)
_CURRENCY = (Column("currency", "varchar", "See REJECTED_ROWS.", nullable=True),)
_VOUCHER = (
    Column("voucher", "varchar", "The voucher, where the feed's vouchers must balance.", nullable=True),
    Column("voucher_amount", EXACT_MONEY, "The amount before rounding, of such a line.", nullable=True),
)
_KEY = (Column("line_key", "varchar", "The key, unique in one delivery.", nullable=True),)

REPEATED_KEYS: tuple[Column, ...] = (
    Column("delivery_id", "varchar", "The delivery."),
    Column("line_key", "varchar", "The key."),
    Column("source_sheet", "varchar", "The sheet.", nullable=True),
    Column("source_row", "bigint", "The line."),
    Column("source_column", "varchar", "The header of the cell.", nullable=True),
    *(Column(f"key_{name}", "varchar", "Result of the key check.") for name in ("outcome", "rules", "reasons")),
    Column("key_raw_row", "varchar", "The row as typed, a JSON object."),
)
"""The staging table of `transforms.repeated_keys`, and the result of `transforms.key_comparison`."""

REJECTED_VOUCHERS: tuple[Column, ...] = tuple(
    Column(name, "varchar", "Result of the balance of vouchers.")
    for name in ("delivery_id", "voucher", "voucher_rules", "voucher_reasons")
)
"""The staging table of `transforms.vouchers`."""

DELIVERED_CELLS: tuple[Column, ...] = (
    Column("delivery_id", "varchar", "The delivery."),
    Column("source_sheet", "varchar", "The sheet.", nullable=True),
    Column("source_row", "bigint", "The line."),
    Column("cells_raw_row", "varchar", "The row as delivered, a JSON object of its cells."),
    *(
        Column(f"{part}_{name}", "varchar", f"The {name} of the row's {part}, as a reason names it.")
        for part in ("key", "voucher")
        for name in ("column", "value")
    ),
)
"""The rows of `feeds.delivered_cells`."""

FACT_CELLS: tuple[Column, ...] = (
    Column("period", "varchar", "The accounting period."),
    Column("transaction_date", "date", "The day."),
    *(Column(f"{name}_key", "bigint", f"The {name}.") for name in ("department", "account", "scenario")),
    Column("scenario_type", "varchar", "The type of the scenario."),
    Column("amount", MONEY, "Sum of the lines."),
    Column("transaction_count", "bigint", "Number of lines."),
)
"""The staging table of `transforms.fact_financials.fact_cells`."""

_CELLS = tuple(
    replace(column, nullable=True)
    for column in DELIVERED_CELLS
    if column.name not in {"delivery_id", "source_sheet", "source_row"}
)

ROW_COLUMNS: dict[str, tuple[Column, ...]] = {
    "ledger": (*TRANSACTIONS.columns, *_ATTRIBUTES),
    "departments": DEPARTMENTS.columns,
    "lookup": LOOKUP_ROWS.columns,
    "accounts": ACCOUNTS.columns,
    "comments": COMMENTS.columns,
    "statement_lines": STATEMENT_LINES.columns,
    "balances": BALANCES.columns,
}
"""What a row is read into, by kind of feed."""

STAGED_ROWS: dict[str, tuple[Column, ...]] = {
    "ledger": (*ROW_COLUMNS["ledger"], *_CURRENCY, *_VOUCHER, *_OUTCOME, *_CELLS, *_TOTALS),
    "departments": (*ROW_COLUMNS["departments"], *_KEY, *_OUTCOME, *_TOTALS),
    "lookup": (*ROW_COLUMNS["lookup"], *_OUTCOME, *_TOTALS),
    "accounts": (*ROW_COLUMNS["accounts"], *_KEY, *_OUTCOME, *_TOTALS),
    "comments": (*ROW_COLUMNS["comments"], *_KEY, *_OUTCOME, *_TOTALS),
    "statement_lines": (*ROW_COLUMNS["statement_lines"], *_KEY, *_OUTCOME, *_TOTALS),
    "balances": (*ROW_COLUMNS["balances"], *_KEY, *_OUTCOME, *_TOTALS),
}
"""The staging table of `feeds.read_file`, by kind of feed: each row, accepted or not, and a summary row per file."""


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """Return the Arrow schema of columns; every field is nullable, as Spark writes it."""
    return pa.schema([pa.field(column.name, _ARROW_TYPES.get(column.type, pa.string())) for column in columns])


def parquet_columns(stream: BinaryIO) -> list[tuple[str, str]]:
    """Return the names and types of a Parquet file's columns, in order."""
    return [(field.name, str(field.type)) for field in pq.read_schema(stream)]


def contract_columns(columns: Iterable[Column]) -> list[tuple[str, str]]:
    """Return the names and types that `parquet_columns` must return for these columns."""
    return [(field.name, str(field.type)) for field in arrow_schema(columns)]


def spark_schema(columns: Iterable[Column]) -> str:
    """Return the columns as a DDL string of Spark."""
    return ", ".join(f"{column.name} {_SPARK_TYPES.get(column.type, 'string')}" for column in columns)
