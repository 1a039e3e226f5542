"""Delta's log of the open tables: one commit adds and removes the files in which a table differs from its target.

Belongs here: reading and writing the logs, the copies that they need, Delta's errors. Does not belong here: which files
a table consists of (see `open_tables`).

The platform never reads through a log. Its own commits are the truth, and a log can be made again from them: one that
is damaged, has other columns or was changed by somebody else is replaced or created again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import STAR
from finance_platform.count_text import pluralize
from finance_platform.data_catalog.open_tables import OpenFile, OpenTable, open_tables
from finance_platform.errors import DamagedObjectError, TransientError
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.listed_once import list_ahead, note_written
from finance_platform.storage.port import ObjectStore

if TYPE_CHECKING:
    from deltalake import DeltaTable, Schema

LOG_FOLDER = "_delta_log"
VERSION = "finance_platform_version"
"""The entry of a commit that has the hash of the table that it describes."""

_COMMITS_PER_CHECKPOINT = "20"


class OpenTableError(TransientError):
    """Readers of a Delta table see an earlier state; no published number is affected."""

    title = "The open tables are not up to date"


def sync_open_tables(
    processed: ObjectStore, tables: Iterable[OpenTable], storage_options: Mapping[str, str]
) -> dict[str, str]:
    """Bring the log of each table up to date; return what was done by table, without those that are as they should be.

    A table whose last commit has the target's hash is not read, so that a run that changes nothing costs one listing a
    table. The caller holds the run's lock.

    Args:
        processed: the processed zone.
        tables: the targets.
        storage_options: how Delta's library reaches the zone, where that is S3.

    Raises:
        OpenTableError: a log cannot be read or written. The commits so far are right; the next call writes the rest.
    """

    def sync(table: OpenTable) -> str:
        if _last_version(processed, table.name) == table.version:
            return ""
        try:
            with _delta_errors(table.name):
                return _sync(processed, table, dict(storage_options))
        finally:
            note_written(processed, [f"{table.name}/{LOG_FOLDER}/"])  # by Delta's library

    targets = list(tables)
    list_ahead(processed, [f"{table.name}/{LOG_FOLDER}" for table in targets])
    done = zip(targets, map_many(processed, targets, sync), strict=True)
    return {table.name: what for table, what in done if what}


@dataclass(frozen=True)
class SyncReport:
    """What became of the open tables.

    Attributes:
        message: what was done, or why they are not up to date.
        is_warning: whether they are not.
    """

    message: str
    is_warning: bool = False

    def write_to(self, log: logging.Logger) -> None:
        """Log it; a warning at most, since no number comes from these tables."""
        if self.is_warning:
            log.warning(self.message)
        else:
            log.info(self.message)


def sync_as_reported(processed: ObjectStore, snapshot: Snapshot, storage_options: Mapping[str, str]) -> SyncReport:
    """Bring the open tables up to date; return what was done, or why that failed.

    Args:
        processed: the processed zone.
        snapshot: its state.
        storage_options: how Delta's library reaches the zone, where that is S3.
    """
    try:
        done = sync_open_tables(processed, open_tables(snapshot), storage_options)
    except OpenTableError as error:
        return SyncReport(f"{error.title}: {error.found}. Fix: {error.fix}", is_warning=True)
    return SyncReport(f"open tables: {', '.join(f'{name} {what}' for name, what in done.items()) or 'up to date'}")


def keys_of_open_tables(
    processed: ObjectStore, snapshot: Snapshot, storage_options: Mapping[str, str], *, is_synced: bool
) -> set[str]:
    """Return the keys of the tables' logs, and of the files that the last version of each table consists of.

    Args:
        processed: the processed zone.
        snapshot: its state.
        storage_options: how Delta's library reaches the zone, where that is S3.
        is_synced: whether the logs are brought up to date first, so that none names what the platform no longer needs;
            that of a table with slices that are not built yet stays, since it describes those that are published.

    Raises:
        OpenTableError: a log cannot be read, or written.
    """
    tables = open_tables(snapshot)
    if is_synced:
        unbuilt = {target.table for target in snapshot.to_build}
        sync_open_tables(processed, [table for table in tables if table.name not in unbuilt], storage_options)
    keys: set[str] = set()
    for name in {*(table.name for table in tables), *(contract.name for contract in STAR)}:
        log = [item.key for item in processed.list_objects(f"{name}/{LOG_FOLDER}")]
        if log:
            with _delta_errors(name):
                paths = _paths(_open(processed, name, dict(storage_options)))
                keys.update(log, (f"{name}/{path}" for path in paths))
    return keys


def find_changed_logs(
    processed: ObjectStore, tables: Iterable[OpenTable], storage_options: Mapping[str, str]
) -> Iterator[DamagedObjectError]:
    """Yield the logs that are not as the platform left them; of one that is of no target, see `find_outdated_logs`.

    Args:
        processed: the processed zone.
        tables: the targets; a table may have several, such as the published one and the one of the next run.
        storage_options: how Delta's library reaches the zone, where that is S3.
    """
    for name, targets in _by_name(tables).items():
        last, folder = _last_version(processed, name), f"{name}/{LOG_FOLDER}"
        if last == "":
            yield DamagedObjectError(folder, "its last commit is damaged, or somebody else wrote it")
        target = next((table for table in targets if table.version == last), None)
        if target is None:
            continue
        try:
            with _delta_errors(name):
                if changed := _difference(_open(processed, name, dict(storage_options)), target):
                    yield DamagedObjectError(folder, changed)
        except OpenTableError as error:
            yield DamagedObjectError(folder, error.found)


def find_outdated_logs(processed: ObjectStore, tables: Iterable[OpenTable]) -> dict[str, bool]:
    """Return the tables of which no log is compared, and whether they have one: it describes none of their targets.

    Args:
        processed: the processed zone.
        tables: see `find_changed_logs`.
    """
    last = {name: (_last_version(processed, name), targets) for name, targets in _by_name(tables).items()}
    return {
        name: version is not None
        for name, (version, targets) in last.items()
        if version not in {"", *(table.version for table in targets)}
    }


def _by_name(tables: Iterable[OpenTable]) -> dict[str, list[OpenTable]]:
    targets: dict[str, list[OpenTable]] = {}
    for table in tables:
        targets.setdefault(table.name, []).append(table)
    return targets


def _difference(log: DeltaTable, target: OpenTable) -> str:
    """Return how a log that claims to describe a table differs from it, a clause; empty if it does not."""
    if log.schema() != _schema(target) or log.metadata().partition_columns != [*target.partition_by]:
        return "has other columns than the table"
    expected = {_path(target, file): file for file in target.files.values()}
    if changed := _paths(log).symmetric_difference(expected):
        return f"does not name the files of the table: {len(changed)} differ, such as {min(changed)}"
    for entry in log.get_add_actions(flatten=True).to_struct_array().to_pylist():
        file = expected[entry["path"]]
        if not _is_entry_of(file, entry):
            return f"says another slice, size or number of rows of {entry['path']} than it has"
    return ""


def _is_entry_of(file: OpenFile, entry: Mapping[str, Any]) -> bool:
    """Return whether a log's entry says of a file what `_additions` does."""
    partition = [value for name, value in entry.items() if name.startswith("partition.")]
    has_statistics = any(
        value is not None for name, value in entry.items() if name.startswith(("min.", "max.", "null_count."))
    )
    return (
        not has_statistics
        and partition in ([], [file.slice])
        and file.size in {None, entry["size_bytes"]}
        and entry["num_records"] in {None, file.rows}
    )


