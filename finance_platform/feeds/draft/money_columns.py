"""Columns of numbers: whether they are money, their marks, and what they add up to.

Belongs here: single columns and their amounts. Does not belong here: which of them a draft takes (see `money`), single
texts (see `values`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from finance_platform.feeds.doubts.unread_accounts import CREDITED, DEBITED
from finance_platform.feeds.draft.columns import Column, describe_blanks
from finance_platform.feeds.draft.values import AmountGuess
from finance_platform.feeds.values.amounts import EXACT, read_amount
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.common_amounts import CREDITS
from finance_platform.feeds.values.currencies import denoted_currencies
from finance_platform.feeds.values.header_words import COMPARED, DIFFERENCES, WORDS, plain_name, rank
from finance_platform.feeds.values.month_names import read_month

_MONEY = ("amount", "debit", "credit")
_OTHER_FIELDS = tuple(name for name in WORDS if name not in _MONEY)
_WORDS_OF_CODES = {
    "id", "ids", "cd", "code", "codes", "no", "nr", "num", "number", "key", "ref", "line", "row", "fund", "org", "unit",
    "project", "proj", "program", "programme", "site", "region", "product", "sku", "order", "level", "version", "year",
    "month", "segment", "company", "ledger", "client", "rclnt", "mandt", "bukr", "bukrs", "rbukrs",
    "buchungskreis", "urn", "item", "pos", "bilanzpos", "cocd", "gschb", "schlussel",
}  # fmt: skip
_WORDS_OF_MONEY = {
    "amount", "debit", "credit", "balance", "betrag", "soll", "haben", "saldo", "montant", "importe", "importo",
    "bedrag",
}  # fmt: skip
_OF_ACCOUNTS = re.compile(r"(?:konto|kontonr|kontonummer|schlussel)$")
"""How names of codes end in German, where they are one word: Sollkonto, Steuerschlüssel."""

_SCENARIOS = {
    "actual": "Actual", "actuals": "Actual", "act": "Actual", "ist": "Actual", "istkosten": "Actual",
    "budget": "Budget", "bud": "Budget", "plan": "Budget", "planned": "Budget", "plankosten": "Budget",
    "forecast": "Forecast", "fcst": "Forecast", "reel": "Actual", "realise": "Actual", "realisatie": "Actual",
    "consuntivo": "Actual", "ejecutado": "Actual", "begroting": "Budget", "preventivo": "Budget",
    "presupuesto": "Budget", "previsionnel": "Budget",
}  # fmt: skip
_COSTS = {"costs", "cost", "kosten", "amounts", "value", "values"}
_OF_MONTH = {"month", "monthly", "mtd", "this", "current", "period", "monat", "mois", "mes", "mese", "maand"}
_THIS = {"this", "current"}
_YEAR_BEFORE = {"py", "ly", "vj", "vorjahr", "vorjahre"}
_MAX_NAMES = 10
_SEVERAL = 2


def is_money(column: Column) -> bool:
    """Return whether a column of numbers is money rather than codes, by its name or because it has fractions."""
    if column.amounts is None:
        return False
    words = set(plain_name(column.name).split())
    return is_called_amount(column) or bool(words & _WORDS_OF_MONEY) or any(not text.isdigit() for text in column.texts)


def is_named(column: Column) -> bool:
    """Return whether a column's name says which field it gives."""
    return any(rank(name, column.name) is not None for name in WORDS)


def is_called_amount(column: Column) -> bool:
    """Return whether a column's name says that it is an amount, a debit or a credit."""
    return any(rank(name, column.name) is not None for name in _MONEY)


def is_other(column: Column) -> bool:
    """Return whether a column's name says that it is another field, a code or a quantity."""
    if plain_name(column.name) in CREDITED | DEBITED:
        return True
    plain = plain_name(column.name).removeprefix("no ")  # - No Department -
    words = {re.sub("(?<=[a-z]{3})[0-9]+$", "", word) for word in plain.split()}  # SEGMENT2
    if words & _SCENARIOS.keys() and words - _SCENARIOS.keys() <= _OF_MONTH:
        return False
    if words & _THIS and words - _THIS and words <= _OF_MONTH:
        return False
    return any(rank(name, column.name) is not None for name in _OTHER_FIELDS) or any(
        word in _WORDS_OF_CODES or _OF_ACCOUNTS.search(word) for word in words
    )


def is_percentage(column: Column) -> bool:
    """Return whether a column's name says that its numbers are percentages."""
    return "%" in column.name or bool(
        {"percent", "pct", "percentage", "prozent"} & set(plain_name(column.name).split())
    )


def is_difference(column: Column) -> bool:
    """Return whether a column's name says that it compares the amounts of others."""
    return bool(DIFFERENCES & set(plain_name(column.name).split()))


def is_of_year_before(column: Column) -> bool:
    """Return whether a column's name says that it has the amounts of the year before: PY, Prior year."""
    words = set(plain_name(column.name).split())
    return bool(words & _YEAR_BEFORE) or ("year" in words and bool(words & {"prior", "previous", "last"}))


def is_compared(column: Column) -> bool:
    """Return whether a column's name says that it is of another year or scenario, or compares the amounts of others."""
    return bool(COMPARED & set(plain_name(column.name).split())) or is_percentage(column)


