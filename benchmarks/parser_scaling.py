"""Measures each parser of files and descriptors at growing sizes, and plots time against size.

Belongs here: the inputs that take the longest, and whether time grows faster than size.
Does not belong here: the speed of ordinary files (see `run_times`), what the limits are (see `feeds.limits`).

    python benchmarks/parser_scaling.py [PARSER …]

Exits with 1 if the time of a parser grows faster than size to the power of 1.3. What exceeds a limit is measured until
it is refused. A name selects the parsers whose names contain it.
"""

from __future__ import annotations

import io
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from finance_platform.errors import FinancePlatformError, MissingColumnError
from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.doubts.likely_cause import explain_missing_column
from finance_platform.feeds.file_names import matches_glob, orders_from_names, value_from_name
from finance_platform.feeds.files.delimited_file import DelimitedFile
from finance_platform.feeds.lines.ledger_lines import LedgerLines
from finance_platform.feeds.resolved import Dialect
from finance_platform.feeds.values.amounts import parse_amounts, read_amount
from finance_platform.feeds.values.codes import closest_match
from finance_platform.feeds.values.currencies import currency_code, is_currency
from finance_platform.feeds.values.dates import parse_date
from finance_platform.feeds.values.hidden_characters import clean_cells
from finance_platform.settings import Settings

_K = 1_000
_STEPS = 5
_REPEATS = 3
_MAX_EXPONENT = 1.3
_NOISE_SECONDS = 0.002
"""Below this, a measurement says nothing about growth."""

_FORMATS = ("yyyy-MM-dd", "d MMMM yyyy", "MMM d, yyyy", "yyyyMMdd", "dd.MM.yyyy HH:mm:ss")
_MARKS = "\u0301" * 240 + "\u0323" * 240
"""Combining marks in the order that takes the longest to sort, as many as a cell may have."""

_LEDGER = """\
feed: ledger
kind: ledger
path: ledger*.csv
columns: {date: Date, department: Dept, account: Account, amount: Amount}
constants: {scenario: Actual}
"""
_HEADER = ["Date", "Dept", "Account", "Amount"]
_RULES = parse_descriptor(_LEDGER, "ledger.yaml").resolve(Settings(_env_file=None))


@dataclass(frozen=True)
class Parser:
    """One parser with the input that takes it the longest.

    Attributes:
        name: the parser and the input.
        unit: what the size counts.
        smallest: the first of the sizes, each of which is twice the one before.
        prepare: returns the call to measure, for a size.
    """

    name: str
    unit: str
    smallest: int
    prepare: Callable[[int], Callable[[], object]]

    def measure(self) -> list[tuple[int, float]]:
        """Return the sizes, and the least seconds of processor time that each has taken."""
        sizes = [self.smallest << step for step in range(_STEPS)]
        return [(size, min(_seconds(self.prepare(size)) for _ in range(_REPEATS))) for size in sizes]


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    with suppress(FinancePlatformError):
        call()
    return time.process_time() - start


def _exponent(measured: list[tuple[int, float]]) -> float | None:
    """Return the power of size by which time grows, over the largest sizes; None if they take too little time."""
    largest = [(math.log(size), math.log(seconds)) for size, seconds in measured[-3:] if seconds > _NOISE_SECONDS]
    if len(largest) < 3:
        return None
    return statistics.linear_regression(*zip(*largest, strict=True)).slope


def _read(data: bytes, dialect: Dialect | None = None) -> None:
    for _ in DelimitedFile(lambda: io.BytesIO(data), dialect or Dialect()).batches():
        pass


def _type_rows(count: int, **cells: str) -> Callable[[], object]:
    """Return the typing of rows with the given cells, each of them distinct."""
    values = {"Date": "2025-01-15", "Dept": "D1", "Account": "4000", "Amount": "1.00"}
    columns = {
        name: pa.array([(cells[name] + str(row)) if name in cells else values[name] for row in range(count)])
        for name in _HEADER
    }
    batch = RawBatch(columns, pa.array(range(count), pa.int64()), pa.nulls(count, pa.string()))
    return lambda: LedgerLines(_RULES, _HEADER).type_batch(batch)


def _explain(data: bytes) -> None:
    file = DelimitedFile(lambda: io.BytesIO(data), Dialect(header_row=0, names=("a",)))
    explain_missing_column(MissingColumnError("a column is missing"), file, _RULES.rules)


def _describe(text: str) -> Callable[[], object]:
    # Results are cached by text, so each call gets another one.
    return lambda: parse_descriptor(f"{text}\n# {time.perf_counter_ns()}", "x.yaml")


