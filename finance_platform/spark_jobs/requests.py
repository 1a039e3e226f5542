"""The requests of the Spark jobs, and the JSON documents in which they travel.

Belongs here: the fields of a request. Does not belong here: filling them (see `refresh.steps.job_requests`).

The version of a job's code covers this module: a job of another release must not misread a request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

from finance_platform.deliveries.commits import DataFile
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.slices.versions import TargetSlice


class JobRequest(Protocol):
    """A request of any job."""

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON-compatible values."""
        ...


@dataclass(frozen=True)
class DeliveryToRead:
    """A delivery that `standardise` reads, in the version that the register names; `size` is in bytes."""

    delivery_id: str
    object_key: str
    feed: str
    kind: str
    fingerprint: str
    size: int = 0

    @property
    def identity(self) -> dict[str, Any]:
        """The fields that its commit has too."""
        return {name: value for name, value in vars(self).items() if name != "size"}


@dataclass(frozen=True)
class StandardiseRequest:
    """The deliveries that `standardise` reads.

    Attributes:
        deliveries: in any order.
        feeds: by name, every feed of the deliveries.
        shares_files: whether small deliveries may share Parquet files.
    """

    deliveries: Sequence[DeliveryToRead]
    feeds: Mapping[str, ResolvedFeed]
    shares_files: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON-compatible values."""
        return {
            "deliveries": [asdict(delivery) for delivery in self.deliveries],
            "feeds": {name: feed.to_json() for name, feed in self.feeds.items()},
            "shares_files": self.shares_files,
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> StandardiseRequest:
        """Rebuild a request from `to_json`'s values."""
        return StandardiseRequest(
            deliveries=[DeliveryToRead(**delivery) for delivery in document["deliveries"]],
            feeds={name: ResolvedFeed.from_json(feed) for name, feed in document["feeds"].items()},
            shares_files=document["shares_files"],
        )


class SourceFile(NamedTuple):
    """A Parquet file that the job reads.

    Attributes:
        table: the table of its rows.
        file: its key and size.
        deliveries: those whose rows in it count, as places in the request's deliveries.
    """

    table: str
    file: DataFile
    deliveries: Sequence[int]


class CountedLines(NamedTuple):
    """The lines that count in one period and scenario, superseded ones included.

    Attributes:
        period: the period.
        scenario: the scenario, as these deliveries spell it.
        deliveries: the deliveries of the lines, as places in the request's deliveries.
        lines: how many lines they are, superseded ones included.
    """

    period: str
    scenario: str
    deliveries: Sequence[int]
    lines: int


class SupersededKeys(NamedTuple):
    """A delivery whose lines give way, key by key, to a later delivery, which has its keys in these periods."""

    delivery_id: str
    superseded_by: str
    periods: Sequence[str]


class SupersededScope(NamedTuple):
    """Lines of one delivery that a later delivery of its feed replaces as a whole."""

    delivery_id: str
    scenario: str
    period: str
    scope_key: str | None


@dataclass(frozen=True)
class BuildRequest:
    """The slices that `build_star` builds, and the lines that it builds them from.

    With thousands of small deliveries, most of a request would be their names; a delivery is named once, and a number
    elsewhere.

    Attributes:
        deliveries: the ids of all live deliveries in the defined order.
        files: the files that the job reads: the lines of the requested periods, and the members of all deliveries.
        slices: the slices to build.
        counted: whose lines count in the requested periods.
        superseded_keys: whose lines a later delivery supersedes by key.
        superseded_scopes: whose lines a later delivery supersedes by scope.
        scenarios: name and type of every live scenario.
        baseline_scenario: the scenario that the others are compared with.
        type_spans: account key, first period and type of accounts whose type changes, oldest first.
    """

    deliveries: Sequence[str]
    files: Sequence[SourceFile]
    slices: Sequence[TargetSlice]
    counted: Sequence[CountedLines]
    superseded_keys: Sequence[SupersededKeys]
    superseded_scopes: Sequence[SupersededScope]
    scenarios: Sequence[tuple[str, str]]
    baseline_scenario: str
    type_spans: Sequence[tuple[int, str, str]] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON-compatible values."""
        return {
            "deliveries": list(self.deliveries),
            "files": [[table, asdict(file), list(deliveries)] for table, file, deliveries in self.files],
            "slices": [vars(target) for target in self.slices],
            "counted": list(self.counted),
            "hiders": list(self.superseded_keys),
            "hidden_scopes": list(self.superseded_scopes),
            "scenarios": list(self.scenarios),
            "baseline_scenario": self.baseline_scenario,
            "type_spans": list(self.type_spans),
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> BuildRequest:
        """Rebuild a request from `to_json`'s values."""
        return BuildRequest(
            deliveries=document["deliveries"],
            files=[SourceFile(table, DataFile(**file), places) for table, file, places in document["files"]],
            slices=[TargetSlice(**target) for target in document["slices"]],
            counted=[CountedLines(*lines) for lines in document["counted"]],
            superseded_keys=[SupersededKeys(*keys) for keys in document["hiders"]],
            superseded_scopes=[SupersededScope(*scope) for scope in document["hidden_scopes"]],
            scenarios=[(name, scenario_type) for name, scenario_type in document["scenarios"]],
            baseline_scenario=document["baseline_scenario"],
            type_spans=[(key, since, account_type) for key, since, account_type in document["type_spans"]],
        )
