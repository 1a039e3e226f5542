"""Rows of a ledger that print a balance, such as `Opening balance`, and were read as lines.

Belongs here: recognizing them by their text, and the rule that leaves them out. Does not belong here: totals (see
`unclaimed_totals`). Nothing here changes a line; it is a warning, because the bookings that open a year say the same.

Ledgers by account begin with such a row, so a table is searched only if one of its first rows is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import MONEY_TYPE, SUM_OF_MONEY_TYPE
from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.doubts.unread_column import escape, quoted_name
from finance_platform.feeds.findings import Note
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.header_words import WORDS, plain_name
from finance_platform.feeds.violations import ACCEPTED
from finance_platform.money_text import sum_of_amounts

_STEMS = ("balanc", "balans", "forward", "saldo", "solde", "nouveau", "eb-wert", "bestand", "eröffnung", "apertura")
"""One of them is in each of the texts below; to search them takes a fraction of the time."""

_BALANCE = re.compile(
    r"(?:(?:opening|beginning|starting|closing|ending) balances?|balances? (?:brought|carried) forward|brought forward"
    r"|saldovortr[aä]ge?|eb-werte?|eröffnungs(?:saldo|bilanz|wert|buchung)|anfangs(?:saldo|bestand)|endsaldo"
    r"|schluss(?:saldo|bestand)|solde (?:initial|final|reporté|d.ouverture)|(?:report )?[aà] nouveaux?"
    r"|saldo (?:inicial|iniziale|final|finale|anterior)|asiento de apertura|(?:begin|eind)saldo"
    r"|(?:opening|begin|eind)s?balans)(?!\w| equity)",
    re.IGNORECASE,
)
_NAMES = {*WORDS["account_name"], *WORDS["department_name"]}
"""Headers of names, among which there are `Report à nouveau` and `Opening balances`: the accounts of these."""

_FIRST_ROWS = 200
_MAX_CHARACTERS = 100
_MAX_WORDS = 5


@dataclass
class OpeningBalances:
    """The rows of one table that print a balance.

    Attributes:
        not_searched: the headers of its amounts, and of the names of its accounts and departments.
        has_skip: whether the descriptor has rules of rows that are not data.
    """

    not_searched: Collection[str]
    has_skip: bool
    _column: str = ""
    _words: tuple[str, ...] = ()
    _place: str = ""
    _is_first: bool = True
    _rows: int = 0
    _total: Decimal = field(default_factory=Decimal)

    @staticmethod
    def of_table(sources: Mapping[str, FieldSource], *, has_skip: bool) -> OpeningBalances:
        """Return what looks for balances in a table.

        Args:
            sources: where the fields of its lines come from.
            has_skip: see the attributes.
        """
        fields = ("amount", "account_name", "department_name")
        headers = (header for name in fields if name in sources for header in sources[name].headers)
        return OpeningBalances(frozenset(headers), has_skip)

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> None:
        """Add a batch, in the order of the table.

        Args:
            batch: the rows.
            columns: the typed columns.
        """
        if self._is_first:
            self._is_first = False
            if batch.source_columns is None:
                self._find(batch)
        if not self._column:
            return
        texts = pc.utf8_trim_whitespace(batch.columns[self._column])
        is_balance = pc.and_(
            pc.match_substring_regex(texts, self._pattern),
            pc.and_(
                pc.equal(columns["outcome"], ACCEPTED),
                pc.not_equal(columns["amount"], pa.scalar(Decimal(0), MONEY_TYPE)),
            ),
        )
        rows = pc.sum(is_balance).as_py() or 0
        if rows:
            self._place = self._place or batch.place(pc.index(is_balance, True).as_py())
            self._rows += rows
            total = pc.sum(pc.filter(columns["amount"], is_balance).cast(SUM_OF_MONEY_TYPE)).as_py()
            self._total = EXACT.add(self._total, total or Decimal(0))

    def notes(self) -> dict[str, Note]:
        """Return a note if a line is such a row, after the table's last row."""
        if not self._rows:
            return {}
        rule = (
            f"{{column: {quoted_name(self._column)}, matches: {json.dumps(self._pattern, ensure_ascii=False)}, "
            "may_hold_money: true}"
        )
        add = f"add {rule} to skip in" if self.has_skip else f"add skip: [{rule}] to"
        look, were = ("a row looks", "was") if self._rows == 1 else (f"{self._rows:,} rows look", "were")
        text = (
            f"{look} like a balance and {were} read as movements: {self._column!r} says "
            f"{' or '.join(map(repr, self._words))}, first on {self._place}; the "
            f"{sum_of_amounts(self._rows, self._total)}"
        )
        fix = f"if lines of earlier months have this money too, {add} the descriptor; else nothing needs to be done"
        return {text: Note(1, fix)}

    @property
    def _pattern(self) -> str:
        words = "|".join(map(escape, self._words))
        return f"(?i)^({words})" if len(self._words) > 1 else f"(?i)^{words}"

    def _find(self, batch: RawBatch) -> None:
        for name, texts in batch.columns.items():
            if name in self.not_searched or name.startswith("\0") or plain_name(name) in _NAMES:
                continue
            cells = [text for text in texts.slice(0, _FIRST_ROWS).to_pylist() if text]
            joined = "\n".join(cells).casefold()
            if not any(stem in joined for stem in _STEMS):
                continue
            found = filter(None, (_BALANCE.match(text.strip()[:_MAX_CHARACTERS]) for text in cells))
            words = {match[0].casefold(): match[0] for match in found}
            if words:
                self._column, self._words = name, tuple(words.values())[:_MAX_WORDS]
                return
