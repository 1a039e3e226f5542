"""From raw rows to departments and accounts: the rules of reference feeds, on Arrow batches.

Belongs here: what makes a row a department or an account, and the reason of each rejected row.
Does not belong here: which delivery's description wins (see `transforms`).

A change that gives other lines needs a higher `READER_VERSION` (see `resolved`), or files are not read again.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import RawBatch, bind_fields, field_texts, map_distinct
from finance_platform.feeds.codes import ACCOUNT_TYPES, MEASURES, short_name, surrogate_key, type_by_prefix
from finance_platform.feeds.findings import Note, NoteCollector
from finance_platform.feeds.ledger_lines import check_choice, reject_long_codes
from finance_platform.feeds.resolved import FieldRule, ResolvedFeed
from finance_platform.feeds.typed_codes import TypedCodes
from finance_platform.feeds.violations import RuleViolations

_COLUMN_OF_FIELD = {
    "departments": {
        "code": "department_code",
        "name": "department_name",
        "business_unit": "business_unit",
        "parent": "parent_department_code",
    },
    "accounts": {
        "number": "account_number",
        "name": "account_name",
        "type": "account_type",
        "category": "category",
        "measure": "measure",
        "parent": "parent_account_number",
    },
}
_CODES = {"code", "number", "parent"}
_CHOICES = {"type": ACCOUNT_TYPES, "measure": MEASURES}
_NEEDED = {"departments": "code", "accounts": "number"}
_KEY_COLUMN = {"departments": "department_key", "accounts": "account_key"}


class ReferenceRows:
    """Turns the raw batches of one reference table into typed rows, each accepted, rejected or skipped."""

    def __init__(self, feed: ResolvedFeed, header: list[str], object_key: str = "", sheet: str | None = None) -> None:
        """Bind the feed's fields to a table's header and name.

        Raises:
            UnreadableDeliveryError: the header lacks a needed column.
            FileNameError: the name does not give a field that the descriptor demands.
        """
        self._kind = feed.rules.kind
        self._sources = bind_fields(feed.rules, header, object_key, sheet)
        self._notes = NoteCollector()
        self._rules = feed.rules
        self._codes = TypedCodes()

    def type_batch(self, batch: RawBatch) -> dict[str, pa.Array]:
        """Return the typed columns of every row."""
        violations = RuleViolations.of_batch(batch, self._notes, self._sources)
        columns = {
            column: self._column(field, batch, violations) for field, column in _COLUMN_OF_FIELD[self._kind].items()
        }
        needed = _NEEDED[self._kind]
        codes = columns[_COLUMN_OF_FIELD[self._kind][needed]]
        violations.add_blank(needed, codes)
        prefixes = self._rules.types_by_prefix
        if prefixes:
            by_prefix = map_distinct(codes, lambda code: type_by_prefix(code, prefixes), pa.string())
            columns["account_type"] = pc.coalesce(columns["account_type"], by_prefix)
        columns[_KEY_COLUMN[self._kind]] = map_distinct(codes, surrogate_key, pa.int64())
        return columns | violations.columns()

    @property
    def notes(self) -> dict[str, Note]:
        """The notes about every batch so far."""
        return self._notes.notes() | self._codes.notes()

    def _column(self, field: str, batch: RawBatch, violations: RuleViolations) -> pa.Array:
        if field not in self._sources:
            return pa.nulls(len(batch), pa.string())
        is_name = field not in _CODES and field not in _CHOICES
        cells = field_texts(self._sources[field], batch, is_name=is_name)
        texts = violations.add_cells(field, cells, is_name=is_name)
        if field in _CHOICES:
            return check_choice(violations, field, texts, _CHOICES[field])
        if field in _CODES:
            codes = self._codes.type_column(field, self._rules.fields.get(field, FieldRule()), texts, batch).column()
            reject_long_codes(violations, field, codes)
            return codes
        return map_distinct(texts, short_name, pa.string())
