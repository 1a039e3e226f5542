"""Descriptors that cannot be used: each stops its own files, whatever it contains, and nothing that counts moves."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.code_version import JobName
from finance_platform.deliveries.discovery import RawZoneScan, scan_raw_zone
from finance_platform.deliveries.register import Register
from finance_platform.errors import DescriptorError
from finance_platform.feeds import feed_set as feed_sets
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.feed_set import load_feed_set, shipped_descriptors
from finance_platform.feeds.limits import MAX_DESCRIPTOR_BYTES
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.refresh.steps.standardise import standardise
from finance_platform.storage.local import LocalStore
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.factories import LEDGER, settings, with_columns, with_lines, write

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def scan(home: Path) -> RawZoneScan:
    """Scan a home as a run does; each time a minute later."""
    register = Register(LocalStore(home / "processed"))
    at = NOON + timedelta(minutes=len(register.events()))
    feed_set = load_feed_set(home / "feeds")
    scan = scan_raw_zone(LocalStore(home / "raw"), register, feed_set, settings(), at=at, run_id="run")
    register.append(scan.new)
    return scan


def refusal(text: str) -> DescriptorError | None:
    """Return why a descriptor is refused; None if it is valid."""
    try:
        parse_descriptor(text, "x.yaml")
    except DescriptorError as error:
        return error
    return None


# What a descriptor may contain


@pytest.mark.parametrize(
    ("text", "line", "message", "fix"),
    [
        (BOMB, 5, "more than 20,000 values up to here, counted with what aliases (*name) repeat", "write fewer"),
        ("feed: deep\nx: " + "[" * 2_000 + "]" * 2_000, 2, "lists and mappings are nested more than 20 deep", "remove"),
        ("feed: deep\nx: " + "{a: " * 2_000, 2, "nested more than 20 deep", "remove"),
        ("- " * 50_000, 1, "nested more than 20 deep", "remove"),
        ("a: &a\n  b: [*a]\n", 2, "the alias *a is inside the part that it repeats", "correct"),
        ("a: &a [[[[[[[[x]]]]]]]]\nb: &b [[[[[[[[*a]]]]]]]]\nc: [[[[[*b]]]]]\n", 3, "nested more than 20", "remove"),
        ("feed: a\nkind: !!python/object/apply:os.system [id]\n", 2, "the tag 'tag:yaml.org,2002:python/obj", "remove"),
        ("feed: a\nkind: !!int 5\n", 2, "is not allowed, because every value is text", "remove the tag"),
        ('feed: "\\ud800"\n', 1, "a text has the character U+D800", "remove it"),
        ('feed: a\nowner: "\\0"\n', 2, "a text has the character U+0000", "remove it"),
        ('feed: "\\UFFFFFFFF"\n', 1, "the number of an escape or a directive is too large", "correct"),
        (f"%YAML {'1' * 5_000}.1\n---\nfeed: a\n", 1, "the number of an escape or a directive is too large", "correct"),
        ("description: " + "x" * 10_001, 1, "a text has 10,001 characters; at most 10,000 are read", "shorten it"),
        ("? [a, b]\n: c\n", 1, "unhashable key", "correct"),
        ("feed: a\n---\nfeed: b\n", 2, "another document", "correct"),
    ],
)  # fmt: skip
def test_yaml_that_is_no_descriptor_is_refused_with_line_and_fix(text: str, line: int, message: str, fix: str) -> None:
    with pytest.raises(DescriptorError) as caught:
        parse_descriptor(text, "x.yaml")
    assert f"line {line}: " in caught.value.found
    assert message in caught.value.found
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (with_lines(LEDGER, order="{from_name: '(?=v)([0-9]+)'}"), "order.from_name: '(?=v)([0-9]+)' is not a valid"),
        (with_lines(LEDGER, order=f"{{from_name: '{'a' * 201}'}}"), "at most 200 characters"),
        (with_lines(LEDGER, load="{mode: replace_period, covers: {from_name: '(a++)'}}"), "of RE2"),
        (with_lines(LEDGER, order="{from_name: '((a{1000}){1000})'}"), "invalid repetition size"),
        (with_lines(LEDGER, path="'" + "*a" * 600 + ".csv'"), "at most 1000 characters"),
        (with_lines(LEDGER, constants="{scenario: Actual, currency: " + "x" * 501 + "}"), "at most 500 characters"),
        (with_lines(LEDGER, dialect="{encoding: utf-7}"), "'utf-7' is not an encoding of files"),
        (with_lines(LEDGER, dialect="{encoding: punycode}"), "'punycode' is not an encoding of files"),
        (with_lines(LEDGER, dialect=f"{{header_row: {'9' * 5_000}}}"), "dialect.header_row"),
        (with_lines(LEDGER, freshness="{fail_after_days: 1000000000000}"), "expected a number up to 36500"),
        (with_lines(LEDGER, tolerance="{rejected_amount: 1e999999999}"), "expected a number up to 1"),
        (with_lines(LEDGER, tolerance="{rejected_amount: NaN}"), "tolerance.rejected_amount"),
        (with_lines(LEDGER, hold_if_removes=".inf"), "hold_if_removes"),
        (with_columns({"amount": "{from: Amount, scale: sNaN}"}), "'sNaN' is not a power of ten"),
        (with_lines(LEDGER, scenarios="{" + ", ".join(f"S{i}: Budget" for i in range(101)) + "}"), "at most 100 items"),
        (with_columns({"date": f"{{from: Date, formats: ['{'yyyy-MM ' * 40}']}}"}), "more than 200 characters"),
        (with_columns({"account": "{from: '" + "{A}" * 101 + "'}"}), "a template joins at most 100 columns"),
    ],
)
def test_values_that_could_stop_more_than_their_feed_are_refused(text: str, message: str) -> None:
    with pytest.raises(DescriptorError) as caught:
        parse_descriptor(text, "x.yaml")
    assert message in caught.value.found


@pytest.mark.parametrize("shape", ["unpivot: {columns: [Jan], into: amount}", "measures: {Jan: {amount: x}}"])
def test_a_shape_without_a_field_of_its_own_asks_for_no_field_in_the_key(shape: str) -> None:
    error = refusal(f"{LEDGER}load: {{mode: upsert, key: [transaction_id]}}\n{shape}\n")
    assert error is not None
    assert "needs ," not in error.found


def test_a_descriptor_with_thousands_of_mistakes_is_refused_with_the_first_ones() -> None:
    for text in ("".join(f"key_{i}: x\n" for i in range(1_000)), "feed: a\n" * 1_000):
        with pytest.raises(DescriptorError) as caught:
            parse_descriptor(text, "x.yaml")
        assert "more" in caught.value.found
        assert len(caught.value.found) < 3_000


def test_anchors_and_aliases_of_ordinary_size_are_read() -> None:
    text = LEDGER.replace("{from: Dept}", "&code {from: Dept}").replace("{from: Account}", "*code")
    columns = parse_descriptor(text, "x.yaml").columns
    assert columns["account"] == columns["department"]


_words = st.sampled_from(
    ["feed", "kind", "path", "columns", "load", "order", "dialect", "ledger", "a*.csv", "from", "1", "&a", "*a", "~"]
)
_parts: st.SearchStrategy[object] = st.recursive(
    _words | st.text(max_size=8),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(_words | st.text(max_size=5), part, max_size=5),
    max_leaves=12,
)


@given(st.text(max_size=80) | _parts.map(lambda value: yaml.safe_dump(value, allow_unicode=True)))
def test_whatever_a_descriptor_contains_it_is_valid_or_refused(text: str) -> None:
    error = refusal(text)
    assert error is None or (error.found.startswith("x.yaml, line ") and error.fix)


EXAMPLES = [
    yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[2] / "feed_examples").rglob("*.yaml"))
]
ODD = ["sNaN", "NaN", ".inf", "1e400", "1E+30", "9" * 400, "-1", "0", "", " ", "(", "[a", "{", "*", "2025-02-30", "~"]


def _with_odd_value(node: Any, odd: object, choose: Callable[[list[Any]], Any]) -> Any:
    """Return a document of YAML with another value in one place."""
    if not isinstance(node, dict | list) or not node or choose([False, False, False, True]):
        return odd
    places = list(node) if isinstance(node, dict) else list(range(len(node)))
    chosen = choose(places)
    changed = dict(node) if isinstance(node, dict) else list(node)
    changed[chosen] = _with_odd_value(node[chosen], odd, choose)
    return changed


@given(st.sampled_from(EXAMPLES), st.sampled_from([*ODD, [], {}, ["sNaN"], {"sNaN": "x"}]), st.data())
def test_whatever_value_of_a_descriptor_is_odd_it_is_valid_or_refused(
    example: dict[str, Any], odd: object, data: st.DataObject
) -> None:
    changed = _with_odd_value(example, odd, lambda options: data.draw(st.sampled_from(options)))
    error = refusal(yaml.safe_dump(changed, allow_unicode=True))
    assert error is None or (error.found.startswith("x.yaml, line ") and error.fix)


@given(
    st.dictionaries(
        st.sampled_from(["dialect", "columns", "constants", "scenarios", "load", "order", "tolerance", "freshness"]),
        _parts,
        min_size=1,
        max_size=3,
    )
)
def test_whatever_a_part_of_a_descriptor_contains_it_is_valid_or_refused(parts: Mapping[str, object]) -> None:
    values = yaml.load(LEDGER, yaml.BaseLoader) | dict(parts)  # noqa: S506  it builds text, lists and dicts only
    error = refusal(yaml.safe_dump(values))
    assert error is None or (error.found.startswith("x.yaml, line ") and error.fix)


# How a descriptor's file may be broken


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _link(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


BREAKAGES: dict[str, Callable[[Path], object]] = {
    "typo": lambda file: file.write_text(file.read_text().replace("account:", "acount:")),
    "alias bomb": lambda file: file.write_text(BOMB),
    "brackets": lambda file: file.write_text("x: " + "[" * 100),
    "brackets after its keys": lambda file: file.write_text(file.read_text() + "x: " + "[" * 100),
    "100 MB": lambda file: os.truncate(file, 100_000_000),
    "not UTF-8": lambda file: file.write_bytes(b"\xff\xfe" + file.read_bytes()),
    "empty": lambda file: file.write_text(""),
    "pattern of Perl": lambda file: file.write_text(file.read_text() + "order: {from_name: '(?<=v)x'}\n"),
    "path that is not allowed": lambda file: file.write_text(with_lines(file.read_text(), path="a.parquet")),
    "name that is not allowed": lambda file: file.write_text(with_lines(file.read_text(), feed="No Name")),
    "pipe": _pipe,
    "folder": _folder,
    "link to nowhere": _link,
}

FEEDS: dict[str, tuple[str, str, str]] = {
    "a path of its own": ("mine", "mine", "mine*.csv"),
    "in place of a shipped feed, by path": ("mine", "mine", "transactions*.csv"),
    "in place of a shipped feed, by name": ("transactions", "transactions", "transactions*.csv"),
    "in place of a shipped feed, under another file name": ("ours", "transactions", "transactions*.csv"),
}
"""File name, feed and path."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose feed has read a file, beside files of a shipped feed and of another one of the home."""
    write(tmp_path / "feeds" / "other.yaml", with_lines(LEDGER, feed="other", path="other*.csv"))
    for name in ("mine_1.csv", "transactions_1.csv", "other_1.csv", "budget.csv"):
        write(tmp_path / "raw" / name, "a,b\n1,2\n")
    return tmp_path


