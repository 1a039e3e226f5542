"""COPY of Parquet files into a stage table, by a manifest that names each file.

Belongs here: the manifest, the statement, Redshift's explanation of a COPY that failed.
Does not belong here: the validation of one file (see `parquet_check`), the transaction (see `load_connection`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from finance_platform.errors import LoadError
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse.column_changes import ExistingColumn
from finance_platform.warehouse.redshift.parquet_check import BUILD_AGAIN, check_parquet
from finance_platform.warehouse.redshift.session import RedshiftSession
from finance_platform.warehouse.statements import text_literal

_PARALLEL_FILES = 8
_EXPLANATION = """
SELECT TRIM(file_name), line_number, TRIM(column_name), TRIM(column_type), TRIM(column_length), TRIM(error_message)
FROM sys_load_error_detail
WHERE session_id = :session AND TRIM(database_name) = :database
ORDER BY start_time DESC, query_id DESC
LIMIT 1
"""


def copy_statement(stage_table: str, manifest: str, role_arn: str) -> str:
    """Return the COPY of the files that a manifest names."""
    return (
        f"COPY {stage_table} FROM {text_literal(manifest)} IAM_ROLE {text_literal(role_arn)} FORMAT AS PARQUET MANIFEST"
    )


def manifest_json(sizes: Mapping[str, int]) -> bytes:
    """Return a manifest: each file is mandatory and has its size, which COPY of Parquet requires."""
    entries = [{"url": uri, "mandatory": True, "meta": {"content_length": size}} for uri, size in sizes.items()]
    return json.dumps({"entries": entries}, indent=1).encode()


def check_files(
    staged: StagedFiles, stage_table: str, files: Sequence[str], columns: Sequence[str], table: Sequence[ExistingColumn]
) -> dict[str, int]:
    """Return the size of each file, if Redshift would load all of them; each footer is read once, in parallel.

    Raises:
        LoadError: a file does not exist, or does not match the table.
    """

    def check_file(file: str) -> int:
        try:
            size = staged.size(file)
            if size is not None:
                with staged.open(file) as stream:
                    check_parquet(file, stream, columns, table)
                return size
        except FileNotFoundError:
            pass  # it was deleted after `size`, or its address is in another zone
        raise LoadError(f"COPY {stage_table}: {file} does not exist", fix=BUILD_AGAIN)

    with ThreadPoolExecutor(min(_PARALLEL_FILES, len(files))) as pool:
        return dict(zip(files, pool.map(check_file, files), strict=True))


def explain_copy_error(error: LoadError, session: RedshiftSession, failed_session: int, database: str) -> LoadError:
    """Return the error of a COPY with Redshift's explanation.

    Args:
        error: the error of the COPY, which mostly refers to a system table.
        session: another session: the failed one runs no query until it is rolled back.
        failed_session: the process number of the session in which the COPY failed.
        database: its database, since process numbers are reused.
    """
    rows = session.run(_EXPLANATION, {"session": failed_session, "database": database}).rows
    if not rows:
        return error
    file, line, column, type_, length, message = rows[0]
    parts = [
        f"file {file}" if file else "",
        f"row {line}" if line else "",
        f"column {column} {type_.upper()}{f'({length})' if length and length != '0' else ''}" if column else "",
    ]
    position = ", ".join(part for part in parts if part)
    return LoadError(f"{error.found}: {position}: {message}", fix=error.fix)
