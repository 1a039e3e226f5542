"""The snapshot: everything that one look at the lake tells, read once.

Belongs here: reading register, commits and slice commits together. Does not belong here: what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finance_platform.lake.deliveries import DeliveryCommit, read_commits
from finance_platform.lake.plan import StarSettings, WantedSlice, code_version, wanted_slices
from finance_platform.lake.port import Lake
from finance_platform.lake.register import Register
from finance_platform.lake.slices import SliceCommit, read_slice
from finance_platform.lake.state import LakeState, derive_state


@dataclass(frozen=True)
class Snapshot:
    """The processed zone as it stands.

    Attributes:
        commits: every delivery that was ever read, by id.
        state: which of them count.
        wanted: the slices that they ask for.
        built: those of the wanted slices that are there, by table and slice.
    """

    commits: Mapping[str, DeliveryCommit]
    state: LakeState
    wanted: Sequence[WantedSlice]
    built: Mapping[tuple[str, str], SliceCommit]

    @property
    def unbuilt(self) -> list[WantedSlice]:
        """The wanted slices that nobody has built yet."""
        return [wanted for wanted in self.wanted if (wanted.table, wanted.slice) not in self.built]

    def unloaded(self, published: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
        """Return the slices that the warehouse does not hold as wanted, gone ones included.

        Args:
            published: version by table and slice, as the load ledger says.
        """
        versions = {(wanted.table, wanted.slice): wanted.version for wanted in self.wanted}
        stale = [name for name, version in versions.items() if published.get(name) != version]
        return [*stale, *sorted(name for name in published if name not in versions)]


def take_snapshot(processed: Lake, settings: StarSettings) -> Snapshot:
    """Read the processed zone."""
    commits = read_commits(processed)
    state = derive_state(Register(processed).events(), commits)
    wanted = wanted_slices(state, settings, code_version())
    found = ((w.table, w.slice, read_slice(processed, w.table, w.slice, w.version)) for w in wanted)
    built = {(table, slice_name): commit for table, slice_name, commit in found if commit}
    return Snapshot(commits, state, wanted, built)
