"""Amounts in the structure of another time: whatever the shares, nothing is lost, and each part is within a cent.

Belongs here: the law over any reorganisations and amounts, and the mapping of small examples. Does not belong here: the
view (see `warehouse/test_report_views`).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from finance_platform.contracts.star import DEPARTMENT_MAPPING
from finance_platform.deliveries.members.department_structures import mapping_tables
from finance_platform.feeds.values.dates import periods_between

PERIODS = periods_between("2025-01", "2025-04")
CENT = Decimal("0.01")


def reorganisation(date: str, predecessor: int, department: int, share: str = "1", origin: str = "0") -> dict[str, Any]:
    return {
        "valid_from": date,
        "department_key": department,
        "predecessor_key": predecessor,
        "predecessor_code": str(predecessor),
        "share": share,
        "origin_share": origin,
    }


def shown(inputs: list[dict[str, Any]], structure: str, period: str, department: int) -> dict[int, tuple[Any, Any]]:
    """Return who shows the amounts of a department, with the interval of each."""
    rows = [
        row
        for row in mapping_tables(inputs)[DEPARTMENT_MAPPING]
        if (row["structure_from"], row["department_key"]) == (structure, department)
        and row["valid_from"] <= period <= row["valid_to"]
    ]
    intervals = {row["shown_as_key"]: (row["share_from"], row["share_to"]) for row in rows}
    return intervals or {department: (Decimal(0), Decimal(1))}


def parts(amount: Decimal, intervals: dict[int, tuple[Any, Any]]) -> dict[int, Decimal]:
    """Return the amount of each department, as the view computes it."""
    return {
        key: (amount * end).quantize(CENT, ROUND_HALF_UP) - (amount * begin).quantize(CENT, ROUND_HALF_UP)
        for key, (begin, end) in intervals.items()
    }


def test_a_split_is_shown_in_today_s_departments_and_in_the_old_one() -> None:
    split = [reorganisation("2025-03", 1, 2, "0.6", "1"), reorganisation("2025-03", 1, 3, "0.4", "1")]
    before = shown(split, "2025-03", "2025-02", 1)
    assert parts(Decimal("0.05"), before) == {2: Decimal("0.03"), 3: Decimal("0.02")}
    assert parts(Decimal("-0.01"), before) == {2: Decimal("-0.01"), 3: Decimal("0.00")}
    assert [shown(split, "0001-01", "2025-03", one) for one in (2, 3)] == [{1: (Decimal(0), Decimal(1))}] * 2
    assert shown(split, "2025-03", "2025-03", 1) == {1: (Decimal(0), Decimal(1))}


def test_what_is_split_later_again_goes_through_each_step_and_the_rest_stays() -> None:
    steps = [reorganisation("2025-02", 1, 2, "0.5", "1"), reorganisation("2025-03", 2, 3, "0.5", "1")]
    assert {key: end - begin for key, (begin, end) in shown(steps, "2025-03", "2025-01", 1).items()} == {
        1: Decimal("0.5"),
        2: Decimal("0.25"),
        3: Decimal("0.25"),
    }
    assert shown(steps, "0001-01", "2025-04", 3) == {1: (Decimal(0), Decimal(1))}
    assert shown(steps, "2025-02", "2025-04", 3) == {2: (Decimal(0), Decimal(1))}


def test_a_merger_leads_back_by_the_shares_that_a_file_gives_and_without_them_stays() -> None:
    merged = [reorganisation("2025-03", 1, 3), reorganisation("2025-03", 2, 3)]
    assert [shown(merged, "2025-03", "2025-01", one) for one in (1, 2)] == [{3: (Decimal(0), Decimal(1))}] * 2
    assert shown(merged, "0001-01", "2025-03", 3) == {3: (Decimal(0), Decimal(1))}
    merged[0]["origin_share"] = "0.25"
    assert parts(Decimal("1.00"), shown(merged, "0001-01", "2025-03", 3)) == {1: Decimal("0.25"), 3: Decimal("0.75")}


SHARES = st.integers(1, 1_000_000)
ROWS = st.lists(
    st.tuples(st.sampled_from(PERIODS[1:]), st.integers(1, 4), st.integers(1, 4), SHARES, SHARES), max_size=6
)
CENTS = st.integers(-(10**15), 10**15) | st.integers(-200, 200)


@given(rows=ROWS, cents=CENTS)
def test_whatever_the_shares_the_parts_add_up_to_the_amount_and_each_is_within_a_cent(
    rows: list[tuple[str, int, int, int, int]], cents: int
) -> None:
    inputs: list[dict[str, Any]] = []
    totals: dict[tuple[str, str, int], int] = {}
    for date, predecessor, department, share, origin in rows:
        keys = ((date, "from", predecessor), (date, "to", department))
        is_whole = all(totals.get(key, 0) + one <= 1_000_000 for key, one in zip(keys, (share, origin), strict=True))
        is_known = any(
            (one["valid_from"], one["predecessor_key"], one["department_key"]) == (date, predecessor, department)
            for one in inputs
        )
        if predecessor != department and is_whole and not is_known:
            totals[keys[0]] = totals.get(keys[0], 0) + share
            totals[keys[1]] = totals.get(keys[1], 0) + origin
            texts = (str(Decimal(share) / 1_000_000), str(Decimal(origin) / 1_000_000))
            inputs.append(reorganisation(date, predecessor, department, *texts))
    amount = Decimal(cents) / 100
    for structure in {"0001-01", *(one["valid_from"] for one in inputs)}:
        for period in PERIODS:
            for department in range(1, 5):
                intervals = shown(inputs, structure, period, department)
                ends = sorted(intervals.values())
                assert [ends[0][0], ends[-1][1]] == [0, 1]
                assert all(before[1] == after[0] for before, after in pairwise(ends))
                of_amount = parts(amount, intervals)
                assert sum(of_amount.values()) == amount
                for key, (begin, end) in intervals.items():
                    assert abs(Fraction(of_amount[key]) - Fraction(amount) * Fraction(end - begin)) <= Fraction(CENT)
