"""The rows that a feed's lines look up: which deliveries of the other feed count.

They are part of what a delivery is read with, so they are part of its identity: when they change, the files that look
them up are read again, and incremental state is the state rebuilt.

Belongs here: the reading rules with these deliveries, and entering their files into the register again.
Does not belong here: finding a row (see `feeds.lines.lookups`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from finance_platform.contracts.processed import LOOKUP_ROWS
from finance_platform.deliveries.commits import delivery_id
from finance_platform.deliveries.events import DeliveryDiscovered, select_discovered, select_withdrawn
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.spread_weights import like_rule
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.resolved import ReadingRules, ResolvedFeed


def with_lookups(feeds: Mapping[str, ResolvedFeed], state: DeliveryState) -> dict[str, ResolvedFeed]:
    """Return the feeds, by name; those that look up rows with the deliveries that have them, the latest last."""
    return {name: _with_lookup(feed, state) for name, feed in feeds.items()}


def has_lookups(feeds: Mapping[str, ResolvedFeed]) -> bool:
    """Return whether a feed looks up rows of another one."""
    return any(feed.rules.lookup for feed in feeds.values())


def _with_lookup(feed: ResolvedFeed, state: DeliveryState) -> ResolvedFeed:
    rule = feed.rules.lookup
    if rule is None:
        return feed
    live = [one for one in state.reference if one.event.kind == "lookup" and one.event.feed == rule.feed]
    # A delivery whose commit is damaged still counts; it is read again before the files that look it up.
    missing = [one.delivery_id for one in state.missing if one.kind == "lookup" and one.feed == rule.feed]
    rules = replace(feed.rules, lookup_deliveries=(*(one.delivery_id for one in live), *sorted(missing)))
    files = tuple((one.delivery_id, file.key) for one in live for file in one.commit.files.get(LOOKUP_ROWS.name, ()))
    return replace(feed, rules=rules, lookup_files=files)


def earlier_lookup_identities(
    feeds: Mapping[str, ResolvedFeed], events: Iterable[DeliveryDiscovered]
) -> dict[str, tuple[str, ...]]:
    """Return the identities of rules with the earlier readings of the files that they look up, by feed.

    Args:
        feeds: the feeds by name, from `with_lookups`.
        events: every discovery.
    """
    if not has_lookups(feeds):
        return {}
    again = {event.delivery_id: event.reads_again for event in events if event.kind == "lookup" and event.reads_again}
    return {name: tuple(_earlier_identities(feed.rules, again)) for name, feed in feeds.items() if feed.rules.lookup}


def _earlier_identities(rules: ReadingRules, again: Mapping[str, str]) -> Iterator[str]:
    names, known = rules.lookup_deliveries, {rules.lookup_deliveries}
    while (names := tuple(again.get(name, name) for name in names)) not in known:
        known.add(names)
        yield replace(rules, lookup_deliveries=names).identity


def discover_again(register: Register, feeds: Mapping[str, ResolvedFeed], at: str, run_id: str) -> None:
    """Enter the files of feeds whose lookup has changed into the register, as they would be if they were sent now.

    A file that a person withdrew is not entered: as another delivery it would count again.

    Args:
        register: the register.
        feeds: the feeds by name, from `with_lookups`.
        at: now, ISO 8601 UTC.
        run_id: the run.
    """
    events = register.events()
    latest, withdrawn = {event.object_key: event for event in select_discovered(events)}, select_withdrawn(events)
    again = [
        replace(event, delivery_id=identity, at=at, run_id=run_id, reads_again=event.delivery_id)
        for event in latest.values()
        if event.feed in feeds
        and event.delivery_id not in withdrawn
        and feeds[event.feed].rules.lookup
        and not like_rule(feeds[event.feed].rules)  # see `refresh.spread_years`
        and (identity := _identity(event, feeds[event.feed])) != event.delivery_id
    ]
    if again:
        register.append(again)


def _identity(event: DeliveryDiscovered, feed: ResolvedFeed) -> str:
    rules = feed.rules
    return delivery_id(event.object_key, event.fingerprint, event.feed, rules.identity, rules.reader)