def _cases() -> list[tuple[str, str]]:
    """Every breakage of every feed at night; else every breakage, of one feed or the other."""
    cases = list(product(BREAKAGES, FEEDS))
    return cases if current_profile().is_exhaustive else cases[::3]


@pytest.mark.parametrize(("breakage", "feed"), _cases())
def test_nothing_that_counts_moves_because_a_descriptor_broke(breakage: str, feed: str, home: Path) -> None:
    stem, name, path = FEEDS[feed]
    file = write(home / "feeds" / f"{stem}.yaml", with_lines(LEDGER, feed=name, path=path))
    own = path.replace("*", "_1")
    before = {event.object_key: event for event in scan(home).events}
    assert before[own].feed == name
    BREAKAGES[breakage](file)
    write(home / "raw" / "other_2.csv", "a,b\n3,4\n")
    write(home / "raw" / own, "a,b\nnew,content\n")
    write(home / "raw" / path.replace("*", "_2"), "a,b\n5,6\n")
    after = scan(home)
    new = [event.object_key for event in after.new]
    expected = ["other_2.csv"]
    problem = next(problem for problem in after.problems if problem.where == str(file))
    assert new == expected
    assert own in problem.message
    assert problem.fix
    assert list(after.vanished) == []
    assert scan(home).new_count == 0


