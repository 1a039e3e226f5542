"""From raw rows to what reports take from people: comments on variances, and lines of the statement.

Belongs here: what makes a row a comment or the mapping to a line, and the reason of each rejected row.
Does not belong here: which delivery's row wins, and which accounts a row means (see `deliveries.report_inputs`).

A change that gives other rows needs a higher `READER_VERSION` (see `resolved`), or files are not read again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import COMMENT_FIELDS, STATEMENT_LINE_FIELDS
from finance_platform.contracts.views import SECTIONS
from finance_platform.feeds.cells import RawBatch, bind_fields, field_texts, map_distinct
from finance_platform.feeds.codes import clean, fold, joined_key, short_name, surrogate_key
from finance_platform.feeds.day_columns import patterns_of, read_days
from finance_platform.feeds.findings import Note, NoteCollector
from finance_platform.feeds.ledger_lines import DEFAULT_PERIOD_FORMATS, check_choice, reject_long_codes
from finance_platform.feeds.resolved import FieldRule, ReadingRules, ResolvedFeed
from finance_platform.feeds.typed_codes import TypedCodes
from finance_platform.feeds.violations import RuleViolations, quoted, to_mask

NATURES = ("timing", "permanent")
"""What a variance can be: made good by later periods, or not."""

MAX_COMMENT_BYTES = 4096
"""Of UTF-8, the size of the warehouse's column."""

_FIELDS = {"comments": COMMENT_FIELDS, "statement_lines": STATEMENT_LINE_FIELDS}
_FOR_PEOPLE = {"owner", "comment", "category", "section", "line"}
_WHICH = {True: "an account and a category", False: "neither an account nor a category"}
_ORDER = re.compile(r"[0-9]{1,9}")

_Texts = Mapping[str, pa.StringArray]
"""The text of each field, null where it is blank or the file lacks it."""


class ReportRows:
    """Turns the raw batches of one table into comments or statement lines, each accepted, rejected or skipped."""

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

    def type_batch(self, batch: RawBatch) -> dict[str, pa.Array]:
        """Return the typed columns of every row, with the key that no other row of the delivery may have."""
        violations = RuleViolations.of_batch(batch, self._notes, self._sources)
        texts = {name: self._texts(name, batch, violations) for name in _FIELDS[self._rules.kind]}
        if self._rules.kind == "comments":
            columns = self._comments(texts, batch, violations)
        else:
            columns = self._lines(texts, batch, violations)
        return columns | violations.columns()

    @property
    def notes(self) -> dict[str, Note]:
        """The notes about every batch so far."""
        return self._notes.notes() | self._codes.notes()

    def _comments(self, texts: _Texts, batch: RawBatch, violations: RuleViolations) -> dict[str, pa.Array]:
        for name in ("period", "department", "account"):
            violations.add_blank(name, texts[name])
        is_empty = pc.and_(pc.is_null(texts["owner"]), pc.is_null(texts["comment"]))
        violations.add("blank_comment", to_mask(is_empty), lambda _: "comment and owner are both blank", of="comment")
        period = read_periods(texts["period"], self._rules, violations)
        department, account = (self._code(name, texts, batch, violations) for name in ("department", "account"))
        return {
            "period": period,
            "department_code": department,
            "department_key": map_distinct(department, surrogate_key, pa.int64()),
            "account_number": account,
            "account_key": map_distinct(account, surrogate_key, pa.int64()),
            "owner": map_distinct(texts["owner"], short_name, pa.string()),
            "comment": _comment(texts["comment"], violations),
            "nature": check_choice(violations, "nature", texts["nature"], NATURES),
            "line_key": row_keys(period, department, account),
        }

    def _lines(self, texts: _Texts, batch: RawBatch, violations: RuleViolations) -> dict[str, pa.Array]:
        for name in ("section", "line"):
            violations.add_blank(name, texts[name])
        account = self._code("account", texts, batch, violations)
        category = map_distinct(texts["category"], short_name, pa.string())
        is_account = pc.is_valid(account)
        violations.add(
            "account_or_category",
            to_mask(pc.equal(is_account, pc.is_valid(category))),
            lambda i: f"has {_WHICH[is_account[i].as_py()]}; give one of them",
            of="account",
        )
        return {
            "account": account,
            "category": category,
            "section": check_choice(violations, "section", texts["section"], SECTIONS),
            "line": map_distinct(texts["line"], short_name, pa.string()),
            "line_order": _order(texts["order"], violations),
            "line_key": row_keys(pc.if_else(is_account, "account", "category"), pc.coalesce(account, category)),
        }

    def _texts(self, name: str, batch: RawBatch, violations: RuleViolations) -> pa.StringArray:
        if name not in self._sources:
            return pa.nulls(len(batch), pa.string())
        is_name = name in _FOR_PEOPLE
        cells = field_texts(self._sources[name], batch, is_name=is_name)
        return violations.add_cells(name, cells, is_name=is_name)

    def _code(self, name: str, texts: _Texts, batch: RawBatch, violations: RuleViolations) -> pa.StringArray:
        codes = self._codes.type_column(name, self._rules.fields.get(name, FieldRule()), texts[name], batch).column()
        reject_long_codes(violations, name, codes)
        return codes


def read_periods(written: pa.StringArray, rules: ReadingRules, violations: RuleViolations) -> pa.StringArray:
    """Return the field `period` of each row as YYYY-MM; reject rows without a valid one."""
    patterns = patterns_of("period", rules, DEFAULT_PERIOD_FORMATS)
    days = read_days("period", written, rules, DEFAULT_PERIOD_FORMATS, violations.batch)
    violations.add_invalid(
        "invalid_period",
        written,
        days,
        lambda i: f"period: {quoted(written[i].as_py())} is not a valid date of the form {' or '.join(patterns)}",
        of="period",
    )
    return pc.strftime(days, "%Y-%m")


def _comment(written: pa.StringArray, violations: RuleViolations) -> pa.StringArray:
    comments = map_distinct(written, clean, pa.string())
    violations.add(
        "comment_too_long",
        to_mask(pc.greater(pc.binary_length(comments), MAX_COMMENT_BYTES)),
        lambda i: (
            f"comment: has {len(comments[i].as_py().encode()):,} bytes, more than the {MAX_COMMENT_BYTES:,} of the "
            "warehouse's column; shorten it"
        ),
        of="comment",
    )
    return comments


def _order(written: pa.StringArray, violations: RuleViolations) -> pa.Int64Array:
    numbers = map_distinct(written, lambda text: int(text) if _ORDER.fullmatch(text) else None, pa.int64())
    violations.add_invalid(
        "invalid_order",
        written,
        numbers,
        lambda i: f"order: {quoted(written[i].as_py())} is not a whole number from 0 to 999999999",
        of="order",
    )
    return numbers


def row_keys(*parts: pa.Array) -> pa.StringArray:
    """Return the key of each row from its parts; null where a part is."""
    rows = zip(*(part.to_pylist() for part in parts), strict=True)
    return pa.array([None if None in row else joined_key(map(fold, row)) for row in rows], pa.string())
