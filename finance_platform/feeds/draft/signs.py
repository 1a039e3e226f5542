"""The rule of signs of a draft: what types of accounts prove, and what a person is asked where nothing does.

Belongs here: the signs of amounts by type and by account. Does not belong here: a column of signs, debit and credit,
vouchers that balance (see `money`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal

from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft
from finance_platform.feeds.draft.money_columns import value_of
from finance_platform.feeds.values.codes import account_type
from finance_platform.safe_text import quote_name

_USUAL = 0.8
"""Share of the amounts of a type, or of an account, that have its sign; others are corrections."""

_LEAST_OF_A_SIDE = 0.1
"""Share of the money below which accounts that are negative throughout are deductions, and no other side."""

_MAX_ACCOUNTS = 5


def draft_sign(draft: FieldsDraft, columns: Sequence[Column]) -> None:
    """Draft the rule of signs of a file, or ask a person about it; not if columns of debit and credit have it."""
    _sign_of_types(draft, columns)
    if not (draft.sign or draft.is_debit_positive):
        _sign_of_accounts(draft, columns)


def _amounts_by(draft: FieldsDraft, columns: Sequence[Column], code: str) -> Iterator[tuple[str, Decimal]]:
    """Yield each amount that is not zero, of one column or of those of `unpivot` or measures, with a field's text."""
    amount, other = (draft.fields.get(name, FieldDraft({})).values for name in ("amount", code))
    names = draft.unpivot["columns"] if draft.unpivot else [*draft.measures] or [str(amount.get("from"))]
    marks = amount.get("decimal", "."), amount.get("thousands")
    codes = next((column for column in columns if column.name == other.get("from")), None)
    if codes is None or "sign_column" in amount:
        return
    for column in (one for one in columns if one.name in names):
        for text, written in zip(codes.cells, column.cells, strict=True):
            if (value := value_of(written, marks)) and text.strip():
                yield text.strip(), value


def _sign_of_types(draft: FieldsDraft, columns: Sequence[Column]) -> None:
    """Propose the sign of amounts that are positive for one of revenue and expense, and negative for the other."""
    counts: dict[str, Counter[bool]] = {"Revenue": Counter(), "Expense": Counter()}
    for kind, value in _amounts_by(draft, columns, "account_type"):
        if (signs := counts.get(account_type(kind) or "")) is not None:
            signs[value > 0] += 1
    is_positive = {name: _usual_sign(signs) for name, signs in counts.items()}
    if None in is_positive.values() or is_positive["Revenue"] == is_positive["Expense"]:
        return
    draft.sign = "credit_positive" if is_positive["Revenue"] else "debit_positive"
    positive, negative = ("revenue", "costs") if is_positive["Revenue"] else ("costs", "revenue")
    comment = f"decide: amounts of {positive} are positive and those of {negative} negative"
    draft.sign_comment = comment


def _sign_of_accounts(draft: FieldsDraft, columns: Sequence[Column]) -> None:
    """Ask about signs where some accounts are negative throughout and others positive, as debits and credits are.

    No type says which are revenue. Without an answer, a ledger of debits less credits loads as a loss of all its
    revenue and costs together.
    """
    signs: dict[str, Counter[bool]] = {}
    money: Counter[str] = Counter()
    for code, value in _amounts_by(draft, columns, "account"):
        signs.setdefault(code, Counter())[value > 0] += 1
        money[code] += int(abs(value))
    negative, positive = ([code for code in signs if _usual_sign(signs[code]) is sign] for sign in (False, True))
    least = _LEAST_OF_A_SIDE * money.total()
    if not all(codes and sum(money[code] for code in codes) >= least for codes in (negative, positive)):
        return
    named = ", ".join(map(quote_name, negative[:_MAX_ACCOUNTS])) + (" …" if len(negative) > _MAX_ACCOUNTS else "")
    others = quote_name(positive[0]) + (" and others" if len(positive) > 1 else "")
    draft.sign_comment = (
        f"decide: the amounts of {named} are negative and those of {others} "
        "positive. Write sign: debit_positive if they are debit less credit, sign: credit_positive if spending is "
        "negative, and neither if revenue earned and money spent are both positive."
    )


def _usual_sign(signs: Counter[bool]) -> bool | None:
    """Return whether nearly all amounts are positive; None if they have both signs, or if there are none."""
    (sign, count), *_ = signs.most_common(1) or [(True, 0)]
    return sign if count >= _USUAL * signs.total() > 0 else None
