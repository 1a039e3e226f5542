"""Records of raw zone scans: the last one, and the one of the last complete refresh.

Belongs here: writing the record of a scan, and promoting it to the record of a refresh.
Does not belong here: what has changed since (see `changes`), what deliveries are (see `events`).

All of this can be lost without harm: the next run then scans, has nothing to do, and writes it again.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice
from json.encoder import encode_basestring_ascii as _as_json
from typing import TYPE_CHECKING, Any, cast

from finance_platform.code_version import current_code_versions
from finance_platform.deliveries.events import DecisionRecorded, Event, PeriodStatusChanged
from finance_platform.deliveries.register import Register
from finance_platform.errors import DamagedObjectError
from finance_platform.settings import StarSettings, materiality
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.documents import parse_document
from finance_platform.storage.port import ObjectStore, part_ends

if TYPE_CHECKING:
    from finance_platform.feeds.feed_set import FeedSet
    from finance_platform.settings import Settings

FOLDER = "looks"

_LAST, _REFRESHED = f"{FOLDER}/last.json", f"{FOLDER}/refreshed.json"

_LINES_AT_ONCE = 1_000

ObjectVersion = tuple[str, str]
"""Object key and etag."""


@dataclass(frozen=True)
class ScanRecord:
    """One scan of the raw zone.

    Attributes:
        listing: hash of the objects, with their etags.
        terms: hash of everything else that decides the result of a run; see `fingerprint_config`.
        register_length: the number of register documents at the time of the scan.
        run_id: the run that scanned.
        at: when, ISO 8601 UTC.
    """

    listing: str
    terms: str
    register_length: int
    run_id: str
    at: str


def fingerprint_config(feed_set: FeedSet, settings: Settings) -> str:
    """Return a hash of what decides the result beside raw objects and decisions: descriptors, settings, code."""
    feeds = [feed.model_dump(mode="json") for feed in feed_set.feeds]
    problems = [asdict(problem) for problem in feed_set.problems]
    star = asdict(StarSettings.of(settings))
    reading = [settings.currency, settings.earliest_date, settings.latest_date, settings.closed_periods]
    reports = [asdict(threshold) for threshold in materiality(settings)]
    # The version of the code on disk: this process may be older than the processes of the runs.
    code = list(current_code_versions().values())
    document = json.dumps([feeds, problems, star, reading, reports, code], default=str, sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def record_scan(
    processed: ObjectStore, versions: Iterable[ObjectVersion], *, config: str, run_id: str, at: str
) -> None:
    """Record a run's scan, unless it is equal to the one of the last complete refresh.

    Args:
        processed: the processed zone.
        versions: the raw objects, ordered by key.
        config: see `fingerprint_config`.
        run_id: the run that scanned.
        at: when, ISO 8601 UTC.
    """
    # What `json.dumps` makes of each version, in a third of the time.
    lines = "".join(f"[{_as_json(key)}, {_as_json(etag)}]\n" for key, etag in versions).encode()
    listing = hashlib.sha256(lines).hexdigest()[:16]
    register = Register(processed)
    refreshed = last_refresh(processed)
    is_refreshed = refreshed is not None and (refreshed.listing, refreshed.terms) == (listing, config)
    if is_refreshed and not decisions_since(register, refreshed) and incomplete_scan(processed) is None:
        return
    # Without the time in its header, the same listing is the same bytes.
    processed.write(_listing_key(listing), gzip.compress(lines, compresslevel=1, mtime=0))
    processed.write(_LAST, _document(ScanRecord(listing, config, register.length(), run_id, at)))


def mark_refreshed(processed: ObjectStore, run_id: str) -> None:
    """Record that everything in this run's scan was read, built and loaded.

    A decision that was recorded after the scan is not included, so the refresh keeps the scan's register length.
    """
    scan = _read(processed, _LAST)
    if scan is None or scan.run_id != run_id:
        return
    register = Register(processed)
    length = scan.register_length if decisions_since(register, scan) else register.length()
    processed.write(_REFRESHED, _document(replace(scan, register_length=length)))
    kept = {_REFRESHED, _listing_key(scan.listing)}
    outdated = [item.key for item in processed.list_objects(FOLDER) if item.key not in kept]
    for _ in map_many(processed, outdated, processed.delete):
        pass


def discard_scan(processed: ObjectStore) -> None:
    """Discard this run's scan so that it does not count as a complete refresh; unreadable objects are retried."""
    processed.delete(_LAST)


