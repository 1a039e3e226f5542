"""`refresh.job_requests`: the deliveries, lines and slices that requests name, and their JSON documents.

Does not belong here: which lines count (see `test_slice_versions`).
"""

from __future__ import annotations

import json
from typing import Any

from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.overlap_documents import Overlap
from finance_platform.deliveries.overlaps import NO_OVERLAPS, Overlaps
from finance_platform.deliveries.state import DeliveryState
from finance_platform.refresh.steps.job_requests import build_request, standardise_request
from finance_platform.settings import StarSettings
from finance_platform.slices.versions import StarInputs, target_slices
from finance_platform.spark_jobs.requests import BuildRequest, StandardiseRequest
from finance_platform_tests.unit.factories import feed, in_period, live_in, state_of

Pair = tuple[DeliveryDiscovered, DeliveryCommit]
STAR = StarSettings("Budget", None, 1, holds_closed_periods=False)
JANUARY, FEBRUARY, MARCH = "2025-01", "2025-02", "2025-03"
SCOPED: dict[str, Any] = {"load_mode": "replace_period", "is_scoped": True}


def ledger(*periods: str, key: str, day: int = 1, **values: Any) -> Pair:
    pair: Pair = live_in(
        *(in_period(period) for period in periods), key=key, modified_at=f"2025-06-{day:02d}", **values
    )
    return pair


def plan(*periods: str, key: str, scenario: str = "Budget", day: int = 1) -> Pair:
    counts = (in_period(period, scenario) for period in periods)
    pair: Pair = live_in(*counts, key=key, feed="budget", load_mode="replace_period", modified_at=f"2025-06-{day:02d}")
    return pair


def upsert(*periods: str, key: str, day: int = 1) -> Pair:
    return ledger(*periods, key=key, load_mode="upsert", day=day)


def request_for(state: DeliveryState, *periods: str, overlaps: Overlaps = NO_OVERLAPS) -> BuildRequest:
    slices = [target for target in target_slices(state, overlaps, StarInputs(STAR, "code")) if target.slice in periods]
    return build_request(state, overlaps, slices, STAR)


def counted(request: BuildRequest) -> dict[tuple[str, str], list[str]]:
    """Return the deliveries whose lines count, by period and scenario."""
    return {
        (lines.period, lines.scenario): [request.deliveries[place] for place in lines.deliveries]
        for lines in request.counted
    }


def through_json(document: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(document)))


# To read


def test_a_request_to_read_names_each_pending_delivery_and_the_feeds_that_it_needs() -> None:
    event, _ = ledger(JANUARY, key="jan.csv")
    request = standardise_request([event], {"ledger": feed(), "other": feed()})
    assert request.to_json() == {
        "deliveries": [
            {
                "delivery_id": "jan.csv@v1",
                "object_key": "jan.csv",
                "feed": "ledger",
                "kind": "ledger",
                "fingerprint": "v1",
                "size": event.size,
            }
        ],
        "feeds": {"ledger": feed().to_json()},
        "shares_files": True,
    }


def test_a_request_to_read_survives_its_json_document() -> None:
    event, _ = ledger(JANUARY, key="jan.csv")
    request = standardise_request([event], {"ledger": feed()})
    assert StandardiseRequest.from_json(through_json(request.to_json())) == request


# To build


def test_a_request_to_build_counts_the_lines_of_its_periods_only() -> None:
    state = state_of(ledger(JANUARY, FEBRUARY, key="jan.csv"), plan(JANUARY, FEBRUARY, MARCH, key="budget.csv"))
    assert counted(request_for(state, MARCH)) == {(MARCH, "Budget"): ["budget.csv@v1"]}


def test_a_request_to_build_leaves_out_lines_that_replace_period_has_replaced() -> None:
    state = state_of(plan(JANUARY, key="old.csv"), plan(JANUARY, key="new.csv", day=2))
    assert counted(request_for(state, JANUARY)) == {(JANUARY, "Budget"): ["new.csv@v1"]}


def test_a_request_to_build_names_the_later_deliveries_with_the_same_keys_and_the_periods_of_these() -> None:
    state = state_of(upsert(JANUARY, key="a.csv"), upsert(FEBRUARY, key="b.csv", day=2), plan(MARCH, key="budget.csv"))
    moved = Overlaps({("a.csv@v1", "b.csv@v1"): Overlap({("Actual", JANUARY, None): 1}, (FEBRUARY,))})
    january = request_for(state, JANUARY, overlaps=moved)
    assert january.superseded_keys == [("a.csv@v1", "b.csv@v1", [FEBRUARY])]
    assert request_for(state, FEBRUARY, MARCH, overlaps=moved).superseded_keys == []


