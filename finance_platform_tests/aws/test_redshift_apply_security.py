"""Applied security on the fake of Redshift: visible rows and write access per role, also after loads.

Belongs here: roles and row-level security. Does not belong here: masks, which have no equivalent in PostgreSQL; their
text is tested in `test_redshift_security_statements`.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from finance_platform.cli import main
from finance_platform.contracts.star import DIM_DEPARTMENT
from finance_platform.contracts.views import VIEWS as CONTRACTS
from finance_platform.errors import FinancePlatformError, LoadError, SecurityError
from finance_platform.storage.local import LocalStore
from finance_platform.storage.staged_files import StagedFiles
from finance_platform.warehouse import load, statements
from finance_platform.warehouse.access_rights import AccessRights, read_recorded, read_units, record
from finance_platform.warehouse.load_request import LoadRequest, SliceToLoad
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.redshift.apply_security import apply_security, pending_security_statements
from finance_platform.warehouse.redshift.credentials import Credentials
from finance_platform.warehouse.redshift.endpoint import RedshiftEndpoint
from finance_platform.warehouse.redshift.restore_access import restore_access
from finance_platform.warehouse.redshift.row_level_security import SecuredWarehouse
from finance_platform.warehouse.redshift.security_statements import ANALYST, CONTROLLER, LOADER, PARTNER, Security
from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse
from finance_platform_tests.aws.iam import needed_for, refused
from finance_platform_tests.aws.moto_server import REGION, MotoServer
from finance_platform_tests.aws.redshift_copy import COPY_ROLE
from finance_platform_tests.aws.redshift_security import VIEWS
from finance_platform_tests.warehouse.engines import RedshiftEngine, redshift_engine
from finance_platform_tests.warehouse.star_files import LOADED_AT, SALES, WORKS, Fact, departments

LAKE_TABLES = ("transactions", "budget")
DENIED = r"permission denied|must be owner"
PEOPLE = {"task": LOADER, "carla": CONTROLLER, "anna": ANALYST, "paul": PARTNER, "petra": PARTNER, "nobody": ""}


@dataclass
class Secured:
    """A warehouse with applied security, and its users."""

    engine: RedshiftEngine
    database: str

    def endpoint(self) -> RedshiftEndpoint:
        return RedshiftEndpoint(
            self.database, "finance", COPY_ROLE, host="127.0.0.1", port=self.engine.server.port, tls=False
        )

    def security(self) -> Security:
        return Security(self.database, "finance")

    def credentials(self, user: str) -> Credentials:
        return Credentials("127.0.0.1", self.engine.server.port, user, self.engine.server.people[user])

    def warehouse(self, user: str) -> SecuredWarehouse:
        """Return the warehouse for one of its users."""
        staged = StagedFiles(self.engine.zone)
        redshift = RedshiftWarehouse(self.endpoint(), staged, lambda _: self.credentials(user))
        return SecuredWarehouse(redshift, "finance")

    def rows(self, user: str, sql: str) -> list[tuple[Any, ...]]:
        return sorted(self.warehouse(user).query(sql).rows)

    def departments(self, user: str, table: str) -> list[int]:
        return [key for (key,) in self.rows(user, f"SELECT DISTINCT DepartmentKey FROM {table}")]


@contextlib.contextmanager
def lake_tables(secured: Secured, database: str, *names: str) -> Iterator[None]:
    """Register tables of the data catalog until the end of the block."""
    server = secured.engine.server
    for name in names:
        server.psql(f"INSERT INTO svv_external_tables VALUES ('finance_lake', '{name}')", database)
    try:
        yield
    finally:
        server.psql("DELETE FROM svv_external_tables", database)


def publish_nothing(warehouse: Warehouse) -> None:
    """Open a load and end it."""
    secured = warehouse if isinstance(warehouse, SecuredWarehouse) else SecuredWarehouse(warehouse, "finance")
    with secured.transaction():
        pass


def units(engine: RedshiftEngine, folder: Path, version: str, of_sales: str, of_works: str) -> SliceToLoad:
    """Return the departments, each in a business unit."""
    rows = [row | {"business_unit": unit} for row, unit in zip(departments(), (of_sales, of_works), strict=True)]
    return engine.star_files(folder).dimension(DIM_DEPARTMENT, rows, version)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The small star with security: Paul sees the business unit North (Sales), Petra South (Works)."""
    with redshift_engine(tmp_path_factory) as engine:
        folder = tmp_path_factory.mktemp("files")
        owner_warehouse = engine.loaded(folder)
        assert isinstance(owner_warehouse, RedshiftWarehouse)
        database = engine._databases[-1]
        load.publish(
            owner_warehouse,
            LoadRequest([units(engine, folder, "u1", "North", "South")], run_id="run-2", loaded_at=LOADED_AT),
        )
        server = engine.server
        server.psql(VIEWS, database)
        for user in ("admin", *PEOPLE):
            server.people[user] = secrets.token_urlsafe(8)
            server.psql(f"CREATE ROLE {user} LOGIN {'SUPERUSER' if user == 'admin' else ''}", database)
        secured = Secured(engine, database)
        apply_security(secured.endpoint(), secured.security(), lambda _: secured.credentials("admin"))
        # A view of Redshift shows the rows visible to its reader; PostgreSQL has an option for it.
        invoker = "; ".join(f"ALTER VIEW finance.{view.name} SET (security_invoker = on)" for view in CONTRACTS)
        server.psql(invoker, database)
        for user, role in PEOPLE.items():
            if role:
                server.psql(f"GRANT {role} TO {user}", database)
        server.psql("GRANT pg_read_server_files TO task", database)  # the fake's COPY reads from disk
        server.psql("INSERT INTO finance.BusinessUnitAccess VALUES ('paul', 'North'), ('petra', 'South')", database)
        yield secured


