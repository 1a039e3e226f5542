"""Causes: what differs between what two versions of a slice were made from, in words that a controller knows.

Belongs here: sentences about the `inputs` of slice commits. Pure functions.
Does not belong here: what the inputs are (see `plan`), where a cause is written down (see `warehouse.movements`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Names = Mapping[str, str]
"""Object key by delivery id."""

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


def explain_diff(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, names: Names) -> list[str]:
    """Say in words which inputs differ between two versions of a slice.

    Args:
        old: inputs of the version that was published; None where there was none.
        new: inputs of the version that is wanted; None where the slice is taken out.
        names: object key by delivery id; two deliveries of one key are two versions of one file.

    Returns:
        A sentence per difference, files first; empty when nothing differs. An input that only one side knows is told
        only where its absence says "none", as with files: else another release has written that side.
    """
    if new is None:
        return _lines((old or {}).get("lines"), (), names) or ["nothing reaches it any more"]
    if old is None:
        return ["first build"]
    # One side may have been read from a commit: JSON has no tuples.
    old, new = json.loads(json.dumps(old)), json.loads(json.dumps(new))
    sentences = [sentence for key, tell in _BY_PARTS.items() for sentence in tell(old.get(key), new.get(key), names)]
    others = [key for key in sorted(old.keys() & new.keys()) if key not in _BY_PARTS and old[key] != new[key]]
    sentences += [_other(key, old[key], new[key]) for key in others]
    if not sentences and old != new:
        return ["what it is made from is told in other words"]
    return list(dict.fromkeys(sentences))


def _lines(old: Any, new: Any, names: Names) -> list[str]:
    """Whose lines count: a file and its scenarios."""
    before, after = _scenarios_by_delivery(old), _scenarios_by_delivery(new)
    sentences = _came_and_went(before.keys(), after.keys(), names)
    for delivery_id in sorted(before.keys() & after.keys(), key=lambda one: _name(one, names)):
        gained, lost = after[delivery_id] - before[delivery_id], before[delivery_id] - after[delivery_id]
        name = _name(delivery_id, names)
        sentences += [f"{name} now counts for {scenario}" for scenario in sorted(gained)]
        sentences += [f"{name} no longer counts for {scenario}" for scenario in sorted(lost)]
    return sentences


def _scenarios_by_delivery(lines: Any) -> dict[str, set[str]]:
    return {delivery_id: set(scenarios) for delivery_id, *scenarios in lines or ()}


def _came_and_went(before: Iterable[str], after: Iterable[str], names: Names) -> list[str]:
    gone = {_name(one, names) for one in set(before) - set(after)}
    come = {_name(one, names) for one in set(after) - set(before)}
    return [
        *(f"{name}: another version" for name in sorted(gone & come)),
        *(f"{name} came" for name in sorted(come - gone)),
        *(f"{name} no longer counts" for name in sorted(gone - come)),
    ]


def _reference(old: Any, new: Any, names: Names) -> list[str]:
    """Which reference files describe the members; their order decides whose word counts."""
    if sorted(old or ()) == sorted(new or ()) and list(old or ()) != list(new or ()):
        return ["the reference files' order changed"]
    return _came_and_went(old or (), new or (), names)


def _hidden(old: Any, new: Any, names: Names) -> list[str]:
    """Which delivery takes the place of single lines of another, by key."""
    before = {(_name(hider, names), _name(hidden, names)) for hidden, hider in old or ()}
    after = {(_name(hider, names), _name(hidden, names)) for hidden, hider in new or ()}
    return [
        *(f"{hider} now replaces lines of {hidden}" for hider, hidden in sorted(after - before)),
        *(f"{hider} no longer replaces lines of {hidden}" for hider, hidden in sorted(before - after)),
    ]


def _hidden_scopes(old: Any, new: Any, names: Names) -> list[str]:
    """Which part of a scenario of a delivery a later delivery of its feed covers."""
    before = {(_name(one, names), scenario, _scope(scope)) for one, scenario, *scope in old or ()}
    after = {(_name(one, names), scenario, _scope(scope)) for one, scenario, *scope in new or ()}
    gone = {(name, scenario) for name, scenario, _ in after - before}
    back = {(name, scenario) for name, scenario, _ in before - after}
    return [
        *(f"lines of {name} for {scenario} are now replaced by a later file" for name, scenario in sorted(gone)),
        *(f"lines of {name} for {scenario} count again" for name, scenario in sorted(back)),
    ]


def _scope(values: list[Any]) -> str:
    return repr(values)  # a scope is one text or several: all that counts is whether it is the same


def _scenarios(old: Any, new: Any, _: Names) -> list[str]:
    """Which scenarios have lines, each a name and a type."""
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
    """The types by which a debit-positive feed's lines are flipped; no such feed, no types."""
    if old and new:
        return ["account types changed"] if old != new else []
    return [f"account types {'now' if new else 'no longer'} decide signs"] if old or new else []


_BY_PARTS: Mapping[str, Callable[[Any, Any, Names], list[str]]] = {
    "lines": _lines,
    "reference": _reference,
    "hidden": _hidden,
    "hidden_scopes": _hidden_scopes,
    "scenarios": _scenarios,
    "account_types": _account_types,
}
"""What is told by its parts, and whose absence says "none"."""


def _other(key: str, old: Any, new: Any) -> str:
    if key == "actual_covers":
        return _coverage(old, new)
    if key in _PLAIN:
        return f"{_PLAIN[key]} from {old} to {new}"
    return _HASHED.get(key, f"{key.replace('_', ' ')} changed")


def _coverage(old: Any, new: Any) -> str:
    if old is None or new is None:
        return "what Actual covers is decided in another way"
    return "Actual now covers the period" if new else "Actual no longer covers the period"


def _name(delivery_id: str, names: Names) -> str:
    return names.get(delivery_id, delivery_id)
