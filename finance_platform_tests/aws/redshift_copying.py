"""COPY of Parquet by manifest, as Redshift does it: by position, nothing converted, or refused and written down.

Belongs here: reading manifest and files from S3, what Redshift checks, the CSV that PostgreSQL copies instead.
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
from finance_platform_tests.aws.redshift_wire import Session, raising

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
_FITS: dict[str, pa.DataType] = {
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "smallint": pa.int16(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "double precision": pa.float64(),
    "timestamp without time zone": pa.timestamp("us"),
}


class RefusedError(Exception):
    """Redshift says no."""

    def __init__(self, told: str, file: str = "", column: str = "", kind: str = "", line: int = 0) -> None:
        super().__init__(told)
        self.told, self.file, self.column, self.kind, self.line = told, file, column, kind, line


class _Column(NamedTuple):
    name: str
    kind: str


class Copying:
    """Does the COPYs of all sessions.

    Attributes:
        checks: whether files are checked; without, what does not fit reaches PostgreSQL.
    """

    def __init__(self, s3_address: str, folder: Path, write_down: Callable[[str, str], object]) -> None:
        """Take where S3 is, a folder that PostgreSQL reads, and what runs a statement as the superuser."""
        self._s3 = boto3.session.Session("nobody", "nothing", region_name=REGION).client("s3", endpoint_url=s3_address)
        self._folder = folder
        self._write_down = write_down
        self._numbers = itertools.count(1000)

    def copied(self, session: Session, sql: str) -> str:
        """Return what PostgreSQL does in place of a COPY: the same rows, or the same refusal."""
        query = next(self._numbers)
        asked = _STATEMENT.fullmatch(" ".join(sql.split()))
        if asked is None:
            return raising("42601", f'syntax error at or near "{sql[:60]}"')
        if asked["role"] is None:
            return raising("XX000", "COPY needs credentials: say IAM_ROLE")
        if asked["role"] != COPY_ROLE:
            return raising("XX000", f"User is not authorized to assume IAM Role {asked['role']}")
        found = session.ask(_COLUMNS.format(table=asked["table"].lower()))
        columns = [_Column(str(name), str(kind)) for name, kind, _ in found]
        try:
            rows = self._rows(asked["manifest"], columns)
        except RefusedError as refused:
            self._note(refused, session, query, str(found[0][2]))
            told = f"Load into table '{asked['table'].lower()}' failed."
            return raising("XX000", f"{told}  Check 'sys_load_error_detail' system table for details.")
        path = self._folder / f"{query}.csv"
        path.write_text("".join(rows), encoding="utf-8")
        path.chmod(0o644)
        return (
            f"DO $redshift$ DECLARE copied bigint; BEGIN COPY {asked['table']} FROM '{path}' (FORMAT csv); "
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
                raise RefusedError("File metadata is required for columnar formats", entry["url"])
            if length != len(data):
                raise RefusedError(f"Manifest says {length} bytes, the file has {len(data)}", entry["url"])
            table = pq.read_table(io.BytesIO(data))
            _refuse(entry["url"], table, columns)
            values = zip(*(column.to_pylist() for column in table.columns), strict=True)
            rows += [",".join(map(_field, row)) + "\n" for row in values]
        return rows

    def _object(self, uri: str, otherwise: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            raise RefusedError(f"{otherwise} - S3ServiceException:{error}"[:500], uri) from error

    def _note(self, refused: RefusedError, session: Session, query: int, table: str) -> None:
        kind, _, length = refused.kind.partition("(")
        values = ", ".join(
            "'" + str(value).replace("'", "''") + "'"
            for value in (
                query,
                session.process,
                session.database,
                table,
                refused.file[:256],
                refused.line,
                refused.column,
                kind[:10],
                length.rstrip(")")[:10],
                refused.told[:512],
            )
        )
        self._write_down(
            session.database,
            "INSERT INTO pg_catalog.sys_load_error_detail (query_id, session_id, database_name, table_id, file_name, "
            "line_number, column_name, column_type, column_length, error_message, start_time) "
            f"VALUES ({values}, clock_timestamp())",
        )


def _refuse(uri: str, table: pa.Table, columns: list[_Column]) -> None:
    if table.num_columns != len(columns):
        raise RefusedError(
            f"Unmatched number of columns between table and file. Table columns: {len(columns)}, "
            f"Data columns: {table.num_columns}, File name: {uri}",
            uri,
        )
    for column, found in zip(columns, table.schema, strict=True):
        if found.type != _fitting(column.kind):
            raise RefusedError(
                f"File '{uri}' has an incompatible Parquet schema for column '{found.name}'. "
                f"Column type: {column.kind.upper()}, Parquet schema: {found.type}",
                uri,
                column.name,
                column.kind,
            )
        _refuse_long(uri, column, table.column(found.name))


def _fitting(kind: str) -> pa.DataType:
    money = re.fullmatch(r"numeric\((\d+),(\d+)\)", kind)
    if money:
        return pa.decimal128(int(money[1]), int(money[2]))
    return _FITS.get(kind, pa.string())


def _refuse_long(uri: str, column: _Column, values: Any) -> None:
    limit = re.fullmatch(r"character varying\((\d+)\)", column.kind)
    if limit is None:
        return
    for line, value in enumerate(values.to_pylist(), 1):
        if value is not None and len(value.encode()) > int(limit[1]):
            raise RefusedError(
                f"The length of the data column {column.name} is longer than the length defined in the table. "
                f"Table: {limit[1]}, Data: {len(value.encode())}, File name: {uri}",
                uri,
                column.name,
                f"varchar({limit[1]})",
                line,
            )


def _field(value: object) -> str:
    return "" if value is None else '"' + str(value).replace('"', '""') + '"'
