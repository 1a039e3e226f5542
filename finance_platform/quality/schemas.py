"""Checks on Parquet files: their columns and physical types are the contract's.

Belongs here: footers against contracts. Does not belong here: rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from finance_platform.contracts.model import Contract
from finance_platform.contracts.schemas import contract_columns, parquet_columns
from finance_platform.quality.checks import SCHEMA_CHECKS, Outcome, counted, limited
from finance_platform.storage.port import ObjectStore


def check_schema(contract: Contract, lake: ObjectStore, keys: Iterable[str]) -> Outcome:
    """Return whether every file has exactly the contract's columns, in order, with its types."""
    check = next(check for check in SCHEMA_CHECKS if check.asset == ("processed", contract.name))
    wanted = contract_columns(contract.stored_columns)
    evidence: list[dict[str, Any]] = []
    count = 0
    for key in keys:
        count += 1
        with lake.open(key) as stream:
            found = parquet_columns(stream)
        if found != wanted:
            evidence.append({"file": key, "expected": str(wanted), "found": str(found)})
    summary = (
        counted(count, "file")
        + " read"
        + (f", {len(evidence)} {'differs' if len(evidence) == 1 else 'differ'}" if evidence else "")
    )
    return Outcome(check, not evidence, summary, limited(evidence))
