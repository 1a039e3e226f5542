"""Differences between two versions of a slice, as sentences for a controller.

Belongs here: sentences about the `inputs` of slice commits, and clauses of these. Pure functions.
Does not belong here: the inputs (see `versions`), storing a cause (see `warehouse.movements`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.safe_text import quote_name
from finance_platform.slices.readings import with_later_readings


@dataclass(frozen=True)
class Names:
    """What deliveries are called.

    Attributes:
        commits: the deliveries by id; two of one key are two versions of one file, or one that is read by two
            descriptors. One without a commit has no name, and other lines than any other one.
        counted: those that count, by id.
    """

    commits: Mapping[str, DeliveryCommit]
    counted: Mapping[str, LiveDelivery] = field(default_factory=dict)


KEPT = "kept"
"""The key of the inputs of those rows of a dimension that stay as they were published (see `kept_members`)."""

_COVERAGE = "actual_covers"
"""The key of the input that says whether Actual covers the period; None if only the build finds out."""

_HASHED = {
    "code": "the platform's code changed",
    "members": "the members that ledger lines mention changed",
}
_PLAIN = {
    "baseline": "baseline changed",
    "fiscal_start": "the fiscal year's first month changed",
    "first_year": "the first year changed",
    "last_year": "the last year changed",
}


def explain_diff(old: Mapping[str, Any], new: Mapping[str, Any] | None, names: Names) -> list[str]:
    """Explain which inputs differ between two versions of a slice.

    Args:
        old: inputs of the published version; empty if there is none.
        new: inputs of the target version; None if the slice is removed.
        names: what the deliveries are called.

    Returns:
        A sentence per difference, files first; empty if nothing differs. An input that only one side has is reported
        only if its absence means "none", as with files; otherwise another release has written that side.
    """
    if new is None:
        return _lines(old.get("lines"), (), names) or ["nothing reaches it any more"]
    # Rows that waited were built from the inputs of both; whatever differs from either is a difference.
    sides = [{name: value for name, value in side.items() if name != KEPT} for side in (old, old.get(KEPT) or old)]
    after = {name: value for name, value in new.items() if name != KEPT}
    return list(dict.fromkeys(text for side in sides for text in _explain_parts(side, after, names)))


def _explain_parts(old: Mapping[str, Any], new: Mapping[str, Any], names: Names) -> list[str]:
    # One side may come from a commit, and JSON has no tuples.
    old, new = json.loads(json.dumps(old)), json.loads(json.dumps(new))
    # Another reading of the same lines moves nothing, so it is named only if it is all that differs.
    sentences = _sentences(with_later_readings(old, new, names.commits), new, names) or _sentences(old, new, names)
    if not sentences and old != new:
        return ["the inputs are recorded in another form"]
    return list(dict.fromkeys(sentences))


def _sentences(old: Mapping[str, Any], new: Mapping[str, Any], names: Names) -> list[str]:
    sentences = [
        text for key, explain in _EXPLAINED_BY_PARTS.items() for text in explain(old.get(key), new.get(key), names)
    ]
    others = [key for key in sorted(old.keys() & new.keys()) if key not in _EXPLAINED_BY_PARTS and old[key] != new[key]]
    if sentences and None in {old.get(_COVERAGE), new.get(_COVERAGE)}:
        # The build finds the coverage, since later lines replace earlier ones; no rule has changed.
        others = [key for key in others if key != _COVERAGE]
    return sentences + [_other(key, old[key], new[key]) for key in others]


def _lines(old: Any, new: Any, names: Names) -> list[str]:
    """Explain `lines`: the deliveries whose lines count, each with its scenarios."""
    before, after = _scenarios_by_delivery(old), _scenarios_by_delivery(new)
    sentences = _added_and_removed(before.keys(), after.keys(), names)
    for delivery_id in sorted(before.keys() & after.keys(), key=lambda delivery_id: _name(delivery_id, names)):
        gained, lost = after[delivery_id] - before[delivery_id], before[delivery_id] - after[delivery_id]
        name = _name(delivery_id, names)
        sentences += [f"{name} now counts for {scenario}" for scenario in sorted(gained)]
        sentences += [f"{name} no longer counts for {scenario}" for scenario in sorted(lost)]
    return sentences


def _scenarios_by_delivery(lines: Any) -> dict[str, set[str]]:
    return {delivery_id: set(scenarios) for delivery_id, *scenarios in lines or ()}


def _added_and_removed(before: Iterable[str], after: Iterable[str], names: Names) -> list[str]:
    gone, new = set(before) - set(after), set(after) - set(before)
    removed, added = ({_name(delivery_id, names) for delivery_id in side} for side in (gone, new))
    contents = {_content(delivery_id, names) for delivery_id in gone}
    again = {
        _name(one, names): describe_reading(live.event if (live := names.counted.get(one)) else None, gone)
        for one in new
        # Lines that are booked in a later period keep the content of their file, and are no reading of it.
        if (commit := names.commits.get(one)) and _content(one, names) in contents and not commit.booked_from
    }
    return [
        *(f"{name}: {again.get(name, 'another version')}" for name in sorted(removed & added)),
        *(f"{name} came" for name in sorted(added - removed)),
        *(f"{name} no longer counts" for name in sorted(removed - added)),
    ]


def describe_reading(event: DeliveryDiscovered | None, before: Collection[str]) -> str:
    """Return why the same content has other lines than it had, as a clause.

    Args:
        event: of the delivery that has them; None if it is not known.
        before: the deliveries of the same file whose lines counted before.
    """
    if event is None or not event.reads_again:
        return "read under other rules"
    if event.reads_again not in before:
        return "read again"  # more than once since, and each time for a reason of its own
    if event.rules:
        return "read again, since the platform's code or what it looks up or is spread like has changed"
    return "read again by another release"


def _reference(old: Any, new: Any, names: Names) -> list[str]:
    """Explain `reference`: the reference files that describe the members; later ones take precedence."""
    if sorted(old or ()) == sorted(new or ()) and list(old or ()) != list(new or ()):
        return ["the reference files' order changed"]
    return _added_and_removed(old or (), new or (), names)


def _described(old: Any, new: Any, names: Names) -> list[str]:
    """Explain `described`: the files that describe some periods only; `reference` explains those that came."""
    before, after = ({delivery_id for delivery_id, *_ in items or ()} for items in (old, new))
    return [
        f"{name} no longer describes earlier periods" for name in sorted(_name(one, names) for one in before - after)
    ]


def _superseded_keys(old: Any, new: Any, names: Names) -> list[str]:
    """Explain `hidden`: pairs of a delivery and the later one that supersedes single lines of it, by key."""
    before = {(_name(later, names), _name(earlier, names)) for earlier, later in old or ()}
    after = {(_name(later, names), _name(earlier, names)) for earlier, later in new or ()}
    return [
        *(f"{later} now replaces lines of {earlier}" for later, earlier in sorted(after - before)),
        *(f"{later} no longer replaces lines of {earlier}" for later, earlier in sorted(before - after)),
    ]


def _superseded_scopes(old: Any, new: Any, names: Names) -> list[str]:
    """Explain `hidden_scopes`: parts of a delivery's scenario that a later delivery of its feed covers."""
    before = {(_name(delivery_id, names), scenario, repr(scope)) for delivery_id, scenario, *scope in old or ()}
    after = {(_name(delivery_id, names), scenario, repr(scope)) for delivery_id, scenario, *scope in new or ()}
    replaced = {(name, scenario) for name, scenario, _ in after - before}
    restored = {(name, scenario) for name, scenario, _ in before - after}
    return [
        *(f"lines of {name} for {scenario} are now replaced by a later file" for name, scenario in sorted(replaced)),
        *(f"lines of {name} for {scenario} count again" for name, scenario in sorted(restored)),
    ]


