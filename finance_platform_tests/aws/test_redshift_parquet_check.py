"""Validation of Parquet files before Redshift's COPY.

Belongs here: `check_parquet`, on files in memory. Does not belong here: COPY (see `test_redshift`).
"""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.errors import LoadError
from finance_platform.warehouse.column_changes import ExistingColumn
from finance_platform.warehouse.redshift.parquet_check import check_parquet

FILE = "s3://processed/dim_thing/0001.parquet"
TABLE = {
    "thing_key": ("bigint", pa.int64()),
    "rank": ("integer", pa.int32()),
    "small": ("smallint", pa.int16()),
    "name": ("varchar(8)", pa.string()),
    "note": ("varchar(16)", pa.string()),
    "day": ("date", pa.date32()),
    "at": ("timestamp", pa.timestamp("us")),
    "share": ("double precision", pa.float64()),
    "is_open": ("boolean", pa.bool_()),
    "amount": ("decimal(18,2)", pa.decimal128(18, 2)),
}
COLUMNS = list(TABLE)
TARGET = [ExistingColumn(name.replace("_", ""), kind, is_nullable=name == "note") for name, (kind, _) in TABLE.items()]
ROW: dict[str, Any] = {
    "thing_key": 1,
    "rank": 1,
    "small": 1,
    "name": "a",
    "note": None,
    "day": 1,
    "at": 1,
    "share": 0.5,
    "is_open": True,
    "amount": Decimal("1.00"),
}


def parquet(*rows: dict[str, Any], types: dict[str, Any] | None = None, **options: Any) -> io.BytesIO:
    """A file with these rows, or with one valid row."""
    kinds = {**{name: kind for name, (_, kind) in TABLE.items()}, **(types or {})}
    columns = {name: pa.array([{**ROW, **row}[name] for row in rows or ({},)], kind) for name, kind in kinds.items()}
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    stream.seek(0)
    return stream


def rejection(stream: io.BytesIO, columns: list[str] = COLUMNS, table: list[ExistingColumn] = TARGET) -> str:
    with pytest.raises(LoadError) as caught:
        check_parquet(FILE, stream, columns, table)
    assert caught.value.fix
    return caught.value.found


@pytest.mark.parametrize(
    "options",
    [{}, {"store_decimal_as_integer": True}, {"use_deprecated_int96_timestamps": True}, {"row_group_size": 1}],
    ids=str,
)
def test_a_valid_file_passes_with_any_writer_options(options: dict[str, Any]) -> None:
    check_parquet(FILE, parquet({}, {"name": "ä" * 4, "note": "x" * 16}, **options), COLUMNS, TARGET)


WRONG_TYPES = {
    "thing_key": (pa.int32(), "column thing_key: thingkey is BIGINT and takes INT64; found INT32"),
    "rank": (pa.int64(), "column rank: rank is INTEGER and takes INT32; found INT64"),
    "name": (pa.large_binary(), "column name: name is VARCHAR(8) and takes BYTE_ARRAY as STRING; found BYTE_ARRAY"),
    "day": (pa.int32(), "column day: day is DATE and takes INT32 as DATE; found INT32"),
    "at": (pa.int64(), "column at: at is TIMESTAMP and takes INT96, or INT64 as TIMESTAMP; found INT64"),
    "is_open": (pa.int32(), "column is_open: isopen is BOOLEAN and takes BOOLEAN; found INT32"),
    "amount": (
        pa.decimal128(28, 2),
        "column amount: amount is DECIMAL(18,2) and takes INT64 or FIXED_LEN_BYTE_ARRAY as DECIMAL(18,2); found FIXED",
    ),
    "share": (pa.float32(), "column share: share is DOUBLE PRECISION and takes DOUBLE; found FLOAT"),
}


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_another_type_is_reported_with_the_column_and_the_expected_and_found_type(name: str) -> None:
    type_, message = WRONG_TYPES[name]
    value = {"name": b"a"}.get(name, 1)

    assert rejection(parquet({name: value}, types={name: type_})).startswith(f"{FILE}, {message}")


def test_money_as_a_float_is_rejected() -> None:
    assert "found DOUBLE" in rejection(parquet({"amount": 1.0}, types={"amount": pa.float64()}))


def test_missing_and_additional_columns_are_named() -> None:
    assert rejection(parquet(), [*COLUMNS[:-1], "total"]).startswith(
        f"{FILE} lacks total and also has amount: expected"
    )
    assert rejection(parquet(), COLUMNS[1:]).startswith(f"{FILE} also has thing_key: expected rank, small")


def test_columns_in_another_order_are_rejected_since_copy_goes_by_position() -> None:
    swapped = [COLUMNS[1], COLUMNS[0], *COLUMNS[2:]]

    assert rejection(parquet(), swapped).startswith(
        f"{FILE} has its columns in another order: expected rank, thing_key"
    )


def test_a_nested_column_is_rejected() -> None:
    inside = pa.struct([("first", pa.int64())])

    assert "also has rank.first" in rejection(parquet({"rank": {"first": 1}}, types={"rank": inside}))


@pytest.mark.parametrize(
    ("value", "length"), [("x" * 9, 9), ("ä" * 5, 10), ("€€€", 9), ("😀😀😀", 12)], ids=["ascii", "ä", "€", "emoji"]
)
def test_a_text_is_measured_in_bytes_and_reported_with_its_row(value: str, length: int) -> None:
    message = rejection(parquet({}, {"name": "x" * 8}, {"name": value}, row_group_size=1))

    assert message.startswith(f"{FILE}, column name, row 3: {length} bytes, but the limit is 8: {value!r}")


def test_a_null_in_a_not_null_column_is_rejected() -> None:
    assert rejection(parquet({}, {"amount": None}, {"amount": None})) == (
        f"{FILE}, column amount: 2 rows have no value, and amount is NOT NULL"
    )


@pytest.mark.parametrize("content", [b"", b"day,amount\n2025-01-01,1\n", b"PAR1" + bytes(20) + b"PAR1"])
def test_a_file_that_is_not_parquet_is_rejected(content: bytes) -> None:
    assert rejection(io.BytesIO(content)).startswith(f"{FILE} is not a readable Parquet file")


class Counting(io.BytesIO):
    """Bytes that count how many of them were read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def test_only_the_footer_is_read_of_a_file_whose_table_has_no_text() -> None:
    rows = [{"thing_key": number * 7919 % 99991} for number in range(50_000)]
    whole = parquet(*rows, types={})
    numbers = io.BytesIO()
    pq.write_table(pq.read_table(whole).select(["thing_key", "amount"]), numbers, use_dictionary=False)
    stream = Counting(numbers.getvalue())

    check_parquet(FILE, stream, ["thing_key", "amount"], [TARGET[0], TARGET[-1]])

    assert stream.count < 70_000 < len(numbers.getvalue())
