"""`transforms.dim_department`, and `dim_members`, which it shares with `dim_account`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from finance_platform.contracts.processed import DEPARTMENTS, MEMBERS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_DEPARTMENT
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.transforms.dim_department import dim_department
from finance_platform_tests.transforms.rows import Row, few_examples, member, staged_department, table_of


def departments_by_key(
    described: Iterable[Row], mentioned: Iterable[Row], order: Sequence[str] = ("r1", "d1")
) -> dict[int, Row]:
    """Return the dimension by key; the assertion fails if two rows have the same, or a column has another type."""
    table = dim_department(table_of(DEPARTMENTS, described), table_of(MEMBERS, mentioned), order)
    assert table.schema.equals(arrow_schema(DIM_DEPARTMENT.stored_columns))
    rows = table.to_pylist()
    by_key = {row["department_key"]: row for row in rows}
    assert len(by_key) == len(rows), f"a department occurs twice in {rows}"
    assert list(by_key) == sorted(by_key)
    return by_key


def test_a_described_department_has_the_attributes_of_its_reference_file() -> None:
    """Whether lines mention it or not."""
    described = staged_department(
        "0450", department_name="Field Services", business_unit="Operations", parent_department_code="0400"
    )
    assert departments_by_key([described], []) == {
        surrogate_key("0450"): {
            "department_key": surrogate_key("0450"),
            "department_name": "Field Services",
            "department_code": "0450",
            "business_unit": "Operations",
            "parent_department_code": "0400",
            "is_inferred": False,
        }
    }


def test_a_department_that_only_lines_mention_is_inferred_and_never_dropped() -> None:
    """Its name is its code; other attributes are Unknown."""
    assert departments_by_key([], [member("department", "D999")]) == {
        surrogate_key("D999"): {
            "department_key": surrogate_key("D999"),
            "department_name": "D999",
            "department_code": "D999",
            "business_unit": "Unknown",
            "parent_department_code": None,
            "is_inferred": True,
        }
    }


def test_an_inferred_department_has_the_names_of_the_lines() -> None:
    """It is still inferred, since no reference file has it."""
    mentioned = [member("department", "D9", name="Drones", business_unit="Labs")]
    (row,) = departments_by_key([], mentioned).values()
    assert (row["department_name"], row["business_unit"], row["is_inferred"]) == ("Drones", "Labs", True)


def test_lines_fill_only_the_blank_attributes_of_the_reference_file() -> None:
    """The reference file's name takes precedence over the ledger's."""
    described = staged_department("D1", department_name="Finance")
    mentioned = member("department", "D1", name="Fin.", business_unit="Corporate")
    (row,) = departments_by_key([described], [mentioned]).values()
    assert (row["department_name"], row["business_unit"], row["is_inferred"]) == ("Finance", "Corporate", False)


def test_two_spellings_of_a_code_are_one_department_with_that_of_the_reference_file() -> None:
    """A line with d100 does not create a second department."""
    (row,) = departments_by_key([staged_department("D100")], [member("department", "d100")]).values()
    assert (row["department_code"], row["is_inferred"]) == ("D100", False)


def test_codes_that_differ_in_leading_zeros_are_two_departments() -> None:
    departments = departments_by_key([staged_department("0450")], [member("department", "450")])
    assert sorted((row["department_code"], row["is_inferred"]) for row in departments.values()) == [
        ("0450", False),
        ("450", True),
    ]


def test_the_latest_reference_file_gives_all_attributes_of_a_department() -> None:
    """A value that is blank in the later file may have been removed on purpose."""
    described = [
        staged_department("D1", delivery_id="z", department_name="Old", business_unit="Old unit"),
        staged_department("D1", delivery_id="a", department_name="New"),
    ]
    (row,) = departments_by_key(described, [], order=("z", "a")).values()
    assert (row["department_name"], row["business_unit"]) == ("New", "Unknown")


def test_a_department_that_only_an_earlier_reference_file_has_stays_described() -> None:
    """A later, shorter file removes no department."""
    described = [staged_department("D1", delivery_id="r1"), staged_department("D2", delivery_id="r2")]
    departments = departments_by_key(described, [], order=("r1", "r2"))
    assert {row["department_code"]: row["is_inferred"] for row in departments.values()} == {"D1": False, "D2": False}


def test_the_first_ledger_in_delivery_order_names_an_inferred_department() -> None:
    """The order decides, not the deliveries' names; a later delivery fills attributes that are blank in the first."""
    mentioned = [
        member("department", "d9", delivery_id="a", name="Later name", business_unit="Later unit"),
        member("department", "D9", delivery_id="z", name="First name"),
    ]
    (row,) = departments_by_key([], mentioned, order=("z", "a")).values()
    assert (row["department_code"], row["department_name"], row["business_unit"]) == ("D9", "First name", "Later unit")


