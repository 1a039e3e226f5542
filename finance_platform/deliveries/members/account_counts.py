"""Counts by account: the part of a delivery that is on some accounts, such as those that are not money.

Belongs here: reading the counts that `standardise` writes beside the lines. Does not belong here: which accounts are
asked for (see `account_types`, `quality.attributes`).

What an account is follows from master data, which may arrive or change after the lines, so it is not part of a
delivery's commit. The counts are read only where an account is asked for.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.processed import ACCOUNT_COUNTS
from finance_platform.deliveries.commits import DELIVERED, Count, DataFile, DeliveryCommit, PeriodCount, ScenarioCount
from finance_platform.deliveries.delivery_rows import read_shared
from finance_platform.deliveries.rows_checkpoint import SMALL_BYTES, SOURCE, RowsCheckpoint, key_of, source_of
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.documents import read_parquet
from finance_platform.storage.port import ObjectStore

CHECKPOINT = RowsCheckpoint("account_counts", tuple(ACCOUNT_COUNTS.stored_columns))

_NOTHING = Count()
_SHARED = ""
_COLUMNS = tuple(column.name for column in ACCOUNT_COUNTS.stored_columns)


def parts_on_accounts(
    processed: ObjectStore, commits: Iterable[DeliveryCommit], accounts: Collection[int], *, is_updated: bool = False
) -> dict[str, DeliveryCommit]:
    """Return, by delivery, a commit with the figures of its lines on some accounts; without deliveries that have none.

    Lines in a foreign currency are left out: they are shown under their currency.

    Args:
        processed: the processed zone.
        commits: ledger deliveries.
        accounts: the surrogate keys of the accounts.
        is_updated: whether the checkpoint of the counts may be written; the caller then holds the home's lock.
    """
    if not accounts:
        return {}
    by_id = {commit.delivery_id: commit for commit in commits}
    files: dict[str, DataFile] = {}
    owners: dict[str, str] = {}
    named: set[tuple[str, str]] = set()
    for commit in by_id.values():
        for file in commit.files.get(ACCOUNT_COUNTS.name, ()):
            files[file.key] = file
            owners[file.key] = _SHARED if file.is_shared else commit.delivery_id
            named.add((commit.delivery_id, file.key))
    wanted = pa.array(sorted(accounts), pa.int64())
    rows_of: dict[str, list[dict[str, Any]]] = {}
    for counts in _read(processed, files, is_updated=is_updated):
        for row in _in_money(counts.filter(pc.is_in(counts["account_key"], wanted))):
            key = key_of(row[SOURCE])
            delivery_id = row["delivery_id"] if owners[key] == _SHARED else owners[key]
            # A delivery that was read again has its counts in another file.
            if (delivery_id, key) in named:
                rows_of.setdefault(delivery_id, []).append(row)
    return {name: _part(by_id[name], rows) for name, rows in rows_of.items()}


def _read(processed: ObjectStore, files: Mapping[str, DataFile], *, is_updated: bool) -> Iterator[pa.Table]:
    """Yield the counts of files, each row with its file; those of small ones are in a checkpoint."""
    small = [file for file in files.values() if file.size <= SMALL_BYTES]
    yield from CHECKPOINT.read_rows(processed, small, is_updated=is_updated)
    large = [file for file in files.values() if file.size > SMALL_BYTES]
    for file, data in zip(large, find_many(processed, [file.key for file in large]), strict=True):
        counts = read_parquet(file.key, data, _COLUMNS)
        yield counts.append_column(SOURCE, pa.array([source_of(file)] * len(counts), pa.string()))


def _in_money(counts: pa.Table) -> list[dict[str, Any]]:
    return [row for row in counts.to_pylist() if row["currency"] == ""]


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
            PeriodCount(scenario, types[scenario], period, count.rows, count.amount, count.absolute)
            for (scenario, period), count in sorted(periods.items())
        ],
    )
