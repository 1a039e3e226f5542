"""Columns of departments or accounts that nothing reads, and that a field of them would read.

Belongs here: finding them by header and cells, and the note. Does not belong here: columns of ledgers (see
`unread_meanings` and the modules beside it), what the fields mean (see `lines.reference_rows`).

A member without such a field has what the platform assumes: a flow, all of its predecessor, no end. So a balance is
added up over periods and a structure has other amounts, and no row of the file is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.findings import Note
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import ReadingRules, named_headers
from finance_platform.feeds.values.codes import MEASURES, account_type, clean, fold, fold_name
from finance_platform.feeds.values.dates import parse_date
from finance_platform.feeds.values.header_words import rank
from finance_platform.feeds.violations import quoted

_OTHER_NAMES: Final = {"category": "account_category", "type": "account_type"}
"""Fields that have another name in `header_words`."""

_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "departments": {
        "valid_from": "so each row describes its department from the first open period on, whatever day it has",
        "valid_to": "so no department has an end",
        "predecessor": "so no department takes over earlier amounts",
        "share": "so each department takes over all of its predecessor",
        "origin_share": "so what goes back to the predecessor is assumed",
        "business_unit": "so the departments have no business unit by this file",
        "parent": "so the tree lacks these parents",
    },
    "accounts": {
        "measure": "so every account is a flow, and balances are added up over periods",
        "valid_from": "so each row describes its account from the first open period on, whatever day it has",
        "valid_to": "so no account has an end",
        "type": "so the accounts have no type by this file",
        "category": "so the accounts have no category by this file",
        "parent": "so the tree lacks these parents",
    },
}
"""What follows for the members if nothing reads a field."""

_DATES = ("yyyy-MM-dd", "yyyy-MM", "dd.MM.yyyy", "dd/MM/yyyy", "MM/dd/yyyy", "yyyyMMdd", "yyyy/MM/dd", "dd MMM yyyy")
_FOR_EVER = 2100
"""A year from which on an end is none, such as 9999-12-31."""

_MOST_TEXTS = 1_000
"""Different texts of a column that are compared."""


@dataclass
class UnreadAttributes:
    """What the columns that nothing reads say about the members of one table.

    Attributes:
        kind: of the feed, departments or accounts.
        rules: of the feed.
        unread: the fields without a source, by name.
        headers: the columns that nothing reads.
    """

    kind: str
    rules: ReadingRules
    unread: Collection[str]
    headers: Sequence[str]
    _texts: dict[str, dict[str, None]] = field(default_factory=dict)

    @classmethod
    def of_table(
        cls, kind: str, rules: ReadingRules, header: Sequence[str], sources: Mapping[str, FieldSource]
    ) -> UnreadAttributes:
        """Return the columns of a table that a field may be meant by; nothing is compared yet.

        Args:
            kind: departments or accounts.
            rules: of the feed.
            header: the names of the table's columns.
            sources: where the fields come from.
        """
        named = {fold_name(name) for name in named_headers(rules)}
        unread = [name for name in _FIELDS[kind] if name not in sources]
        if "predecessor" not in sources and "share" in unread:
            unread.remove("share")  # it is one of nothing
        return cls(kind, rules, unread, [name for name in header if fold_name(name) not in named])

    def add(self, batch: RawBatch) -> None:
        """Add the cells of a batch."""
        for name in self.headers if self.unread else ():
            texts = self._texts.setdefault(name, {})
            if len(texts) <= _MOST_TEXTS:
                column = batch.columns[name]
                short = pc.utf8_slice_codeunits(column, 0, MAX_VALUE_CHARACTERS)
                texts |= dict.fromkeys(text for text in map(clean, _distinct(short)) if text)

    def notes(self) -> dict[str, Note]:
        """Return the notes: of each field, one about the first column that may be meant for it."""
        notes: dict[str, Note] = {}
        used: set[str] = set()
        for name in self.unread:
            header = next((one for one in self.headers if one not in used and self._fits(name, one)), None)
            if header is not None:
                used.add(header)
                sample = next(iter(self._texts[header]))
                text = (
                    f"nothing reads the column {quoted(header)}, such as {quoted(sample)}, which may be the field "
                    f"{name} of {self.kind}: it is not known, {_FIELDS[self.kind][name]}"
                )
                notes[text] = Note(1, self._fix(name, header))
        return notes

    def _fits(self, name: str, header: str) -> bool:
        """Return whether a column may be meant for a field."""
        texts = list(self._texts.get(header, ()))
        if not texts:
            return False
        if name == "measure":
            # Its values say what it is, whatever its name; a flow is what is assumed.
            return {fold(text) for text in texts} <= set(MEASURES) and any(fold(text) == "balance" for text in texts)
        if rank(_OTHER_NAMES.get(name, name), header) is None:
            return False
        if name == "type":
            return all(map(account_type, texts))
        if name in {"share", "origin_share"}:
            return any(character.isdigit() for text in texts for character in text)
        if name not in {"valid_from", "valid_to"}:
            return True
        days = [parse_date(text, (*_DATES,)) for text in texts]
        if name == "valid_to":
            return any(day and day.year < _FOR_EVER for day in days)
        # One day in all rows is that of an export.
        return len(days) > 1 and all(days)

    def _fix(self, name: str, header: str) -> str:
        if not self.rules.is_shipped:
            source = json.dumps(clean(header), ensure_ascii=False)
            return (
                f"if it is that, add {name}: {{from: {source}, required: false}} to columns in the descriptor; if not, "
                f"add {source} to ignore_columns"
            )
        rule = self.rules.fields.get(name)
        if rule and rule.sources:
            called = f"call the column {rule.sources[0]} and send the file again"
            return f"if it is that, {called}; if not, nothing is to be done"
        return (
            f"if it is that, `finance-platform feed draft` writes a descriptor of your own that reads it as {name}, "
            f"saved as feeds/{self.kind}.yaml in the home; if not, nothing is to be done"
        )


def _distinct(texts: pa.StringArray) -> list[str]:
    distinct = pc.unique(pc.drop_null(texts)).slice(0, _MOST_TEXTS + 1)
    return [str(text) for text in distinct.to_pylist()]
