"""Recomputes a home's cells, rejected rows and statement from its raw files, and compares the product's output.

Belongs here: the documented rules of the shipped feeds and of AdventureWorks, written a second time, with the standard
library alone. Does not belong here: any import of the product; its output comes from its command line.

    python finance_platform_tests/independent/recompute.py HOME --files sample|adventureworks

It prints each difference, and exits with 1 if there is any. The home must have been refreshed, with one version of
each file, and its currency must be USD.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
BASELINE = "Budget"
CURRENCY = "USD"
EARLIEST, LATEST = date(2000, 1, 1), date(2049, 12, 31)
CELLS = """
SELECT
    FactFinancials.DateKey, DimDepartment.DepartmentCode, DimAccount.AccountNumber, DimScenario.ScenarioName,
    FactFinancials.TransactionCount, FactFinancials.Amount, FactFinancials.BudgetAmount, FactFinancials.Variance
FROM FactFinancials
LEFT JOIN DimDepartment ON DimDepartment.DepartmentKey = FactFinancials.DepartmentKey
LEFT JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey
LEFT JOIN DimScenario ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey
"""
TERMS = (
    *("delivered", "in_warehouse", "not_loaded_yet", "rejected", "duplicate", "skipped"),
    *("superseded", "held", "withdrawn", "replaced", "rounding"),
)
"""The terms of the statement."""

CellKey = tuple[str, str, str, str]
"""Day (YYYYMMDD), department, account (both folded) and scenario."""

RejectedKey = tuple[str, int]
"""File and line."""

TermKey = tuple[str, str, str]
"""File (empty for the home), scenario and term."""


@dataclass
class Cell:
    """The sums of a cell."""

    lines: int = 0
    amount: Decimal = ZERO
    budget: Decimal = ZERO

    @property
    def values(self) -> tuple[int, Decimal, Decimal, Decimal]:
        """Lines, Amount, BudgetAmount and Variance."""
        return self.lines, self.amount, self.budget, self.amount - self.budget


@dataclass
class Term:
    """One term of a line of the statement."""

    rows: int = 0
    unpriced: int = 0
    net: Decimal = ZERO
    gross: Decimal = ZERO

    def add(self, amount: Decimal | None) -> None:
        """Add one row."""
        self.rows += 1
        self.unpriced += amount is None
        self.net += amount or ZERO
        self.gross += abs(amount or ZERO)

    @property
    def values(self) -> tuple[int, int, Decimal, Decimal]:
        """Rows, unpriced rows, net and gross."""
        return self.rows, self.unpriced, self.net, self.gross


NO_TERM = (0, 0, Decimal(0), Decimal(0))


@dataclass(frozen=True)
class Line:
    """One row of a ledger file.

    Attributes:
        file: the file's name.
        number: its line in an editor.
        is_blank: whether every cell is blank.
        rules: the rules that it breaks.
        exact: the amount as written; None if it is not a valid amount.
        scenario: Actual, Budget or Forecast.
        day: the day that it is booked on; None if it is not known.
        department: the code, folded.
        account: the number, folded.
        key: what names the line, if its feed has a key.
        content: what must be equal for two lines with one key to be the same.
    """

    file: str
    number: int
    is_blank: bool
    rules: frozenset[str]
    exact: Decimal | None
    scenario: str
    day: date | None
    department: str
    account: str
    key: str = ""
    content: tuple[object, ...] = ()

    @property
    def amount(self) -> Decimal | None:
        """The amount, rounded to cents."""
        return None if self.exact is None else to_cents(self.exact)


@dataclass
class Results:
    """What the raw files give, or what the product says.

    Attributes:
        cells: lines, Amount, BudgetAmount and Variance of each cell.
        rejected: outcome, rules and amount of each rejected and duplicate row.
        statement: rows, unpriced rows, net and gross of each term that is not zero, by file and for the home.
    """

    cells: dict[CellKey, tuple[int, Decimal, Decimal, Decimal]] = field(default_factory=dict)
    rejected: dict[RejectedKey, tuple[str, frozenset[str], Decimal | None]] = field(default_factory=dict)
    statement: dict[TermKey, tuple[int, int, Decimal, Decimal]] = field(default_factory=dict)


# Rules of every feed


def clean(text: str) -> str:
    """Trim, and replace each run of white space by one space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def fold(text: str) -> str:
    """Return the form in which codes are compared."""
    return clean(text).casefold()


