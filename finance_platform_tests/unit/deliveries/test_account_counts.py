"""Counts by account: small files have a checkpoint, which changes how many files are opened and nothing else."""

from __future__ import annotations

import hashlib
import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.processed import ACCOUNT_COUNTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.deliveries.members import account_counts
from finance_platform.deliveries.members.account_counts import CHECKPOINT, parts_on_accounts
from finance_platform.storage import immutable_documents
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.counting_store import CountingStore
from finance_platform_tests.unit.factories import commit_of, delivered, in_period

JANUARY = "2025-01"
HEADCOUNT, SALES = 9, 4


def delivery(store: LocalStore, name: str, heads: int, *, also: str = "") -> DeliveryCommit:
    """Return a delivery with lines on two accounts, whose file has the counts of another one too if that is named."""
    rows = [
        {
            "delivery_id": owner,
            "account_key": account,
            "scenario": "Actual",
            "currency": currency,
            "period": JANUARY,
            "term": "accepted",
            "row_count": 1,
            "unpriced": 0,
            "amount": f"{heads}.00",
            "absolute": f"{heads}.00",
        }
        for owner in filter(None, (name, also))
        for account, currency in ((HEADCOUNT, ""), (HEADCOUNT, "USD"), (SALES, ""))
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema(ACCOUNT_COUNTS.columns)), buffer)
    data = buffer.getvalue()
    key = f"account_counts/a/{name}.parquet"
    store.write(key, data)
    file = DataFile(key, len(data), bool(also), hashlib.sha256(data).hexdigest())
    event = delivered(f"{name}.csv", delivery_id=name)
    return commit_of(event, in_period(JANUARY), files={ACCOUNT_COUNTS.name: [file]})


def amounts(store: LocalStore, commits: list[DeliveryCommit], *, is_updated: bool = False) -> dict[str, Decimal]:
    parts = parts_on_accounts(store, commits, {HEADCOUNT}, is_updated=is_updated)
    return {name: sum((count.amount for count in part.periods), Decimal(0)) for name, part in parts.items()}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CountingStore:
    monkeypatch.setattr(immutable_documents, "FEWEST_NEW", 3)
    return CountingStore(tmp_path)


def test_counts_are_read_from_the_checkpoint_that_a_run_has_written(store: CountingStore):
    commits = [delivery(store, f"d{number}", number + 1) for number in range(4)]
    expected = {f"d{number}": Decimal(number + 1) for number in range(4)}
    assert amounts(store, commits) == expected
    assert not CHECKPOINT.files(store), "who only reads writes nothing"
    assert amounts(store, commits, is_updated=True) == expected
    store.reads.clear()
    assert amounts(store, commits) == expected
    assert store.reads == {"checkpoints": 1}
    assert amounts(store, commits[1:3]) == {"d1": Decimal(2), "d2": Decimal(3)}


def test_of_a_shared_file_the_deliveries_that_name_it_have_counts(store: CountingStore):
    shared = delivery(store, "d0", 5, also="read-again")
    commits = [shared, *(delivery(store, f"d{number}", 1) for number in range(1, 4))]
    for _ in range(2):
        assert amounts(store, commits, is_updated=True) == {"d0": 5, "d1": 1, "d2": 1, "d3": 1}


def test_large_files_are_read_themselves(store: CountingStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(account_counts, "SMALL_BYTES", 0)
    commits = [delivery(store, f"d{number}", 2) for number in range(4)]
    assert amounts(store, commits, is_updated=True) == {f"d{number}": 2 for number in range(4)}
    assert not CHECKPOINT.files(store)