def last_refresh(processed: ObjectStore) -> ScanRecord | None:
    """Return the scan of the last complete refresh, or None if there was none."""
    return _read(processed, _REFRESHED)


def incomplete_scan(processed: ObjectStore) -> ScanRecord | None:
    """Return the scan of a run that has not completed a refresh, whether it failed or is still at work."""
    return _read(processed, _LAST)


@dataclass(frozen=True)
class RecordedListing:
    """The raw objects of a scan.

    Attributes:
        data: a line for each, packed; nothing without a scan, or if its listing is lost.
    """

    data: bytes

    def versions(self) -> Iterator[ObjectVersion]:
        """Yield the objects, ordered by key."""
        # The objects after the damage look new, so a run starts, has nothing to do and writes the listing again.
        with suppress(ValueError, TypeError):
            lines = self._lines()
            while some := list(islice(lines, _LINES_AT_ONCE)):
                for key, etag in _decode_lines(some):
                    yield str(key), str(etag)

    def part_ends(self) -> Sequence[str]:
        """Return the keys of the raw zone for `expect_parts`."""
        with suppress(ValueError, TypeError, LookupError):
            return [str(json.loads(line)[0]) for line in part_ends(self._lines())]
        return ()

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines, up to where the listing is damaged."""
        with gzip.open(io.BytesIO(self.data)) as lines, suppress(EOFError, zlib.error, gzip.BadGzipFile):
            yield from lines


def read_listing(processed: ObjectStore, scan: ScanRecord | None) -> RecordedListing:
    """Return the objects of a scan, which are requested once."""
    with suppress(FileNotFoundError):
        return RecordedListing(processed.read(_listing_key(scan.listing)) if scan else b"")
    return RecordedListing(b"")


def _decode_lines(lines: Sequence[bytes]) -> Iterable[Any]:
    """Return what lines have; together, since of thousands each takes longer than what it has."""
    try:
        return cast("list[Any]", json.loads(b"[%s]" % b",".join(lines)))
    except ValueError:
        return map(json.loads, lines)  # up to the damaged one


def decisions_since(register: Register, scan: ScanRecord | None) -> list[DecisionRecorded | PeriodStatusChanged]:
    """Return the decisions of people since a scan, oldest first."""
    events: Iterable[Event] = register.events_after(scan.register_length) if scan else register.events()
    return [event for event in events if isinstance(event, DecisionRecorded | PeriodStatusChanged)]


def _document(scan: ScanRecord) -> bytes:
    return json.dumps(asdict(scan), indent=1).encode()


def _read(processed: ObjectStore, key: str) -> ScanRecord | None:
    try:
        return parse_document(key, processed.read(key), lambda document: ScanRecord(**document))
    except (FileNotFoundError, DamagedObjectError):
        return None  # there was no scan, or its record is damaged, or another release wrote it in another form


def find_damaged_scans(processed: ObjectStore) -> list[DamagedObjectError]:
    """Return the records of scans that cannot be read."""
    damaged = []
    for key in (_LAST, _REFRESHED):
        try:
            parse_document(key, processed.read(key), lambda document: ScanRecord(**document))
        except FileNotFoundError:
            continue
        except DamagedObjectError as error:
            damaged.append(error)
    return damaged


def require_whole_register(processed: ObjectStore) -> None:
    """Raise RegisterError if the register is shorter than the scans have seen it."""
    seen = [scan.register_length for scan in (_read(processed, _LAST), _read(processed, _REFRESHED)) if scan]
    Register(processed).require_length(max(seen, default=0))


def _listing_key(listing: str) -> str:
    return f"{FOLDER}/{listing}.jsonl.gz"
