"""The rejected rows of the current deliveries.

Belongs here: reading them. Does not belong here: why a row is rejected (see `feeds`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from finance_platform.deliveries.state import DeliveryState
from finance_platform.storage.port import ObjectStore

COLUMNS = ("source_file", "source_row", "outcome", "rules", "reasons", "amount", "raw_row", "feed")


def rejected_rows(processed: ObjectStore, state: DeliveryState, feed: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rejected and duplicate rows of live and held deliveries, by file and line; skipped rows are left out.

    Args:
        processed: the processed zone.
        state: its deliveries.
        feed: only this feed's rows.
    """
    commits = [delivery.commit for delivery in state.live] + [inactive.commit for inactive in state.inactive]
    for commit in sorted(commits, key=lambda commit: commit.object_key):
        if feed is not None and commit.feed != feed:
            continue
        for file in commit.files.get("rejected_rows", ()):
            with processed.open(file.key) as stream:
                for batch in pq.ParquetFile(stream).iter_batches(columns=list(COLUMNS)):
                    yield from (row for row in batch.to_pylist() if row["outcome"] != "skipped")
