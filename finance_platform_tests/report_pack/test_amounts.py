"""The amounts of a pack by column, compared with the same sums of cells, one by one.

Belongs here: `reports.pack.amounts`. Does not belong here: what a page shows of them (see `test_page`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random

import duckdb
import pytest

from finance_platform.cent_columns import exact_sum, whole_numbers
from finance_platform.reports.pack.amounts import Amounts, divided
from finance_platform.reports.pack.browser_data import browser_data
from finance_platform.reports.pack.model import Cell
from finance_platform.warehouse.duckdb.session import query_columns
from finance_platform_tests.report_pack.made_packs import made_pack

PERIODS = ("2024-11", "2024-12", "2025-01", "2025-02")
YEARS = {period: int(period[:4]) for period in PERIODS}


def made_cells(largest: int) -> list[Cell]:
    """Return cells in order, with amounts of both signs up to a number of cents."""
    random = Random(1)
    places = sorted(
        (scenario, department, account, period)
        for scenario in (-7, 8)
        for department in (5, -6, 7)
        for account in (21, -22)
        for period in PERIODS
        if random.random() < 0.8
    )
    cents = [random.choice((random.randrange(-largest, largest), -largest, largest - 1)) for _ in places]
    return [Cell(*place, Decimal(one).scaleb(-2)) for place, one in zip(places, cents, strict=True)]


@pytest.fixture(params=[10**4, 10**18, 10**21], ids=["usual", "as a table holds", "more than 64 bits"])
def cells(request: pytest.FixtureRequest) -> list[Cell]:
    return made_cells(request.param)


def test_amounts_by_column_are_the_cells_that_they_were_made_of(cells: list[Cell]):
    amounts = Amounts.of(cells)
    assert [*amounts] == cells
    assert amounts == tuple(cells)
    assert amounts != tuple(cells[1:])
    assert (amounts[0], amounts[-1], amounts[1:3]) == (cells[0], cells[-1], tuple(cells[1:3]))
    assert amounts.texts().decode().split("\0") == [str(cell.amount) for cell in cells]
    assert [cell for part in amounts.parts(7) for cell in part] == cells
    assert len(Amounts.of(())) == 0
    assert not [*Amounts.of(())]


def test_sums_of_amounts_are_exact_whatever_their_size(cells: list[Cell]):
    amounts = Amounts.of(cells)
    assert amounts.total() == sum((cell.amount for cell in cells), Decimal(0))
    assert amounts.gross() == sum((abs(cell.amount) for cell in cells), Decimal(0))
    least = abs(cells[0].amount)
    assert amounts.count_from(least) == sum(abs(cell.amount) >= least for cell in cells)
    of_years: Counter[tuple[int, int, int]] = Counter()
    for cell in cells:
        of_years[cell.scenario, cell.account, YEARS[cell.period]] += cell.amount  # type: ignore[assignment]
    assert amounts.largest_sum(YEARS) == max(map(abs, of_years.values()))
    by_unit: dict[tuple[int, int, int, str], Decimal] = {}
    units = {5: 1, -6: 0, 7: 1}
    for cell in cells:
        place = cell.scenario, units[cell.department], cell.account, cell.period
        by_unit[place] = by_unit.get(place, Decimal(0)) + cell.amount
    assert [*amounts.by(units)] == [Cell(*place, amount) for place, amount in sorted(by_unit.items())]


def test_chosen_amounts_have_all_three_of_scenario_account_and_period(cells: list[Cell]):
    chosen = Amounts.of(cells).select({-7, 99}, {21}, {"2024-12", "2025-02"})
    assert [*chosen] == [
        cell for cell in cells if cell.scenario == -7 and cell.account == 21 and cell.period in ("2024-12", "2025-02")
    ]
    assert {*chosen.names} == {cell.period for cell in chosen}
    assert not Amounts.of(cells).select((), {21}, PERIODS)
    assert Amounts.of(cells).used_departments == {cell.department for cell in cells}


def test_amounts_of_a_query_by_column_are_those_of_its_rows():
    columns = "s::BIGINT, d::BIGINT, a::BIGINT, p::VARCHAR, v::DECIMAL(18, 2)"
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT -3 AS s, 10 - i AS d, i * 1000000007 AS a, '2025-0' || (1 + i % 3) AS p, "
            "CAST((i - 5) * 1999999999999.99 AS DECIMAL(18, 2)) AS v FROM range(10) AS r(i)"
        )
        rows = connection.execute(f"SELECT {columns} FROM t WHERE d > 2 ORDER BY d").fetchall()
        table = query_columns(connection, "SELECT s, d, a, p, v FROM t WHERE d > :least ORDER BY d", {"least": 2})
    assert [*Amounts.of_table(table)] == [Cell(*row) for row in rows]


def test_an_amount_with_fractions_of_a_cent_is_refused():
    with pytest.raises(ValueError, match=r"1\.005 has fractions of a cent"):
        Amounts.of([Cell(1, 2, 3, "2025-01", Decimal("1.005"))])


def test_numbers_are_divided_as_decimals_are_rounded():
    numbers = [*range(-1000, 1001), 10**17 + 50, -(10**17) - 150]
    assert divided(whole_numbers(numbers), 100).tolist() == [round(Decimal(one) / 100) for one in numbers]
    assert exact_sum(whole_numbers(numbers)) == sum(numbers)


def series_of(cells: Sequence[Cell]) -> Iterator[tuple[int, int, int, str, Decimal]]:
    """Yield what a page's document has of cells: their places and amounts."""
    pack = made_pack(cells=tuple(cells))
    document = browser_data(pack)
    for scenario, department, account, first, values in document["series"]:
        for place, value in enumerate(values, first):
            if value:
                yield (
                    pack.scenarios[scenario].key,
                    pack.departments[department].key,
                    pack.accounts[account].key,
                    pack.periods[place].name,
                    Decimal(value * document["cents"]) / 100,
                )


def test_a_page_has_each_amount_in_its_period_and_zeros_between_them():
    pack = made_pack()
    gaps = [cell for number, cell in enumerate(pack.cells) if number % 3]
    for cells in (pack.cells, gaps, gaps[:1], ()):
        assert [*series_of(cells)] == [(*cell[:4], cell.amount) for cell in cells]
