"""The snapshot: everything that one look at the lake tells, read once.

Belongs here: reading register, commits and slice commits together. Does not belong here: what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finance_platform.code_version import code_version
from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.deliveries.overlaps import Overlaps, complete
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, derive_state
from finance_platform.settings import StarSettings
from finance_platform.slices.account_types import account_types, accounts_mentioned
from finance_platform.slices.commits import SliceCommit, read_slices
from finance_platform.slices.leading_empty_periods import find_leading_empty_periods
from finance_platform.slices.versions import TargetSlice, target_slices
from finance_platform.storage.port import ObjectStore


@dataclass(frozen=True)
class Snapshot:
    """The processed zone as it stands.

    Attributes:
        commits: every delivery that was ever read, by id.
        state: which of them count.
        overlaps: which lines the live deliveries claim from each other.
        wanted: the slices that they ask for.
        built: those of the wanted slices that are there, by table and slice.
    """

    commits: Mapping[str, DeliveryCommit]
    state: DeliveryState
    overlaps: Overlaps
    wanted: Sequence[TargetSlice]
    built: Mapping[tuple[str, str], SliceCommit]

    @property
    def to_build(self) -> list[TargetSlice]:
        """The wanted slices that nobody has built yet."""
        return [wanted for wanted in self.wanted if (wanted.table, wanted.slice) not in self.built]

    def to_publish(self, published: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
        """Return the slices that the warehouse does not hold as wanted, gone ones included.

        Args:
            published: version by table and slice, as the load ledger says.
        """
        versions = {(wanted.table, wanted.slice): wanted.version for wanted in self.wanted}
        stale = [name for name, version in versions.items() if published.get(name) != version]
        return [*stale, *sorted(name for name in published if name not in versions)]


def take_snapshot(processed: ObjectStore, settings: StarSettings, *, record: bool = True) -> Snapshot:
    """Read the processed zone.

    Args:
        processed: the processed zone.
        settings: what decides the star beside the lines.
        record: whether to keep overlaps that nobody has found yet; a mere look does not.
    """
    commits = read_commits(processed)
    state = derive_state(Register(processed).events(), commits)
    overlaps = complete(processed, state.live, record=record)
    types, mentioned = _debit_positive(processed, state)
    emptied = find_leading_empty_periods(processed, state, overlaps) if settings.actuals_through else frozenset[str]()
    wanted = target_slices(state, settings, code_version("build_star"), overlaps, types, mentioned, emptied)
    found = read_slices(processed, [(one.table, one.slice, one.version) for one in wanted])
    built = {(commit.table, commit.slice): commit for commit in found if commit}
    return Snapshot(commits, state, overlaps, wanted, built)


def _debit_positive(processed: ObjectStore, state: DeliveryState) -> tuple[dict[int, str], dict[str, frozenset[int]]]:
    """Return the account types, and the accounts of each debit-positive delivery; nothing where there is none."""
    flipped = [delivery for delivery in state.ledger if delivery.commit.is_debit_positive]
    if not flipped:
        return {}, {}
    mentioned = {delivery.delivery_id: frozenset(accounts_mentioned(processed, delivery)) for delivery in flipped}
    return account_types(processed, state), mentioned
