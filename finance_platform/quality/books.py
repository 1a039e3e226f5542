"""Whether the books balance: debits equal credits, balances carry forward, the ledger agrees with a trial balance.

Belongs here: the rules of these gates, pure. Does not belong here: reading what they compare (see `refresh.books`), the
balances themselves (see `sql/views/trial_balance.sql`), single vouchers (see `transforms.vouchers`).

All money is debit less credit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from finance_platform.money_text import grouped_money
from finance_platform.quality.gates import Finding
from finance_platform.safe_text import quote_name

_ZERO = Decimal("0.00")
_BALANCE_SHEET = ("Asset", "Liability", "Equity")
_EQUITY = "Equity"
_FIX = "deliver the missing lines, or correct the trial balance and send it again"


class Sides(NamedTuple):
    """The lines of a double-entry feed in one file: sums of debits and credits, both positive."""

    debit: Decimal
    credit: Decimal


class AccountBalance(NamedTuple):
    """An account of the trial balance of a period.

    Attributes:
        period: YYYY-MM.
        fiscal_year: of the period.
        account_key: the account.
        number: its number.
        name: its name.
        account_type: its type.
        opening: the balance that is carried forward into the period.
        movement: the lines of Actual in the period.
        delivered_opening: the opening balance of the delivered trial balance; None if it has none.
        delivered: its closing balance; None without a trial balance of the period.
    """

    period: str
    fiscal_year: int
    account_key: int
    number: str
    name: str
    account_type: str
    opening: Decimal
    movement: Decimal
    delivered_opening: Decimal | None
    delivered: Decimal | None

    @property
    def closing(self) -> Decimal:
        """The balance at the end of the period, by the ledger."""
        return self.opening + self.movement


class DeliveredAccount(NamedTuple):
    """A row of a delivered trial balance of a period: key, number and balance of the account, and the file."""

    account_key: int
    number: str
    balance: Decimal
    file: str


class _Break(NamedTuple):
    """An account, or all accounts of equity, of which two balances differ."""

    what: str
    expected: Decimal
    actual: Decimal
    account_key: int | None


def find_unbalanced_feeds(sums: Mapping[str, Mapping[str, Sides]], period: str) -> list[Finding]:
    """Return the double-entry feeds whose debits and credits differ in a period, and the files that differ.

    Args:
        sums: by feed and file, its published lines in the period.
        period: YYYY-MM.
    """
    findings = []
    for feed, files in sorted(sums.items()):
        debit, credit = (sum((sides[place] for sides in files.values()), _ZERO) for place in (0, 1))
        if debit == credit:
            continue
        differing = {file: sides.debit - sides.credit for file, sides in files.items() if sides.debit != sides.credit}
        names = ", ".join(f"{quote_name(file)} by {grouped_money(money)}" for file, money in sorted(differing.items()))
        findings.append(
            Finding(
                f"feed {feed}: debits of {period} are {grouped_money(debit)}, credits {grouped_money(credit)}; they "
                f"differ in {names}",
                "correct the vouchers whose lines are in several periods, or that a later file has changed in part, "
                "and send the files again",
            )
        )
    return findings


def find_unbalanced_trial_balance(delivered: Iterable[DeliveredAccount], period: str) -> list[Finding]:
    """Return that the balances of the delivered trial balance do not add up to zero, if so."""
    rows = list(delivered)
    total = sum((row.balance for row in rows), _ZERO)
    if not total:
        return []
    files = ", ".join(sorted({quote_name(row.file) for row in rows}))
    return [
        Finding(
            f"{files}: the balances of {period} add up to {grouped_money(total)} and not to 0.00",
            "correct the trial balance and send it again",
        )
    ]


def find_broken_carry_forward(
    balances: Sequence[AccountBalance], before: Sequence[AccountBalance], files: Mapping[int, str], any_file: str
) -> list[Finding]:
    """Return the accounts that open a period with another balance than the one that is carried forward.

    Nothing is compared without opening balances, or where nothing was booked before: there the books begin. At the
    beginning of a fiscal year the result of the year before is in the accounts of equity, so these are compared
    together; or the accounts of profit and loss keep their balances, as the source does it.

    Args:
        balances: the trial balance of the period.
        before: that of the period before; empty if it is the first one.
        files: the file that has an account's balance, by account.
        any_file: a file of the trial balance, for accounts that it leaves out.
    """
    if not before or not _has_openings(balances):
        return []
    breaks = _compare_openings(balances, before, lambda row: row.delivered_opening or _ZERO)
    period = balances[0].period
    return [
        Finding(
            f"{one.what}: {_file(one, files, any_file)} opens {period} with {grouped_money(one.actual)}, and "
            f"{grouped_money(one.expected)} is carried forward from {before[0].period}, a difference of "
            f"{grouped_money(one.actual - one.expected)}",
            _FIX,
        )
        for one in breaks
    ]


def find_untied(
    balances: Sequence[AccountBalance],
    before: Sequence[AccountBalance],
    delivered: Sequence[DeliveredAccount],
    files: Mapping[int, str],
    any_file: str,
) -> list[Finding]:
    """Return the accounts of which the ledger has other money than the delivered trial balance.

    With opening balances, what an account moved by in the period is compared, else its balance at the end.

    Args:
        balances: the trial balance of the period.
        before: that of the period before.
        delivered: the rows of the delivered trial balance.
        files: as for `find_broken_carry_forward`.
        any_file: as there.
    """
    findings = [
        Finding(
            f"account {row.number}: {quote_name(row.file)} has {grouped_money(row.balance)}, and the "
            "ledger has no such account",
            _FIX,
        )
        for row in delivered
        if row.balance and row.account_key not in {balance.account_key for balance in balances}
    ]
    if _has_openings(balances):
        for row in balances:
            moved = (row.delivered or _ZERO) - (row.delivered_opening or _ZERO)
            if moved != row.movement:
                one = _Break(_name(row), row.movement, moved, row.account_key)
                findings.append(_untied(one, f"moves by {{}} in {row.period}", files, any_file))
        return findings
    breaks = _compare_openings(balances, before, lambda row: (row.delivered or _ZERO) - row.movement)
    movements = {row.account_key: row.movement for row in balances}
    equity = sum((row.movement for row in balances if row.account_type == _EQUITY), _ZERO)
    for one in breaks:
        movement = equity if one.account_key is None else movements[one.account_key]
        closing = one._replace(expected=one.expected + movement, actual=one.actual + movement)
        findings.append(_untied(closing, f"has {{}} at the end of {balances[0].period}", files, any_file))
    return findings


def _untied(one: _Break, says: str, files: Mapping[int, str], any_file: str) -> Finding:
    return Finding(
        f"{one.what}: {_file(one, files, any_file)} {says.format(grouped_money(one.actual))}, the ledger "
        f"{grouped_money(one.expected)}, a difference of {grouped_money(one.actual - one.expected)}",
        _FIX,
    )


def _compare_openings(
    balances: Sequence[AccountBalance], before: Sequence[AccountBalance], actual: Callable[[AccountBalance], Decimal]
) -> list[_Break]:
    """Return where opening balances differ from those that are carried forward."""
    if not balances or not before or before[0].fiscal_year == balances[0].fiscal_year:
        return list(_breaks(balances, actual, {}))
    closing = {row.account_key: row.closing for row in before}
    result = sum((row.closing for row in before if row.account_type not in _BALANCE_SHEET), _ZERO)
    others = [row for row in balances if row.account_type != _EQUITY]
    equity = [row for row in balances if row.account_type == _EQUITY]
    expected = sum((row.opening for row in equity), result)
    found = sum((actual(row) for row in equity), _ZERO)
    together = [_Break("accounts of equity together", expected, found, None)] if expected != found else []
    with_result = [*_breaks(others, actual, {}), *together]
    kept = {
        row.account_key: closing.get(row.account_key, _ZERO)
        for row in balances
        if row.account_type not in _BALANCE_SHEET
    }
    return min(with_result, list(_breaks(balances, actual, kept)), key=len)


def _breaks(
    balances: Iterable[AccountBalance], actual: Callable[[AccountBalance], Decimal], kept: Mapping[int, Decimal]
) -> Iterator[_Break]:
    """Yield the accounts whose actual opening is not the one carried forward, or the one of `kept`."""
    for row in balances:
        expected = kept.get(row.account_key, row.opening)
        if actual(row) != expected:
            yield _Break(_name(row), expected, actual(row), row.account_key)


def _has_openings(balances: Collection[AccountBalance]) -> bool:
    return any(row.delivered_opening is not None for row in balances)


def _name(row: AccountBalance) -> str:
    return f"account {row.number} {row.name}"


def _file(one: _Break, files: Mapping[int, str], any_file: str) -> str:
    return quote_name(files.get(one.account_key, any_file) if one.account_key is not None else any_file)
