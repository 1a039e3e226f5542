"""The checkpoints of ledger lines: for each period, the lines of small files that have that period alone.

Belongs here: which files and columns they have, and all of them together. Does not belong here: what every checkpoint
of rows does (see `rows_checkpoint`), the star (see `transforms`).

A period is built from all of its lines. A delivery that arrives alone has a file of them, so a build would open as many
files as the period has had deliveries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePosixPath

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.lines import period_of_file
from finance_platform.deliveries.rows_checkpoint import SMALL_BYTES, CheckpointFile, RowsCheckpoint
from finance_platform.storage.checkpoints import FOLDER as CHECKPOINTS
from finance_platform.storage.port import ObjectStore

_LINES = "lines"

_SHARE = 4
"""Each period has a checkpoint of its own, so a build may read so many times fewer files beside it."""

COLUMNS = tuple(
    column
    for column in TRANSACTIONS.columns
    if column.name
    in {
        *("delivery_id", "scenario", "scenario_type", "scenario_key", "period", "posting_date"),
        *("department_key", "account_key", "amount", "is_debit_positive", "line_key", "scope_key"),
    }
)
"""The columns that the star is derived from."""


def period_with_checkpoint(file: DataFile) -> str:
    """Return the period whose checkpoint takes a file of ledger lines in; empty if none does."""
    return "" if file.is_shared or file.size > SMALL_BYTES else period_of_file(file.key)


def lines_checkpoint(period: str) -> RowsCheckpoint:
    """Return the checkpoint of a period."""
    return RowsCheckpoint(f"{_LINES}/{period}", COLUMNS, _SHARE)


def list_lines_checkpoints(store: ObjectStore) -> dict[str, list[CheckpointFile]]:
    """Return the files of the checkpoints by period, which is one listing."""
    files: dict[str, list[CheckpointFile]] = {}
    for item in store.list_objects(f"{CHECKPOINTS}/{_LINES}"):
        files.setdefault(PurePosixPath(item.key).parent.name, []).append(CheckpointFile(item.key, item.size))
    return files


def forget_lines(store: ObjectStore, keys: Collection[str]) -> None:
    """Leave out of the checkpoints the lines of files that do not exist any more; see `RowsCheckpoint`."""
    for period in list_lines_checkpoints(store):
        lines_checkpoint(period).forget_files(store, keys)


def find_forged_lines(store: ObjectStore, files: Iterable[DataFile]) -> Iterator[str]:
    """Yield the files of the checkpoints that have other lines than the files that they name; see `RowsCheckpoint`."""
    by_period: dict[str, list[DataFile]] = {}
    for file in files:
        by_period.setdefault(period_with_checkpoint(file), []).append(file)
    for period in list_lines_checkpoints(store):
        yield from lines_checkpoint(period).find_forged(store, by_period.get(period, ()))
