"""Redshift's adapter on the fake of Redshift: exact statements, errors by class, and loads that break off anywhere.

Belongs here: Redshift's implementation of `port`, over its wire.
Does not belong here: the behaviour of every warehouse (see the tests of the warehouse), credentials (see
`test_redshift_credentials`), files before COPY (see `test_redshift_parquet_check`).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from redshift_connector.error import ProgrammingError as DriverError

from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT, DIM_SCENARIO
from finance_platform.errors import (
    LoadError,
    QueryError,
    TransientError,
    TransientWarehouseError,
    WarehouseUnreachableError,
)
from finance_platform.warehouse import load, statements
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.load_request import LoadRequest, LoadResult, SliceToLoad
from finance_platform.warehouse.migration import ExistingSchema
from finance_platform.warehouse.port import NoWarehouseYetError, QueryTimeoutError
from finance_platform.warehouse.redshift import copy, load_connection, migration
from finance_platform.warehouse.redshift.errors import driver_errors
from finance_platform.warehouse.redshift.existing_schema import read_existing_schema
from finance_platform.warehouse.redshift.session import RedshiftSession
from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse
from finance_platform_tests.aws.redshift_copy import COPY_ROLE
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.warehouse.engines import RedshiftEngine, contents, redshift_engine
from finance_platform_tests.warehouse.star_files import (
    LOADED_AT,
    RENT,
    StarFiles,
    accounts,
    departments,
    february,
    january,
    removed,
    scenarios,
)

FACT = "fact_financials"
SESSION = (
    "SET statement_timeout TO 1800000",
    "SET query_group TO 'finance''s'",
    "SET search_path TO finance",
    "SET timezone TO 'UTC'",
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedshiftEngine]:
    with redshift_engine(tmp_path_factory) as engine:
        yield engine


@pytest.fixture(autouse=True)
def _without_faults(engine: RedshiftEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(load, "PAUSES_SECONDS", (0.0, 0.0))
    engine.server.faults.clear()
    yield
    engine.server.faults.clear()
    engine.clean_up()


@pytest.fixture
def star_files(engine: RedshiftEngine, tmp_path: Path) -> StarFiles:
    return engine.star_files(tmp_path)


@pytest.fixture
def loaded(engine: RedshiftEngine, tmp_path: Path) -> RedshiftWarehouse:
    warehouse = engine.loaded(tmp_path)
    assert isinstance(warehouse, RedshiftWarehouse)
    warehouse.prepare()
    engine.server.faults.clear()
    return warehouse


def statements_run(engine: RedshiftEngine) -> list[str]:
    """The statements so far, each on one line, with the driver's numbers for bound values."""
    return [" ".join(sql.split()) for sql in engine.server.faults.statements]


def load_into(warehouse: RedshiftWarehouse, *slices: SliceToLoad) -> LoadResult:
    return load.publish(warehouse, LoadRequest(slices, run_id="run-2", loaded_at=LOADED_AT, closed_periods=["2025-01"]))


def changes(star_files: StarFiles) -> list[SliceToLoad]:
    """A restated month, a removed one, a new one, and a reclassified account."""
    reclassified = [{**row, "category": "Premises"} if row["account_key"] == RENT else row for row in accounts()]
    return [
        star_files.dimension(DIM_ACCOUNT, reclassified, "d2"),
        star_files.facts("2025-01", "j2", january()[:-1]),
        removed("2025-02"),
        star_files.facts("2025-03", "m1", [january()[0]._replace(day="2025-03-01")]),
    ]


def test_a_session_begins_with_its_settings_and_a_query_is_read_only(
    engine: RedshiftEngine, loaded: RedshiftWarehouse
) -> None:
    warehouse = engine.warehouse(loaded.database, query_group="finance's")
    warehouse.prepare()
    engine.server.faults.clear()

    warehouse.query("SELECT COUNT(*) FROM DimDate WHERE Year = :year", {"year": 2025})

    assert statements_run(engine) == [*SESSION, "BEGIN READ ONLY", "SELECT COUNT(*) FROM DimDate WHERE Year = $1"]


