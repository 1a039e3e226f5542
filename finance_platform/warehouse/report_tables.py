"""The small tables beside the star: what people say about the figures, and what became of deliveries, for the views.

Belongs here: their rows from what was delivered and set, and replacing them in a load's own transaction.
Does not belong here: which delivered row counts (see `deliveries.report_inputs`), the views (see `sql/views`).

None of the rows is money: they are no slice and have no movement. A mapping that would move lines of closed periods may
wait (see `refresh.steps.kept_statement_lines`); the others change in closed periods too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import (
    COMMENTARY,
    DELIVERED_BALANCE,
    DIM_ACCOUNT,
    LOAD_LEDGER,
    MATERIALITY,
    STATEMENT_MAPPING,
)
from finance_platform.feeds.values.codes import fold, fold_name, surrogate_key
from finance_platform.settings import AccountThreshold
from finance_platform.warehouse.port import LoadConnection, Queryable, Warehouse
from finance_platform.warehouse.statements import delete_all, insert, select_columns

if TYPE_CHECKING:
    from finance_platform.deliveries.report_inputs import Balance, ReportInputs, StatementLineRow

ANY_ENDING = "*"
"""At the end of an account's number: every account that begins with what is before it."""

_Row = dict[str, object]


class _Account(NamedTuple):
    """An account of the warehouse, its number and type folded."""

    key: int
    number: str
    account_type: str


@dataclass(frozen=True)
class ReportTables:
    """What the tables are made of.

    Attributes:
        inputs: comments, lines of the statement, trial balances.
        thresholds: when a variance is material; the home's first.
        figures: the rows of tables about deliveries and earlier attributes (see `reports.feed_figures`,
            `deliveries.attribute_history`).
        mapping: the rows of StatementMapping while the files' rows wait for a decision; None to take the files' rows.
    """

    inputs: ReportInputs
    thresholds: Sequence[AccountThreshold]
    figures: Mapping[Contract, Sequence[_Row]] = field(default_factory=dict)
    mapping: Sequence[_Row] | None = None


def replace_report_tables(connection: LoadConnection, tables: ReportTables) -> tuple[str, ...]:
    """Store the rows of each table that has others and return their names; the caller holds the ledger's lock.

    Args:
        connection: sees the accounts that are published, or about to be.
        tables: what the rows are made of.
    """
    stale = _stale(connection, tables)
    for contract, rows in stale.items():
        connection.execute(delete_all(contract))
        insert(connection, contract, rows)
    return tuple(contract.name for contract in stale)


def update_report_tables(warehouse: Warehouse, tables: ReportTables) -> tuple[str, ...]:
    """Store the rows in a transaction of their own, if they changed: comments or settings did, and no figure.

    The result is as of `replace_report_tables`.

    Args:
        warehouse: a prepared warehouse; the caller holds the run's lock.
        tables: what the rows are made of.

    Raises:
        LoadError: the transaction fails; the stored rows are unchanged.
    """
    if not _stale(warehouse, tables):
        return ()
    with warehouse.transaction() as connection:
        connection.lock(LOAD_LEDGER.table)
        return replace_report_tables(connection, tables)


def _stale(source: Queryable, tables: ReportTables) -> dict[Contract, Sequence[_Row]]:
    """Return the target rows of each table whose stored rows differ."""
    return {
        contract: rows
        for contract, rows in target_rows(source, tables).items()
        if stored_rows(source, contract) != counted_rows(contract, rows)
    }


def target_rows(source: Queryable, tables: ReportTables) -> dict[Contract, Sequence[_Row]]:
    """Return the rows that each table should have.

    Args:
        source: sees the accounts that are published, or about to be.
        tables: what the rows are made of.
    """
    lines = tables.inputs.lines if tables.mapping is None else ()
    names_some = any(row.account.endswith(ANY_ENDING) for row in lines) or any(one.account for one in tables.thresholds)
    accounts = _accounts(source) if names_some else []
    mapping = list(_mapping(lines, accounts)) if tables.mapping is None else tables.mapping
    return {
        STATEMENT_MAPPING: mapping,
        COMMENTARY: [
            {name: getattr(comment, name) for name in COMMENTARY.column_names} for comment in tables.inputs.comments
        ],
        MATERIALITY: list(_materiality(tables.thresholds, accounts)),
        DELIVERED_BALANCE: _balances(tables.inputs.balances),
        **tables.figures,
    }


