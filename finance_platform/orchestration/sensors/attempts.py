"""Attempts: when a state of the home is tried, tried again, or given up until it changes.

Belongs here: the decision, a function of the earlier attempts. Does not belong here: starting runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
"""The pause after each failure; a state is tried once more than there are pauses."""


@dataclass(frozen=True)
class Start:
    """Start a run; `number` counts attempts from 1."""

    number: int


@dataclass(frozen=True)
class Wait:
    """Wait until a moment, UTC, then start another run."""

    until: datetime
    failed: int


@dataclass(frozen=True)
class GiveUp:
    """Start no run until the state changes."""

    failed: int


def next_attempt(failed_at: Sequence[datetime], at: datetime) -> Start | Wait | GiveUp:
    """Return the next action for a state.

    Args:
        failed_at: when the runs for this state failed, UTC, in any order.
        at: now, UTC.
    """
    failed = len(failed_at)
    if failed > len(PAUSES):
        return GiveUp(failed)
    until = max(failed_at) + PAUSES[failed - 1] if failed else at
    return Start(failed + 1) if until <= at else Wait(until, failed)