def to_amount(text: str) -> Decimal | None:
    """Return the exact amount: sign or parentheses, `$` or USD, comma or space between thousands, decimal point."""
    plain = unicodedata.normalize("NFKC", text).strip().replace("−", "-").replace("–", "-").replace("—", "-")
    plain = plain.replace("$", "").replace(CURRENCY, "").strip()
    if plain == "-":
        return Decimal(0)
    is_negative = plain.startswith("(") and plain.endswith(")")
    if is_negative:
        plain = plain[1:-1].strip()
    signs = [mark for mark in (plain[:1], plain[-1:]) if mark in ("+", "-")]
    if len(signs) > (0 if is_negative else 1):
        return None
    digits = (plain[1:] if plain[:1] in signs else plain[:-1]).strip() if signs else plain
    if not re.fullmatch(r"([0-9]+|[0-9]{1,3}(,[0-9]{3})+|[0-9]{1,3}( [0-9]{3})+)?(\.[0-9]*)?", digits):
        return None
    digits = digits.replace(",", "").replace(" ", "")
    if not digits.strip("."):
        return None
    value = Decimal(digits)
    return -value if is_negative or signs == ["-"] else value


def to_cents(exact: Decimal) -> Decimal:
    """Round half-up, away from zero."""
    return exact.quantize(CENT, rounding=ROUND_HALF_UP)


def to_day(text: str, patterns: Sequence[str]) -> date | None:
    """Return the day that one of the patterns (regular expressions with y, m and d) gives; without d the first."""
    for pattern in patterns:
        match = re.fullmatch(pattern, text)
        if match:
            parts = match.groupdict()
            try:
                return date(int(parts["y"]), int(parts["m"]), int(parts.get("d") or 1))
            except ValueError:
                continue
    return None


ISO_DAY = r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
ISO_MONTH = r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})"
SLASHED_DAY = r"(?P<d>[0-9]{2})/(?P<m>[0-9]{2})/(?P<y>[0-9]{4})"
COMPACT_DAY = r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"


@dataclass(frozen=True)
class Feed:
    """How the rows of one ledger file are read.

    Attributes:
        file: the file's name in the raw zone.
        day: header of the date.
        patterns: patterns of dates.
        department: returns the department of a row.
        account: header of the account.
        amount: header of the amount.
        scenario: returns the scenario of a row.
        key: header of the key, if the feed has one.
        delimiter: between cells.
        header: names of the cells if the file has no header line.
        statistical: returns the accounts, folded, that are not money, from the raw files.
    """

    file: str
    day: str
    patterns: tuple[str, ...]
    department: Callable[[Mapping[str, str]], str]
    account: str
    amount: str
    scenario: Callable[[Mapping[str, str]], str]
    key: str = ""
    delimiter: str = ","
    header: tuple[str, ...] = ()
    statistical: Callable[[Path], frozenset[str]] = lambda _: frozenset()


def read_rows(path: Path, feed: Feed) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the first line and the cells of each row."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=feed.delimiter)
        header = [clean(name) for name in (feed.header or tuple(next(reader)))]
        before = reader.line_num
        for cells in reader:
            yield before + 1, dict(zip(header, [*cells, *[""] * len(header)], strict=False))
            before = reader.line_num


def read_line(feed: Feed, number: int, row: Mapping[str, str]) -> Line:
    """Apply the rules of one row."""
    scenario = feed.scenario(row)
    if not any(cell.strip() for cell in row.values()):
        return Line(feed.file, number, True, frozenset(), None, scenario, None, "", "")
    rules = set()
    exact = to_amount(row[feed.amount]) if row[feed.amount].strip() else None
    if exact is None:
        rules.add("invalid_amount" if row[feed.amount].strip() else "blank_amount")
    written = clean(row[feed.day])
    day = to_day(written, feed.patterns)
    if day is None:
        rules.add("invalid_date" if written else "blank_date")
    elif not EARLIEST <= day <= LATEST:
        rules.add("date_out_of_range")
    department, account = feed.department(row), row[feed.account]
    rules |= {f"blank_{name}" for name, code in (("department", department), ("account", account)) if not clean(code)}
    key = clean(row[feed.key]) if feed.key else ""
    if feed.key and not key:
        rules.add(f"blank_{feed.key}")
    booked = day.replace(day=1) if day and scenario != "Actual" else day
    cents = None if exact is None else to_cents(exact)
    content = (day, clean(department), clean(account), cents, key, clean(row.get("description", "")))
    codes = fold(department), fold(account)
    return Line(feed.file, number, False, frozenset(rules), exact, scenario, booked, *codes, key, content)


