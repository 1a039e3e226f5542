"""A refresh to disturb, and the pairs of an operation and a fault.

Belongs here: the refresh without a fault, its operations, one refresh with a fault and the next one. Does not belong
here: the ways to fail, which pairs are tried (see `test_every_fault`).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from finance_platform.errors import FinancePlatformError
from finance_platform_tests.faults.disk_faults import KILLED, POWER_CUT
from finance_platform_tests.faults.faulty_home import FaultyHome, differences, without_copies
from finance_platform_tests.faults.plan import Fault, FaultPlan, Operation
from finance_platform_tests.faults.power_cut import DiskModel
from finance_platform_tests.model_based.home import BrokenOffError

_KILLS = {fault.name for fault in KILLED}


@dataclass(frozen=True, repr=False)
class Story:
    """A refresh to disturb.

    Attributes:
        adapter: disk or s3.
        before: the home before the refresh.
        old: the star before it.
        expected: the outcome without a fault.
        operations: of the refresh, in order.
        faults: the ways to fail.
        undisturbed: the home after the refresh.
        disk: the disk at each moment of the refresh.
    """

    adapter: str
    before: FaultyHome
    old: dict[str, Any]
    expected: dict[str, Any]
    operations: Sequence[Operation]
    faults: Sequence[Fault]
    undisturbed: FaultyHome
    disk: DiskModel

    def __repr__(self) -> str:
        """Return what it is: pytest shows it with each failure, and the disk at each moment takes gigabytes."""
        return f"Story(on {self.adapter}, {len(self.operations)} operations)"

    def on(self, adapter: str, before: FaultyHome, faults: Sequence[Fault]) -> Story:
        """Return the same refresh on another adapter, whose operations and outcome are the same."""
        return replace(self, adapter=adapter, before=before, faults=faults)

    def pairs(self) -> list[tuple[int, Fault]]:
        """Return every pair of the number of an operation and a fault that it can have."""
        return [
            (number, fault)
            for number, operation in enumerate(self.operations, start=1)
            for fault in self.faults
            if fault.applies_to(operation)
        ]

    def name(self, number: int, fault: Fault) -> str:
        """Return the name of a pair."""
        return f"{self.adapter} / {number} / {fault.name}"

    def disturbed(self, path: Path, plan: FaultPlan) -> FaultyHome:
        """Return a copy of the home after a refresh with a fault, which ends in a sentence with a fix, or goes on."""
        home, fault = self.before.copy(path), plan.fault
        assert fault
        disk = DiskModel(home.path)
        try:
            with home.failing(plan):
                if fault.name == POWER_CUT:
                    with disk.watched():
                        home.refresh()
                else:
                    home.refresh()
        except FinancePlatformError as error:
            if not error.fix:
                pytest.fail(f"an error without a fix: {error}")
        except BrokenOffError:
            if fault.name == POWER_CUT:
                disk.restore(path.with_name("cut"))
                return home.at(path.with_name("cut"))
        return home

    def check(self, path: Path, number: int, fault: Fault) -> None:
        """Disturb the refresh in a new folder, check what readers see, refresh again and compare.

        Raises:
            AssertionError: the next refresh does not give the outcome of no fault.
        """
        plan = FaultPlan(number, fault)
        home = self.disturbed(path / "home", plan)
        # As it was: on another adapter, fewer files have another etag.
        key = _unread_file(plan.failed, fault) if plan.failed else ""
        if key:
            self.check_without(path, home, key)
            return
        assert home.tables() in (self.old, self.expected["star"]), "a reader sees halves"
        assert not home.unexplained(), "the statement is wrong after the fault"
        home.refresh()
        found, expected = home.outcome(), self.expected
        if fault.name == POWER_CUT:
            found, expected = without_copies(found), without_copies(expected)
        _expect(found, expected)
        shutil.rmtree(path)

    def check_without(self, path: Path, home: FaultyHome, key: str) -> None:
        """Check that a refresh that could not read one raw file took every other, and that the next one takes it.

        Nothing else than a file that came a refresh later: so is the star of the first refresh, and all that two leave.
        """
        later = self.before.copy(path / "later")
        data = later.raw.read(key)
        modified_at = later.modified_at(key)
        later.raw.delete(key)
        later.refresh()
        _expect({"star": home.tables()}, {"star": later.tables()})
        assert not home.unexplained(), "the statement is wrong after the fault"
        assert any(key in change for change in home.changes()), "nothing reads the file that could not be read"
        later.put(key, data, modified_at)
        home.refresh()
        later.refresh()
        found = home.outcome()
        _expect(found, later.outcome())
        _expect(found, {name: self.expected[name] for name in ("star", "verified", "left to do")})
        shutil.rmtree(path)


def disturb_nothing(before: FaultyHome, path: Path, faults: Sequence[Fault]) -> Story:
    """Return the story of a home on disk: its next refresh in a copy at a path, which nothing disturbs."""
    undisturbed, plan = before.copy(path), FaultPlan()
    disk = DiskModel(path)
    with undisturbed.failing(plan), disk.watched():
        undisturbed.refresh()
    expected = undisturbed.outcome()
    return Story("disk", before, before.tables(), expected, plan.operations, faults, undisturbed, disk)


def _expect(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Fail with what differs: pytest explains the assertions of test modules only."""
    different = differences(found, expected)
    assert not different, "\n".join(different)


def _unread_file(operation: Operation, fault: Fault) -> str:
    """Return the key of the raw file that a fault makes unreadable; empty if the fault ends the refresh."""
    _, _, key = operation.target.partition("/raw/")
    return key if operation.name == "fingerprint" and fault.name not in _KILLS else ""
