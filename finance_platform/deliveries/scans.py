"""Looks at the raw zone: what the last one saw, and which one the last complete refresh was made from.

Belongs here: the record of a look, and when it becomes the record of a refresh.
Does not belong here: what is new since (see `news`), what deliveries are (see `register`).

All of this can be lost without harm: the next run then looks, finds nothing to do, and writes it again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from finance_platform.code_version import current_code_version
from finance_platform.deliveries.register import DecisionRecorded, Event, PeriodStatusChanged, Register
from finance_platform.settings import StarSettings
from finance_platform.storage.port import ObjectStore

if TYPE_CHECKING:
    from finance_platform.feeds.feed_set import FeedSet
    from finance_platform.settings import Settings

FOLDER = "looks"

_LAST, _REFRESHED = f"{FOLDER}/last.json", f"{FOLDER}/refreshed.json"

ObjectVersion = tuple[str, str]
"""Object key and etag."""


@dataclass(frozen=True)
class ScanRecord:
    """One look at the raw zone.

    Attributes:
        listing: hash of the objects that were there, with their stamps.
        terms: hash of all else that decides what a run makes of them; see `fingerprint_config`.
        register_length: how many documents of the register the look knows.
        run_id: the run that looked.
        at: when, ISO 8601 UTC.
    """

    listing: str
    terms: str
    register_length: int
    run_id: str
    at: str


def fingerprint_config(catalog: FeedSet, settings: Settings) -> str:
    """Return a hash of what decides the result beside raw objects and decisions: descriptors, settings, code."""
    feeds = [feed.model_dump(mode="json") for feed in catalog.feeds]
    problems = [asdict(problem) for problem in catalog.problems]
    star = asdict(StarSettings.of(settings))
    reading = [settings.currency, settings.earliest_date, settings.latest_date, settings.closed_periods]
    # Of the code as it is on disk now: the process that looks may be older than the ones in which runs work.
    code = [current_code_version("standardise"), current_code_version("build_star")]
    document = json.dumps([feeds, problems, star, reading, code], default=str, sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def record_scan(processed: ObjectStore, seen: Iterable[ObjectVersion], *, terms: str, run_id: str, at: str) -> None:
    """Write down what a run saw, unless it is what the last complete refresh was made from.

    Args:
        processed: the processed zone.
        seen: the raw objects, by key.
        terms: see `fingerprint_config`.
        run_id: the run that looked.
        at: when, ISO 8601 UTC.
    """
    lines = b"".join(_line(one) for one in seen)
    listing = hashlib.sha256(lines).hexdigest()[:16]
    register = Register(processed)
    look = ScanRecord(listing, terms, register.length(), run_id, at)
    refreshed = last_refresh(processed)
    is_known = refreshed is not None and (refreshed.listing, refreshed.terms) == (look.listing, look.terms)
    if is_known and not decisions_since(register, refreshed) and incomplete_scan(processed) is None:
        return
    # The time is left out of the file, so that the same listing is the same bytes.
    processed.write(_listing_key(listing), gzip.compress(lines, compresslevel=1, mtime=0))
    processed.write(_LAST, _document(look))


def mark_refreshed(processed: ObjectStore, run_id: str) -> None:
    """Say that all which this run's look saw has been read, built and loaded; the caller has done so.

    A decision that came between is not part of it, so the register is known only as far as the look knew it then.
    """
    look = _read(processed, _LAST)
    if look is None or look.run_id != run_id:
        return
    register = Register(processed)
    length = look.register_length if decisions_since(register, look) else register.length()
    processed.write(_REFRESHED, _document(ScanRecord(**{**asdict(look), "register_length": length})))
    for item in list(processed.list_objects(FOLDER)):
        if item.key not in {_REFRESHED, _listing_key(look.listing)}:
            processed.delete(item.key)


def discard_scan(processed: ObjectStore) -> None:
    """Let this run be no complete refresh: something that its look saw could not be read, and stays news."""
    processed.delete(_LAST)


def last_refresh(processed: ObjectStore) -> ScanRecord | None:
    """Return the look that the last complete refresh was made from; None where there was none yet."""
    return _read(processed, _REFRESHED)


def incomplete_scan(processed: ObjectStore) -> ScanRecord | None:
    """Return the look that came to no complete refresh, of a run that broke off or is at work; None without one."""
    return _read(processed, _LAST)


def listed(processed: ObjectStore, look: ScanRecord | None) -> Iterator[ObjectVersion]:
    """Yield what a look saw, by key, a line at a time; nothing where nobody has looked, or its listing is lost."""
    try:
        opened = processed.open(_listing_key(look.listing)) if look else None
    except FileNotFoundError:
        return
    if opened is None:
        return
    with opened as stream, gzip.open(stream, "rb") as lines:
        for line in lines:
            key, etag = json.loads(line)
            yield key, etag


def decisions_since(register: Register, look: ScanRecord | None) -> list[DecisionRecorded | PeriodStatusChanged]:
    """Return what people decided since a look, oldest first."""
    events: Iterable[Event] = register.events(after=look.register_length if look else 0)
    return [event for event in events if isinstance(event, DecisionRecorded | PeriodStatusChanged)]


def _line(seen: ObjectVersion) -> bytes:
    return json.dumps(seen).encode() + b"\n"


def _document(look: ScanRecord) -> bytes:
    return json.dumps(asdict(look), indent=1).encode()


def _read(processed: ObjectStore, key: str) -> ScanRecord | None:
    try:
        document: dict[str, Any] = json.loads(processed.read(key))
        return ScanRecord(**document)
    except (FileNotFoundError, ValueError, TypeError):
        return None  # nobody has looked, or another release did and wrote it in another form


def _listing_key(listing: str) -> str:
    return f"{FOLDER}/{listing}.jsonl.gz"
