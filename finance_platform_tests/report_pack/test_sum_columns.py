"""The sums of a workbook by column are those of its amounts, one by one."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from finance_platform.reports.pack.amounts import Amounts
from finance_platform.reports.pack.model import Cell
from finance_platform.reports.pack.workbook.sum_columns import Member, Numbering, SumColumns

_SCENARIOS, _PERIODS = (3, 1), ("2025-02", "2025-01", "2024-12")
_DEPARTMENTS, _ACCOUNTS = range(10, 16), range(200, 240)
_UNITS = {key: key % 2 + 1 for key in _DEPARTMENTS}
# Numbers of lines are in no order, and some accounts are on no line.
_LINES = {key: 900 - key % 7 * 10 for key in _ACCOUNTS if key % 5}
_EFFECTS = {key: key % 3 - 1 for key in _ACCOUNTS}
_NUMBERINGS = {
    (): (),
    ("line",): (Numbering(Member.ACCOUNT, _LINES),),
    ("unit",): (Numbering(Member.DEPARTMENT, _UNITS),),
    ("unit", "line"): (Numbering(Member.DEPARTMENT, _UNITS), Numbering(Member.ACCOUNT, _LINES)),
}


def _cells(draw: random.Random, largest: int) -> list[Cell]:
    return [
        Cell(
            draw.choice(_SCENARIOS),
            draw.choice(_DEPARTMENTS),
            draw.choice(_ACCOUNTS),
            draw.choice(_PERIODS),
            Decimal(draw.randint(-largest, largest)).scaleb(-2),
        )
        for _ in range(draw.randint(0, 400))
    ]


@pytest.mark.parametrize("largest", [10**6, 10**17, 10**19], ids=["small", "as large as a column", "larger"])
@pytest.mark.parametrize("seed", range(6))
def test_a_sum_by_column_is_the_sum_of_the_amounts_that_a_formula_picks(seed: int, largest: int):
    draw = random.Random(seed)
    cells = _cells(draw, largest)
    wanted = {(scenario, period) for scenario in _SCENARIOS for period in _PERIODS if draw.random() < 0.7}
    columns = SumColumns(Amounts.of(cells), wanted.__contains__)
    counting = {place for place in wanted if draw.random() < 0.7}
    picked = [cell for cell in cells if (cell.scenario, cell.period) in counting]
    for names, numberings in _NUMBERINGS.items():
        sums = columns.add_up(names, numberings, counting.__contains__, columns.weights(_EFFECTS))
        expected: dict[tuple[int, ...], Decimal] = {}
        for cell in picked:
            keys = {Member.DEPARTMENT: cell.department, Member.ACCOUNT: cell.account}
            numbers = tuple(one.numbers.get(keys[one.member], -1) for one in numberings)
            if -1 not in numbers:
                amount = cell.amount * _EFFECTS[cell.account]
                expected[numbers] = expected.get(numbers, Decimal("0.00")) + amount
        places = [*expected, (5,) * len(names), (1,) * len(names), (10**6,) * len(names)]
        assert {place: str(sums.of(place)) for place in places} == {
            place: str(expected.get(place, Decimal("0.00"))) for place in places
        }


def test_departments_and_accounts_with_amounts_of_chosen_periods_are_named_once():
    cells = _cells(random.Random(8), 100)
    columns = SumColumns(Amounts.of(cells), lambda _: True)
    accounts = {201, 207, 230}
    chosen = [cell for cell in cells if cell.account in accounts and cell.period == "2025-01"]
    assert columns.pairs(accounts, lambda place: place[1] == "2025-01") == sorted(
        {(cell.department, cell.account) for cell in chosen}
    )
    assert columns.departments(accounts, lambda place: place[1] == "2025-01") == {cell.department for cell in chosen}


def test_a_pack_without_amounts_has_sums_of_zero():
    columns = SumColumns(Amounts.of([]), lambda _: True)
    for names, numberings in _NUMBERINGS.items():
        sums = columns.add_up(names, numberings, lambda _: True, columns.weights(_EFFECTS))
        assert str(sums.of((1,) * len(names))) == "0.00"
    assert columns.pairs({1}, lambda _: True) == []
