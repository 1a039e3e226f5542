"""The parts of a test that takes hours have every case once, and each is a test that any worker takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from finance_platform_tests import night_parts
from finance_platform_tests.night_parts import PartsApart, in_parts, part_count, part_of
from finance_platform_tests.profiles import PROFILES, at_night


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


_HOOK = """\
import os
import pytest
from finance_platform_tests.night_parts import run_in_own_process

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    return run_in_own_process(item, nextitem) or None

@pytest.fixture(scope="module")
def of_the_module():
    yield
    print(f"torn down in {os.getpid()}")
"""
_TESTS = """\
import os
from finance_platform_tests.night_parts import in_parts

def test_before(of_the_module):
    print(f"before in {os.getpid()}")

@in_parts(2)
def test_of_parts(part):
    assert part == 0, f"{part} in {os.getpid()}"

def test_after(of_the_module):
    print(f"after in {os.getpid()}")
"""


@at_night("it tests the tests of the night, by a process")
@pytest.mark.end_to_end
def test_each_part_of_a_night_has_a_process_of_its_own_and_a_report(tmp_path: Path):
    (tmp_path / "conftest.py").write_text(_HOOK)
    (tmp_path / "test_one.py").write_text(_TESTS)
    (tmp_path / "test_two.py").write_text("def test_of_another_file():\n    pass\n")
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", "-s", "-rA", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths, "TEST_PROFILE": "nightly"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 4 passed" in done.stdout, done.stdout + done.stderr
    own, whole = done.stdout.split("before in ")[1].split()[0], done.stdout
    assert f"after in {own}" in whole, "the fixtures of the file are still there"
    assert whole.count(f"torn down in {own}") == 1
    assert "The process of this part ended with 1." in whole
    assert "1 in " in whole
    assert f"1 in {own}" not in whole
