"""Feed sets: which descriptor reads a file, and which files a broken one stops."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from finance_platform.errors import HomeError
from finance_platform.feeds import file_names
from finance_platform.feeds.descriptor import feed as descriptor_feed
from finance_platform.feeds.feed_set import FeedSet, load_feed_set, shipped_descriptors
from finance_platform.feeds.lines.ledger_lines import LedgerLines
from finance_platform_tests.unit.factories import LEDGER, descriptor, raw_batch, settings, with_lines, write


def feed_set_of(tmp_path: Path, **files: str) -> FeedSet:
    """The feed set of a home with these descriptors, by file name without .yaml."""
    for name, text in files.items():
        write(tmp_path / "feeds" / f"{name}.yaml", text)
    return load_feed_set(tmp_path / "feeds")


def named(name: str, path: str, **replaced: str) -> str:
    return with_lines(LEDGER, feed=name, path=path, **replaced)


def feed_of(feed_set: FeedSet, object_key: str) -> str | None:
    match = feed_set.match(object_key)
    assert match.feed is None or match.problem is None
    return match.feed.feed if match.feed else None


@pytest.mark.parametrize(
    ("object_key", "expected"),
    [
        ("transactions.csv", "transactions"),
        ("transactions_2025.csv", "transactions"),
        ("budget-v2.csv", "budget"),
        ("forecast.csv", "forecast"),
        ("departments.csv", "departments"),
        ("accounts.csv", "accounts"),
        ("comments_2025-09.csv", "comments"),
        ("statement_lines.csv", "statement_lines"),
        ("report_pack-2025-09.xlsx", "pack_comments"),
        ("report_pack.html", None),
        ("2025/transactions.csv", None),
        ("old_transactions.csv", None),
        ("transactions.csv.bak", None),
        ("notes.txt", None),
    ],
)
def test_shipped_feeds_read_files_of_their_names_at_the_top_of_the_raw_zone(
    object_key: str, expected: str | None, tmp_path: Path
) -> None:
    assert feed_of(load_feed_set(tmp_path / "no such folder"), object_key) == expected


def test_a_file_is_compared_only_with_feeds_whose_files_begin_as_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home may have hundreds of descriptors, and thousands of files."""
    paths = {f"source_{number}": f"source_{number:03d}*.csv" for number in range(60)}
    paths |= {"any": "[x-z]*.csv", "braces": "{Europe,asia}/*.csv", "folder": "in/*/march.csv", "dots": "./q//r.csv"}
    feed_set = feed_set_of(tmp_path, **{name: named(name, f"'{path}'") for name, path in paths.items()})
    assert not feed_set.problems
    compared: list[str] = []

    def compare(glob: str, key: str) -> bool:
        compared.append(glob)
        return file_names.matches_glob(glob, key)

    monkeypatch.setattr(descriptor_feed, "matches_glob", compare)
    keys = [
        *("source_007.csv", "SOURCE_059_x.CSV", "source_06.csv", "source_060.csv", "y1.csv", "Y1.csv", "europe/a.csv"),
        *("Asia/B.csv", "asia.csv", "in/2025/March.csv", "in/march.csv", "q/r.csv", "/q/./r.csv", "accounts.csv", ""),
    ]
    matched = {key: feed_of(feed_set, key) for key in keys}
    assert len(compared) < 2 * len(keys)
    assert matched == {
        key: next((feed.feed for feed in (*feed_set.own, *feed_set.shipped) if feed.matches(key)), None) for key in keys
    }
    assert {"source_7", "source_59", "any", "braces", "folder", "dots"} <= set(matched.values())


def test_of_files_whose_names_differ_in_digits_alone_one_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed_set = feed_set_of(tmp_path, lines=named("lines", "sales_??_*.csv"), other=named("other", "in/sales*.csv"))
    compared: list[str] = []

    def compare(glob: str, key: str) -> bool:
        compared.append(key)
        return file_names.matches_glob(glob, key)

    monkeypatch.setattr(descriptor_feed, "matches_glob", compare)
    assert {feed_of(feed_set, f"sales_{number:02}_{number * 37:04}.csv") for number in range(100)} == {"lines"}
    assert len(compared) == 1
    assert feed_of(feed_set, "sales_1_0000.csv") is None
    assert feed_of(feed_set, "in/sales_7.csv") == "other"


