"""Lines that would count again because the load mode of their feed was changed: which files are held for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.feeds.findings import ReaderFindings
from finance_platform_tests.unit.factories import decision_on
from finance_platform_tests.unit.zone import Line, Zone

WHOLE: dict[str, Any] = {"load_mode": "replace_period"}
SCOPED: dict[str, Any] = {"load_mode": "replace_period", "is_scoped": True}
UPSERT: dict[str, Any] = {"load_mode": "upsert"}
APPEND: dict[str, Any] = {"load_mode": "append"}

FIRST = [Line("1", amount="10.00", scope="s"), Line("2", amount="5.00", scope="s")]
SECOND = [Line("1", amount="10.00", scope="s"), Line("2", amount="6.00", scope="s")]


def under(
    zone: Zone, values: Mapping[str, Any], second: Sequence[Line] = SECOND
) -> tuple[DeliveryDiscovered, DeliveryDiscovered]:
    """Deliver two files of a feed under one load mode; both count after that."""
    events = zone.deliver("a.csv", FIRST, **values), zone.deliver("b.csv", second, "w", **values)
    assert not zone.evaluate_held(), "the second file has as many lines as the first"
    return events


def change(zone: Zone, events: Sequence[DeliveryDiscovered], values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Discover the files again, as after a change of `load`; return the reasons of those that are held."""
    zone.append(*(replace(event, **{"is_scoped": False, **values}) for event in events))
    return zone.evaluate_held()


RETURNS = (
    "under `load: {mode: append}`, lines count again that another file of the feed has replaced: Actual 2025-01, lines "
    "2, gross 15.00"
)


def test_lines_that_another_file_has_replaced_do_not_return_by_themselves(tmp_path: Path):
    """Of 16.00 there would be 31.00."""
    zone = Zone(tmp_path / "processed")
    assert change(zone, under(zone, WHOLE), APPEND) == {"a.csv": (RETURNS,), "b.csv": (RETURNS,)}
    assert {one.event.load_mode for one in zone.state.live} == {"replace_period"}