def _portions(old: Any, new: Any, names: Names) -> list[str]:
    """Explain `portions`: the periods that count of deliveries that supersede lines of others by key."""
    before, after = ({name: portion for name, *portion in items or ()} for items in (old, new))
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    return [f"late lines of {name} were decided" for name in sorted(_name(one, names) for one in changed)]


def _booked(old: Any, new: Any, names: Names) -> list[str]:
    """Explain `booked`: the deliveries whose lines concern an earlier period, which is closed, and that period."""
    before, after = ({(name, period) for name, period in items or ()} for items in (old, new))
    return [
        *(f"late lines of {_name(one, names)} for {period} are booked here" for one, period in sorted(after - before)),
        *(f"late lines of {_name(one, names)} for {period} are gone" for one, period in sorted(before - after)),
    ]


def _scenarios(old: Any, new: Any, _: Names) -> list[str]:
    """Explain `scenarios`: name and type of each scenario that has lines."""
    before, after = dict(map(tuple, old or ())), dict(map(tuple, new or ()))
    return [
        *(f"scenario {name} came" for name in sorted(after.keys() - before.keys())),
        *(f"scenario {name} has no lines any more" for name in sorted(before.keys() - after.keys())),
        *(
            f"scenario {name} changed from {before[name]} to {after[name]}"
            for name in sorted(before.keys() & after.keys())
            if before[name] != after[name]
        ),
    ]


def _account_types(old: Any, new: Any, _: Names) -> list[str]:
    """Explain `account_types`: a hash of the types by which lines of debit-positive feeds are flipped."""
    if old and new:
        return ["account types changed"] if old != new else []
    return [f"account types {'now' if new else 'no longer'} decide signs"] if old or new else []


def _statistical_accounts(old: Any, new: Any, _: Names) -> list[str]:
    """Explain `statistical_accounts`: a hash of those whose superseded lines are counted apart from money."""
    return ["which accounts are statistical changed"] if old != new else []


_EXPLAINED_BY_PARTS: Mapping[str, Callable[[Any, Any, Names], list[str]]] = {
    "lines": _lines,
    "reference": _reference,
    "described": _described,
    "history": lambda *_: [],
    "reorganisations": lambda *_: [],
    "hidden": _superseded_keys,
    "hidden_scopes": _superseded_scopes,
    "portions": _portions,
    "booked": _booked,
    "scenarios": _scenarios,
    "account_types": _account_types,
    "statistical_accounts": _statistical_accounts,
}
"""The inputs whose parts are explained, and whose absence means "none"."""


def _other(key: str, old: Any, new: Any) -> str:
    if key == _COVERAGE:
        return _coverage(old, new)
    if key in _PLAIN:
        return f"{_PLAIN[key]} from {old} to {new}"
    return _HASHED.get(key, f"{key.replace('_', ' ')} changed")


def _coverage(old: Any, new: Any) -> str:
    if old is None or new is None:
        return "the rule for the coverage of Actual changed"
    return "Actual now covers the period" if new else "Actual no longer covers the period"


def _name(delivery_id: str, names: Names) -> str:
    commit = names.commits.get(delivery_id)
    return quote_name(commit.object_key if commit else delivery_id)


def _content(delivery_id: str, names: Names) -> tuple[str, str]:
    commit = names.commits.get(delivery_id)
    return _name(delivery_id, names), commit.fingerprint if commit else ""
