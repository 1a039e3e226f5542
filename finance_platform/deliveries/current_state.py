"""The state of the deliveries as the processed zone is now, derived once for the same events and commits.

Belongs here: which derivation may be taken for which register and commits. Does not belong here: what follows from
them (see `state_derivation`), how a document is read once per process (see `storage.immutable_documents`).

Each step of a run needs the state several times, and of 20,000 deliveries one derivation takes half a second. A state
follows from events and commits alone: settings, slices and the warehouse come after it. So it is the same as long as
both are the same objects, and they are as long as the listings of register and commits have the same keys and etags.
An event or a commit that is new, lost, damaged, set aside or written again is another document, and leads to another
derivation. That takes over what follows from the raw objects of which no event and no commit is another one; the state
that it returns is the one that `derive_state` derives of everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.deliveries.events import Event, Verdict
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import require_whole_register
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import StateDerivation
from finance_platform.storage.immutable_documents import derive_once, keep, take_kept
from finance_platform.storage.port import ObjectStore


def read_state(processed: ObjectStore) -> DeliveryState:
    """Return the state that follows from register and commits; both are listed each time.

    Args:
        processed: the processed zone.

    Raises:
        RegisterError: the register is damaged.
    """
    return state_of(processed, Register(processed).events(), read_commits(processed))


def read_whole_state(processed: ObjectStore) -> DeliveryState:
    """Return what `read_state` does, for a decision, which needs every event.

    Raises:
        RegisterError: the register is damaged, or lacks an event that an earlier run has seen.
    """
    require_whole_register(processed)
    return read_state(processed)


def state_of(processed: ObjectStore, events: Sequence[Event], commits: Mapping[str, DeliveryCommit]) -> DeliveryState:
    """Return the state that follows from events and commits that were read from the processed zone.

    Args:
        processed: the processed zone.
        events: as the register returns them.
        commits: as `read_commits` returns them.
    """
    return derive_once(f"state of {processed.root}", (events, commits), partial(_derive, processed.root))


def may_wait(events: Iterable[Event]) -> bool:
    """Return whether a delivery may wait for others: only if a verdict ever held one, or lines of one.

    It takes less than to derive a state of thousands of deliveries, of which none ever waited in most homes.
    """
    return any(isinstance(event, Verdict) and (event.reasons or event.late) for event in events)


def _derive(root: str, events: Sequence[Event], commits: Mapping[str, DeliveryCommit]) -> DeliveryState:
    name = f"derivation of the state of {root}"
    # Another thread that derives at the same time begins anew, and so does the next one if this one fails.
    derivation = take_kept(name) or StateDerivation()
    state: DeliveryState = derivation.derive(events, commits)
    keep(name, derivation)
    return state
