"""The snapshot: the state of the processed zone, read once.

Belongs here: reading register, commits and slice commits together. Does not belong here: what they mean.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from finance_platform.code_version import code_version
from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.deliveries.current_state import state_of
from finance_platform.deliveries.members.account_types import account_types, accounts_mentioned, statistical_accounts
from finance_platform.deliveries.members.attribute_history import HISTORIES, HISTORY, History, attribute_history
from finance_platform.deliveries.members.reorganisations import find_reorganisations
from finance_platform.deliveries.overlaps import Overlaps, compute_live_overlaps, record_live_overlaps
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.settings import DEFAULT_STAR_SETTINGS, StarSettings
from finance_platform.slices.commits import SliceCommit, read_slices
from finance_platform.slices.leading_empty_periods import find_leading_empty_periods
from finance_platform.slices.settings_in_force import settings_in_force
from finance_platform.slices.versions import StarInputs, TargetSlice, target_slices
from finance_platform.storage.immutable_documents import derive_once, keep_equal
from finance_platform.storage.port import ObjectStore


@dataclass(frozen=True)
class Snapshot:
    """The processed zone at one moment.

    Attributes:
        commits: every delivery that was ever read, by id.
        state: which of them count.
        overlaps: the lines that live deliveries claim from each other.
        target: the slices that follow from them.
        built: the commits of those target slices that exist, by table and slice.
        settings: the settings that the target slices follow; see `settings_in_force`.
    """

    commits: Mapping[str, DeliveryCommit]
    state: DeliveryState
    overlaps: Overlaps
    target: Sequence[TargetSlice]
    built: Mapping[tuple[str, str], SliceCommit]
    settings: StarSettings = DEFAULT_STAR_SETTINGS

    @property
    def history(self) -> History:
        """What members whose attributes change are in which periods, by table, in the target versions."""
        return {
            HISTORIES[target.table]: target.inputs.get(HISTORY, [])
            for target in self.target
            if target.table in HISTORIES
        }

    @property
    def to_build(self) -> list[TargetSlice]:
        """The target slices that do not exist yet."""
        return [target for target in self.target if (target.table, target.slice) not in self.built]

    def to_publish(self, published: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
        """Return the slices whose published version is not the target version, removed ones included.

        Args:
            published: version by table and slice, as the load ledger says.
        """
        versions = {(target.table, target.slice): target.version for target in self.target}
        stale = [name for name, version in versions.items() if published.get(name) != version]
        return [*stale, *sorted(name for name in published if name not in versions)]


def take_snapshot(processed: ObjectStore, settings: StarSettings) -> Snapshot:
    """Read the processed zone for a run, and store overlaps that are computed for the first time.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        settings: the settings that determine the star.

    Raises:
        DamagedObjectError: a Parquet file of a delivery is damaged.
    """
    events, commits = Register(processed).events(), read_commits(processed)
    state = state_of(processed, events, commits)
    return _snapshot(processed, settings, commits, state, record_live_overlaps(processed, state))


def read_snapshot(processed: ObjectStore, settings: StarSettings, *, without: Collection[str] = ()) -> Snapshot:
    """Read the processed zone, and store nothing.

    Args:
        processed: the processed zone.
        settings: the settings that determine the star.
        without: deliveries whose rows are damaged, by id; they are taken as not read.

    Raises:
        DamagedObjectError: a Parquet file of a delivery is damaged.
    """
    events, commits = Register(processed).events(), read_commits(processed)
    if without:
        commits = {name: commit for name, commit in commits.items() if name not in without}
        state = derive_state(events, commits)
    else:
        state = state_of(processed, events, commits)
    return _snapshot(processed, settings, commits, state, compute_live_overlaps(processed, state))


def _snapshot(
    processed: ObjectStore,
    settings: StarSettings,
    commits: Mapping[str, DeliveryCommit],
    state: DeliveryState,
    overlaps: Overlaps,
) -> Snapshot:
    settings = settings_in_force(processed, settings, state.closed)
    overlaps = keep_equal(f"overlaps of {processed.root}", overlaps)
    types, mentioned = _debit_positive(processed, state)
    # Beside state and overlaps, these are small and the same in each snapshot of a run, but other objects.
    star = keep_equal(
        f"inputs of {processed.root}",
        StarInputs(
            settings,
            code_version("build_star"),
            types,
            mentioned,
            # They decide nothing where no two deliveries have a line in common.
            () if overlaps.is_empty else statistical_accounts(processed, state.live),
            history=attribute_history(processed, state),
            leading_empty_periods=(
                find_leading_empty_periods(processed, state, overlaps) if settings.actuals_through else ()
            ),
            reorganisations=[one.to_input() for one in find_reorganisations(processed, state).rows],
        ),
    )
    target = derive_once(f"target slices of {processed.root}", (state, overlaps, star), target_slices)
    existing = read_slices(processed, [(slice_.table, slice_.slice, slice_.version) for slice_ in target])
    built = {(commit.table, commit.slice): commit for commit in existing if commit}
    return Snapshot(commits, state, overlaps, target, built, settings)


def _debit_positive(processed: ObjectStore, state: DeliveryState) -> tuple[dict[int, str], dict[str, frozenset[int]]]:
    """Return the account types, and the accounts of each debit-positive delivery; nothing without such a delivery."""
    deliveries = [delivery for delivery in state.ledger if delivery.commit.is_debit_positive]
    if not deliveries:
        return {}, {}
    mentioned = {delivery.delivery_id: frozenset(accounts_mentioned(processed, delivery)) for delivery in deliveries}
    return account_types(processed, state), mentioned
