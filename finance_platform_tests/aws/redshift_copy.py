"""COPY of Parquet by manifest, as Redshift does it: by position, without conversion, errors logged in a system table.

Belongs here: reading manifest and files from S3, Redshift's checks, the CSV that PostgreSQL copies instead.
Does not belong here: other statements (see `redshift_rewrites`).
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from finance_platform_tests.aws.moto_server import REGION
from finance_platform_tests.aws.redshift_wire import Session, raise_statement

COPY_ROLE = "arn:aws:iam::123456789012:role/finance-platform-copy"
_STATEMENT = re.compile(
    r"COPY (?P<table>\w+) FROM '(?P<manifest>s3://[^']+)' (?:IAM_ROLE '(?P<role>[^']+)' )?"
    r"FORMAT (?:AS )?PARQUET MANIFEST",
    re.I,
)
_COLUMNS = (
    "SELECT attname, format_type(atttypid, atttypmod), attrelid FROM pg_attribute "
    "WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)
_PARQUET_TYPES: dict[str, pa.DataType] = {
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "smallint": pa.int16(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "double precision": pa.float64(),
    "timestamp without time zone": pa.timestamp("us"),
}


class CopyError(Exception):
    """Redshift rejects a file."""

    def __init__(self, message: str, file: str = "", column: str = "", type_: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.message, self.file, self.column, self.type, self.line = message, file, column, type_, line


class _Column(NamedTuple):
    name: str
    type: str


class CopyCommand:
    """Rewrites the COPY statements of all sessions."""

    def __init__(self, s3_address: str, folder: Path, run_as_superuser: Callable[[str, str], object]) -> None:
        """Take the URL of S3, a folder that PostgreSQL reads, and a function of database and statement."""
        self._s3 = boto3.session.Session("nobody", "nothing", region_name=REGION).client("s3", endpoint_url=s3_address)
        self._folder = folder
        self._run_as_superuser = run_as_superuser
        self._numbers = itertools.count(1000)

    def rewrite(self, session: Session, sql: str) -> str:
        """Return the statement for PostgreSQL: it inserts the rows of a COPY, or raises its error."""
        query = next(self._numbers)
        match = _STATEMENT.fullmatch(" ".join(sql.split()))
        if match is None:
            return raise_statement("42601", f'syntax error at or near "{sql[:60]}"')
        if match["role"] is None:
            return raise_statement("XX000", "COPY needs credentials: IAM_ROLE is missing")
        if match["role"] != COPY_ROLE:
            return raise_statement("XX000", f"User is not authorized to assume IAM Role {match['role']}")
        described = session.query(_COLUMNS.format(table=match["table"].lower()))
        columns = [_Column(str(name), str(type_)) for name, type_, _ in described]
        try:
            rows = self._rows(match["manifest"], columns)
        except CopyError as error:
            self._log_error(error, session, query, str(described[0][2]))
            failed = f"Load into table '{match['table'].lower()}' failed."
            return raise_statement("XX000", f"{failed}  Check 'sys_load_error_detail' system table for details.")
        path = self._folder / f"{query}.csv"
        path.write_text("".join(rows), encoding="utf-8")
        path.chmod(0o644)
        return (
            f"DO $redshift$ DECLARE copied bigint; BEGIN COPY {match['table']} FROM '{path}' (FORMAT csv); "
            "GET DIAGNOSTICS copied = ROW_COUNT; "
            "PERFORM set_config('redshift.last_copy_count', copied::text, false); "
            f"PERFORM set_config('redshift.last_copy_id', '{query}', false); END $redshift$"
        )

    def _rows(self, manifest: str, columns: list[_Column]) -> list[str]:
        entries = json.loads(self._object(manifest, "Problem reading manifest file"))["entries"]
        rows: list[str] = []
        for entry in entries:
            data = self._object(entry["url"], "Mandatory url is not present in manifest file")
            length = entry.get("meta", {}).get("content_length")
            if length is None:
                raise CopyError("File metadata is required for columnar formats", entry["url"])
            if length != len(data):
                raise CopyError(f"Manifest says {length} bytes, the file has {len(data)}", entry["url"])
            table = pq.read_table(io.BytesIO(data))
            _check_columns(entry["url"], table, columns)
            values = zip(*(column.to_pylist() for column in table.columns), strict=True)
            rows += [",".join(map(_csv_value, row)) + "\n" for row in values]
        return rows

    def _object(self, uri: str, error_message: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            raise CopyError(f"{error_message} - S3ServiceException:{error}"[:500], uri) from error

    def _log_error(self, error: CopyError, session: Session, query: int, table: str) -> None:
        type_, _, length = error.type.partition("(")
        values = ", ".join(
            "'" + str(value).replace("'", "''") + "'"
            for value in (
                query,
                session.process,
                session.database,
                table,
                error.file[:256],
                error.line,
                error.column,
                type_[:10],
                length.rstrip(")")[:10],
                error.message[:512],
            )
        )
        self._run_as_superuser(
            session.database,
            "INSERT INTO pg_catalog.sys_load_error_detail (query_id, session_id, database_name, table_id, file_name, "
            "line_number, column_name, column_type, column_length, error_message, start_time) "
            f"VALUES ({values}, clock_timestamp())",
        )


def _check_columns(uri: str, table: pa.Table, columns: list[_Column]) -> None:
    if table.num_columns != len(columns):
        raise CopyError(
            f"Unmatched number of columns between table and file. Table columns: {len(columns)}, "
            f"Data columns: {table.num_columns}, File name: {uri}",
            uri,
        )
    for column, field in zip(columns, table.schema, strict=True):
        if field.type != _parquet_type(column.type):
            raise CopyError(
                f"File '{uri}' has an incompatible Parquet schema for column '{field.name}'. "
                f"Column type: {column.type.upper()}, Parquet schema: {field.type}",
                uri,
                column.name,
                column.type,
            )
        _check_lengths(uri, column, table.column(field.name))


def _parquet_type(type_: str) -> pa.DataType:
    money = re.fullmatch(r"numeric\((\d+),(\d+)\)", type_)
    if money:
        return pa.decimal128(int(money[1]), int(money[2]))
    return _PARQUET_TYPES.get(type_, pa.string())


def _check_lengths(uri: str, column: _Column, values: Any) -> None:
    limit = re.fullmatch(r"character varying\((\d+)\)", column.type)
    if limit is None:
        return
    for line, value in enumerate(values.to_pylist(), 1):
        if value is not None and len(value.encode()) > int(limit[1]):
            raise CopyError(
                f"The length of the data column {column.name} is longer than the length defined in the table. "
                f"Table: {limit[1]}, Data: {len(value.encode())}, File name: {uri}",
                uri,
                column.name,
                f"varchar({limit[1]})",
                line,
            )


def _csv_value(value: object) -> str:
    return "" if value is None else '"' + str(value).replace('"', '""') + '"'