@pytest.mark.parametrize("paths", [("sales_2025*.csv", "sales_2026*.csv"), ("s[0-4].csv", "s[5-9].csv")])
def test_digits_in_a_path_tell_files_apart(paths: tuple[str, str], tmp_path: Path) -> None:
    feed_set = feed_set_of(tmp_path, first=named("first", paths[0]), second=named("second", paths[1]))
    keys = ("sales_2025.csv", "sales_2026.csv", "sales_2024.csv") if "20" in paths[0] else ("s1.csv", "s6.csv", "s.csv")
    assert [feed_of(feed_set, key) for key in keys] == ["first", "second", None]


def test_digits_in_the_path_of_a_descriptor_that_is_not_valid_tell_files_apart(tmp_path: Path) -> None:
    broken = named("broken", "transactions_1.csv", load="{mode: no such mode}")
    feed_set = feed_set_of(tmp_path, broken=broken)
    assert feed_set.match("transactions_2.csv").feed is not None
    assert feed_set.match("transactions_1.csv").broken_descriptor


@pytest.mark.parametrize("keys", [("a1b.csv", "a2b.csv"), ("a0b.csv", "a1b.csv"), ("a1b.csv", "a0b.csv")])
def test_each_file_that_two_feeds_match_is_named_in_its_own_problem(keys: tuple[str, str], tmp_path: Path) -> None:
    feed_set = feed_set_of(tmp_path, one=named("one", "a*.csv"), two=named("two", "*b.csv"))
    for _ in range(2):
        for key in keys:
            problem = feed_set.match(key).problem
            assert problem is not None
            assert problem.where == key


def test_shipped_descriptors_are_valid_and_named_like_their_files() -> None:
    assert [shipped.feed for shipped in shipped_descriptors()] == [
        "accounts", "budget", "comments", "departments", "forecast", "pack_comments", "statement_lines", "transactions",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("object_key", "scenario"),
    [
        ("budget.csv", "Budget"),
        ("budget_q1.csv", "Budget Q1"),
        ("Budget Q1.CSV", "Budget Q1"),
        ("budget_q2.csv", "Budget Q2"),
        ("budget_q3.csv", "Budget Q3"),
        ("budget_q4.csv", "Budget Q4"),
        ("budget_Q4.csv", "Budget Q4"),
        ("budget-q1.csv", "Budget Q1"),
        ("budgetq1.csv", "Budget Q1"),
        ("budget_q1_hr.csv", "Budget Q1"),
        ("budget_hr.csv", "Budget"),
        ("budget_hr_q1.csv", "Budget"),
        ("budget_2025.csv", "Budget"),
        ("budget_q5.csv", "Budget"),
        ("budget_q10.csv", "Budget"),
        ("budget_q1x.csv", "Budget"),
        ("forecast.csv", "Forecast"),
        ("forecast_2025-06.csv", "Forecast 2025-06"),
        ("forecast_202506.csv", "Forecast 2025-06"),
        ("Forecast_2025-06.csv", "Forecast 2025-06"),
        ("forecast_2025_06.csv", "Forecast 2025-06"),
        ("forecast_2025-06_hr.csv", "Forecast 2025-06"),
        ("forecast_2025.csv", "Forecast"),
        ("forecast_20250615.csv", "Forecast"),
        ("forecast_q1.csv", "Forecast"),
        ("forecast_hr.csv", "Forecast"),
    ],
)
def test_a_shipped_plan_has_the_scenario_of_its_name(object_key: str, scenario: str, tmp_path: Path) -> None:
    matched = load_feed_set(tmp_path).match(object_key).feed
    assert matched
    header = ["period", "department_code", "account_number", "amount", "scenario"]
    for columns, expected in ((header[:4], scenario), (header, "Budget V9")):
        lines = LedgerLines(matched.resolve(settings()), columns, object_key)
        row = ["2025-01", "D1", "6100", "1.00", "budget V9"][: len(columns)]
        typed, _ = lines.type_batch(raw_batch(columns, [row]))
        values = {name: typed[name].to_pylist() for name in ("scenario", "outcome", "posting_date")}
        assert values == {"scenario": [expected], "outcome": ["accepted"], "posting_date": [date(2025, 1, 1)]}


def test_a_star_in_a_path_stays_inside_one_folder() -> None:
    council = descriptor(path="council/*.csv")
    matched = [key for key in ("council/a.csv", "council/b/a.csv", "a.csv", "x/council/a.csv") if council.matches(key)]
    assert matched == ["council/a.csv"]


