"""Slices: the versions of star tables' parts, and the commit that makes one visible.

Belongs here: the commit document and its storage. Does not belong here: which version is wanted (see `plan`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from finance_platform.lake.deliveries import DataFile
from finance_platform.lake.port import Lake

FOLDER = "slices"


@dataclass(frozen=True)
class ScenarioSum:
    """What a slice of the fact table holds of one scenario."""

    scenario_key: int
    scenario: str
    row_count: int
    line_count: int
    amount: Decimal
    budget_amount: Decimal


@dataclass(frozen=True)
class SliceCommit:
    """One version of one slice.

    Attributes:
        table: the contract's name.
        slice: period, or `all`.
        version: hash of all that the rows were made from.
        row_count: rows in the files.
        sums: per scenario; empty for dimensions.
        inputs: what the version is the hash of, in words, to say later why a slice is stale.
    """

    table: str
    slice: str
    version: str
    row_count: int
    files: Sequence[DataFile]
    sums: Sequence[ScenarioSum] = ()
    inputs: Mapping[str, Any] | None = None
    attempt: str = ""
    built_at: str = ""

    def to_json(self) -> bytes:
        """Return the commit document."""
        return json.dumps(asdict(self), indent=1, default=str, ensure_ascii=False, sort_keys=True).encode()

    @staticmethod
    def from_json(data: bytes | str) -> SliceCommit:
        """Rebuild a commit from its document."""
        values: dict[str, Any] = json.loads(data)
        values["files"] = tuple(DataFile(**file) for file in values["files"])
        values["sums"] = tuple(
            ScenarioSum(**{**s, "amount": Decimal(s["amount"]), "budget_amount": Decimal(s["budget_amount"])})
            for s in values["sums"]
        )
        return SliceCommit(**values)


def write_slice(processed: Lake, commit: SliceCommit) -> None:
    """Make a version of a slice visible, atomically."""
    processed.write(_key(commit.table, commit.slice, commit.version), commit.to_json())


def read_slice(processed: Lake, table: str, slice_name: str, version: str) -> SliceCommit | None:
    """Return one version of a slice, or None when it was never built."""
    try:
        return SliceCommit.from_json(processed.read(_key(table, slice_name, version)))
    except FileNotFoundError:
        return None


def _key(table: str, slice_name: str, version: str) -> str:
    return f"{FOLDER}/{table}/{slice_name}/{version}.json"
