"""A column of units that nothing reads: hours, pieces or thousands among lines of money.

Belongs here: its headers and texts, and the words that hold the delivery. Does not belong here: currencies (see
`unread_meanings`), the unit that a header or a title states for all amounts (see `stated_units`).

Statistical postings, such as hours and heads, are in the same ledger and in the same column as money. Without the unit
they are added to it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.doubts.unread_column import MAX_LISTED, ContradictingColumn, ignore, leave_out
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.currencies import denoted_currencies
from finance_platform.feeds.values.header_words import WORDS, plain_name, rank
from finance_platform.feeds.values.unit_words import IN_TITLES

UNITS = {
    *("unit", "uom", "u m", "unit of measure", "unit of measurement", "measure unit", "unit type", "amount unit"),
    *("currency uom", "currency unit", "einheit", "mengeneinheit", "basismengeneinheit", "bme", "meins"),
    *("unite", "unidad", "unita", "eenheid", *WORDS["currency"]),
}
"""Headers, in plain letters."""

_MEASURES = frozenset({
    "h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden", "heures", "horas", "ore", "uur", "uren", "min",
    "day", "days", "tag", "tage", "pt", "md", "mandays", "man days", "jours", "dias", "giorni", "dagen",
    "fte", "hc", "headcount", "head", "heads", "person", "persons", "personen", "pers", "employees", "mitarbeiter",
    "ea", "each", "pc", "pcs", "piece", "pieces", "st", "stk", "stuck", "stuk", "stuks", "pieza", "piezas", "pezzi",
    "unit", "units", "qty", "quantity", "menge", "kg", "g", "t", "to", "ton", "tons", "lb", "lbs", "l", "ltr", "liter",
    "litre", "litres", "gal", "m", "km", "mile", "miles", "m2", "qm", "sqm", "sqft", "sq ft", "sf", "m3", "cbm",
    "kwh", "mwh", "percent", "pct", "stat", "statistical", "statistisch", "non monetary",
})  # fmt: skip
"""Units that are no money, in plain letters."""


def has_quantities(header: Collection[str]) -> bool:
    """Return whether a table has a column of quantities or prices, whose unit another column may have."""
    return any(rank("quantity", name) is not None for name in header)


def are_mixed(texts: Collection[str]) -> bool:
    """Return whether texts of a column of units are those of money and of something else."""
    return any(map(is_money_unit, texts)) and any(map(is_measure, texts))


def is_measure(text: str) -> bool:
    """Return whether a text is a unit that is no money."""
    return plain_name(text) in _MEASURES or text.strip() == "%"


def is_money_unit(text: str) -> bool:
    """Return whether a text is a currency, or thousands of one."""
    return bool(denoted_currencies(text)) or IN_TITLES.fullmatch(text) is not None


@dataclass
class Units(ContradictingColumn):
    """The lines whose unit is no money, among others whose unit is money."""

    has_money: bool = False

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        super().add(texts, columns)
        if not self.has_money:
            known = (clean(text or "") for text in pc.unique(texts).to_pylist())
            self.has_money = any(is_money_unit(text) for text in known if 0 < len(text) <= MAX_VALUE_CHARACTERS)

    def contradicts(self, text: str) -> bool:
        """Return whether a text is a unit that is no money."""
        return is_measure(text)

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery; a column of other units alone is not that of the amounts."""
        return super().doubts() if self.has_money else {}

    def describe(self) -> tuple[str, str]:
        """Return the reason to hold the delivery, and the fix."""
        fix = (
            f"{leave_out(self.rules, self.name, list(self.found)[:MAX_LISTED])} the descriptor, so that these lines do "
            "not count; if their accounts are of the type Statistical, or all amounts are money"
        )
        return f"says that {self.count} are in another unit than money: {self.texts}; {self.money}", fix


def describe_units(header: str, texts: Collection[str], others: Collection[str]) -> str:
    """Return what a person decides about a column of units that a draft does not read; empty if nothing.

    Args:
        header: of the column.
        texts: its cells.
        others: the headers of the file.
    """
    if plain_name(header) not in UNITS or has_quantities(others) or not are_mixed(texts):
        return ""
    found = [text for text in dict.fromkeys(texts) if is_measure(text)][:MAX_LISTED]
    return (
        f"The column {header!r} says {', '.join(map(repr, found))} beside units of money. To leave these lines out, "
        f"{leave_out(None, header, found)} the descriptor; if their accounts are of the type Statistical, "
        f"{ignore(header)}."
    )
