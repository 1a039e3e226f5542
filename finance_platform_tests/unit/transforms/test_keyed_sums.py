"""Sums of rows by key, and rows in the order of their keys, compared with plain Python.

Belongs here: every way in which `KeyedRows` adds up and sorts. Does not belong here: fact rows (see
`transforms.test_fact_financials`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.transforms.keyed_sums import KeyedRows

MONEY = pa.decimal128(18, 2)
KEYS = ("scenario", "day", "account", "is_debit")
FIRST_DAY = date(2025, 1, 1)
MOST_OF_64_BITS = Decimal("92233720368547758.07")
"""The greatest number of cents that has 64 bits."""

Row = dict[str, Any]


def ledger_rows(count: int, accounts: int = 5, seed: int = 1) -> list[Row]:
    """Return rows whose accounts are any numbers of 64 bits."""
    chance = random.Random(seed)
    keys = [chance.randrange(-(1 << 63), 1 << 63) for _ in range(accounts)]
    return [
        {
            "scenario": chance.choice(keys[:2]),
            "day": FIRST_DAY + timedelta(days=chance.randrange(31)),
            "account": chance.choice(keys),
            "is_debit": chance.random() < 0.5,
            "amount": Decimal(chance.randrange(-(10**10), 10**10)).scaleb(-2),
            "lines": chance.randrange(100),
        }
        for _ in range(count)
    ]


def table_of(rows: Sequence[Row], money: pa.DataType = SUM_OF_MONEY_TYPE) -> pa.Table:
    """Return rows as a table in two chunks."""
    schema = pa.schema(
        {
            "scenario": pa.int64(),
            "day": pa.date32(),
            "account": pa.int64(),
            "is_debit": pa.bool_(),
            "amount": money,
            "lines": pa.int64(),
        }
    )
    parts = (rows[: len(rows) // 3], rows[len(rows) // 3 :])
    return pa.concat_tables([pa.Table.from_pylist(list(part), schema) for part in parts])


def sums_of(rows: Sequence[Row]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Return amount, lines and number of rows by key."""
    sums: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        key = tuple(row[name] for name in KEYS)
        amount, lines, count = sums.get(key, (Decimal(0), 0, 0))
        sums[key] = amount + row["amount"], lines + row["lines"], count + 1
    return sums


def result_of(table: pa.Table) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    sums = KeyedRows(table).sums(KEYS, ("amount", "lines"), count="rows")
    assert [str(kind) for kind in sums.schema.types] == [
        *map(str, table.select(KEYS).schema.types),
        *map(str, (SUM_OF_MONEY_TYPE, pa.int64(), pa.int64())),
    ]
    assert sums.column_names == [*KEYS, "amount", "lines", "rows"]
    rows = sums.to_pylist()
    found = {tuple(row[name] for name in KEYS): (row["amount"], row["lines"], row["rows"]) for row in rows}
    assert len(found) == len(rows)
    return found


def without_day(row: Row) -> Row:
    return row | {"day": None}


def with_much(row: Row) -> Row:
    return row | {"amount": MOST_OF_64_BITS}


def with_more(row: Row) -> Row:
    return row | {"amount": 4 * MOST_OF_64_BITS}


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no-rows"),
        pytest.param(ledger_rows(1), id="one-row"),
        pytest.param(ledger_rows(3_000), id="few-combinations"),
        pytest.param(ledger_rows(3_000, accounts=2_000), id="more-combinations-than-an-array-has-places-for"),
        pytest.param([*ledger_rows(50), *map(without_day, ledger_rows(3))], id="a-key-without-a-value"),
        pytest.param([*ledger_rows(50), *map(with_much, ledger_rows(50))], id="sums-of-more-than-64-bits"),
        pytest.param([*ledger_rows(50), *map(with_more, ledger_rows(3))], id="amounts-of-more-than-64-bits"),
    ],
)
def test_sums_are_exact_whatever_the_keys_and_the_amounts(rows: list[Row]) -> None:
    assert result_of(table_of(rows)) == sums_of(rows)


@pytest.mark.parametrize("money", [MONEY, SUM_OF_MONEY_TYPE], ids=str)
@pytest.mark.parametrize("start", [150, 200], ids=["of-two-chunks", "of-one-chunk"])
def test_sums_of_a_part_of_a_table_are_those_of_its_rows(money: pa.DataType, start: int) -> None:
    rows = ledger_rows(500)
    assert result_of(table_of(rows, money).slice(start, 200)) == sums_of(rows[start : start + 200])


def test_keys_may_have_more_combinations_than_64_bits() -> None:
    keys = [f"key_{number}" for number in range(5)]
    columns = {name: [row * (1 << 40) for row in range(10_000)] for name in keys}
    sums = KeyedRows(pa.table({**columns, "lines": range(10_000)})).sums(keys, ["lines"])
    assert sorted(zip(*(sums[name].to_pylist() for name in (*keys, "lines")), strict=True)) == [
        (*[row * (1 << 40)] * 5, row) for row in range(10_000)
    ]


def test_amounts_in_another_scale_stay_what_they_are() -> None:
    rows = KeyedRows(pa.table({"account": [1, 1], "amount": pa.array([Decimal("0.5"), Decimal("0.7")])}))
    assert rows.sums(["account"], ["amount"]).to_pylist() == [{"account": 1, "amount": Decimal("1.20")}]


def shuffled(rows: list[Row]) -> list[Row]:
    return random.Random(2).sample(rows, len(rows))


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=key_of)


def key_of(row: Row) -> tuple[Any, ...]:
    return tuple((row[name] is None, row[name]) for name in KEYS)


@pytest.mark.parametrize("arrange", [in_order, shuffled])
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no-rows"),
        pytest.param(list({key_of(row): row for row in ledger_rows(2_000)}.values()), id="few-combinations"),
        pytest.param(ledger_rows(2_000, accounts=2_000), id="many-combinations"),
        pytest.param([*ledger_rows(20), *ledger_rows(20)], id="equal-keys"),
        pytest.param([*ledger_rows(20), *map(without_day, ledger_rows(1))], id="a-key-without-a-value"),
    ],
)
def test_rows_are_sorted_by_key(rows: list[Row], arrange: Callable[[list[Row]], list[Row]]) -> None:
    table = KeyedRows(table_of(arrange(rows))).sorted_by(KEYS)
    assert [key_of(row) for row in table.to_pylist()] == [key_of(row) for row in in_order(rows)]
    assert sorted(map(str, table.to_pylist())) == sorted(map(str, rows))
