"""Ledger lines of many small deliveries that share files, read and added up by file.

Belongs here: lines of deliveries of which no later one supersedes any. Does not belong here: lines of one delivery (see
`published_lines`), what is compared with them (see `published_cells`).

A home may have ten thousand deliveries of one line in a dozen files. Nothing stays decoded: `verify` believes the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.lines import line_files
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.published_lines import PublishedPeriod

DELIVERY = "delivery_id"
_PLACE = ("scenario", "period")


def shared_files(commits: Iterable[DeliveryCommit]) -> dict[str, list[str]]:
    """Return the ids of the deliveries that name each file of lines, by its key."""
    files: dict[str, list[str]] = {}
    for commit in commits:
        for file in line_files(commit):
            files.setdefault(file.key, []).append(commit.delivery_id)
    return files


def scenarios_that_count(periods: Iterable[PublishedPeriod]) -> dict[str, list[tuple[str, str]]]:
    """Return the scenarios and periods in which lines of a delivery count, by its id."""
    counting: dict[str, list[tuple[str, str]]] = {}
    for period in periods:
        for delivery_id, scenarios in period.scenarios.items():
            counting.setdefault(delivery_id, []).extend((scenario, period.period) for scenario in scenarios)
    return counting


def read_together(processed: ObjectStore, key: str, delivery_ids: Collection[str], columns: Sequence[str]) -> pa.Table:
    """Return columns of the rows of some deliveries in a shared file, and the delivery of each row.

    Raises:
        DamagedObjectError: the file is missing, lacks a column, or is not a Parquet file.
    """
    names = [*columns, DELIVERY]
    with open_parquet(processed, key, names) as parquet:
        table = parquet.read(columns=names)
    return table.filter(pc.is_in(table[DELIVERY], value_set=pa.array(delivery_ids, pa.string())))


def counting_by_period(
    lines: pa.Table, delivery_ids: Iterable[str], counting: Mapping[str, Sequence[tuple[str, str]]]
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the lines that count, by period.

    Args:
        lines: of deliveries, with the delivery of each.
        delivery_ids: the deliveries.
        counting: see `scenarios_that_count`.
    """
    rows = [(one, *place) for one in delivery_ids for place in counting.get(one, ())]
    keys = [DELIVERY, *_PLACE]
    places = pa.table({name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(keys)})
    kept = lines.join(places, keys, join_type="left semi", use_threads=False)
    for name in pc.unique(kept["period"]).to_pylist():
        yield name, kept.filter(pc.equal(kept["period"], name))


def count_lines(lines: pa.Table, *by: str) -> Iterator[tuple[str, tuple[str, str], int, Decimal]]:
    """Yield the number of lines and their amount by scenario and period.

    Args:
        lines: the lines.
        by: another column to count by, whose value is the first one of each tuple; empty without one.
    """
    sums = lines.group_by([*by, *_PLACE]).aggregate([("amount", "sum"), ("amount", "count")])
    for row in sums.to_pylist():
        first = row[by[0]] if by else ""
        yield first, (row["scenario"], row["period"]), row["amount_count"], row["amount_sum"]