def _last_version(processed: ObjectStore, name: str) -> str | None:
    """Return the hash in a table's last commit, empty if that is not ours; None if there is no commit."""
    keys = [item.key for item in processed.list_objects(f"{name}/{LOG_FOLDER}") if item.key.endswith(".json")]
    if not keys:
        return None
    try:
        entries = [json.loads(line) for line in processed.read(max(keys)).splitlines()]
        return next(str(entry["commitInfo"][VERSION]) for entry in entries if "commitInfo" in entry)
    except (ValueError, TypeError, KeyError, StopIteration):
        return ""  # damaged, or of somebody else


def _sync(processed: ObjectStore, table: OpenTable, storage_options: dict[str, str]) -> str:
    from deltalake.exceptions import DeltaError, TableNotFoundError

    schema = _schema(table)
    try:
        existing = _open(processed, table.name, storage_options)
        paths = _paths(existing)
        is_same_shape = existing.schema() == schema and existing.metadata().partition_columns == [*table.partition_by]
    except TableNotFoundError:
        return _replace(processed, table, schema, storage_options, "error")
    except DeltaError:
        # A log that cannot be read says nothing that the platform's own commits do not say.
        processed.delete_folder(f"{table.name}/{LOG_FOLDER}")
        return _replace(processed, table, schema, storage_options, "error")
    if not is_same_shape:
        return _replace(processed, table, schema, storage_options, "overwrite")
    wanted = {_path(table, file): file for file in table.files.values()}
    new = [file for path, file in wanted.items() if path not in paths]
    gone = sorted(paths - wanted.keys())
    _commit(processed, existing, table, schema, new, gone)
    return f"{pluralize(len(new), 'file')} added, {len(gone)} removed"