def outcome_of(lines: Sequence[Line]) -> dict[RejectedKey, tuple[str, frozenset[str]]]:
    """Return outcome and rules of each line of one file; lines of one key are the same or contradict each other."""
    outcomes: dict[RejectedKey, tuple[str, frozenset[str]]] = {}
    by_key: dict[str, list[Line]] = {}
    for line in lines:
        name = line.file, line.number
        if line.is_blank:
            outcomes[name] = "skipped", frozenset({"blank_row"})
        elif line.rules:
            outcomes[name] = "rejected", line.rules
        else:
            outcomes[name] = "accepted", frozenset()
            if line.key:
                by_key.setdefault(line.key, []).append(line)
    for of_key in by_key.values():
        if len({line.content for line in of_key}) > 1:
            for line in of_key:
                outcomes[line.file, line.number] = "rejected", frozenset({"conflicting_key"})
        else:
            for line in of_key[1:]:
                outcomes[line.file, line.number] = "duplicate", frozenset({"repeated_row"})
    return outcomes


def sum_cells(accepted: Iterable[Line]) -> dict[CellKey, Cell]:
    """Return the cells: amounts by day, and the baseline once on the first day of each period of each scenario."""
    cells: dict[CellKey, Cell] = {}
    baseline: dict[tuple[str, str, str], Decimal] = {}
    covered: set[tuple[str, str]] = set()
    for line in accepted:
        assert line.day is not None
        assert line.amount is not None
        day = f"{line.day:%Y%m%d}"
        cell = cells.setdefault((day, line.department, line.account, line.scenario), Cell())
        cell.lines += 1
        cell.amount += line.amount
        if line.scenario == BASELINE:
            cell.budget += line.amount
            place = day[:6], line.department, line.account
            baseline[place] = baseline.get(place, ZERO) + line.amount
        else:
            covered.add((line.scenario, day[:6]))
    for scenario, month in covered:
        for (planned, department, account), amount in baseline.items():
            if planned == month:
                cells.setdefault((f"{month}01", department, account, scenario), Cell()).budget += amount
    return cells


def recompute(raw: Path, feeds: Sequence[Feed]) -> Results:
    """Return the results that follow from the raw files of a home with one version of each file."""
    results = Results()
    accepted: list[Line] = []
    terms: dict[TermKey, Term] = {}
    with localcontext(prec=100):
        for feed in feeds:
            lines = [read_line(feed, number, row) for number, row in read_rows(raw / feed.file, feed)]
            statistical = feed.statistical(raw)
            outcomes = outcome_of(lines)
            for line in lines:
                outcome, rules = outcomes[line.file, line.number]
                add_to_statement(terms, line, outcome, is_money=line.account not in statistical)
                if outcome == "accepted":
                    accepted.append(line)
                elif outcome != "skipped":
                    results.rejected[line.file, line.number] = outcome, rules, line.amount
        results.cells = {key: cell.values for key, cell in sum_cells(accepted).items()}
        results.statement = {name: term.values for name, term in terms.items() if term.values != NO_TERM}
    return results


def add_to_statement(terms: dict[TermKey, Term], line: Line, outcome: str, *, is_money: bool) -> None:
    """Add a row to the line of its file and to that of the home: delivered exactly, rounded where it is now."""
    scenario = line.scenario if is_money else in_unit(line.scenario, "statistical")
    for file in (line.file, ""):
        place = "in_warehouse" if outcome == "accepted" else outcome
        terms.setdefault((file, scenario, "delivered"), Term()).add(line.exact)
        terms.setdefault((file, scenario, place), Term()).add(line.amount)
        if line.exact is not None and line.amount is not None:
            rounding = terms.setdefault((file, scenario, "rounding"), Term())
            rounding.net += line.exact - line.amount
            rounding.gross += abs(line.exact) - abs(line.amount)


def in_unit(scenario: str, unit: str) -> str:
    """Return the name of a scenario's line in another unit than the home's currency."""
    return f"{scenario} in {unit}"


# Rules of the files


