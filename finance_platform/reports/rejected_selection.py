"""Which rejected rows are listed, and which of a file's have the most money at stake.

Belongs here: choosing rows, one by one and by column. Does not belong here: reading them (see `rejected_rows`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.reports.reconciliation import CurrentDelivery

ORDERING = ("outcome", "rules", "period", "amount", "source_sheet", "source_row", "source_column")
"""What of a row says whether it has more money at stake than others; a whole file's is in memory at once."""

_MONEY_FIRST = ("is_unpriced", "money", "sheet", "row", "column")


@dataclass(frozen=True)
class Selection:
    """Which rejected rows to list; None for all.

    Attributes:
        feed: of this feed.
        file: of this raw object.
        rule: that break this rule, others maybe too.
        period: of this accounting period; empty for rows without a valid date.
    """

    feed: str | None = None
    file: str | None = None
    rule: str | None = None
    period: str | None = None

    def has_delivery(self, current: CurrentDelivery) -> bool:
        """Return whether rows of the delivery may be listed."""
        commit = current.commit
        return self.feed in {None, commit.feed} and self.file in {None, commit.object_key}

    def has_row(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row, as stored, is listed."""
        if self.period not in {None, row["period"] or ""}:
            return False
        return self.rule is None or self.rule in row["rules"].split(",")


ALL = Selection()


def largest_places(batches: Iterable[pa.RecordBatch], limit: int, selection: Selection) -> list[int]:
    """Return the places of the rows of a file with the most money at stake, the largest one first."""
    tables = [pa.Table.from_batches([batch]) for batch in batches]
    if not tables:
        return []
    table = pa.concat_tables(tables)
    places = pc.indices_nonzero(are_listed(table, selection))
    amount = table["amount"]
    order = pc.sort_indices(
        pa.table(
            {
                "is_unpriced": pc.is_null(amount),
                "money": pc.abs(amount),
                "sheet": pc.fill_null(table["source_sheet"], ""),
                "row": table["source_row"],
                "column": pc.fill_null(table["source_column"], ""),
            }
        ).take(places),
        [(name, "descending" if name == "money" else "ascending") for name in _MONEY_FIRST],
    )
    return places.take(order.slice(0, limit)).to_pylist()  # type: ignore[no-any-return]


def are_listed(table: pa.Table | pa.RecordBatch, selection: Selection) -> pa.ChunkedArray | pa.Array:
    """Return of each row whether it is listed; see `Selection.has_row`."""
    listed = pc.not_equal(table["outcome"], "skipped")
    if selection.period is not None:
        listed = pc.and_(listed, pc.equal(pc.fill_null(table["period"], ""), selection.period))
    if selection.rule is not None:
        rules = pc.binary_join_element_wise("", table["rules"], "", ",")
        listed = pc.and_(listed, pc.match_substring(rules, f",{selection.rule},"))
    return listed