def test_applying_it_again_creates_nothing(secured: Secured):
    credentials = secured.credentials("admin")
    pending = pending_security_statements(secured.endpoint(), secured.security(), lambda _: credentials)
    created = ("CREATE ROLE", "CREATE RLS", "ATTACH", "ALTER TABLE")
    assert not [sql for sql in pending.statements if sql.startswith(created)]
    before = secured.rows("anna", "SELECT * FROM FactFinancials")
    assert apply_security(secured.endpoint(), secured.security(), lambda _: credentials) == pending
    assert secured.rows("anna", "SELECT * FROM FactFinancials") == before
    assert secured.departments("paul", "FactFinancials") == [SALES]


def test_a_mask_of_another_database_is_ignored(secured: Secured):
    security = Security(secured.database, "finance", COPY_ROLE, "finance_processed")
    with lake_tables(secured, secured.database, *LAKE_TABLES):
        pending = pending_security_statements(secured.endpoint(), security, lambda _: secured.credentials("admin"))
    steps = [sql.split()[0] for sql in pending.statements if "MASKING POLICY finance_hidden_text" in sql]
    assert steps == ["CREATE", *["ATTACH"] * 4]


@pytest.mark.parametrize("registered", [(), LAKE_TABLES[:1]])
def test_ledger_lines_wait_until_the_data_catalog_has_all_their_tables(secured: Secured, registered: tuple[str, ...]):
    security = Security(secured.database, "finance", COPY_ROLE, "finance_processed")
    with lake_tables(secured, secured.database, *registered):
        applied = apply_security(secured.endpoint(), security, lambda _: secured.credentials("admin"))
    assert applied.missing_tables == LAKE_TABLES[len(registered) :]
    assert not [sql for sql in applied.statements if "LedgerLines" in sql]
    assert applied.statements[-1].startswith("CREATE EXTERNAL SCHEMA")


def test_a_ledger_lines_view_that_cannot_be_secured_takes_no_right_from_any_role(secured: Secured, tmp_path: Path):
    secured.engine.loaded(tmp_path)
    database = secured.engine._databases[-1]
    secured.engine.server.psql(VIEWS, database)
    endpoint = replace(secured.endpoint(), database=database)
    security = Security(database, "finance", COPY_ROLE, "finance_processed")
    with lake_tables(secured, database, *LAKE_TABLES), pytest.raises(SecurityError, match="LedgerLines"):
        apply_security(endpoint, security, lambda _: secured.credentials("admin"))
    for role, right in ((LOADER, "DELETE"), (ANALYST, "SELECT")):
        question = f"SELECT has_table_privilege('{role}', 'finance.factfinancials', '{right}')"
        assert secured.engine.server.psql(question, database) == "t"


def test_a_load_is_rejected_if_the_table_that_policies_read_is_gone(secured: Secured, tmp_path: Path):
    secured.engine.loaded(tmp_path)
    database = secured.engine._databases[-1]
    server = secured.engine.server
    server.psql(VIEWS, database)
    endpoint = replace(secured.endpoint(), database=database)
    apply_security(endpoint, Security(database, "finance"), lambda _: secured.credentials("admin"))
    server.psql("DROP TABLE finance.DepartmentUnit", database)
    redshift = RedshiftWarehouse(endpoint, StagedFiles(secured.engine.zone), lambda _: secured.credentials("admin"))
    with pytest.raises(LoadError, match="DepartmentUnit that its policies read") as caught:
        publish_nothing(redshift)
    assert "finance-platform secure" in caught.value.fix