def test_a_request_to_build_names_the_scopes_that_a_later_delivery_replaces() -> None:
    state = state_of(ledger(JANUARY, key="a.csv", **SCOPED), ledger(JANUARY, key="b.csv", day=2, **SCOPED))
    shared = Overlap({("Actual", JANUARY, "D100"): 1}, (JANUARY,))
    both = Overlaps({("a.csv@v1", "b.csv@v1"): shared, ("b.csv@v1", "a.csv@v1"): shared})
    request = request_for(state, JANUARY, overlaps=both)
    assert request.superseded_scopes == [("a.csv@v1", "Actual", JANUARY, "D100")]
    assert counted(request) == {(JANUARY, "Actual"): ["a.csv@v1", "b.csv@v1"]}


def test_a_request_to_build_has_each_scenario_once_in_one_spelling() -> None:
    state = state_of(
        plan(JANUARY, key="budget.csv", scenario="Budget Q1"), plan(FEBRUARY, key="other.csv", scenario="Budget q1")
    )
    assert request_for(state, JANUARY).scenarios == [("Budget Q1", "Budget")]


def test_a_request_to_build_names_the_lines_of_its_periods_and_the_members_of_all_deliveries() -> None:
    shared = DataFile("transactions/shared.parquet", 10, is_shared=True)
    of_each = {
        name: {
            "transactions": (shared if is_small else DataFile(f"transactions/{name}.parquet", 20),),
            "members": (DataFile(f"members/{name}.parquet", 30),),
            "rejected_rows": (DataFile(f"rejected_rows/{name}.parquet", 40),),
        }
        for name, is_small in (("a", True), ("b", True), ("c", False), ("d", False))
    }
    state = state_of(
        ledger(JANUARY, key="a", commit_files=of_each["a"]),
        ledger(JANUARY, key="b", day=2, commit_files=of_each["b"]),
        ledger(JANUARY, key="c", day=3, commit_files=of_each["c"]),
        ledger(FEBRUARY, key="d", day=4, commit_files=of_each["d"]),
    )
    request = request_for(state, JANUARY)
    assert {source.file.key: list(source.deliveries) for source in request.files} == {
        "transactions/shared.parquet": [0, 1],
        "transactions/c.parquet": [2],
        **{f"members/{name}.parquet": [place] for place, name in enumerate("abcd")},
    }
    assert len(request.deliveries) == 4


def test_a_request_to_build_names_no_file_of_lines_of_another_period() -> None:
    names = [f"transactions/a/then_by={period}/part.parquet" for period in (JANUARY, FEBRUARY)]
    files = {"transactions": [DataFile(name, 1) for name in (*names, "transactions/whole.parquet")]}
    state = state_of(ledger(JANUARY, FEBRUARY, key="a", commit_files=files))
    request = request_for(state, FEBRUARY)
    assert [source.file.key for source in request.files] == [names[1], "transactions/whole.parquet"]


def test_a_request_to_build_survives_its_json_document() -> None:
    state = state_of(
        upsert(JANUARY, key="a.csv"),
        upsert(FEBRUARY, key="b.csv", day=2),
        ledger(JANUARY, key="c.csv", feed="scoped", **SCOPED),
        ledger(JANUARY, key="d.csv", feed="scoped", day=2, **SCOPED),
    )
    overlaps = Overlaps(
        {
            ("a.csv@v1", "b.csv@v1"): Overlap({("Actual", JANUARY, None): 1}, (FEBRUARY,)),
            ("c.csv@v1", "d.csv@v1"): Overlap({("Actual", JANUARY, "D100"): 1}, (JANUARY,)),
        }
    )
    request = request_for(state, JANUARY, FEBRUARY, overlaps=overlaps)
    document = through_json(request.to_json())
    assert request.superseded_keys
    assert request.superseded_scopes
    assert through_json(BuildRequest.from_json(document).to_json()) == document
    assert document.keys() == {
        *("deliveries", "files", "slices", "counted", "hiders", "hidden_scopes", "scenarios", "baseline_scenario"),
        "type_spans",
    }
