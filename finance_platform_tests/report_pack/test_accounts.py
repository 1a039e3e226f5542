"""The accounts of a pack by column, compared with the same rows one by one.

Belongs here: `reports.pack.accounts`. Does not belong here: what a page shows of them (see `test_page`), the queries
(see `warehouse.test_report_views`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.reports.pack.accounts import ACCOUNT_ROWS, STATEMENT_ROWS, PackAccounts, statement_of
from finance_platform.reports.pack.model import PackAccount, StatementRow
from finance_platform_tests.report_pack.made_packs import made_pack

TOTAL, RESULT = 90, 99
lines_of_accounts = st.lists(st.sampled_from((None, 1, 2, 3)), max_size=8)
"""The line of each account in order; None if it has none."""


def made_rows(lines: list[int | None]) -> tuple[pa.Table, pa.Table]:
    """Return the rows of both queries: line 2 counts against the total, line 3 is in the result alone."""
    accounts = [(key, f"{key}0", f"Name {key}", "Expense", "Rent", -1, key % 2 == 0) for key in range(len(lines))]
    own = [(line, f"Line {line}", False, 1, key, 1 + key % 2 * -2, key == 1) for key, line in enumerate(lines) if line]
    total = [(TOTAL, "Total", True, 1, row[4], row[5] * (-1) ** (row[0] - 1), row[6]) for row in own if row[0] < 3]
    result = [(RESULT, "Result", True, -1, row[4], row[5], row[6]) for row in own]
    return table(accounts, ACCOUNT_ROWS), table([*sorted(own), *total, *result], STATEMENT_ROWS)


def table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


@given(lines_of_accounts)
def test_each_account_has_its_own_line_and_what_its_amounts_count_for_there(lines: list[int | None]):
    assert [*PackAccounts.of_rows(*made_rows(lines))] == [
        PackAccount(
            key=key,
            number=f"{key}0",
            name=f"Name {key}",
            type="Expense",
            category="Rent",
            line=line,
            factor=-1 if line and key % 2 else 1,
            is_mapped=line is not None and key == 1,
            is_inferred=key % 2 == 0,
        )
        for key, line in enumerate(lines)
    ]


@given(lines_of_accounts)
def test_a_subtotal_adds_up_the_lines_of_its_accounts_each_with_one_factor(lines: list[int | None]):
    used = sorted({line for line in lines if line})
    rows = [StatementRow(line, f"Line {line}", is_subtotal=False, sign=1, parts=((line, 1),)) for line in used]
    in_total = tuple((line, 1 if line == 1 else -1) for line in used if line < 3)
    if in_total:
        rows.append(StatementRow(TOTAL, "Total", is_subtotal=True, sign=1, parts=in_total))
    if used:
        parts = tuple((line, 1) for line in used)
        rows.append(StatementRow(RESULT, "Result", is_subtotal=True, sign=-1, parts=parts))
    assert statement_of(made_rows(lines)[1]) == tuple(rows)


def test_accounts_by_column_are_the_accounts_that_they_were_made_of():
    accounts = made_pack().accounts
    by_column = PackAccounts.of(accounts)
    assert by_column == accounts
    assert hash(by_column) == hash(accounts)
    assert by_column != accounts[1:]
    assert (by_column[0], by_column[-1]) == (accounts[0], accounts[-1])
    assert (by_column[:2], by_column[1:9], by_column[3:1]) == (accounts[:2], accounts[1:], ())
    assert by_column[::-2] == accounts[::-2]
    assert [*by_column.of_type("Unknown")] == [*by_column.inferred()] == [accounts[3]]
    assert len(PackAccounts.of(())) == 0


def test_the_texts_of_accounts_differ_where_an_attribute_differs():
    accounts = made_pack().accounts
    changes: list[dict[str, Any]] = [
        {"name": "Goods 2"},
        {"line": None},
        {"factor": -1},
        {"is_mapped": True},
        {"is_inferred": True},
    ]
    packs = [accounts, *((replace(accounts[0], **change), *accounts[1:]) for change in changes)]
    assert len({PackAccounts.of(one).texts() for one in packs}) == len(packs)
