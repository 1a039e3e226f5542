"""The rejected rows of the current deliveries.

Belongs here: reading them. Does not belong here: why a row is rejected (see `feeds`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.delivery_rows import read_shared
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.reasons import reasons_in_words
from finance_platform.reports.reconciliation import current_deliveries
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

COLUMNS = (
    "source_file",
    "source_row",
    "source_column",
    "outcome",
    "rules",
    "reasons",
    "amount",
    "raw_row",
    "feed",
    "scenario",
    "currency",
)


def rejected_rows(processed: ObjectStore, state: DeliveryState, feed: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rejected and duplicate rows of the current deliveries, by file and line; skipped rows are left out.

    Those of ledger files are the rows of the reconciliation's terms `rejected` and `duplicate`.

    Args:
        processed: the processed zone.
        state: its deliveries.
        feed: only this feed's rows.
    """
    for commit, _ in current_deliveries(state):
        if feed is not None and commit.feed != feed:
            continue
        for file in commit.files.get("rejected_rows", ()):
            for batch in _batches(processed, commit.delivery_id, file):
                rows = (row for row in batch.to_pylist() if row["outcome"] != "skipped")
                for row in rows:
                    yield {name: row.get(name) for name in COLUMNS} | {"reasons": reasons_in_words(row["reasons"])}


def _batches(processed: ObjectStore, delivery_id: str, file: DataFile) -> Iterator[pa.RecordBatch | pa.Table]:
    if file.is_shared:
        yield read_shared(processed, delivery_id, file.key, COLUMNS)
        return
    with open_parquet(processed, file.key, ["outcome"]) as parquet:
        # Files of an earlier release lack scenario and currency.
        yield from parquet.iter_batches(columns=list(COLUMNS))
