"""The plan of a fault: one operation fails, of those to which the fault applies."""

from __future__ import annotations

import pytest

from finance_platform_tests.faults.plan import Fault, FaultPlan, Kind, Operation


class _FaultError(Exception):
    pass


def _fail(operation: Operation, _: object) -> None:
    raise _FaultError(operation.target)


OF_WRITES = Fault("of writes", lambda operation: operation.kind == "write", _fail)


def _run(plan: FaultPlan, *kinds: Kind) -> list[str]:
    """Return the targets of the operations that failed."""
    failed = []
    for number, kind in enumerate(kinds, start=1):
        try:
            assert plan.run(Operation(kind, "name", str(number)), lambda: "done") == "done"
        except _FaultError as error:
            failed.append(str(error))
    return failed


@pytest.mark.parametrize(
    ("at", "expected"),
    [(1, ["2"]), (2, ["2"]), (3, ["5"]), (5, ["5"]), (6, []), (None, [])],
)
def test_the_first_operation_fails_from_a_number_on_to_which_the_fault_applies(at: int | None, expected: list[str]):
    plan = FaultPlan(at, OF_WRITES)
    assert _run(plan, "read", "write", "read", "read", "write", "read") == expected
    assert [plan.failed.target] == expected if plan.failed else not expected
    assert len(plan.operations) == 6


def test_a_plan_without_a_fault_lets_nothing_fail():
    assert _run(FaultPlan(1), "write", "write") == []
