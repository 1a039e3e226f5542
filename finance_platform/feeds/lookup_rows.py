"""From raw rows to the rows of a lookup feed: a key, and fields that lines of other feeds take.

Belongs here: what makes a row a row of a lookup, and the reason of each rejected row.
Does not belong here: finding rows by key (see `lookups`), repeated keys (see `transforms`).

A change that gives other lines needs a higher `READER_VERSION` (see `resolved`), or files are not read again.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import LOOKUP_FIELDS
from finance_platform.feeds.cells import RawBatch, bind_fields, field_texts, map_distinct
from finance_platform.feeds.codes import clean
from finance_platform.feeds.day_columns import patterns_of, read_days
from finance_platform.feeds.findings import Note, NoteCollector
from finance_platform.feeds.ledger_lines import DEFAULT_DATE_FORMATS, DEFAULT_PERIOD_FORMATS, TEXTS_FOR_PEOPLE
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.feeds.violations import RuleViolations, quoted

_FORMATS = {"date": DEFAULT_DATE_FORMATS, "period": DEFAULT_PERIOD_FORMATS}
_ISO = {"date": "%Y-%m-%d", "period": "%Y-%m"}


class LookupRows:
    """Turns the raw batches of one table of a lookup feed into rows, each accepted, rejected or skipped."""

    def __init__(self, feed: ResolvedFeed, header: list[str], object_key: str = "", sheet: str | None = None) -> None:
        """Bind the feed's fields to a table's header and name.

        Raises:
            UnreadableDeliveryError: the header lacks a needed column.
            FileNameError: the name does not give a field that the descriptor demands.
        """
        self._rules = feed.rules
        self._sources = bind_fields(feed.rules, header, object_key, sheet)
        self._notes = NoteCollector()

    def type_batch(self, batch: RawBatch) -> dict[str, pa.Array]:
        """Return the columns of every row; days and periods are ISO texts."""
        violations = RuleViolations.of_batch(batch, self._notes, self._sources)
        columns = {name: self._column(name, batch, violations) for name in LOOKUP_FIELDS}
        columns["lookup_key"] = self._column("key", batch, violations)
        violations.add_blank("key", columns["lookup_key"])
        return columns | violations.columns()

    @property
    def notes(self) -> dict[str, Note]:
        """The notes about every batch so far."""
        return self._notes.notes()

    def _column(self, name: str, batch: RawBatch, violations: RuleViolations) -> pa.Array:
        if name not in self._sources:
            return pa.nulls(len(batch), pa.string())
        is_name = name in TEXTS_FOR_PEOPLE
        cells = field_texts(self._sources[name], batch, is_name=is_name)
        written = violations.add_cells(name, cells, is_name=is_name)
        if name not in _FORMATS:
            return map_distinct(written, clean, pa.string())
        patterns = patterns_of(name, self._rules, _FORMATS[name])
        days = read_days(name, written, self._rules, _FORMATS[name], batch)
        violations.add_invalid(
            f"invalid_{name}",
            written,
            days,
            lambda i: f"{name}: {quoted(written[i].as_py())} is not a valid date of the form {' or '.join(patterns)}",
            of=name,
        )
        return pc.strftime(days, _ISO[name])
