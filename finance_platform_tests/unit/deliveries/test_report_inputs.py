"""Which rows of delivered trial balances count, where several files have balances of one account.

Does not belong here: comparing balances with the ledger (see `unit/quality/test_books`), reading their files (see
`unit/feeds/test_balance_rows`).
"""

from __future__ import annotations

from decimal import Decimal

from finance_platform.deliveries.report_inputs import Balance, latest_balances


def balance(account: int, amount: str, department: str | None = None, period: str = "2025-01") -> Balance:
    return Balance("tb", period, account, str(account), department, None, Decimal(amount), "tb.csv", 2)


def amounts(*of_deliveries: list[Balance]) -> list[tuple[int, str | None, str]]:
    return [(one.account_key, one.department_code, str(one.balance)) for one in latest_balances(of_deliveries)]


def test_a_later_balance_of_an_account_as_a_whole_counts_instead_of_those_of_its_departments() -> None:
    by_department = [balance(1, "70", "D20"), balance(1, "50", "D30"), balance(2, "5", "D20")]
    assert amounts(by_department, [balance(1, "120")]) == [(1, None, "120"), (2, "D20", "5")]
    assert amounts([balance(1, "120")], by_department) == [(1, "D20", "70"), (1, "D30", "50"), (2, "D20", "5")]


def test_files_of_several_departments_count_side_by_side_and_a_later_one_replaces_its_own() -> None:
    first, second = [balance(1, "70", "D20")], [balance(1, "50", "D30")]
    assert amounts(first, second, [balance(1, "71", "d20")]) == [(1, "d20", "71"), (1, "D30", "50")]


def test_a_file_may_have_lines_of_an_account_with_and_without_a_department() -> None:
    rows = [balance(1, "70", "D20"), balance(1, "50")]
    assert amounts(rows) == [(1, None, "50"), (1, "D20", "70")]
    assert amounts(rows, [balance(1, "9", period="2025-02")]) == [(1, None, "50"), (1, "D20", "70"), (1, None, "9")]