def test_a_current_warehouse_is_prepared_by_one_query(engine: RedshiftEngine, loaded: RedshiftWarehouse) -> None:
    loaded.prepare()

    version_query = "SELECT Version, Fingerprint FROM SchemaVersion ORDER BY Version DESC LIMIT 1;"
    assert [sql.split("; ")[-1][-len(version_query) :] for sql in statements_run(engine)][3:] == [version_query]


def test_a_load_locks_first_copies_by_manifest_and_commits_last(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, star_files: StarFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests: list[bytes] = []
    write = engine.zone.write

    def capture(key: str, data: bytes) -> None:
        if key.startswith("manifests/"):
            manifests.append(data)
        write(key, data)

    target = star_files.facts("2025-02", "f2", february(), files=2)
    monkeypatch.setattr(type(engine.zone), "write", lambda _, key, data: capture(key, data))
    load_into(loaded, target)

    sqls = statements_run(engine)[3:]
    assert sqls[:2] == ["BEGIN", "LOCK LoadLedger"]
    assert sqls[-1] == "COMMIT"
    (copy_sql,) = [sql for sql in sqls if sql.startswith("COPY")]
    assert re.fullmatch(
        rf"COPY StageFactFinancials FROM '{engine.zone.root}/manifests/stagefactfinancials-[0-9a-f]{{16}}\.json' "
        rf"IAM_ROLE '{COPY_ROLE}' FORMAT AS PARQUET MANIFEST",
        copy_sql,
    )
    (manifest,) = manifests
    assert json.loads(manifest) == {
        "entries": [
            {
                "url": file,
                "mandatory": True,
                "meta": {"content_length": len(engine.zone.read(file.removeprefix(engine.zone.uri(""))))},
            }
            for file in target.files
        ]
    }
    assert not [sql for sql in sqls if sql.startswith(("TRUNCATE", "ALTER"))]


def test_no_manifest_is_left_if_a_load_succeeds_or_fails(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, star_files: StarFiles
) -> None:
    load_into(loaded, star_files.facts("2025-02", "f2", february()))
    engine.server.faults.fail("42501", "permission denied for relation factfinancials", at="DELETE")
    with pytest.raises(LoadError, match="permission denied"):
        load_into(loaded, star_files.facts("2025-02", "f3", february()))

    assert list(engine.zone.list_objects("manifests")) == []


def test_a_schema_without_tables_is_no_warehouse_yet_and_one_missing_table_is_a_wrong_query(
    engine: RedshiftEngine, loaded: RedshiftWarehouse
) -> None:
    database = engine.server.database()

    with pytest.raises(NoWarehouseYetError, match="finance-platform run"):
        engine.warehouse(database).query("SELECT COUNT(*) FROM DimDate")
    with pytest.raises(QueryError, match=r"NoSuchTable.*does not exist") as caught:
        loaded.query("SELECT 1 FROM NoSuchTable")

    assert not isinstance(caught.value, NoWarehouseYetError)
    engine.server.drop(database)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT Nothing FROM DimDate", "(?i)column .nothing. does not exist"),
        ("SELECT CAST('x' AS INTEGER)", "invalid input syntax"),
        ("SELECT CAST(1 AS INTEGER) / CAST(0 AS INTEGER)", "division by zero"),
        ("SELECT Year FROM DimDate WHERE DateKey = :key AND Year = :year", "no value is bound to :key"),
        ("SELECT Amount / 2 FROM FactFinancials", "a division has another type"),
        ("DELETE FROM FactFinancials", "does not begin with SELECT"),
        ("SELECT SETVAL('x', 1)", "x"),
    ],
)
def test_a_failing_query_raises_the_platform_s_own_error_with_the_reason(
    loaded: RedshiftWarehouse, sql: str, message: str
) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        loaded.query(sql, {"year": 2025} if ":year" in sql else {})

    assert caught.value.fix


