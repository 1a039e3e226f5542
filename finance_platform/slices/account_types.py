"""The types of accounts, as the dimension will have them.

Belongs here: reading the few small files that give an account's type, and which one counts. The versions of slices
under debit-positive feeds depend on it, so it must be known before the dimension is built; a test compares it with
`transforms.dim_account`. Does not belong here: any other attribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow.parquet as pq

from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.storage.port import ObjectStore

UNKNOWN = "Unknown"


def account_types(processed: ObjectStore, state: DeliveryState) -> dict[int, str]:
    """Return the type of every account that a live delivery mentions.

    The latest reference delivery that has the account gives its type. If that type is blank, or if no reference
    delivery has the account, the first ledger delivery with a type for it does.
    """
    mentioned: dict[int, str] = {}
    for delivery in state.ledger:
        for row in _accounts_mentioned(processed, delivery):
            mentioned[row["member_key"]] = mentioned.get(row["member_key"]) or row["account_type"] or ""
    described: dict[int, str] = {}
    for delivery in state.live:
        rows = _rows(processed, delivery.commit.files.get("accounts", ()), ["account_key", "account_type"])
        described |= {row["account_key"]: row["account_type"] or "" for row in rows}
    return {key: described.get(key) or mentioned.get(key) or UNKNOWN for key in mentioned.keys() | described.keys()}


def accounts_mentioned(processed: ObjectStore, delivery: LiveDelivery) -> dict[int, str]:
    """Return the account number by key of the accounts that a delivery's lines mention."""
    return {row["member_key"]: row["code"] for row in _accounts_mentioned(processed, delivery)}


def _accounts_mentioned(processed: ObjectStore, delivery: LiveDelivery) -> Iterator[dict[str, Any]]:
    columns = ["dimension", "member_key", "code", "account_type"]
    rows = _rows(processed, delivery.commit.files.get("members", ()), columns)
    return (row for row in rows if row["dimension"] == "account")


def _rows(processed: ObjectStore, files: Iterable[DataFile], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    for file in files:
        with processed.open(file.key) as stream:
            yield from pq.read_table(stream, columns=list(columns)).to_pylist()
