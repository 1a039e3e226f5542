"""Money as text: rounded half-up to cents, as everywhere in the platform, or exact.

Belongs here: how a Decimal is written for a person or a document. Does not belong here: text to money (see
`feeds.amounts`), tables (see `cli.rendering`). A file of its own, because every room writes money and a format string
such as `:.2f` would round half to even.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

_CENT = Decimal("0.01")
_EXACT = Context(prec=100, rounding=ROUND_HALF_UP)


def plain_money(amount: Decimal) -> str:
    """Return an amount with two decimals, rounded half-up, for a document or a program."""
    return f"{_rounded(amount):f}"


def grouped_money(amount: Decimal) -> str:
    """Return an amount with grouped digits and two decimals, rounded half-up, for people."""
    return f"{_rounded(amount):,f}"


def signed_money(amount: Decimal) -> str:
    """Return a difference as `grouped_money` does, with its sign; zero has none."""
    return f"{_rounded(amount):+,f}" if _rounded(amount) else grouped_money(amount)


def exact_money(amount: Decimal, *, grouping: str = "") -> str:
    """Return an amount with all of its decimals, two at least.

    Args:
        amount: the amount.
        grouping: the mark between thousands, `,` or none.
    """
    whole, _, fraction = f"{amount:{grouping}f}".partition(".")
    return f"{whole}.{fraction.rstrip('0'):0<2}"


def sum_of_amounts(count: int, total: Decimal) -> str:
    """Return what amounts add up to, for a sentence: `amount is 4.00`, `2,000 amounts add up to 4.00`.

    Args:
        count: how many there are.
        total: their sum, which is not rounded.
    """
    text = exact_money(total, grouping=",")
    return f"amount is {text}" if count == 1 else f"{count:,} amounts add up to {text}"


def net_and_gross(net: Decimal, gross: Decimal) -> str:
    """Return what would go or move, for a sentence: one amount, or net and gross where they differ."""
    if abs(net) == gross:
        return grouped_money(net)
    return f"net {grouped_money(net)}, gross {grouped_money(gross)}"


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, context=_EXACT)
