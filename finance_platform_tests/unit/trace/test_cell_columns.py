"""Sums of cells by column are those of their lines, and tables are the same only if no row and no key differs."""

from __future__ import annotations

import random
from decimal import Decimal

import pyarrow as pa
import pytest

from finance_platform.contracts.schemas import MONEY_TYPE
from finance_platform.trace import cell_columns
from finance_platform.trace.cell_columns import CELL, LineSums, are_same_rows, cell_sums, cells_of, total, with_types_of

_KEY = ("date_key", "account_key")
_FACTS = pa.schema([("date_key", pa.int32()), ("account_key", pa.int64()), ("amount", MONEY_TYPE)])


def _lines(draw: random.Random, rows: int) -> pa.Table:
    cells = [(draw.randrange(2), draw.randrange(3), draw.randrange(9)) for _ in range(rows)]
    columns = {name: pa.array([cell[place] for cell in cells], pa.int64()) for place, name in enumerate(CELL)}
    amounts = [Decimal(draw.randint(-500, 500)).scaleb(-2) for _ in cells]
    signs = [draw.choice([True, False, None]) for _ in cells]
    return pa.table({**columns, "amount": pa.array(amounts, MONEY_TYPE), "is_debit_positive": signs})


@pytest.mark.parametrize("together", [2, 50])
def test_lines_are_added_up_by_cell_with_the_sign_of_their_account(together: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cell_columns, "_ADDED_TOGETHER", together)
    draw, credit, sums = random.Random(4), {1, 2, 5}, LineSums()
    expected: dict[str, dict[tuple[int, ...], tuple[int, Decimal]]] = {"2025-01": {}, "2025-02": {}}
    for period in draw.choices(list(expected), k=9):
        lines = _lines(draw, draw.randrange(60))
        sums.add(period, lines)
        for row in lines.to_pylist():
            cell = tuple(row[name] for name in CELL)
            is_turned = row["is_debit_positive"] and row["account_key"] in credit
            count, amount = expected[period].get(cell, (0, Decimal("0.00")))
            expected[period][cell] = count + 1, amount + (-row["amount"] if is_turned else row["amount"])
    keys = pa.array(sorted(credit), pa.int64())
    assert {period: cells_of(sums.take(period, keys)) for period in expected} == expected
    assert sums.take("2025-01", keys) is None


def test_facts_are_added_up_by_cell_without_rows_that_only_have_a_budget():
    cells = {name: pa.array([1, 1, 1, 2, 3], pa.int64()) for name in CELL}
    amounts = pa.array(list(map(Decimal, ("1.50", "-0.50", "0.00", "0.00", "0.00"))), MONEY_TYPE)
    facts = pa.table({**cells, "amount": amounts, "transaction_count": pa.array([1, 2, 0, 3, 0], pa.int32())})
    assert cells_of(cell_sums(facts)) == {(1, 1, 1): (3, Decimal("1.00")), (2, 2, 2): (3, Decimal("0.00"))}
    assert str(total(facts, "amount")) == "1.00"
    assert str(total(facts.slice(0, 0), "amount")) == "0.00"


def _facts(*rows: tuple[int, int, str]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"date_key": day, "account_key": key, "amount": Decimal(amount)} for day, key, amount in rows], _FACTS
    )


_BUILT = _facts((20250101, 7, "1.00"), (20250101, 8, "2.00"), (20250102, 7, "3.00"))


@pytest.mark.parametrize(
    ("shown", "is_same"),
    [
        (_facts((20250102, 7, "3.00"), (20250101, 8, "2.00"), (20250101, 7, "1.00")), True),
        (_facts((20250101, 7, "1.00"), (20250101, 8, "2.01"), (20250102, 7, "3.00")), False),
        (_facts((20250101, 7, "1.00"), (20250101, 8, "2.00"), (20250103, 7, "3.00")), False),
        (_facts((20250101, 7, "1.00"), (20250101, 8, "2.00")), False),
        (_facts((20250101, 7, "1.00"), (20250101, 8, "2.00"), (20250102, 7, "3.00"), (20250102, 7, "3.00")), False),
        (_BUILT.set_column(2, "amount", pa.array([1, 2, 3])), False),
    ],
    ids=["in another order", "an amount", "a key", "a row less", "a row twice", "other types"],
)
def test_tables_are_the_same_if_every_row_is(shown: pa.Table, is_same: bool):
    assert are_same_rows(_BUILT, shown, _KEY) is is_same


def test_tables_whose_rows_repeat_a_key_are_compared_row_by_row():
    repeated = pa.concat_tables([_BUILT, _BUILT])
    assert not are_same_rows(repeated, repeated, _KEY)
    assert are_same_rows(_BUILT.slice(0, 0), _BUILT.slice(0, 0), _KEY)


def test_a_table_takes_the_types_of_another_one_unless_a_value_would_change():
    stored = pa.table([pa.array([20250101]), pa.array([7]), pa.array([Decimal("1.000")])], ["DateKey", "Key", "Amount"])
    assert with_types_of(stored, _BUILT).schema.equals(_BUILT.schema)
    finer = stored.set_column(2, "Amount", pa.array([Decimal("1.001")]))
    assert with_types_of(finer, _BUILT).equals(finer)