def test_a_load_by_a_user_who_may_not_read_the_business_units_is_rejected(secured: Secured):
    secured.engine.server.psql(f"REVOKE SELECT ON finance.DepartmentUnit FROM {LOADER}", secured.database)
    try:
        with pytest.raises(LoadError, match="reads the table DepartmentUnit, which the platform may not") as caught:
            publish_nothing(secured.warehouse("task"))
    finally:
        secured.engine.server.psql(f"GRANT SELECT ON finance.DepartmentUnit TO {LOADER}", secured.database)
    assert f"GRANT ROLE {LOADER}" in caught.value.fix


@pytest.mark.parametrize("table", ["FactFinancials", "ActualVsBudget", "DimDepartment"])
def test_a_partner_sees_only_the_rows_of_their_own_unit(secured: Secured, table: str):
    assert secured.departments("paul", table) == [SALES]
    assert secured.departments("petra", table) == [WORKS]


@pytest.mark.parametrize("user", ["anna", "carla", "task"])
@pytest.mark.parametrize("table", ["FactFinancials", "ActualVsBudget", "DimDepartment"])
def test_all_other_roles_see_all_rows(secured: Secured, table: str, user: str):
    assert secured.departments(user, table) == [SALES, WORKS]


def test_a_partner_sees_the_same_complete_periods_as_all_others(secured: Secured):
    statuses = secured.rows("anna", "SELECT Period, IsComplete, LineCount FROM PeriodStatus ORDER BY Period")
    assert [period for period, is_complete, _ in statuses if is_complete] == ["2025-01", "2025-02"]
    assert secured.rows("paul", "SELECT Period, IsComplete, LineCount FROM PeriodStatus ORDER BY Period") == statuses


def test_a_partner_compares_the_same_periods_as_all_others_and_sees_only_their_own_money(secured: Secured):
    comparable = "SELECT Period, ScenarioName, ReferenceName, IsCovered FROM ComparablePeriod"
    assert secured.rows("paul", comparable) == secured.rows("anna", comparable)
    outlook = "SELECT Period, ScenarioName FROM OutlookSource"
    assert secured.rows("paul", outlook) == secured.rows("anna", outlook)
    for view in ("PeriodAmount", "VarianceByHorizon", "TopVariance"):
        assert secured.departments("paul", view) == [SALES]
        assert WORKS in secured.departments("anna", view)
    units = "SELECT DISTINCT BusinessUnit FROM ProfitAndLoss"
    assert secured.rows("paul", units) == [("North",)]
    assert secured.rows("petra", units) == [], "its only flows are CapEx"


def test_a_partner_without_a_unit_sees_no_row(secured: Secured):
    secured.engine.server.psql("CREATE ROLE pia LOGIN; GRANT finance_partner TO pia", secured.database)
    secured.engine.server.people["pia"] = "pia"
    assert secured.departments("pia", "FactFinancials") == []
    assert len(secured.rows("pia", "SELECT AccountKey FROM DimAccount")) == 5, "tables without a department are visible"


def test_the_owner_of_the_tables_sees_no_row_without_a_role(secured: Secured):
    owner = secured.engine.warehouse(secured.database)
    assert owner.query("SELECT COUNT(*) FROM FactFinancials").rows == [(0,)]


def test_a_load_by_an_owner_who_sees_no_row_is_rejected_with_the_fix(secured: Secured):
    owner = SecuredWarehouse(secured.engine.warehouse(secured.database), "finance")
    with pytest.raises(LoadError, match="row-level security hides the departments") as caught, owner.transaction():
        pass
    assert f"GRANT ROLE {LOADER}" in caught.value.fix


def test_a_superuser_needs_no_role_to_load(secured: Secured):
    with secured.warehouse("admin").transaction():
        pass


def test_a_warehouse_without_departments_can_be_loaded_again(secured: Secured, tmp_path: Path):
    owner_warehouse = secured.engine.loaded(tmp_path)
    none = secured.engine.star_files(tmp_path).dimension(DIM_DEPARTMENT, [], "d0")
    load.publish(owner_warehouse, LoadRequest([none], run_id="run-2", loaded_at=LOADED_AT))
    with SecuredWarehouse(owner_warehouse, "finance").transaction():
        pass