def test_select_star_has_the_tables_spelling_and_whole_numbers_are_integers(loaded: RedshiftWarehouse) -> None:
    assert loaded.query("SELECT * FROM DimScenario").columns == [column.sql_name for column in DIM_SCENARIO.columns]
    assert loaded.query("SELECT * FROM ActualVsBudget").columns[-2:] == ["HasBudget", "TransactionCount"]
    (row,) = loaded.query("SELECT SUM(TransactionCount), SUM(Amount) AS total FROM FactFinancials").rows
    assert repr(row) == "(12, Decimal('9133.00'))"


def test_the_warehouse_ends_a_statement_that_takes_too_long(engine: RedshiftEngine) -> None:
    database = engine.server.database()
    hurried = engine.warehouse(database, statement_timeout_seconds=1)

    with pytest.raises(QueryError, match="statement timeout") as caught:
        hurried.query(f"SELECT COUNT(*) {LONG}")

    assert "REDSHIFT_STATEMENT_TIMEOUT_SECONDS" in caught.value.fix
    engine.server.drop(database)


def test_a_person_s_query_is_ended_by_its_own_limit_and_never_lasts_longer_than_the_warehouse_s(
    loaded: RedshiftWarehouse,
) -> None:
    with loaded.stream("SELECT Year FROM DimDate WHERE DateKey = 20250101", timeout_seconds=0) as result:
        assert (result.columns, list(result.rows)) == (["Year"], [(2025,)])
    with (
        pytest.raises(QueryTimeoutError, match="stopped after 1 s") as caught,
        loaded.stream(f"SELECT COUNT(*) {LONG}", timeout_seconds=1),
    ):
        pass

    assert "FINANCE_PLATFORM_QUERY_TIMEOUT_SECONDS" in caught.value.fix


LONG = "FROM pg_class AS a, pg_class AS b, pg_class AS c, pg_class AS d"


BUSY = {
    "serialization": ("40001", "could not serialize access due to concurrent update", ""),
    "Redshift's own 1023": ("XX000", "1023", "Serializable isolation violation on table - 213443"),
    "a table that was replaced": ("XX000", "could not open relation with OID 213443", ""),
    "another transaction": ("XX000", "cannot proceed: concurrent transaction on the table", ""),
    "a deadlock": ("40P01", "deadlock detected", ""),
    "a restart": ("57P01", "terminating connection due to administrator command", ""),
    "Redshift's own 1018": ("XX000", "1018", "Relation does not exist"),
    "the key, if it is throttling": (
        "XX000",
        "S3ServiceException:You have exceeded the rate at which you may call KMS.,Status 400,Error ThrottlingException",
        "",
    ),
    "S3, if it is throttling": ("XX000", "S3ServiceException:Please reduce your request rate.,Status 503", ""),
    "a pause": ("XX000", "The cluster is being paused", ""),
}


EXHAUSTIVE = current_profile().is_exhaustive


@pytest.mark.parametrize("busy", BUSY)
def test_an_error_of_a_busy_warehouse_is_transient_and_names_the_statement(busy: str) -> None:
    state, message, detail = BUSY[busy]
    found = re.escape(f"COPY StageDimDate: {message}")
    with pytest.raises(TransientError, match=found), driver_errors("COPY StageDimDate"):
        raise DriverError({"C": state, "M": message, "D": detail})


@pytest.mark.parametrize(
    ("busy", "at"),
    [
        *((busy, "COPY") for busy in (BUSY if EXHAUSTIVE else ["Redshift's own 1023"])),
        ("a restart", "LOCK"),
        ("a restart", "COMMIT"),
    ],
)
def test_a_transaction_on_a_busy_warehouse_is_retried_on_a_new_connection(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, star_files: StarFiles, busy: str, at: str
) -> None:
    engine.server.faults.fail(*BUSY[busy], at=at)

    result = load_into(loaded, star_files.facts("2025-02", "f2", february()[:1]))

    assert result.load_number == 2
    assert statements_run(engine).count("BEGIN") == 2
    assert statements_run(engine).count("SET timezone TO 'UTC'") == 2
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(11,)]


