"""Rejected rows, as a person asks for them.

Belongs here: reading the rejected rows of the deliveries that stand now. Does not belong here: why a row is rejected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from finance_platform.deliveries.state import DeliveryState
from finance_platform.storage.port import ObjectStore

COLUMNS = ("source_file", "source_row", "outcome", "rules", "reasons", "amount", "raw_row", "feed")


def rejected_rows(lake: ObjectStore, state: DeliveryState, feed: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rejected and duplicate rows of live and held deliveries, by file and line; blank ones are left out.

    Args:
        lake: the processed zone.
        state: what is in it.
        feed: only this feed's rows.
    """
    commits = [delivery.commit for delivery in state.live] + [stopped.commit for stopped in state.stopped]
    for commit in sorted(commits, key=lambda commit: commit.object_key):
        if feed is not None and commit.feed != feed:
            continue
        for file in commit.files.get("rejected_rows", ()):
            with lake.open(file.key) as stream:
                for batch in pq.ParquetFile(stream).iter_batches(columns=list(COLUMNS)):
                    yield from (row for row in batch.to_pylist() if row["outcome"] != "skipped")
