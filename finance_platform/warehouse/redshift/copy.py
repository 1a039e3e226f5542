"""COPY: Parquet files of the processed zone into a stage table, by a manifest that names each.

Belongs here: the manifest, the statement, what Redshift tells of a COPY that failed.
Does not belong here: whether a file fits (see `redshift_preflight`), the transaction (see `redshift`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, Protocol

from finance_platform.errors import LoadError
from finance_platform.warehouse.column_changes import HeldColumn
from finance_platform.warehouse.redshift.parquet_check import refuse_unfit
from finance_platform.warehouse.redshift.session import RedshiftSession, quoted

_FILES_AT_ONCE = 8
_BUILD_AGAIN = "build the slice again: `finance-platform run --rebuild`"
_EXPLANATION = """
SELECT TRIM(file_name), line_number, TRIM(column_name), TRIM(column_type), TRIM(column_length), TRIM(error_message)
FROM sys_load_error_detail
WHERE session_id = :session AND TRIM(database_name) = :database
ORDER BY start_time DESC, query_id DESC
LIMIT 1
"""


class StagedFiles(Protocol):
    """The files that are loaded, by address, and where manifests go."""

    def size(self, uri: str) -> int | None:
        """Return a file's size in bytes, or None where there is no such file."""
        ...

    def open(self, uri: str) -> BinaryIO:
        """Open a file for reading, from anywhere in it.

        Raises:
            FileNotFoundError: there is no such file.
        """
        ...

    def write_manifest(self, name: str, data: bytes) -> str:
        """Write a manifest and return its address."""
        ...

    def remove_manifest(self, name: str) -> None:
        """Remove a manifest, if it is there."""
        ...


def copy_statement(stage_table: str, manifest: str, role_arn: str) -> str:
    """Return the COPY of what a manifest names."""
    return f"COPY {stage_table} FROM {quoted(manifest)} IAM_ROLE {quoted(role_arn)} FORMAT AS PARQUET MANIFEST"


def manifest(sizes: Mapping[str, int]) -> bytes:
    """Return a manifest: each file with its size, which COPY of Parquet wants, and none of which may be missing."""
    entries = [{"url": uri, "mandatory": True, "meta": {"content_length": size}} for uri, size in sizes.items()]
    return json.dumps({"entries": entries}, indent=1).encode()


def checked_sizes(
    staged: StagedFiles, stage_table: str, files: Sequence[str], columns: Sequence[str], table: Sequence[HeldColumn]
) -> dict[str, int]:
    """Return the size of each file, once Redshift would take it; each footer is read once, some files at a time.

    Raises:
        LoadError: a file is missing, or is not what the table takes.
    """

    def checked(file: str) -> int:
        try:
            size = staged.size(file)
            if size is not None:
                with staged.open(file) as stream:
                    refuse_unfit(file, stream, columns, table)
                return size
        except FileNotFoundError:
            pass  # it went between the two questions, or its address is of another zone
        raise LoadError(f"COPY {stage_table}: {file} is not there", fix=_BUILD_AGAIN)

    with ThreadPoolExecutor(min(_FILES_AT_ONCE, len(files))) as pool:
        return dict(zip(files, pool.map(checked, files), strict=True))


def explained(error: LoadError, session: RedshiftSession, failed_session: int, database: str) -> LoadError:
    """Return the error of a COPY with what Redshift wrote down about it.

    Args:
        error: what the COPY raised, which mostly says where to look.
        session: another session: the failed one answers nothing until it is rolled back.
        failed_session: the process number of the session in which the COPY failed.
        database: its database, since process numbers come again.
    """
    rows = session.run(_EXPLANATION, {"session": failed_session, "database": database}).rows
    if not rows:
        return error
    file, line, column, kind, length, message = rows[0]
    where = [
        f"file {file}" if file else "",
        f"row {line}" if line else "",
        f"column {column} {kind.upper()}{f'({length})' if length and length != '0' else ''}" if column else "",
    ]
    told = ", ".join(part for part in where if part)
    return LoadError(f"{error.found}: {told}: {message}", fix=error.fix)
