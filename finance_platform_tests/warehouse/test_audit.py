"""Write, audit, publish: what the audit refuses, or a fault interrupts, leaves no trace.

Belongs here: the load transaction with the real checks as its audit, and a fault before each of its statements.
Does not belong here: what a check finds (see `test_invariants` and the tests of quality), what a movement is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.star import DIM_ACCOUNT
from finance_platform.errors import LoadError, TransientWarehouseError
from finance_platform.quality.checks import BASELINE_ONCE, LAKE_EQUALS_WAREHOUSE, VARIANCE_IDENTITY
from finance_platform.quality.warehouse import Audit
from finance_platform.slices.commits import ScenarioSum, SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import AuditFailedError, publish
from finance_platform.warehouse.load_request import LoadResult, SliceToLoad
from finance_platform.warehouse.port import Queryable
from finance_platform_tests.warehouse.star_files import (
    ACTUAL,
    LOADED_AT,
    RENT,
    SALES,
    Fact,
    StarFiles,
    accounts,
    february,
    january,
    removed,
)
from finance_platform_tests.warehouse.test_load import Counting, FaultError

TABLES = ("DimDate", "DimDepartment", "DimAccount", "DimScenario", "FactFinancials", "LoadLedger", "Movements")


def load_into(warehouse: Any, *slices: SliceToLoad, **options: Any) -> LoadResult:
    return publish(warehouse, slices, run_id="run-2", loaded_at=LOADED_AT, closed_periods=["2025-01"], **options)


def contents(warehouse: DuckDBWarehouse) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(warehouse.query(f"SELECT * FROM {table}").rows, key=str) for table in TABLES}


def files_beside(path: Path) -> list[str]:
    return sorted(item.name for item in path.parent.iterdir())


def lake_with(*slices: SliceToLoad) -> Snapshot:
    """What the lake would say of these slices of the fact table."""
    built = {
        wanted.name: SliceCommit(
            *wanted.name,
            wanted.version or "",
            wanted.row_count,
            (),
            tuple(
                ScenarioSum(one.scenario_key, "", one.row_count, one.row_count, one.amount, one.budget_amount)
                for one in wanted.sums
            ),
        )
        for wanted in slices
    }
    nothing: Any = None  # an audit looks at what is built and at nothing else
    return Snapshot(**{**dict.fromkeys(Snapshot.__dataclass_fields__, nothing), "built": built})


def restated(lake: StarFiles) -> list[SliceToLoad]:
    """A load of everything: dimensions with an account of another type, one period changed, one taken out, one new."""
    rows = [{**row, "account_type": "Asset"} if row["account_key"] == RENT else row for row in accounts()]
    return [
        *(one for one in lake.dimensions("d2") if one.contract_name != DIM_ACCOUNT.name),
        lake.dimension(DIM_ACCOUNT, rows, "d2"),
        lake.facts("2025-01", "j2", january()[1:]),
        removed("2025-02"),
        lake.facts("2025-03", "m1", [Fact("2025-03-01", SALES, RENT, ACTUAL, "3.00")]),
    ]


# What the audit refuses


def test_what_the_audit_takes_is_published_and_was_looked_at_before_anybody_else_could_see_it(
    loaded: DuckDBWarehouse,
) -> None:
    seen: list[tuple[int, int]] = []

    def audit(inside: Queryable) -> bool:
        count = "SELECT COUNT(*) FROM FactFinancials"
        seen.append((inside.query(count).rows[0][0], loaded.query(count).rows[0][0]))
        return True

    load_into(loaded, removed("2025-01"), audit=audit)

    assert seen == [(2, 12)]
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(2,)]


def test_an_audit_sees_the_ledger_and_the_movements_of_its_load(loaded: DuckDBWarehouse) -> None:
    seen: list[int] = []

    def audit(inside: Queryable) -> bool:
        tables = ("LoadLedger", "Movements")
        seen.extend(inside.query(f"SELECT COUNT(*) FROM {t} WHERE LoadNumber = 2").rows[0][0] for t in tables)
        return True

    load_into(loaded, removed("2025-02"), audit=audit)

    assert seen == [1, 2]


def test_what_the_audit_refuses_leaves_the_file_as_it_was(loaded: DuckDBWarehouse, lake: StarFiles, path: Path) -> None:
    before = path.read_bytes()

    with pytest.raises(AuditFailedError, match="what was published before stays") as caught:
        load_into(loaded, *restated(lake), audit=lambda _: False)

    assert isinstance(caught.value, LoadError)
    assert caught.value.fix
    assert path.read_bytes() == before
    assert files_beside(path) == ["warehouse.duckdb"]


def test_nothing_to_load_is_not_audited(loaded: DuckDBWarehouse, lake: StarFiles) -> None:
    def audit(_: Queryable) -> bool:
        raise AssertionError

    assert load_into(loaded, *lake.dimensions(), audit=audit).load_number is None


def test_a_transaction_that_is_tried_again_is_audited_again(loaded: DuckDBWarehouse, lake: StarFiles) -> None:
    audited: list[int] = []

    def audit(inside: Queryable) -> bool:
        audited.append(inside.query("SELECT COUNT(*) FROM FactFinancials").rows[0][0])
        if len(audited) == 1:
            raise TransientWarehouseError("serializable isolation violation")
        return True

    result = load_into(loaded, *restated(lake), audit=audit)

    assert audited == [10, 10]
    assert result.load_number == 2


BROKEN = [
    (VARIANCE_IDENTITY, [Fact("2025-02-10", SALES, RENT, ACTUAL, "10.00", "0.00", "9.99")]),
    (BASELINE_ONCE, [Fact("2025-02-10", SALES, RENT, ACTUAL, "10.00", "4.00")]),
]


@pytest.mark.parametrize(("check", "facts"), BROKEN, ids=[check.name for check, _ in BROKEN])
def test_a_load_that_would_break_a_blocking_check_is_refused_with_the_rows_that_break_it(
    loaded: DuckDBWarehouse, lake: StarFiles, path: Path, check: Any, facts: Sequence[Fact]
) -> None:
    before = path.read_bytes()
    broken = lake.facts("2025-02", "f2", facts)
    audit = Audit(lake_with(lake.facts("2025-01", "j1", january()), broken))

    with pytest.raises(AuditFailedError):
        load_into(loaded, broken, audit=audit)

    assert path.read_bytes() == before
    failed = [outcome for outcome in audit.outcomes or [] if outcome.check.is_blocking and not outcome.passed]
    assert [outcome.check for outcome in failed] == [check]
    assert failed[0].evidence
    assert failed[0].summary.endswith("the load was rolled back, what was published before stays")


def test_a_load_that_would_publish_other_cents_than_the_lake_has_is_refused(
    loaded: DuckDBWarehouse, lake: StarFiles
) -> None:
    other = lake.facts("2025-01", "j1", [*january()[1:], january()[0]._replace(amount="0.01")])
    audit = Audit(lake_with(other, lake.facts("2025-02", "f2", february()[:1])))

    with pytest.raises(AuditFailedError):
        load_into(loaded, lake.facts("2025-02", "f2", february()[:1]), audit=audit)

    assert [one.check for one in audit.outcomes or [] if one.check.is_blocking and not one.passed] == [
        LAKE_EQUALS_WAREHOUSE
    ]


def test_a_warning_refuses_nothing(loaded: DuckDBWarehouse, lake: StarFiles) -> None:
    less = lake.facts("2025-02", "f2", february()[:1])
    audit = Audit(lake_with(lake.facts("2025-01", "j1", january()), less))

    load_into(loaded, less, audit=audit)

    # The inferred department is told of; the outcomes of a load that is published say nothing of a rollback.
    assert [one.check.name for one in audit.outcomes or [] if not one.passed] == ["members_are_described"]
    assert not any("rolled back" in one.summary for one in audit.outcomes or [])


# What a fault interrupts


@dataclass(frozen=True)
class Undisturbed:
    """A load of everything without a fault: how often it speaks to its connection, and what then stands there."""

    calls: int
    contents: dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The load that the others are compared with."""
    folder = tmp_path_factory.mktemp("undisturbed")
    lake, warehouse = StarFiles(folder / "processed"), DuckDBWarehouse(folder / "warehouse.duckdb")
    first = [
        *lake.dimensions(),
        lake.facts("2025-01", "j1", january(), files=2),
        lake.facts("2025-02", "f1", february()),
    ]
    publish(warehouse, first, run_id="run-1", loaded_at=LOADED_AT)
    counting = Counting(warehouse)
    load_into(counting, *restated(lake), audit=asking)
    return Undisturbed(len(counting.calls), contents(warehouse))


