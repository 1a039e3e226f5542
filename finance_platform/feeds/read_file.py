"""Reading: the function inside `mapInArrow` that turns named files into typed rows.

Belongs here: one file's way from bytes to staged rows, with its measures; a bad file becomes one row that says so.
Does not belong here: Spark's part (see `standardise_job`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import MEASURED, NOT_OPENED, REFUSED, STAGED, arrow_schema
from finance_platform.errors import FileNameError, UnreadableDeliveryError
from finance_platform.feeds.amounts import EXACT, ParsedAmounts
from finance_platform.feeds.cells import RawBatch, map_distinct
from finance_platform.feeds.codes import fold
from finance_platform.feeds.delimited_file import DelimitedFile
from finance_platform.feeds.file_names import order_text
from finance_platform.feeds.ledger_lines import LedgerLines
from finance_platform.feeds.reference_rows import ReferenceRows
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore, error_message
from finance_platform.storage.s3_options import NO_OPTIONS, S3Options


@dataclass
class ReaderTotals:
    """What the reader counts in one file before any rule."""

    rows: int = 0
    amount: Decimal = Decimal(0)
    rounding: Decimal = Decimal(0)
    unpriced: int = 0
    order: str = ""
    covers: tuple[str, ...] = ()

    def add(self, rows: int, parsed: ParsedAmounts | None) -> None:
        """Count a batch."""
        self.rows += rows
        self.unpriced += rows if parsed is None else parsed.values.null_count
        if parsed is not None:
            self.amount = EXACT.add(self.amount, parsed.exact_total)
            self.rounding = EXACT.add(self.rounding, parsed.rounding)


def reader(
    kind: str, feeds: dict[str, dict[str, object]], raw_root: str, raw_options: S3Options = NO_OPTIONS
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """Return the function for `mapInArrow`: rows as `FileToRead` has them in, staged rows out.

    Args:
        kind: ledger, departments or accounts.
        feeds: feeds by name, as JSON, since the function travels to Spark's workers.
        raw_root: the raw zone.
        raw_options: how it is spoken to, where it is on S3.
    """

    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                feed = ResolvedFeed.from_json(feeds[row["feed"]])
                yield from read_file(
                    kind, feed, open_store(raw_root, raw_options), FileToRead(**{**row, "feed": feed.name})
                )

    return read


@dataclass(frozen=True)
class FileToRead:
    """One raw object, in the version that the register has seen."""

    delivery_id: str
    object_key: str
    feed: str
    fingerprint: str


def read_file(kind: str, feed: ResolvedFeed, raw: ObjectStore, wanted: FileToRead) -> Iterator[pa.RecordBatch]:
    """Yield one file's staged rows, then one row with its measures; or one row that says why there are none."""
    schema = arrow_schema(STAGED[kind])
    key = wanted.object_key
    lineage = {"delivery_id": wanted.delivery_id, "feed": feed.name, "source_file": key}
    try:
        with raw.local_copy(key) as there:
            try:
                file = DelimitedFile(there.open, feed.rules.dialect)
                measure = ReaderTotals()
                for columns, rows in _typed(kind, feed, file, measure, key):
                    yield _staged(schema, rows, lineage, columns)
                last = _measured(measure, _extra_columns(feed, file.header))
            except (UnreadableDeliveryError, FileNameError) as error:
                last = {"outcome": REFUSED, "reasons": error.found, "raw_row": error.fix}
            # Somebody may have overwritten the file since the register saw it: other bytes are another delivery.
            if there.fingerprint() != wanted.fingerprint:
                last = {"outcome": NOT_OPENED, "reasons": "the file was overwritten before it was read"}
    except OSError as error:
        last = {"outcome": NOT_OPENED, "reasons": error_message(error)}
    yield _summary_row(schema, lineage, last)


def _typed(
    kind: str, feed: ResolvedFeed, file: DelimitedFile, measure: ReaderTotals, object_key: str
) -> Iterator[tuple[dict[str, pa.Array], RawBatch]]:
    if kind == "ledger":
        lines = LedgerLines(feed, file.header, object_key)
        measure.covers = lines.covers
        for batch in _ordered(feed, file, measure):
            columns, parsed = lines.type_batch(batch)
            measure.add(len(batch), parsed)
            yield columns, batch
        return
    references = ReferenceRows(feed, file.header)
    code = "department_code" if kind == "departments" else "account_number"
    for batch in _ordered(feed, file, measure):
        columns = references.type_batch(batch)
        columns["line_key"] = map_distinct(columns[code], fold, pa.string())
        measure.add(len(batch), None)
        yield columns, batch


def _ordered(feed: ResolvedFeed, file: DelimitedFile, measure: ReaderTotals) -> Iterator[RawBatch]:
    """Yield a file's batches, and measure the column that says where the file stands in the order."""
    header = _order_header(feed, file.header)
    for batch in file.batches():
        if header:
            measure.order = max(measure.order, _greatest(batch.columns[header]))
        yield batch


def _order_header(feed: ResolvedFeed, header: list[str]) -> str | None:
    wanted = feed.rules.order_column
    if wanted is None:
        return None
    for name in header:
        if fold(name) == fold(wanted):
            return name
    raise UnreadableDeliveryError(
        f"the header lacks the column {wanted!r}, which says where the file stands in the order",
        fix="correct the file's header, or order.from_column in the descriptor",
    )


def _greatest(texts: pa.Array) -> str:
    return max((order_text(text) for text in pc.unique(texts).to_pylist() if text), default="")


def _staged(
    schema: pa.Schema, batch: RawBatch, lineage: dict[str, str], columns: dict[str, pa.Array]
) -> pa.RecordBatch:
    size = len(batch)
    columns = columns | {name: pa.repeat(pa.scalar(value), size) for name, value in lineage.items()}
    columns |= {"source_row": batch.source_rows, "source_sheet": pa.repeat(pa.scalar(batch.sheet, pa.string()), size)}
    arrays = [columns.get(field.name, pa.nulls(size, field.type)) for field in schema]
    return pa.RecordBatch.from_arrays(
        [array.cast(f.type) for array, f in zip(arrays, schema, strict=True)], schema=schema
    )


def _summary_row(schema: pa.Schema, lineage: dict[str, str], values: dict[str, object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{**lineage, "source_row": 0, **values}], schema=schema)


def _measured(measure: ReaderTotals, extra_columns: list[str]) -> dict[str, object]:
    return {
        "outcome": MEASURED,
        "measured_rows": measure.rows,
        "measured_amount": str(measure.amount),
        "measured_rounding": str(measure.rounding),
        "measured_unpriced": measure.unpriced,
        "measured_order": measure.order,
        "covers": json.dumps(measure.covers),
        "extra_columns": json.dumps(extra_columns, ensure_ascii=False),
    }


def _extra_columns(feed: ResolvedFeed, header: list[str]) -> list[str]:
    wanted = {
        fold(part)
        for rule in feed.rules.fields.values()
        for text in (*rule.sources, rule.debit or "", rule.credit or "")
        for part in [text, *(piece.rpartition("{")[2] for piece in text.split("}"))]
    }
    return [name for name in header if fold(name) not in wanted | {fold(feed.rules.order_column or "")}]