def test_an_account_that_lines_mention_is_not_a_department() -> None:
    """Both kinds of members are in one table."""
    assert departments_by_key([], [member("account", "4000")]) == {}


def test_without_deliveries_there_are_no_departments() -> None:
    assert departments_by_key([], []) == {}


words = st.sampled_from([None, "a", "b"])
codes = st.sampled_from(["X", "x", "0X"])
DELIVERIES = ("e1", "e2", "e3")


@few_examples
@given(
    st.dictionaries(st.tuples(st.sampled_from(DELIVERIES), codes), st.tuples(words, words), max_size=6),
    st.dictionaries(st.tuples(st.sampled_from(DELIVERIES), codes), st.tuples(words, words), max_size=6),
    st.permutations(DELIVERIES),
)
def test_each_attribute_is_that_of_the_source_that_takes_precedence(
    described: Any, mentioned: Any, order: list[str]
) -> None:
    """For any reference files and ledgers: the latest description, then mentions in order, then the defaults."""
    # One delivery has a code in one spelling only; its own transforms ensure that.
    described, mentioned = (
        {(d, c.lower()): (c, *values) for (d, c), values in pairs.items()} for pairs in (described, mentioned)
    )
    expected = {}
    for code in {code for _, code in (*described, *mentioned)}:
        latest = [described[d, code] for d in order if (d, code) in described][-1:]
        known = latest + [mentioned[d, code] for d in order if (d, code) in mentioned]
        first = [next((values[place] for values in known if values[place] is not None), None) for place in range(3)]
        expected[surrogate_key(code)] = (first[0], first[1] or first[0], first[2] or "Unknown", not latest)
    departments = departments_by_key(
        [
            staged_department(
                code, delivery_id=d, department_key=surrogate_key(code), department_name=n, business_unit=u
            )
            for (d, _), (code, n, u) in described.items()
        ],
        [
            member("department", code, delivery_id=d, name=n, business_unit=u)
            for (d, _), (code, n, u) in mentioned.items()
        ],
        order=order,
    )
    shown = ("department_code", "department_name", "business_unit", "is_inferred")
    assert {key: tuple(row[name] for name in shown) for key, row in departments.items()} == expected


dates = st.sampled_from([None, "2024-01", "2025-01"])
rows_with_dates = st.tuples(st.sampled_from(DELIVERIES), st.sampled_from([None, "", "s1", "s2"]), dates, words)


@few_examples
@given(
    st.lists(rows_with_dates, max_size=6),
    st.permutations(DELIVERIES),
)
def test_the_latest_description_is_that_of_the_latest_delivery_and_date_and_there_the_first(
    described: Any, order: list[str]
) -> None:
    """A date is after none; of two live deliveries of three."""
    live = order[:2]
    rows = [
        staged_department(
            "D1", row=number, delivery_id=delivery, source_sheet=sheet, valid_from=date, department_name=name
        )
        for number, (delivery, sheet, date, name) in enumerate(described)
    ]
    latest: list[Row] = []
    for delivery in live:
        of_delivery = [row for row in rows if row["delivery_id"] == delivery]
        last_date = max((row["valid_from"] or "" for row in of_delivery), default="")
        of_date = [row for row in of_delivery if (row["valid_from"] or "") == last_date]
        latest = sorted(of_date, key=lambda row: (row["source_sheet"] or "", row["source_row"]))[:1] or latest
    names = [row["department_name"] for row in departments_by_key(rows, [], order=live).values()]
    assert names == [row["department_name"] or "D1" for row in latest]
