"""The files of the live deliveries, looked at once for each mapping of files.

Belongs here: which mappings there are, and which deliveries have each. Does not belong here: what is in the files (see
`lines`, `delivery_rows`), which deliveries are live (see `state_derivation`).

Small deliveries share Parquet files, and those that were read together share the mapping that names them: of 10,000
deliveries there may be thirty mappings. So what is asked of every file of every delivery is asked of each mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.storage.immutable_documents import derive_once

Files = Mapping[str, Sequence[DataFile]]
"""The files of a delivery by table."""


class LiveFiles(NamedTuple):
    """Files that live deliveries have alike.

    Attributes:
        files: the files by table.
        places: the places of these deliveries among the live ones, ascending.
    """

    files: Files
    places: Sequence[int]


def live_files(state: DeliveryState) -> Sequence[LiveFiles]:
    """Return each mapping of the live deliveries with these, in the order of the first one; once for a state."""
    return derive_once("files of live deliveries", (state,), _live_files)


def _live_files(state: DeliveryState) -> Sequence[LiveFiles]:
    places: dict[int, list[int]] = {}
    for place, delivery in enumerate(state.live):
        places.setdefault(id(delivery.commit.files), []).append(place)
    return [LiveFiles(state.live[of_mapping[0]].commit.files, of_mapping) for of_mapping in places.values()]


def live_with_files(state: DeliveryState, *tables: str) -> list[LiveDelivery]:
    """Return the live deliveries, in order, that have a file of one of these tables."""
    groups = (one.places for one in live_files(state) if any(map(one.files.get, tables)))
    return [state.live[place] for place in sorted(place for places in groups for place in places)]


def distinct_files(commits: Iterable[DeliveryCommit]) -> Iterable[Files]:
    """Return each mapping of files of some deliveries once."""
    return {id(commit.files): commit.files for commit in commits}.values()
