"""The parts of a test that takes hours have every case once, and each is a test that any worker takes."""

from __future__ import annotations

import pytest

from finance_platform_tests import night_parts
from finance_platform_tests.night_parts import PartsApart, in_parts, part_count, part_of
from finance_platform_tests.profiles import PROFILES


@pytest.mark.parametrize("count", [1, 3, 8])
def test_the_parts_have_every_case_once(count: int):
    parts = [part_of(range(20), part, count) for part in range(count)]
    assert sorted(case for part in parts for case in part) == list(range(20))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_test_is_cut_at_night_only(monkeypatch: pytest.MonkeyPatch):
    for name, count in (("dev", 1), ("ci", 1), ("nightly", 8)):
        monkeypatch.setattr(night_parts, "current_profile", lambda name=name: PROFILES[name])
        assert part_count(8) == count


def test_a_part_is_given_to_a_worker_by_itself_and_other_tests_with_their_file():
    split = PartsApart._split_scope
    (marked,) = in_parts(2).args[1][:1]
    part = f"faults/test_every_fault.py::test_a_fault[{marked.id}]"
    scheduler = object.__new__(PartsApart)
    assert split(scheduler, part) == part
    assert split(scheduler, "faults/test_every_fault.py::test_more[a-part]") == "faults/test_every_fault.py"


def test_an_only_part_is_given_with_its_file_whose_fixtures_it_shares():
    (marked,) = in_parts(1).args[1]
    only = f"faults/test_every_fault.py::test_a_fault[{marked.id}]"
    assert PartsApart._split_scope(object.__new__(PartsApart), only) == "faults/test_every_fault.py"
