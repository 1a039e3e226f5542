"""Removals: a delivery that would remove too many of its feed's live lines is held.

Does not belong here: the same rule on any deliveries, against a second implementation (see `test_removals_model`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.decisions import accept
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.quality.checks import NO_GAPS
from finance_platform.quality.deliveries import check_deliveries
from finance_platform_tests.unit.zone import ADA, Line, Zone, lines, many


@pytest.mark.parametrize(("left", "is_held"), [(10, False), (6, False), (5, False), (4, True), (0, True), (12, False)])
def test_a_new_version_that_removes_more_than_half_of_a_period_is_held(zone: Zone, left: int, *, is_held: bool) -> None:
    zone.deliver("a.csv", [*many(10), *many(1, "2025-02")])
    zone.evaluate()
    zone.deliver("a.csv", [*many(left), *many(1, "2025-02")], content="v2")
    assert bool(zone.evaluate_held()) == is_held


def test_the_reason_has_scenario_period_and_lines(zone: Zone) -> None:
    zone.deliver("a.csv", many(1500))
    zone.evaluate()
    zone.deliver("a.csv", many(300), content="v2")
    verdict = zone.evaluate()["a.csv"]
    assert verdict.reasons == (
        "Actual 2025-01 would lose 1,200 of 1,500 lines of department D1, 12,000.00: 80%, tolerated 50%",
    )
    assert verdict.fix == "`finance-platform accept a.csv --why TEXT` takes it as it is, `withdraw` drops it"


PARTIAL = "if each file has only a part of a period, such as one department or entity, set `load: {mode: replace_period"


@pytest.mark.parametrize(
    ("key", "values", "is_named"),
    [
        ("it.csv", {"load_mode": "replace_period"}, True),
        ("hr.csv", {"load_mode": "replace_period"}, False),
    ],
)
def test_a_file_of_another_department_that_is_held_names_the_scope_that_its_feed_needs(
    zone: Zone, key: str, values: dict[str, Any], *, is_named: bool
) -> None:
    zone.deliver("hr.csv", [Line(None, department="HR")] * 10, load_mode="replace_period")
    zone.evaluate()
    zone.deliver(key, [Line(None, department="IT")] * 10, content="w", **values)
    verdict = zone.evaluate()[key]
    assert verdict.is_held
    assert (PARTIAL in verdict.fix) == is_named
    assert f"`finance-platform accept {key} --why TEXT`" in verdict.fix


def test_an_extract_of_the_next_month_under_the_same_name_is_held(zone: Zone) -> None:
    zone.deliver("transactions.csv", many(3))
    zone.evaluate()
    zone.deliver("transactions.csv", many(3, "2025-02"), content="v2")
    (reason,) = zone.evaluate_held()["transactions.csv"]
    assert reason.startswith("Actual 2025-01 would lose 3 of 3 lines of department D1, 30.00: 100%")
    assert zone.live == ["transactions.csv@v1"]
    accept(zone.store, "transactions.csv", ADA)
    assert zone.live == ["transactions.csv@v2"]


def test_a_new_version_without_a_small_scenario_is_held(zone: Zone) -> None:
    zone.deliver("a.csv", [*many(50), *many(1, scenario="Budget")])
    zone.evaluate()
    zone.deliver("a.csv", many(50), content="v2")
    assert [reason.partition(" would")[0] for reason in zone.evaluate_held()["a.csv"]] == ["Budget 2025-01"]


def test_an_empty_new_version_is_held(zone: Zone) -> None:
    zone.deliver("a.csv", [*many(1), *many(1, "2025-02")])
    zone.evaluate()
    zone.deliver("a.csv", [], content="v2")
    nothing, *removed = zone.evaluate_held()["a.csv"]
    assert (nothing, len(removed)) == ("the file has no rows", 2)


@pytest.mark.parametrize(
    ("share", "left", "is_held"), [("0.2", 8, False), ("0.2", 7, True), ("0", 9, True), ("1", 1, False), ("1", 0, True)]
)
def test_a_feed_may_tolerate_another_share_but_not_the_removal_of_a_whole_period(
    zone: Zone, share: str, left: int, *, is_held: bool
) -> None:
    zone.deliver("a.csv", many(10))
    zone.evaluate()
    zone.deliver("a.csv", many(left), content="v2", tolerated_removal=share)
    assert bool(zone.evaluate_held()) == is_held


def test_a_feed_may_tolerate_every_removal(zone: Zone) -> None:
    zone.deliver("a.csv", many(10))
    zone.evaluate()
    zone.deliver("a.csv", many(1, "2025-02"), content="v2", tolerated_removal=None)
    assert zone.evaluate_held() == {}


def test_lines_of_other_files_of_the_feed_count_as_remaining(zone: Zone) -> None:
    zone.deliver("a.csv", many(4))
    zone.deliver("b.csv", many(6), content="w")
    zone.evaluate()
    zone.deliver("a.csv", many(1, "2025-02"), content="v2")
    assert zone.evaluate_held() == {}


def test_lines_of_another_feed_do_not_count_as_remaining(zone: Zone) -> None:
    zone.deliver("a.csv", many(4))
    zone.deliver("b.csv", many(6), content="w", feed="other")
    zone.evaluate()
    zone.deliver("a.csv", [], content="v2")
    assert zone.evaluate_held().keys() == {"a.csv"}


def test_a_new_file_that_replaces_a_period_with_much_fewer_lines_is_held(zone: Zone) -> None:
    zone.deliver("budget_v1.csv", many(10, scenario="Budget"), load_mode="replace_period")
    zone.evaluate()
    zone.deliver("budget_v2.csv", many(4, scenario="Budget"), load_mode="replace_period", content="w")
    assert zone.evaluate_held().keys() == {"budget_v2.csv"}


def test_a_new_file_without_lines_for_a_declared_period_is_held(zone: Zone) -> None:
    covers: dict[str, Any] = {"load_mode": "replace_period", "commit_covers": ("2025-01", "2025-02")}
    zone.deliver("a.csv", [*many(10), *many(2, "2025-02")], **covers)
    zone.evaluate()
    zone.deliver("b.csv", many(10), content="w", **covers)
    assert [reason.partition(" would")[0] for reason in zone.evaluate_held()["b.csv"]] == ["Actual 2025-02"]


def test_a_file_that_is_superseded_by_a_later_one_removes_nothing(zone: Zone) -> None:
    zone.deliver("b.csv", many(10), load_mode="replace_period", order="2")
    zone.evaluate()
    zone.deliver("a.csv", many(1), load_mode="replace_period", order="1", content="w")
    assert zone.evaluate_held() == {}


def test_corrections_by_key_remove_nothing(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1", "T2", "T3"), load_mode="upsert")
    zone.evaluate()
    zone.deliver("b.csv", lines("T1", "T2", "T3"), load_mode="upsert", content="w")
    assert zone.evaluate_held() == {}


def test_keys_that_move_to_another_period_are_removed_from_their_old_one(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1", "T2", "T3"), load_mode="upsert")
    zone.evaluate()
    zone.deliver("b.csv", lines("T1", "T2", period="2025-02"), load_mode="upsert", content="w")
    (reason,) = zone.evaluate_held()["b.csv"]
    assert reason.startswith("Actual 2025-01 would lose 2 of 3 lines of department D1, 20.00: 67%")


def test_a_scope_loses_its_own_lines_and_the_share_is_that_of_the_period(zone: Zone) -> None:
    scoped: dict[str, Any] = {"load_mode": "replace_period", "is_scoped": True}
    zone.deliver("a.csv", [Line(scope="sales")] * 6 + [Line(scope="works")] * 4, **scoped)
    zone.evaluate()
    zone.deliver("b.csv", [Line(scope="works")], content="w", **scoped)
    assert zone.evaluate_held() == {}
    zone.deliver("c.csv", [Line(scope="sales")], content="x", **scoped)
    (reason,) = zone.evaluate_held()["c.csv"]
    assert reason.startswith("Actual 2025-01 would lose 5 of 7 lines of department D1")


def test_deliveries_of_one_evaluation_take_each_other_into_account(zone: Zone) -> None:
    zone.deliver("a.csv", many(10), load_mode="replace_period")
    zone.deliver("b.csv", many(2), load_mode="replace_period", content="w")
    zone.deliver("c.csv", many(6), load_mode="replace_period", content="x")
    held = zone.evaluate_held()
    assert held.keys() == {"b.csv"}
    assert zone.live == ["a.csv@v1", "c.csv@x"]


def test_a_file_that_was_split_in_two_removes_nothing(zone: Zone) -> None:
    zone.deliver("a.csv", many(10))
    zone.evaluate()
    zone.deliver("b.csv", many(8), content="w", modified_at="2025-05-10")
    zone.deliver("a.csv", many(2), content="v2", modified_at="2025-05-11")
    assert zone.evaluate_held() == {}


def test_reference_files_remove_no_lines(zone: Zone) -> None:
    zone.deliver("a.csv", many(3), kind="accounts", feed="accounts")
    zone.evaluate()
    zone.deliver("a.csv", many(1, "2025-02"), kind="accounts", feed="accounts", content="v2")
    assert zone.evaluate_held() == {}


# Cells and keys


PLAN = [
    Line(scenario="Budget", department="D1", account=account, amount=amount)
    for account, amount in (("6100", "60.00"), ("6101", "5.00"))
]
OTHER = [Line(scenario="Budget", department="D2", account=account, amount="25.00") for account in ("6100", "6101")]


@pytest.mark.parametrize(
    ("first", "second", "values"),
    [
        pytest.param("plan.csv", "plan.csv", {}, id="a new version"),
        pytest.param("plan_1.csv", "plan_2.csv", {"load_mode": "replace_period"}, id="a second plan"),
        pytest.param("plan.csv", "plan.csv", {"load_mode": "upsert"}, id="a new version of a feed with keys"),
    ],
)
def test_lines_of_another_department_do_not_make_up_for_those_that_go(
    zone: Zone, first: str, second: str, values: dict[str, Any]
) -> None:
    keyed = values.get("load_mode") == "upsert"
    for key, content, sent in ((first, "p1", PLAN), (second, "p2", OTHER)):
        numbered = [replace(line, key=f"{content}-{n}" if keyed else None) for n, line in enumerate(sent)]
        zone.deliver(key, numbered, content, **values)
        verdict = zone.evaluate()[second if content == "p2" else first]
    assert verdict.reasons == ("Budget 2025-01 would lose 2 of 2 lines of department D1, 65.00: 100%, tolerated 50%",)
    assert zone.live == [f"{first}@p1"]
    accept(zone.store, second, ADA)
    assert f"{second}@p2" in zone.live


def test_lines_of_another_account_do_not_make_up_for_those_that_go(zone: Zone) -> None:
    zone.deliver("a.csv", [Line(account=account) for account in ("1", "2", "3", "4")])
    zone.evaluate()
    zone.deliver("a.csv", [Line(account=account) for account in ("1", "7", "8", "9")], content="v2")
    (reason,) = zone.evaluate_held()["a.csv"]
    assert reason == "Actual 2025-01 would lose 3 of 4 lines of department D1, 30.00: 75%, tolerated 50%"


def test_corrected_amounts_dates_and_spellings_remove_nothing(zone: Zone) -> None:
    zone.deliver("a.csv", [Line(department="D1", scenario="Budget")] * 3)
    zone.evaluate()
    zone.deliver("a.csv", [Line(department="d1", scenario="BUDGET", amount="-7.00", day=3)] * 3, content="v2")
    assert zone.evaluate_held() == {}


def test_every_department_that_loses_too_much_is_named_with_its_money(zone: Zone) -> None:
    sent = [
        Line(department=department, amount=amount) for department in ("D1", "D2", "D3") for amount in ("5.00", "-5.00")
    ]
    zone.deliver("a.csv", sent)
    zone.evaluate()
    zone.deliver("a.csv", [line for line in sent if line.department == "D3"], content="v2")
    assert zone.evaluate_held()["a.csv"] == tuple(
        f"Actual 2025-01 would lose 2 of 2 lines of department {department}, net 0.00, gross 10.00: 100%, tolerated 50%"
        for department in ("D1", "D2")
    )


def test_many_departments_are_summed_up(zone: Zone) -> None:
    zone.deliver("a.csv", [Line(department=f"D{number:03}") for number in range(50)])
    zone.evaluate()
    zone.deliver("a.csv", [Line(department="D049")], content="v2")
    *named, rest = zone.evaluate_held()["a.csv"]
    assert (len(named), rest) == (20, "29 more departments and periods would lose 29 lines, gross 290.00")


def test_a_key_that_moves_to_another_department_leaves_its_old_one(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1", "T2", "T3"), load_mode="upsert")
    zone.evaluate()
    zone.deliver("b.csv", lines("T1", "T2", department="D2"), load_mode="upsert", content="w")
    (reason,) = zone.evaluate_held()["b.csv"]
    assert reason.startswith("Actual 2025-01 would lose 2 of 3 lines of department D1")


def test_a_key_that_moves_to_another_account_is_not_removed(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1", "T2", "T3"), load_mode="upsert")
    zone.evaluate()
    zone.deliver("b.csv", lines("T1", "T2", "T3", account="9"), load_mode="upsert", content="w")
    assert zone.evaluate_held() == {}


def test_the_keys_that_a_new_version_lacks_are_removed_unless_another_file_has_them(zone: Zone) -> None:
    zone.deliver("a.csv", lines("T1", "T2", "T3"), load_mode="upsert")
    zone.deliver("b.csv", lines("T1", "T2"), load_mode="upsert", content="w", order="")
    zone.evaluate()
    zone.deliver("b.csv", lines("T9"), load_mode="upsert", content="w2")
    assert zone.evaluate_held() == {}
    zone.deliver("a.csv", lines("T8"), load_mode="upsert", content="v2")
    assert zone.evaluate_held().keys() == {"a.csv"}


def test_a_new_file_that_only_adds_reads_no_line_of_the_others(zone: Zone) -> None:
    for number in range(3):
        zone.deliver(f"{number}.csv", [Line(number=f"{number}")] * 5, content=f"v{number}")
    zone.evaluate()
    zone.store.opened.clear()
    zone.deliver("new.csv", [Line(None, amount="70.00")] * 5, content="w")
    assert zone.evaluate_held() == {}
    assert [key for key in zone.store.opened if "parquet" in key] == []


def test_a_new_version_reads_other_files_only_where_it_removes_too_much(zone: Zone) -> None:
    for number in range(3):
        zone.deliver(f"{number}.csv", [*many(5), *many(5, "2025-02")], content=f"v{number}")
    zone.evaluate()
    zone.store.opened.clear()
    zone.deliver("0.csv", [*many(4), *many(5, "2025-02")], content="w")
    assert zone.evaluate_held() == {}
    assert {key for key in zone.store.opened if "parquet" in key} == {
        "transactions/0.csv@v0.parquet",
        "transactions/0.csv@w.parquet",
    }


def test_the_same_export_again_with_a_new_month_reads_only_what_changed(zone: Zone) -> None:
    zone.deliver("a.csv", many(5))
    zone.evaluate()
    zone.store.opened.clear()
    zone.deliver("a.csv", [*many(5), *many(5, "2025-02")], content="w")
    assert zone.evaluate_held() == {}
    assert "transactions/a.csv@v1.parquet" not in zone.store.opened


def test_keys_that_no_other_file_has_are_not_read_to_find_what_a_correction_removes(tmp_path: Path) -> None:
    zone = Zone(tmp_path, is_by_period=True)
    zone.deliver("a.csv", lines("A1", "A2", "A3"), load_mode="upsert")
    zone.evaluate()
    zone.deliver("b.csv", [*lines("A2"), *lines("N1", "N2", period="2025-02")], load_mode="upsert")
    file = zone.path / "transactions/b.csv@v1/then_by=2025-02/part.parquet"
    footer = int.from_bytes(file.read_bytes()[-8:-4], "little") + 8
    file.write_bytes(bytes(file.stat().st_size - footer) + file.read_bytes()[-footer:])  # no row can be decoded
    assert not zone.evaluate()["b.csv"].is_held


def test_a_correction_by_key_reads_the_files_whose_lines_it_replaces_alone(zone: Zone) -> None:
    for name in ("a", "b", "c"):
        zone.deliver(f"{name}.csv", lines(f"{name}1", f"{name}2"), load_mode="upsert")
    zone.evaluate()
    zone.store.opened.clear()
    zone.deliver("d.csv", lines("a1"), load_mode="upsert")
    assert zone.evaluate_held() == {}
    read = {key for key in zone.store.opened if key.startswith("transactions")}
    assert read == {"transactions/a.csv@v1.parquet", "transactions/d.csv@v1.parquet"}


def keyed(account: str, amount: str, count: int = 10, first: int = 0) -> list[Line]:
    return [Line(f"T{n}", account=account, amount=amount) for n in range(first, first + count)]


def test_keys_that_name_other_lines_hold_the_file(zone: Zone) -> None:
    zone.deliver("a.csv", keyed("4000", "10.00", 12), load_mode="upsert")
    zone.evaluate()
    zone.deliver("b.csv", [*keyed("9", "7.00", 11), *keyed("9", "10.00", 1, 11)], load_mode="upsert", content="w")
    (reason,) = zone.evaluate_held()["b.csv"]
    assert reason == (
        "11 of 12 lines of Actual 2025-01 that it replaces by key, gross 110.00, have another account and another "
        "amount in it, as if numbers of two companies or years were the same; give each of them a feed of its own, or "
        "add a field that distinguishes them to load.key"
    )
    accept(zone.store, "b.csv", ADA)
    assert zone.live == ["a.csv@v1", "b.csv@w"]


@pytest.mark.parametrize(
    "sent",
    [
        keyed("9", "10.00", 20),  # reclassified
        keyed("4000", "7.00", 20),  # another rate
        keyed("9", "7.00", 9),
        [*keyed("9", "7.00", 10), *keyed("4000", "10.00", 10, 10)],
        keyed("9", "7.00", 20, 30),  # new keys
    ],
    ids=["accounts", "amounts", "few", "half", "new"],
)
def test_keys_that_name_corrected_or_new_lines_hold_nothing(zone: Zone, sent: list[Line]) -> None:
    zone.deliver("a.csv", keyed("4000", "10.00", 20), load_mode="upsert")
    zone.evaluate()
    zone.deliver("b.csv", sent, load_mode="upsert", content="w")
    assert zone.evaluate_held() == {}


def test_a_new_version_of_a_file_may_number_its_lines_anew(zone: Zone) -> None:
    """As an export does whose keys are the numbers of its rows."""
    zone.deliver(
        "a.csv", [Line(f"T{n}", account=f"{4000 + n}", amount=f"{n}.00") for n in range(1, 31)], load_mode="upsert"
    )
    zone.deliver("b.csv", keyed("8000", "9.00", 3, 90), load_mode="upsert")
    zone.evaluate()
    shifted = [Line(f"T{n + 1}", account=f"{4000 + n}", amount=f"{n}.00") for n in range(31)]
    zone.deliver("a.csv", shifted, load_mode="upsert", content="w")
    assert zone.evaluate_held() == {}


SMALLER = "Actual 2025-01 has 60 lines, gross 600.00, in place of 100 lines, gross 1,000.00"


@pytest.mark.parametrize("mode", ["append", "replace_period"])
def test_a_file_that_has_much_less_than_what_it_replaces_is_named(zone: Zone, mode: str) -> None:
    name = "a.csv" if mode == "append" else "b.csv"
    zone.deliver("a.csv", [*many(100), *many(50, "2025-02")], load_mode=mode)
    assert not zone.evaluate()["a.csv"].smaller
    zone.deliver(name, [*many(60), *many(50, "2025-02")], content="v2", load_mode=mode)
    verdict = zone.evaluate()[name]
    assert not verdict.is_held
    assert verdict.smaller == (("2025-01", SMALLER),)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (many(100), many(91)),
        (many(9), many(8)),
        (many(100), [Line(None, amount="20.00")] * 60),
        (many(100), [Line(None, account="7000")] * 100),
        (many(60), many(100)),
    ],
)
def test_a_file_that_has_nearly_as_much_as_what_it_replaces_is_not_named(
    zone: Zone, before: list[Line], after: list[Line]
) -> None:
    zone.deliver("a.csv", before)
    zone.evaluate()
    zone.deliver("a.csv", after, content="v2")
    assert not zone.evaluate()["a.csv"].smaller


def test_a_period_for_which_a_file_is_held_is_named_once(zone: Zone) -> None:
    zone.deliver("a.csv", many(100))
    zone.evaluate()
    zone.deliver("a.csv", many(20), content="v2")
    verdict = zone.evaluate()["a.csv"]
    assert verdict.is_held
    assert not verdict.smaller


def test_a_smaller_period_is_a_warning_until_it_is_closed(zone: Zone) -> None:
    zone.deliver("a.csv", many(100))
    zone.evaluate()
    zone.deliver("a.csv", many(60), content="v2")
    zone.evaluate()
    (evidence,) = _smaller(zone)
    assert evidence["what"] == SMALLER
    assert evidence["file"] == "a.csv"
    assert "exported with a filter" in evidence["fix"]
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "audited", "2025-06-01"))
    assert not _smaller(zone)


def _smaller(zone: Zone) -> list[Mapping[str, Any]]:
    (outcome,) = (one for one in check_deliveries(zone.state, NO_OVERLAPS) if one.check is NO_GAPS)
    return [one for one in outcome.evidence if "file" in one]


def test_the_lines_of_a_feed_are_not_read_again_for_each_of_its_files_that_loses_lines(zone: Zone) -> None:
    """A change of the key concerns all files of a feed at once, and each is judged beside all others of its periods."""
    opened = {}
    for count in (4, 12):
        of_feed: dict[str, Any] = {"load_mode": "upsert", "feed": f"feed {count}", "tolerated_removal": "0.05"}
        names = [f"{count}-{nth}.csv" for nth in range(count)]
        for change in ("", " 4000"):
            for name in names:
                sent = lines(f"{name} 1{change}", f"{name} 2{change}")
                zone.deliver(name, sent, name, delivery_id=f"{name}{change}", **of_feed)
            zone.store.opened.clear()
            assert set(zone.evaluate_held()) == (set(names) if change else set())
        opened[count] = len([key for key in zone.store.opened if key.startswith("transactions/")])
    assert opened[12] <= 4 * opened[4]