def parsers() -> Iterator[Parser]:
    """Yield every parser."""
    yield Parser(
        "amount: sign, spaces, letter", "characters", 64 * _K, lambda n: lambda: read_amount("-" + " " * n + "x")
    )
    yield Parser("amounts: column of spaces", "cells", 500, lambda n: _column_of(n, "-" + " " * 480 + "x"))
    yield Parser("amounts: column of grouped digits", "cells", 500, lambda n: _column_of(n, "1" + " 111" * 120 + "x"))
    yield Parser("amounts: column of marks", "cells", 50, lambda n: _column_of(n, "5" + _MARKS))
    yield Parser("date: digits", "characters", 64 * _K, lambda n: lambda: parse_date("2" * n, _FORMATS))
    yield Parser("dates: column", "cells", 100, lambda n: _type_rows(n, Date="20250101" * 60))
    yield Parser("codes: column of combining marks", "cells", 50, lambda n: _type_rows(n, Account="4" + _MARKS))
    yield Parser("code: closest match", "characters", 64 * _K, lambda n: lambda: closest_match("Bud" * n, ["Budget"]))
    yield Parser(
        "currency: signs",
        "characters",
        64 * _K,
        lambda n: lambda: (is_currency("$" * n, "USD"), currency_code("$" * n)),
    )
    yield Parser("hidden characters: one cell", "characters", 1 << 20, lambda n: _cells("=" + '""' * n))
    yield Parser("hidden characters: column", "cells", 4 * _K, lambda n: _cells(*['="' + '""' * 200 + "\u200b"] * n))
    yield Parser("header: columns", "columns", 16 * _K, lambda n: _file(",".join(f"c{i}" for i in range(n)) + "\n1\n"))
    yield Parser(
        "header: widest that is read",
        "rows",
        100,
        lambda n: _file(",".join(f"c{i}" for i in range(1000)) + "\n" + '"1\n"\n' * n),
    )
    yield Parser("cells: rows by Arrow", "rows", 64 * _K, lambda n: _file("a,b\n" + "1,2\n" * n))
    yield Parser("cells: rows with line breaks", "rows", 16 * _K, lambda n: _file("a,b\n" + '1,"2\n"\n' * n))
    yield Parser("cells: one row of many cells", "cells", 128 * _K, lambda n: _file("a,b\n" + "," * n + "\n1,2\n"))
    yield Parser("cells: one long cell", "characters", 1 << 20, lambda n: _file('a,b\n1,"\n' + "x" * n + '"\n1,2\n'))
    yield Parser(
        "cells: line breaks in quotes", "characters", 1 << 18, lambda n: _file('a,b\n1,"' + "\n" * n + '"\n1,2\n')
    )
    yield Parser(
        "cells: quote that is never closed", "characters", 1 << 20, lambda n: _file('a,b\n"' + "1,2\n" * (n // 4))
    )
    yield Parser("cells: line that never ends", "characters", 1 << 21, lambda n: _file("a,b\n" + "x" * n))
    yield Parser("likely cause: delimiters", "characters", 64 * _K, lambda n: lambda: _explain(b";" * n + b"\n"))
    yield Parser("descriptor: keys", "keys", 250, lambda n: _describe("".join(f"k{i}: x\n" for i in range(n))))
    yield Parser(
        "descriptor: map",
        "keys",
        250,
        lambda n: _describe(f"{_LEDGER}x: {{{', '.join(f'k{i}: x' for i in range(n))}}}"),
    )
    yield Parser("descriptor: brackets", "characters", 8 * _K, lambda n: _describe("x: " + "[" * n))
    yield Parser("descriptor: text", "characters", 16 * _K, lambda n: _describe("x: " + "y" * n))
    yield Parser("descriptor: levels of aliases", "levels", 8, lambda n: _describe(_bomb(n)))
    yield Parser(
        "file name: nested repetition",
        "characters",
        64 * _K,
        lambda n: lambda: value_from_name("(a+)+b", None, "a" * n),
    )
    yield Parser("file name: order of names", "names", 4 * _K, lambda n: _orders(n))
    yield Parser(
        "glob: many stars",
        "characters",
        64 * _K,
        lambda n: lambda: matches_glob("*a" * 20 + "*b.csv", "a" * n + ".csv"),
    )


def _column_of(count: int, text: str) -> Callable[[], object]:
    texts = pa.array([text] * count)
    return lambda: parse_amounts(texts)


def _cells(*texts: str) -> Callable[[], object]:
    column = pa.array(texts)
    return lambda: clean_cells(column)


def _file(text: str) -> Callable[[], object]:
    data = text.encode()
    return lambda: _read(data)


def _orders(count: int) -> Callable[[], object]:
    names = [f"plan_v{number}.csv" for number in range(count)]
    return lambda: orders_from_names("_v([0-9]+)", names)


def _bomb(levels: int) -> str:
    lists = (f"k{level}: &k{level} [*k{level - 1}, *k{level - 1}]\n" for level in range(1, levels))
    return "k0: &k0 x\n" + "".join(lists)


def main() -> None:
    """Print a table and a plot for each parser; exit with 1 if one grows faster than linearly."""
    names = sys.argv[1:]
    console = Console()
    slow = []
    for parser in parsers():
        if names and not any(name in parser.name for name in names):
            continue
        measured = parser.measure()
        exponent = _exponent(measured)
        if exponent is not None and exponent > _MAX_EXPONENT:
            slow.append(parser.name)
        growth = f"below {_NOISE_SECONDS * 1e3:.0f} ms" if exponent is None else f"size to the power of {exponent:.2f}"
        console.print(_plot(parser, measured, growth))
    if slow:
        console.print(f"[bold red]Time grows faster than size:[/] {'; '.join(slow)}")
        sys.exit(1)
    console.print(f"No parser's time grows faster than size to the power of {_MAX_EXPONENT}.")


def _plot(parser: Parser, measured: list[tuple[int, float]], growth: str) -> Table:
    """Return a table whose bars show time against size: each is twice the one above if time is linear."""
    table = Table(title=f"{parser.name}: {growth}", title_justify="left")
    for heading in (parser.unit, "ms", "ns per unit"):
        table.add_column(heading, justify="right")
    table.add_column("time against size")
    longest = max(seconds for _, seconds in measured)
    for size, seconds in measured:
        bar = Bar(longest or 1, 0, seconds, width=48)
        table.add_row(f"{size:,}", f"{seconds * 1e3:,.2f}", f"{seconds * 1e9 / size:,.0f}", bar)
    return table


if __name__ == "__main__":
    main()