def asking(inside: Queryable) -> bool:
    """An audit of one question, so that a fault can come before it."""
    return bool(inside.query("SELECT COUNT(*) FROM FactFinancials").rows)


STATEMENTS = 40
"""A test for each, so that a failure names the statement; the number is held against a load's own."""


def test_every_statement_of_a_load_has_its_fault(undisturbed: Undisturbed) -> None:
    assert undisturbed.calls == STATEMENTS
    assert all(undisturbed.contents.values())
    kinds = {(row[1], row[13]) for row in undisturbed.contents["Movements"]}
    assert kinds == {(kind, is_closed) for kind in ("movement", "reclassification") for is_closed in (True, False)}


@pytest.mark.parametrize("statement", range(STATEMENTS))
def test_a_fault_before_any_statement_leaves_no_trace_and_the_next_run_ends_where_an_undisturbed_one_does(
    loaded: DuckDBWarehouse, lake: StarFiles, path: Path, undisturbed: Undisturbed, statement: int
) -> None:
    before = path.read_bytes()
    wanted = restated(lake)

    with pytest.raises(FaultError):
        load_into(Counting(loaded, fail_at=statement), *wanted, audit=asking)

    assert path.read_bytes() == before
    assert files_beside(path) == ["warehouse.duckdb"]
    load_into(loaded, *wanted)
    assert contents(loaded) == undisturbed.contents
