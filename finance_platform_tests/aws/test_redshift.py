"""Redshift's adapter against its stand-in: exact statements, errors by class, and loads that break off anywhere.

Belongs here: what `port` promises, kept on Redshift's wire, and what is Redshift's own.
Does not belong here: what every warehouse does (see the tests of the warehouse), who is let in (see
`test_redshift_entering`), files before COPY (see `test_redshift_preflight`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT, DIM_SCENARIO
from finance_platform.errors import (
    LoadError,
    QueryError,
    TransientError,
    TransientWarehouseError,
    WarehouseUnreachableError,
)
from finance_platform.warehouse import load, statements
from finance_platform.warehouse.ledger import published
from finance_platform.warehouse.load_request import LoadResult, SliceToLoad
from finance_platform.warehouse.port import NoWarehouseYetError
from finance_platform.warehouse.redshift import copy
from finance_platform.warehouse.redshift.warehouse import RedshiftWarehouse
from finance_platform_tests.aws.redshift_copying import COPY_ROLE
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
def engine() -> Iterator[RedshiftEngine]:
    with redshift_engine() as found:
        yield found


@pytest.fixture(autouse=True)
def _undisturbed(engine: RedshiftEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(load, "PAUSES_SECONDS", (0.0, 0.0))
    engine.stand_in.faults.clear()
    yield
    engine.stand_in.faults.clear()
    engine.tidy()


@pytest.fixture
def lake(engine: RedshiftEngine, tmp_path: Path) -> StarFiles:
    return engine.lake(tmp_path)


@pytest.fixture
def loaded(engine: RedshiftEngine, tmp_path: Path) -> RedshiftWarehouse:
    warehouse = engine.loaded(tmp_path)
    assert isinstance(warehouse, RedshiftWarehouse)
    warehouse.prepare()
    engine.stand_in.faults.clear()
    return warehouse


def ran(engine: RedshiftEngine) -> list[str]:
    """The statements so far, each on one line, bound values as the driver numbers them."""
    return [" ".join(sql.split()) for sql in engine.stand_in.faults.statements]


def load_into(warehouse: RedshiftWarehouse, *slices: SliceToLoad) -> LoadResult:
    return load.publish(warehouse, slices, run_id="run-2", loaded_at=LOADED_AT, closed_periods=["2025-01"])


def changes(lake: StarFiles) -> list[SliceToLoad]:
    """A restated month, one that goes, one that comes, and an account that becomes something else."""
    reclassified = [{**row, "category": "Premises"} if row["account_key"] == RENT else row for row in accounts()]
    return [
        lake.dimension(DIM_ACCOUNT, reclassified, "d2"),
        lake.facts("2025-01", "j2", january()[:-1]),
        removed("2025-02"),
        lake.facts("2025-03", "m1", [january()[0]._replace(day="2025-03-01")]),
    ]


def test_a_session_begins_with_its_settings_and_a_query_reads_only(engine: RedshiftEngine) -> None:
    database = engine.stand_in.database()
    warehouse = engine.warehouse(database, query_group="finance's")
    warehouse.prepare()
    engine.stand_in.faults.clear()

    warehouse.query("SELECT COUNT(*) FROM DimDate WHERE Year = :year", {"year": 2025})

    assert ran(engine) == [*SESSION, "BEGIN READ ONLY", "SELECT COUNT(*) FROM DimDate WHERE Year = $1"]
    engine.stand_in.drop(database)


def test_a_current_warehouse_is_prepared_by_one_query(engine: RedshiftEngine, loaded: RedshiftWarehouse) -> None:
    loaded.prepare()

    asked = "SELECT Version, Fingerprint FROM SchemaVersion ORDER BY Version DESC LIMIT 1;"
    assert [sql.split("; ")[-1][-len(asked) :] for sql in ran(engine)][3:] == [asked]


def test_a_load_locks_first_copies_by_manifest_and_commits_last(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests: list[bytes] = []
    written = engine.zone.write

    def keep(key: str, data: bytes) -> None:
        if key.startswith("manifests/"):
            manifests.append(data)
        written(key, data)

    wanted = lake.facts("2025-02", "f2", february(), files=2)
    monkeypatch.setattr(type(engine.zone), "write", lambda _, key, data: keep(key, data))
    load_into(loaded, wanted)

    said = ran(engine)[3:]
    assert said[:2] == ["BEGIN", "LOCK LoadLedger"]
    assert said[-1] == "COMMIT"
    (copied,) = [sql for sql in said if sql.startswith("COPY")]
    assert re.fullmatch(
        rf"COPY StageFactFinancials FROM '{engine.zone.root}/manifests/stagefactfinancials-[0-9a-f]{{16}}\.json' "
        rf"IAM_ROLE '{COPY_ROLE}' FORMAT AS PARQUET MANIFEST",
        copied,
    )
    (manifest,) = manifests
    assert json.loads(manifest) == {
        "entries": [
            {
                "url": file,
                "mandatory": True,
                "meta": {"content_length": len(engine.zone.read(file.removeprefix(engine.zone.uri(""))))},
            }
            for file in wanted.files
        ]
    }
    assert not [sql for sql in said if sql.startswith(("TRUNCATE", "ALTER"))]


def test_no_manifest_is_left_whether_a_load_succeeds_or_fails(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles
) -> None:
    load_into(loaded, lake.facts("2025-02", "f2", february()))
    engine.stand_in.faults.answer("42501", "permission denied for relation factfinancials", to="DELETE")
    with pytest.raises(LoadError, match="permission denied"):
        load_into(loaded, lake.facts("2025-02", "f3", february()))

    assert list(engine.zone.list_objects("manifests")) == []


def test_a_schema_without_tables_is_no_warehouse_yet_and_a_missing_table_beside_others_is_a_wrong_query(
    engine: RedshiftEngine, loaded: RedshiftWarehouse
) -> None:
    database = engine.stand_in.database()

    with pytest.raises(NoWarehouseYetError, match="finance-platform run"):
        engine.warehouse(database).query("SELECT COUNT(*) FROM DimDate")
    with pytest.raises(QueryError, match=r"NoSuchTable.*does not exist") as caught:
        loaded.query("SELECT 1 FROM NoSuchTable")

    assert not isinstance(caught.value, NoWarehouseYetError)
    engine.stand_in.drop(database)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT Nothing FROM DimDate", "(?i)column .nothing. does not exist"),
        ("SELECT CAST('x' AS INTEGER)", "invalid input syntax"),
        ("SELECT CAST(1 AS INTEGER) / CAST(0 AS INTEGER)", "division by zero"),
        ("SELECT Year FROM DimDate WHERE DateKey = :key AND Year = :year", "nothing is bound to :key"),
        ("SELECT Amount / 2 FROM FactFinancials", "a division has another type"),
        ("DELETE FROM FactFinancials", "does not begin with SELECT"),
        ("SELECT SETVAL('x', 1)", "x"),
    ],
)
def test_a_query_that_fails_says_why_in_the_platform_s_own_error(
    loaded: RedshiftWarehouse, sql: str, said: str
) -> None:
    with pytest.raises(QueryError, match=said) as caught:
        loaded.query(sql, {"year": 2025} if ":year" in sql else {})

    assert caught.value.fix


def test_a_star_is_named_as_the_tables_spell_it_and_a_whole_number_is_one(loaded: RedshiftWarehouse) -> None:
    assert loaded.query("SELECT * FROM DimScenario").columns == [column.sql_name for column in DIM_SCENARIO.columns]
    assert loaded.query("SELECT * FROM ActualVsBudget").columns[-2:] == ["HasBudget", "TransactionCount"]
    (row,) = loaded.query("SELECT SUM(TransactionCount), SUM(Amount) AS total FROM FactFinancials").rows
    assert repr(row) == "(12, Decimal('9133.00'))"


def test_a_statement_that_takes_too_long_is_ended_by_the_warehouse(engine: RedshiftEngine) -> None:
    database = engine.stand_in.database()
    hurried = engine.warehouse(database, statement_timeout_seconds=1)

    with pytest.raises(QueryError, match="statement timeout") as caught:
        hurried.query("SELECT PG_SLEEP(5)")

    assert "REDSHIFT_STATEMENT_TIMEOUT_SECONDS" in caught.value.fix
    engine.stand_in.drop(database)


BUSY = {
    "serialization": ("40001", "could not serialize access due to concurrent update", ""),
    "Redshift's own 1023": ("XX000", "1023", "Serializable isolation violation on table - 213443"),
    "a table that was replaced": ("XX000", "could not open relation with OID 213443", ""),
    "another transaction": ("XX000", "cannot proceed: concurrent transaction on the table", ""),
    "a deadlock": ("40P01", "deadlock detected", ""),
    "a restart": ("57P01", "terminating connection due to administrator command", ""),
    "S3, when it is asked too much": ("XX000", "S3ServiceException:Please reduce your request rate.,Status 503", ""),
    "a pause": ("XX000", "The cluster is being paused", ""),
}


@pytest.mark.parametrize(
    ("busy", "at"), [*((busy, "COPY") for busy in BUSY), ("a restart", "LOCK"), ("a restart", "COMMIT")]
)
def test_a_busy_warehouse_gets_the_whole_transaction_again_on_a_new_connection(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles, busy: str, at: str
) -> None:
    engine.stand_in.faults.answer(*BUSY[busy], to=at)

    result = load_into(loaded, lake.facts("2025-02", "f2", february()[:1]))

    assert result.load_number == 2
    assert ran(engine).count("BEGIN") == 2
    assert ran(engine).count("SET timezone TO 'UTC'") == 2
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(11,)]


def test_a_warehouse_that_stays_busy_is_given_up_and_keeps_what_it_had(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles
) -> None:
    before = contents(loaded)
    engine.stand_in.faults.answer(*BUSY["serialization"], to="INSERT INTO FactFinancials", times=3)

    with pytest.raises(TransientWarehouseError, match="could not serialize"):
        load_into(loaded, lake.facts("2025-02", "f2", february()[:1]))

    assert contents(loaded) == before


def test_a_refusal_is_not_tried_again(engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles) -> None:
    engine.stand_in.faults.answer("42501", "permission denied for relation loadledger", to="LOCK", times=9)

    with pytest.raises(LoadError, match="permission denied") as caught:
        load_into(loaded, lake.facts("2025-02", "f2", february()))

    assert not isinstance(caught.value, TransientError)
    assert "grant" in caught.value.fix
    assert ran(engine).count("BEGIN") == 1


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ("S3ServiceException:Access Denied,Status 403,Error AccessDenied", "read the processed zone"),
        ("S3ServiceException:The provided token has expired.,Status 400,Error ExpiredToken", "run again"),
    ],
)
def test_what_s3_refuses_to_the_copy_is_told_with_what_to_do(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles, message: str, fix: str
) -> None:
    engine.stand_in.faults.answer("XX000", message, to="COPY")

    with pytest.raises(LoadError, match="S3ServiceException") as caught:
        load_into(loaded, lake.facts("2025-02", "f2", february()))

    assert fix in caught.value.fix


def test_a_line_cut_in_the_middle_of_a_copy_is_healed_by_the_next_attempt(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles
) -> None:
    wanted = lake.facts("2025-02", "f2", february()[:1])
    load_into(loaded, wanted, removed("2025-01"))
    copied = next(nth for nth, sql in enumerate(ran(engine)) if sql.startswith("COPY"))
    engine.stand_in.faults.cut(copied, after=True)

    result = load_into(loaded, lake.facts("2025-02", "f3", february()))

    assert result.load_number == 3
    assert ran(engine).count("BEGIN") == 2
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(2,)]


def test_a_commit_whose_answer_is_lost_is_not_done_twice(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles
) -> None:
    load_into(loaded, lake.facts("2025-02", "f2", february()[:1]))
    committed = ran(engine).index("COMMIT")
    engine.stand_in.faults.cut(committed, after=True)

    result = load_into(loaded, lake.facts("2025-02", "f3", february()))

    assert (result.load_number, result.already_published) == (None, ((FACT, "2025-02"),))
    assert published(loaded)[FACT, "2025-02"].load_number == 3
    assert loaded.query("SELECT COUNT(*) FROM LoadLedger WHERE LoadNumber = 3").rows == [(1,)]


def test_a_load_that_is_cut_anywhere_leaves_the_old_state_and_the_next_one_reaches_the_new(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = changes(lake)
    undisturbed = engine.loaded(tmp_path)
    undisturbed.prepare()
    engine.stand_in.faults.clear()
    load_into(undisturbed, *wanted)  # type: ignore[arg-type]  # it is Redshift's
    count, expected = len(ran(engine)), contents(undisturbed)
    monkeypatch.setattr(load, "PAUSES_SECONDS", ())
    before = engine.fingerprint(loaded)

    for statement in range(count):
        engine.stand_in.faults.cut(statement)
        with pytest.raises(WarehouseUnreachableError):
            load_into(loaded, *wanted)
        assert engine.fingerprint(loaded) == before, f"changed by a cut before {ran(engine)[statement]}"

    assert count > 30
    engine.stand_in.faults.clear()
    load_into(loaded, *wanted)
    assert contents(loaded) == expected


def test_a_migration_that_is_cut_anywhere_is_healed_by_the_next(engine: RedshiftEngine) -> None:
    database = engine.stand_in.database()
    statement = 0
    while True:
        engine.stand_in.faults.cut(statement)
        try:
            engine.warehouse(database).prepare()
        except WarehouseUnreachableError:
            statement += 1
        else:
            break

    assert statement > 20
    engine.stand_in.faults.clear()
    assert engine.warehouse(database).planned() == ()
    assert engine.warehouse(database).query("SELECT COUNT(*) FROM SchemaVersion").rows == [(1,)]
    engine.stand_in.drop(database)


def test_a_paused_warehouse_is_out_of_reach_for_now_and_the_next_run_heals(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles
) -> None:
    wanted = lake.facts("2025-02", "f2", february()[:1])
    engine.stand_in.pause()
    try:
        with pytest.raises(WarehouseUnreachableError, match="paused, resuming or restarting"):
            load_into(loaded, wanted)
        with pytest.raises(WarehouseUnreachableError, match="paused, resuming or restarting"):
            loaded.query("SELECT COUNT(*) FROM DimDate")
    finally:
        engine.stand_in.resume()

    assert load_into(loaded, wanted).load_number == 2


def staged(path: Path, lake: StarFiles, columns: dict[str, list[Any]]) -> str:
    pq.write_table(pa.table(columns), path / "wrong.parquet")
    return lake.address(path / "wrong.parquet")


def test_a_file_that_does_not_fit_is_told_before_anything_is_copied(
    engine: RedshiftEngine, loaded: RedshiftWarehouse, lake: StarFiles
) -> None:
    before = contents(loaded)
    engine.stand_in.faults.clear()
    bad = lake.dimension(DIM_DEPARTMENT, [{**departments()[0], "department_name": "é" * 129}], "d2")

    with pytest.raises(LoadError, match=r"dim_department/\d+\.parquet, column department_name, row 1: 258 bytes"):
        load_into(loaded, bad)

    assert not [sql for sql in ran(engine) if sql.startswith("COPY")]
    assert contents(loaded) == before


UNFIT: dict[str, tuple[dict[str, list[Any]], str]] = {
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


@pytest.mark.parametrize("fault", UNFIT)
def test_a_copy_that_redshift_refuses_is_explained_from_what_it_wrote_down(
    loaded: RedshiftWarehouse, lake: StarFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    columns, said = UNFIT[fault]
    monkeypatch.setattr(copy, "refuse_unfit", lambda *_: None)

    with loaded.transaction() as connection:
        connection.execute(statements.create_stage(DIM_SCENARIO))
        with pytest.raises(LoadError, match=rf"(?s)Load into table.*file s3://.*wrong\.parquet.*{said}"):
            connection.copy("StageDimScenario", list(DIM_SCENARIO.column_names), [staged(tmp_path, lake, columns)])
        with pytest.raises(LoadError, match="current transaction is aborted"):
            connection.query("SELECT COUNT(*) FROM StageDimScenario")


def test_a_file_that_goes_between_the_look_and_the_copy_is_told(
    loaded: RedshiftWarehouse, lake: StarFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = lake.dimension(DIM_SCENARIO, scenarios(), "d2")
    look = copy.checked_sizes

    def look_and_lose(*arguments: Any) -> dict[str, int]:
        sizes = look(*arguments)
        lake.lose(lost.files[0])
        return sizes

    monkeypatch.setattr("finance_platform.warehouse.redshift.warehouse.load_connection.checked_sizes", look_and_lose)
    before = contents(loaded)

    with pytest.raises(LoadError, match="Mandatory url is not present"):
        load_into(loaded, lost)

    assert contents(loaded) == before


def test_a_role_that_may_not_read_the_files_is_told(engine: RedshiftEngine, lake: StarFiles) -> None:
    database = engine.stand_in.database()
    stranger = engine.warehouse(database, copy_role_arn="arn:aws:iam::123456789012:role/stranger")

    with pytest.raises(LoadError, match="not authorized to assume IAM Role"):
        load_into(stranger, *lake.dimensions())

    assert published(stranger) == {}
    engine.stand_in.drop(database)


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
def test_the_stand_in_is_as_strict_as_redshift(loaded: RedshiftWarehouse, fault: str) -> None:
    sql, said = STRICT[fault]
    with loaded._session() as session:
        session.run("BEGIN")
        with pytest.raises(LoadError, match=said):
            session.run(sql)


def test_two_loads_at_once_wait_for_each_other(loaded: RedshiftWarehouse) -> None:
    with loaded.transaction() as first, loaded._session() as second:
        first.lock("LoadLedger")
        second.run("SET statement_timeout TO 300")
        second.run("BEGIN")
        with pytest.raises(LoadError, match="statement timeout"):
            second.run("LOCK LoadLedger")
