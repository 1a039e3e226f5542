"""New files beside those that count as they were read under another `load`: which of them are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.feeds.findings import ReaderFindings
from finance_platform_tests.unit.deliveries.test_returning_lines import APPEND, FIRST, SCOPED, SECOND, UPSERT, WHOLE
from finance_platform_tests.unit.factories import decision_on
from finance_platform_tests.unit.zone import Line, Zone

LAST = [Line("1", amount="11.00", scope="s", number="N1"), Line("4", amount="7.00", scope="s", number="N4")]
BESIDE = (
    "it replaces no line of b.csv, which counts as it was read before `load` was changed: Actual 2025-01, lines 2, "
    "net 16.00"
)


def numbered(lines: Sequence[Line]) -> list[Line]:
    return [replace(line, number=f"N{line.key}") for line in lines]


def under_another_load(zone: Zone) -> DeliveryDiscovered:
    """A file that counts as it was read under replace_period; its reading under a scope waits for a person."""
    zone.deliver("b.csv", SECOND, "w", **WHOLE)
    assert not zone.evaluate_held()
    doubt = ReaderFindings(doubts=("a doubt",))
    again = zone.deliver("b.csv", SECOND, "w", delivery_id="b.csv@scope", commit_findings=doubt, **SCOPED)
    assert zone.evaluate_held() == {"b.csv": ("a doubt",)}
    return again


def test_a_new_file_does_not_count_beside_a_file_that_is_held_under_another_load(tmp_path: Path):
    """It would replace the 16.00 of b.csv, and 18.00 would count beside them."""
    zone = Zone(tmp_path / "processed")
    under_another_load(zone)
    zone.deliver("c.csv", LAST, "x", **SCOPED)
    verdict = zone.evaluate()["c.csv"]
    assert verdict.reasons == (BESIDE,)
    assert verdict.fix.startswith("decide about these files first")
    assert {one.event.object_key for one in zone.state.live} == {"b.csv"}


@pytest.mark.parametrize("decided", ["accepted", "withdrawn"])
def test_a_new_file_counts_once_the_other_one_is_decided(tmp_path: Path, decided: Literal["accepted", "withdrawn"]):
    """Whether it comes before the decision or after it."""
    zone = Zone(tmp_path / "processed")
    again = under_another_load(zone)
    zone.deliver("c.csv", LAST, "x", **SCOPED)
    assert zone.evaluate_held() == {"c.csv": (BESIDE,)}
    zone.append(decision_on(decided, again))
    zone.deliver("d.csv", [Line("8", amount="1.00", scope="d")], "y", **SCOPED)
    assert zone.evaluate_held() == {}
    assert {one.event.object_key for one in zone.state.live} >= {"c.csv", "d.csv"}


@pytest.mark.parametrize(("before", "after"), [(WHOLE, SCOPED), (SCOPED, WHOLE), (APPEND, WHOLE), (APPEND, SCOPED)])
def test_so_it_is_beside_files_that_are_gone(tmp_path: Path, before: Mapping[str, Any], after: Mapping[str, Any]):
    """Nothing reads them again, so they keep the load under which they were read."""
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", SECOND, "w", **before)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", LAST, "x", **after)
    assert zone.evaluate_held() == {"c.csv": (BESIDE,)}


@pytest.mark.parametrize("before", [WHOLE, APPEND])
def test_lines_with_keys_are_held_beside_a_file_that_has_one_of_their_numbers(
    tmp_path: Path, before: Mapping[str, Any]
):
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", numbered(SECOND), "w", **before)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", [Line("4", number="N4")], "x", **UPSERT)
    zone.deliver("d.csv", [Line("2", number="n2 ", day=3)], "y", **UPSERT)
    assert zone.evaluate_held() == {"d.csv": (BESIDE,)}


def test_lines_without_numbers_are_compared_by_day_department_and_account(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", SECOND, "w", **APPEND)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", [Line("4", day=3), Line("5", department="D2"), Line("6", account="1")], "x", **UPSERT)
    zone.deliver("d.csv", [Line("7")], "y", **UPSERT)
    assert zone.evaluate_held() == {"d.csv": (BESIDE,)}


@pytest.mark.parametrize(("before", "after"), [(APPEND, WHOLE), (WHOLE, SCOPED), (APPEND, UPSERT)])
def test_a_new_file_of_the_run_that_reads_the_others_again_counts(
    tmp_path: Path, before: Mapping[str, Any], after: Mapping[str, Any]
):
    zone = Zone(tmp_path / "processed")
    event = zone.deliver("b.csv", numbered(SECOND), "w", **before)
    assert not zone.evaluate_held()
    zone.append(replace(event, **{"is_scoped": False, **after}))
    zone.deliver("c.csv", [*LAST, Line("2", amount="6.00", scope="s", number="N2")], "x", **after)
    assert zone.evaluate_held() == {}


def test_a_new_file_counts_although_the_others_are_judged_after_it(tmp_path: Path):
    """Where names give the order, the new one may be the first, and another one of its period is read again."""
    zone = Zone(tmp_path / "processed")
    event = zone.deliver("b.csv", SECOND, "w", order="b", **APPEND)
    assert not zone.evaluate_held()
    zone.append(replace(event, is_scoped=False, **WHOLE))
    zone.deliver("a.csv", LAST, "x", order="a", **WHOLE)
    assert zone.evaluate_held() == {}
    assert not zone.state.inactive


@pytest.mark.parametrize(
    ("before", "after", "last"),
    [
        (WHOLE, APPEND, [Line("9", amount="3.00")]),
        (APPEND, WHOLE, [Line("9", period="2025-02")]),
        (APPEND, WHOLE, [Line("9", scenario="Budget")]),
        (WHOLE, WHOLE, LAST),
        (UPSERT, UPSERT, numbered(FIRST)),
    ],
)
def test_other_periods_and_files_of_one_load_are_no_reason(
    tmp_path: Path, before: Mapping[str, Any], after: Mapping[str, Any], last: list[Line]
):
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", numbered(SECOND), "w", **before)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", last, "x", **after)
    assert zone.evaluate_held() == {}


BY_NUMBER: dict[str, Any] = UPSERT | {"keyed_by": "transaction_id"}
BY_BOTH: dict[str, Any] = UPSERT | {"keyed_by": "account transaction_id"}
BY_DEPARTMENT: dict[str, Any] = SCOPED | {"keyed_by": "department"}
BY_ACCOUNT: dict[str, Any] = SCOPED | {"keyed_by": "department account"}
BY_UNIT: dict[str, Any] = SCOPED | {"keyed_by": "business_unit account"}


def keyed(*sent: tuple[str, str, str], period: str = "2025-01", by: str = "N") -> list[Line]:
    """Return lines of number, account and amount, with the key or scope of one of these rules."""
    keys = {"N": "{number}", "AN": "{account} {number}", "D": "D1", "DA": "D1 {account}"}
    lines = []
    for number, account, amount in sent:
        text = keys[by].format(number=number, account=account)
        key, scope = (text, None) if "N" in by else (None, text)
        lines.append(Line(key, period, scope=scope, number=number, account=account, amount=amount))
    return lines


def beside(lines: int, net: str, period: str = "2025-01") -> str:
    return BESIDE.replace("2025-01, lines 2, net 16.00", f"{period}, lines {lines}, net {net}")


@pytest.mark.parametrize("earlier", [BY_NUMBER, UPSERT])
@pytest.mark.parametrize(
    ("sent", "reasons"),
    [
        ([("N1", "4000", "12.00")], (beside(1, "10.00"),)),
        ([("N1", "4000", "12.00"), ("N2", "4000", "6.00")], (beside(2, "15.00"),)),
        ([("N1", "5000", "12.00"), ("N3", "4000", "7.00")], None),
    ],
)
def test_a_new_file_waits_beside_lines_that_it_would_replace_under_its_key(
    tmp_path: Path,
    earlier: Mapping[str, Any],
    sent: Sequence[tuple[str, str, str]],
    reasons: tuple[str, ...] | None,
):
    """A release that did not record the fields of keys has lines with them too."""
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", keyed(("N1", "4000", "10.00"), ("N2", "4000", "5.00")), "w", **earlier)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", keyed(*sent, by="AN"), "x", **BY_BOTH)
    assert zone.evaluate_held() == ({"c.csv": reasons} if reasons else {})


def test_a_key_with_fewer_fields_concerns_lines_of_all_accounts(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", keyed(("N1", "4000", "10.00"), ("N1", "5000", "5.00"), by="AN"), "w", **BY_BOTH)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", keyed(("N1", "4000", "12.00")), "x", **BY_NUMBER)
    assert zone.evaluate_held() == {"c.csv": (beside(2, "15.00"),)}


def test_a_key_names_a_line_in_any_period(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", keyed(("N1", "4000", "10.00"), ("N2", "4000", "5.00")), "w", **BY_NUMBER)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", keyed(("N2", "4000", "12.00"), period="2025-02", by="AN"), "x", **BY_BOTH)
    assert zone.evaluate_held() == {"c.csv": (beside(1, "5.00"),)}


def test_lines_that_another_file_has_replaced_are_not_named(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", keyed(("N1", "4000", "10.00"), ("N2", "4000", "5.00")), "w", **BY_NUMBER)
    zone.deliver("d.csv", keyed(("N2", "4000", "6.00")), "y", **BY_NUMBER)
    assert not zone.evaluate_held()
    zone.deliver("c.csv", keyed(("N1", "4000", "12.00"), ("N2", "5000", "6.00"), by="AN"), "x", **BY_BOTH)
    assert zone.evaluate_held() == {"c.csv": (beside(1, "10.00"),)}
    zone.deliver("e.csv", keyed(("N2", "4000", "6.00"), by="AN"), "z", **BY_BOTH)
    assert zone.evaluate_held() == {"e.csv": (beside(1, "6.00").replace("b.csv", "d.csv"),)}


@pytest.mark.parametrize(
    ("before", "by", "after", "account", "reasons"),
    [
        (BY_DEPARTMENT, "D", BY_ACCOUNT, "4000", (beside(1, "10.00"),)),
        (SCOPED, "D", BY_ACCOUNT, "4000", (beside(1, "10.00"),)),
        (BY_DEPARTMENT, "D", BY_ACCOUNT, "6000", None),
        (BY_ACCOUNT, "DA", BY_DEPARTMENT, "6000", (beside(2, "15.00"),)),
        # Lines have no business unit, so that of another one may be named too.
        (BY_DEPARTMENT, "D", BY_UNIT, "4000", (beside(1, "10.00"),)),
    ],
)
def test_a_new_file_waits_beside_lines_that_it_would_replace_under_its_scope(
    tmp_path: Path,
    before: Mapping[str, Any],
    by: str,
    after: Mapping[str, Any],
    account: str,
    reasons: tuple[str, ...] | None,
):
    zone = Zone(tmp_path / "processed")
    zone.deliver("b.csv", keyed(("N1", "4000", "10.00"), ("N2", "5000", "5.00"), by=by), "w", **before)
    assert not zone.evaluate_held()
    own = "D" if after == BY_DEPARTMENT else "DA"
    zone.deliver("c.csv", keyed(("N3", account, "12.00"), by=own), "x", **after)
    assert zone.evaluate_held() == ({"c.csv": reasons} if reasons else {})


def test_a_scope_is_compared_in_the_periods_that_a_file_covers(tmp_path: Path):
    """Of February, which its name declares, c.csv has no line: it would replace those of its account there."""
    zone = Zone(tmp_path / "processed")
    for period in ("2025-02", "2025-03"):
        sent = keyed(("N1", "4000", "10.00"), ("N2", "5000", "5.00"), period=period, by="D")
        zone.deliver(f"b{period}.csv", sent, period, **BY_DEPARTMENT)
    assert not zone.evaluate_held()
    sent = keyed(("N3", "4000", "12.00"), by="DA")
    zone.deliver("c.csv", sent, "x", commit_covers=("2025-01", "2025-02"), **BY_ACCOUNT)
    assert zone.evaluate_held() == {"c.csv": (beside(1, "10.00", "2025-02").replace("b.csv", "b2025-02.csv"),)}
