"""A second computation of a pack's statement: sums over the document that the browser receives.

Belongs here: what `web/scripts/10_figures.js` does, in Python. Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from finance_platform.reports.pack.browser_data import IS_PRIOR_YEAR

HORIZONS = {"month": 1, "year to date": 2, "full year": 4}


class Sums(NamedTuple):
    """Amount of all months, reference and amount of the months that both cover; None if there is no such month."""

    amount: Decimal | None
    compared_amount: Decimal | None
    compared_reference: Decimal | None


def statement_sums(data: dict[str, Any], unit: int = -1) -> dict[tuple[int, str], Sums]:
    """Return the sums of the document's selection, by number of the horizon and row."""
    amounts: dict[tuple[int, int, int], int] = {}
    for scenario, department, account, first, values in data["series"]:
        if unit not in (-1, data["departments"][department]["unit"]):
            continue
        line, factor = data["accounts"][account]["line"], data["accounts"][account].get("factor", 1)
        for index, value in enumerate(values):
            place = (line, scenario, first + index)
            amounts[place] = amounts.get(place, 0) + factor * value
    return {
        (number, row["label"]): _compare(data, amounts, row["parts"], list(_months(data, horizon)))
        for horizon, number in HORIZONS.items()
        for row in data["statement"]
    }


def _compare(
    data: dict[str, Any],
    amounts: dict[tuple[int, int, int], int],
    parts: list[list[int]],
    months: list[tuple[int, int]],
) -> Sums:
    def total(places: list[tuple[int, int]]) -> Decimal | None:
        cents = sum(factor * amounts.get((line, *place), 0) for line, factor in parts for place in places)
        return Decimal(cents) / 100 if places else None

    pairs = [(place, other) for place in months if (other := _reference(data, *place))]
    return Sums(total(months), total([place for place, _ in pairs]), total([other for _, other in pairs]))


def _months(data: dict[str, Any], horizon: str) -> Iterator[tuple[int, int]]:
    chosen, subject = data["selection"]["period"], data["subject"]
    if horizon == "month":
        yield subject, chosen
        return
    for index, period in enumerate(data["periods"]):
        if period["year"] != data["periods"][chosen]["year"]:
            continue
        is_complete = _covers(data, subject, index) and (period["complete"] or not data["subjectIsActual"])
        if index <= chosen and is_complete:
            yield subject, index
        elif horizon == "full year" and data["outlook"][index] >= 0:
            yield data["outlook"][index], index


def _reference(data: dict[str, Any], scenario: int, period: int) -> tuple[int, int] | None:
    if not _covers(data, scenario, period):
        return None
    other = (data["selection"]["reference"], period)
    if other[0] == IS_PRIOR_YEAR:
        names = [one["name"] for one in data["periods"]]
        year, month = names[period].split("-")
        before = f"{int(year) - 1}-{month}"
        other = (data["subject"], names.index(before) if before in names else -1)
    return other if _covers(data, *other) else None


def _covers(data: dict[str, Any], scenario: int, period: int) -> bool:
    return period >= 0 and data["scenarios"][scenario]["covers"][period] == "1"
