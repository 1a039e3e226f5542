"""From raw rows to what reports take from people: comments on variances, and lines of the statement.

Belongs here: what makes a row a comment or the mapping to a line, and the reason of each rejected row.
Does not belong here: which delivery's row wins, and which accounts a row means (see `deliveries.report_inputs`).

A change that gives other rows needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import COMMENT_FIELDS, STATEMENT_LINE_FIELDS
from finance_platform.contracts.views import SECTIONS
from finance_platform.feeds.cells import RawBatch, map_distinct
from finance_platform.feeds.lines.day_columns import DEFAULT_PERIOD_FORMATS
from finance_platform.feeds.lines.typed_rows import TypedRows, check_choice, row_keys
from finance_platform.feeds.values.codes import clean, short_name, surrogate_key
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


class ReportRows(TypedRows):
    """Turns the raw batches of one table into comments or statement lines, each accepted, rejected or skipped."""

    def type_batch(self, batch: RawBatch) -> dict[str, pa.Array]:
        """Return the typed columns of every row, with the key that no other row of the delivery may have."""
        violations = self._violations(batch)
        texts = {name: self._texts(name, violations, is_name=name in _FOR_PEOPLE) for name in _FIELDS[self._rules.kind]}
        if self._rules.kind == "comments":
            columns = self._comments(texts, violations)
        else:
            columns = self._lines(texts, violations)
        return columns | violations.columns()

    def _comments(self, texts: _Texts, violations: RuleViolations) -> dict[str, pa.Array]:
        for name in ("period", "department", "account"):
            violations.add_blank(name, texts[name])
        is_empty = pc.and_(pc.is_null(texts["owner"]), pc.is_null(texts["comment"]))
        violations.add("blank_comment", to_mask(is_empty), lambda _: "comment and owner are both blank", of="comment")
        days = self._days("period", texts["period"], DEFAULT_PERIOD_FORMATS, violations)
        period = pc.strftime(days, "%Y-%m")
        department, account = (self._code(name, texts[name], violations) for name in ("department", "account"))
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

    def _lines(self, texts: _Texts, violations: RuleViolations) -> dict[str, pa.Array]:
        for name in ("section", "line"):
            violations.add_blank(name, texts[name])
        account = self._code("account", texts["account"], violations)
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
