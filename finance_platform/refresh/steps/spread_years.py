"""Files of years that are spread like a scenario: the years that each needs, its identity, and the amounts for the job.

Belongs here: the steps between reading all other files and reading these. Does not belong here: which lines are weights
(see `deliveries.spread_weights`), spreading (see `feeds.lines.spread`).

Which years a file needs is only known when it is read. A new file is therefore read twice: here, without weights, and
by the job. Its commit has the years, so this happens once for each content and each change of its rules.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from finance_platform.contracts.schemas import MEASURED, NOT_OPENED, REFUSED
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.events import DeliveryDiscovered, select_discovered, select_withdrawn
from finance_platform.deliveries.overlaps import record_overlaps
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.spread_weights import SpreadWeights, known_years, like_rule, unweighted_id
from finance_platform.feeds.findings import ReaderFindings
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.refresh.steps.unread_files import UnreadFile
from finance_platform.storage.port import ObjectStore

if TYPE_CHECKING:
    # Few homes have such files, and every run waits for what it imports before its first order.
    from finance_platform.feeds.read_file import FileToRead

_FOLDER = "staging/weights"


def has_years_like(feeds: Mapping[str, ResolvedFeed]) -> bool:
    """Return whether a feed's years are spread like a scenario."""
    return any(like_rule(feed.rules) for feed in feeds.values())


@dataclass
class YearsLikeFiles:
    """The files of years, with the lines that count now as weights.

    Attributes:
        raw: the raw zone.
        processed: the processed zone.
        feeds: the home's feeds by name.
        not_opened: the files that could not be read, by object key.
    """

    raw: ObjectStore
    processed: ObjectStore
    feeds: Mapping[str, ResolvedFeed]
    not_opened: dict[str, UnreadFile] = field(default_factory=dict)

    @cached_property
    def _events(self) -> list[DeliveryDiscovered]:
        """The last event of each object."""
        return list(
            {event.object_key: event for event in select_discovered(Register(self.processed).events())}.values()
        )

    @cached_property
    def _weights(self) -> SpreadWeights:
        state = read_state(self.processed)
        return SpreadWeights(self.processed, state, record_overlaps(self.processed, state.ledger))

    @cached_property
    def _years(self) -> dict[str, tuple[str, ...]]:
        return known_years(read_commits(self.processed).values())

    @cached_property
    def _present(self) -> dict[str, str]:
        return {item.key: item.etag for item in self.raw.list_objects() if not item.refusal}

    def discover_again(self, at: str, run_id: str) -> None:
        """Enter the files that are spread like other lines than before into the register, as if they were sent now.

        A file that a person withdrew is not entered: as another delivery it would count again.

        Args:
            at: now, ISO 8601 UTC.
            run_id: the run.
        """
        withdrawn = select_withdrawn(Register(self.processed).events())
        again = [
            replace(event, delivery_id=identity, at=at, run_id=run_id, reads_again=event.delivery_id)
            for event in self._events
            if event.delivery_id not in withdrawn
            and (identity := self.identity(event))
            and identity != event.delivery_id
        ]
        if again:
            Register(self.processed).append(again)

    def identity(self, event: DeliveryDiscovered) -> str | None:
        """Return the identity of a file with its weights; None if it is no such file, or its years cannot be known."""
        feed = self.feeds.get(event.feed)
        if feed is None or not like_rule(feed.rules):
            return None
        years = self._years_of(event, feed)
        return None if years is None else self._weights.identity(event, feed, years)

    @contextmanager
    def weighted(self, pending: Sequence[DeliveryDiscovered]) -> Iterator[dict[str, ResolvedFeed]]:
        """Yield the feeds, with a file of the amounts that pending files are spread like, for as long as a job runs."""
        feeds, keys = dict(self.feeds), []
        try:
            for name in sorted({event.feed for event in pending}):
                feed = self.feeds[name]
                rule = like_rule(feed.rules)
                if rule is None:
                    continue
                of_feed = [self._years_of(event, feed) or () for event in pending if event.feed == name]
                buffer = io.BytesIO()
                pq.write_table(self._weights.table(rule, {year for years in of_feed for year in years}), buffer)
                # A process that reads several files keeps the weights by this name.
                keys.append(f"{_FOLDER}/{hashlib.sha256(buffer.getvalue()).hexdigest()[:16]}.parquet")
                self.processed.write(keys[-1], buffer.getvalue())
                feeds[name] = replace(feed, weights_file=keys[-1])
            yield feeds
        finally:
            for key in set(keys):
                self.processed.delete(key)

    def _years_of(self, event: DeliveryDiscovered, feed: ResolvedFeed) -> tuple[str, ...] | None:
        place = unweighted_id(event.object_key, event.fingerprint, feed.name, feed.rules)
        if place not in self._years and self._present.get(event.object_key) == event.etag:
            from finance_platform.feeds.read_file import FileToRead

            file = FileToRead(event.delivery_id, event.object_key, event.feed, event.fingerprint)
            years = find_weight_years(self.raw, self.processed, feed, file)
            if isinstance(years, UnreadFile):
                self.not_opened[event.object_key] = years
            else:
                self._years[place] = years
        return self._years.get(place)


def find_weight_years(
    raw: ObjectStore, processed: ObjectStore | None, feed: ResolvedFeed, file: FileToRead
) -> tuple[str, ...] | UnreadFile:
    """Return the fiscal years whose amounts a file's years are spread like, or why it could not be read."""
    (summary,) = _summaries(feed, raw, file, processed)
    if summary["outcome"] == NOT_OPENED:
        return UnreadFile(file.object_key, str(summary["reasons"]), str(summary["raw_row"]))
    if summary["outcome"] == REFUSED:
        return ()
    return tuple(ReaderFindings.from_json(json.loads(str(summary["findings"]))).weight_years)


def _summaries(
    feed: ResolvedFeed, raw: ObjectStore, file: FileToRead, processed: ObjectStore | None
) -> Iterable[dict[str, object]]:
    from finance_platform.feeds.read_file import read_file

    for batch in read_file("ledger", replace(feed, weights_file=""), raw, file, processed=processed):
        if batch["outcome"][0].as_py() in {MEASURED, REFUSED, NOT_OPENED}:
            yield batch.to_pylist()[0]
