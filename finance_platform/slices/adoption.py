"""Adoption: a target slice whose lines are those of a slice that is built takes over the files of that one.

Belongs here: finding the built slice, and the commit that names its files again. Does not belong here: what a version
is made of (see `versions`), building (see `spark_jobs`).

The version of a slice names the deliveries of its lines. If a file is sent again with one line more, the deliveries of
every period have other names, and the lines of most periods are the same: their hash, number and money are equal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any

from finance_platform.contracts.star import ACCOUNT_HISTORY, FACT_FINANCIALS
from finance_platform.deliveries.commits import DeliveryCommit, PeriodCount
from finance_platform.deliveries.events import utc_text
from finance_platform.deliveries.members.account_types import account_keys, account_types
from finance_platform.errors import DamagedObjectError
from finance_platform.slices.commits import SliceCommit, read_slices, slice_key
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import PORTIONS, TargetSlice, hash_types, version_of
from finance_platform.storage.bulk_read import write_many
from finance_platform.storage.documents import FOLDER as DAMAGED
from finance_platform.storage.documents import find_damaged_files
from finance_platform.storage.port import ObjectStore

_MOST_CANDIDATES = 4
"""Built versions that are looked for in each period; each is one document to read."""

_NOT_IN_CONTENT = ("hidden", "hidden_scopes", PORTIONS, "booked")
"""Inputs that choose among the lines of a delivery by what its hash of the lines does not say."""

_Lines = tuple[str, bool, str, str, int, str, str]


@dataclass(frozen=True)
class _Part:
    """The lines of one delivery in a target slice.

    Attributes:
        commit: the delivery's commit.
        scenarios: the scenarios whose lines count, as the delivery spells them.
        lines: what is known of those lines, see `_described`; empty if they cannot be compared.
    """

    commit: DeliveryCommit
    scenarios: tuple[str, ...]
    lines: tuple[_Lines, ...]


def adopt_slices(
    processed: ObjectStore,
    snapshot: Snapshot,
    targets: Iterable[TargetSlice],
    suspects: Collection[str],
    *,
    at: datetime,
) -> dict[tuple[str, str], SliceCommit]:
    """Write the commits of target slices whose rows are built already, and return them by table and slice.

    Only a slice of the fact table is adopted, in whose period no line supersedes another and none is booked from an
    earlier period: then its rows follow from its lines and from inputs that are equal. In doubt, it is built.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        snapshot: its state.
        targets: the target slices that have no commit.
        suspects: files that are read whole before they are taken over, because a step could not read them.
        at: now, UTC.
    """
    facts = [one for one in targets if one.table == FACT_FINANCIALS.name and not _chooses_lines(one.inputs)]
    bases = _find_bases(processed, snapshot, facts, suspects) if facts else {}
    adopted = {
        (target.table, target.slice): replace(
            bases[target.slice], version=target.version, inputs=target.inputs, built_at=utc_text(at)
        )
        for target in facts
        if target.slice in bases
    }
    keys = {slice_key(commit.table, commit.slice, commit.version): commit for commit in adopted.values()}
    write_many(processed, {key: commit.to_json() for key, commit in keys.items()})
    return adopted


def _chooses_lines(inputs: Mapping[str, Any]) -> bool:
    return any(inputs.get(part) for part in _NOT_IN_CONTENT)


def _find_bases(
    processed: ObjectStore, snapshot: Snapshot, facts: Sequence[TargetSlice], suspects: Collection[str]
) -> dict[str, SliceCommit]:
    """Return, by period, a built slice with the rows of the target."""
    earlier = _EarlierVersions(processed, snapshot, facts)
    candidates = {target.slice: islice(earlier.versions(target), _MOST_CANDIDATES) for target in facts}
    bases: dict[str, SliceCommit] = {}
    while candidates:
        names = [
            (FACT_FINANCIALS.name, period, version)
            for period, versions in candidates.items()
            if (version := next(versions, None)) is not None
        ]
        found = {one.slice: one for one in read_slices(processed, names) if one is not None and _is_right(one)}
        sizes = {file.key: file.size for commit in found.values() for file in commit.files}
        damaged = find_damaged_files(processed, sizes, suspects) if sizes else {}
        bases |= {
            period: commit for period, commit in found.items() if not any(file.key in damaged for file in commit.files)
        }
        candidates = {period: candidates[period] for _, period, _ in names if period not in bases}
    if not bases:
        return {}
    # A file that is damaged in its middle is found when it is loaded. Its slice is then built, and not adopted again.
    set_aside = [item.key for item in processed.list_objects(DAMAGED)]
    refused = {
        target.slice
        for target in facts
        if any(key.endswith(slice_key(target.table, target.slice, target.version)) for key in set_aside)
    }
    return {period: commit for period, commit in bases.items() if period not in refused}


def _is_right(commit: SliceCommit) -> bool:
    """Return whether a slice is equal to its lines; one that is not would be built in vain, but never hidden."""
    return not (commit.differences or commit.hidden_lines or commit.superseded)


class _EarlierVersions:
    """The versions that target slices would have if deliveries had the names of earlier ones with the same lines."""

    def __init__(self, processed: ObjectStore, snapshot: Snapshot, facts: Sequence[TargetSlice]) -> None:
        self._processed, self._snapshot = processed, snapshot
        self._parts = {target.slice: list(_parts(snapshot, target)) for target in facts}
        self._ages = _ages(snapshot.commits.values())
        wanted = {lines for parts in self._parts.values() for part in parts for lines in part.lines}
        self._by_lines: dict[_Lines, list[DeliveryCommit]] = {}
        for commit in snapshot.commits.values():
            for count in commit.periods:
                if count.period in self._parts and (lines := _described(commit, count)) in wanted:
                    self._by_lines.setdefault(lines, []).append(commit)

    def versions(self, target: TargetSlice) -> Iterator[str]:
        """Yield versions of a slice with the rows of the target, beginning with what came last before it.

        Deliveries that were read together have taken the place of others together, so each step goes back behind one
        reading.
        """
        parts = self._parts[target.slice]
        for age in sorted({self._age(part.commit) for part in parts}, reverse=True):
            commits = [commit for part in parts if (commit := self._before(part, age)) is not None]
            if len(commits) < len(parts):
                return  # some lines are new
            lines = sorted([one.delivery_id, *part.scenarios] for one, part in zip(commits, parts, strict=True))
            types = self._types(target.slice, commits)
            if types is not None:
                yield version_of(target.table, target.slice, {**target.inputs, "lines": lines, **types})

    def _before(self, part: _Part, age: str) -> DeliveryCommit | None:
        """Return the last delivery that was read before some time and has the lines of a part."""
        if self._age(part.commit) < age:
            return part.commit
        if not part.lines:
            return None  # they cannot be compared
        first, *others = (self._by_lines.get(lines, []) for lines in part.lines)
        names = [{commit.delivery_id for commit in commits} for commits in others]
        earlier = [
            commit for commit in first if self._age(commit) < age and all(commit.delivery_id in one for one in names)
        ]
        return max(earlier, key=self._age, default=None)

    def _age(self, commit: DeliveryCommit) -> str:
        return self._ages[commit.attempt]

    def _types(self, period: str, commits: Sequence[DeliveryCommit]) -> dict[str, str] | None:
        """Return the input `account_types` of a slice of other deliveries; None if their accounts are not known."""
        flipped = [commit for commit in commits if commit.is_debit_positive]
        if not flipped:
            return {}
        history = self._snapshot.history.get(ACCOUNT_HISTORY, ())
        try:
            accounts = frozenset[int]().union(*(self._accounts(commit) for commit in flipped))
        except DamagedObjectError:
            return None
        return {"account_types": hash_types(period, accounts, self._given_types, history)}

    def _accounts(self, commit: DeliveryCommit) -> frozenset[int]:
        if commit.delivery_id not in self._known_accounts:
            self._known_accounts[commit.delivery_id] = account_keys(self._processed, commit)
        return self._known_accounts[commit.delivery_id]

    @cached_property
    def _known_accounts(self) -> dict[str, frozenset[int]]:
        return {}

    @cached_property
    def _given_types(self) -> dict[int, str]:
        return account_types(self._processed, self._snapshot.state)


def _ages(commits: Iterable[DeliveryCommit]) -> dict[str, str]:
    """Return the time of the first commit of each reading, by its attempt."""
    ages: dict[str, str] = {}
    for commit in commits:
        if commit.attempt not in ages or commit.committed_at < ages[commit.attempt]:
            ages[commit.attempt] = commit.committed_at
    return ages


def _parts(snapshot: Snapshot, target: TargetSlice) -> Iterator[_Part]:
    """Yield the parts of a target slice; without lines if some of them have no hash."""
    for delivery_id, *scenarios in target.inputs["lines"]:
        commit = snapshot.commits[delivery_id]
        counts = [one for one in commit.periods if one.period == target.slice and one.scenario in scenarios]
        is_known = all(count.content for count in counts)
        yield _Part(commit, tuple(scenarios), tuple(_described(commit, one) for one in counts) if is_known else ())


def _described(commit: DeliveryCommit, count: PeriodCount) -> _Lines:
    """Return what is equal where two deliveries have the same lines of a scenario and period.

    The hash says which day, department, account, amount, sign and key each line has.
    """
    return (
        count.period,
        commit.is_debit_positive,
        count.scenario,
        count.scenario_type,
        count.rows,
        str(count.amount),
        count.content,
    )
