"""The statements of `sql/security`: roles, policies and grants.

Belongs here: reading the files, the names that settings put into them, the kind of a statement and its names.
Does not belong here: existing roles and policies, running anything (see `apply_security`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from string import Template

from finance_platform.contracts.processed import BUDGET, TRANSACTIONS
from finance_platform.errors import SettingsError
from finance_platform.warehouse.dialect import split
from finance_platform.warehouse.statements import SqlFile, script

LOADER, CONTROLLER, ANALYST, PARTNER = "finance_loader", "finance_controller", "finance_analyst", "finance_partner"
ROLES = (LOADER, CONTROLLER, ANALYST, PARTNER)

LEDGER_LINES_TABLES = (TRANSACTIONS.name, BUDGET.name)
"""The tables of the data catalog that the ledger-lines view reads."""

_POLICIES = (
    SqlFile.SECURITY_ROLES,
    SqlFile.SECURITY_ACCESS,
    SqlFile.SECURITY_DEPARTMENT_UNITS,
    SqlFile.SECURITY_ROWS,
)
"""Run before any grant, so that no user sees too many rows in between."""

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_CATALOG_DATABASE = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}")

_PARENTHESES = r"\((?:[^()]|\([^()]*\))*\)"
_RIGHT = "(?:SELECT|INSERT|UPDATE|DELETE|USAGE|CREATE|TEMPORARY)"
_RIGHTS = rf"{_RIGHT}(?:, {_RIGHT})*"
_TO_ROLES = r"ROLE \w+(?:, ROLE \w+)*"
_SHAPES = {
    "role": r"CREATE ROLE (?P<role>\w+)",
    "row policy": rf"CREATE RLS POLICY (?P<policy>\w+)(?: WITH {_PARENTHESES})? (?P<using>USING \(.*\))",
    "mask": rf"CREATE MASKING POLICY (?P<policy>\w+) WITH {_PARENTHESES} (?P<using>USING \(.*\))",
    "row policy attached": r"ATTACH RLS POLICY (?P<policy>\w+) ON (?P<table>\w+) TO ROLE (?P<role>\w+)",
    "mask attached": r"ATTACH MASKING POLICY (?P<policy>\w+) ON (?P<table>\w+) \((?P<column>\w+)\) "
    r"TO ROLE (?P<role>\w+) PRIORITY \d+",
    "row security on": r"ALTER TABLE (?P<table>\w+) ROW LEVEL SECURITY ON",
    "grant": rf"GRANT {_RIGHTS} ON (?:TABLE|SCHEMA|DATABASE) [\w, ]+ TO (?:RLS POLICY \w+|{_TO_ROLES})",
    "revoke": rf"REVOKE {_RIGHTS} ON (?:ALL TABLES IN SCHEMA|SCHEMA) \w+ FROM (?:PUBLIC, )?{_TO_ROLES}",
    "table": r"CREATE TABLE IF NOT EXISTS (?P<table>\w+) \(.*",
    "view": r"CREATE OR REPLACE VIEW (?P<table>\w+) AS SELECT .* WITH NO SCHEMA BINDING",
    "external schema": r"CREATE EXTERNAL SCHEMA IF NOT EXISTS \w+ FROM DATA CATALOG DATABASE '[^']+' IAM_ROLE '[^']+'",
    "rows": r"(?:DELETE FROM|INSERT INTO) (?P<table>\w+).*",
}
_COMPILED = {kind: re.compile(shape, re.DOTALL) for kind, shape in _SHAPES.items()}


@dataclass(frozen=True)
class SecurityStatement:
    """One statement of `sql/security`.

    Attributes:
        sql: its text.
    """

    sql: str

    @cached_property
    def _match(self) -> tuple[str, re.Match[str]]:
        flat = " ".join(self.sql.split())
        for kind, shape in _COMPILED.items():
            match = shape.fullmatch(flat)
            if match:
                return kind, match
        raise ValueError(f"{flat[:80]!r} has not the shape of a statement of sql/security")

    @property
    def kind(self) -> str:
        """The kind of object that it creates.

        Raises:
            ValueError: it has not the shape of a statement of `sql/security`.
        """
        return self._match[0]

    def name_of(self, part: str) -> str:
        """Return the name of its policy, table, column or role, in lower case as Redshift stores it.

        Raises:
            KeyError: the statement has no such part.
        """
        try:
            return self._match[1][part].lower()
        except IndexError:
            raise KeyError(part) from None

    @property
    def alter_sql(self) -> str:
        """The statement that gives an existing policy this one's condition."""
        verb = "RLS" if self.kind == "row policy" else "MASKING"
        return f"ALTER {verb} POLICY {self._match[1]['policy']} {self._match[1]['using']}"


@dataclass(frozen=True)
class Security:
    """The settings of security.

    Attributes:
        database: the warehouse's database.
        schema: the star's schema.
        copy_role_arn: the role with which the warehouse reads the processed zone and its catalog.
        catalog_database: the Glue database of the processed tables; without one there are no ledger lines.
    """

    database: str
    schema: str
    copy_role_arn: str = ""
    catalog_database: str = ""

    @property
    def lake_schema(self) -> str:
        """The external schema of the processed tables."""
        return f"{self.schema}_lake"

    def statements(self) -> list[SecurityStatement]:
        """Return every statement, in the order in which they can run.

        Raises:
            SettingsError: a setting is not a valid name in SQL.
        """
        return [*self.warehouse_statements(), *self.ledger_lines_statements()]

    def warehouse_statements(self) -> list[SecurityStatement]:
        """Return the statements that depend on no table of the data catalog: they can always run.

        Raises:
            SettingsError: a setting is not a valid name in SQL.
        """
        self._validate_names()
        lake_schema = (SqlFile.SECURITY_LAKE_SCHEMA,) if self.catalog_database else ()
        return self._statements_of(*_POLICIES, SqlFile.SECURITY_GRANTS, *lake_schema)

    def ledger_lines_statements(self) -> list[SecurityStatement]:
        """Return the statements of the ledger-lines view, which can run once the data catalog has its tables.

        Raises:
            SettingsError: a setting is not a valid name in SQL.
        """
        self._validate_names()
        return self._statements_of(SqlFile.SECURITY_LEDGER_LINES) if self.catalog_database else []

    def _statements_of(self, *files: SqlFile) -> list[SecurityStatement]:
        names = {
            "database": self.database,
            "schema": self.schema,
            "lake_schema": self.lake_schema,
            "catalog_database": self.catalog_database,
            "copy_role_arn": self.copy_role_arn,
        }
        texts = [Template(script(file)).substitute(names) for file in files]
        return [SecurityStatement(sql) for text in texts for sql in split(text)]

    def _validate_names(self) -> None:
        patterns = [(name, _IDENTIFIER) for name in (self.database, self.schema, self.lake_schema)]
        if self.catalog_database:
            patterns += [(self.catalog_database, _CATALOG_DATABASE), (self.copy_role_arn, _ROLE_ARN)]
        invalid = [name for name, pattern in patterns if not pattern.fullmatch(name)]
        if invalid:
            raise SettingsError(
                f"{', '.join(map(repr, invalid))} cannot be used in a statement that grants something",
                fix="use lower-case letters, digits and underscores for names, and the ARN of a role",
            )
