"""Security at work, on Redshift's stand-in: who sees which rows, who may write, and that it follows what is loaded.

Belongs here: what the stand-in can show. Masks have no equal in PostgreSQL: of those, `test_security` holds the text.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from finance_platform.cli import main
from finance_platform.contracts.star import DIM_DEPARTMENT
from finance_platform.errors import FinancePlatformError, LoadError, SecurityError
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse import load
from finance_platform.warehouse.load_request import SliceToLoad
from finance_platform.warehouse.redshift.apply_security import apply_security, planned_security
from finance_platform.warehouse.redshift.credentials import Credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.row_level_security import SecuredWarehouse
from finance_platform.warehouse.redshift.security_statements import ANALYST, CONTROLLER, LOADER, PARTNER, Security
from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse
from finance_platform_tests.aws.moto_server import MotoServer
from finance_platform_tests.aws.redshift_copying import COPY_ROLE
from finance_platform_tests.aws.redshift_security import VIEWS
from finance_platform_tests.warehouse.engines import RedshiftEngine, redshift_engine
from finance_platform_tests.warehouse.star_files import LOADED_AT, SALES, WORKS, Fact, departments

REFUSED = r"permission denied|must be owner"
PEOPLE = {"task": LOADER, "carla": CONTROLLER, "anna": ANALYST, "paul": PARTNER, "petra": PARTNER, "nobody": ""}


@dataclass
class Secured:
    """A warehouse on which security was applied, and its people."""

    engine: RedshiftEngine
    database: str

    def endpoint(self) -> RedshiftEndpoint:
        return RedshiftEndpoint(
            self.database, "finance", COPY_ROLE, host="127.0.0.1", port=self.engine.stand_in.port, tls=False
        )

    def security(self) -> Security:
        return Security(self.database, "finance")

    def log_in(self, user: str) -> Credentials:
        return Credentials("127.0.0.1", self.engine.stand_in.port, user, self.engine.stand_in.people[user])

    def warehouse(self, user: str) -> SecuredWarehouse:
        """Return the warehouse as one of the people finds it."""
        staged = StagedFiles(self.engine.zone)
        found = RedshiftWarehouse(self.endpoint(), staged, lambda _: self.log_in(user))
        return SecuredWarehouse(found, "finance")

    def rows(self, user: str, sql: str) -> list[tuple[Any, ...]]:
        return sorted(self.warehouse(user).query(sql).rows)

    def departments(self, user: str, table: str) -> list[int]:
        return [key for (key,) in self.rows(user, f"SELECT DISTINCT DepartmentKey FROM {table}")]


def units(engine: RedshiftEngine, folder: Path, version: str, of_sales: str, of_works: str) -> SliceToLoad:
    """Return the departments, each in a business unit."""
    rows = [row | {"business_unit": unit} for row, unit in zip(departments(), (of_sales, of_works), strict=True)]
    return engine.lake(folder).dimension(DIM_DEPARTMENT, rows, version)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The small star, loaded and secured: Paul sees the unit North, which has Sales, and Petra South with Works."""
    with redshift_engine() as engine:
        folder = tmp_path_factory.mktemp("lake")
        owned = engine.loaded(folder)
        assert isinstance(owned, RedshiftWarehouse)
        database = engine._databases[-1]
        load.publish(owned, [units(engine, folder, "u1", "North", "South")], run_id="run-2", loaded_at=LOADED_AT)
        stand_in = engine.stand_in
        stand_in.psql(VIEWS, database)
        for user in ("admin", *PEOPLE):
            stand_in.people[user] = secrets.token_urlsafe(8)
            stand_in.psql(f"CREATE ROLE {user} LOGIN {'SUPERUSER' if user == 'admin' else ''}", database)
        found = Secured(engine, database)
        apply_security(found.endpoint(), found.security(), lambda _: found.log_in("admin"))
        # A view of Redshift shows what its reader may see; PostgreSQL must be told to do likewise.
        stand_in.psql("ALTER VIEW finance.ActualVsBudget SET (security_invoker = on)", database)
        for user, role in PEOPLE.items():
            if role:
                stand_in.psql(f"GRANT {role} TO {user}", database)
        stand_in.psql("GRANT pg_read_server_files TO task", database)  # the stand-in's COPY reads from disk
        stand_in.psql("INSERT INTO finance.BusinessUnitAccess VALUES ('paul', 'North'), ('petra', 'South')", database)
        yield found


