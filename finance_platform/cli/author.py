"""Who gives a command that decides, and how that is known.

Belongs here: choosing the proof of identity. Does not belong here: checking AWS's (see `deployment.caller_proof`), what
a person may decide (see `deliveries.decisions`).

On this machine it is the user that the operating system runs the process as. No variable says who somebody is: USER and
LOGNAME are what the caller writes into them. On AWS it is the caller that AWS names, by a request which the caller has
signed; without one, the decision is recorded as unverified.
"""

from __future__ import annotations

import os
import pwd
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from finance_platform.settings import Settings

if TYPE_CHECKING:
    from finance_platform.deliveries.approvals import Author
    from finance_platform.deployment.caller_proof import Caller


def identify_author(settings: Settings, why: str) -> Author:
    """Return the author of a decision.

    Args:
        settings: the home.
        why: the reason, in the person's words.
    """
    from finance_platform.deliveries.approvals import Author

    now, needs_approval = datetime.now(UTC), settings.approvals == "two"
    if not settings.is_on_aws:
        return Author(operating_system_user(), why, now, "os", needs_approval=needs_approval)
    caller = _identify_caller(settings, now)
    if caller is None:
        return Author(operating_system_user(), why, now, needs_approval=needs_approval)
    return Author(caller.arn, why, now, "sts", caller.proof, needs_approval=needs_approval)


def _identify_caller(settings: Settings, now: datetime) -> Caller | None:
    """Return the caller of a command on AWS; None if nothing proves who it is."""
    from finance_platform.deployment.aws import Account
    from finance_platform.deployment.caller_proof import VARIABLE, check_proof, make_proof

    account, command = Account(settings.aws_region), sys.argv[1:]
    proof = os.environ.get(VARIABLE, "")
    if not proof:
        if account.is_of_a_container:
            return None  # the task's role, which everybody has who may start a task
        proof = make_proof(account, settings.processed_root, command)
    return check_proof(account, proof, settings.processed_root, command, now=now)


def operating_system_user() -> str:
    """Return the name of the user that this process runs as; its number if it has no name."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
