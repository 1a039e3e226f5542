"""The plan of a fault: which operation of a run fails, and how.

Belongs here: counting operations, and letting one of them fail. Does not belong here: the ways to fail (see
`disk_faults`, `aws_faults`), what is operated on (see `faulty_store`, `faulty_warehouse`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["read", "write", "file", "statement"]
"""Reads and writes of an object store; steps that replace the warehouse's file; statements on its copy."""


@dataclass(frozen=True)
class Operation:
    """One operation of a run.

    Attributes:
        kind: see `Kind`.
        name: of the method or statement.
        target: the path or address that it is about.
        data: what it writes, if anything.
    """

    kind: Kind
    name: str
    target: str
    data: bytes = b""

    def __str__(self) -> str:
        return f"{self.name} {self.target}"


Call = Callable[[], Any]


@dataclass(frozen=True)
class Fault:
    """One way to fail.

    Attributes:
        name: for people, and in a pair that reproduces a failure.
        applies_to: whether an operation can fail in this way.
        run: runs the operation's call with the fault.
    """

    name: str
    applies_to: Callable[[Operation], bool]
    run: Callable[[Operation, Call], Any]


@dataclass
class FaultPlan:
    """Counts the operations of a run, and lets one fail.

    Threads take turns in any order, so the operation with a number is not the same one in each run.

    Attributes:
        at: the number of the operation that fails, from 1; None for none. If the fault does not apply to it, the next
            one fails to which it does.
        fault: how it fails.
        operations: the operations so far.
        failed: the operation that has failed; None before.
    """

    at: int | None = None
    fault: Fault | None = None
    operations: list[Operation] = field(default_factory=list)
    failed: Operation | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, operation: Operation, call: Call) -> Any:
        """Run an operation, with the fault if it is this one's turn."""
        with self._lock:
            self.operations.append(operation)
            fault = self._fault_of(operation)
            if fault:
                self.failed = operation
        return fault.run(operation, call) if fault else call()

    def _fault_of(self, operation: Operation) -> Fault | None:
        if self.at is None or self.failed or len(self.operations) < self.at:
            return None
        return self.fault if self.fault and self.fault.applies_to(operation) else None