def test_a_home_s_own_feed_takes_precedence_over_a_shipped_one(tmp_path: Path) -> None:
    feed_set = feed_set_of(tmp_path, mine=named("my_ledger", "transactions*.csv"))
    assert feed_of(feed_set, "transactions.csv") == "my_ledger"
    assert feed_of(feed_set, "budget.csv") == "budget"


def test_a_home_s_own_feed_replaces_the_shipped_one_of_the_same_name(tmp_path: Path) -> None:
    feed_set = feed_set_of(tmp_path, mine=named("transactions", "ledger/*.csv"))
    assert feed_of(feed_set, "ledger/a.csv") == "transactions"
    assert feed_of(feed_set, "transactions.csv") is None
    assert [feed.feed for feed in feed_set.feeds].count("transactions") == 1


def test_a_file_that_two_feeds_of_a_home_match_is_read_by_neither_and_the_problem_names_both(tmp_path: Path) -> None:
    feed_set = feed_set_of(tmp_path, a=named("first", "ledger*.csv"), b=named("second", "'*_2025.csv'"))
    problem = feed_set.match("ledger_2025.csv").problem
    assert problem is not None
    assert problem.message == "two feeds match this file: first (path: ledger*.csv) and second (path: *_2025.csv)"
    assert problem.fix
    assert feed_of(feed_set, "ledger_2024.csv") == "first"


def test_a_feed_that_is_described_twice_is_a_problem_and_the_first_description_counts(tmp_path: Path) -> None:
    feed_set = feed_set_of(tmp_path, a=named("twice", "a*.csv"), b=named("twice", "b*.csv"))
    (problem,) = feed_set.problems
    assert problem.where.endswith("b.yaml")
    assert "'twice' is described twice" in problem.message
    assert feed_of(feed_set, "a.csv") == "twice"
    assert feed_set.match("b.csv").problem is not None


def test_an_invalid_descriptor_stops_the_files_on_its_path_and_no_others(tmp_path: Path) -> None:
    bad = named("mine", "transactions*.csv").replace("account:", "acount:")
    feed_set = feed_set_of(tmp_path, bad=bad, good=named("other", "other*.csv"))
    (problem,) = feed_set.problems
    assert problem.where == str(tmp_path / "feeds" / "bad.yaml")
    assert problem.message.startswith("line 5: columns.acount is not a field of ledger")
    stopped = feed_set.match("transactions.csv")
    assert stopped.feed is None
    assert stopped.problem is not None
    assert "bad.yaml is not valid" in stopped.problem.message
    assert [feed_of(feed_set, key) for key in ("other.csv", "budget.csv")] == ["other", "budget"]


@pytest.mark.parametrize(
    "text",
    [
        "path: 'transactions*.csv'   # ours\nfeed: [",
        'feed: a\nfeed: b\npath: "transactions*.csv"\n',
        "feed: a\x07\npath: transactions*.csv\n",
    ],
)
def test_a_descriptor_that_is_not_valid_yaml_still_stops_the_files_on_its_path(text: str, tmp_path: Path) -> None:
    feed_set = feed_set_of(tmp_path, bad=text)
    assert len(feed_set.problems) == 1
    assert feed_of(feed_set, "transactions.csv") is None
    assert feed_of(feed_set, "budget.csv") == "budget"


def test_a_descriptor_in_another_encoding_is_a_problem_that_names_the_file(tmp_path: Path) -> None:
    write(tmp_path / "feeds" / "bad.yaml", named("mine", "a*.csv", owner="Müller").encode("cp1252"))
    (problem,) = load_feed_set(tmp_path / "feeds").problems
    assert problem.where == str(tmp_path / "feeds" / "bad.yaml")
    assert "bad.yaml" not in problem.message
    assert "UTF-8" in problem.fix


def test_a_descriptor_that_cannot_be_opened_is_a_problem_and_the_others_count(tmp_path: Path) -> None:
    (tmp_path / "feeds" / "folder.yaml").mkdir(parents=True)
    (tmp_path / "feeds" / "dangling.yml").symlink_to(tmp_path / "nowhere.yml")
    feed_set = feed_set_of(tmp_path, good=named("good", "good*.csv"))
    assert len(feed_set.problems) == 2
    assert feed_of(feed_set, "good.csv") == "good"


