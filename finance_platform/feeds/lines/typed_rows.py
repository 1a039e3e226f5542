"""What the rows of every file without money lines are typed with: texts, codes, days and choices of one table.

Belongs here: binding a table to its feed, and a field's column with the reason of each rejected value.
Does not belong here: which fields a kind of file has (see `balance_rows`, `lookup_rows`, `reference_rows`,
`report_rows`), lines of money (see `ledger_lines`).

A change that gives other rows needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import DistinctValues, RawBatch, bind_fields, field_texts, map_distinct
from finance_platform.feeds.doubts.changed_codes import reject_changed_codes
from finance_platform.feeds.doubts.day_doubts import DayDoubts
from finance_platform.feeds.findings import Note, NoteCollector
from finance_platform.feeds.lines.day_columns import day_values, describe_invalid_day, tried_patterns
from finance_platform.feeds.lines.typed_codes import TypedCodes
from finance_platform.feeds.resolved import FieldRule, ResolvedFeed
from finance_platform.feeds.values.codes import ACCOUNT_TYPES, MAX_CODE_BYTES, account_type, fold, joined_key
from finance_platform.feeds.violations import RuleViolations, quoted, to_mask


class TypedRows:
    """Turns the raw batches of one table into typed rows; each kind of file adds what makes a row valid."""

    def __init__(self, feed: ResolvedFeed, header: list[str], object_key: str = "", sheet: str | None = None) -> None:
        """Bind the feed's fields to a table's header and name.

        Raises:
            UnreadableDeliveryError: the header lacks a needed column.
            FileNameError: the name does not give a field that the descriptor demands.
        """
        self._rules = feed.rules
        self._sources = bind_fields(feed.rules, header, object_key, sheet)
        self._notes = NoteCollector()
        self._codes = TypedCodes()
        self._day_doubts: dict[str, DayDoubts] = {}

    @property
    def notes(self) -> dict[str, Note]:
        """The notes about every batch so far."""
        notes = self._notes.notes() | self._codes.notes()
        for days in self._day_doubts.values():
            notes |= days.notes()
        return notes

    @property
    def doubts(self) -> dict[str, str]:
        """Why a person must decide whether the table may count, with what to do about it."""
        return {text: fix for days in self._day_doubts.values() for text, fix in days.doubts().items()}

    def _violations(self, batch: RawBatch) -> RuleViolations:
        return RuleViolations.of_batch(batch, self._notes, self._sources)

    def _texts(self, name: str, violations: RuleViolations, *, is_name: bool = False) -> pa.StringArray:
        """Return the text of a field, null where it is blank or the file lacks it.

        Args:
            name: the field.
            violations: of the batch.
            is_name: whether the text is for people, and may have characters that a code may not have.
        """
        if name not in self._sources:
            return pa.nulls(len(violations.batch), pa.string())
        cells = field_texts(self._sources[name], violations.batch, is_name=is_name)
        return violations.add_cells(name, cells, is_name=is_name)

    def _code(self, name: str, texts: pa.StringArray, violations: RuleViolations) -> pa.StringArray:
        rule = self._rules.fields.get(name, FieldRule())
        codes = self._codes.type_column(name, rule, texts, violations.batch)
        column = codes.column()
        reject_long_codes(violations, name, column)
        reject_changed_codes(violations, name, column, codes.values)
        return column

    def _days(
        self, name: str, texts: pa.StringArray, default: tuple[str, ...], violations: RuleViolations
    ) -> pa.Date32Array:
        """Return the day of each text; reject rows whose text is no valid date.

        Args:
            name: the field.
            texts: its texts.
            default: the patterns of a field to which the descriptor gives none.
            violations: of the batch.
        """
        distinct = DistinctValues.of(texts)
        patterns, tried = tried_patterns(name, self._rules, default, violations.batch.sheet)
        self._day_doubts.setdefault(name, DayDoubts(name, patterns, tried)).add(distinct, violations.batch)
        days = day_values(name, distinct, self._rules, default, violations.batch).column()
        violations.add_invalid(
            f"invalid_{name}",
            texts,
            days,
            lambda i: describe_invalid_day(
                name, texts[i].as_py(), self._rules, default, is_1904=violations.batch.is_1904
            ),
            of=name,
        )
        return days


def _or_shorten(name: str) -> str:
    return f", or set columns.{name}.shorten: {MAX_CODE_BYTES}" if name != "scenario" else ""


def reject_long_codes(violations: RuleViolations, name: str, codes: pa.Array) -> None:
    """Reject codes that the warehouse's column cannot hold; cutting them could make two codes equal."""
    lengths = pc.binary_length(codes)
    if (pc.max(lengths).as_py() or 0) <= MAX_CODE_BYTES:
        return
    violations.add(
        f"{name}_too_long",
        to_mask(pc.greater(lengths, MAX_CODE_BYTES)),
        lambda i: (
            f"{name}: {quoted(codes[i].as_py())} has {len(codes[i].as_py().encode())} bytes, more than the "
            f"{MAX_CODE_BYTES} of the warehouse's column; shorten it by map: in the descriptor{_or_shorten(name)}"
        ),
        of=name,
    )


def check_choice(violations: RuleViolations, name: str, written: pa.Array, allowed: tuple[str, ...]) -> pa.Array:
    """Return the allowed spelling of each text; reject what is not allowed, leave blank cells null."""
    by_folded = {fold(value): value for value in allowed}
    known = account_type if allowed == ACCOUNT_TYPES else lambda text: by_folded.get(fold(text))
    values = map_distinct(written, known, pa.string())
    violations.add_invalid(
        f"unknown_{name}",
        written,
        values,
        lambda i: f"{name}: {quoted(written[i].as_py())} is not one of {', '.join(allowed)}; map it in the descriptor",
        of=name,
    )
    return values


def row_keys(*parts: pa.Array) -> pa.StringArray:
    """Return the key of each row from its parts; null where a part is."""
    rows = zip(*(part.to_pylist() for part in parts), strict=True)
    return pa.array([None if None in row else joined_key(map(fold, row)) for row in rows], pa.string())
