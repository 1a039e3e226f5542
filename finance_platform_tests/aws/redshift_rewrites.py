"""What a statement for Redshift is to PostgreSQL.

Belongs here: the few statements that PostgreSQL does not know or would do otherwise; all else passes word for word.
Does not belong here: the wire (see `redshift_wire`), what COPY does (see `redshift_copying`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlglot
from sqlglot import exp

from finance_platform_tests.aws.redshift_security import edited_security
from finance_platform_tests.aws.redshift_wire import Session, raising

_STORAGE = (exp.DistStyleProperty, exp.DistKeyProperty, exp.SortKeyProperty, exp.EncodeProperty)
_UNENFORCED = (
    exp.PrimaryKey,
    exp.ForeignKey,
    exp.UniqueColumnConstraint,
    exp.PrimaryKeyColumnConstraint,
    exp.Reference,
    exp.EncodeColumnConstraint,
)
_LONGER = re.compile(r"ALTER\s+TABLE\s+(\w+)\s+ALTER\s+COLUMN\s+(\w+)\s+TYPE\s+VARCHAR\s*\((\d+)\)", re.I)
_RETYPED = re.compile(r"ALTER\s+TABLE\s+\w+\s+ALTER\s+COLUMN\s+\w+\s+TYPE\b", re.I)
_ADDED = re.compile(r"ALTER\s+TABLE\s+(\w+)\s+ADD\s+COLUMN\s+(\w+)\s+VARCHAR\s*\((\d+)\)", re.I)
_REGCLASS = re.compile(r"(\bAS\s+|::\s*)regclass\b", re.I)
_MERGED = re.compile(r"MERGE\s+INTO\s+\w+(\s+(AS\s+)?(?!USING\b)\w+)?\s+USING\s+(\()?", re.I)


class RedshiftEditor:
    """Edits the statements of one session."""

    def __init__(self, session: Session, copied: Callable[[Session, str], str]) -> None:
        self._session = session
        self._copied = copied

    def edited(self, sql: str) -> str:
        """Return what PostgreSQL is told instead."""
        words = sql.upper().split(None, 4)
        if self._session.status == "E" and words[:1] not in (["ROLLBACK"], ["ABORT"], ["COMMIT"], ["END"]):
            return "SELECT 1"  # which fails as everything does in a transaction that has failed
        secured = edited_security(sql)
        if secured is not None:
            return secured
        if words[:1] == ["COPY"]:
            return self._copied(self._session, sql)
        if words[:2] == ["SET", "QUERY_GROUP"]:
            return re.sub(r"query_group", "redshift.query_group", sql, count=1, flags=re.I)
        if words[:1] == ["CREATE"] and "TABLE" in words[1:4]:
            return _created(sql)
        if words[:2] == ["ALTER", "TABLE"]:
            return self._altered(sql)
        if words[:1] == ["TRUNCATE"] and self._session.status == "T":
            return raising("0A000", "TRUNCATE commits the transaction on Redshift, so the stand-in refuses it in one")
        if words[:1] == ["MERGE"]:
            return _merged(sql)
        if _REGCLASS.search(sql):
            return raising("42846", "cannot cast type text to regclass")
        return sql

    def _altered(self, sql: str) -> str:
        added = _ADDED.match(sql)
        if added:
            return f"{sql} {_check(added[1], added[2], added[3])}"
        if not _RETYPED.match(sql):
            return sql
        if self._session.status == "T":
            return raising("0A000", "ALTER TABLE ALTER COLUMN cannot run inside a transaction block")
        longer = _LONGER.match(sql)
        if longer is None:
            return raising("0A000", "ALTER COLUMN TYPE is only supported for increasing the size of varchar columns")
        table, column, length = longer.groups()
        name = _check_name(table, column)
        return (
            f"ALTER TABLE {table} DROP CONSTRAINT {name}, ALTER COLUMN {column} TYPE VARCHAR({length}), "
            f"ADD {_check(table, column, length)}"
        )


def _created(sql: str) -> str:
    """Without what Redshift does not enforce; with what it does: VARCHAR(n) is n bytes."""
    tree = sqlglot.parse_one(sql, read="redshift")
    for storage in list(tree.find_all(*_STORAGE)):
        storage.pop()
    for constraint in list(tree.find_all(*_UNENFORCED)):
        (constraint.find_ancestor(exp.ColumnConstraint, exp.Constraint) or constraint).pop()
    edited = tree.sql(dialect="postgres")
    table = next(tree.find_all(exp.Table)).name
    checks = [
        _check(table, column.name, column.args["kind"].expressions[0].name)
        for column in tree.find_all(exp.ColumnDef)
        if column.args["kind"].is_type("varchar") and column.args["kind"].expressions
    ]
    at = edited.rindex(")")
    return ", ".join([edited[:at], *checks]) + edited[at:]


def _check(table: str, column: str, length: str) -> str:
    return f"CONSTRAINT {_check_name(table, column)} CHECK (octet_length({column}) <= {length})"


def _check_name(table: str, column: str) -> str:
    return f"bytes_of_{table}_{column}".lower()[:63]


def _merged(sql: str) -> str:
    begin = _MERGED.match(sql)
    matched = len(re.findall(r"WHEN\s+MATCHED", sql, re.I))
    unmatched = len(re.findall(r"WHEN\s+NOT\s+MATCHED", sql, re.I))
    if begin is None or begin[1] or begin[3] or (matched, unmatched) != (1, 1):
        return raising(
            "0A000",
            "MERGE takes a table without an alias, a table as its source, one WHEN MATCHED and one WHEN NOT MATCHED",
        )
    return sql
