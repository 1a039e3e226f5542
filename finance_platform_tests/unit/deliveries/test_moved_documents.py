"""Documents that are sent again on another day or account, under keys with the day or the account: which are held."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from finance_platform_tests.unit.factories import decision_on
from finance_platform_tests.unit.zone import Line, Zone

BY_DAY = {"load_mode": "upsert", "keyed_by": "transaction_id date"}
BY_ACCOUNT = {"load_mode": "upsert", "keyed_by": "transaction_id account"}
BY_NUMBER = {"load_mode": "upsert", "keyed_by": "transaction_id"}


def document(number: str, *, day: int = 15, account: str = "4000", key: str = "", **values: str) -> Line:
    return Line(key or f"{number}/{day}/{account}", number=number, day=day, account=account, **values)


JANUARY = [document("100"), document("101", amount="7.00"), document("102", amount="3.00")]


def second_file(path: Path, sent: Sequence[Line], **load: str) -> tuple[str, ...]:
    """Return why a second file is held, beside the one of January."""
    zone = Zone(path / "processed")
    zone.deliver("a.csv", JANUARY, "v", **load)
    assert not zone.evaluate_held()
    zone.deliver("b.csv", sent, "w", **load)
    return zone.evaluate_held().get("b.csv", ())


def test_a_document_that_is_sent_again_on_another_day_is_held(tmp_path: Path):
    (reason,) = second_file(tmp_path, [document("100", day=17), document("103")], **BY_DAY)
    assert reason == (
        "a.csv has the document '100' with the same amount and another date, which is in the key of the feed, so both "
        "would count: gross 10.00"
    )


def test_a_document_that_is_sent_again_under_another_account_is_held(tmp_path: Path):
    (reason,) = second_file(tmp_path, [document("100", account="6000"), *JANUARY[1:]], **BY_ACCOUNT)
    assert "the document '100' with the same amount and another account" in reason


def test_documents_that_were_moved_to_a_month_of_the_file_are_held(tmp_path: Path):
    moved = [document(line.number or "", day=3, period="2025-02", amount=line.amount) for line in JANUARY]
    (reason,) = second_file(tmp_path, [document("104"), *moved], **BY_DAY)
    assert "the document '100' and 2 more" in reason
    assert reason.endswith("gross 20.00")


@pytest.mark.parametrize(
    ("sent", "load"),
    [
        ([document("100", day=17, key="100/15/4000")], BY_NUMBER),
        ([document("100", day=17), *JANUARY], BY_DAY),
        ([document("100", day=17, amount="11.00")], BY_DAY),
        ([document("100", day=17, account="6000")], BY_DAY),
        ([document("100", account="6000", amount="-10.00")], BY_ACCOUNT),
        ([document("100", account="6000", department="D2")], BY_ACCOUNT),
        ([document("100", day=20, period="2025-02"), document("103", period="2025-02")], BY_DAY),
        ([document("100", day=17), document("101", day=18), document("102", day=18)], BY_DAY),
    ],
    ids=[
        "the key is the number",
        "both lines are in the file",
        "another amount",
        "another account too",
        "the other side",
        "another department too",
        "an entry of each month",
        "numbers that begin again",
    ],
)
def test_lines_that_only_have_a_number_of_another_file_count(tmp_path: Path, sent: list[Line], load: dict[str, str]):
    assert second_file(tmp_path, sent, **load) == ()


def test_a_moved_document_counts_once_a_person_has_accepted_it(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", JANUARY, "v", **BY_DAY)
    zone.evaluate()
    again = zone.deliver("b.csv", [document("100", day=17)], "w", **BY_DAY)
    verdict = zone.evaluate()["b.csv"]
    assert verdict.fix.startswith("if the other file has the document as it was before, send that file again without")
    zone.append(decision_on("accepted", again))
    assert zone.evaluate_held() == {}
    assert {one.event.object_key for one in zone.state.live} == {"a.csv", "b.csv"}
    zone.deliver("b.csv", [document("100", day=17), document("104")], "w2", **BY_DAY)
    assert zone.evaluate_held() == {}, "a person has decided about the document"
    zone.deliver("b.csv", [document("100", day=17), document("101", day=19, amount="7.00")], "w3", **BY_DAY)
    assert "the document '101' with" in zone.evaluate_held()["b.csv"][0]


def test_the_hold_ends_when_the_other_file_is_sent_without_the_document(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", JANUARY, "v", **BY_DAY)
    zone.evaluate()
    zone.deliver("b.csv", [document("100", day=17)], "w", **BY_DAY)
    assert set(zone.evaluate_held()) == {"b.csv"}
    zone.deliver("a.csv", JANUARY[1:], "v2", **BY_DAY, tolerated_removal=None)
    assert zone.evaluate_held() == {}
    assert {one.event.object_key for one in zone.state.live} == {"a.csv", "b.csv"}


def test_a_fee_of_each_day_is_held_once(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    held = {}
    for day, period in [(1, "2025-01"), (2, "2025-01"), (3, "2025-01"), (1, "2025-02"), (2, "2025-02")]:
        name = f"{period}-{day}.csv"
        fees = [document(number, day=day, period=period, key=f"{number}/{name}") for number in ("1", "2", "3")]
        sent = zone.deliver(name, fees, name, **BY_DAY)
        if reasons := zone.evaluate_held().get(name):
            held[name] = len(reasons)
            zone.append(decision_on("accepted", sent))
            zone.evaluate()
    assert held == {"2025-01-2.csv": 1}


def test_an_amount_that_a_file_repeats_by_itself_is_no_moved_document(tmp_path: Path):
    sent = [document("100", day=day, key=f"100/{day}") for day in (20, 27)]
    assert second_file(tmp_path, sent, **BY_DAY) == ()


def test_an_entry_of_each_month_that_is_moved_within_one_is_held(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    for period in ("2025-01", "2025-02"):
        zone.deliver(f"{period}.csv", [document("100", period=period, key=period)], period, **BY_DAY)
        assert not zone.evaluate_held()
    zone.deliver("again.csv", [document("100", day=17, period="2025-02")], "v", **BY_DAY)
    assert set(zone.evaluate_held()) == {"again.csv"}


def test_what_a_person_has_accepted_is_not_held_again_in_a_longer_version_of_the_file(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", JANUARY, "v", **BY_DAY)
    zone.evaluate()
    moved = [document("100", day=17)]
    sent = zone.deliver("b.csv", moved, "w", **BY_DAY)
    assert set(zone.evaluate_held()) == {"b.csv"}
    zone.append(decision_on("accepted", sent))
    zone.evaluate()
    moved += [document("103"), document("104")]
    zone.deliver("b.csv", moved, "w2", **BY_DAY)
    assert zone.evaluate_held() == {}
    zone.deliver("b.csv", [*moved, document("101", day=18, amount="7.00")], "w3", **BY_DAY)
    (reason,) = zone.evaluate_held()["b.csv"]
    assert "the document '101' with" in reason