def test_a_descriptor_that_is_no_plain_file_of_the_feeds_folder_is_refused_and_the_others_count(tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    outside = write(tmp_path / "elsewhere.yaml", named("mine", "mine*.csv"))
    write(folder / "pipe.yaml", "").unlink()
    os.mkfifo(folder / "pipe.yaml")
    (folder / "device.yaml").symlink_to("/dev/zero")
    (folder / "outside.yaml").symlink_to(outside)
    feed_set = feed_set_of(tmp_path, good=named("good", "good*.csv"))
    assert {Path(problem.where).name: problem.message for problem in feed_set.problems} == {
        "device.yaml": f"it is a link to '/dev/zero', which leads out of the folder '{folder}'",
        "outside.yaml": f"it is a link to '{outside}', which leads out of the folder '{folder}'",
        "pipe.yaml": "it is a named pipe (FIFO), not a plain file",
    }
    assert {problem.fix for problem in feed_set.problems} == {
        "put a copy into the folder instead of the link; the folder itself may be a link",
        "put a plain file in its place, or take it out of the folder",
    }
    assert feed_of(feed_set, "good.csv") == "good"
    assert feed_of(feed_set, "mine.csv") is None


def test_a_feeds_folder_may_be_a_link_and_a_descriptor_may_be_one_to_a_file_in_it(tmp_path: Path) -> None:
    write(tmp_path / "shared" / "versions" / "2.yaml", named("mine", "mine*.csv"))
    (tmp_path / "shared" / "mine.yaml").symlink_to("versions/2.yaml")
    (tmp_path / "feeds").symlink_to("shared")
    feed_set = load_feed_set(tmp_path / "feeds")
    assert (feed_set.problems, feed_of(feed_set, "mine.csv")) == ((), "mine")


def test_descriptors_may_end_in_yml(tmp_path: Path) -> None:
    write(tmp_path / "feeds" / "mine.yml", named("mine", "mine.csv"))
    assert feed_of(load_feed_set(tmp_path / "feeds"), "mine.csv") == "mine"


def test_the_feeds_of_a_home_are_listed_by_name(tmp_path: Path) -> None:
    feed_set = feed_set_of(tmp_path, z=named("zebra", "z.csv"), a=named("ant", "a.csv"))
    listed: list[Any] = [feed.feed for feed in feed_set.feeds]
    assert listed == sorted([*(shipped.feed for shipped in shipped_descriptors()), "ant", "zebra"])


def test_a_folder_of_descriptors_that_cannot_be_listed_stops_everything(tmp_path: Path) -> None:
    # Without its descriptors, a home's files would be read by shipped feeds, or not at all.
    (tmp_path / "feeds").write_text("")
    with pytest.raises(HomeError, match=r"cannot list .*feeds: Not a directory"):
        load_feed_set(tmp_path / "feeds")


def test_each_of_many_descriptors_is_parsed_once(tmp_path: Path) -> None:
    """Every step and every tick loads them all, in one order."""
    for number in range(260):
        write(tmp_path / f"f{number}.yaml", with_lines(LEDGER, feed=f"f{number}", path=f"f{number}.csv"))
    first, second = load_feed_set(tmp_path), load_feed_set(tmp_path)
    assert len(first.own) == 260
    assert all(feed is again for feed, again in zip(first.own, second.own, strict=True))


def test_which_feed_reads_a_file_is_found_once_as_long_as_the_descriptors_are_the_same(tmp_path: Path) -> None:
    write(tmp_path / "own.yaml", LEDGER)
    feed_set = load_feed_set(tmp_path)
    match = feed_set.match("ledger.csv")
    assert match.feed is not None
    assert match.feed.feed == "ledger"
    assert load_feed_set(tmp_path).match("ledger.csv") is match
    write(tmp_path / "own.yaml", with_lines(LEDGER, path="other.csv"))
    assert load_feed_set(tmp_path).match("ledger.csv").feed is None
    assert load_feed_set(tmp_path).match("other.csv").feed is not None


def test_a_descriptor_that_is_written_in_another_way_is_the_one_that_is_used(tmp_path: Path) -> None:
    """A process that kept the equal one would see another hash than the run, and start runs for ever."""
    for share in ("0.1", "0.10"):
        write(tmp_path / "own.yaml", with_lines(LEDGER, tolerance=f"{{rejected_rows: {share}}}"))
        (feed,) = load_feed_set(tmp_path).own
        assert str(feed.tolerance.rejected_rows) == share
