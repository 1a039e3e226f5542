"""What a header or a title says about the unit of amounts: thousands, millions, a currency.

Belongs here: the words, and the doubt if a descriptor reads amounts otherwise. Does not belong here: the unit of a cell
(see `amounts`), a column of currencies (see `unread_meanings`).

A title changes from one export to the next, such as `in EUR` to `in TEUR`, and nothing else says that all amounts are a
thousandth of what they were.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from finance_platform.feeds.cells import FieldSource
from finance_platform.feeds.resolved import FieldRule, ReadingRules
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.currencies import describe_currency, is_currency
from finance_platform.feeds.values.unit_words import IN_TITLES, MILLIONS, THOUSANDS

if TYPE_CHECKING:
    from finance_platform.feeds.files.tables import Table  # which opens workbooks, whose formats state units too

_CURRENCY_TITLE = re.compile(
    r"(?i)\b(?:currency|amounts?|figures|values|w[aä]hrung|betr[aä]ge|angaben|devise|montants|moneda|importes|valuta|"
    r"importi|bedragen)\b"
)
_CURRENCY = re.compile(
    r"(?<![A-Za-z])[TKkM]?(EUR|USD|GBP|CHF|JPY|CNY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|INR|BRL|MXN|ZAR|SGD|HKD|KRW|AED"
    r"|SAR|ILS|RON|THB)(?![A-Za-z])|((?<![A-Za-z])[A-Z]{1,2}\$|[€£¥₹$])"
)
"""Codes that are no words in capitals, as ALL, TOP and TRY are, and signs."""

_BEFORE = re.compile(r"(?i)(?:\b(?:in|en|currency|amounts?|figures|values|w[aä]hrung|devise|moneda|valuta)|[:=(])\W*$")
"""What may be before a code in a title, if a word is behind it: `amounts per SEK team` names a team."""

_MAX_TITLES = 50
_MAX_TITLE_CHARACTERS = 300
_SCALES = {"thousands": 3, "millions": 6}


def find_doubts(
    table: Table,
    rules: ReadingRules,
    sources: Mapping[str, FieldSource],
    cells: Collection[str] = (),
    displayed: Collection[int] = (),
) -> dict[str, str]:
    """Return why amounts may have another unit than the descriptor says, with what to do about it.

    Args:
        table: the table.
        rules: of the feed.
        sources: where the fields of its lines come from.
        cells: the headers of the cells of which each gives a line.
        displayed: the powers of ten by which formats divide what they display; the header is then right about that.
    """
    amount = sources.get("amount", FieldSource(FieldRule()))
    headers = [name for name in amount.headers if not is_derived(name)]
    # The headers of several amounts in a row may be names of accounts, so they must say it as clearly as a title.
    titles = dict.fromkeys(cells, "the header") | dict(_titles(table, rules))
    doubts = {} if displayed else _of_scale(amount.rule, headers, titles)
    if "currency" not in sources:
        doubts |= _of_currency(rules.currency, headers, titles)
    return doubts


def _titles(table: Table, rules: ReadingRules) -> Iterator[tuple[str, str]]:
    """Yield the texts above the header, and where they are."""
    dialect = rules.dialect
    if table.sheet is not None:
        yield table.sheet, "the sheet's name"
    above = range(1, dialect.header_row)
    if not above:
        return
    for number, row in table.first_rows(min(len(above), _MAX_TITLES)):
        text = clean(" ".join(cell.strip() for cell in row if cell.strip()))
        if number in above and number not in dialect.header_above and 0 < len(text) <= _MAX_TITLE_CHARACTERS:
            yield text, f"the title in row {number}"


def _of_scale(rule: FieldRule, headers: Collection[str], titles: Mapping[str, str]) -> dict[str, str]:
    stated = [(f"the header {clean(text)!r}", unit) for text in headers if (unit := _unit(text))]
    stated = stated or [
        (f"{place} {clean(text)!r}", unit)
        for text, place in titles.items()
        if IN_TITLES.search(text) and (unit := _unit(text))
    ]
    wrong = next(((text, unit) for text, unit in stated if _SCALES[unit] != rule.scale), None)
    if wrong is None:
        return {}
    text, unit = wrong
    return {
        f"{text} says that amounts are in {unit}, and columns.amount has scale: {Decimal(1).scaleb(rule.scale):f}": (
            f"set scale: {10 ** _SCALES[unit]} of columns.amount in the descriptor, and send files with another unit "
            "under another path; if the amounts are right as they are, accept the file"
        )
    }


def _unit(text: str) -> str:
    """Return the unit that a text states; empty if it states none."""
    return "thousands" if THOUSANDS.search(text) else "millions" if MILLIONS.search(text) else ""


def _of_currency(home: str, headers: Collection[str], titles: Mapping[str, str]) -> dict[str, str]:
    stated = [(f"the header {clean(text)!r}", text.upper()) for text in headers]
    if not any(_CURRENCY.search(text) for _, text in stated):
        stated = [(f"{place} {clean(text)!r}", text) for text, place in titles.items() if _CURRENCY_TITLE.search(text)]
        stated = [(place, text) for place, text in stated if _names_one(text)]
    for place, text in stated:
        marks = [code or sign for code, sign in _CURRENCY.findall(text)]
        if marks and not any(is_currency(mark, home) for mark in marks):
            return {
                f"{place} says that amounts are in {describe_currency(marks[0])}, and they are read as {home}": (
                    f"send the file with amounts in {home}; if they are, add currency: {home} to constants in the "
                    "descriptor; if the books are kept in the other currency, set FINANCE_PLATFORM_CURRENCY in the "
                    "home's .env"
                )
            }
    return {}


def _names_one(title: str) -> bool:
    """Return whether a title names one currency as that of its amounts: a list of rates names several."""
    found = list(_CURRENCY.finditer(title))
    return len({match[0].upper() for match in found}) == 1 and any(
        not title[match.end() :].lstrip()[:1].isalpha() or _BEFORE.search(title[: match.start()]) for match in found
    )
