"""The ways in which S3 fails, over real HTTP to moto.

Belongs here: the responses that the requests of one operation get. Does not belong here: which operation fails, single
responses and retries (see `aws.test_s3_errors`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from finance_platform_tests.aws import s3_faults
from finance_platform_tests.faults.disk_faults import KILLED
from finance_platform_tests.faults.plan import Call, Fault, Operation

_IN_THE_BUCKET = "."


def faults_of_s3(server: s3_faults.FaultInjector) -> tuple[Fault, ...]:
    """Return the faults of the server behind it.

    The client that is tested sends each request once, so that a fault outlasts its retries at once.
    """

    def answered_by(fault: s3_faults.Fault) -> Callable[[Operation, Call], Any]:
        def run(_: Operation, call: Call) -> Any:
            with server.inject(fault, to=_IN_THE_BUCKET):
                return call()

        return run

    def on_store(operation: Operation) -> bool:
        return operation.kind in {"read", "write"}

    def on_write(operation: Operation) -> bool:
        return operation.kind == "write"

    internal = s3_faults.error_response(
        "500 Internal Server Error", "InternalError", "We encountered an internal error."
    )
    unavailable = s3_faults.error_response(
        "503 Service Unavailable", "ServiceUnavailable", "Service is unable to handle request."
    )
    return (
        Fault("500", on_store, answered_by(internal)),
        Fault("503", on_store, answered_by(unavailable)),
        Fault("slow down", on_store, answered_by(s3_faults.slow_down())),
        Fault("lost answer", on_write, answered_by(s3_faults.lost_response())),
        *(Fault(fault.name, on_store, fault.run) for fault in KILLED),
    )
