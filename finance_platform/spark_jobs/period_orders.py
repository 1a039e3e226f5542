"""The periods of the fact table that one task each can build, and the files that it needs for each.

Belongs here: the order of a period, and which periods get one. Does not belong here: what a task does with it (see
`period_files`), all other periods (see `build_star_job`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType

from finance_platform.contracts.processed import LINE_TABLES
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.lines import period_of_file
from finance_platform.deliveries.rows_checkpoint import CheckpointFile
from finance_platform.spark_jobs.requests import BuildRequest

SUPERSEDING_BYTES = 16 << 20
"""Of so many bytes of later files each task of a period reads the keys: some 300,000 lines, half a second."""

SHARED_BYTES = 8 << 20
"""Of so many bytes of files that small deliveries share the tasks of a build read lines, each time that one does: the
files of 200,000 one-line deliveries for one period, 300 ms."""

CLUSTER_PERIOD_BYTES = 256 << 20
"""On a cluster, the lines of a larger period are summed by several machines: some seven million take a task 5 s."""


@dataclass(frozen=True)
class PeriodOrder:
    """A period to build.

    Attributes:
        period: the period.
        files: key, size and hash of the files with its lines alone; see `DataFile`.
        counted: delivery id and scenario of the lines that count.
        actual_covers: whether Actual covers the period; None: if it has lines.
        superseding: deliveries that count and give way to later ones, with key and size of the files whose keys the
            later ones have.
        checkpoint: key and size of the files of the period's checkpoint of lines.
        shared: key and size of the files that it shares with other periods and deliveries, and the deliveries whose
            lines in the file count.
    """

    period: str
    files: Sequence[tuple[str, int, str]]
    counted: Sequence[tuple[str, str]]
    actual_covers: bool | None
    superseding: Sequence[tuple[str, Sequence[tuple[str, int]]]] = ()
    checkpoint: Sequence[tuple[str, int]] = ()
    shared: Sequence[tuple[str, int, Sequence[str]]] = ()

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(size for _, size, _ in (*self.files, *self.shared))


def orders_of(
    request: BuildRequest,
    periods: Mapping[str, bool | None],
    most_bytes: int | None = None,
    checkpoints: Mapping[str, Sequence[CheckpointFile]] = MappingProxyType({}),
    *,
    reads_again: bool = True,
) -> list[PeriodOrder]:
    """Return the orders of those periods that one task each can build.

    No scope of such a period is superseded, and its files have no other period, or are shared by small deliveries and
    small themselves. So have the files whose keys supersede its lines, and they are small: every task reads them.

    Args:
        request: of the job.
        periods: the periods to build, and whether Actual covers each.
        most_bytes: the size of the files of the largest period that a task builds; None for any.
        checkpoints: see `list_lines_checkpoints`.
        reads_again: whether a shared file may be read for each period; where a read is a request, Spark's plans of
            several periods take one.
    """
    files = _LineFiles.of(request)
    superseding = _superseding_files(request, files.own, files.mixed | files.sharing)
    scopes = {scope.period for scope in request.superseded_scopes}
    places, counted = _counted_lines(request, periods)
    orders = []
    for period, covers in sorted(periods.items()):
        of_later = {name: superseding[name] for name, _ in counted[period] if name in superseding}
        if period in scopes or not files.mixed.isdisjoint(places[period]) or None in of_later.values():
            continue
        orders.append(
            PeriodOrder(
                period,
                files.with_lines_of(period, places[period]),
                counted[period],
                covers,
                tuple((name, found or ()) for name, found in of_later.items()),
                tuple((file.key, file.size) for file in checkpoints.get(period, ())),
                files.shared_with(places[period], request.deliveries),
            )
        )
    if not _may_share([order.shared for order in orders], reads_again=reads_again):
        orders = [order for order in orders if not order.shared]
    return [order for order in orders if most_bytes is None or order.size <= most_bytes]


@dataclass
class _LineFiles:
    """The files with lines of a request; a delivery is its place in the request.

    Attributes:
        of_periods: by period, the files with its lines alone, and the deliveries of each.
        own: by delivery, its files that have one period, after that period.
        mixed: the deliveries that have files with several periods.
        shared: the files that small deliveries share, and these.
        sharing: all of these.
    """

    of_periods: dict[str, list[tuple[DataFile, frozenset[int]]]] = field(default_factory=dict)
    own: dict[int, list[tuple[str, DataFile]]] = field(default_factory=dict)
    mixed: set[int] = field(default_factory=set)
    shared: list[tuple[DataFile, frozenset[int]]] = field(default_factory=list)
    sharing: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, request: BuildRequest) -> _LineFiles:
        files = cls()
        for source in request.files:
            if source.table in LINE_TABLES:
                files._add(source.file, source.deliveries)
        return files

    def _add(self, file: DataFile, deliveries: Sequence[int]) -> None:
        if file.is_shared:
            self.shared.append((file, frozenset(deliveries)))
            self.sharing.update(deliveries)
        elif period := period_of_file(file.key):
            self.of_periods.setdefault(period, []).append((file, frozenset(deliveries)))
            for place in deliveries:
                self.own.setdefault(place, []).append((period, file))
        else:
            self.mixed.update(deliveries)

    def with_lines_of(self, period: str, places: Set[int]) -> list[tuple[str, int, str]]:
        """Return key, size and hash of a period's files of some deliveries."""
        return [
            (file.key, file.size, file.sha256)
            for file, of_file in self.of_periods.get(period, ())
            if not of_file.isdisjoint(places)
        ]

    def shared_with(self, places: Set[int], names: Sequence[str]) -> tuple[tuple[str, int, list[str]], ...]:
        """Return key and size of the shared files of some deliveries, and which of them each has."""
        return tuple(
            (file.key, file.size, [names[place] for place in sorted(counting)])
            for file, of_file in self.shared
            if (counting := of_file & places)
        )


