"""Changes of the files whose effect is known without the product: the cells change as they say, and in no other way.

Belongs here: pairs of homes through the command line in processes of their own, with a reference in plain Python; no
import of the product. Does not belong here: the shipped files (see `test_recomputation`), sequences of events (see
`model_based`). All of it runs in the nightly profile, one relation otherwise.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.independent.recompute import Results, product_output
from finance_platform_tests.profiles import current_profile

pytestmark = pytest.mark.end_to_end

IS_NIGHTLY = current_profile().is_exhaustive
SEEDS = range(8) if IS_NIGHTLY else range(1)
HEADER = ("transaction_id", "transaction_date", "department_code", "account_number", "amount", "description")
DESCRIPTOR = """\
feed: transactions
kind: ledger
path: transactions*.csv
columns:
  transaction_id: transaction_id
  date: {from: transaction_date, formats: [yyyy-MM-dd, dd/MM/yyyy]}
  department: department_code
  account: account_number
  amount: {from: amount, decimal: ".", thousands: ","}
  description: description
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
hold_if_removes: never
tolerance: {rejected_rows: 0.01}
"""
"""The shipped feed; corrections of a few lines are not held, because here each department has only few."""

Cells = dict[tuple[str, str, str], tuple[int, Decimal]]
"""Lines and amount by day (YYYYMMDD), department and account."""


@dataclass(frozen=True)
class Row:
    """One posted line, before it is written."""

    key: str
    day: date
    department: str
    account: str
    amount: Decimal
    note: str = ""


@dataclass(frozen=True)
class Story:
    """Files, delivered in one or more runs, and the cells that they must give.

    Attributes:
        runs: of each run, the files that are written before it.
        cells: what must be in the warehouse.
        rejected: how many rows must be rejected.
    """

    runs: Sequence[Mapping[str, bytes]]
    cells: Cells
    rejected: int = 0


def random_rows(random: Random) -> list[Row]:
    """Return 60 lines of three departments and four accounts in 2024."""
    return [
        Row(
            f"T{nth}",
            date(2024, 1, 1) + timedelta(days=random.randrange(366)),
            random.choice(("D1", "D2", "0450")),
            random.choice(("4000", "0600", "6100", "7-1")),
            Decimal(random.randrange(-10_000_000, 10_000_000)) / 100,
            random.choice(("", "rent", 'a "b", c', "Zürich", "=1+1")),
        )
        for nth in range(60)
    ]


def cells_of(rows: Sequence[Row]) -> Cells:
    """Return the sums of lines."""
    cells: Cells = {}
    for row in rows:
        place = f"{row.day:%Y%m%d}", row.department.casefold(), row.account.casefold()
        count, amount = cells.get(place, (0, Decimal(0)))
        cells[place] = count + 1, amount + row.amount
    return cells


@dataclass(frozen=True)
class Spelling:
    """How a file is written."""

    day: Callable[[date], str] = date.isoformat
    amount: Callable[[Decimal], str] = str
    end: str = "\n"
    quoting: int = csv.QUOTE_MINIMAL
    encoding: str = "utf-8"
    order: Sequence[int] = field(default=range(len(HEADER)))


def written(rows: Sequence[Row], spelling: Spelling = Spelling()) -> bytes:
    """Return the bytes of a file."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator=spelling.end, quoting=spelling.quoting)  # type: ignore[arg-type]
    writer.writerow([HEADER[nth] for nth in spelling.order])
    for row in rows:
        day, amount = spelling.day(row.day), spelling.amount(row.amount)
        cells = (row.key, day, row.department, row.account, amount, row.note)
        writer.writerow([cells[nth] for nth in spelling.order])
    return stream.getvalue().encode(spelling.encoding)


def parts_of(rows: Sequence[Row], random: Random) -> dict[str, bytes]:
    """Return lines divided into three files."""
    parts: list[list[Row]] = [[], [], []]
    for nth, row in enumerate(rows):
        parts[nth % 3 if nth < len(parts) else random.randrange(len(parts))].append(row)
    return {f"transactions_{nth}.csv": written(part) for nth, part in enumerate(parts)}


def in_parentheses(amount: Decimal) -> str:
    """Return an amount with a sign of the currency, commas, and parentheses for a minus."""
    return f"(${-amount:,})" if amount < 0 else f"{amount:,} USD"


def the_order_of_rows_has_no_effect(rows: list[Row], random: Random) -> Story:
    return Story([{"transactions.csv": written(random.sample(rows, len(rows)))}], cells_of(rows))


def the_order_of_columns_has_no_effect(rows: list[Row], random: Random) -> Story:
    order = random.sample(range(len(HEADER)), len(HEADER))
    return Story([{"transactions.csv": written(rows, Spelling(order=order))}], cells_of(rows))


