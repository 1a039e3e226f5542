"""Readings: the deliveries that several releases made of the same bytes, with the same lines, in the inputs of slices.

A slice that was built before a release read its files again names the readings of then, and stays as it is while a
change waits for its closed period to be opened. Belongs here: whether the inputs of two versions name readings of the
same lines. Does not belong here: whether a reading continues another one (see
`deliveries.verdicts.earlier_readings`), how versions differ otherwise (see `version_diff`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.slices.versions import PORTIONS

INPUTS_OF_DELIVERIES = ("lines", "hidden", "hidden_scopes", PORTIONS)
"""The inputs of a period's slice that name deliveries, and with them its lines."""


def as_lists(value: object) -> object:
    """Return a value with lists for tuples, as JSON gives them."""
    return [as_lists(part) for part in value] if isinstance(value, list | tuple) else value


def same_readings(
    inputs: Mapping[str, Any], others: Mapping[str, Any], commits: Mapping[str, DeliveryCommit]
) -> dict[str, str] | None:
    """Return whether the inputs of two versions name the same lines, read by one release or by two.

    Args:
        inputs: the inputs of one version.
        others: those of another one.
        commits: the deliveries that both name; one without a commit is the same as itself alone.

    Returns:
        The delivery of `others` by that of `inputs`, where it is another one; None if the lines are others.
    """
    if all(_is_same(inputs.get(part), others.get(part)) for part in INPUTS_OF_DELIVERIES):
        return {}
    if any(
        _with_readings(inputs.get(part), commits) != _with_readings(others.get(part), commits)
        for part in INPUTS_OF_DELIVERIES
    ):
        return None
    of_others = {str(_reading(name, commits)): name for name, *_ in others.get("lines", ())}
    names = {name: of_others[str(_reading(name, commits))] for name, *_ in inputs.get("lines", ())}
    return {name: other for name, other in names.items() if name != other}


def with_later_readings(
    inputs: Mapping[str, Any], later: Mapping[str, Any], commits: Mapping[str, DeliveryCommit]
) -> dict[str, Any]:
    """Return inputs that name the deliveries of later ones instead of other readings of the same lines.

    Args:
        inputs: the inputs of one version, as JSON gives them.
        later: those of a later one.
        commits: the deliveries that both name; one without a commit stays.
    """
    before, after = ({str(name) for name, *_ in side.get("lines") or ()} for side in (inputs, later))
    of_later = {_reading(name, commits): name for name in after - before if name in commits}
    readings = {name: of_later.get(_reading(name, commits)) for name in before - after if name in commits}
    if not any(readings.values()):
        return dict(inputs)
    renamed = {name: other for name, other in readings.items() if other}
    parts = {part: inputs[part] for part in (*INPUTS_OF_DELIVERIES, "booked") if part in inputs}
    return {**inputs, **{part: _renamed(value, renamed) for part, value in parts.items()}}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(part, names) for part in value]
    return names.get(value, value) if isinstance(value, str) else value


def _is_same(part: object, other: object) -> bool:
    # As they are first: with thousands of deliveries, lists are made of thousands of lists.
    return part == other or as_lists(part) == as_lists(other)


def _with_readings(part: object, commits: Mapping[str, DeliveryCommit]) -> list[str]:
    """Return rows of inputs with what each delivery was read from and has, in place of its identity."""
    rows = part if isinstance(part, list | tuple) else ()
    return sorted(str([_reading(value, commits) for value in row]) for row in rows)


def _reading(value: object, commits: Mapping[str, DeliveryCommit]) -> object:
    commit = commits.get(value) if isinstance(value, str) else None
    if commit is None:
        return value
    contents = [(one.period, one.scenario, one.content or f"unknown: {value}") for one in commit.periods]
    return commit.object_key, commit.fingerprint, tuple(sorted(contents))