def mapping_rows(source: Queryable, lines: Sequence[StatementLineRow]) -> list[dict[str, object]]:
    """Return the rows that StatementMapping would have from rows of files.

    Args:
        source: sees the accounts that are published.
        lines: the rows of the live files.
    """
    return list(_mapping(lines, _accounts(source)))


def stored_rows(source: Queryable, contract: Contract) -> Counter[tuple[object, ...]]:
    """Return the rows of a table, each with how often it is there."""
    return Counter(source.query(select_columns(contract, contract.column_names)).rows)


def counted_rows(contract: Contract, rows: Sequence[Mapping[str, object]]) -> Counter[tuple[object, ...]]:
    """Return rows as `stored_rows` does."""
    return Counter(tuple(row[name] for name in contract.column_names) for row in rows)


def _accounts(source: Queryable) -> list[_Account]:
    rows = source.query(select_columns(DIM_ACCOUNT, ("account_key", "account_number", "account_type"))).rows
    return [_Account(int(key), fold(number), fold_name(account_type)) for key, number, account_type in rows]


def _mapping(lines: Sequence[StatementLineRow], accounts: Sequence[_Account]) -> Iterator[_Row]:
    """Yield a row per account or category; an account counts before its beginning, a long beginning before a short."""
    by_account: dict[int, StatementLineRow] = {}
    beginnings = [row for row in lines if row.account.endswith(ANY_ENDING)]
    for row in sorted(beginnings, key=lambda row: len(fold(row.account))):
        beginning = fold(row.account.removesuffix(ANY_ENDING))
        by_account |= {account.key: row for account in accounts if account.number.startswith(beginning)}
    for row in lines:
        if row.account and not row.account.endswith(ANY_ENDING):
            by_account[surrogate_key(row.account)] = row
    for key in sorted(by_account):
        yield _mapping_row(key, None, by_account[key])
    for row in lines:
        if row.category:
            yield _mapping_row(None, row.category, row)


def _mapping_row(key: int | None, category: str | None, row: StatementLineRow) -> _Row:
    return {
        "account_key": key,
        "category": category,
        "section": row.section,
        "line": row.line,
        "line_order": row.order,
    }


def _balances(balances: Sequence[Balance]) -> list[_Row]:
    """Return a row per period and account; its opening balance is known if each of its rows has one."""
    groups: dict[tuple[str, int], list[Balance]] = {}
    for balance in balances:
        groups.setdefault((balance.period, balance.account_key), []).append(balance)
    rows: list[_Row] = []
    for (period, account_key), members in sorted(groups.items()):
        openings = [one.opening for one in members if one.opening is not None]
        rows.append(
            {
                "period": period,
                "account_key": account_key,
                "opening_balance": sum(openings, Decimal("0.00")) if len(openings) == len(members) else None,
                "closing_balance": sum((one.balance for one in members), Decimal("0.00")),
            }
        )
    return rows


def _materiality(thresholds: Sequence[AccountThreshold], accounts: Sequence[_Account]) -> Iterator[_Row]:
    """Yield the home's threshold and one per account that has another; an account's counts before its type's."""
    by_account: dict[int | None, AccountThreshold] = {}
    for threshold in thresholds:
        name = fold(threshold.account)
        if not name:
            by_account[None] = threshold
        by_account |= {account.key: threshold for account in accounts if name and account.account_type == name}
    for threshold in thresholds:
        number = fold(threshold.account)
        by_account |= {account.key: threshold for account in accounts if account.number == number}
    for key, threshold in by_account.items():
        yield {"account_key": key, "minimum_amount": threshold.amount, "minimum_percent": threshold.percent}
