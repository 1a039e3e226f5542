"""Debit and credit as a pair of columns: by their names alone, or with a word of what they are beside the side.

Belongs here: which two columns are one pair, and which pair a draft takes. Does not belong here: the amount that they
give (see `money`), a column of signs.

A report has several pairs: those of the month, the totals of the year, the opening balances. Only the first are money
of the month.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from finance_platform.feeds.doubts.running_totals import states_totals
from finance_platform.feeds.draft.columns import Column, best_column
from finance_platform.feeds.header import without_position
from finance_platform.feeds.values.header_words import WORDS, plain_name

_DEBITS, _CREDITS = ({word for word in WORDS[side] if " " not in word} for side in ("debit", "credit"))
_AMOUNTS = {"amount", "amt", "value", "betrag", "montant", "importe", "importo", "bedrag", "net", "total"}
_BALANCES = {
    "balance", "bal", "begin", "beginning", "opening", "open", "initial", "closing", "ending", "end", "saldo", "solde",
    "eb", "ob", "eroffnung", "anfang", "apertura", "inicial", "iniziale", "ouverture", "initiale", "beginsaldo",
    "prior", "previous", "py", "ly", "vorjahr", "budget", "tax", "vat", "steuer", "mwst", "tva", "iva", "btw",
}  # fmt: skip
"""Words of pairs that are no money of the period: balances at its beginning or end, another year, taxes."""

_CODES = {
    "account", "acct", "acc", "konto", "kto", "compte", "cuenta", "conto", "rekening", "no", "nr", "number", "code",
    "id", "date", "note", "type", "memo", "card", "days", "limit", "count", "ref", "quantity", "qty", "hours", "units",
}  # fmt: skip
"""Words of pairs that are no money: the accounts that a line debits and credits, the numbers of notes."""

_FOREIGN = {
    "entered", "foreign", "transaction", "trans", "document", "original", "fc", "fcy", "tc", "devise", "devises",
    "divisa", "fremdwahrung", "belegwahrung", "fw", "vv", "reporting", "group",
}  # fmt: skip
"""Words of pairs in another currency than that of the books, which are taken only where there are no others."""


def find_pair(columns: Sequence[Column]) -> tuple[Column, Column, list[str]] | None:
    """Return the columns of debit and credit, and the headers of other such pairs; None if no one pair is the amount.

    Args:
        columns: those with texts.
    """
    debit, credit = (best_column([side], columns) for side in ("debit", "credit"))
    if debit and credit and debit is not credit and (debit.amounts or credit.amounts):
        return debit, credit, []
    sides: dict[str, tuple[list[Column], list[Column]]] = defaultdict(lambda: ([], []))
    for column in columns:
        words = plain_name(f"{column.group} {without_position(column.name)}" if column.group else column.name).split()
        words = list(dict.fromkeys(words))  # the header has the group of its first column, too
        named = [word for word in words if word in _DEBITS | _CREDITS]
        if len(named) == 1 and column.amounts:
            rest = " ".join(word for word in words if word not in {*named, *_AMOUNTS})
            sides[rest][named[0] in _CREDITS].append(column)
    pairs = {rest: (*two[0], *two[1]) for rest, two in sides.items() if len(two[0]) == len(two[1]) == 1}
    likely = [
        rest for rest in pairs if not (_BALANCES | _CODES) & {*rest.split()} and not states_totals(pairs[rest][0].name)
    ]
    best = [rest for rest in likely if not _FOREIGN & {*rest.split()}] or likely
    if len(best) != 1:
        return _only_ones(sides)
    debit, credit = pairs[best[0]]
    return debit, credit, [column.name for rest, pair in pairs.items() if rest != best[0] for column in pair]


def _only_ones(sides: Mapping[str, tuple[list[Column], list[Column]]]) -> tuple[Column, Column, list[str]] | None:
    """Return the only debit and the only credit that are money of the period, whatever else their names say."""
    columns: tuple[list[Column], list[Column]] = ([], [])
    for rest, two in sides.items():
        for found, side in zip(columns, two, strict=True):
            is_money = not (_BALANCES | _CODES | _FOREIGN) & {*rest.split()}
            found += [one for one in side if is_money and not states_totals(one.name)]
    return (columns[0][0], columns[1][0], []) if len(columns[0]) == len(columns[1]) == 1 else None
