"""A load that the audit rejects, or a fault interrupts, changes nothing.

Belongs here: the load transaction with the real checks as its audit, and a fault before each of its statements.
Does not belong here: the checks (see `test_quality_queries`, the tests of quality), movements (see `test_movements`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from finance_platform.contracts.star import DIM_ACCOUNT, DIM_SCENARIO
from finance_platform.errors import LoadError, TransientWarehouseError
from finance_platform.quality.checks import BASELINE_ONCE, LAKE_EQUALS_WAREHOUSE, REFERENCES_RESOLVE, VARIANCE_IDENTITY
from finance_platform.quality.invariants import Audit, AuditScope
from finance_platform.quality.published_figures import check_published_figures
from finance_platform.slices.commits import ScenarioSum, SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.duckdb.session import open_reader, run_query
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import AuditFailedError, publish
from finance_platform.warehouse.load_request import LoadRequest, LoadResult, SliceToLoad
from finance_platform.warehouse.port import Queryable
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    FORECAST,
    LOADED_AT,
    RENT,
    SALES,
    TRUCKS,
    Fact,
    StarFiles,
    accounts,
    february,
    january,
    removed,
    scenarios,
)
from finance_platform_tests.warehouse.test_load import Counting, FaultError

TABLES = (
    "DimDate",
    "DimDepartment",
    "DimAccount",
    "DimScenario",
    "FactFinancials",
    "LoadLedger",
    "Movements",
    "PeriodStatus",
    "ScenarioPeriod",
)


def load_into(
    warehouse: Any, *slices: SliceToLoad, audit: Callable[[Queryable], bool] | None = None, **values: Any
) -> LoadResult:
    request = LoadRequest(slices, run_id="run-2", loaded_at=LOADED_AT, closed_periods=["2025-01"], **values)
    return publish(warehouse, request, audit=audit)


def contents(warehouse: DuckDBWarehouse) -> dict[str, list[tuple[Any, ...]]]:
    with open_reader(warehouse.path) as connection:
        return {table: sorted(run_query(connection, f"SELECT * FROM {table}").rows, key=str) for table in TABLES}


def files_beside(path: Path) -> list[str]:
    return sorted(item.name for item in path.parent.iterdir())


def snapshot_with(*slices: SliceToLoad) -> Snapshot:
    """A snapshot in which these slices of the fact table are built."""
    built = {
        target.name: SliceCommit(
            *target.name,
            target.version or "",
            target.row_count,
            (),
            tuple(
                ScenarioSum(part.scenario_key, "", part.row_count, part.row_count, part.amount, part.budget_amount)
                for part in target.sums
            ),
        )
        for target in slices
    }
    nothing: Any = None  # an audit reads only `built`
    return Snapshot(**{**dict.fromkeys(Snapshot.__dataclass_fields__, nothing), "built": built})


def audit_of(snapshot: Snapshot, scope: AuditScope | None = None) -> Audit:
    return Audit(snapshot, actuals_through=None, frozen_periods=(), scope=scope)


def restated(star_files: StarFiles) -> list[SliceToLoad]:
    """A load of everything: dimensions with an account of another type, one period changed, one removed, one new."""
    rows = [{**row, "account_type": "Asset"} if row["account_key"] == RENT else row for row in accounts()]
    return [
        *(target for target in star_files.dimensions("d2") if target.contract_name != DIM_ACCOUNT.name),
        star_files.dimension(DIM_ACCOUNT, rows, "d2"),
        star_files.facts("2025-01", "j2", january()[1:]),
        removed("2025-02"),
        star_files.facts("2025-03", "m1", [Fact("2025-03-01", SALES, RENT, ACTUAL, "3.00")]),
    ]


# Loads that the audit rejects


def test_the_audit_runs_before_other_readers_see_the_load(
    loaded: DuckDBWarehouse,
) -> None:
    counts: list[tuple[int, int]] = []

    def audit(inside: Queryable) -> bool:
        count = "SELECT COUNT(*) FROM FactFinancials"
        counts.append((inside.query(count).rows[0][0], loaded.query(count).rows[0][0]))
        return True

    load_into(loaded, removed("2025-01"), audit=audit)

    assert counts == [(2, 12)]
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(2,)]


def test_an_audit_sees_the_ledger_and_the_movements_of_its_load(loaded: DuckDBWarehouse) -> None:
    counts: list[int] = []

    def audit(inside: Queryable) -> bool:
        tables = ("LoadLedger", "Movements")
        counts.extend(inside.query(f"SELECT COUNT(*) FROM {t} WHERE LoadNumber = 2").rows[0][0] for t in tables)
        return True

    load_into(loaded, removed("2025-02"), audit=audit)

    assert counts == [1, 2]


def test_a_load_that_the_audit_rejects_leaves_the_file_unchanged(
    loaded: DuckDBWarehouse, star_files: StarFiles, path: Path
) -> None:
    before = path.read_bytes()

    with pytest.raises(AuditFailedError, match="the published data is unchanged") as caught:
        load_into(loaded, *restated(star_files), audit=lambda _: False)

    assert isinstance(caught.value, LoadError)
    assert caught.value.fix
    assert path.read_bytes() == before
    assert files_beside(path) == ["warehouse.duckdb"]


def test_an_empty_load_is_not_audited(loaded: DuckDBWarehouse, star_files: StarFiles) -> None:
    def audit(_: Queryable) -> bool:
        raise AssertionError

    assert load_into(loaded, *star_files.dimensions(), audit=audit).load_number is None


def test_a_retried_transaction_is_audited_again(loaded: DuckDBWarehouse, star_files: StarFiles) -> None:
    audited: list[int] = []

    def audit(inside: Queryable) -> bool:
        audited.append(inside.query("SELECT COUNT(*) FROM FactFinancials").rows[0][0])
        if len(audited) == 1:
            raise TransientWarehouseError("serializable isolation violation")
        return True

    result = load_into(loaded, *restated(star_files), audit=audit)

    assert audited == [10, 10]
    assert result.load_number == 2


BROKEN = [
    (VARIANCE_IDENTITY, [Fact("2025-02-10", SALES, RENT, ACTUAL, "10.00", "0.00", "9.99")]),
    (BASELINE_ONCE, [Fact("2025-02-10", SALES, RENT, ACTUAL, "10.00", "4.00")]),
]


@pytest.mark.parametrize(("check", "facts"), BROKEN, ids=[check.name for check, _ in BROKEN])
def test_a_load_that_breaks_a_blocking_check_is_rejected_with_the_rows_that_break_it(
    loaded: DuckDBWarehouse, star_files: StarFiles, path: Path, check: Any, facts: Sequence[Fact]
) -> None:
    before = path.read_bytes()
    broken = star_files.facts("2025-02", "f2", facts)
    audit = audit_of(snapshot_with(star_files.facts("2025-01", "j1", january()), broken))

    with pytest.raises(AuditFailedError):
        load_into(loaded, broken, audit=audit)

    assert path.read_bytes() == before
    failed = [outcome for outcome in audit.outcomes or [] if outcome.check.is_blocking and not outcome.passed]
    assert [outcome.check for outcome in failed] == [check]
    assert failed[0].evidence
    assert failed[0].summary.endswith("the load was rolled back, what was published before stays")


def test_a_load_that_differs_from_the_built_slices_by_a_cent_is_rejected(
    loaded: DuckDBWarehouse, star_files: StarFiles
) -> None:
    other = star_files.facts("2025-01", "j1", [*january()[1:], january()[0]._replace(amount="0.01")])
    audit = audit_of(snapshot_with(other, star_files.facts("2025-02", "f2", february()[:1])))

    with pytest.raises(AuditFailedError):
        load_into(loaded, star_files.facts("2025-02", "f2", february()[:1]), audit=audit)

    failed = [outcome for outcome in audit.outcomes or [] if outcome.check.is_blocking and not outcome.passed]
    assert [outcome.check for outcome in failed] == [LAKE_EQUALS_WAREHOUSE]


def test_a_warning_is_not_looked_for_in_the_transaction_and_does_not_reject_a_load(
    loaded: DuckDBWarehouse, star_files: StarFiles
) -> None:
    less = star_files.facts("2025-02", "f2", february()[:1])
    audit = audit_of(snapshot_with(star_files.facts("2025-01", "j1", january()), less))

    load_into(loaded, less, audit=audit)

    outcomes = audit.outcomes or []
    assert {outcome.check.is_blocking for outcome in outcomes} == {True}
    assert not any("rolled back" in outcome.summary for outcome in outcomes)
    # The inferred department is a warning.
    warnings = [
        outcome.check.name for outcome in check_published_figures(loaded, actuals_through=None) if not outcome.passed
    ]
    assert warnings == ["members_are_described"]


# What the audit of a load reads


def failed(audit: Audit) -> list[Any]:
    return [outcome.check for outcome in audit.outcomes or [] if not outcome.passed]


def tampered(warehouse: DuckDBWarehouse) -> DuckDBWarehouse:
    """The warehouse after somebody changed an amount of January."""
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(f"UPDATE finance.FactFinancials SET Amount = Amount + 1 WHERE AccountKey = {TRUCKS}")
    return warehouse


def test_the_audit_of_a_load_reads_what_it_replaces_and_a_full_one_finds_a_change_of_another_period(
    loaded: DuckDBWarehouse, star_files: StarFiles
) -> None:
    new = star_files.facts("2025-02", "f2", february()[:1])
    after = snapshot_with(star_files.facts("2025-01", "j1", january()), new)
    tampered(loaded)
    scoped = audit_of(after, scope=AuditScope.of([new.name], loaded))
    load_into(loaded, new, audit=scoped)
    assert failed(scoped) == []

    full = audit_of(after)
    assert not full(loaded)
    assert set(failed(full)) == {VARIANCE_IDENTITY, BASELINE_ONCE, LAKE_EQUALS_WAREHOUSE}


@pytest.mark.parametrize("check", [check for check, _ in BROKEN], ids=lambda check: check.name)
def test_the_audit_of_a_load_rejects_what_breaks_a_check_in_a_slice_that_it_replaces(
    loaded: DuckDBWarehouse, star_files: StarFiles, check: Any
) -> None:
    broken = star_files.facts("2025-02", "f2", dict(BROKEN)[check])
    january_slice = star_files.facts("2025-01", "j1", january())
    audit = audit_of(snapshot_with(january_slice, broken), scope=AuditScope.of([broken.name], loaded))

    with pytest.raises(AuditFailedError):
        load_into(loaded, broken, audit=audit)

    assert failed(audit) == [check]


def test_a_slice_that_stays_and_has_another_version_in_the_ledger_rejects_a_load(
    loaded: DuckDBWarehouse, star_files: StarFiles
) -> None:
    new = star_files.facts("2025-02", "f2", february()[:1])
    diverged = snapshot_with(star_files.facts("2025-01", "j0", january()), new)
    audit = audit_of(diverged, scope=AuditScope.of([new.name], loaded))

    with pytest.raises(AuditFailedError):
        load_into(loaded, new, audit=audit)

    (outcome,) = [outcome for outcome in audit.outcomes or [] if not outcome.passed]
    assert outcome.check is LAKE_EQUALS_WAREHOUSE
    assert [row["period"] for row in outcome.evidence] == ["2025-01"]


def test_a_slice_that_the_ledger_does_not_have_rejects_a_load(loaded: DuckDBWarehouse, star_files: StarFiles) -> None:
    new = star_files.facts("2025-02", "f2", february()[:1])
    march = star_files.facts("2025-03", "m1", [Fact("2025-03-01", SALES, RENT, ACTUAL, "3.00")])
    after = snapshot_with(star_files.facts("2025-01", "j1", january()), new, march)

    with pytest.raises(AuditFailedError):
        load_into(loaded, new, audit=audit_of(after, scope=AuditScope.of([new.name], loaded)))


def test_a_member_that_a_dimension_loses_is_looked_for_in_every_slice(
    loaded: DuckDBWarehouse, star_files: StarFiles
) -> None:
    without = star_files.dimension(DIM_ACCOUNT, [row for row in accounts() if row["account_key"] != TRUCKS], "d2")
    new = star_files.facts("2025-02", "f2", february()[:1])
    after = snapshot_with(star_files.facts("2025-01", "j1", january()), new)
    audit = audit_of(after, scope=AuditScope.of([without.name, new.name], loaded))

    with pytest.raises(AuditFailedError):
        load_into(loaded, without, new, audit=audit)

    (outcome,) = [outcome for outcome in audit.outcomes or [] if not outcome.passed]
    assert outcome.check is REFERENCES_RESOLVE
    assert outcome.evidence == [{"ColumnName": "AccountKey", "MissingKey": TRUCKS, "RowCount": 2}]


def test_a_scenario_that_becomes_the_baseline_is_compared_in_every_slice(
    loaded: DuckDBWarehouse, star_files: StarFiles
) -> None:
    rows = [{**row, "is_baseline": row["scenario_key"] == FORECAST} for row in scenarios()]
    changed = star_files.dimension(DIM_SCENARIO, rows, "d2")
    new = star_files.facts("2025-02", "f2", february()[:1])
    after = snapshot_with(star_files.facts("2025-01", "j1", january()), new)
    audit = audit_of(after, scope=AuditScope.of([changed.name, new.name], loaded))

    with pytest.raises(AuditFailedError):
        load_into(loaded, changed, new, audit=audit)

    assert failed(audit) == [BASELINE_ONCE]


def test_a_dimension_whose_keys_collide_rejects_a_load_that_replaces_nothing_else(
    loaded: DuckDBWarehouse, star_files: StarFiles
) -> None:
    rows = [*accounts(), {**accounts()[0], "account_key": 99}]
    repeated = star_files.dimension(DIM_ACCOUNT, rows, "d2")
    months = (star_files.facts("2025-01", "j1", january()), star_files.facts("2025-02", "f1", february()))
    audit = audit_of(snapshot_with(*months), scope=AuditScope.of([repeated.name], loaded))

    with pytest.raises(AuditFailedError):
        load_into(loaded, repeated, audit=audit)

    assert [check.name for check in failed(audit)] == ["keys_collide_nowhere"]


# Loads that a fault interrupts


@dataclass(frozen=True)
class CompleteLoad:
    """A load of everything without a fault: the calls to its connection, and the tables after it."""

    calls: int
    contents: dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def complete_load(tmp_path_factory: pytest.TempPathFactory) -> CompleteLoad:
    """The load that the interrupted ones are compared with."""
    folder = tmp_path_factory.mktemp("complete_load")
    star_files, warehouse = StarFiles(folder / "processed"), DuckDBWarehouse(folder / "warehouse.duckdb")
    first = [
        *star_files.dimensions(),
        star_files.facts("2025-01", "j1", january(), files=2),
        star_files.facts("2025-02", "f1", february()),
    ]
    publish(warehouse, LoadRequest(first, run_id="run-1", loaded_at=LOADED_AT))
    counting = Counting(warehouse)
    load_into(counting, *restated(star_files), audit=one_query_audit)
    return CompleteLoad(len(counting.calls), contents(warehouse))


def one_query_audit(inside: Queryable) -> bool:
    """An audit of one query, so that a fault can come before it."""
    return bool(inside.query("SELECT COUNT(*) FROM FactFinancials").rows)


STATEMENTS = 57
"""One test each, so that a failure names the statement; another test compares the number with a load's."""


def test_every_statement_of_a_load_is_interrupted_once(complete_load: CompleteLoad) -> None:
    assert complete_load.calls == STATEMENTS
    assert all(complete_load.contents.values())
    kinds = {(row[1], row[13]) for row in complete_load.contents["Movements"]}
    assert kinds == {(kind, is_closed) for kind in ("movement", "reclassification") for is_closed in (True, False)}


@pytest.mark.parametrize("statement", range(0, STATEMENTS, 1 if current_profile().is_exhaustive else 20))
def test_a_fault_before_any_statement_changes_nothing_and_the_next_load_gives_the_same_tables(
    loaded: DuckDBWarehouse, star_files: StarFiles, path: Path, complete_load: CompleteLoad, statement: int
) -> None:
    before = path.read_bytes()
    targets = restated(star_files)

    with pytest.raises(FaultError):
        load_into(Counting(loaded, fail_at=statement), *targets, audit=one_query_audit)

    assert path.read_bytes() == before
    assert files_beside(path) == ["warehouse.duckdb"]
    load_into(loaded, *targets)
    assert contents(loaded) == complete_load.contents