class NoJobs:
    """A runner of jobs for a step that has nothing to read."""

    def run(self, job: JobName, request: bytes) -> dict[str, Any]:
        raise AssertionError(f"{job} was started for {request!r}")


def test_a_delivery_that_waits_to_be_read_is_not_read_by_the_rules_of_a_shipped_feed_of_that_name(home: Path) -> None:
    file = write(home / "feeds" / "ours.yaml", with_lines(LEDGER, feed="transactions", path="transactions*.csv"))
    write(home / "feeds" / "other.yaml", BOMB)
    (home / "raw" / "budget.csv").unlink()
    assert [event.object_key for event in scan(home).events] == ["transactions_1.csv"]
    file.write_text(BOMB)
    scan(home)
    raw, processed = LocalStore(home / "raw"), LocalStore(home / "processed")
    done = standardise(raw, processed, NoJobs(), settings(home=home), clock=lambda: NOON, run_id="run")
    assert (list(done.read.commits), list(done.verdicts)) == ([], [])


def test_a_broken_descriptor_that_never_read_anything_stops_no_other_file(home: Path) -> None:
    write(home / "feeds" / "mine.yaml", with_lines(LEDGER, feed="mine", path="mine*.csv"))
    write(home / "feeds" / "bomb.yaml", BOMB)
    first = scan(home)
    assert {event.object_key: event.feed for event in first.events} == {
        "budget.csv": "budget", "mine_1.csv": "mine", "other_1.csv": "other", "transactions_1.csv": "transactions",
    }  # fmt: skip
    write(home / "raw" / "transactions_1.csv", "a,b\ncorrected,content\n")
    write(home / "raw" / "transactions_2.csv", "a,b\n5,6\n")
    assert [event.object_key for event in scan(home).events[4:]] == ["transactions_1.csv", "transactions_2.csv"]


