"""Money in rows that rules of a descriptor skip: in control totals, which it is compared with, or not claimed.

Belongs here: what may be money, and rejecting skipped rows that have it. Does not belong here: which rows are skipped
(see `row_marks`), comparing totals (see `doubts`), amounts of lines (see `line_amounts`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import MONEY_TYPE
from finance_platform.feeds.cells import LEFT_OVER, RawBatch
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.row_marks import marked_rows
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values import amounts
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.violations import SPREADSHEET_ERRORS, Mask, RuleViolations, quoted, to_mask


def check_skipped_money(
    rules: ReadingRules,
    headers: Sequence[str],
    columns: dict[str, pa.Array],
    parsed: amounts.ParsedAmounts,
    violations: RuleViolations,
) -> None:
    """Take the money out of control totals, and reject skipped rows whose money no rule claims.

    Args:
        rules: the feed's.
        headers: the columns of amounts.
        columns: the typed columns; amounts of control totals become null.
        parsed: the amounts as parsed.
        violations: of the batch.
    """
    batch, marks = violations.batch, violations.batch.marks
    if marks is None:
        return
    is_total = pa.array(marked_rows(batch, rules.control_totals))
    for name in ("amount", "currency"):
        columns[name] = pc.if_else(is_total, None, columns[name])
    columns_of_money = parsed.sides or (parsed,)
    has_money: Mask = np.zeros(len(batch), dtype=np.bool_)
    for cells in columns_of_money:  # a debit and an equal credit are money too
        has_money |= to_mask(pc.not_equal(cells.values, pa.scalar(0, MONEY_TYPE)))
        has_money[[position for position, written in cells.exact.items() if written]] = True
    unread: Mask = np.zeros(len(batch), dtype=np.bool_)
    for cells, header in zip(columns_of_money, headers, strict=False):
        unread |= _may_be_money(cells, batch, header)
    bare = [rule for rule in rules.skip if not rule.may_hold_money]
    left_over = _has_figure_left_over(batch)

    def describe(position: int) -> str:
        if not (has_money[position] or unread[position]):
            return (
                f"amount: the rule {marks[position].as_py()} of skip matches the row, and one of its cells may be "
                f"money: {batch.problems[position].as_py()}; correct the row, or claim its money by "
                "may_hold_money: true"
            )
        has = "has the amount" if has_money[position] else "has no valid amount but"
        return (
            f"amount: the rule {marks[position].as_py()} of skip matches the row, which {has} "
            f"{quoted(_written_amount(batch, headers, position))}; claim its money by a control_total or "
            "may_hold_money: true, or correct the rule"
        )

    rows = (has_money | unread | left_over) & marked_rows(batch, bare)
    violations.reject_skipped("skipped_money", rows, describe, of="amount")


def _written_amount(batch: RawBatch, headers: Sequence[str], position: int) -> str:
    cells = (batch.columns[header][position].as_py() for header in headers)
    return " ".join(cell.strip() for cell in cells if cell)


def _may_be_money(parsed: amounts.ParsedAmounts, batch: RawBatch, header: str) -> Mask:
    """Return the rows whose cell is no valid amount but may be money: it has a figure, or is a spreadsheet's error.

    A cell that repeats its column's header, as on each page of a report, is none.
    """
    if parsed.texts is None:
        return np.zeros(len(batch), dtype=np.bool_)
    is_unread = pc.and_(pc.is_valid(parsed.texts), pc.is_null(parsed.values))
    is_figure = pc.or_(
        pc.match_substring_regex(parsed.texts, r"\pN"), pc.is_in(parsed.texts, pa.array(SPREADSHEET_ERRORS))
    )
    rows = to_mask(pc.and_(is_unread, is_figure))
    for position in np.flatnonzero(rows).tolist():
        name = (
            batch.source_columns[position].as_py()
            if is_derived(header) and batch.source_columns is not None
            else header
        )
        rows[position] = fold(parsed.texts[position].as_py()) != fold(name or "")
    return rows


def _has_figure_left_over(batch: RawBatch) -> Mask:
    """Return the rows that have a figure in a cell beyond the header."""
    if batch.problems.null_count == len(batch):
        return np.zeros(len(batch), dtype=np.bool_)
    cells = [(text or "").partition(LEFT_OVER)[2] for text in batch.problems.to_pylist()]
    return to_mask(pc.match_substring_regex(pa.array(cells, pa.string()), r"\pN"))
