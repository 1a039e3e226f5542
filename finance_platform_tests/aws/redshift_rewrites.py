"""Rewrites statements for Redshift to PostgreSQL's SQL.

Belongs here: the few statements that PostgreSQL does not know or runs differently; all others pass unchanged.
Does not belong here: the wire (see `redshift_wire`), COPY (see `redshift_copy`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import sqlglot
from sqlglot import exp

from finance_platform_tests.aws.redshift_security import rewrite_security
from finance_platform_tests.aws.redshift_wire import Session, raise_statement

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
_NUMERIC_OID = 1700
_UNQUALIFIED = re.compile(r"(\bAS\s+|::\s*)(NUMERIC|DECIMAL)\b(?!\s*\()", re.I)
_MERGED = re.compile(r"MERGE\s+INTO\s+\w+(\s+(AS\s+)?(?!USING\b)\w+)?\s+USING\s+(\()?", re.I)


class RedshiftRewriter:
    """Rewrites the statements of one session."""

    def __init__(self, session: Session, rewrite_copy: Callable[[Session, str], str]) -> None:
        self._session = session
        self._rewrite_copy = rewrite_copy

    def rewrite(self, sql: str, types: Sequence[int] = ()) -> str:
        """Return the statement for PostgreSQL.

        Args:
            sql: the statement, with $1, $2 … for bound values.
            types: the types of the values, as PostgreSQL numbers them.
        """
        for position in (number for number, type_ in enumerate(types, 1) if type_ == _NUMERIC_OID):
            sql = re.sub(rf"\${position}\b", f"CAST(${position} AS NUMERIC(18, 0))", sql)
        return self._rewrite(_UNQUALIFIED.sub(r"\1\2(18, 0)", sql))

    def _rewrite(self, sql: str) -> str:
        words = sql.upper().split(None, 4)
        if self._session.status == "E" and words[:1] not in (["ROLLBACK"], ["ABORT"], ["COMMIT"], ["END"]):
            return "SELECT 1"  # fails, as every statement in a failed transaction
        security_sql = rewrite_security(sql)
        if security_sql is not None:
            return security_sql
        if words[:1] == ["COPY"]:
            return self._rewrite_copy(self._session, sql)
        if words[:2] == ["SET", "QUERY_GROUP"]:
            return re.sub(r"query_group", "redshift.query_group", sql, count=1, flags=re.I)
        if words[:1] == ["CREATE"] and "TABLE" in words[1:4]:
            return _create_table(sql)
        if words[:2] == ["ALTER", "TABLE"]:
            return self._alter_table(sql)
        if words[:1] == ["TRUNCATE"] and self._session.status == "T":
            return raise_statement(
                "0A000", "TRUNCATE commits the transaction on Redshift, so the fake rejects it in one"
            )
        if words[:1] == ["MERGE"]:
            return _merge(sql)
        if _REGCLASS.search(sql):
            return raise_statement("42846", "cannot cast type text to regclass")
        return sql

    def _alter_table(self, sql: str) -> str:
        added = _ADDED.match(sql)
        if added:
            return f"{sql} {_check(added[1], added[2], added[3])}"
        if not _RETYPED.match(sql):
            return sql
        if self._session.status == "T":
            return raise_statement("0A000", "ALTER TABLE ALTER COLUMN cannot run inside a transaction block")
        longer = _LONGER.match(sql)
        if longer is None:
            return raise_statement(
                "0A000", "ALTER COLUMN TYPE is only supported for increasing the size of varchar columns"
            )
        table, column, length = longer.groups()
        name = _check_name(table, column)
        return (
            f"ALTER TABLE {table} DROP CONSTRAINT {name}, ALTER COLUMN {column} TYPE VARCHAR({length}), "
            f"ADD {_check(table, column, length)}"
        )


def _create_table(sql: str) -> str:
    """Drop constraints that Redshift does not enforce; add the one that it does: VARCHAR(n) is n bytes."""
    tree = sqlglot.parse_one(sql, read="redshift")
    for storage in list(tree.find_all(*_STORAGE)):
        storage.pop()
    for constraint in list(tree.find_all(*_UNENFORCED)):
        (constraint.find_ancestor(exp.ColumnConstraint, exp.Constraint) or constraint).pop()
    postgres_sql = tree.sql(dialect="postgres")
    table = next(tree.find_all(exp.Table)).name
    checks = [
        _check(table, column.name, column.args["kind"].expressions[0].name)
        for column in tree.find_all(exp.ColumnDef)
        if column.args["kind"].is_type("varchar") and column.args["kind"].expressions
    ]
    at = postgres_sql.rindex(")")
    return ", ".join([postgres_sql[:at], *checks]) + postgres_sql[at:]


def _check(table: str, column: str, length: str) -> str:
    return f"CONSTRAINT {_check_name(table, column)} CHECK (octet_length({column}) <= {length})"


def _check_name(table: str, column: str) -> str:
    return f"bytes_of_{table}_{column}".lower()[:63]


def _merge(sql: str) -> str:
    begin = _MERGED.match(sql)
    matched = len(re.findall(r"WHEN\s+MATCHED", sql, re.I))
    unmatched = len(re.findall(r"WHEN\s+NOT\s+MATCHED", sql, re.I))
    if begin is None or begin[1] or begin[3] or (matched, unmatched) != (1, 1):
        return raise_statement(
            "0A000",
            "MERGE takes a table without an alias, a table as its source, one WHEN MATCHED and one WHEN NOT MATCHED",
        )
    return sql
