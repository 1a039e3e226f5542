"""What people deliver for reports: comments on variances, lines of the statement, trial balances to compare with.

Belongs here: reading the rows of the live deliveries, and which row counts where several describe the same.
Does not belong here: reading a file (see `feeds.lines.report_rows`), the tables of the warehouse (see
`warehouse.report_tables`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finance_platform.contracts.processed import BALANCES, COMMENTS, STATEMENT_LINES
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.feeds.values.codes import fold
from finance_platform.storage.port import ObjectStore


@dataclass(frozen=True)
class Comment:
    """A comment on the variance of one cell.

    Attributes:
        period: YYYY-MM, from which the variance is seen.
        department_key: the department.
        department_code: its code, as delivered.
        account_key: the account.
        account_number: its number, as delivered.
        owner: who answers for it, if named.
        comment: the explanation, if there is one.
        nature: timing or permanent, if stated.
        source_file: object key of the file.
        source_row: its line.
    """

    period: str
    department_key: int
    department_code: str
    account_key: int
    account_number: str
    owner: str | None
    comment: str | None
    nature: str | None
    source_file: str
    source_row: int


@dataclass(frozen=True)
class StatementLineRow:
    """A row that maps accounts to a line of the statement.

    Attributes:
        account: number, or its beginning and `*`; empty if the row maps a category.
        category: the category; empty if the row maps an account.
        section: section of the statement.
        line: the line, in its first spelling.
        order: order of the line within its section, the same for every row of the line.
        source_file: object key of the file.
        source_row: its line.
    """

    account: str
    category: str
    section: str
    line: str
    order: int
    source_file: str = ""
    source_row: int = 0


@dataclass(frozen=True)
class Balance:
    """A row of a trial balance; money is debit less credit.

    Attributes:
        feed: the feed.
        period: YYYY-MM.
        account_key: the account.
        account_number: its number, as delivered.
        department_code: the department, if the file has one for each row.
        opening: balance before the period, if the file has it.
        balance: balance at its end.
        source_file: object key of the file.
        source_row: its line.
    """

    feed: str
    period: str
    account_key: int
    account_number: str
    department_code: str | None
    opening: Decimal | None
    balance: Decimal
    source_file: str
    source_row: int


@dataclass(frozen=True)
class ReportInputs:
    """Everything that live deliveries say for reports.

    Attributes:
        comments: by period, department and account.
        lines: those of accounts first, each by what it maps.
        balances: by period, account and department.
    """

    comments: tuple[Comment, ...] = ()
    lines: tuple[StatementLineRow, ...] = ()
    balances: tuple[Balance, ...] = ()


def read_report_inputs(processed: ObjectStore, live: Iterable[LiveDelivery]) -> ReportInputs:
    """Return what reports take from the live deliveries; of two rows about the same, the later delivery's counts.

    Args:
        processed: the processed zone.
        live: the deliveries that count, in order; those of ledger feeds say nothing for reports.

    Raises:
        DamagedObjectError: the rows of a delivery are damaged.
    """
    comments: dict[tuple[str, int, int], Comment] = {}
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    balances: list[list[Balance]] = []
    for delivery in live:
        if delivery.event.kind == "comments":
            rows = _rows(processed, delivery, COMMENTS.name, list(Comment.__dataclass_fields__))
            found = [Comment(**row) for row in rows]
            comments |= {(one.period, one.department_key, one.account_key): one for one in found}
        elif delivery.event.kind == "statement_lines":
            columns = ["account", "category", "section", "line", "line_order", "source_file", "source_row"]
            for row in _rows(processed, delivery, STATEMENT_LINES.name, columns):
                lines[fold(row["account"] or ""), fold(row["category"] or "")] = row
        elif delivery.event.kind == BALANCES.name:
            rows = _rows(processed, delivery, BALANCES.name, list(Balance.__dataclass_fields__))
            balances.append([Balance(**row) for row in rows])
    return ReportInputs(
        tuple(comments[key] for key in sorted(comments)),
        tuple(_lines(lines)),
        latest_balances(balances),
    )


def latest_balances(of_deliveries: Iterable[Iterable[Balance]]) -> tuple[Balance, ...]:
    """Return the balances that count; of two about the same account and department, that of the later delivery.

    The balance of an account as a whole and those of its departments are about the same money: whichever came later
    counts alone, or their sum would have it twice.

    Args:
        of_deliveries: the balances of each delivery, in order.
    """
    latest: dict[tuple[str, int], dict[str, Balance]] = {}
    for balances in of_deliveries:
        own: dict[tuple[str, int], dict[str, Balance]] = {}
        for one in balances:
            own.setdefault((one.period, one.account_key), {})[fold(one.department_code or "")] = one
        for account, by_department in own.items():
            earlier = latest.setdefault(account, {})
            if "" in by_department or "" in earlier:
                earlier.clear()
            earlier.update(by_department)
    return tuple(one for _, of_account in sorted(latest.items()) for _, one in sorted(of_account.items()))


def _rows(processed: ObjectStore, delivery: LiveDelivery, table: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    for rows in read_rows(processed, delivery.delivery_id, delivery.commit.files.get(table, ()), columns):
        yield from rows.to_pylist()


def _lines(rows: dict[tuple[str, str], dict[str, Any]]) -> Iterator[StatementLineRow]:
    """Yield the rows with one spelling and one order for each line: the least that a row gives, else its first row."""
    spelling: dict[tuple[str, str], str] = {}
    given: dict[tuple[str, str], int] = {}
    first: dict[tuple[str, str], int] = {}
    for row in rows.values():
        line = row["section"], fold(row["line"])
        spelling.setdefault(line, row["line"])
        first[line] = min(first.get(line, row["source_row"]), row["source_row"])
        if row["line_order"] is not None:
            given[line] = min(given.get(line, row["line_order"]), row["line_order"])
    for key in sorted(rows, reverse=True):
        row = rows[key]
        line = row["section"], fold(row["line"])
        mapped = (row["account"] or "", row["category"] or "")
        order = given.get(line, first[line])
        yield StatementLineRow(*mapped, row["section"], spelling[line], order, row["source_file"], row["source_row"])