def _replace(
    processed: ObjectStore, table: OpenTable, schema: Schema, storage_options: dict[str, str], mode: Any
) -> str:
    from deltalake.transaction import create_table_with_add_actions

    files = list(table.files.values())
    create_table_with_add_actions(
        processed.uri(table.name),
        schema,
        _additions(processed, table, files),
        mode=mode,
        partition_by=list(table.partition_by),
        name=table.name,
        description=table.description,
        configuration={"delta.checkpointInterval": _COMMITS_PER_CHECKPOINT},
        storage_options=storage_options or None,
        commit_properties=_properties(table),
    )
    return f"made with {pluralize(len(files), 'file')}"


def _commit(
    processed: ObjectStore,
    existing: DeltaTable,
    table: OpenTable,
    schema: Schema,
    new: list[OpenFile],
    gone: Iterable[str],
) -> None:
    from deltalake.transaction import RemoveAction

    now = _milliseconds()
    existing.create_write_transaction(
        [*(RemoveAction(path, True, now) for path in gone), *_additions(processed, table, new)],
        "append",
        schema,
        partition_by=list(table.partition_by),
        commit_properties=_properties(table),
    )


def _additions(processed: ObjectStore, table: OpenTable, files: Iterable[OpenFile]) -> list[Any]:
    from deltalake.transaction import AddAction

    return [
        AddAction(
            path=_path(table, file),
            size=_copy(processed, file) if file.size is None else file.size,
            partition_values=dict.fromkeys(table.partition_by, file.slice),
            modification_time=_milliseconds(),
            data_change=True,
            stats=json.dumps({} if file.rows is None else {"numRecords": file.rows}),
        )
        for file in files
    ]


def _copy(processed: ObjectStore, file: OpenFile) -> int:
    """Write the rows of some deliveries of a shared file into a file of their own, and return its size."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    existing = processed.find(file.key)
    if existing is not None:
        return existing.size
    with processed.open(file.copied_from) as stream:
        rows = pq.read_table(stream)
    counted = rows.filter(pc.is_in(rows["delivery_id"], pa.array(sorted(file.deliveries))))
    for delivery, periods in file.periods.items():
        is_other = pc.not_equal(counted["delivery_id"], delivery)
        counted = counted.filter(pc.or_(is_other, pc.is_in(counted["period"], pa.array(periods, pa.string()))))
    written = BytesIO()
    pq.write_table(counted, written, compression="zstd")
    processed.write(file.key, written.getvalue())
    return len(written.getvalue())


def _schema(table: OpenTable) -> Schema:
    import pyarrow as pa
    from deltalake import Schema

    keys = [pa.field(name, pa.string()) for name in table.partition_by]
    return Schema.from_arrow(pa.schema([*arrow_schema(table.columns), *keys]))


def _open(processed: ObjectStore, name: str, storage_options: dict[str, str]) -> DeltaTable:
    from deltalake import DeltaTable

    return DeltaTable(processed.uri(name), storage_options=storage_options or None)


def _paths(table: DeltaTable) -> set[str]:
    return {str(path) for path in table.get_add_actions().column("path").to_pylist()}


def _path(table: OpenTable, file: OpenFile) -> str:
    return file.key.removeprefix(f"{table.name}/")


def _properties(table: OpenTable) -> Any:
    from deltalake.transaction import CommitProperties

    return CommitProperties(custom_metadata={VERSION: table.version})


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def _delta_errors(name: str) -> Iterator[None]:
    """Raise what Delta's library reports as the platform's error."""
    from deltalake.exceptions import DeltaError

    try:
        yield
    except (DeltaError, OSError, ValueError) as error:
        raise OpenTableError(
            f"the log of {name} cannot be read or written: {' '.join(str(error).split())}",
            fix="run again; if it stays, remove the table's folder _delta_log, which a run makes again",
        ) from error
