"""The checkpoints of the register, of the commits of deliveries and of those that were removed, and of rows.

Belongs here: which folders have a checkpoint, as runs, repairs and the removal of old data need them together. Does not
belong here: how a checkpoint works (see `storage.immutable_documents`).
"""

from __future__ import annotations

from collections.abc import Iterator

from finance_platform.deliveries.commits import COMMITS, RETIRED_COMMITS
from finance_platform.deliveries.members.account_counts import CHECKPOINT as ACCOUNT_COUNTS
from finance_platform.deliveries.members_checkpoint import CHECKPOINT as MEMBERS
from finance_platform.deliveries.register import DOCUMENTS, Register
from finance_platform.errors import DamagedObjectError, OutdatedObjectError
from finance_platform.storage.checkpoints import FOLDER
from finance_platform.storage.immutable_documents import (
    find_outdated_checkpoints,
    find_untrusted_checkpoints,
    update_checkpoint,
)
from finance_platform.storage.port import ObjectStore

_FOLDERS = (DOCUMENTS, COMMITS, RETIRED_COMMITS)


def update_checkpoints(processed: ObjectStore) -> None:
    """Bring the checkpoints of documents up to date where that is worth a write; the caller holds the home's lock."""
    for folder in _FOLDERS:
        update_checkpoint(processed, folder)


def drop_checkpoints(processed: ObjectStore) -> None:
    """Remove the checkpoints, so that the next process reads every document and every file itself."""
    processed.delete_folder(FOLDER)


def find_untrusted(processed: ObjectStore) -> Iterator[DamagedObjectError]:
    """Yield the files of checkpoints that are damaged, foreign or of another release."""
    for folder in _FOLDERS:
        yield from find_untrusted_checkpoints(processed, folder)
    yield from MEMBERS.find_untrusted(processed)
    yield from ACCOUNT_COUNTS.find_untrusted(processed)


def find_outdated(processed: ObjectStore, run_id: str) -> Iterator[OutdatedObjectError]:
    """Yield the checkpoints that lack documents of earlier runs, or have some that were removed or written again.

    Args:
        processed: the processed zone.
        run_id: the run that looks: it has entered what it found in the raw zone into the register.
    """
    new = Register(processed).keys_of_run(run_id)
    for folder in _FOLDERS:
        yield from find_outdated_checkpoints(processed, folder, new)
