"""Generates a company's files of any size, the same bytes every time: ledger, budget, departments, accounts.

Belongs here: writing files for the shipped descriptors, fast and in constant memory.
Does not belong here: realistic figures (see the sample of the tests), measuring (see `cost_of_change`).

In each transactions file 0.2 % of the rows are bad, 0.5 % of the amounts have a thousands separator, 1 % of the dates
are written dd/MM/yyyy, one row in 5,000 occurs twice, and one in 1,000 corrects a line of the month before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MONTHS = 36
CHANGED_FILE, DELIVERED_MONTHS = 30, (19, 20)
"""The month whose file is replaced, and the two months of the small delivery, counted from 0."""

_FIRST_YEAR = 2022
_DEPARTMENTS = [f"D{number:03d}" for number in range(100, 500, 10)]
_ACCOUNTS = [f"{number:04d}" for number in range(310, 9910, 80)]
_CHUNK = 100_000
_ONE_IN_CORRECTS, _ONE_IN_REPEATS = 1_000, 5_000
# 2025-01-01 UTC; the files are an hour apart, because later files correct earlier ones.
_FIRST_WRITTEN = 1_735_689_600
_HEADER = b"transaction_id,transaction_date,department_code,account_number,amount,description\n"
_THOUSANDS_SHARE, _SLASH_SHARE = 0.005, 0.01
# In every thousand rows these two are bad: by position, so that no small file exceeds its tolerance by chance.
_ONE_IN_BAD, _BAD_DATE, _BAD_AMOUNT = 1_000, 400, 800
_TEXTS = [f"{what} {name}" for what in ("Invoice", "Rent", "Salary run", "Müller GmbH –") for name in "ABCDEFGHIJKLM"]
_TEXTS_IN_QUOTES = [f'"Nordhafen AG, {text}' for text in _TEXTS]

_MIXER = np.uint64(0x9E3779B97F4A7C15)
"""Spreads neighbouring numbers, as the golden ratio does in multiplicative hashing (Knuth)."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ledger:
    """A ledger over `MONTHS` months in a raw zone.

    Attributes:
        raw: the raw zone.
        transactions: approximate number of lines.
        has_many_forms: whether half of the dates are written dd/MM/yyyy, and one amount in four with a currency sign,
            grouped digits or parentheses.
    """

    raw: Path
    transactions: int
    has_many_forms: bool = False

    @property
    def changed_file_rows(self) -> int:
        """Number of rows of the file that is replaced."""
        return self.transactions // 50

    def write(self, *, in_one_file: bool = False) -> None:
        """Write the whole base: one file per month, or a single file without corrections."""
        self.raw.mkdir(parents=True)
        _write_references(self.raw)
        _write_budget(self.raw / "budget.csv")
        if in_one_file:
            chunks = (chunk for month in range(MONTHS) for chunk in self._month(month, corrects=False))
            _write_lines(self.raw / "transactions.csv", 0, chunks)
            return
        for month in range(MONTHS):
            _write_lines(self._file(month), month, self._month(month, corrects=month > 0))

    def replace_file(self) -> None:
        """Replace one of the monthly files, with one amount in a hundred changed."""
        changed = self._month(CHANGED_FILE, corrects=True, changes_one_in=100)
        _write_lines(self._file(CHANGED_FILE), MONTHS + 1, changed)

    def append_line(self) -> None:
        """Send the single file again with one line more, in its last month."""
        path, month = self.raw / "transactions.csv", MONTHS - 1
        ids = np.array([self._first_ids()[-1]])
        line = self._lines(np.random.default_rng([month, 3]), ids, np.array([month]), 0)[0].as_py()
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content + line.encode() + b"\n")
        written_at = _FIRST_WRITTEN + 3600 * (MONTHS + 1)
        os.utime(path, (written_at, written_at))

    def deliver(self, rows: int) -> None:
        """Write a small file of two months; one line in twenty corrects a line of the base."""
        per_month = rows // len(DELIVERED_MONTHS)
        next_id = self._first_ids()[-1]
        chunks = []
        for month in DELIVERED_MONTHS:
            draw = np.random.default_rng([month, 2])
            ids = np.arange(next_id, next_id + per_month)
            corrected = np.arange(0, per_month, 20)
            ids[corrected] = self._first_ids()[month] + np.arange(len(corrected)) * 3
            chunks.append(self._lines(draw, ids, np.full(per_month, month), 0))
            next_id += per_month
        _write_lines(self.raw / "transactions_corrections.csv", MONTHS, iter(chunks))

    def _file(self, month: int) -> Path:
        return self.raw / f"transactions_{_FIRST_YEAR + month // 12}-{month % 12 + 1:02d}.csv"

    def _first_ids(self) -> Numbers:
        """The first transaction number of each month, and the one after the last."""
        sizes = np.full(MONTHS, (self.transactions - self.changed_file_rows) // (MONTHS - 1))
        sizes[CHANGED_FILE] = self.changed_file_rows
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def _month(self, month: int, *, corrects: bool, changes_one_in: int = 0) -> Iterator[pa.StringArray]:
        first, end = self._first_ids()[month : month + 2]
        for start in range(first, end, _CHUNK):
            ids = np.arange(start, min(start + _CHUNK, end))
            months = np.full(len(ids), month)
            if corrects:
                positions = np.flatnonzero(ids % _ONE_IN_CORRECTS == 0)
                # Every tenth line of the month before, so that no two rows of a file correct the same line.
                ids[positions] = self._first_ids()[month - 1] + (ids[positions] - first) // _ONE_IN_CORRECTS * 10
                months[positions] -= 1
            yield self._lines(np.random.default_rng([start, 1]), ids, months, changes_one_in)

    def _lines(self, draw: np.random.Generator, ids: Numbers, months: Numbers, changes_one_in: int) -> pa.StringArray:
        """Return the lines of a file, without line ends."""
        size = len(ids)
        # By the number of the line: a line that corrects another has its department and account.
        mixed = (ids.astype(np.uint64) * _MIXER >> np.uint64(33)).astype(np.int64)
        departments = mixed % len(_DEPARTMENTS)
        accounts = (departments * 7 + mixed // len(_DEPARTMENTS) % 32) % len(_ACCOUNTS)
        cents = draw.lognormal(9.5, 1.4, size).astype(np.int64) * np.where(draw.random(size) < 0.04, -1, 1)
        cents[_BAD_DATE::_ONE_IN_BAD] = 1_000  # rejected; the descriptor tolerates half a million in rejected money
        if changes_one_in:
            cents[::changes_one_in] += 100
        lines = pc.binary_join_element_wise(
            pc.binary_join_element_wise("T", pc.cast(pa.array(ids + 100_000_000), pa.string()), ""),
            _dates(draw, months, 0.5 if self.has_many_forms else _SLASH_SHARE),
            _take(_DEPARTMENTS, departments),
            _take(_ACCOUNTS, accounts),
            _in_many_forms(draw, _amounts(draw, cents)) if self.has_many_forms else _amounts(draw, cents),
            _descriptions(draw, size),
            ",",
        )
        repeated = np.sort(np.concatenate([np.arange(size), np.arange(0, size, _ONE_IN_REPEATS)]))
        return pc.take(lines, pa.array(repeated))


def _dates(draw: np.random.Generator, months: Numbers, slash_share: float) -> pa.StringArray:
    """Return a date in each month; some as dd/MM/yyyy, a few invalid."""
    first = date(_FIRST_YEAR, 1, 1)
    days = [first + timedelta(days=number) for number in range(366 * MONTHS // 12)]
    texts = [f"{day:%Y-%m-%d}" for day in days] + [f"{day:%d/%m/%Y}" for day in days] + ["2025-02-30"]
    starts = np.array([(date(_FIRST_YEAR + m // 12, m % 12 + 1, 1) - first).days for m in range(MONTHS)])
    positions = starts[months] + draw.integers(0, 28, len(months))
    positions[draw.random(len(months)) < slash_share] += len(days)
    positions[_BAD_DATE::_ONE_IN_BAD] = len(texts) - 1
    return _take(texts, positions)


def _amounts(draw: np.random.Generator, cents: Numbers) -> pa.StringArray:
    """Return amounts as text; some with a thousands separator, a few invalid."""
    whole = np.abs(cents) // 100
    signs = _take(["", "-"], (cents < 0).astype(np.int64))
    fractions = _take([f".{number:02d}" for number in range(100)], np.abs(cents) % 100)
    texts = pc.binary_join_element_wise(signs, pc.cast(pa.array(whole), pa.string()), fractions, "")
    below = pc.binary_join_element_wise(_take([f"{number:03d}" for number in range(1000)], whole % 1000), fractions, "")
    above = pc.binary_join_element_wise(signs, pc.cast(pa.array(whole // 1000), pa.string()), "")
    marked = pc.binary_join_element_wise('"', above, ",", below, '"', "")
    is_marked = (draw.random(len(cents)) < _THOUSANDS_SHARE) & (whole >= 1000)
    is_bad = np.arange(len(cents)) % _ONE_IN_BAD == _BAD_AMOUNT
    return pc.if_else(pa.array(is_bad), "tbc", pc.if_else(pa.array(is_marked), marked, texts))


def _in_many_forms(draw: np.random.Generator, amounts: pa.StringArray) -> pa.StringArray:
    """Return amounts, one in eight of which has a currency sign, and half of the negative ones parentheses."""
    form = pa.array(draw.random(len(amounts)))
    is_negative, is_quoted = pc.starts_with(amounts, "-"), pc.starts_with(amounts, '"')
    positive = pc.replace_substring(amounts, "-", "")
    is_plain = pc.invert(pc.or_(is_negative, is_quoted))
    return pc.case_when(
        pc.make_struct(
            pc.and_(pc.and_(is_negative, pc.invert(is_quoted)), pc.less(form, 0.5)),
            pc.and_(is_plain, pc.less(form, 0.125)),
        ),
        pc.binary_join_element_wise("(", positive, ")", ""),
        pc.binary_join_element_wise("$", amounts, ""),
        amounts,
    )


def _descriptions(draw: np.random.Generator, size: int) -> pa.StringArray:
    kinds = draw.integers(0, len(_TEXTS), size)
    is_quoted = draw.random(size) < 0.02
    numbers = pc.cast(pa.array(draw.integers(10_000, 99_999, size)), pa.string())
    texts = _take(_TEXTS + _TEXTS_IN_QUOTES, kinds + is_quoted * len(_TEXTS))
    ends = _take(["", '"'], is_quoted.astype(np.int64))
    return pc.binary_join_element_wise(pc.binary_join_element_wise(texts, numbers, " "), ends, "")


def _take(texts: list[str], positions: Numbers) -> pa.StringArray:
    return pc.take(pa.array(texts), pa.array(positions))


def _write_lines(file: Path, hour: int, chunks: Iterator[pa.StringArray]) -> None:
    with file.open("wb") as stream:
        stream.write(_HEADER)
        for lines in chunks:
            ended = pc.binary_join_element_wise(lines, "\n", "")
            stream.write(ended.buffers()[2])
    os.utime(file, (_FIRST_WRITTEN + hour * 3600,) * 2)


def _write_references(raw: Path) -> None:
    departments = ["department_code,department_name,business_unit,parent_department_code"]
    departments += [f"{code},Department {code},Unit {code[1]}," for code in _DEPARTMENTS]
    (raw / "departments.csv").write_text("\n".join(departments) + "\n", encoding="utf-8")
    accounts = ["account_number,account_name,account_type,category,parent_account_number"]
    for number in _ACCOUNTS:
        kind = "Revenue" if number < "3000" else "Expense"
        accounts.append(f"{number},Account {number},{kind},Category {number[0]},")
    (raw / "accounts.csv").write_text("\n".join(accounts) + "\n", encoding="utf-8")


def _write_budget(file: Path) -> None:
    """Write a budget for each month and cell that the ledger posts to; 0.2 % of the amounts are invalid."""
    lines = ["period,department_code,account_number,budget_amount"]
    for month in range(MONTHS):
        for position, department in enumerate(_DEPARTMENTS):
            for step in range(32):
                account = _ACCOUNTS[(position * 7 + step) % len(_ACCOUNTS)]
                amount = "tbc" if len(lines) % 500 == 0 else f"{(position + 1) * (step + 1) * 125 + month * 10}.00"
                lines.append(f"{_FIRST_YEAR + month // 12}-{month % 12 + 1:02d},{department},{account},{amount}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
