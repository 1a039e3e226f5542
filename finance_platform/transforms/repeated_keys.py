"""Rows of one delivery that share a key: identical ones are duplicates, differing ones are all rejected.

Grain of the output: one row that must not become a line because of its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from string import Formatter

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from finance_platform.contracts.schemas import WRITTEN
from finance_platform.transforms.reasons import CONFLICTING_KEY, REPEATED_ROW

_MAX_KEY_CHARACTERS = 200
_PLACE = ("source_sheet", "source_row", "source_column")
_NULLABLE = {"source_sheet", "source_column"}
_IDENTITY = ("delivery_id", "line_key", *_PLACE)


def find_possible_duplicates(staged: DataFrame) -> DataFrame:
    """Return the accepted rows whose key's hash occurs more than once in their delivery: all repeats, hardly more.

    A hash is one number: counting the hashes of a whole ledger takes a third of the time of counting its keys.
    """
    keyed = _keyed(staged).withColumn("key_hash", F.xxhash64("delivery_id", "line_key"))
    repeated = keyed.groupBy("key_hash").agg(F.count(F.lit(1)).alias("times")).where(F.col("times") > 1)
    return keyed.join(F.broadcast(repeated.select("key_hash")), on="key_hash", how="left_semi").select(*staged.columns)


def repeated_keys(staged: DataFrame, compared: Sequence[str]) -> DataFrame:
    """Return outcome, rules and reasons of the rows whose key occurs more than once in their delivery.

    Args:
        staged: staged rows of one kind of feed, all or the possible duplicates. They are read several times.
        compared: the columns that must all be equal for two rows to be identical.
    """
    keyed = _keyed(staged)
    repeated = keyed.groupBy("delivery_id", "line_key").agg(F.count(F.lit(1)).alias("times")).where(F.col("times") > 1)
    # Only the few repeated rows are compared; a window over every row would sort the whole delivery.
    rows = keyed.join(F.broadcast(repeated), on=["delivery_id", "line_key"], how="inner").withColumn(
        "content", F.concat(*[_delimited(name) for name in compared])
    )
    contents = rows.groupBy("delivery_id", "line_key").agg(F.countDistinct("content").alias("versions"))
    same_key = Window.partitionBy("delivery_id", "line_key").orderBy(*_PLACE)
    whole = same_key.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    numbered = rows.join(F.broadcast(contents), on=["delivery_id", "line_key"], how="inner").select(
        "*",
        F.row_number().over(same_key).alias("nth"),
        F.first(_place()).over(whole).alias("first_place"),
        F.last(_place()).over(whole).alias("last_place"),
    )
    is_conflict = F.col("versions") > 1
    return numbered.where(is_conflict | (F.col("nth") > 1)).select(
        "delivery_id",
        "line_key",
        *_PLACE,
        F.when(is_conflict, F.lit("rejected")).otherwise(F.lit("duplicate")).alias("key_outcome"),
        F.when(is_conflict, F.lit("conflicting_key")).otherwise(F.lit("repeated_row")).alias("key_rules"),
        _reasons(is_conflict).alias("key_reasons"),
        F.to_json(F.struct(*[F.col(name).cast("string").alias(name) for name in compared])).alias("key_raw_row"),
    )


def _keyed(staged: DataFrame) -> DataFrame:
    """Return the lines that are compared: accepted ones with a key, some of which may be in their files already."""
    return staged.where(F.col("outcome").isin("accepted", WRITTEN) & F.col("line_key").isNotNull())


def with_outcomes(staged: DataFrame, repeats: DataFrame) -> DataFrame:
    """Return the staged rows with their final outcome; `repeats` is the result of `repeated_keys`."""
    repeated = repeats.select(
        *[F.col(name).alias(f"repeated_{name}") for name in _IDENTITY],
        *[name for name in repeats.columns if name not in _IDENTITY],
    )
    # The same line number may be on several sheets, and a row may give several lines; neither has a name that is blank.
    is_same = [
        F.coalesce(F.col(name), F.lit("")) == F.coalesce(F.col(f"repeated_{name}"), F.lit(""))
        if name in _NULLABLE
        else F.col(name) == F.col(f"repeated_{name}")
        for name in _IDENTITY
    ]
    joined = staged.join(F.broadcast(repeated), on=reduce(lambda left, right: left & right, is_same), how="left")
    names = {name: F.coalesce(F.col(f"key_{name}"), F.col(name)) for name in ("outcome", "rules", "reasons", "raw_row")}
    return joined.select(*[names.get(name, F.col(name)).alias(name) for name in staged.columns])


def _delimited(name: str) -> Column:
    # With the length before each cell, no character in a cell can make two different rows equal, or a blank a value.
    text = F.col(name).cast("string")
    return F.coalesce(F.concat(F.length(text).cast("string"), F.lit(":"), text), F.lit("-"))


def _reasons(is_conflict: Column) -> Column:
    """Return the reason as `feeds.reasons` writes it; the key may be of several columns, so none is named."""
    reason = F.struct(
        F.when(is_conflict, F.lit("conflicting_key")).otherwise(F.lit("repeated_row")).alias("rule"),
        F.lit("").alias("column"),
        F.substring(F.col("line_key"), 1, _MAX_KEY_CHARACTERS).alias("value"),
        F.when(is_conflict, _conflict_reason()).otherwise(_duplicate_reason()).alias("words"),
    )
    return F.concat(F.lit("["), F.to_json(reason), F.lit("]"))


def _conflict_reason() -> Column:
    return _filled(CONFLICTING_KEY, key="line_key", first="first_place", last="last_place")


def _duplicate_reason() -> Column:
    return _filled(REPEATED_ROW, key="line_key", first="first_place")


def _filled(template: str, **columns: str) -> Column:
    """Return a text with columns in its placeholders."""
    pieces = []
    for text, name, _, _ in Formatter().parse(template):
        pieces += [F.lit(text), *([F.col(columns[name])] if name else [])]
    return F.concat(*pieces)


def _place() -> Column:
    """Return where a line is, for a message: `line 5`, with the sheet and the column where it has them."""
    row, sheet, column = (F.col(name) for name in ("source_row", "source_sheet", "source_column"))
    return F.concat(
        F.when(sheet.isNull(), F.lit("line ")).otherwise(F.concat(F.lit("sheet '"), sheet, F.lit("' row "))),
        row.cast("string"),
        F.when(column.isNull(), F.lit("")).otherwise(F.concat(F.lit(", column '"), column, F.lit("'"))),
    )
