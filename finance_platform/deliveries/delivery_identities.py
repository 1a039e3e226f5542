"""Which delivery an object is: one of its bytes and its feed's rules, or an earlier one that it goes on to be.

Belongs here: the identities that one scan needs, and which delivery another one reads again. Does not belong here: what
an identity is a hash of (see `commits`), the objects of the scan (see `object_discovery`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from finance_platform.deliveries.commits import delivery_id, earlier_delivery_ids, read_commits
from finance_platform.deliveries.events import DeliveryDiscovered, Event, select_discovered, select_withdrawn
from finance_platform.deliveries.lookups import earlier_lookup_identities
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.spread_weights import like_rule
from finance_platform.feeds.resolved import Reader, ResolvedFeed


@dataclass(frozen=True)
class DeliveryIdentities:
    """What decides which delivery an object is.

    Attributes:
        rules: by feed, the identity of its rules with the rows that they look up, and its reader.
        declared: by feed, the identity of its rules without what they look up or are spread like, if that differs.
        earlier_rules: by feed, the identities of its rules with earlier readings of the files that they look up.
        unweighted: by delivery of a file of years, its identity without the weights that its years are spread by.
        withdrawn: by object and fingerprint, the deliveries that people withdrew, the last one discovered first.
        known: the discoveries before, in order.
    """

    rules: Mapping[str, tuple[str, Reader]]
    declared: Mapping[str, str]
    earlier_rules: Mapping[str, Sequence[str]]
    unweighted: Mapping[str, str]
    withdrawn: Mapping[tuple[str, str], Sequence[DeliveryDiscovered]]
    known: Sequence[DeliveryDiscovered] = field(default=(), compare=False)  # `identify` does not depend on it

    @staticmethod
    def of(
        register: Register,
        events: Sequence[Event],
        declared: Mapping[str, ResolvedFeed],
        feeds: Mapping[str, ResolvedFeed],
    ) -> DeliveryIdentities:
        """Return the identities of a scan.

        Args:
            register: the register, whose commits have identities without weights.
            events: its events.
            declared: the feeds by name, as their descriptors declare them.
            feeds: the same with the rows that they look up.
        """
        known = select_discovered(events)
        return DeliveryIdentities(
            rules={name: (feed.rules.identity, feed.rules.reader) for name, feed in feeds.items()},
            declared={
                name: feed.rules.identity
                for name, feed in declared.items()
                if feed.rules.lookup or like_rule(feed.rules)
            },
            earlier_rules=earlier_lookup_identities(feeds, known),
            unweighted=_unweighted_ids(register, feeds),
            withdrawn=_withdrawn_contents(known, select_withdrawn(events)),
            known=known,
        )

    def identify(self, key: str, fingerprint: str, feed: str, last: DeliveryDiscovered | None) -> str:
        """Return the identity of a delivery; one with weights stays, until `refresh.spread_years` finds others.

        One that a person withdrew stays, too, if nothing but the release has changed, or what it looks up, also if the
        object had other bytes since: as another delivery it would count again, although the file is the one that the
        person meant. If the withdrawal is undone, it is read again.
        """
        identity = delivery_id(key, fingerprint, feed, *self.rules[feed])
        if last is None or last.delivery_id == identity or self.unweighted.get(last.delivery_id) == identity:
            return last.delivery_id if last else identity
        withdrawn = self.withdrawn.get((key, fingerprint), ())
        same = (one.delivery_id for one in withdrawn if self._is_read_again(key, fingerprint, feed, one))
        return next(same, identity)

    def reads_again(self, identity: str, key: str, fingerprint: str, feed: str, last: DeliveryDiscovered | None) -> str:
        """Return which delivery another one of the same bytes and rules is instead of; empty if there is none.

        The object may have had other bytes since: what counts may still be the earlier reading of these.
        """
        if last is None or last.fingerprint != fingerprint:
            last = self._last_of_content.get((key, fingerprint)) if last else None
        if last is None or last.delivery_id == identity:
            return last.reads_again if last else ""
        return last.delivery_id if self._is_read_again(key, fingerprint, feed, last) else ""

    @cached_property
    def _last_of_content(self) -> dict[tuple[str, str], DeliveryDiscovered]:
        """By object and fingerprint, the last discovery."""
        return {(event.object_key, event.fingerprint): event for event in self.known}

    def _is_read_again(self, key: str, fingerprint: str, feed: str, earlier: DeliveryDiscovered) -> bool:
        """Return whether an earlier delivery of an object had the same bytes and the same rules of its descriptor."""
        if earlier.rules:
            return (earlier.fingerprint, earlier.feed, earlier.rules) == (fingerprint, feed, self.declared.get(feed))
        earlier_id = self.unweighted.get(earlier.delivery_id, earlier.delivery_id)
        identity, reader = self.rules[feed]
        of_rules = ((key, fingerprint, feed, one, reader) for one in (identity, *self.earlier_rules.get(feed, ())))
        return any(earlier_id == delivery_id(*one) or earlier_id in earlier_delivery_ids(*one) for one in of_rules)


def _unweighted_ids(register: Register, feeds: Mapping[str, ResolvedFeed]) -> dict[str, str]:
    """Return the identities without weights of the deliveries of files of years, by delivery id."""
    if not any(like_rule(feed.rules) for feed in feeds.values()):
        return {}
    commits = read_commits(register.store).values()
    return {one.delivery_id: one.unweighted_id for one in commits if one.unweighted_id}


def _withdrawn_contents(
    known: Iterable[DeliveryDiscovered], withdrawn: Collection[str]
) -> dict[tuple[str, str], list[DeliveryDiscovered]]:
    """Return the deliveries that people withdrew, by object and content, the last one that was discovered first."""
    last = {event.delivery_id: event for event in known if event.delivery_id in withdrawn} if withdrawn else {}
    contents: dict[tuple[str, str], list[DeliveryDiscovered]] = {}
    for event in reversed(last.values()):
        contents.setdefault((event.object_key, event.fingerprint), []).append(event)
    return contents
