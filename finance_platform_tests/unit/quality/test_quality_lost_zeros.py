"""Codes that lost their zeros in another file than the one that has them: which are named, and where.

Belongs here: `quality.lost_zeros`. Does not belong here: the codes of one file (see `test_workbook`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNTS, DEPARTMENTS, MEMBERS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.feeds.values.codes import pad_code, surrogate_key
from finance_platform.quality.checks import CODES_KEEP_ZEROS, Outcome
from finance_platform.quality.lost_zeros import LostZerosOfFeed, check_codes_keep_zeros, find_lost_zeros
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import in_period, live_in, state_of

CODE = {"account": "account_number", "department": "department_code"}
REFERENCES = {"account": ACCOUNTS, "department": DEPARTMENTS}
DIMENSIONS = {"account": DIM_ACCOUNT, "department": DIM_DEPARTMENT}


class Star:
    """The dimensions as the build writes them for the files that were sent."""

    def __init__(self, path: Path, dimension: str = "account") -> None:
        self.path, self.dimension = path, dimension
        self._pairs: list[Any] = []
        self._codes: dict[str, bool] = {}

    def ledger(self, *codes: str, feed: str = "gl") -> None:
        """Send a ledger file with lines on these codes."""
        rows = [{"dimension": self.dimension, "member_key": surrogate_key(code), "code": code} for code in codes]
        self._send(MEMBERS, rows, feed, "ledger")
        self._codes = dict.fromkeys(codes, True) | self._codes

    def reference(self, *codes: str) -> None:
        """Send a reference file that describes these codes."""
        rows = [{f"{self.dimension}_key": surrogate_key(code)} for code in codes]
        self._send(REFERENCES[self.dimension], rows, "chart", f"{self.dimension}s")
        self._codes |= dict.fromkeys(codes, False)

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.path)

    def snapshot(self) -> Snapshot:
        contract = DIMENSIONS[self.dimension]
        rows = [
            {f"{self.dimension}_key": surrogate_key(code), CODE[self.dimension]: code, "is_inferred": is_inferred}
            for code, is_inferred in self._codes.items()
        ]
        commit = SliceCommit(contract.name, "all", "v1", len(rows), (self._write(contract, rows, "dim.parquet"),))
        return Snapshot({}, state_of(*self._pairs), NO_OVERLAPS, (), {(contract.name, "all"): commit})

    def found(self) -> list[LostZerosOfFeed]:
        return find_lost_zeros(self.snapshot(), self.store)

    def pairs(self) -> set[tuple[str, str]]:
        """Return each code with the one that it is named beside."""
        return {(code.code, code.other) for one in self.found() for code in one.codes}

    def outcome(self) -> Outcome:
        """Return the outcome on the dimension; the other dimension passes."""
        outcomes = {one.check: one for one in check_codes_keep_zeros(self.snapshot(), self.store)}
        outcome = outcomes.pop(CODES_KEEP_ZEROS[f"dim_{self.dimension}"])
        assert all(one.passed for one in outcomes.values())
        return outcome

    def _send(self, contract: Contract, rows: Sequence[Mapping[str, Any]], feed: str, kind: str) -> None:
        number = len(self._pairs) + 1
        files = {contract.name: (self._write(contract, rows, f"{number}.parquet"),)}
        moment = f"2025-05-{number:02d}T08:00:00.000000+00:00"
        periods = [in_period("2025-01")] if kind == "ledger" else []
        key, content = f"{feed}/{number}.csv", f"v{number}"
        self._pairs.append(
            live_in(*periods, key=key, content=content, feed=feed, kind=kind, modified_at=moment, commit_files=files)
        )

    def _write(self, contract: Contract, rows: Sequence[Mapping[str, Any]], name: str) -> DataFile:
        table = pa.Table.from_pylist(list(rows), arrow_schema(contract.stored_columns))
        pq.write_table(table, self.path / name)
        return DataFile(name, (self.path / name).stat().st_size)


@pytest.fixture
def star(tmp_path: Path) -> Star:
    return Star(tmp_path)


@pytest.mark.parametrize("code", ["10", "10.0", "10.00", "010"])
@pytest.mark.parametrize(("dimension", "field"), [("account", "account"), ("department", "department")])
def test_a_ledger_code_without_the_zeros_of_a_reference_file_is_named_with_the_width_that_repairs_it(
    tmp_path: Path, dimension: str, field: str, code: str
):
    star = Star(tmp_path, dimension)
    star.reference("0010", "4000")
    star.ledger(code, "4000")
    outcome = star.outcome()
    assert (outcome.passed, outcome.check.is_warning) == (False, True)
    assert outcome.summary == f"1 code differs from another one in zeros only: {code!r} beside '0010'"
    (row,) = outcome.evidence
    assert (row["file"], row["feed"]) == ("gl/2.csv", "gl")
    assert f"set columns.{field}.pad: 4 in the descriptor of feed gl, or format the column as text" in row["fix"]
    assert pad_code(code, 4) == "0010"


def test_codes_that_reference_files_describe_are_two_members_on_purpose(star: Star):
    star.reference("0010", "10")
    star.ledger("0010", "10")
    assert (star.outcome().passed, star.outcome().summary) == (True, "no code differs from another one in zeros only")


@pytest.mark.parametrize("other", ["0010-1", "A0010", "100", "1", "10.5", "0010.", "١٠", "0010 "])
def test_codes_that_differ_in_more_than_zeros_are_no_finding(star: Star, other: str):
    star.reference(other)
    star.ledger("10")
    assert star.pairs() == set()


def test_two_ledger_feeds_are_compared_without_any_reference_file(star: Star):
    star.ledger("0010", feed="erp")
    star.ledger("10", feed="plan")
    (found,) = star.found()
    assert (found.file, found.feed, star.pairs()) == ("plan/2.csv", "plan", {("10", "0010")})


def test_a_reference_file_that_lost_the_zeros_is_the_one_to_be_repaired(star: Star):
    star.reference("10")
    star.ledger("0010")
    (found,) = star.found()
    assert (found.file, found.field) == ("chart/1.csv", "number")
    assert "columns.number.pad: 4 in the descriptor of feed chart" in found.fix


def test_every_feed_that_has_the_code_is_named_with_its_first_file(star: Star):
    star.reference("0010")
    star.ledger("10", feed="plan")
    star.ledger("10", feed="plan")
    star.ledger("10", feed="erp")
    star.ledger("0010", feed="right")
    assert [(one.file, one.feed) for one in star.found()] == [("plan/2.csv", "plan"), ("erp/4.csv", "erp")]


def test_a_described_code_of_the_same_digits_comes_before_a_longer_one(star: Star):
    star.reference("0010", "10")
    star.ledger("10.0", "010")
    assert star.pairs() == {("10.0", "10"), ("010", "0010")}


def test_codes_that_nothing_describes_are_compared_with_the_longest(star: Star):
    star.ledger("10", "0010", "10.0")
    assert star.pairs() == {("10", "0010"), ("10.0", "0010")}


def test_a_code_of_zeros_alone_takes_part(star: Star):
    star.reference("0000")
    star.ledger("0")
    assert star.pairs() == {("0", "0000")}


def test_many_codes_are_counted_and_three_of_them_are_examples(star: Star):
    star.reference(*(f"{number:04}" for number in range(10, 90)))
    star.ledger(*(str(number) for number in range(10, 90)))
    outcome, (found,) = star.outcome(), star.found()
    examples = "'10' beside '0010', '11' beside '0011', '12' beside '0012'"
    assert outcome.summary == f"80 codes differ from another one in zeros only: {examples}"
    assert len(outcome.evidence) == 50
    assert found.warning.startswith("account: 80 codes differ from another account's in zeros only")
    assert found.warning.endswith(examples)


def test_codes_of_other_widths_have_a_fix_of_their_own(star: Star):
    star.reference("0010", "00020")
    star.ledger("10", "20")
    assert [(one.codes[0].code, one.codes[0].digits) for one in star.found()] == [("10", 4), ("20", 5)]
