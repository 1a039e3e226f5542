"""Merged codes: of two files whose codes have one surrogate key, the second one waits, and every other one counts.

Belongs here: codes of several files, and decisions about these. Does not belong here: codes of one file (see
`unit/feeds/test_member_keys`), the dimensions, whose job refuses what is merged (see `transforms/test_build_star_job`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.processed import ACCOUNTS, MEMBERS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.decisions import accept, reinstate, withdraw
from finance_platform.deliveries.events import Verdict
from finance_platform.errors import DecisionError
from finance_platform.feeds.findings import ReaderFindings
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform_tests.unit.zone import ADA, Line, Zone

FIRST, SECOND = "14901400", "37468311"
"""Two account numbers with one key, found by hashing forty million of them."""


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path / "processed")


def deliver(zone: Zone, key: str, *codes: str, dimension: str = "account", content: str = "v1", **values: Any) -> None:
    """Deliver a line for each code, as a run reads it."""
    delivery = f"{key}@{content}"
    rows = [
        {"delivery_id": delivery, "dimension": dimension, "member_key": surrogate_key(code), "code": code}
        for code in codes
    ]
    members = zone.write(f"members/{delivery}.parquet", arrow_schema(MEMBERS.columns), rows)
    values_of_lines: list[dict[str, Any]] = [{"key": f"{key} {code}", dimension: code} for code in codes]
    sent = [Line(**of_line) for of_line in values_of_lines]
    zone.deliver(key, sent, content, commit_files={"members": (members,)}, **values)


def judge(zone: Zone, key: str) -> Verdict:
    return zone.evaluate()[key]


@pytest.mark.parametrize("dimension", ["account", "department"])
@pytest.mark.parametrize("is_one_run", [False, True])
def test_a_file_with_a_code_that_has_the_key_of_another_files_code_waits_and_the_others_count(
    zone: Zone, dimension: str, *, is_one_run: bool
) -> None:
    deliver(zone, "a.csv", FIRST, dimension=dimension)
    if not is_one_run:
        zone.evaluate()
    deliver(zone, "b.csv", SECOND, "7000", dimension=dimension)
    deliver(zone, "c.csv", "7000", f" {FIRST} ", dimension=dimension)
    verdict = judge(zone, "b.csv")
    assert verdict.reasons == (
        f"the {dimension} codes '{FIRST}' of a.csv and '{SECOND}' of b.csv have one surrogate key",
    )
    assert "`map` in `columns`" in verdict.fix
    assert zone.live == ["a.csv@v1", "c.csv@v1"]
    with pytest.raises(DecisionError, match="cannot be published yet"):
        accept(zone.store, "b.csv", ADA)


def test_the_hold_ends_when_the_other_code_no_longer_counts(zone: Zone) -> None:
    deliver(zone, "a.csv", FIRST)
    deliver(zone, "b.csv", SECOND)
    assert judge(zone, "b.csv").is_held
    assert zone.evaluate() == {}
    deliver(zone, "a.csv", "14901401", content="v2", tolerated_removal=None)
    assert not judge(zone, "b.csv").is_held
    withdraw(zone.store, "b.csv", ADA)
    deliver(zone, "a.csv", FIRST, content="v3", tolerated_removal=None)
    assert not judge(zone, "a.csv").is_held
    with pytest.raises(DecisionError, match=f"'{SECOND}' of b.csv and '{FIRST}' of a.csv have one surrogate key"):
        reinstate(zone.store, "b.csv", ADA)


def test_a_correction_may_replace_a_code_by_one_that_has_its_key(zone: Zone) -> None:
    deliver(zone, "a.csv", FIRST)
    zone.evaluate()
    deliver(zone, "a.csv", SECOND, content="v2")
    assert not judge(zone, "a.csv").is_held


def test_two_spellings_of_one_code_are_one_code(zone: Zone) -> None:
    deliver(zone, "a.csv", "D1")
    deliver(zone, "b.csv", "d1")
    assert zone.evaluate_held() == {}


def test_an_accepted_file_is_compared_with_what_counts_by_then(zone: Zone) -> None:
    deliver(zone, "a.csv", FIRST, commit_findings=ReaderFindings(doubts=("its last line seems to be cut off",)))
    assert judge(zone, "a.csv").kinds == ("doubt",)
    deliver(zone, "b.csv", SECOND)
    assert not judge(zone, "b.csv").is_held
    with pytest.raises(DecisionError, match="have one surrogate key, so their amounts could not be separated"):
        accept(zone.store, "a.csv", ADA)
    withdraw(zone.store, "b.csv", ADA)
    accept(zone.store, "a.csv", ADA)


def test_master_data_that_describes_a_code_with_the_key_of_another_one_waits(zone: Zone) -> None:
    deliver(zone, "a.csv", FIRST)
    row = {"delivery_id": "chart.csv@v1", "account_key": surrogate_key(SECOND), "account_number": SECOND}
    file = zone.write("accounts/chart.parquet", arrow_schema(ACCOUNTS.columns), [row])
    zone.describe_accounts("chart.csv", file, 1, "v1")
    # Master data is judged first, as its types may matter, so the file of lines is the one that waits.
    assert judge(zone, "a.csv").reasons == (
        f"the account codes '{FIRST}' of a.csv and '{SECOND}' of chart.csv have one surrogate key",
    )


def test_two_scenarios_with_one_key_do_not_become_one(zone: Zone) -> None:
    zone.deliver("a.csv", [Line(scenario=FIRST)])
    zone.deliver("b.csv", [Line(scenario=SECOND)])
    assert judge(zone, "b.csv").reasons == (
        f"the scenario codes '{FIRST}' of a.csv and '{SECOND}' of b.csv have one surrogate key",
    )


def test_master_data_that_describes_two_codes_with_one_key_waits(zone: Zone) -> None:
    rows = [
        {"delivery_id": "chart.csv@v1", "account_key": surrogate_key(code), "account_number": code}
        for code in (FIRST, SECOND)
    ]
    file = zone.write("accounts/chart.parquet", arrow_schema(ACCOUNTS.columns), rows)
    zone.describe_accounts("chart.csv", file, 2, "v1")
    deliver(zone, "a.csv", FIRST)
    verdicts = zone.evaluate()
    assert {key: verdict.is_held for key, verdict in verdicts.items()} == {"chart.csv": True, "a.csv": False}
