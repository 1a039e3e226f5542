"""Writes the sample company's files and their answer key: `python -m finance_platform_tests.sample.generator`.

Belongs here: books → rows → files, and the command line.
Does not belong here: figures (see `company`, `books`), faults (see `faults`), counting (see `answer_key`).

The company sells cloud software, instruments and services. Its ledger has 36 months, 2022-10 to 2025-09; every month
to 2025-12 has an approved budget; the open year 2025 has a forecast made after June. The stories:

- **overspent_project**: D220 builds a data centre (0310, CapEx, 240,000.00 budgeted a month of 2024); from April to
  September 2024 it costs 1.4 to 2.3 times its budget.
- **missed_revenue_target**: hardware sales (D300, 4500) of 2025-01 to 2025-06 are below three quarters of their target.
- **late_invoice**: the last line of transactions.csv is dated 2023-03-14 (0450, 6530, 48,250.00), two and a half years
  before its neighbours.
- **cloud_cost_creep**: D210's cloud hosting (6210) exceeds its budget by more in every month of 2025.
- **keying_slip**: a hotel bill (D300, 6320) keyed a hundredfold in 2024-11, corrected in 2024-12.

The same seed gives the same bytes on every platform and every supported Python.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from finance_platform_tests.sample import books, faults
from finance_platform_tests.sample.answer_key import build_answer_key
from finance_platform_tests.sample.company import ACCOUNTS, DEPARTMENTS
from finance_platform_tests.sample.rows import Row, Sheet, format_amount, format_date, money

SEED = 20251031
DEFAULT_OUT = Path("data/raw")
DEFAULT_KEY = Path("finance_platform_tests/sample/answer_key.json")

_STORY_CELLS = frozenset((story.department, story.account) for story in books.STORIES.values())


def build(seed: int = SEED) -> list[Sheet]:
    """Return every file of the sample, as rows with their true values and expected outcomes."""
    plan = books.build_plan()
    entries = books.draw_ledger(plan, Random(f"{seed}/ledger"))
    expected = books.build_forecast(plan, entries)
    return [
        _departments(),
        _accounts(),
        _transactions([*entries, books.LATE_INVOICE], Random(f"{seed}/transactions")),
        _plan("budget.csv", "Budget", books.select_budget(plan), faults.BUDGET_FAULTS, Random(f"{seed}/budget")),
        _plan("forecast.csv", "Forecast", expected, faults.FORECAST_FAULTS, Random(f"{seed}/forecast")),
    ]


def write(sheets: list[Sheet], out: Path, key: Path, seed: int = SEED) -> None:
    """Write the files to folder `out` and the answers to file `key`, UTF-8 with LF."""
    out.mkdir(parents=True, exist_ok=True)
    key.parent.mkdir(parents=True, exist_ok=True)
    for sheet in sheets:
        (out / sheet.file).write_bytes(sheet.text().encode())
    answers = json.dumps(build_answer_key(sheets, seed), indent=2, sort_keys=True, ensure_ascii=False)
    key.write_bytes(f"{answers}\n".encode())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Write the sample company's files and their answer key.")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder for the CSV files")
    parser.add_argument("--key", type=Path, default=DEFAULT_KEY, help="file for the answers")
    options = parser.parse_args(arguments)
    write(build(), options.out, options.key)


def _departments() -> Sheet:
    columns = ("department_code", "department_name", "business_unit", "parent_department_code")
    values = [(d.code, d.name, d.business_unit, d.parent) for d in DEPARTMENTS]
    return _reference("departments.csv", columns, values)


def _accounts() -> Sheet:
    columns = ("account_number", "account_name", "account_type", "category", "parent_account_number")
    values = [(a.number, a.name, a.type, a.category, a.parent) for a in ACCOUNTS]
    return _reference("accounts.csv", columns, values)


def _reference(file: str, columns: tuple[str, ...], values: Sequence[tuple[str, ...]]) -> Sheet:
    rows = [Row(dict(zip(columns, texts, strict=True))) for texts in values]
    return Sheet(file, "", {column: column for column in columns}, rows)


def _transactions(entries: list[books.Entry], rng: Random) -> Sheet:
    rows = [_transaction(number, entry, rng) for number, entry in enumerate(entries, start=1)]
    faults.book_to_unknown(rows, _STORY_CELLS, rng)
    faults.write_codes_loosely(rows, _STORY_CELLS, rng)
    faults.insert_faults(rows, faults.LEDGER_FAULTS, _STORY_CELLS, rng)
    columns = {
        "transaction_id": "transaction_id",
        "date": "transaction_date",
        "department": "department_code",
        "account": "account_number",
        "amount": "amount",
        "description": "description",
    }
    return Sheet("transactions.csv", "Actual", columns, faults.insert_repetitions(rows, _STORY_CELLS, rng))


def _transaction(number: int, entry: books.Entry, rng: Random) -> Row:
    cells = {
        "transaction_id": f"T{number:06d}",
        "date": format_date(entry.day, rng),
        "department": entry.department,
        "account": entry.account,
        "amount": format_amount(entry.amount, rng),
        "description": entry.description,
    }
    return Row(cells, entry.amount, entry.day, entry.department, entry.account)


def _plan(
    file: str, scenario: str, plan: Mapping[books.Cell, int], plan_faults: tuple[faults.Fault, ...], rng: Random
) -> Sheet:
    rows = []
    for cell, cents in plan.items():
        amount = money(cents)
        cells = {
            "date": cell.period,
            "department": cell.department,
            "account": cell.account,
            "amount": format_amount(amount, rng),
        }
        rows.append(Row(cells, amount, books.first_day(cell.period), cell.department, cell.account))
    faults.insert_faults(rows, plan_faults, _STORY_CELLS, rng)
    headers = ("period", "department_code", "account_number", f"{scenario.lower()}_amount")
    columns = dict(zip(("date", "department", "account", "amount"), headers, strict=True))
    return Sheet(file, scenario, columns, rows)


if __name__ == "__main__":
    main()