def may_be_money(column: Column) -> bool:
    """Return whether whole numbers may be money: they have a name that says nothing else, and no leading zeros."""
    has_zeros = any(len(text) > 1 and text.startswith("0") for text in column.texts if text.isdigit())
    is_nameless = plain_name(column.name).startswith("column ")
    return not (is_other(column) or has_zeros or is_nameless)


def scenario_of(column: Column) -> str:
    """Return the scenario that a column's name says; empty if it says none or several."""
    words = set(plain_name(column.name).split())
    names = {_SCENARIOS[word] for word in words if word in _SCENARIOS}
    return names.pop() if len(names) == 1 and not words & COMPARED and not is_percentage(column) else ""


def is_of_month(column: Column) -> bool:
    """Return whether a column's name says that its amounts are those of the month: MTD Actual, Mar Actual."""
    words = plain_name(column.name).split()
    is_month = any(month.is_bare for word in words if word.isalpha() and (month := read_month(word)))
    return is_month or (bool(_OF_MONTH & set(words)) and "year" not in words)


def names_scenario_alone(column: Column) -> bool:
    """Return whether a column's name says its scenario and that it has amounts, and nothing else: Actual amount."""
    others = set(plain_name(column.name).split()) - _SCENARIOS.keys() - _OF_MONTH
    return not others - _WORDS_OF_MONEY - _COSTS


def find_sums(columns: Sequence[Column]) -> set[str]:
    """Return the headers of the columns that are the sum of all others, of two or more, in every row."""
    if len(columns) <= _SEVERAL:
        return set()
    values = {column.name: [value_of(text, marks_of(column)) for text in column.cells] for column in columns}
    rows = list(zip(*values.values(), strict=True))
    totals = [sum((value for value in row if value), Decimal(0)) for row in rows]
    counts = [sum(map(bool, row)) for row in rows]
    return {name for name, cells in values.items() if _is_sum(cells, totals, counts)}


def _is_sum(cells: Sequence[Decimal | None], totals: Sequence[Decimal], counts: Sequence[int]) -> bool:
    """Return whether each amount is half of its row's total, beside two others at least once."""
    filled = [
        (cell, total, count) for cell, total, count in zip(cells, totals, counts, strict=True) if cell is not None
    ]
    return all(cell * 2 == total for cell, total, _ in filled) and any(
        cell and count > _SEVERAL for cell, _, count in filled
    )


def count_balanced(vouchers: Sequence[str], amounts: Sequence[Decimal | None]) -> tuple[int, int]:
    """Return how many vouchers of several rows there are, and how many of them add up to zero."""
    sums: dict[str, list[Decimal]] = {}
    for voucher, amount in zip(vouchers, amounts, strict=True):
        if voucher and amount is not None:
            sums.setdefault(clean(voucher), []).append(amount)
    several = [values for values in sums.values() if len(values) >= _SEVERAL]
    if len(several) * _SEVERAL < len(sums):  # a voucher of one line does not balance
        return 0, 0
    return len(several), sum(not sum(values, Decimal(0)) and any(values) for values in several)


def value_of(text: str, marks: tuple[str, str | None], side: str = "") -> Decimal | None:
    """Return the exact amount of a text under a decimal and a thousands mark; None if it is blank or not valid.

    Args:
        text: a cell.
        marks: both.
        side: debit or credit, of a column that has one of them; empty if the amount may be either.
    """
    written = read_amount(text, *marks, has_sides=not side, side=side) if text else None
    return written.value if written else None


def difference(debit: Decimal | None, credit: Decimal | None) -> Decimal | None:
    """Return debit less credit, a missing side as zero; None if both are missing."""
    return None if debit is None and credit is None else EXACT.subtract(debit or Decimal(0), credit or Decimal(0))


def marks_of(column: Column) -> tuple[str, str | None]:
    """Return the marks of a column; those of plain numbers if it has no amounts."""
    return (column.amounts.decimal, column.amounts.thousands) if column.amounts else (".", None)


def marks_in_yaml(guess: AmountGuess) -> dict[str, Any]:
    """Return the keys of a field for marks that differ from the defaults."""
    values: dict[str, Any] = {"decimal": guess.decimal} if guess.decimal != "." else {}
    return values | ({"thousands": guess.thousands} if guess.thousands else {})


def listed(names: Sequence[str]) -> str:
    """Return names for a comment, the first ones of many."""
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(map(repr, names[:_MAX_NAMES])) + more


def describe_amounts(column: Column, comment: str, home_currency: str) -> str:
    """Return the comment of an amount: what was guessed, and which rows will be rejected."""
    guess = column.amounts
    parts = [comment] if comment else []
    if guess and guess.ambiguous:
        parts.append(f"decide: {guess.ambiguous!r} could mean two things; check decimal and thousands")
    if guess and guess.unsure_side:
        side = "a credit" if guess.unsure_side[-1] in CREDITS else "a debit"
        parts.append(
            f"decide: {guess.unsure_side!r} is read as {side}; if its letter is something else, omit that at the source"
        )
    if guess and guess.unread:
        parts.append(f"{guess.unread!r} is not an amount, so its row will be rejected")
    if guess and guess.currencies:
        is_foreign = not any(
            home_currency in (denoted_currencies(mark) or {home_currency}) for mark in guess.currencies
        )
        written = f"written with {', '.join(guess.currencies)}; the home's currency is {home_currency}"
        parts.append(f"decide: {written}, so every row will be rejected" if is_foreign else written)
    if column.blanks:
        parts.append(f"rows with a blank cell ({describe_blanks(column)}) will be rejected")
    return "; ".join(parts)
