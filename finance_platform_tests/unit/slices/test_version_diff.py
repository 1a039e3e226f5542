"""`slices.version_diff`: one sentence for each way in which the inputs of a slice may differ.

Does not belong here: which inputs a slice has (see `test_slice_versions`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.slices.version_diff import Names, explain_diff
from finance_platform_tests.unit.factories import commit_of, delivered, in_period

FILES = {"j1": "jan.csv", "j2": "jan.csv", "f1": "feb.csv", "b1": "budget_2024.csv", "a1": "accounts.csv"}


def names_of(**contents: str) -> Names:
    """Return the names of the deliveries of `FILES`, of which some have a content like others."""
    events = (delivered(file, contents.get(name, name), delivery_id=name) for name, file in FILES.items())
    return Names({event.delivery_id: commit_of(event, in_period("2024-01")) for event in events})


def counting(*events: DeliveryDiscovered) -> dict[str, LiveDelivery]:
    """Return deliveries that count, by id."""
    return {one.delivery_id: LiveDelivery(one, commit_of(one), ("", (0, ""), one.object_key)) for one in events}


NAMES = names_of()
PERIOD: dict[str, Any] = {
    "lines": [["j1", "Actual"]],
    "hidden": [],
    "hidden_scopes": [],
    "baseline": "budget",
    "actual_covers": True,
    "code": "c1",
}
MEMBERS: dict[str, Any] = {"members": ["h1"], "reference": ["a1"], "code": "c1"}
SCENARIOS: dict[str, Any] = {"scenarios": [["Actual", "Actual"]], "baseline": "budget", "code": "c1"}
DAYS: dict[str, Any] = {"first_year": 2024, "last_year": 2024, "fiscal_start": 1, "code": "c1"}

CASES: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("nothing", PERIOD, {}, []),
    ("file again", PERIOD, {"lines": [["j2", "Actual"]]}, ["jan.csv: another version"]),
    ("file came", PERIOD, {"lines": [["b1", "Budget"], ["j1", "Actual"]]}, ["budget_2024.csv came"]),
    ("file went", PERIOD, {"lines": []}, ["jan.csv no longer counts"]),
    (
        "one came and one went",
        PERIOD,
        {"lines": [["f1", "Actual"]]},
        ["feb.csv came", "jan.csv no longer counts"],
    ),
    (
        "other scenarios of the same file",
        PERIOD,
        {"lines": [["j1", "Forecast"]]},
        ["jan.csv now counts for Forecast", "jan.csv no longer counts for Actual"],
    ),
    ("file without a name", PERIOD, {"lines": [["j1", "Actual"], ["x9", "Actual"]]}, ["x9 came"]),
    ("lines replaced by key", PERIOD, {"hidden": [["j1", "f1"]]}, ["feb.csv now replaces lines of jan.csv"]),
    (
        "part of a scenario replaced",
        PERIOD,
        {"hidden_scopes": [["j1", "Actual", "D100"], ["j1", "Actual", "D200"]]},
        ["lines of jan.csv for Actual are now replaced by a later file"],
    ),
    ("baseline", PERIOD, {"baseline": "budget q1"}, ["baseline changed from budget to budget q1"]),
    ("covered no more", PERIOD, {"actual_covers": False}, ["Actual no longer covers the period"]),
    ("coverage left open", PERIOD, {"actual_covers": None}, ["the rule for the coverage of Actual changed"]),
    ("debit-positive file", PERIOD, {"account_types": "t1"}, ["account types now decide signs"]),
    ("statistical account", PERIOD, {"statistical_accounts": "s1"}, ["which accounts are statistical changed"]),
    ("code", PERIOD, {"code": "c2"}, ["the platform's code changed"]),
    ("two things", PERIOD, {"code": "c2", "lines": []}, ["jan.csv no longer counts", "the platform's code changed"]),
    ("members", MEMBERS, {"members": ["h1", "h2"]}, ["the members that ledger lines mention changed"]),
    ("reference file went", MEMBERS, {"reference": []}, ["accounts.csv no longer counts"]),
    ("scenario came", SCENARIOS, {"scenarios": [["Actual", "Actual"], ["F1", "Forecast"]]}, ["scenario F1 came"]),
    ("scenario went", SCENARIOS, {"scenarios": []}, ["scenario Actual has no lines any more"]),
    (
        "scenario of another type",
        SCENARIOS,
        {"scenarios": [["Actual", "Budget"]]},
        ["scenario Actual changed from Actual to Budget"],
    ),
    ("first year", DAYS, {"first_year": 2023}, ["the first year changed from 2024 to 2023"]),
    ("last year", DAYS, {"last_year": 2025}, ["the last year changed from 2024 to 2025"]),
    ("fiscal year", DAYS, {"fiscal_start": 7}, ["the fiscal year's first month changed from 1 to 7"]),
]


@pytest.mark.parametrize(
    ("inputs", "changes", "sentences"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_difference_has_a_sentence(inputs: dict[str, Any], changes: dict[str, Any], sentences: list[str]):
    assert explain_diff(inputs, {**inputs, **changes}, NAMES) == sentences


def test_lines_that_are_no_longer_superseded_are_reported():
    superseding = {**PERIOD, "hidden": [["j1", "f1"]], "hidden_scopes": [["j1", "Actual", None]]}
    assert explain_diff(superseding, PERIOD, NAMES) == [
        "feb.csv no longer replaces lines of jan.csv",
        "lines of jan.csv for Actual count again",
    ]


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ({"j1": "same", "j2": "same"}, "jan.csv: read under other rules"),
        ({"j1": "old", "j2": "new"}, "jan.csv: another version"),
    ],
)
def test_a_file_that_another_descriptor_reads_is_no_other_version(contents: dict[str, str], sentence: str):
    new = {**PERIOD, "lines": [["j2", "Actual"]]}
    assert explain_diff(PERIOD, new, names_of(**contents)) == [sentence]


def test_lines_of_the_earlier_version_that_are_booked_later_are_no_reading_of_it():
    """A line that the correction takes back is booked from the earlier version, whose content it keeps."""
    earlier = delivered("jan.csv", "old", delivery_id="k1")
    booking = commit_of(earlier, in_period("2024-02"), booked_from="2024-01")
    new = {**PERIOD, "lines": [["j2", "Actual"], ["k1", "Actual"]], "booked": [["k1", "2024-01"]]}
    names = Names({**names_of(j1="old", j2="new").commits, "k1": booking})
    assert explain_diff(PERIOD, new, names) == [
        "jan.csv: another version",
        "late lines of jan.csv for 2024-01 are booked here",
    ]


@pytest.mark.parametrize(
    ("event", "clause"),
    [
        ({}, "read under other rules"),
        ({"reads_again": "j1"}, "read again by another release"),
        ({"reads_again": "between"}, "read again"),
        (
            {"reads_again": "j1", "rules": "r"},
            "read again, since the platform's code or what it looks up or is spread like has changed",
        ),
    ],
)
def test_a_file_that_is_read_again_under_the_same_rules_says_so(event: dict[str, str], clause: str):
    again = delivered("jan.csv", "same", delivery_id="j2", **event)
    names = Names(names_of(j1="same", j2="same").commits, counting(again))
    assert explain_diff(PERIOD, {**PERIOD, "lines": [["j2", "Actual"]]}, names) == [f"jan.csv: {clause}"]


def read_twice(*hashes: str) -> Names:
    """Return the names of two readings of jan.csv, whose lines have these hashes."""
    events = {name: delivered("jan.csv", delivery_id=name, reads_again="j1") for name in ("j1", "j2")}
    periods = (replace(in_period("2024-01"), content=one) for one in hashes)
    commits = {name: commit_of(events[name], period) for name, period in zip(events, periods, strict=True)}
    return Names({**NAMES.commits, **commits}, counting(*events.values()))


def test_another_reading_of_the_same_lines_is_named_only_if_nothing_else_differs():
    new = {**PERIOD, "lines": [["f1", "Actual"], ["j2", "Actual"]], "hidden": [["f1", "j2"]]}
    old = {**PERIOD, "hidden": [["f1", "j1"]]}
    assert explain_diff(old, new, read_twice("h1", "h1")) == ["feb.csv came"]
    others = ["jan.csv: read again by another release", "feb.csv came"]
    assert explain_diff(old, new, read_twice("h1", "h2")) == others
    assert explain_diff(old, new, read_twice("", "")) == others  # as an earlier release wrote them
    again = {**PERIOD, "lines": [["j2", "Actual"]]}
    assert explain_diff(PERIOD, again, read_twice("h1", "h1")) == ["jan.csv: read again by another release"]
    covered = {**again, "actual_covers": False}
    assert explain_diff(PERIOD, covered, read_twice("h1", "h1")) == ["Actual no longer covers the period"]


def test_another_version_of_a_file_is_superseded_as_before():
    old = {**PERIOD, "lines": [["f1", "Actual"], ["j1", "Actual"]], "hidden": [["j1", "f1"]]}
    new = {**PERIOD, "lines": [["f1", "Actual"], ["j2", "Actual"]], "hidden": [["j2", "f1"]]}
    assert explain_diff(old, new, NAMES) == ["jan.csv: another version"]


def test_lines_that_later_ones_replace_are_no_change_of_the_rule_for_the_coverage():
    replaced = {**PERIOD, "hidden": [["j1", "f1"]], "actual_covers": None}
    assert explain_diff(PERIOD, replaced, NAMES) == ["feb.csv now replaces lines of jan.csv"]
    assert explain_diff(replaced, PERIOD, NAMES) == ["feb.csv no longer replaces lines of jan.csv"]


def test_a_period_that_actual_now_covers_is_reported():
    assert explain_diff({**PERIOD, "actual_covers": False}, PERIOD, NAMES) == ["Actual now covers the period"]


def test_account_types_are_reported_for_periods_with_a_debit_positive_feed():
    typed = {**PERIOD, "account_types": "t1"}
    assert explain_diff(typed, {**PERIOD, "account_types": "t2"}, NAMES) == ["account types changed"]
    assert explain_diff(typed, PERIOD, NAMES) == ["account types no longer decide signs"]


def test_another_order_of_reference_files_is_reported():
    old, new = {**MEMBERS, "reference": ["a1", "b1"]}, {**MEMBERS, "reference": ["b1", "a1"]}
    assert explain_diff(old, new, NAMES) == ["the reference files' order changed"]


def test_a_slice_without_old_inputs_is_explained_by_its_files():
    assert explain_diff({}, PERIOD, NAMES) == ["jan.csv came"]


def test_a_removed_slice_is_explained_by_its_former_files():
    assert explain_diff(PERIOD, None, NAMES) == ["jan.csv no longer counts"]
    assert explain_diff(DAYS, None, NAMES) == ["nothing reaches it any more"]
    assert explain_diff({}, None, NAMES) == ["nothing reaches it any more"]


def test_an_unknown_input_is_reported_by_its_name():
    assert explain_diff({**PERIOD, "time_zone": "a"}, {**PERIOD, "time_zone": "b"}, NAMES) == ["time zone changed"]


def test_an_input_of_only_one_release_is_not_reported_beside_other_differences():
    old = {**PERIOD, "upserts": ["j1"], "code": "c0"}
    assert explain_diff(old, PERIOD, NAMES) == ["the platform's code changed"]
    assert explain_diff({**PERIOD, "upserts": ["j1"]}, PERIOD, NAMES) == ["the inputs are recorded in another form"]


def test_inputs_from_json_equal_inputs_from_memory():
    inputs = {**SCENARIOS, "scenarios": [("Actual", "Actual")]}
    assert explain_diff(json.loads(json.dumps(inputs)), inputs, NAMES) == []
