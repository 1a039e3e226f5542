"""Counts by account: the part of a delivery that is on some accounts, such as those that are not money.

Belongs here: reading the counts that `standardise` writes beside the lines. Does not belong here: which accounts are
asked for (see `account_types`, `quality.attributes`).

What an account is follows from master data, which may arrive or change after the lines, so it is not part of a
delivery's commit. The counts are read only where an account is asked for.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.processed import ACCOUNT_COUNTS
from finance_platform.deliveries.commits import (
    DELIVERED,
    Count,
    DeliveryCommit,
    PeriodCount,
    ScenarioCount,
)
from finance_platform.deliveries.delivery_rows import read_shared
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.documents import read_parquet
from finance_platform.storage.port import ObjectStore

_NOTHING = Count()
_SHARED = ""
_COLUMNS = tuple(column.name for column in ACCOUNT_COUNTS.stored_columns)


def parts_on_accounts(
    processed: ObjectStore, commits: Iterable[DeliveryCommit], accounts: Collection[int]
) -> dict[str, DeliveryCommit]:
    """Return, by delivery, a commit with the figures of its lines on some accounts; without deliveries that have none.

    Lines in a foreign currency are left out: they are shown under their currency.

    Args:
        processed: the processed zone.
        commits: ledger deliveries; those of an earlier release have no counts by account.
        accounts: the surrogate keys of the accounts.
    """
    if not accounts:
        return {}
    by_id = {commit.delivery_id: commit for commit in commits}
    owners: dict[str, str] = {}
    named: set[tuple[str, str]] = set()
    for commit in by_id.values():
        for file in commit.files.get(ACCOUNT_COUNTS.name, ()):
            owners[file.key] = _SHARED if file.is_shared else commit.delivery_id
            named.add((commit.delivery_id, file.key))
    wanted = pa.array(sorted(accounts), pa.int64())
    rows_of: dict[str, list[dict[str, Any]]] = {}
    for (key, owner), data in zip(owners.items(), find_many(processed, list(owners)), strict=True):
        counts = read_parquet(key, data, _COLUMNS)
        rows = counts.filter(pc.and_(pc.is_in(counts["account_key"], wanted), pc.equal(counts["currency"], "")))
        for row in rows.to_pylist():
            delivery_id = row["delivery_id"] if owner == _SHARED else owner
            # A delivery that was read again has its counts in another file.
            if (delivery_id, key) in named:
                rows_of.setdefault(delivery_id, []).append(row)
    return {name: _part(by_id[name], rows) for name, rows in rows_of.items()}


def counts_of_delivery(processed: ObjectStore, commit: DeliveryCommit) -> Iterator[bytes]:
    """Yield the content of the files with a delivery's counts, without the counts of other deliveries."""
    for file in commit.files.get(ACCOUNT_COUNTS.name, ()):
        if not file.is_shared:
            yield processed.read(file.key)
            continue
        buffer = io.BytesIO()
        pq.write_table(read_shared(processed, commit.delivery_id, file.key, ACCOUNT_COUNTS.column_names), buffer)
        yield buffer.getvalue()


def _part(commit: DeliveryCommit, rows: list[dict[str, Any]]) -> DeliveryCommit:
    terms: dict[tuple[str, str], Count] = {}
    periods: dict[tuple[str, str], Count] = {}
    counted = {(count.scenario, count.period) for count in commit.periods}
    for row in rows:
        if row["term"] == "accepted" and (row["scenario"], row["period"]) not in counted:
            continue  # of a delivery of which only some periods count
        count = Count(row["row_count"], Decimal(row["amount"]), Decimal(row["absolute"]), row["unpriced"])
        for term in (row["term"], DELIVERED):
            place = (row["scenario"], term)
            terms[place] = terms.get(place, _NOTHING) + count
        if row["term"] == "accepted":
            cell = (row["scenario"], row["period"])
            periods[cell] = periods.get(cell, _NOTHING) + count
    types = {count.scenario: count.scenario_type for count in commit.periods}
    return replace(
        commit,
        scenarios=[ScenarioCount(scenario, "", term, count) for (scenario, term), count in sorted(terms.items())],
        periods=[
            PeriodCount(scenario, types[scenario], period, count.rows, count.amount, absolute=count.absolute)
            for (scenario, period), count in sorted(periods.items())
        ],
    )