def test_a_load_fails_on_a_warehouse_that_stays_busy_and_changes_nothing(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, star_files: StarFiles
) -> None:
    before = contents(loaded)
    engine.server.faults.fail(*BUSY["serialization"], at="INSERT INTO FactFinancials", times=3)

    with pytest.raises(TransientWarehouseError, match="could not serialize"):
        load_into(loaded, star_files.facts("2025-02", "f2", february()[:1]))

    assert contents(loaded) == before


def test_a_permanent_error_is_not_retried(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, star_files: StarFiles
) -> None:
    engine.server.faults.fail("42501", "permission denied for relation loadledger", at="LOCK", times=9)

    with pytest.raises(LoadError, match="permission denied") as caught:
        load_into(loaded, star_files.facts("2025-02", "f2", february()))

    assert not isinstance(caught.value, TransientError)
    assert "grant" in caught.value.fix
    assert statements_run(engine).count("BEGIN") == 1


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ("S3ServiceException:Access Denied,Status 403,Error AccessDenied", "read the processed zone"),
        ("S3ServiceException:The provided token has expired.,Status 400,Error ExpiredToken", "run again"),
    ],
)
def test_an_error_of_s3_in_a_copy_is_reported_with_the_fix(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, star_files: StarFiles, message: str, fix: str
) -> None:
    engine.server.faults.fail("XX000", message, at="COPY")

    with pytest.raises(LoadError, match="S3ServiceException") as caught:
        load_into(loaded, star_files.facts("2025-02", "f2", february()))

    assert fix in caught.value.fix


def test_a_load_whose_connection_is_lost_in_a_copy_succeeds_in_the_next_attempt(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, star_files: StarFiles
) -> None:
    target = star_files.facts("2025-02", "f2", february()[:1])
    load_into(loaded, target, removed("2025-01"))
    copy_index = next(nth for nth, sql in enumerate(statements_run(engine)) if sql.startswith("COPY"))
    engine.server.faults.cut(copy_index, after=True)

    result = load_into(loaded, star_files.facts("2025-02", "f3", february()))

    assert result.load_number == 3
    assert statements_run(engine).count("BEGIN") == 2
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(2,)]


def test_a_commit_whose_response_is_lost_is_not_repeated(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, star_files: StarFiles
) -> None:
    load_into(loaded, star_files.facts("2025-02", "f2", february()[:1]))
    commit_index = statements_run(engine).index("COMMIT")
    engine.server.faults.cut(commit_index, after=True)

    result = load_into(loaded, star_files.facts("2025-02", "f3", february()))

    assert (result.load_number, result.loaded) == (None, ())
    assert published_slices(loaded)[FACT, "2025-02"].load_number == 3
    assert loaded.query("SELECT COUNT(*) FROM LoadLedger WHERE LoadNumber = 3").rows == [(1,)]


STEP = 1 if EXHAUSTIVE else 8
"""By default a connection breaks at every eighth statement."""


