"""Hints: that something may have arrived in the raw zone. They shorten a wait and are never believed.

Belongs here: the port. Does not belong here: any service's own words (see `sqs`), what has arrived (see `news`).
"""

from __future__ import annotations

from typing import Protocol

from finance_platform.errors import TransientError


class S3EventsError(TransientError):
    """Whoever gives hints cannot be asked; the next full look at the raw zone finds what has come all the same."""

    title = "The events of the raw zone cannot be read"


class S3Events(Protocol):
    """Who is told of writes to the raw zone."""

    def arrived(self) -> bool:
        """Return whether anything was told since the last time; what was told is then forgotten.

        Raises:
            S3EventsError: nobody could be asked.
        """
        ...
