"""From raw rows to departments and accounts: the rules of reference feeds, on Arrow batches.

Belongs here: what makes a row a department or an account, and the reason of each rejected row.
Does not belong here: which delivery's description wins (see `transforms`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cached_property, partial

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import DistinctValues, RawBatch, field_texts, map_distinct
from finance_platform.feeds.doubts.unread_attributes import UnreadAttributes
from finance_platform.feeds.findings import Note
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.lines.day_columns import day_values, tried_patterns
from finance_platform.feeds.lines.typed_rows import TypedRows, check_choice
from finance_platform.feeds.resolved import FieldRule, ResolvedFeed
from finance_platform.feeds.values.codes import (
    ACCOUNT_TYPES,
    MEASURES,
    clean,
    fold,
    short_name,
    surrogate_key,
    type_by_prefix,
)
from finance_platform.feeds.violations import RuleViolations, quoted, to_mask

_COLUMN_OF_FIELD = {
    "departments": {
        "code": "department_code",
        "name": "department_name",
        "business_unit": "business_unit",
        "parent": "parent_department_code",
        "predecessor": "predecessor_department_code",
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
DEFAULT_VALID_FROM_FORMATS = ("yyyy-MM-dd", "yyyy-MM")
"""The formats of a date from which a row holds, where the descriptor gives none."""

_CODES = {"code", "number", "parent", "predecessor"}
_CHOICES = {"type": ACCOUNT_TYPES, "measure": MEASURES}
_SHARES = {"share": "predecessor_share", "origin_share": "origin_share"}
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,12})?) ?(%?)", re.ASCII)
_SHARE_DECIMALS = 6
_SMALLEST_SHARE = Decimal("0.000001")
_NEEDED = {"departments": "code", "accounts": "number"}
_KEY_COLUMN = {"departments": "department_key", "accounts": "account_key"}


_GROUPS = {"business_unit", "category"}
"""Fields by which reports group members."""


class ReferenceRows(TypedRows):
    """Turns the raw batches of one reference table into typed rows, each accepted, rejected or skipped."""

    def __init__(self, feed: ResolvedFeed, header: list[str], object_key: str = "", sheet: str | None = None) -> None:
        """Bind the feed's fields to a table's header and name, and find the columns that none of them reads.

        Raises:
            UnreadableDeliveryError: the header lacks a needed column.
            FileNameError: the name does not give a field that the descriptor demands.
        """
        super().__init__(feed, header, object_key, sheet)
        self._unread = UnreadAttributes.of_table(feed.rules.kind, feed.rules, header, self._sources)

    @cached_property
    def _spellings(self) -> dict[tuple[str, str], dict[str, None]]:
        return {}

    @property
    def notes(self) -> dict[str, Note]:
        """The notes about every batch so far."""
        spellings = {
            f"{field}: {' and '.join(map(quoted, names))} differ in case only, and views show each as a group": Note(
                1,
                "write one spelling in the file, or read it by "
                f"columns.{field}.map: {json.dumps({folded: next(iter(names))}, ensure_ascii=False)} in the descriptor",
            )
            for (field, folded), names in self._spellings.items()
            if len(names) > 1
        }
        return super().notes | spellings | self._unread.notes()

    def type_batch(self, batch: RawBatch) -> dict[str, pa.Array]:
        """Return the typed columns of every row."""
        self._unread.add(batch)
        violations = self._violations(batch)
        kind = self._rules.kind
        columns = {column: self._column(field, violations) for field, column in _COLUMN_OF_FIELD[kind].items()}
        needed = _NEEDED[kind]
        codes = columns[_COLUMN_OF_FIELD[kind][needed]]
        violations.add_blank(needed, codes)
        prefixes = self._rules.types_by_prefix
        if prefixes:
            by_prefix = map_distinct(codes, lambda code: type_by_prefix(code, prefixes), pa.string())
            columns["account_type"] = pc.coalesce(columns["account_type"], by_prefix)
        columns[_KEY_COLUMN[kind]] = map_distinct(codes, surrogate_key, pa.int64())
        columns["valid_from"] = self._valid_from(violations)
        columns["valid_to"] = self._valid_to(violations)
        columns["line_key"] = _keys(codes, columns["valid_from"])
        if kind == "departments":
            self._add_reorganisation(columns, violations)
        return columns | violations.columns()

    def _valid_from(self, violations: RuleViolations) -> pa.StringArray:
        """Return the period from which each row holds, null where the file does not say."""
        written = self._texts("valid_from", violations)
        return pc.strftime(self._days("valid_from", written, DEFAULT_VALID_FROM_FORMATS, violations), "%Y-%m")

    def _valid_to(self, violations: RuleViolations) -> pa.StringArray:
        """Return the last period of each row's member, null where the file does not say.

        No row is rejected: an end changes no figure, and files had such a column before anything read it.
        """
        batch, source = violations.batch, self._sources.get("valid_to")
        if source is None:
            return pa.nulls(len(batch), pa.string())
        texts = field_texts(source, batch, is_name=True).texts
        texts = pc.if_else(pc.less_equal(pc.utf8_length(texts), MAX_VALUE_CHARACTERS), texts, None)
        distinct = DistinctValues.of(texts)
        patterns, _ = tried_patterns("valid_to", self._rules, DEFAULT_VALID_FROM_FORMATS, batch.sheet)
        days = day_values("valid_to", distinct, self._rules, DEFAULT_VALID_FROM_FORMATS, batch).column()
        self._notes.add(
            f"valid_to: a text is not a valid date of the form {' or '.join(patterns)}, so the member has no end",
            "correct the text, or give its form in columns.valid_to.formats",
            to_mask(pc.and_(pc.is_valid(texts), pc.is_null(days))) & violations.accepted,
            batch,
            texts,
        )
        return pc.strftime(days, "%Y-%m")

    def _add_reorganisation(self, columns: dict[str, pa.Array], violations: RuleViolations) -> None:
        """Add the shares of a department that replaces another one, and check that both and the date are given."""
        predecessors = columns["predecessor_department_code"]
        folded = map_distinct(predecessors, fold, pa.string())
        is_given = pc.is_valid(predecessors)
        codes = columns["department_code"]
        violations.add(
            "own_predecessor",
            to_mask(pc.equal(folded, map_distinct(codes, fold, pa.string()))),
            lambda i: (
                f"predecessor: {quoted(predecessors[i].as_py())} is the department itself; leave it blank, because "
                "what other departments do not take over stays in it"
            ),
            of="predecessor",
        )
        violations.add(
            "predecessor_without_date",
            to_mask(pc.and_(is_given, pc.is_null(columns["valid_from"]))),
            lambda i: (
                f"predecessor: {quoted(predecessors[i].as_py())} is replaced, and valid_from does not say from when"
            ),
            of="predecessor",
        )
        for field, column in _SHARES.items():
            shares = self._share(field, violations)
            violations.add(
                "share_without_predecessor",
                to_mask(pc.and_(pc.is_valid(shares), pc.invert(is_given))),
                partial(_share_of_nothing, field, shares),
                of=field,
            )
            columns[column] = shares
        columns["line_key"] = pc.if_else(
            is_given, pc.binary_join_element_wise(columns["line_key"], folded, " after "), columns["line_key"]
        )

    def _share(self, field: str, violations: RuleViolations) -> pa.StringArray:
        """Return a share of each row as plain text, such as 0.6; null where the file does not say."""
        written = self._texts(field, violations)
        rule = self._rules.fields.get(field, FieldRule())
        least = 0 if field == "origin_share" else _SMALLEST_SHARE
        shares = map_distinct(written, lambda text: _share_text(clean(text), rule.decimal, least), pa.string())
        violations.add_invalid(
            f"invalid_{field}",
            written,
            shares,
            lambda i: (
                f"{field}: {quoted(written[i].as_py())} is not a share above 0 and up to 1 with at most "
                f"{_SHARE_DECIMALS} decimals; write 0{rule.decimal}6 or 60%"
            ),
            of=field,
        )
        return shares

    def _column(self, field: str, violations: RuleViolations) -> pa.Array:
        is_name = field not in _CODES and field not in _CHOICES
        texts = self._texts(field, violations, is_name=is_name)
        if field in _CHOICES:
            return check_choice(violations, field, texts, _CHOICES[field])
        if field in _CODES:
            return self._code(field, texts, violations)
        names = map_distinct(texts, short_name, pa.string())
        if field in _GROUPS:
            for name in pc.unique(pc.drop_null(names)).to_pylist():
                self._spellings.setdefault((field, fold(name)), {})[name] = None
        return names


def _share_of_nothing(field: str, shares: pa.StringArray, row: int) -> str:
    return f"{field}: {quoted(shares[row].as_py())} is a share, and predecessor does not say of which department"


def _share_text(text: str, decimal: str, least: Decimal | int) -> str | None:
    """Return a share without a sign, a percent sign or zeros at its end; None if it is not one."""
    number = text.replace(decimal, ".") if decimal != "." else text
    match = _SHARE.fullmatch(number)
    if match is None:
        return None
    share = Decimal(match[1]) / (100 if match[2] else 1)
    if not least <= share <= 1 or share != round(share, _SHARE_DECIMALS):
        return None
    return f"{round(share, _SHARE_DECIMALS).normalize():f}"


def _keys(codes: pa.StringArray, valid_from: pa.StringArray) -> pa.StringArray:
    """Return what no other row of the delivery may have: the code, and the period from which the row holds."""
    folded = map_distinct(codes, fold, pa.string())
    return pc.if_else(pc.is_null(valid_from), folded, pc.binary_join_element_wise(folded, valid_from, " from "))
