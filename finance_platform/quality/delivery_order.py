"""Overlapping deliveries whose order nothing but the files' modification times decides.

Belongs here: finding them, and the warning about each. Does not belong here: the order itself (see
`deliveries.state_derivation`).

The register knows which content was seen first, and a descriptor's `order` says more. Files that one run has found, as
all of them after a rebuild from raw files alone, have only their modification times, which a copy or a restored backup
changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from finance_platform.deliveries.live_lines import claimed_cells
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import DeliveryState, LiveDelivery, replaces_periods

FIX_ORDER = (
    "if another file should win, give the feed an `order` from the file's name or a column, or withdraw the file that "
    "should not count; if this one is right, nothing is to be done"
)
_MAX_NAMES = 3


@dataclass(frozen=True)
class UncertainOrder:
    """A live delivery that replaces lines of others because of the files' modification times alone.

    Attributes:
        delivery: the delivery whose lines count.
        replaced: the other deliveries, by their keys.
        periods: the periods of the replaced lines.
        has_equal_times: whether the times of one of the others are equal, so that the names decide.
    """

    delivery: LiveDelivery
    replaced: tuple[str, ...]
    periods: tuple[str, ...]
    has_equal_times: bool

    @property
    def warning(self) -> str:
        """What is uncertain, in a sentence without the delivery's own name."""
        more = len(self.replaced) - _MAX_NAMES
        names = ", ".join(self.replaced[:_MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
        first, last = self.periods[0], self.periods[-1]
        periods = first if first == last else f"{first} to {last}"
        reason = "only the names decide the order" if self.has_equal_times else "its modification time is later"
        return (
            f"its lines in {periods} replace those of {names} only because {reason}: one run found these files, so it "
            "is not known which of them was sent last"
        )


def find_uncertain_orders(state: DeliveryState, overlaps: Overlaps) -> list[UncertainOrder]:
    """Return the live deliveries, in order, that replace lines of others because of modification times alone.

    Args:
        state: the live deliveries.
        overlaps: the lines that they claim from each other.
    """
    pairs = [*_by_lines(state, overlaps), *_by_period(state)]
    if not pairs:
        return []
    live = state.by_id
    replaced: dict[str, dict[str, set[str]]] = {}
    for later, earlier, periods in pairs:
        if _rests_on_time(later, earlier):
            replaced.setdefault(later.delivery_id, {}).setdefault(earlier.delivery_id, set()).update(periods)
    return [
        UncertainOrder(
            delivery,
            tuple(sorted(live[name].event.object_key for name in others)),
            tuple(sorted(set().union(*others.values()))),
            any(live[name].position[1] == delivery.position[1] for name in others),
        )
        for delivery_id, delivery in live.items()
        if (others := replaced.get(delivery_id))
    ]


def _rests_on_time(later: LiveDelivery, earlier: LiveDelivery) -> bool:
    """Return whether two deliveries have the same order value and were first seen by the same run."""
    (order, (run, _), _), (other_order, (other_run, _), _) = later.position, earlier.position
    return (order, run) == (other_order, other_run)


_Pair = tuple[LiveDelivery, LiveDelivery, Iterable[str]]
"""A delivery, an earlier one of which it replaces lines, and the periods of these lines."""


def _by_lines(state: DeliveryState, overlaps: Overlaps) -> Iterator[_Pair]:
    for earlier in () if overlaps.is_empty else state.ledger:
        for name in overlaps.overlapping(earlier.delivery_id):
            later = state.by_id.get(name)
            lines = overlaps.overlap(earlier.delivery_id, name).lines
            if later and lines and later.position > earlier.position:
                yield later, earlier, {period for _, period, _ in lines}


def _by_period(state: DeliveryState) -> Iterator[_Pair]:
    claimants: dict[tuple[str, str, str], list[LiveDelivery]] = {}
    for delivery in state.ledger:
        if replaces_periods(delivery):
            for scenario, period in claimed_cells(delivery):
                claimants.setdefault((delivery.event.feed, scenario, period), []).append(delivery)
    for (_, _, period), deliveries in claimants.items():
        *others, winner = deliveries
        for other in others:
            yield winner, other, (period,)
