"""Rejected rows whose key or voucher rejects them, with the cells of their file.

Grain of the output: one rejected or duplicate candidate line that was accepted by every rule of its own.

Most such lines have no cells when their outcome changes (see `feeds.lines.delivered_cells`), so they are staged as
typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.contracts.schemas import DELIVERED_CELLS, arrow_schema, spark_schema
from finance_platform.json_columns import escape
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_PARTS = {
    "conflicting_key": "key",
    "repeated_row": "key",
    "half_voucher": "voucher",
    "unbalanced_voucher": "voucher",
}
"""What of a line is named as the column and value of a rule's reason."""

_REASON = (
    r'^\[\{"rule":"[a-z_]+","column":"","value":"(?P<value>(?:[^"\\]|\\.)*)","words":"(?P<words>(?:[^"\\]|\\.)*)"\}\]$'
)
"""A reason as `key_comparison` and `vouchers` write it, with its value and its words as JSON has them."""

_SCHEMA = arrow_schema(REJECTED_ROWS.columns)


def without_cells(rejected: DataFrame) -> DataFrame:
    """Return the rejected rows that other rows of their file reject; each broke one rule."""
    return rejected.where(F.col("rules").isin(*_PARTS))


def with_cells(rejected: DataFrame) -> DataFrame:
    """Return the rejected rows that have the cells of their file."""
    return rejected.where(~F.col("rules").isin(*_PARTS))


def places(rows: DataFrame) -> DataFrame:
    """Return delivery, sheet and line of rows, each line once: a line may give several."""
    return rows.select("delivery_id", "source_sheet", "source_row").distinct()


def cells_of_reader(staged: DataFrame) -> DataFrame:
    """Return the cells of those staged rows of which the reader has kept them."""
    return staged.where(F.col("cells_raw_row").isNotNull()).select(*[column.name for column in DELIVERED_CELLS])


def without_places(of_files: DataFrame, cells: DataFrame) -> DataFrame:
    """Return the places whose cells are not known.

    Args:
        of_files: places of rows.
        cells: rows of `DELIVERED_CELLS`.
    """
    known = cells.select(
        F.col("delivery_id").alias("known_delivery_id"),
        F.coalesce(F.col("source_sheet"), F.lit("")).alias("known_sheet"),
        F.col("source_row").alias("known_row"),
    )
    is_same = (
        (F.col("delivery_id") == F.col("known_delivery_id"))
        & (F.coalesce(F.col("source_sheet"), F.lit("")) == F.col("known_sheet"))
        & (F.col("source_row") == F.col("known_row"))
    )
    return of_files.join(known, on=is_same, how="left_anti")


def add_cells(rows: DataFrame, cells: DataFrame) -> DataFrame:
    """Return rows with the cells of their lines; those whose cells are not there remain as typed.

    Args:
        rows: the result of `without_cells`.
        cells: rows of `DELIVERED_CELLS`.
    """
    of_lines = cells.select(
        F.col("delivery_id").alias("cells_delivery_id"),
        F.col("source_sheet").alias("cells_sheet"),
        F.col("source_row").alias("cells_row"),
        *[name for name in cells.columns if name not in {"delivery_id", "source_sheet", "source_row"}],
    )
    is_same = (
        (F.col("delivery_id") == F.col("cells_delivery_id"))
        & (F.coalesce(F.col("source_sheet"), F.lit("")) == F.coalesce(F.col("cells_sheet"), F.lit("")))
        & (F.col("source_row") == F.col("cells_row"))
    )
    joined = rows.join(of_lines, on=is_same, how="left").drop("cells_delivery_id", "cells_sheet", "cells_row")
    return joined.mapInArrow(name_cells, spark_schema(REJECTED_ROWS.columns))


def name_cells(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield rejected rows with their cells, and with the column and the value in their reason.

    Args:
        batches: rows with the columns of `REJECTED_ROWS` and those of `DELIVERED_CELLS`.
    """
    for batch in batches:
        has_cells = pc.is_valid(batch["cells_raw_row"])
        columns = {
            "reasons": pc.if_else(has_cells, _name_in_reasons(batch), batch["reasons"]),
            "raw_row": pc.coalesce(batch["cells_raw_row"], batch["raw_row"]),
        }
        arrays = [columns.get(item.name, batch[item.name]).cast(item.type) for item in _SCHEMA]
        yield pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


def _name_in_reasons(batch: pa.RecordBatch) -> pa.StringArray:
    """Return the only reason of each row, with the column and the value of its key or its voucher."""
    is_voucher = pc.is_in(batch["rules"], pa.array([rule for rule, part in _PARTS.items() if part == "voucher"]))
    column, value = (
        pc.if_else(is_voucher, batch[f"voucher_{name}"], batch[f"key_{name}"]) for name in ("column", "value")
    )
    written = pc.extract_regex(batch["reasons"], _REASON)
    value = pc.if_else(pc.equal(value, ""), written.field("value"), escape(value))
    between = ['[{"rule":"', '","column":"', '","value":"', '","words":"', '"}]']
    parts = [batch["rules"], escape(column), value, written.field("words")]
    return pc.binary_join_element_wise(*chain(*zip(between, parts, strict=False)), between[-1], "")
