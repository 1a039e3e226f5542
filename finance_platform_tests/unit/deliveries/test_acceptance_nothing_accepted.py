"""Nothing accepted: a delivery of which no row was accepted is held, and accepted only if that removes something."""

from __future__ import annotations

from typing import Any

import pytest

from finance_platform.deliveries.commits import Count
from finance_platform.deliveries.decisions import accept, withdraw
from finance_platform.errors import DecisionError
from finance_platform_tests.unit.zone import ADA, Zone, many

COVERS: dict[str, Any] = {
    "load_mode": "replace_period",
    "commit_covers": ("2025-01",),
    "commit_constant_scenarios": ("Actual",),
}


def without_accepted(zone: Zone, key: str = "a.csv", content: str = "v1", **values: Any) -> None:
    """Deliver a file of which no row is accepted: two are rejected and one is skipped, unless `values` say more."""
    outcomes = {"rejected": Count(2), "skipped": Count(1)}
    usual = {"tolerated_share": "1", "commit_outcomes": outcomes, "commit_read": Count(3)}
    zone.deliver(key, [], content, **{**usual, **values})


def test_a_delivery_without_an_accepted_row_is_held_whatever_its_tolerance(zone: Zone) -> None:
    without_accepted(zone)
    assert zone.evaluate_held() == {"a.csv": ("none of 3 rows was accepted: 2 rejected, 1 skipped",)}
    assert zone.live == []


def test_a_header_without_rows_is_held(zone: Zone) -> None:
    zone.deliver("a.csv", [])
    assert zone.evaluate_held() == {"a.csv": ("the file has no rows",)}


@pytest.mark.parametrize(
    "outcomes",
    [{"skipped": Count(3)}, {"duplicate": Count(1), "rejected": Count(2)}, {"rejected": Count(3)}],
    ids=["all skipped", "duplicate and rejected", "all rejected"],
)
@pytest.mark.parametrize("kind", ["ledger", "departments", "accounts"])
def test_no_outcome_but_accepted_publishes_anything(zone: Zone, kind: str, outcomes: dict[str, Count]) -> None:
    without_accepted(zone, kind=kind, commit_outcomes=outcomes)
    assert zone.evaluate_held().keys() == {"a.csv"}


@pytest.mark.parametrize("kind", ["ledger", "departments", "accounts"])
def test_accept_is_not_offered_if_it_would_publish_nothing(zone: Zone, kind: str) -> None:
    without_accepted(zone, kind=kind)
    fix = zone.evaluate()["a.csv"].fix
    assert fix == "correct the file and send it again; `finance-platform withdraw a.csv --why TEXT` drops it"
    with pytest.raises(DecisionError) as caught:
        accept(zone.store, "a.csv", ADA)
    assert caught.value.found.startswith("a.csv has nothing to publish: none of 3 rows was accepted")
    assert caught.value.fix == fix
    withdraw(zone.store, "a.csv", ADA)
    assert list(zone.state.inactive) == []


def test_accept_is_offered_if_an_earlier_version_would_go(zone: Zone) -> None:
    zone.deliver("a.csv", many(2))
    zone.evaluate()
    zone.deliver("a.csv", [], content="v2", tolerated_removal=None)
    verdict = zone.evaluate()["a.csv"]
    assert verdict.reasons == ("the file has no rows",)
    assert "finance-platform accept a.csv --why TEXT" in verdict.fix
    assert zone.live == ["a.csv@v1"]
    accept(zone.store, "a.csv", ADA)
    assert zone.live == ["a.csv@v2"]


def test_accept_is_not_offered_for_rows_of_another_file(zone: Zone) -> None:
    zone.deliver("a.csv", many(2))
    zone.evaluate()
    zone.deliver("b.csv", [], content="w")
    assert "accept" not in zone.evaluate()["b.csv"].fix


def test_a_delivery_with_one_accepted_row_is_not_held(zone: Zone) -> None:
    one = Count(1, unpriced=1)
    outcomes = {"accepted": one, "rejected": Count(2)}
    without_accepted(zone, kind="accounts", commit_outcomes=outcomes, commit_read=Count(3, unpriced=1))
    assert zone.evaluate_held() == {}


def test_a_file_without_rows_may_declare_that_its_periods_are_empty(zone: Zone) -> None:
    zone.deliver("a_2025-01.csv", [], **COVERS)
    assert zone.evaluate_held() == {}


def test_a_declared_empty_period_is_held_for_what_it_removes_and_can_be_accepted(zone: Zone) -> None:
    zone.deliver("a_2025-01_v1.csv", many(3), **COVERS)
    zone.evaluate()
    zone.deliver("a_2025-01_v2.csv", [], "w", **COVERS)
    (reason,) = zone.evaluate_held()["a_2025-01_v2.csv"]
    assert "3 lines" in reason
    accept(zone.store, "a_2025-01_v2.csv", ADA)
    assert len(zone.live) == 2


def test_a_declared_period_without_lines_counts_where_the_feed_tolerates_every_removal(zone: Zone) -> None:
    zone.deliver("a_2025-01_v1.csv", many(3), **COVERS)
    zone.evaluate()
    zone.deliver("a_2025-01_v2.csv", [], "w", tolerated_removal=None, **COVERS)
    assert zone.evaluate_held() == {}


@pytest.mark.parametrize(
    "values",
    [{"commit_constant_scenarios": ()}, {"is_scoped": True}, {"load_mode": "append"}],
    ids=["no scenario", "no scope value", "nothing declared"],
)
def test_a_file_without_rows_that_replaces_nothing_is_held(zone: Zone, values: dict[str, Any]) -> None:
    zone.deliver("a_2025-01.csv", [], **{**COVERS, **values})
    assert zone.evaluate_held() == {"a_2025-01.csv": ("the file has no rows",)}


def test_rejected_rows_do_not_declare_that_a_period_is_empty(zone: Zone) -> None:
    zone.deliver("a_2025-01_v1.csv", many(3), **COVERS)
    zone.evaluate()
    without_accepted(zone, "a_2025-01_v2.csv", "w", tolerated_removal=None, **COVERS)
    verdict = zone.evaluate()["a_2025-01_v2.csv"]
    assert verdict.reasons == ("none of 3 rows was accepted: 2 rejected, 1 skipped",)
    assert "accept" in verdict.fix, "it would empty the period"