def test_the_command_s_dry_run_prints_the_statements_and_runs_nothing(secured: Secured, aws: MotoServer):
    secret = json.dumps({"username": "admin", "password": secured.engine.server.people["admin"]})
    name = boto3.client("secretsmanager", endpoint_url=aws.address).create_secret(Name="admin", SecretString=secret)
    boto3.client("s3", endpoint_url=aws.address).create_bucket(
        Bucket="rights-of-people",
        CreateBucketConfiguration={"LocationConstraint": REGION},
        ObjectLockEnabledForBucket=True,
    )
    environment = {
        "PROFILE": "aws",
        "RAW_URI": "s3://raw",
        "PROCESSED_URI": "s3://rights-of-people",
        "SCRIPTS_URI": "s3://scripts",
        "REDSHIFT_HOST": "127.0.0.1",
        "REDSHIFT_PORT": str(secured.engine.server.port),
        "REDSHIFT_DATABASE": secured.database,
        "REDSHIFT_SECRET_ID": name["Name"],
        "REDSHIFT_COPY_ROLE_ARN": COPY_ROLE,
        "REDSHIFT_TLS": "false",
        "S3_LOCK_DAYS": "1",
    }
    variables = {f"FINANCE_PLATFORM_{key}": value for key, value in environment.items()}
    pending = CliRunner().invoke(main, ["secure", "--dry-run"], env=variables)
    assert pending.exit_code == 0, pending.output
    assert "ALTER RLS POLICY finance_own_departments USING" in pending.stdout
    assert "statements would run in Redshift at 127.0.0.1" in pending.stderr
    before = len(aws.faults.requests)
    result = CliRunner().invoke(main, ["secure"], env=variables)
    assert result.exit_code == 0, result.output
    assert result.stdout == pending.stdout
    assert "statements were run" in result.stderr
    # The task of a deployment runs it with the rights of the warehouse's owner.
    needed = needed_for(aws.faults.requests[before:], {"rights-of-people": "ProcessedBucket"})
    assert {one.action for one in needed} == {"s3:ListBucket", "s3:PutObject", "s3:PutObjectRetention"}
    assert refused("WarehouseAdminRole", needed) == []


def test_migrate_on_aws_needs_no_right_on_the_zones_and_says_what_grants_recreated_views(
    secured: Secured, aws: MotoServer, monkeypatch: pytest.MonkeyPatch
):
    """A view whose column gets another type is not pending to be dropped; Redshift refuses to replace it in place."""
    secret = json.dumps({"username": "admin", "password": secured.engine.server.people["admin"]})
    boto3.client("secretsmanager", endpoint_url=aws.address).create_secret(Name="owner", SecretString=secret)
    variables = {
        "PROFILE": "aws",
        "RAW_URI": "s3://no-such-bucket",
        "PROCESSED_URI": "s3://no-such-bucket-either",
        "SCRIPTS_URI": "s3://scripts",
        "REDSHIFT_HOST": "127.0.0.1",
        "REDSHIFT_PORT": str(secured.engine.server.port),
        "REDSHIFT_DATABASE": secured.engine.server.database(),
        "REDSHIFT_SECRET_ID": "owner",
        "REDSHIFT_COPY_ROLE_ARN": COPY_ROLE,
        "REDSHIFT_TLS": "false",
    }
    environment = {f"FINANCE_PLATFORM_{key}": value for key, value in variables.items()}
    narrow, wide = "CAST(Source AS VARCHAR(8)) AS Source", "CAST(Source AS VARCHAR(16)) AS Source"
    next_release = tuple(text.replace(narrow, wide) for text in statements.definitions())

    first = CliRunner().invoke(main, ["migrate"], env=environment)
    monkeypatch.setattr(statements, "definitions", lambda: next_release)
    monkeypatch.setattr(statements, "definitions_fingerprint", lambda: "next")
    second = CliRunner().invoke(main, ["migrate"], env=environment)

    for result in (first, second):
        assert result.exit_code == 0, result.output
        assert "has the tables and views of this release now" in result.output
        assert "recreated views have no grants yet: run `finance-platform secure`" in result.output
    assert not [line for line in second.output.splitlines() if line.startswith(("CREATE TABLE", "DROP VIEW"))]


