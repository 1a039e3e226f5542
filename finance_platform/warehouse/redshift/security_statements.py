"""Security on Redshift: the roles, policies and grants that there should be, as statements.

Belongs here: reading `sql/security`, the names that settings put into it, what a statement is about.
Does not belong here: what is there already, running anything (see `securing`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from string import Template

from finance_platform.errors import SettingsError
from finance_platform.warehouse.statements import SqlFile, script

LOADER, CONTROLLER, ANALYST, PARTNER = "finance_loader", "finance_controller", "finance_analyst", "finance_partner"
ROLES = (LOADER, CONTROLLER, ANALYST, PARTNER)

_POLICIES = (
    SqlFile.SECURITY_ROLES,
    SqlFile.SECURITY_ACCESS,
    SqlFile.SECURITY_DEPARTMENT_UNITS,
    SqlFile.SECURITY_ROWS,
)
"""Before any grant, so that nobody sees a row too many in between."""

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
        sql: what is run.
    """

    sql: str

    @cached_property
    def _match(self) -> tuple[str, re.Match[str]]:
        flat = " ".join(self.sql.split())
        for kind, shape in _COMPILED.items():
            found = shape.fullmatch(flat)
            if found:
                return kind, found
        raise ValueError(f"{flat[:80]!r} has the shape of no statement of sql/security")

    @property
    def kind(self) -> str:
        """What it makes, in words.

        Raises:
            ValueError: it has the shape of no statement that belongs here.
        """
        return self._match[0]

    def named(self, part: str) -> str:
        """Return a name in it, in lower case as Redshift keeps it: policy, table, column or role.

        Raises:
            KeyError: such a statement has none.
        """
        try:
            return self._match[1][part].lower()
        except IndexError:
            raise KeyError(part) from None

    @property
    def altered(self) -> str:
        """What changes a policy that is there to what this one says."""
        verb = "RLS" if self.kind == "row policy" else "MASKING"
        return f"ALTER {verb} POLICY {self._match[1]['policy']} {self._match[1]['using']}"


@dataclass(frozen=True)
class Security:
    """What settings decide about security.

    Attributes:
        database: the warehouse's database.
        schema: the star's schema.
        copy_role_arn: the role with which the warehouse reads the processed zone and its catalog.
        catalog_database: the Glue database that lists processed tables; without one nobody sees ledger lines.
    """

    database: str
    schema: str
    copy_role_arn: str = ""
    catalog_database: str = ""

    @property
    def lake_schema(self) -> str:
        """The external schema in which the warehouse sees the processed tables."""
        return f"{self.schema}_lake"

    def statements(self) -> list[SecurityStatement]:
        """Return every statement, in the order in which they can run.

        Raises:
            SettingsError: a setting is no name that can stand in SQL.
        """
        self._refuse_odd_names()
        of_lines = (SqlFile.SECURITY_LEDGER_LINES,) if self.catalog_database else ()
        files = (*_POLICIES, *of_lines, SqlFile.SECURITY_GRANTS)
        return [statement for file in files for statement in self.statements_of(file)]

    def statements_of(self, file: SqlFile) -> list[SecurityStatement]:
        """Return the statements of one file, with the names that settings say."""
        from finance_platform.warehouse.dialect import split

        names = {
            "database": self.database,
            "schema": self.schema,
            "lake_schema": self.lake_schema,
            "catalog_database": self.catalog_database,
            "copy_role_arn": self.copy_role_arn,
        }
        return [SecurityStatement(sql) for sql in split(Template(script(file)).substitute(names))]

    def _refuse_odd_names(self) -> None:
        odd = [name for name in (self.database, self.schema, self.lake_schema) if not _IDENTIFIER.fullmatch(name)]
        if self.catalog_database:
            odd += [] if _CATALOG_DATABASE.fullmatch(self.catalog_database) else [self.catalog_database]
            odd += [] if _ROLE_ARN.fullmatch(self.copy_role_arn) else [self.copy_role_arn]
        if odd:
            raise SettingsError(
                f"{', '.join(map(repr, odd))} cannot stand in a statement that grants something",
                fix="use lower-case letters, digits and underscores for names, and a role's own ARN",
            )
