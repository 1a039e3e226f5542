"""Columns of a ledger file that nothing reads and whose cells look like money.

Belongs here: finding them by their cells, and the note. Does not belong here: months that are not read, which hold the
file (see `unread_months`), columns that say what an amount means (see `unread_meanings`).

The equation of a delivery begins with the cells that are read, so a column of money that no rule reads is in none of
its terms. A file may well have a tax or an amount in another currency beside the amount of its lines, so it counts; but
a person should know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.findings import Note
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import FieldRule, ReadingRules, named_headers
from finance_platform.feeds.values.amounts import read_amount
from finance_platform.feeds.values.codes import clean, fold_name
from finance_platform.feeds.values.header_words import plain_name, rank
from finance_platform.feeds.values.month_names import is_total_name
from finance_platform.feeds.violations import ACCEPTED, quoted

_LINES = 500
"""Accepted lines that are compared; a column of money looks like one from its first lines on."""

_LEAST_LINES = 4
"""Lines from which on most of them say something."""

_LEAST_VALUES = 3
"""Different amounts; rates of a tax are few."""

_SMALL = 10
"""What rates and shares are below, and amounts are not."""

_NO_AMOUNT = re.compile(
    r"\b(rate|rates|kurs|taux|qty|quantity|menge|anzahl|units?|price|preis|prix|precio|percent|percentage|pct|share|"
    r"hours|stunden|heures|fte|balance|saldo|solde|running|cumulative|kumuliert|line|row|no|nr|number|nummer|id|key|"
    r"code|date|datum|year|jahr|period|days|weight|version|tax|vat|mwst|ust|tva|iva|steuer|foreign|fremdwahrung|"
    r"document|original|transaction currency|discount|rabatt)\b"
)
"""Words of headers, in plain letters, of other numbers than amounts, and of amounts that belong to one that is read."""


@dataclass
class UnreadMoney:
    """What the columns that nothing reads have beside the lines of one table.

    Attributes:
        rules: of the feed.
        headers: the columns that may be money by their names.
    """

    rules: ReadingRules
    headers: Sequence[str] = ()
    _texts: dict[str, list[str]] = field(default_factory=dict)
    _amounts: list[Decimal] = field(default_factory=list)

    @classmethod
    def of_table(
        cls,
        rules: ReadingRules,
        header: Sequence[str],
        sources: Mapping[str, FieldSource],
        cells: Sequence[str],
        others: Collection[str] = (),
    ) -> UnreadMoney:
        """Return the columns of a table that may be money; nothing is compared yet.

        Args:
            rules: of the feed.
            header: the names of the table's columns.
            sources: where the fields come from.
            cells: the columns of which each cell gives a line.
            others: columns that something else watches.
        """
        read = [one for source in sources.values() for one in source.headers]
        skipped = [name for rule in rules.skip for condition in rule.conditions for name in condition.columns]
        used = {fold_name(name) for name in (*named_headers(rules), *cells, *others, *read, *skipped)}
        free = [name for name in header if name.strip() and fold_name(name) not in used]
        return cls(rules, [name for name in free if _may_be_money(name)])

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> None:
        """Add the first accepted lines of a batch."""
        wanted = _LINES - len(self._amounts)
        if not self.headers or wanted <= 0:
            return
        places = pc.indices_nonzero(pc.equal(columns["outcome"], ACCEPTED)).slice(0, wanted)
        if not len(places):
            return
        self._amounts += columns["amount"].take(places).to_pylist()
        for name in self.headers:
            texts = pc.utf8_slice_codeunits(batch.columns[name].take(places), 0, MAX_VALUE_CHARACTERS + 1)
            self._texts.setdefault(name, []).extend(clean(text or "") for text in texts.to_pylist())

    def notes(self) -> dict[str, Note]:
        """Return a note about each column of money."""
        notes: dict[str, Note] = {}
        for name, texts in self._texts.items():
            if self._is_money(name, texts):
                sample = next(text for text in texts if text)
                text = (
                    f"nothing reads the column {quoted(name)}, which has amounts in most lines, such as "
                    f"{quoted(sample)}: its money is in no total"
                )
                notes[text] = Note(1, self._fix(name))
        return notes

    def _is_money(self, name: str, texts: Sequence[str]) -> bool:
        """Return whether a column has amounts in most lines: its own ones, and not a balance after each line."""
        rule = self.rules.fields.get("amount", FieldRule())
        filled = [(text, amount) for text, amount in zip(texts, self._amounts, strict=True) if text]
        if len(texts) < _LEAST_LINES or 2 * len(filled) <= len(texts):
            return False
        pairs: list[tuple[Decimal, Decimal | None]] = []
        for number, (text, amount) in enumerate(filled, start=1):
            written = read_amount(text, rule.decimal, rule.thousands)
            if written is not None:
                pairs.append((written.value, amount))
            elif 10 * (number - len(pairs)) > len(filled):
                return False  # most columns are texts, of which few cells have to be read
        values = [value for value, _ in pairs]
        if len(set(values)) < _LEAST_VALUES:
            return False
        if rank("amount", name) is None and not _has_cents(values):
            return False
        if max(map(abs, values)) < _SMALL or 5 * len(set(values)) < min(len(values), 50):
            return False
        is_read = sum(abs(value) == abs(amount) for value, amount in pairs if amount is not None)
        return 10 * is_read < 9 * len(pairs) and not _is_balance(pairs)

    def _fix(self, name: str) -> str:
        source = json.dumps(clean(name), ensure_ascii=False)
        if self.rules.is_shipped:
            return (
                "if it is money of its own, `finance-platform feed draft` writes a descriptor of your own; if not, "
                "nothing is to be done"
            )
        return (
            f"if it is money of its own, read it with `measures` or `unpivot`; if not, add {source} to ignore_columns"
        )


def _may_be_money(name: str) -> bool:
    plain = plain_name(name)
    is_other = "%" in name or _NO_AMOUNT.search(plain) or rank("quantity", name) is not None
    return not (is_other or is_total_name(clean(name)))


def _has_cents(values: Sequence[Decimal]) -> bool:
    """Return whether amounts have two decimals at most, and many have some."""
    exponents = [int(value.normalize().as_tuple().exponent) for value in values]
    return min(exponents) >= -2 and 3 * sum(exponent < 0 for exponent in exponents) > len(exponents)


def _is_balance(pairs: Sequence[tuple[Decimal, Decimal | None]]) -> bool:
    """Return whether most values differ from the one before or after by the amount of a line, as balances do."""
    steps = [
        abs(after - before) in {abs(one), abs(other)}
        for (before, one), (after, other) in pairwise(pairs)
        if one is not None and other is not None
    ]
    return bool(steps) and 2 * sum(steps) > len(steps)