def _counted_lines(
    request: BuildRequest, periods: Collection[str]
) -> tuple[dict[str, set[int]], dict[str, list[tuple[str, str]]]]:
    """Return, by period, the places of the deliveries with lines that count, and id and scenario of these lines."""
    places: dict[str, set[int]] = {period: set() for period in periods}
    counted: dict[str, list[tuple[str, str]]] = {period: [] for period in periods}
    for lines in request.counted:
        if lines.period in places:
            places[lines.period].update(lines.deliveries)
            counted[lines.period] += [(request.deliveries[place], lines.scenario) for place in lines.deliveries]
    return places, counted


def _may_share(files: Iterable[Sequence[tuple[str, int, Sequence[str]]]], *, reads_again: bool) -> bool:
    """Return whether tasks read shared files, which are given for each period; see `orders_of`."""
    reads = [(key, size) for of_period in files for key, size, _ in of_period]
    return sum(size for _, size in reads) <= SHARED_BYTES and (reads_again or len(set(reads)) == len(reads))


def _superseding_files(
    request: BuildRequest, own: Mapping[int, Sequence[tuple[str, DataFile]]], mixed: Collection[int]
) -> dict[str, list[tuple[str, int]] | None]:
    """Return, by delivery with superseded keys, the files that have them too; None where tasks cannot read them all.

    Args:
        request: of the job.
        own: period and file of the files of each delivery that have one period.
        mixed: the deliveries that have other files.
    """
    places = {name: place for place, name in enumerate(request.deliveries)}
    found: dict[str, dict[str, int] | None] = {}
    for pair in request.superseded_keys:
        of_delivery = found.setdefault(pair.delivery_id, {})
        place = places[pair.superseded_by]
        if of_delivery is None or place in mixed:
            found[pair.delivery_id] = None
            continue
        of_delivery.update({file.key: file.size for period, file in own.get(place, ()) if period in pair.periods})
        if sum(of_delivery.values()) > SUPERSEDING_BYTES:
            found[pair.delivery_id] = None
    return {name: None if files is None else sorted(files.items()) for name, files in found.items()}
