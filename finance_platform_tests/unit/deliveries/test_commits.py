"""Delivery commits: identity, documents, and the equation that every commit must satisfy."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finance_platform.deliveries.commits import (
    OUTCOMES,
    Count,
    DataFile,
    DeliveryCommit,
    PeriodCount,
    delivery_id,
    read_commits,
    write_commit,
)
from finance_platform.feeds.reader_versions import OF_FORMAT, reader_version
from finance_platform.feeds.resolved import Kind
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import commit_of, delivered, in_period, money, refused

texts = st.text(max_size=8)
amounts = st.integers(-(10**18), 10**18).map(lambda number: Decimal(number).scaleb(-2))
exact = st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**15), max_value=10**15)
counts = st.builds(Count, st.integers(0, 10**9), amounts, amounts.map(abs), st.integers(0, 10**9))
files = st.lists(st.builds(DataFile, texts, st.integers(0, 10**12)), max_size=2).map(tuple)
commits = st.builds(
    DeliveryCommit,
    delivery_id=texts,
    object_key=texts,
    feed=texts,
    kind=st.sampled_from(["ledger", "departments", "accounts"]),
    fingerprint=texts,
    status=st.sampled_from(["read", "refused"]),
    refusal=texts,
    fix=texts,
    read=st.builds(Count, st.integers(0, 10**9), exact),
    rounding=exact,
    outcomes=st.dictionaries(st.sampled_from(OUTCOMES), counts),
    rules=st.dictionaries(texts, st.integers(1, 100), max_size=2),
    periods=st.lists(
        st.builds(PeriodCount, *[texts] * 3, st.integers(0, 9), amounts, amounts.map(abs)), max_size=2
    ).map(tuple),
    files=st.dictionaries(texts, files, max_size=2),
    is_debit_positive=st.booleans(),
    extra_columns=st.lists(texts, max_size=2).map(tuple),
)


@given(commits)
def test_a_parsed_commit_is_equal_to_the_written_one(commit: DeliveryCommit) -> None:
    assert DeliveryCommit.from_json(commit.to_json()) == commit


def test_a_commit_with_an_unknown_field_in_a_period_is_refused() -> None:
    document = json.loads(commit_of(delivered(), in_period("2025-01")).to_json())
    document["periods"][0]["mood"] = "good"
    with pytest.raises(TypeError, match="mood"):
        DeliveryCommit.from_json(json.dumps(document))


@given(commits)
def test_equal_commits_have_equal_documents(commit: DeliveryCommit) -> None:
    assert DeliveryCommit.from_json(commit.to_json()).to_json() == commit.to_json()


def test_commits_are_read_by_delivery_id(tmp_path: Path) -> None:
    processed = LocalStore(tmp_path)
    both = [commit_of(delivered("a.csv"), in_period("2025-01")), refused(delivered("b.csv"))]
    ids = {replace(commit, delivery_id=f"id{number}").delivery_id for number, commit in enumerate(both)}
    for number, commit in enumerate(both):
        write_commit(processed, replace(commit, delivery_id=f"id{number}"))
    assert read_commits(processed) == {f"id{n}": replace(c, delivery_id=f"id{n}") for n, c in enumerate(both)}
    assert set(read_commits(processed)) == ids


def test_a_zone_without_commits_has_no_deliveries(tmp_path: Path) -> None:
    assert read_commits(LocalStore(tmp_path / "processed")) == {}


def test_files_without_a_commit_are_not_a_delivery(tmp_path: Path) -> None:
    processed = LocalStore(tmp_path)
    processed.write("transactions/attempt/part-0.parquet", b"PAR1")
    assert read_commits(processed) == {}


# Identity

PARTS: tuple[str, str, str, str, Kind] = ("ledger.csv", "f1", "ledger", "rules", "ledger")


def test_the_same_object_bytes_feed_and_rules_are_the_same_delivery() -> None:
    assert delivery_id(*PARTS) == delivery_id(*PARTS)


@given(st.tuples(texts, texts, texts, texts), st.tuples(texts, texts, texts, texts))
def test_a_different_object_feed_rules_or_bytes_are_a_different_delivery(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert (delivery_id(*one, "ledger") == delivery_id(*other, "ledger")) == (one == other)


def test_a_new_reader_version_is_a_different_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    before = delivery_id(*PARTS)
    monkeypatch.setitem(OF_FORMAT, "text", OF_FORMAT["text"] + 1)
    assert delivery_id(*PARTS) != before


@given(st.tuples(texts, texts, texts, texts))
@example(('M\u00e4rz "1"\\.csv\n', "\U0001f4b6", "\x7f", "\ud800"))
def test_an_identity_is_that_of_earlier_releases(parts: tuple[str, str, str, str]) -> None:
    document = json.dumps([*parts, reader_version(parts[0], "ledger")])
    assert delivery_id(*parts, "ledger") == hashlib.sha256(document.encode()).hexdigest()[:16]


def test_a_file_that_the_release_with_one_version_read_keeps_its_identity() -> None:
    assert reader_version("ledger.csv", "ledger") != 10 or delivery_id(*PARTS) == "5adf573a5e3f4f3e"


# The equation


def test_a_delivery_whose_outcomes_add_up_has_no_unaccounted_rows() -> None:
    commit = commit_of(
        delivered(),
        read=Count(10, Decimal("100.005"), unpriced=2),
        rounding=Decimal("0.005"),
        outcomes={
            "accepted": money(5, "80.00"),
            "rejected": money(3, "-20.00", "60.00", unpriced=1),
            "duplicate": money(1, "40.01"),
            "skipped": money(1, unpriced=1),
        },
    )
    assert not any(commit.unaccounted)


@pytest.mark.parametrize(
    ("lost", "unaccounted"),
    [
        (Count(1), (1, Decimal(0), 0)),
        (Count(0, Decimal("0.01")), (0, Decimal("0.01"), 0)),
        (Count(0, unpriced=1), (0, Decimal(0), 1)),
        (Count(-1, Decimal("-5.00")), (-1, Decimal(-5), 0)),
    ],
    ids=["row", "cent", "unpriced cell", "row too many"],
)
def test_rows_without_an_outcome_are_unaccounted(lost: Count, unaccounted: tuple[int, Decimal, int]) -> None:
    commit = commit_of(delivered(), in_period("2025-01"))
    assert replace(commit, read=commit.read + lost).unaccounted == unaccounted


def test_amounts_with_many_digits_are_accounted_for_exactly() -> None:
    read, rounding = Decimal("9" * 16 + ".123456789012345678901"), Decimal("-0.003456789012345678901")
    commit = commit_of(delivered(), read=Count(1, read), rounding=rounding)
    commit = replace(commit, outcomes={"accepted": money(1, "9" * 16 + ".12")})
    assert not any(commit.unaccounted)


@given(st.lists(counts, max_size=5))
def test_counts_are_added_field_by_field(several: list[Count]) -> None:
    total = sum(several, Count())
    assert total.rows == sum(count.rows for count in several)
    assert total.amount == sum(count.amount for count in several)
    assert total.absolute == sum(count.absolute for count in several)
    assert total.unpriced == sum(count.unpriced for count in several)


def test_an_outcome_that_did_not_occur_has_a_count_of_zero() -> None:
    assert commit_of(delivered()).outcome("duplicate") == Count()


def test_equal_headers_of_many_commits_are_in_memory_once():
    texts = [
        replace(commit_of(delivered(f"{number}.csv")), header=("Date", "Amount"), header_kinds=("date", "number"))
        for number in range(3)
    ]
    first, *others = [DeliveryCommit.from_json(commit.to_json()) for commit in texts]
    assert all(one.header is first.header and one.header_kinds is first.header_kinds for one in others)