def test_of_several_descriptors_that_say_nothing_the_one_named_like_the_feed_is_reported_with_its_files(
    home: Path,
) -> None:
    file = write(home / "feeds" / "mine.yaml", with_lines(LEDGER, feed="mine", path="mine*.csv"))
    write(home / "feeds" / "bomb.yaml", BOMB)
    scan(home)
    file.write_text(BOMB)
    messages = {Path(problem.where).name: problem.message for problem in scan(home).problems}
    assert messages["mine.yaml"].endswith("; 1 file is not read because of it: mine_1.csv")
    assert "not read because" not in messages["bomb.yaml"]


def test_a_descriptor_that_works_again_reads_what_it_missed(home: Path) -> None:
    text = with_lines(LEDGER, feed="mine", path="transactions*.csv")
    file = write(home / "feeds" / "mine.yaml", text)
    scan(home)
    file.write_text(BOMB)
    write(home / "raw" / "transactions_2.csv", "a,b\n5,6\n")
    scan(home)
    file.write_text(text)
    new = scan(home)
    assert [(event.object_key, event.feed) for event in new.events[3:]] == [("transactions_2.csv", "mine")]
    assert list(new.problems) == []


def test_a_broken_copy_of_a_descriptor_does_not_stop_the_files_of_the_valid_one(home: Path) -> None:
    write(home / "feeds" / "mine.yaml", with_lines(LEDGER, feed="mine", path="mine*.csv"))
    scan(home)
    write(home / "feeds" / "copy.yaml", with_lines(LEDGER, feed="mine", path="copy*.csv", x="["))
    write(home / "raw" / "mine_2.csv", "a,b\n5,6\n")
    assert [event.object_key for event in scan(home).events[4:]] == ["mine_2.csv"]


