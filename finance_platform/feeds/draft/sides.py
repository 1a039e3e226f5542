"""Columns that say which amounts are credits: by letters, by signs, by SAP's keys of postings, by Sage's kinds.

Belongs here: what the texts of a column say. Does not belong here: which amount they are about (see `money`), the side
that an amount states itself (see `values`).
"""

from __future__ import annotations

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.columns import Column
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.values.header_words import rank

_SIDES = (
    {"s", "h"},
    {"d", "c"},
    {"dr", "cr"},
    {"+", "-"},
    {"debit", "credit"},
    {"soll", "haben"},
    {"d", "k"},
    {"借", "贷"},
)
"""Pairs of texts that say by themselves which amounts are credits."""

_CREDITS = {"h", "haben", "c", "cr", "credit", "k", "a", "avere", "haber", "贷", "-"}
_CREDIT_BESIDE = {"s": "h", "soll": "haben", "d": "c", "dr": "cr", "debit": "credit", "+": "-"}
"""What says that an amount is a credit, by what says that it is a debit."""

_CREDIT_KEYS = {*map(str, range(11, 20)), *map(str, range(31, 40)), "50", "75", *map(str, range(90, 100))}
_DEBIT_KEYS = {*(f"0{key}" for key in range(1, 10)), *map(str, range(21, 30)), "40", "70", *map(str, range(80, 90))}
_POSTING_KEYS = _CREDIT_KEYS | _DEBIT_KEYS
"""SAP's keys of postings to customers, suppliers, ledger accounts, assets and stocks."""

_USUAL_KEYS = {"01", "11", "21", "31", "40", "50"}

_MOST_SIGNS = 4

_SEVERAL = 2

_OF_SAGE = {
    **dict.fromkeys(("pi", "sc", "jd", "bp", "cp", "vp", "sr", "sa", "sd"), 1),
    **dict.fromkeys(("si", "pc", "jc", "br", "cr", "vr", "pp", "pa", "pd"), -1),
}
"""Kinds of transactions in Sage's audit trail, whose amounts have no sign: 1 for debits of the nominal code."""


def texts_of_sides(column: Column) -> dict[str, list[str]]:
    """Return the texts that say that an amount is a credit or a debit, of a column of signs; none of any other.

    A file with debits alone does not show them, but the column's name does, and how debits are written. Of texts that
    say nothing, such as 1 and 2, a person decides.
    """
    values = {fold(text) for text in column.texts}
    is_named = rank("sign", column.name) is not None
    if is_named and values and values <= _POSTING_KEYS:
        known = values | _USUAL_KEYS
        return {"negative": sorted(known & _CREDIT_KEYS), "positive": sorted(known - _CREDIT_KEYS)}
    if len(values) > _MOST_SIGNS or not (is_named or values in _SIDES):
        return {}
    if is_named and len(values) == 1 and (credit := _CREDIT_BESIDE.get(*values)):
        return {"negative": [credit.upper() if column.sample.isupper() else credit.capitalize()]}
    if texts := sorted({text for text in column.texts if fold(text) in _CREDITS}):
        return {"negative": texts}
    is_pair = is_named and len(values) == _SEVERAL
    return {"negative": [UNDECIDED], "positive": [UNDECIDED]} if is_pair else {}


def texts_of_sage(column: Column) -> dict[str, list[str]]:
    """Return the kinds of transactions that are credits and debits in Sage's audit trail; none of another column."""
    kinds = sorted(set(column.texts))
    sides = {_OF_SAGE.get(fold(kind), 0) for kind in kinds}
    if column.blanks or sides != {1, -1} or rank("type", column.name) is None:
        return {}
    negative, positive = ([kind for kind in kinds if _OF_SAGE[fold(kind)] == side] for side in (-1, 1))
    return {"negative": negative, "positive": positive}
