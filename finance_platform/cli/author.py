"""Who gives a command that decides, and how that is known.

Belongs here: choosing the proof of identity. Does not belong here: checking AWS's (see `deployment.caller_proof`), what
a person may decide (see `deliveries.decisions`).

On this machine it is the user that the operating system runs the process as. No variable says who somebody is: USER and
LOGNAME are what the caller writes into them.
"""

from __future__ import annotations

import os
import pwd
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from finance_platform.settings import Settings

if TYPE_CHECKING:
    from finance_platform.deliveries.decisions import Author


def identify_author(settings: Settings, why: str) -> Author:
    """Return the author of a decision.

    Args:
        settings: the home.
        why: the reason, in the person's words.
    """
    from finance_platform.deliveries.decisions import Author

    return Author(operating_system_user(), why, datetime.now(UTC), "os", needs_approval=settings.approvals == "two")


def operating_system_user() -> str:
    """Return the name of the user that this process runs as; its number if it has no name."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