def test_lines_that_a_later_file_has_replaced_by_key_do_not_return_by_themselves(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    under(zone, UPSERT)
    for key, sent, content in (("a.csv", FIRST, "v1"), ("b.csv", SECOND, "w")):
        without_keys = [replace(line, key=None) for line in sent]
        zone.deliver(key, without_keys, content, delivery_id=f"{key}@append", **APPEND)
    assert zone.evaluate_held() == {"a.csv": (RETURNS,), "b.csv": (RETURNS,)}


def test_the_file_that_replaced_another_one_counts_once_that_one_is_withdrawn(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    first, second = under(zone, WHOLE)
    zone.append(*(replace(event, **APPEND) for event in (first, second)))
    assert {verdict.fix.partition(",")[0] for verdict in zone.evaluate().values()} == {
        "withdraw each file of which no line may count again"
    }
    zone.append(decision_on("withdrawn", first), decision_on("accepted", second))
    assert zone.evaluate_held() == {}
    assert [(one.event.object_key, one.event.load_mode) for one in zone.state.live] == [("b.csv", "append")]


@pytest.mark.parametrize(
    ("earlier", "later"), [(WHOLE, APPEND), (UPSERT, APPEND), (APPEND, WHOLE), (SCOPED, APPEND), (WHOLE, WHOLE)]
)
def test_another_load_mode_of_files_that_replace_nothing_holds_none(
    tmp_path: Path, earlier: Mapping[str, Any], later: Mapping[str, Any]
):
    zone = Zone(tmp_path / "processed")
    other = [Line("3", period="2025-02", scope="t")]
    assert change(zone, under(zone, earlier, second=other), later) == {}


def test_lines_that_stop_to_count_are_no_lines_that_return(tmp_path: Path):
    """Each file counted under append; the later one replaces the other, and has as many lines."""
    zone = Zone(tmp_path / "processed")
    assert change(zone, under(zone, APPEND), WHOLE) == {}
    assert {one.event.load_mode for one in zone.state.live} == {"replace_period"}


def test_a_file_that_is_read_under_other_keys_waits_for_those_that_it_replaces(tmp_path: Path):
    """The keys of a.csv stay as they were, since most of them would go; those of b.csv would match none of them."""
    zone = Zone(tmp_path / "processed")
    first = [Line(str(number), amount=f"{number}.00") for number in range(1, 6)]
    second = [Line("1", amount="1.50")]
    zone.deliver("a.csv", first, **UPSERT)
    zone.deliver("b.csv", second, "w", **UPSERT)
    assert not zone.evaluate_held()
    for key, sent, content in (("a.csv", first, "v1"), ("b.csv", second, "w")):
        with_account = [replace(line, key=f"{line.key} 4000") for line in sent]
        zone.deliver(key, with_account, content, delivery_id=f"{key}@account", **UPSERT)
    held = zone.evaluate_held()
    assert set(held) == {"a.csv", "b.csv"}
    (text,) = held["b.csv"]
    assert text == (
        "under `load: {mode: upsert}`, lines count again that another file of the feed has replaced: Actual 2025-01, "
        "lines 1, gross 1.00"
    )


def test_a_file_that_is_read_again_under_the_same_keys_waits_for_none(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", FIRST, **UPSERT)
    zone.deliver("b.csv", SECOND, "w", **UPSERT)
    assert not zone.evaluate_held()
    for key, sent, content in (("a.csv", FIRST, "v1"), ("b.csv", SECOND, "w")):
        in_another_department = [replace(line, account="5000") for line in sent]
        zone.deliver(key, in_another_department, content, delivery_id=f"{key}@account", **UPSERT)
    assert zone.evaluate_held() == {}


FILES: Mapping[str, tuple[list[Line], str]] = {"a.csv": (FIRST, "v1"), "b.csv": (SECOND, "w")}


@pytest.mark.parametrize(
    ("read_by_another", "held"), [(["a.csv"], {"a.csv"}), (["b.csv"], {"b.csv"}), (["a.csv", "b.csv"], set())]
)
def test_lines_that_a_file_of_the_former_feed_has_replaced_do_not_return(
    tmp_path: Path, read_by_another: list[str], held: set[str]
):
    """A feed was renamed, and one of its files is gone: the other one is read by the new feed alone."""
    zone = Zone(tmp_path / "processed")
    under(zone, UPSERT)
    for key in read_by_another:
        sent, content = FILES[key]
        zone.deliver(key, sent, content, delivery_id=f"{key}@renamed", feed="renamed", **UPSERT)
    found = zone.evaluate_held()
    assert set(found) == held
    for (text,) in found.values():
        assert text.startswith("read by the feed renamed, lines count again that another file of the feed ")
        assert text.endswith("has replaced: Actual 2025-01, lines 2, gross 15.00")


MODES: Mapping[str, dict[str, Any]] = {"keys": UPSERT, "periods": {"load_mode": "replace_period"}, "scopes": SCOPED}


def replaced(mode: str, *amounts: str, number: int = 1, period: str = "2025-01") -> list[Line]:
    """Return lines that replace each other under a load mode."""
    has_key, scope = mode == "keys", ("D1" if mode == "scopes" else None)
    return [
        Line(str(nth) if has_key else None, scope=scope, amount=amount, period=period, number=str(nth))
        for nth, amount in enumerate(amounts, start=number)
    ]


def moved(zone: Zone, mode: str, name: str, sent: list[Line], content: str, **rules: Any) -> dict[str, tuple[str, ...]]:
    """Let a later file replace an earlier one, then let another feed read one of them; return what is held."""
    values = {"tolerated_removal": None, **MODES[mode], **rules}
    for file, amount in (("a.csv", "3.00"), ("b.csv", "4.00")):
        zone.deliver(file, replaced(mode, amount), file, **values)
        assert not zone.evaluate_held()
    zone.deliver(name, sent, content, delivery_id=f"{name}@moved", feed="other", **values)
    return zone.evaluate_held()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("content", ["the same", "corrected"])
@pytest.mark.parametrize(("name", "amount"), [("a.csv", "3.00"), ("b.csv", "4.00")])
def test_a_single_line_does_not_count_again_because_a_file_moves_to_another_feed(
    tmp_path: Path, name: str, amount: str, content: str, mode: str
):
    zone = Zone(tmp_path / "processed")
    is_same = content == "the same"
    sent = replaced(mode, amount if is_same else "5.00")
    held = moved(zone, mode, name, sent, name if is_same else content)
    assert list(held) == [name]
    text = "; ".join(held[name])
    assert "read by the feed other, lines count again that another file of the feed ledger has replaced: " in text
    returned = "5.00" if (name, is_same) == ("a.csv", False) else "3.00"
    assert text.endswith(f"Actual 2025-01, lines 1, gross {returned}")
    zone.append(decision_on("accepted", next(one.event for one in zone.state.inactive)))
    assert not zone.evaluate_held()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["a.csv", "b.csv"])
def test_a_moved_file_with_lines_of_another_period_counts(tmp_path: Path, name: str, mode: str):
    """Nothing counts twice: the other file's lines count again in place of those that the moved one lacks."""
    zone = Zone(tmp_path / "processed")
    assert moved(zone, mode, name, replaced(mode, "5.00", number=2, period="2025-02"), "next month") == {}


@pytest.mark.parametrize(
    ("mode", "keyed_by", "other"),
    [
        ("keys", "transaction_id", {"number": "2"}),
        ("keys", "transaction_id account", {"account": "5000"}),
        ("scopes", "account", {"account": "5000"}),
    ],
)
def test_a_moved_file_with_other_keys_or_scopes_counts(tmp_path: Path, mode: str, keyed_by: str, other: dict[str, Any]):
    zone = Zone(tmp_path / "processed")
    sent = [replace(line, key="other" if line.key else None, **other) for line in replaced(mode, "5.00")]
    values = {"keyed_by": keyed_by}
    assert moved(zone, mode, "a.csv", sent, "other lines", **values) == {}
    assert list(moved(Zone(tmp_path / "second"), mode, "a.csv", replaced(mode, "5.00"), "corrected", **values))


def test_a_moved_file_counts_if_no_other_file_had_its_lines(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    first, second = replaced("keys", "3.00"), replaced("keys", "4.00", number=2)
    for file, sent in (("a.csv", first), ("b.csv", second)):
        zone.deliver(file, sent, file, **UPSERT)
    assert not zone.evaluate_held()
    zone.deliver("b.csv", second, "b.csv", delivery_id="b.csv@moved", feed="other", **UPSERT)
    assert not zone.evaluate_held()


@pytest.mark.parametrize("content", ["the same", "corrected"])
def test_a_moved_file_counts_if_its_feed_only_adds_lines(tmp_path: Path, content: str):
    zone = Zone(tmp_path / "processed")
    for file in ("a.csv", "b.csv"):
        zone.deliver(file, [Line(None, amount=f"{len(zone.live) + 3}.00")], "the same", **APPEND)
        assert not zone.evaluate_held()
    amount = "3.00" if content == "the same" else "5.00"
    zone.deliver("a.csv", [Line(None, amount=amount)], content, delivery_id="moved", feed="other", **APPEND)
    assert not zone.evaluate_held()
    assert sorted(zone.live) == ["b.csv@the same", "moved"]


def test_a_corrected_file_of_which_the_fields_of_the_key_are_not_known_is_held_if_it_moves(tmp_path: Path):
    """Earlier releases did not record them, so each of its lines may be one that counts again."""
    zone = Zone(tmp_path / "processed")
    assert list(moved(zone, "keys", "a.csv", replaced("keys", "5.00"), "corrected", keyed_by="")) == ["a.csv"]


@pytest.mark.parametrize("mode", MODES)
def test_a_feed_that_is_renamed_with_all_of_its_files_is_not_held_even_if_one_is_corrected(tmp_path: Path, mode: str):
    zone = Zone(tmp_path / "processed")
    for file, amount in (("a.csv", "3.00"), ("b.csv", "4.00")):
        zone.deliver(file, replaced(mode, amount), file, tolerated_removal=None, **MODES[mode])
        assert not zone.evaluate_held()
    for file, amount, content in (("a.csv", "3.00", "a.csv"), ("b.csv", "5.00", "corrected")):
        sent, values = replaced(mode, amount), {"feed": "renamed", "tolerated_removal": None, **MODES[mode]}
        zone.deliver(file, sent, content, delivery_id=f"{file}@renamed", **values)
    assert not zone.evaluate_held()


Postings = Sequence[tuple[str, str]]
"""Account and amount of lines of one department."""

DROPPED: tuple[Postings, Postings] = ([("4000", "10.00"), ("5000", "11.00")], [("4000", "12.00")])
"""The later file lacks an account of the earlier one."""

COMPLETE: tuple[Postings, Postings] = ([("4000", "10.00"), ("5000", "11.00")], [("4000", "12.00"), ("5000", "13.00")])


def posted(postings: Postings, scope: str) -> list[Line]:
    """Return lines under a scope, such as `D1` or `D1 {account}`, or with a key if it has {number}."""
    is_key = "{number}" in scope
    lines = []
    for number, (account, amount) in enumerate(postings):
        text = scope.format(account=account, number=number)
        key, of_scope = (text, None) if is_key else (None, text)
        lines.append(Line(key, scope=of_scope, account=account, amount=amount))
    return lines


def read_again(
    zone: Zone, files: Sequence[Postings], before: str, after: str, *, gone: str = "", **values: Any
) -> dict[str, tuple[str, ...]]:
    """Deliver files under one key or scope, let all count, read them again under another; return what is held."""
    mode = UPSERT if "{number}" in before else SCOPED
    names = [f"{letter}.csv" for letter in "abcde"[: len(files)]]
    for name, postings in zip(names, files, strict=True):
        zone.append(decision_on("accepted", zone.deliver(name, posted(postings, before), name, **mode)))
        zone.evaluate()
    for name, postings in zip(names, files, strict=True):
        if name != gone:
            own = values if name == names[-1] else {}
            zone.deliver(name, posted(postings, after), name, delivery_id=f"{name}@again", **mode, **own)
    return zone.evaluate_held()


def own_lines(rows: int, gross: str, mode: str = "replace_period") -> str:
    return RETURNS.replace("append", mode).replace("lines 2, gross 15.00", f"lines {rows}, gross {gross}")


def test_a_line_that_a_later_file_dropped_does_not_return_under_a_narrower_scope(tmp_path: Path):
    """The 11.00 would count beside the 12.00. Neither file counts under the new scope without the other."""
    zone = Zone(tmp_path / "processed")
    held = read_again(zone, DROPPED, "D1", "D1 {account}")
    assert held == {"a.csv": (own_lines(1, "11.00"),), "b.csv": (own_lines(2, "21.00"),)}
    assert set(zone.live) == {"a.csv@a.csv", "b.csv@b.csv"}


def test_the_later_file_counts_under_the_narrower_scope_once_the_other_is_withdrawn(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    read_again(zone, DROPPED, "D1", "D1 {account}")
    first, second = (one.event for one in sorted(zone.state.inactive, key=lambda one: one.event.object_key))
    zone.append(decision_on("withdrawn", first), decision_on("accepted", second))
    assert zone.live == ["b.csv@again"]


@pytest.mark.parametrize(("before", "after"), [("D1", "D1 {account}"), ("D1 {account}", "D1")])
@pytest.mark.parametrize("more", [(), (COMPLETE[0],), (COMPLETE[0], COMPLETE[1])])
def test_another_scope_under_which_the_same_lines_count_holds_none(
    tmp_path: Path, before: str, after: str, more: tuple[Postings, ...]
):
    zone = Zone(tmp_path / "processed")
    files = [*COMPLETE, *more]
    assert read_again(zone, files, before, after) == {}
    assert set(zone.live) == {f"{letter}.csv@again" for letter in "abcd"[: len(files)]}


def test_files_without_lines_in_common_are_not_held_with_others(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    zone.deliver("z.csv", [Line(department="D2", scope="D2")], "z", **SCOPED)
    assert not zone.evaluate_held()
    zone.deliver("z.csv", [Line(department="D2", scope="D2 4000")], "z", delivery_id="z.csv@again", **SCOPED)
    assert set(read_again(zone, DROPPED, "D1", "D1 {account}")) == {"a.csv", "b.csv"}
    assert "z.csv@again" in zone.live


@pytest.mark.parametrize(("before", "after"), [("D1", "D1 {account}"), ("D1 {account}", "D1")])
def test_a_file_waits_if_one_that_replaces_its_lines_is_held(tmp_path: Path, before: str, after: str):
    """The 10.00 would count beside the 12.00, which keeps its scope until a person decides about the doubt."""
    zone = Zone(tmp_path / "processed")
    doubt = ReaderFindings(doubts=("a doubt",))
    held = read_again(zone, COMPLETE, before, after, commit_findings=doubt)
    assert held["a.csv"] == (own_lines(2, "21.00"),)
    assert held["b.csv"] == (own_lines(2, "21.00"), "a doubt")
    assert set(zone.live) == {"a.csv@a.csv", "b.csv@b.csv"}


def test_a_line_that_goes_under_a_wider_scope_leaves_no_other_line_twice(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    held = read_again(zone, DROPPED, "D1 {account}", "D1")
    assert held["a.csv"] == (own_lines(1, "10.00"),)
    assert "b.csv" in held
    assert set(zone.live) == {"a.csv@a.csv", "b.csv@b.csv"}


def keyed_again(zone: Zone, files: Sequence[Postings], before: str, after: str) -> dict[str, tuple[str, ...]]:
    """Deliver files under the fields of one scope, and read them again under others; return what is held."""
    for scope, fields in ((before, "department,account"), (after, "department")):
        for name, postings in zip("abc", files, strict=False):
            again = f"{name}.csv@{len(fields)}"
            zone.deliver(f"{name}.csv", posted(postings, scope), name, delivery_id=again, keyed_by=fields, **SCOPED)
        held = zone.evaluate_held()
    return held


def test_no_share_of_the_lines_of_a_department_goes_because_a_scope_is_wider(tmp_path: Path):
    """Half of them may, if a file says so; here no file does. While the first file counts as before, one returns."""
    zone = Zone(tmp_path / "processed")
    held = keyed_again(zone, DROPPED, "D1 {account}", "D1")
    assert held == dict.fromkeys(("a.csv", "b.csv"), (own_lines(1, "10.00"),))
    assert {one.event.keyed_by for one in zone.state.live} == {"department,account"}


def test_a_wider_scope_under_which_the_same_lines_count_holds_none(tmp_path: Path):
    zone = Zone(tmp_path / "processed")
    assert keyed_again(zone, [*COMPLETE, COMPLETE[0]], "D1 {account}", "D1") == {}
    assert {one.event.keyed_by for one in zone.state.live} == {"department"}


@pytest.mark.parametrize("gone", ["a.csv", "b.csv"])
def test_a_file_that_is_gone_keeps_its_scope_and_the_other_one_waits(tmp_path: Path, gone: str):
    zone = Zone(tmp_path / "processed")
    held = read_again(zone, COMPLETE, "D1", "D1 {account}", gone=gone)
    assert held == {({"a.csv", "b.csv"} - {gone}).pop(): (own_lines(2, "21.00"),)}


def test_a_file_of_which_another_one_has_all_keys_does_not_return_beside_it(tmp_path: Path):
    """The later file has more lines, so its keys would go; the earlier one would count beside it."""
    zone = Zone(tmp_path / "processed")
    files = [[("4000", "10.00")], [("4000", "12.00"), ("5000", "13.00"), ("6000", "14.00")]]
    held = read_again(zone, files, "{number}", "{number} {account}")
    assert held["a.csv"] == (own_lines(1, "10.00", "upsert"),)
    assert set(zone.live) == {"a.csv@a.csv", "b.csv@b.csv"}


@pytest.mark.parametrize("other", [{}, {"reads_again": "a.csv@v1"}])
def test_a_new_version_of_the_later_file_may_bring_lines_back_while_others_are_read_again(
    tmp_path: Path, other: Mapping[str, Any]
):
    """The keys of both are as they were, so the new version lacks the line on purpose."""
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", posted(COMPLETE[0], "{number}"), **UPSERT)
    zone.deliver("b.csv", posted(COMPLETE[1], "{number}"), "w", **UPSERT)
    assert not zone.evaluate_held()
    in_another_department = [replace(line, department="D2") for line in posted(COMPLETE[0], "{number}")]
    zone.deliver("a.csv", in_another_department, delivery_id="a.csv@again", **UPSERT, **other)
    zone.deliver("b.csv", posted(DROPPED[1], "{number}"), "x", **UPSERT)
    assert zone.evaluate_held() == {}