def test_a_user_without_a_role_may_not_query(secured: Secured):
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
        "DELETE FROM PeriodStatus",
        "UPDATE DimAccount SET AccountName = 'x'",
        "INSERT INTO BusinessUnitAccess (UserName, BusinessUnit) VALUES ('paul', 'Works')",
        "CREATE TABLE Mine (A INTEGER)",
        "DROP TABLE Movements",
    ],
)
def test_only_the_loader_writes(secured: Secured, user: str, sql: str):
    with (
        pytest.raises(FinancePlatformError, match=DENIED),
        secured.warehouse(user).transaction() as connection,
    ):
        connection.execute(sql)


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
def test_the_loader_only_loads(secured: Secured, sql: str):
    with (
        pytest.raises(FinancePlatformError, match=DENIED),
        secured.warehouse("task").transaction() as connection,
    ):
        connection.execute(sql)


def test_the_loader_loads_and_its_rows_and_movements_follow_the_business_units(secured: Secured, tmp_path: Path):
    star_files = secured.engine.star_files(tmp_path)
    rows = [Fact("2025-03-01", SALES, 21, 31, "10.00"), Fact("2025-03-01", WORKS, 22, 31, "20.00")]
    warehouse = secured.warehouse("task")
    result = load.publish(
        warehouse, LoadRequest([star_files.facts("2025-03", "m1", rows)], run_id="run-2", loaded_at=LOADED_AT)
    )
    assert result.load_number is not None
    march = "SELECT DepartmentKey, Amount FROM FactFinancials WHERE DateKey BETWEEN 20250301 AND 20250331"
    assert [row[0] for row in secured.rows("paul", march)] == [SALES]
    assert [row[0] for row in secured.rows("anna", march)] == [SALES, WORKS]
    restated = [Fact("2025-03-01", SALES, 21, 31, "11.00"), Fact("2025-03-01", WORKS, 22, 31, "22.00")]
    load.publish(
        warehouse, LoadRequest([star_files.facts("2025-03", "m2", restated)], run_id="run-3", loaded_at=LOADED_AT)
    )
    assert secured.departments("paul", "Movements") == [SALES]
    assert secured.departments("petra", "Movements") == [WORKS]


def test_from_its_load_on_a_moved_department_is_visible_only_to_the_partners_of_its_new_unit(
    secured: Secured, tmp_path: Path
):
    moved = units(secured.engine, tmp_path, "u2", "South", "South")
    load.publish(secured.warehouse("task"), LoadRequest([moved], run_id="run-5", loaded_at=LOADED_AT))
    assert secured.departments("paul", "FactFinancials") == []
    assert secured.departments("petra", "FactFinancials") == [SALES, WORKS]


def test_a_user_who_may_not_apply_security_gets_a_security_error(secured: Secured):
    credentials = secured.credentials("anna")
    with pytest.raises(SecurityError) as caught:
        apply_security(secured.endpoint(), secured.security(), lambda _: credentials)
    assert "permission denied" in str(caught.value)


def test_the_rights_of_people_are_recorded_by_a_load_and_come_back_in_a_warehouse_without_any(
    secured: Secured, tmp_path: Path
):
    processed = LocalStore(tmp_path / "processed")
    units = read_units(secured.warehouse("task"), "finance")
    assert units is not None
    assert units >= {("paul", "North"), ("petra", "South")}
    credentials = secured.credentials("admin")
    now, _ = restore_access(secured.endpoint(), AccessRights(), lambda _: credentials)
    assert (now.units, ("paul", PARTNER) in now.roles, ("task", LOADER) in now.roles) == (units, True, True)
    assert record(processed, at=LOADED_AT, units=now.units, roles=now.roles | {("gina", ANALYST)})
    assert not record(processed, at=LOADED_AT, units=now.units)  # as a load sees them, which sees no roles

    seen = secured.departments("paul", "FactFinancials")
    psql = secured.engine.server.psql
    psql("DELETE FROM finance.BusinessUnitAccess", secured.database)
    for user, role in now.roles:
        psql(f"REVOKE {role} FROM {user}", secured.database)
    restored, sentences = restore_access(secured.endpoint(), read_recorded(processed), lambda _: credentials)
    assert restored == now
    assert secured.departments("paul", "FactFinancials") == seen
    (by_hand,) = [sentence for sentence in sentences if "gina" in sentence]
    assert by_hand.startswith(f'GRANT ROLE {ANALYST} TO "gina": not granted')

    psql("DELETE FROM finance.BusinessUnitAccess WHERE UserName = 'paul'", secured.database)
    assert restore_access(secured.endpoint(), read_recorded(processed), lambda _: credentials)[1] == []
    assert secured.departments("paul", "FactFinancials") == []
    psql("INSERT INTO finance.BusinessUnitAccess VALUES ('paul', 'North')", secured.database)