def uncounted_in_money(raw: Path) -> frozenset[str]:
    """Return the accounts of AdventureWorks that are heads, units and square feet."""
    with (raw / "DimAccount.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream, delimiter="|"))
    return frozenset(fold(row[0]) for row in rows if row[5].strip() in {"Balances", "Flow", "Statistical"})


SAMPLE = (
    Feed(
        "transactions.csv",
        "transaction_date",
        (ISO_DAY, SLASHED_DAY),
        lambda row: row["department_code"],
        "account_number",
        "amount",
        lambda _: "Actual",
        key="transaction_id",
    ),
    Feed(
        "budget.csv",
        "period",
        (ISO_MONTH, ISO_DAY),
        lambda row: row["department_code"],
        "account_number",
        "budget_amount",
        lambda _: "Budget",
    ),
    Feed(
        "forecast.csv",
        "period",
        (ISO_MONTH, ISO_DAY),
        lambda row: row["department_code"],
        "account_number",
        "forecast_amount",
        lambda _: "Forecast",
    ),
)
ADVENTUREWORKS = (
    Feed(
        "FactFinance.csv",
        "DateKey",
        (COMPACT_DAY,),
        lambda row: f"{row['OrganizationKey']}-{row['DepartmentGroupKey']}",
        "AccountKey",
        "Amount",
        lambda row: {"1": "Actual", "2": "Budget", "3": "Forecast"}[row["ScenarioKey"].strip()],
        delimiter="|",
        header=(
            *("FinanceKey", "DateKey", "OrganizationKey", "DepartmentGroupKey"),
            *("ScenarioKey", "AccountKey", "Amount", "Date"),
        ),
        statistical=uncounted_in_money,
    ),
)
FILES = {"sample": SAMPLE, "adventureworks": ADVENTUREWORKS}


# The product's output


def command_line(home: Path, command: Sequence[str]) -> Callable[..., str]:
    """Return a function that runs a command of the product on a home in a process of its own."""

    def run(*arguments: str) -> str:
        name, *rest = arguments
        words = [*command, name, "--home", str(home), *rest]
        done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{' '.join(words)} failed: {done.stderr}")
        return done.stdout

    return run


def product_output(run: Callable[..., str]) -> Results:
    """Return what the product says about a home; `run` returns the output of one of its commands."""
    results = Results()
    for row in csv.DictReader(io.StringIO(run("query", CELLS, "--format", "csv"))):
        key = row["DateKey"], fold(row["DepartmentCode"]), fold(row["AccountNumber"]), row["ScenarioName"]
        if key in results.cells:
            raise SystemExit(f"the product has two rows of the cell {key}")
        money = [Decimal(row[name]) for name in ("Amount", "BudgetAmount", "Variance")]
        results.cells[key] = int(row["TransactionCount"]), money[0], money[1], money[2]
    for row in csv.DictReader(io.StringIO(run("rejected", "--format", "csv"))):
        amount = Decimal(row["amount"]) if row["amount"] else None
        rules = frozenset(row["rules"].split(","))
        results.rejected[row["source_file"], int(row["source_row"])] = row["outcome"], rules, amount
    document = json.loads(run("status", "--json"))["reconciliation"]
    for file_key, view in (("", "by_scenario"), ("file", "by_file")):
        for line in document[view]:
            add_product_line(results, line, line[file_key] if file_key else "")
    return results


def add_product_line(results: Results, line: Mapping[str, Any], file: str) -> None:
    """Enter one line of the product's statement; another unit and an unexplained difference get a name."""
    scenario = line["scenario"] if line["unit"] == CURRENCY else in_unit(line["scenario"], line["unit"])
    for term, count in {**line["terms"], "difference": line["difference"]}.items():
        values = count["rows"], count["unpriced"], Decimal(count["net"]), Decimal(count["gross"])
        if values != NO_TERM:
            results.statement[file, scenario, term] = values


def differences(recomputed: Results, product: Results) -> list[str]:
    """Return one sentence per difference."""
    found: list[str] = []
    for part in ("cells", "rejected", "statement"):
        expected, actual = getattr(recomputed, part), getattr(product, part)
        found += [
            f"{part}: {name}: recomputed {expected.get(name)}, the product has {actual.get(name)}"
            for name in sorted(expected.keys() | actual.keys())
            if expected.get(name) != actual.get(name)
        ]
    return found


def main() -> int:
    """Compare a home with its raw files."""
    parser = argparse.ArgumentParser(description="Recompute a home's results from its raw files.")
    parser.add_argument("home", type=Path)
    parser.add_argument("--files", choices=sorted(FILES), default="sample")
    parser.add_argument("--command", nargs="+", default=[sys.executable, "-m", "finance_platform.cli"])
    arguments = parser.parse_args()
    recomputed = recompute(arguments.home / "raw", FILES[arguments.files])
    found = differences(recomputed, product_output(command_line(arguments.home, arguments.command)))
    counts = (
        f"{len(recomputed.cells):,} cells, {len(recomputed.rejected):,} rejected or duplicate rows and "
        f"{len(recomputed.statement):,} terms compared"
    )
    sys.stdout.write("\n".join([counts, *(found or ["no difference"])]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