def test_a_broken_descriptor_named_like_a_shipped_feed_keeps_that_feed_from_reading(home: Path) -> None:
    write(home / "feeds" / "transactions.yaml", b"\xff")
    result = scan(home)
    assert {event.feed for event in result.events} == {"budget", "other"}
    (problem,) = result.problems
    assert problem.message == (
        "line 1: byte 0xff is not valid UTF-8; 1 file is not read because of it: transactions_1.csv"
    )


def test_a_descriptor_beyond_the_limit_of_bytes_is_refused_and_its_path_is_still_known(home: Path) -> None:
    text = with_lines(LEDGER, feed="mine", path="transactions*.csv")
    write(home / "feeds" / "mine.yaml", text + "#" * MAX_DESCRIPTOR_BYTES)
    result = scan(home)
    (problem,) = result.problems
    assert problem.message.startswith("it has 262,3")
    assert problem.message.endswith("; 1 file is not read because of it: transactions_1.csv")


def test_descriptors_beyond_their_number_are_reported_and_the_first_ones_read(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        write(home / "feeds" / f"z{number}.yaml", with_lines(LEDGER, feed=f"z{number}", path=f"z{number}.csv"))
    monkeypatch.setattr(feed_sets, "MAX_DESCRIPTORS", 3)
    feed_set = load_feed_set(home / "feeds")
    assert [feed.feed for feed in feed_set.own] == ["other", "z0", "z1"]
    (problem,) = feed_set.problems
    assert problem.message == "it has 5 descriptors; only the first 3 are read"


def test_dagster_s_definitions_load_without_the_feeds_of_broken_descriptors(tmp_path: Path) -> None:
    write(tmp_path / "feeds" / "bomb.yaml", BOMB)
    write(tmp_path / "feeds" / "other.yaml", with_lines(LEDGER, feed="other", path="other*.csv"))
    keys = build_definitions(settings(home=tmp_path)).resolve_asset_graph().get_all_asset_keys()
    names = {key.path[-1] for key in keys if key.path[0] == "raw"}
    assert names == {"other", "unread_files", *(feed.feed for feed in shipped_descriptors())}


@given(st.text(st.sampled_from("a*?[!-]./"), max_size=12), st.text(st.sampled_from("ab./"), max_size=10))
def test_a_glob_matches_what_pathlib_matches(glob: str, key: str) -> None:
    descriptor = with_lines(LEDGER, path="placeholder.csv")
    pattern = f"x{glob}.csv".replace("..", ".").replace("**", "*")
    feed = parse_descriptor(descriptor, "x.yaml").model_copy(update={"path": pattern})
    assert feed.matches(f"x{key}.csv") == PurePosixPath(f"/x{key}.csv").match("/" + pattern)


def test_a_glob_of_many_stars_ends() -> None:
    feed = parse_descriptor(with_lines(LEDGER, path="'" + "*a" * 400 + "*b.csv'"), "x.yaml")
    assert not feed.matches("a" * 100_000 + ".csv")


def test_the_total_of_a_trial_balance_is_a_row_to_skip():
    """As the draft of a ledger has it, of which a person makes one of balances."""
    text = "feed: tb\nkind: balances\npath: tb.csv\ncolumns: {period: Month, account: Account, balance: Balance}\n"
    row = '{column: Account, matches: "^Total"}'
    error = refusal(f"{text}control_total: [{{kind: grand, row: {row}}}]\n")
    assert error is not None
    assert "control_total: a feed of kind balances has no lines to add up; remove it, and name its rows in skip" in str(
        error
    )
    assert refusal(f"{text}skip: [{row}]\n") is None