def a_file_in_parts_has_the_cells_of_the_whole(rows: list[Row], random: Random) -> Story:
    return Story([parts_of(rows, random)], cells_of(rows))


def parts_in_several_runs_have_the_cells_of_one_run(rows: list[Row], random: Random) -> Story:
    return Story([{name: data} for name, data in parts_of(rows, random).items()], cells_of(rows))


def the_spelling_of_amounts_and_dates_has_no_effect(rows: list[Row], _: Random) -> Story:
    spelling = Spelling(lambda day: f"{day:%d/%m/%Y}", in_parentheses)
    return Story([{"transactions.csv": written(rows, spelling)}], cells_of(rows))


def quotes_line_ends_and_a_byte_order_mark_have_no_effect(rows: list[Row], random: Random) -> Story:
    encoding = random.choice(("utf-8-sig", "utf-16"))
    spelling = Spelling(end="\r\n", quoting=csv.QUOTE_ALL, encoding=encoding)
    return Story([{"transactions.csv": written(rows, spelling)}], cells_of(rows))


def negated_amounts_give_negated_cells(rows: list[Row], _: Random) -> Story:
    cells = {place: (count, -amount) for place, (count, amount) in cells_of(rows).items()}
    return Story([{"transactions.csv": written([replace(row, amount=-row.amount) for row in rows])}], cells)


def a_correction_moves_its_own_cells_only(rows: list[Row], random: Random) -> Story:
    nth = random.randrange(len(rows))
    corrected = replace(rows[nth], amount=rows[nth].amount + 1, department="D9")
    first, second = written(rows), written([corrected])
    after = [*rows[:nth], corrected, *rows[nth + 1 :]]
    return Story([{"transactions.csv": first}, {"transactions_correction.csv": second}], cells_of(after))


def a_new_version_replaces_the_old_one(rows: list[Row], random: Random) -> Story:
    kept = [replace(row, amount=row.amount * 2) for row in rows if random.random() < 0.9]
    return Story([{"transactions.csv": written(rows)}, {"transactions.csv": written(kept)}], cells_of(kept))


def the_same_lines_in_another_file_count_once(rows: list[Row], random: Random) -> Story:
    again = random.sample(rows, 20)
    return Story([{"transactions.csv": written(rows)}, {"transactions_again.csv": written(again)}], cells_of(rows))


def a_row_with_a_fault_changes_no_cell(rows: list[Row], _: Random) -> Story:
    bad = b"X1,2024-02-30,D1,4000,5.00,\n"
    more = [Row(f"U{nth}", date(2024, 5, 1), "D1", "4000", Decimal(1)) for nth in range(200)]  # within the tolerance
    return Story([{"transactions.csv": written([*rows, *more]) + bad}], cells_of([*rows, *more]), rejected=1)


RELATIONS = (
    parts_in_several_runs_have_the_cells_of_one_run,
    the_order_of_rows_has_no_effect,
    the_order_of_columns_has_no_effect,
    a_file_in_parts_has_the_cells_of_the_whole,
    the_spelling_of_amounts_and_dates_has_no_effect,
    quotes_line_ends_and_a_byte_order_mark_have_no_effect,
    negated_amounts_give_negated_cells,
    a_correction_moves_its_own_cells_only,
    a_new_version_replaces_the_old_one,
    the_same_lines_in_another_file_count_once,
    a_row_with_a_fault_changes_no_cell,
)


def output_of(home: Home) -> Results:
    """Return the product's output, from processes of its own in the nightly profile."""
    start = home.process if IS_NIGHTLY else home.command

    def run(*arguments: str) -> str:
        ended = start(*arguments)
        assert ended.returncode in (0, 1), ended.stderr
        return ended.stdout

    return product_output(run)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "relation",
    RELATIONS if IS_NIGHTLY else (the_spelling_of_amounts_and_dates_has_no_effect,),
    ids=lambda relation: relation.__name__,
)
def test_a_change_of_the_files_has_its_own_effect_and_no_other(
    relation: Callable[[list[Row], Random], Story], seed: int, tmp_path: Path
):
    random = Random(f"{relation.__name__}-{seed}")
    story = relation(random_rows(random), random)
    home = Home(tmp_path / "home")
    home.write("feeds/transactions.yaml", DESCRIPTOR)
    for files in story.runs:
        for name, data in files.items():
            home.write(f"raw/{name}", data)
        ended = (home.process if IS_NIGHTLY else home.command)("run")
        assert ended.returncode in (0, 1), ended.stderr
    output = output_of(home)
    actual = {place[:3]: values[:2] for place, values in output.cells.items() if place[3] == "Actual"}
    assert actual == story.cells
    assert sum(outcome == "rejected" for outcome, _, _ in output.rejected.values()) == story.rejected