def test_running_it_again_makes_nothing_twice(secured: Secured):
    log_in = secured.log_in("admin")
    planned = planned_security(secured.endpoint(), secured.security(), lambda _: log_in)
    assert not [sql for sql in planned if sql.startswith(("CREATE ROLE", "CREATE RLS", "ATTACH", "ALTER TABLE"))]
    before = secured.rows("anna", "SELECT * FROM FactFinancials")
    assert apply_security(secured.endpoint(), secured.security(), lambda _: log_in) == planned
    assert secured.rows("anna", "SELECT * FROM FactFinancials") == before
    assert secured.departments("paul", "FactFinancials") == [SALES]


def test_a_mask_of_another_database_is_none_of_ours(secured: Secured):
    role = "arn:aws:iam::123456789012:role/finance-platform-copy"
    wanted = Security(secured.database, "finance", role, "finance_processed")
    planned = planned_security(secured.endpoint(), wanted, lambda _: secured.log_in("admin"))
    steps = [sql.split()[0] for sql in planned if "MASKING POLICY finance_hidden_text" in sql]
    assert steps == ["CREATE", *["ATTACH"] * 4]


@pytest.mark.parametrize("table", ["FactFinancials", "ActualVsBudget", "DimDepartment"])
def test_a_partner_sees_the_rows_of_their_own_unit_alone(secured: Secured, table: str):
    assert secured.departments("paul", table) == [SALES]
    assert secured.departments("petra", table) == [WORKS]


@pytest.mark.parametrize("user", ["anna", "carla", "task"])
@pytest.mark.parametrize("table", ["FactFinancials", "ActualVsBudget", "DimDepartment"])
def test_everybody_else_with_a_role_sees_all_rows(secured: Secured, table: str, user: str):
    assert secured.departments(user, table) == [SALES, WORKS]


def test_a_partner_of_no_unit_sees_no_row(secured: Secured):
    secured.engine.stand_in.psql("CREATE ROLE pia LOGIN; GRANT finance_partner TO pia", secured.database)
    secured.engine.stand_in.people["pia"] = "pia"
    assert secured.departments("pia", "FactFinancials") == []
    assert len(secured.rows("pia", "SELECT AccountKey FROM DimAccount")) == 5, "what has no department is no secret"


def test_the_owner_of_the_tables_sees_no_row_either_unless_given_a_role(secured: Secured):
    owner = secured.engine.warehouse(secured.database)
    assert owner.query("SELECT COUNT(*) FROM FactFinancials").rows == [(0,)]


def test_a_load_by_an_owner_who_sees_no_row_is_refused_with_the_way_out(secured: Secured):
    owner = SecuredWarehouse(secured.engine.warehouse(secured.database), "finance")
    with pytest.raises(LoadError, match="row-level security hides the departments") as caught, owner.transaction():
        pass
    assert f"GRANT ROLE {LOADER}" in caught.value.fix


def test_a_superuser_needs_no_role_to_load(secured: Secured):
    with secured.warehouse("admin").transaction():
        pass


def test_a_warehouse_whose_departments_are_all_withdrawn_can_be_loaded_again(secured: Secured, tmp_path: Path):
    owned = secured.engine.loaded(tmp_path)
    none = secured.engine.lake(tmp_path).dimension(DIM_DEPARTMENT, [], "d0")
    load.publish(owned, [none], run_id="run-2", loaded_at=LOADED_AT)
    with SecuredWarehouse(owned, "finance").transaction():
        pass


def test_the_command_prints_what_it_would_run_and_runs_nothing(secured: Secured, aws: MotoServer):
    secret = json.dumps({"username": "admin", "password": secured.engine.stand_in.people["admin"]})
    name = boto3.client("secretsmanager", endpoint_url=aws.address).create_secret(Name="admin", SecretString=secret)
    environment = {
        "PROFILE": "aws",
        "RAW_URI": "s3://raw",
        "PROCESSED_URI": "s3://processed",
        "SCRIPTS_URI": "s3://scripts",
        "REDSHIFT_HOST": "127.0.0.1",
        "REDSHIFT_PORT": str(secured.engine.stand_in.port),
        "REDSHIFT_DATABASE": secured.database,
        "REDSHIFT_SECRET_ID": name["Name"],
        "REDSHIFT_COPY_ROLE_ARN": COPY_ROLE,
        "REDSHIFT_TLS": "false",
    }
    variables = {f"FINANCE_PLATFORM_{key}": value for key, value in environment.items()}
    planned = CliRunner().invoke(main, ["secure", "--dry-run"], env=variables)
    assert planned.exit_code == 0, planned.output
    assert "ALTER RLS POLICY finance_own_departments USING" in planned.stdout
    assert "statements would run in Redshift at 127.0.0.1" in planned.stderr
    done = CliRunner().invoke(main, ["secure"], env=variables)
    assert done.exit_code == 0, done.output
    assert done.stdout == planned.stdout
    assert "statements were run" in done.stderr