def test_a_load_that_breaks_off_anywhere_leaves_the_old_state_and_the_next_one_reaches_the_new(
    engine: RedshiftEngine,
    loaded: RedshiftWarehouse,
    star_files: StarFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    targets = changes(star_files)
    complete = engine.loaded(tmp_path)
    complete.prepare()
    engine.server.faults.clear()
    load_into(complete, *targets)  # type: ignore[arg-type]  # it is a RedshiftWarehouse
    count, expected = len(statements_run(engine)), contents(complete)
    monkeypatch.setattr(load, "PAUSES_SECONDS", ())
    before = engine.fingerprint(loaded)

    for statement in range(0, count, STEP):
        engine.server.faults.cut(statement)
        with pytest.raises(WarehouseUnreachableError):
            load_into(loaded, *targets)
        assert engine.fingerprint(loaded) == before, f"changed by a cut before {statements_run(engine)[statement]}"

    assert count > 30
    engine.server.faults.clear()
    load_into(loaded, *targets)
    assert contents(loaded) == expected


def test_a_migration_that_breaks_off_anywhere_is_completed_by_the_next(
    engine: RedshiftEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With three of the comments: they are alike, and breaking off at each of them would take minutes."""
    few = statements.comments()[:3]
    monkeypatch.setattr(statements, "comments", lambda: few)
    database = engine.server.database()
    statement = 0
    while True:
        engine.server.faults.cut(statement)
        try:
            engine.warehouse(database).prepare()
        except WarehouseUnreachableError:
            statement += STEP
        else:
            break

    assert statement > 20
    engine.server.faults.clear()
    assert engine.warehouse(database).pending_statements() == ()
    assert engine.warehouse(database).query("SELECT COUNT(*) FROM SchemaVersion").rows == [(1,)]
    engine.server.drop(database)


def test_two_migrations_at_once_take_turns_and_every_view_is_there_at_the_end(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second begins when the first has decided what to drop; without turns it would end before that is dropped."""
    few, texts = statements.comments()[:3], list(statements.definitions())
    (at,) = [place for place, text in enumerate(texts) if "TABLE IF NOT EXISTS DimDepartment " in text]
    texts[at] = texts[at].replace("BusinessUnit         VARCHAR(256)", "BusinessUnit VARCHAR(300)")
    assert texts != list(statements.definitions())
    monkeypatch.setattr(statements, "comments", lambda: few)
    monkeypatch.setattr(statements, "definitions", lambda: tuple(texts))
    monkeypatch.setattr(statements, "definitions_fingerprint", lambda: "next release")
    second = threading.Thread(target=engine.warehouse(loaded.database).prepare)

    def read_slowly(session: RedshiftSession, schema: str, names: frozenset[str]) -> ExistingSchema:
        existing = read_existing_schema(session, schema, names)
        if threading.current_thread() is not second and second.ident is None:
            second.start()
            second.join(timeout=2)
        return existing

    monkeypatch.setattr(migration, "read_existing_schema", read_slowly)

    engine.warehouse(loaded.database).prepare()
    second.join(timeout=60)

    assert not second.is_alive()
    assert loaded.query("SELECT COUNT(*) FROM ActualVsBudget").rows == [(5,)]
    assert loaded.query("SELECT Version FROM SchemaVersion ORDER BY Version").rows == [(1,), (2,)]
    assert engine.warehouse(loaded.database).pending_statements() == ()


def test_a_migration_writes_the_comments_that_changed_and_those_of_views_that_it_creates_again(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    comments = list(statements.comments())
    (at,) = [place for place, text in enumerate(comments) if text.startswith("COMMENT ON TABLE DimDate IS")]
    comments[at] = "COMMENT ON TABLE DimDate IS 'One day; it''s changed'"
    monkeypatch.setattr(statements, "comments", lambda: tuple(comments))
    monkeypatch.setattr(statements, "definitions_fingerprint", lambda: "next release")
    with loaded._session() as session:
        session.run("DROP VIEW UnspentBudget")
    expected = [comments[at], *(text for text in comments if re.search(r" UnspentBudget[. ]", text))]
    assert len(expected) > 5
    engine.server.faults.clear()
    warehouse = engine.warehouse(loaded.database)

    pending = warehouse.pending_statements()
    warehouse.prepare()

    assert sorted(sql for sql in pending if sql.startswith("COMMENT")) == sorted(expected)
    assert sorted(sql for sql in statements_run(engine) if sql.startswith("COMMENT")) == sorted(expected)
    assert "it's changed" in engine.server.psql("SELECT obj_description('finance.dimdate'::regclass)", loaded.database)


def test_a_paused_warehouse_is_unreachable_and_the_next_run_succeeds(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, star_files: StarFiles
) -> None:
    target = star_files.facts("2025-02", "f2", february()[:1])
    engine.server.pause()
    try:
        with pytest.raises(WarehouseUnreachableError, match="paused, resuming or restarting"):
            load_into(loaded, target)
        with pytest.raises(WarehouseUnreachableError, match="paused, resuming or restarting"):
            loaded.query("SELECT COUNT(*) FROM DimDate")
    finally:
        engine.server.resume()

    assert load_into(loaded, target).load_number == 2


def staged_file(path: Path, star_files: StarFiles, columns: dict[str, list[Any]]) -> str:
    pq.write_table(pa.table(columns), path / "wrong.parquet")
    return star_files.address(path / "wrong.parquet")


def test_a_file_that_does_not_match_is_reported_before_anything_is_copied(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, star_files: StarFiles
) -> None:
    before = contents(loaded)
    engine.server.faults.clear()
    bad = star_files.dimension(DIM_DEPARTMENT, [{**departments()[0], "department_name": "é" * 129}], "d2")

    with pytest.raises(LoadError, match=r"dim_department/\d+\.parquet, column department_name, row 1: 258 bytes"):
        load_into(loaded, bad)

    assert not [sql for sql in statements_run(engine) if sql.startswith("COPY")]
    assert contents(loaded) == before


MISMATCHES: dict[str, tuple[dict[str, list[Any]], str]] = {
    "a long text": (
        {"scenario_key": [1], "scenario_name": ["x" * 129], "scenario_type": ["a"], "is_baseline": [True]},
        r"column scenarioname VARCHAR\(128\): The length of the data column",
    ),
    "a column too few": (
        {"scenario_key": [1], "scenario_name": ["x"], "scenario_type": ["a"]},
        "Unmatched number of columns",
    ),
    "another type": (
        {"scenario_key": [1.5], "scenario_name": ["x"], "scenario_type": ["a"], "is_baseline": [True]},
        r"column scenariokey BIGINT: .*incompatible Parquet schema",
    ),
}


@pytest.mark.parametrize("fault", MISMATCHES)
def test_a_copy_that_redshift_rejects_is_explained_from_its_system_table(
    loaded: RedshiftWarehouse, star_files: StarFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    columns, message = MISMATCHES[fault]
    monkeypatch.setattr(copy, "check_parquet", lambda *_: None)

    with loaded.transaction() as connection:
        connection.execute(statements.create_stage(DIM_SCENARIO))
        with pytest.raises(LoadError, match=rf"(?s)Load into table.*file s3://.*wrong\.parquet.*{message}"):
            connection.copy(
                "StageDimScenario", list(DIM_SCENARIO.column_names), [staged_file(tmp_path, star_files, columns)]
            )
        with pytest.raises(LoadError, match="current transaction is aborted"):
            connection.query("SELECT COUNT(*) FROM StageDimScenario")


def test_a_file_that_is_deleted_between_check_and_copy_is_reported(
    loaded: RedshiftWarehouse, star_files: StarFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = star_files.dimension(DIM_SCENARIO, scenarios(), "d2")

    def check_and_remove(*arguments: Any) -> dict[str, int]:
        sizes = copy.check_files(*arguments)
        star_files.remove(lost.files[0])
        return sizes

    monkeypatch.setattr(load_connection, "check_files", check_and_remove)
    before = contents(loaded)

    with pytest.raises(LoadError, match="Mandatory url is not present"):
        load_into(loaded, lost)

    assert contents(loaded) == before


def test_a_role_that_may_not_read_the_files_is_reported(engine: RedshiftEngine, star_files: StarFiles) -> None:
    database = engine.server.database()
    stranger = engine.warehouse(database, copy_role_arn="arn:aws:iam::123456789012:role/stranger")

    with pytest.raises(LoadError, match="not authorized to assume IAM Role"):
        load_into(stranger, *star_files.dimensions())

    assert published_slices(stranger) == {}
    engine.server.drop(database)


STRICT = {
    "TRUNCATE in a transaction": ("TRUNCATE DimScenario", "TRUNCATE commits"),
    "another type in a transaction": (
        "ALTER TABLE DimScenario ALTER COLUMN ScenarioType TYPE VARCHAR(20)",
        "cannot run inside a transaction block",
    ),
    "a merge with an alias": (
        "MERGE INTO DimScenario AS d USING DimDate ON d.ScenarioKey = DimDate.DateKey WHEN MATCHED THEN DELETE",
        "MERGE takes a table without an alias",
    ),
    "a text as regclass": (
        "SELECT relname FROM pg_class WHERE pg_class.oid = CAST('dimdate' AS regclass)",
        "cannot cast type text to regclass",
    ),
    "more bytes than fit": ("INSERT INTO DimScenario VALUES (1, 'é', 'ééééé', TRUE)", "bytes_of_dimscenario"),
}


@pytest.mark.parametrize("fault", STRICT)
def test_the_fake_is_as_strict_as_redshift(loaded: RedshiftWarehouse, fault: str) -> None:
    sql, message = STRICT[fault]
    with loaded._session() as session:
        session.run("BEGIN")
        with pytest.raises(LoadError, match=message):
            session.run(sql)


def test_a_load_leaves_the_tables_and_views_of_a_newer_release_as_they_are(
    loaded: RedshiftWarehouse, engine: RedshiftEngine, star_files: StarFiles
) -> None:
    newer = "INSERT INTO SchemaVersion VALUES (2, 'of a newer release', 'a new column', '2026-01-01')"
    with loaded._session() as session:
        session.run(newer)
        session.run("ALTER TABLE FactFinancials ADD COLUMN Added VARCHAR(10)")
    engine.server.faults.clear()
    overtaken = engine.warehouse(loaded.database)
    assert isinstance(overtaken, RedshiftWarehouse)

    load_into(overtaken, star_files.facts("2025-02", "f2", february()))

    assert not [sql for sql in statements_run(engine) if sql.startswith(("CREATE OR REPLACE VIEW", "DROP VIEW"))]
    assert overtaken.query("SELECT MAX(Version) AS Version FROM SchemaVersion").rows == [(2,)]
    engine.warehouse(loaded.database, keeps_newer_schema=False).prepare()
    assert overtaken.query("SELECT MAX(Version) AS Version FROM SchemaVersion").rows == [(3,)]


CENTS = Decimal("1234567.89")


@pytest.mark.parametrize(
    "sql", ["SELECT CAST(1.25 AS NUMERIC)", "SELECT 1.25::DECIMAL", "SELECT CAST(1.25 AS DECIMAL)"]
)
def test_the_fake_takes_a_numeric_without_precision_for_a_whole_number(loaded: RedshiftWarehouse, sql: str) -> None:
    with loaded._session() as session:
        assert session.run(sql).rows == [(1,)]


def test_the_fake_takes_a_decimal_that_the_driver_binds_for_a_whole_number(loaded: RedshiftWarehouse) -> None:
    with loaded._session() as session, session._connection.cursor() as cursor:
        cursor.paramstyle = "named"
        cursor.execute("SELECT :amount", {"amount": CENTS})
        assert cursor.fetchall() == ([Decimal(1234568)],)


def test_a_bound_decimal_keeps_its_cents_in_queries_and_in_the_ledger(
    loaded: RedshiftWarehouse, star_files: StarFiles
) -> None:
    sql = "SELECT CAST(:amount AS DECIMAL(18, 2)) AS Amount, CAST(:amount AS DECIMAL(38, 4)) AS Wide"
    assert loaded.query(sql, {"amount": CENTS}).rows == [(CENTS, CENTS)]
    assert loaded.query(sql, {"amount": Decimal("-9999999999999999.99")}).rows[0][0] == Decimal("-9999999999999999.99")

    load_into(
        loaded,
        star_files.facts("2025-02", "f2", [*february(), february()[1]._replace(day="2025-02-28", amount="-0.01")]),
    )

    ledger = loaded.query("SELECT Slice, Amount FROM LoadLedger WHERE TableName = 'FactFinancials' ORDER BY 1, 2").rows
    assert ledger == [
        ("2025-01", Decimal("7782.50")),
        ("2025-02", Decimal("1350.49")),
        ("2025-02", Decimal("1350.50")),
    ]


def test_two_loads_at_once_wait_for_each_other(loaded: RedshiftWarehouse) -> None:
    with loaded.transaction() as first, loaded._session() as second:
        first.lock("LoadLedger")
        second.run("SET statement_timeout TO 300")
        second.run("BEGIN")
        with pytest.raises(LoadError, match="statement timeout"):
            second.run("LOCK LoadLedger")
