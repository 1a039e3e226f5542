"""From raw rows to the rows of a trial balance: an account and its balance before and after a period.

Belongs here: what makes a row a balance, and the reason of each rejected row.
Does not belong here: comparing balances with the ledger (see `quality.books`), lines of money (see `ledger_lines`).

A change that gives other rows needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import MONEY_TYPE
from finance_platform.feeds.cells import FieldSource, RawBatch, debit_and_credit_texts, field_texts, map_distinct
from finance_platform.feeds.doubts.late_cells import LateCells
from finance_platform.feeds.doubts.moved_cells import MovedCells
from finance_platform.feeds.lines.day_columns import DEFAULT_PERIOD_FORMATS
from finance_platform.feeds.lines.sheet_amounts import LARGEST_AMOUNT, SIDES_OF_PAIR, describe_invalid, parse_cells
from finance_platform.feeds.lines.typed_rows import TypedRows, row_keys
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.feeds.values import amounts
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.feeds.values.currencies import describe_currency
from finance_platform.feeds.violations import Mask, RuleViolations, quoted, to_mask


@cache
def _nothing() -> pa.Scalar:
    """Return 0.00; made when it is needed, because Arrow imports pandas for its first scalar."""
    return pa.scalar(0, MONEY_TYPE)


class BalanceRows(TypedRows):
    """Turns the raw batches of one table into balances, each accepted, rejected or skipped."""

    def __init__(self, feed: ResolvedFeed, header: list[str], object_key: str = "", sheet: str | None = None) -> None:
        """Bind the feed's fields to a table's header and name, and watch for cells that are read as others."""
        super().__init__(feed, header, object_key, sheet)
        self._moved, self._late = (kind.of_table(header, self._sources) for kind in (MovedCells, LateCells))

    @property
    def doubts(self) -> dict[str, str]:
        """Why a person must decide whether the table may count, with what to do about it."""
        return super().doubts | self._moved.doubts() | self._late.doubts()

    def type_batch(self, batch: RawBatch) -> dict[str, pa.Array]:
        """Return the typed columns of every row, with the key that no other row of the delivery may have."""
        violations = self._violations(batch)
        texts = {name: self._texts(name, violations) for name in ("period", "account", "department")}
        for name in ("period", "account"):
            violations.add_blank(name, texts[name])
        days = self._days("period", texts["period"], DEFAULT_PERIOD_FORMATS, violations)
        period = pc.strftime(days, "%Y-%m")
        account, department = (self._code(name, texts[name], violations) for name in ("account", "department"))
        columns = {
            "period": period,
            "account_number": account,
            "account_key": map_distinct(account, surrogate_key, pa.int64()),
            "department_code": department,
            "opening": self._money("opening", batch, violations),
            "balance": self._money("balance", batch, violations, is_needed=True),
            "line_key": row_keys(period, account, pc.fill_null(department, "")),
        }
        columns |= violations.columns()
        self._moved.add(batch, columns["outcome"])
        self._late.add(batch, columns["outcome"])
        return columns

    def _money(
        self, name: str, batch: RawBatch, violations: RuleViolations, *, is_needed: bool = False
    ) -> pa.Decimal128Array:
        """Return a field of money, debit less credit; null where it is blank or not valid."""
        if name not in self._sources:
            return pa.nulls(len(batch), MONEY_TYPE)
        source = self._sources[name]
        has_pair = source.rule.debit is not None
        cells = debit_and_credit_texts(source, batch) if has_pair else (field_texts(source, batch),)
        sides = [violations.add_cells(name, side) for side in cells]
        own = SIDES_OF_PAIR if has_pair else ("",)
        values = [self._parse(name, source, texts, violations, side) for side, texts in zip(own, sides, strict=True)]
        is_blank = to_mask(pc.is_null(sides[0]))
        if has_pair:
            is_blank &= to_mask(pc.is_null(sides[1]))
        if is_needed:
            violations.add(f"blank_{name}", is_blank, lambda _: f"{name} is blank", of=name)
        if not has_pair:
            return values[0]
        join = pc.add if source.rule.is_signed else pc.subtract
        difference = join(*(pc.fill_null(side, _nothing()) for side in values))
        too_large = to_mask(pc.greater_equal(pc.abs(difference), pa.scalar(amounts.LIMIT, difference.type)))
        violations.add(
            f"invalid_{name}", too_large, lambda _: f"{name}: debit less credit is too large: {LARGEST_AMOUNT}", of=name
        )
        return pc.cast(
            pc.if_else(pa.array(is_blank | too_large), pa.scalar(None, difference.type), difference), MONEY_TYPE
        )

    def _parse(
        self, name: str, source: FieldSource, texts: pa.StringArray, violations: RuleViolations, side: str
    ) -> pa.Decimal128Array:
        currency, has_sides = self._rules.currency, not side
        parsed = parse_cells(texts, source, currency, violations.batch, has_sides=has_sides, side=side)
        violations.add_invalid(
            f"invalid_{name}",
            texts,
            parsed.values,
            lambda i: (
                f"{name}: {quoted(texts[i].as_py())} is not a valid amount"
                f"{describe_invalid(parsed, i, source.rule, has_sides=has_sides, side=side)}"
            ),
            of=name,
        )
        is_foreign: Mask = np.zeros(len(texts), dtype=np.bool_)
        is_foreign[list(parsed.foreign)] = True
        violations.add(
            "foreign_currency",
            is_foreign,
            lambda i: (
                f"{name}: {quoted(texts[i].as_py())} is in {describe_currency(parsed.foreign[i])}, not in the home's "
                f"currency, {currency}"
            ),
            of=name,
        )
        return parsed.values