def test_whoever_has_no_role_may_not_even_ask(secured: Secured):
    with pytest.raises(FinancePlatformError, match=r"permission denied|no tables"):
        secured.rows("nobody", "SELECT Amount FROM FactFinancials")


@pytest.mark.parametrize("table", ["LoadLedger", "BusinessUnitAccess", "DepartmentUnit", "SchemaVersion"])
def test_analysts_and_partners_read_no_internals(secured: Secured, table: str):
    assert isinstance(secured.rows("carla", f"SELECT * FROM {table}"), list)
    for user in ("anna", "paul"):
        with pytest.raises(FinancePlatformError, match="permission denied"):
            secured.rows(user, f"SELECT * FROM {table}")


@pytest.mark.parametrize("user", ["carla", "anna", "paul"])
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM FactFinancials",
        "UPDATE DimAccount SET AccountName = 'x'",
        "INSERT INTO BusinessUnitAccess (UserName, BusinessUnit) VALUES ('paul', 'Works')",
        "CREATE TABLE Mine (A INTEGER)",
        "DROP TABLE Movements",
    ],
)
def test_nobody_but_the_loader_writes(secured: Secured, user: str, sql: str):
    with (
        pytest.raises(FinancePlatformError, match=REFUSED),
        secured.warehouse(user).transaction() as c,
    ):
        c.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE FactFinancials",
        "CREATE TABLE Mine (A INTEGER)",
        "UPDATE LoadLedger SET Amount = 0",
        "DELETE FROM Movements",
        "DELETE FROM SchemaVersion",
        "INSERT INTO BusinessUnitAccess (UserName, BusinessUnit) VALUES ('task', 'Works')",
    ],
)
def test_the_loader_does_nothing_but_load(secured: Secured, sql: str):
    with (
        pytest.raises(FinancePlatformError, match=REFUSED),
        secured.warehouse("task").transaction() as c,
    ):
        c.execute(sql)


def test_the_loader_loads_and_what_it_moves_follows_the_business_units(secured: Secured, tmp_path: Path):
    lake = secured.engine.lake(tmp_path)
    rows = [Fact("2025-03-01", SALES, 21, 31, "10.00"), Fact("2025-03-01", WORKS, 22, 31, "20.00")]
    warehouse = secured.warehouse("task")
    done = load.publish(warehouse, [lake.facts("2025-03", "m1", rows)], run_id="run-2", loaded_at=LOADED_AT)
    assert done.load_number is not None
    march = "SELECT DepartmentKey, Amount FROM FactFinancials WHERE DateKey BETWEEN 20250301 AND 20250331"
    assert [row[0] for row in secured.rows("paul", march)] == [SALES]
    assert [row[0] for row in secured.rows("anna", march)] == [SALES, WORKS]
    again = [Fact("2025-03-01", SALES, 21, 31, "11.00"), Fact("2025-03-01", WORKS, 22, 31, "22.00")]
    load.publish(warehouse, [lake.facts("2025-03", "m2", again)], run_id="run-3", loaded_at=LOADED_AT)
    assert secured.departments("paul", "Movements") == [SALES]
    assert secured.departments("petra", "Movements") == [WORKS]


def test_a_department_that_moves_to_another_unit_is_seen_by_its_partners_alone_from_that_load_on(
    secured: Secured, tmp_path: Path
):
    moved = units(secured.engine, tmp_path, "u2", "South", "South")
    load.publish(secured.warehouse("task"), [moved], run_id="run-5", loaded_at=LOADED_AT)
    assert secured.departments("paul", "FactFinancials") == []
    assert secured.departments("petra", "FactFinancials") == [SALES, WORKS]


def test_whoever_may_not_secure_is_told_so(secured: Secured):
    log_in = secured.log_in("anna")
    with pytest.raises(SecurityError) as caught:
        apply_security(secured.endpoint(), secured.security(), lambda _: log_in)
    assert "permission denied" in str(caught.value)
