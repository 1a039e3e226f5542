"""The statements of `sql/security`: their shapes, their exact text, and their coverage of the tables.

Belongs here: the text of the statements. Does not belong here: their effect (see `test_redshift_apply_security`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from click.testing import CliRunner
from sqlglot import exp

from finance_platform.cli import main
from finance_platform.contracts.processed import BUDGET, TRANSACTIONS
from finance_platform.contracts.security import SECURITY
from finance_platform.contracts.star import (
    DECISION_AMOUNT,
    DELIVERED_BALANCE,
    FEED_TERM,
    LOAD_LEDGER,
    MOVEMENTS,
    PERIOD_STATUS,
    REJECTED_FILE,
    REPORTING,
    RESTATEMENT_STEP,
    SCHEMA_VERSION,
    STAR,
    WAREHOUSE,
)
from finance_platform.contracts.views import DECISION_LOG, REJECTED_MONEY, RESTATEMENT, TRIAL_BALANCE, VIEWS
from finance_platform.errors import SettingsError
from finance_platform.warehouse.redshift.apply_security import ExistingSecurity
from finance_platform.warehouse.redshift.security_statements import (
    ANALYST,
    CONTROLLER,
    LOADER,
    PARTNER,
    ROLES,
    Security,
    SecurityStatement,
)
from finance_platform.warehouse.statements import SqlFile, statements

ROLE_ARN = "arn:aws:iam::123456789012:role/finance-platform-copy"
WHOLE = Security("warehouse", "finance", ROLE_ARN, "finance_processed")
READERS = (CONTROLLER, ANALYST, PARTNER)
LINES_VIEW = "LedgerLines"
LOOKED_UP = "BusinessUnitAccess, DepartmentUnit"
OWN_DEPARTMENTS = (
    "CREATE RLS POLICY finance_own_departments WITH (DepartmentKey BIGINT) USING ( DepartmentKey IN ( "
    "SELECT DepartmentUnit.DepartmentKey FROM finance.DepartmentUnit WHERE DepartmentUnit.BusinessUnit IN ( "
    "SELECT BusinessUnitAccess.BusinessUnit FROM finance.BusinessUnitAccess "
    "WHERE BusinessUnitAccess.UserName = current_user ) ) )"
)


def flat(security: Security = WHOLE) -> list[str]:
    """Return every statement on one line."""
    return [" ".join(statement.sql.split()) for statement in security.statements()]


def of_kind(kind: str) -> list[str]:
    return [line for statement, line in zip(WHOLE.statements(), flat(), strict=True) if statement.kind == kind]


def granted() -> dict[str, dict[str, set[str]]]:
    """Return the privileges on tables by role and table."""
    privileges: dict[str, dict[str, set[str]]] = {role: {} for role in ROLES}
    for line in of_kind("grant"):
        match = re.fullmatch(r"GRANT ([A-Z, ]+) ON TABLE ([\w, ]+) TO (ROLE .*)", line)
        for role in re.findall(r"ROLE (\w+)", match[3]) if match else ():
            for table in match[2].split(", ") if match else ():
                privileges[role].setdefault(table, set()).update(match[1].split(", ") if match else ())
    return privileges


def test_every_statement_has_a_known_shape():
    assert {statement.kind for statement in WHOLE.statements()} == {
        "role",
        "table",
        "rows",
        "row policy",
        "row policy attached",
        "row security on",
        "grant",
        "revoke",
        "external schema",
        "view",
        "mask",
        "mask attached",
    }


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE FactFinancials",
        "GRANT ALL ON SCHEMA finance TO ROLE finance_analyst",
        "GRANT SELECT ON TABLE FactFinancials TO PUBLIC",
        "GRANT SELECT ON TABLE FactFinancials TO ROLE finance_analyst WITH GRANT OPTION",
        "ALTER TABLE FactFinancials ROW LEVEL SECURITY OFF",
        "ATTACH RLS POLICY finance_every_row ON FactFinancials TO PUBLIC",
        "CREATE ROLE finance_analyst; DROP ROLE finance_loader",
    ],
)
def test_a_statement_of_another_shape_is_rejected(sql: str):
    with pytest.raises(ValueError, match="has not the shape of a statement"):
        SecurityStatement(sql).kind  # noqa: B018 - the property raises


def test_no_statement_names_another_role():
    assert of_kind("role") == [f"CREATE ROLE {role}" for role in ROLES]
    assert {role for line in flat() for role in re.findall(r"\bROLE (finance_\w+)", line)} == set(ROLES)


def test_the_policies_have_exactly_this_text():
    assert of_kind("row policy") == [
        "CREATE RLS POLICY finance_every_row USING (TRUE)",
        OWN_DEPARTMENTS,
    ]
    assert of_kind("mask") == [
        "CREATE MASKING POLICY finance_hidden_text WITH (Shown VARCHAR(65535)) USING (CAST('***' AS VARCHAR(65535)))"
    ]


def test_the_grants_have_exactly_this_text():
    star = "DimDate, DimDepartment, DimAccount, DimScenario, FactFinancials"
    without_partners = "ROLE finance_controller, ROLE finance_analyst"
    readers = f"{without_partners}, ROLE finance_partner"
    reporting = ", ".join(contract.table for contract in REPORTING)
    with_figures_of_all = (DELIVERED_BALANCE, FEED_TERM, REJECTED_FILE, DECISION_AMOUNT, RESTATEMENT_STEP)
    shared = ", ".join(contract.table for contract in REPORTING if contract not in with_figures_of_all)
    private_views = "TrialBalance, RejectedMoney, DecisionLog, Restatement"
    private_tables = "DeliveredBalance, FeedTerm, RejectedFile, DecisionAmount, RestatementStep"
    without = (TRIAL_BALANCE, REJECTED_MONEY, DECISION_LOG, RESTATEMENT)
    views = ", ".join(view.name for view in VIEWS if view not in without)
    assert of_kind("grant") == [
        "GRANT SELECT ON TABLE DepartmentUnit, BusinessUnitAccess TO RLS POLICY finance_own_departments",
        f"GRANT USAGE ON SCHEMA finance TO ROLE finance_loader, {readers}",
        "GRANT TEMPORARY ON DATABASE warehouse TO ROLE finance_loader",
        f"GRANT SELECT, INSERT, DELETE ON TABLE {star} TO ROLE finance_loader",
        "GRANT SELECT, INSERT, DELETE ON TABLE LoadLedger, PeriodStatus, DepartmentUnit TO ROLE finance_loader",
        f"GRANT SELECT, INSERT, DELETE ON TABLE {reporting} TO ROLE finance_loader",
        "GRANT SELECT, INSERT ON TABLE Movements TO ROLE finance_loader",
        "GRANT SELECT ON TABLE SchemaVersion, BusinessUnitAccess TO ROLE finance_loader",
        f"GRANT SELECT ON TABLE {star}, Movements, PeriodStatus, {shared} TO {readers}",
        f"GRANT SELECT ON TABLE {views} TO ROLE finance_loader, {readers}",
        f"GRANT SELECT ON TABLE {private_views} TO ROLE finance_loader, {without_partners}",
        f"GRANT SELECT ON TABLE {private_tables} TO {without_partners}",
        f"GRANT SELECT ON TABLE LoadLedger, SchemaVersion, {LOOKED_UP} TO ROLE finance_controller",
        f"GRANT SELECT ON TABLE LedgerLines TO {readers}",
    ]
    assert of_kind("revoke") == [
        f"REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA finance FROM {readers}",
        f"REVOKE CREATE ON SCHEMA finance FROM PUBLIC, ROLE finance_loader, {readers}",
    ]


def test_exactly_the_tables_and_views_of_the_warehouse_are_granted():
    tables = {contract.table for contract in (*WAREHOUSE, *SECURITY)}
    views = {view.name for view in VIEWS}
    privileges = granted()
    assert set().union(*privileges.values()) == tables | views | {LINES_VIEW}
    assert set(privileges[LOADER]) == tables | views
    assert set(privileges[CONTROLLER]) == tables | views | {LINES_VIEW}
    read_by_all = {contract.table for contract in (*STAR, MOVEMENTS, PERIOD_STATUS, *REPORTING)}
    assert set(privileges[ANALYST]) == read_by_all | views | {LINES_VIEW}
    not_by_department = {FEED_TERM.table, REJECTED_FILE.table, REJECTED_MONEY.name}
    not_by_department |= {DECISION_AMOUNT.table, DECISION_LOG.name, RESTATEMENT_STEP.table, RESTATEMENT.name}
    not_by_department |= {DELIVERED_BALANCE.table, TRIAL_BALANCE.name}
    assert set(privileges[PARTNER]) == set(privileges[ANALYST]) - not_by_department


def test_only_the_loader_writes_and_it_changes_no_records():
    privileges = granted()
    for role in READERS:
        assert set().union(*privileges[role].values()) == {"SELECT"}
    assert set().union(*privileges[LOADER].values()) == {"SELECT", "INSERT", "DELETE"}
    assert privileges[LOADER][MOVEMENTS.table] == {"SELECT", "INSERT"}
    assert privileges[LOADER][SCHEMA_VERSION.table] == {"SELECT"}
    assert LOAD_LEDGER.table in privileges[LOADER]


def test_exactly_the_tables_with_a_department_have_row_level_security_for_each_role_that_reads_them():
    with_department = {
        contract.table for contract in WAREHOUSE if any(c.sql_name == "DepartmentKey" for c in contract.columns)
    }
    on = {re.findall(r"ALTER TABLE (\w+)", line)[0] for line in of_kind("row security on")}
    assert on == with_department | {LINES_VIEW}
    attached = [
        re.fullmatch(r"ATTACH RLS POLICY (\w+) ON (\w+) TO ROLE (\w+)", line) for line in of_kind("row policy attached")
    ]
    policies = {(match[2], match[3]): match[1] for match in attached if match}
    assert policies == {
        (table, role): "finance_own_departments" if role == PARTNER else "finance_every_row"
        for role, tables in granted().items()
        for table in tables
        if table in on
    }


def test_no_policy_reads_a_table_with_row_level_security():
    on = {re.findall(r"ALTER TABLE (\w+)", line)[0] for line in of_kind("row security on")}
    looked_up = {table for line in of_kind("row policy") for table in re.findall(r"FROM ([\w.]+)", line)}
    assert looked_up == {f"finance.{contract.table}" for contract in SECURITY}, "a reader's search path is their own"
    assert not looked_up & {f"finance.{table}" for table in on}, "Redshift rejects it"


def test_policies_are_attached_before_row_level_security_and_grants_come_last():
    lines = flat()
    for table in ("DimDepartment", "FactFinancials", "Movements", "Commentary", LINES_VIEW):
        attached = max(n for n, line in enumerate(lines) if line.startswith("ATTACH") and f" ON {table} TO " in line)
        closed = lines.index(f"ALTER TABLE {table} ROW LEVEL SECURITY ON")
        read = min(n for n, line in enumerate(lines) if line.startswith("GRANT") and table in line and "ROLE" in line)
        assert attached < closed < read


def test_the_rights_of_all_roles_come_before_what_depends_on_the_data_catalog():
    lines = flat()
    first_of_the_lake = next(n for n, line in enumerate(lines) if "finance_lake" in line)
    assert not [line for line in lines[:first_of_the_lake] if LINES_VIEW in line]
    assert not [line for line in lines[first_of_the_lake:] if "finance_loader" in line]
    assert not [line for line in lines[first_of_the_lake + 1 :] if LINES_VIEW not in line and "MASKING" not in line]


def test_ledger_lines_have_every_column_of_the_contract_and_mask_each_personal_one():
    (view,) = [statement for statement in WHOLE.statements() if statement.kind == "view"]
    select = view.sql.partition(" AS\n")[2].rpartition("\nWITH NO SCHEMA BINDING")[0]
    parts = sqlglot.parse_one(select, read="redshift")
    assert isinstance(parts, exp.Union)
    for part, contract in zip((parts.left, parts.right), (TRANSACTIONS, BUDGET), strict=True):
        assert [cast.this.this.name for cast in part.expressions] == list(contract.column_names)
        assert [table.sql() for table in part.find_all(exp.Table)] == [f"finance_lake.{contract.name}"]
        assert part.named_selects == [
            column.replace("_", " ").title().replace(" ", "") for column in contract.column_names
        ]
    personal = [column.name.title().replace("_", "") for column in TRANSACTIONS.columns if column.is_personal]
    assert of_kind("mask attached") == [
        f"ATTACH MASKING POLICY finance_hidden_text ON LedgerLines ({column}) TO ROLE {role} PRIORITY 10"
        for column in personal
        for role in (ANALYST, PARTNER)
    ]


def test_the_external_schema_is_granted_to_no_role():
    (schema,) = of_kind("external schema")
    assert schema == (
        "CREATE EXTERNAL SCHEMA IF NOT EXISTS finance_lake FROM DATA CATALOG DATABASE 'finance_processed' "
        f"IAM_ROLE '{ROLE_ARN}'"
    )
    assert not [line for line in of_kind("grant") if "finance_lake" in line]


def test_without_a_data_catalog_there_are_no_ledger_lines():
    assert not [line for line in flat(Security("warehouse", "finance")) if LINES_VIEW in line or "processed" in line]


def test_the_tables_of_security_match_their_contracts():
    created = {}
    for sql in statements(SqlFile.SECURITY_ACCESS):
        tree = sqlglot.parse_one(sql, read="redshift")
        table = tree.find(exp.Table)
        assert table is not None
        created[table.name] = [(c.name, c.args["kind"].sql("redshift").lower()) for c in tree.find_all(exp.ColumnDef)]
    assert created == {
        contract.table: [(column.sql_name, column.type) for column in contract.columns] for contract in SECURITY
    }


@pytest.mark.parametrize(
    "invalid",
    [
        Security("warehouse", "finance; DROP TABLE x"),
        Security("Warehouse", "finance"),
        Security("warehouse", "finance", ROLE_ARN, "a'b"),
        Security("warehouse", "finance", "not an ARN", "processed"),
    ],
)
def test_an_invalid_name_is_rejected(invalid: Security):
    with pytest.raises(SettingsError, match="cannot be used in a statement that grants something"):
        invalid.statements()


def test_existing_objects_stay_and_policies_are_altered():
    kinds = ("role", "row policy", "row policy attached", "row security on", "mask", "mask attached")
    empty = ExistingSecurity({kind: frozenset() for kind in kinds})
    assert [empty.pending_sql(statement) for statement in WHOLE.statements()] == [
        statement.sql for statement in WHOLE.statements()
    ]
    names: dict[str, tuple[str, ...]] = {
        "row policy": ("policy",),
        "mask": ("policy",),
        "role": ("role",),
        "row security on": ("table",),
    }
    names |= {
        "row policy attached": ("policy", "table", "role"),
        "mask attached": ("policy", "table", "column", "role"),
    }
    full = ExistingSecurity(
        {
            kind: frozenset(
                tuple(statement.name_of(p) for p in parts) for statement in WHOLE.statements() if statement.kind == kind
            )
            for kind, parts in names.items()
        }
    )
    pending = [" ".join(sql.split()) for statement in WHOLE.statements() if (sql := full.pending_sql(statement))]
    assert not [line for line in pending if line.startswith(("CREATE ROLE", "ATTACH", "ALTER TABLE"))]
    assert "ALTER RLS POLICY finance_every_row USING (TRUE)" in pending
    assert "ALTER MASKING POLICY finance_hidden_text USING (CAST('***' AS VARCHAR(65535)))" in pending


def test_a_part_that_a_statement_lacks_is_a_key_error():
    with pytest.raises(KeyError):
        SecurityStatement("CREATE ROLE finance_loader").name_of("table")


def test_the_command_is_rejected_on_the_local_profile(tmp_path: Path):
    result = CliRunner().invoke(main, ["secure", "--home", str(tmp_path)])
    assert result.exit_code == 2
    assert "set FINANCE_PLATFORM_PROFILE=aws" in result.output
