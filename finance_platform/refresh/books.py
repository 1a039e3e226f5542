"""What the gates about balances compare: published lines of double-entry feeds, the trial balance, the delivered one.

Belongs here: reading them. Does not belong here: the rules (see `quality.books`), the other gates (see `close`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

import pyarrow.compute as pc

from finance_platform.deliveries.report_inputs import Balance
from finance_platform.quality import books, gates
from finance_platform.quality.books import AccountBalance, DeliveredAccount, Sides
from finance_platform.quality.gates import Finding, Gate
from finance_platform.trace.published_lines import LineStore, read_period
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import SqlFile, statement

_ZERO = Decimal("0.00")


def find_imbalances(
    store: LineStore,
    warehouse: Queryable,
    double_entry: Collection[str],
    balances: Sequence[Balance],
    period: str,
    version: str,
) -> dict[Gate, Sequence[Finding]]:
    """Return the findings of the gates about balances.

    Args:
        store: the ledger lines.
        warehouse: what is published.
        double_entry: the feeds whose vouchers must balance.
        balances: the rows of the delivered trial balances, of any period.
        period: YYYY-MM.
        version: its published version.

    Raises:
        MissingRecordError: the inputs of the published version are not recorded.
    """
    of_period = [one for one in balances if one.period == period]
    delivered = [
        DeliveredAccount(one.account_key, one.account_number, one.balance, one.source_file) for one in of_period
    ]
    findings: dict[Gate, Sequence[Finding]] = {
        gates.TRIAL_BALANCE: [
            *books.find_unbalanced_feeds(_sums(store, double_entry, period, version), period),
            *books.find_unbalanced_trial_balance(delivered, period),
        ],
        gates.CARRY_FORWARD: [],
        gates.TIE_OUT: [],
    }
    if delivered:
        rows = [
            AccountBalance(*row)
            for row in warehouse.query(statement(SqlFile.BALANCES_TO_COMPARE), {"period": period}).rows
        ]
        own, before = ([row for row in rows if (row.period == period) is is_own] for is_own in (True, False))
        files = {row.account_key: row.file for row in delivered}
        any_file = delivered[0].file
        findings[gates.CARRY_FORWARD] = books.find_broken_carry_forward(own, before, files, any_file)
        findings[gates.TIE_OUT] = books.find_untied(own, before, delivered, files, any_file)
    return findings


def _sums(store: LineStore, feeds: Collection[str], period: str, version: str) -> dict[str, dict[str, Sides]]:
    """Return debits and credits of a period by feed and file."""
    sums: dict[str, dict[str, Sides]] = {}
    if not feeds:
        return sums
    publication = read_period(store.processed, period, version)
    for commit, lines in store.published(publication, ("scenario", "amount"), scenario="Actual", feeds=feeds):
        amounts = lines["amount"]
        debit, credit = (
            pc.sum(amounts.filter(is_side(amounts, _ZERO))).as_py() or _ZERO for is_side in (pc.greater, pc.less)
        )
        files = sums.setdefault(commit.feed, {})
        before = files.get(commit.object_key, Sides(_ZERO, _ZERO))
        files[commit.object_key] = Sides(before.debit + debit, before.credit - credit)
    return sums
