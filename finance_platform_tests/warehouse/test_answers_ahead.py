"""What a fork asks the warehouse for its run: no answer of a content that may be another one by now.

Belongs here: `refresh.answers_ahead`. Does not belong here: when answers are used (see `test_kept_readers`), whole runs
(see `end_to_end.test_start_up`).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT
from finance_platform.refresh.answers_ahead import ask_ahead
from finance_platform.refresh.steps.publish import Publication
from finance_platform.reports.period_totals import period_totals
from finance_platform.reports.restatements import read_restatements
from finance_platform.reports.variance import variance_rows
from finance_platform.warehouse.duckdb.kept_readers import keep_answers, kept_readers
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult
from finance_platform.warehouse.statements import first_rows


def published(*, loaded: tuple[str, ...] = (), unchanged: tuple[str, ...] = ()) -> Publication:
    slices = [SimpleNamespace(name=(name, "all")) for name in loaded]
    load = SimpleNamespace(loaded=slices, unchanged=[(name, "all") for name in unchanged])
    return cast("Publication", SimpleNamespace(load=load))


def test_a_run_gets_the_figures_of_its_pages_and_the_first_rows_of_tables_with_a_new_version(
    loaded: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
):
    totals, rows = period_totals(loaded), variance_rows(loaded)
    answers = ask_ahead(loaded, published(loaded=(DIM_ACCOUNT.name,), unchanged=(DIM_DEPARTMENT.name,)))
    assert answers is not None

    def not_open(*_: object) -> None:
        raise AssertionError("the file is opened")

    with kept_readers():
        keep_answers(loaded.path, answers)
        monkeypatch.setattr("finance_platform.warehouse.duckdb.kept_readers.open_reader", not_open)
        assert (period_totals(loaded), variance_rows(loaded)) == (totals, rows)
        assert totals
        assert rows
        assert read_restatements(loaded) == []
        for contract in (DIM_ACCOUNT, DIM_DEPARTMENT):
            assert loaded.query(first_rows(contract)).rows


class ChangedMeanwhile(DuckDBWarehouse):
    """A warehouse that a program writes into while it is asked."""

    changes = 0

    def content_version(self) -> str:
        return f"{super().content_version()} {self.changes}"

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        self.changes += 1
        return super().query(sql, parameters)


class WithoutVersion(DuckDBWarehouse):
    """A warehouse whose content has no version, as Redshift's has none."""

    def content_version(self) -> str:
        return ""


@pytest.mark.parametrize("kind", [ChangedMeanwhile, WithoutVersion])
def test_a_run_asks_a_warehouse_itself_that_may_have_changed(loaded: DuckDBWarehouse, kind: Any):
    assert ask_ahead(kind(loaded.path), published()) is None
