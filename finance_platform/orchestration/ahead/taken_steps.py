"""What a run's steps get of what was taken ahead of them.

Belongs here: what they can ask for, with the answer of a run of which nothing is taken ahead. Does not belong here:
steps that are taken ahead (see `steps_ahead`, `forked_steps`). Dagster is not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.refresh.steps.standardise import ReadDeliveries, Standardised

if TYPE_CHECKING:
    # What the later steps import, they import while the job reads.
    from finance_platform.data_catalog.delta_log import SyncReport
    from finance_platform.quality.checks import Outcome
    from finance_platform.refresh.status_ahead import StatusAhead
    from finance_platform.refresh.steps.build_star import BuiltStar
    from finance_platform.refresh.steps.publish import Publication
    from finance_platform.reports.pack.written import WrittenPack
    from finance_platform.slices.snapshot import Snapshot


@dataclass(frozen=True)
class CheckedDeliveries:
    """The processed zone after the second step, and the outcomes of the step's checks."""

    snapshot: Snapshot
    outcomes: Sequence[Outcome]


@dataclass(frozen=True)
class BuiltAhead:
    """What the third step did, and the outcomes of its checks.

    Attributes:
        star: the slices.
        outcomes: of the checks.
        open_tables: what became of the open tables; None if the step is still to bring them up to date.
    """

    star: BuiltStar
    outcomes: Sequence[Outcome]
    open_tables: SyncReport | None = None


class TakenSteps:
    """The steps of a run that are taken already: none, unless a class below says so.

    Attributes:
        run_id: the run, which Dagster's storage does not have yet; None if Dagster is to name it.
    """

    run_id: str | None = None

    def take_scan(self) -> RawZoneScan | None:
        """Return what the first step has found, once; None if it is still to be taken."""
        return None

    def take_standardised(self, on_read: Callable[[ReadDeliveries], None]) -> Standardised | None:  # noqa: ARG002
        """Wait for the second step and return what it did, once; None if it is still to be taken.

        Args:
            on_read: called with the deliveries that were read, also if what follows is still to be done.

        Raises:
            FailedAttemptError: the job has failed.
        """
        return None

    def take_checked(self) -> CheckedDeliveries | None:
        """Return what the checks of the second step have found, once; None if they are still to be made."""
        return None

    def take_built(self) -> BuiltAhead | None:
        """Wait for the third step and return what it did, once; None if it is still to be taken.

        Raises:
            FailedAttemptError: the job has failed.
        """
        return None

    def take_published(self) -> Publication | None:
        """Wait for the fourth step and return what it did, once; None if it is still to be taken."""
        return None

    def take_pack(self) -> WrittenPack | None:
        """Wait for the report pack and return what was written, once; None if it is still to be written."""
        return None

    def take_status(self) -> StatusAhead | None:
        """Wait for the status of what the steps have left and return it, once; None if it is still to be derived."""
        return None


NOTHING_TAKEN = TakenSteps()
