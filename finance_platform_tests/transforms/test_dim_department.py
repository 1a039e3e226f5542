"""Tests of `dim_department` and of `dim_members`, which it shares with `dim_account`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.contracts.star import DIM_DEPARTMENT
from finance_platform.feeds.codes import surrogate_key
from finance_platform.transforms.dim_department import dim_department
from finance_platform_tests.transforms.rows import (
    Row,
    assert_is,
    departments_of,
    few_examples,
    member,
    members_of,
    ranks_of,
    rows_of,
    staged_department,
)


def found_departments(
    spark: SparkSession, described: Iterable[Row], mentioned: Iterable[Row], order: Sequence[str] = ("r1", "d1")
) -> dict[int, Row]:
    """Return the dimension by key; two rows with one key fail here."""
    result = dim_department(departments_of(spark, described), members_of(spark, mentioned), ranks_of(spark, *order))
    assert_is(result, DIM_DEPARTMENT)
    rows = rows_of(result)
    found = {row["department_key"]: row for row in rows}
    assert len(found) == len(rows), f"a department stands twice in {rows}"
    return found


def test_a_described_department_is_shown_as_its_reference_file_says(spark: SparkSession) -> None:
    """Whether lines mention it or not."""
    described = staged_department(
        "0450", department_name="Field Services", business_unit="Operations", parent_department_code="0400"
    )
    assert found_departments(spark, [described], []) == {
        surrogate_key("0450"): {
            "department_key": surrogate_key("0450"),
            "department_name": "Field Services",
            "department_code": "0450",
            "business_unit": "Operations",
            "parent_department_code": "0400",
            "is_inferred": False,
        }
    }


def test_a_department_that_only_lines_mention_is_inferred_and_never_dropped(spark: SparkSession) -> None:
    """Its code stands for its name; what nobody said is Unknown."""
    assert found_departments(spark, [], [member("department", "D999")]) == {
        surrogate_key("D999"): {
            "department_key": surrogate_key("D999"),
            "department_name": "D999",
            "department_code": "D999",
            "business_unit": "Unknown",
            "parent_department_code": None,
            "is_inferred": True,
        }
    }


def test_names_that_come_with_the_lines_describe_an_inferred_department(spark: SparkSession) -> None:
    """It is inferred all the same: no reference file has it."""
    found = found_departments(spark, [], [member("department", "D9", name="Drones", business_unit="Labs")])
    (row,) = found.values()
    assert (row["department_name"], row["business_unit"], row["is_inferred"]) == ("Drones", "Labs", True)


def test_lines_fill_what_the_reference_file_leaves_blank_and_nothing_else(spark: SparkSession) -> None:
    """The reference file's name stands against the ledger's."""
    described = staged_department("D1", department_name="Finance")
    mentioned = member("department", "D1", name="Fin.", business_unit="Corporate")
    (row,) = found_departments(spark, [described], [mentioned]).values()
    assert (row["department_name"], row["business_unit"], row["is_inferred"]) == ("Finance", "Corporate", False)


def test_two_spellings_of_a_code_are_one_department_shown_as_the_reference_file_writes_it(spark: SparkSession) -> None:
    """A line that says d100 does not make a second department."""
    (row,) = found_departments(spark, [staged_department("D100")], [member("department", "d100")]).values()
    assert (row["department_code"], row["is_inferred"]) == ("D100", False)


def test_codes_that_differ_in_leading_zeros_are_two_departments(spark: SparkSession) -> None:
    """0450 is not 450."""
    found = found_departments(spark, [staged_department("0450")], [member("department", "450")])
    assert sorted((row["department_code"], row["is_inferred"]) for row in found.values()) == [
        ("0450", False),
        ("450", True),
    ]


def test_the_latest_reference_file_describes_a_department_whole(spark: SparkSession) -> None:
    """What the later file leaves blank is blank: it may have been taken away on purpose."""
    described = [
        staged_department("D1", delivery_id="z", department_name="Old", business_unit="Old unit"),
        staged_department("D1", delivery_id="a", department_name="New"),
    ]
    (row,) = found_departments(spark, described, [], order=("z", "a")).values()
    assert (row["department_name"], row["business_unit"]) == ("New", "Unknown")


def test_a_department_that_only_an_earlier_reference_file_has_stays_described(spark: SparkSession) -> None:
    """A later, shorter file takes nobody away."""
    described = [staged_department("D1", delivery_id="r1"), staged_department("D2", delivery_id="r2")]
    found = found_departments(spark, described, [], order=("r1", "r2"))
    assert {row["department_code"]: row["is_inferred"] for row in found.values()} == {"D1": False, "D2": False}


def test_of_several_ledgers_the_first_in_delivery_order_names_an_inferred_department(spark: SparkSession) -> None:
    """Order, not the deliveries' names; a later delivery fills what the first leaves blank."""
    mentioned = [
        member("department", "d9", delivery_id="a", name="Later name", business_unit="Later unit"),
        member("department", "D9", delivery_id="z", name="First name"),
    ]
    (row,) = found_departments(spark, [], mentioned, order=("z", "a")).values()
    assert (row["department_code"], row["department_name"], row["business_unit"]) == ("D9", "First name", "Later unit")


def test_an_account_that_lines_mention_is_no_department(spark: SparkSession) -> None:
    """Both kinds of members are in one table."""
    assert found_departments(spark, [], [member("account", "4000")]) == {}


def test_a_home_that_has_nothing_has_no_departments(spark: SparkSession) -> None:
    """And does not fail."""
    assert found_departments(spark, [], []) == {}


words = st.sampled_from([None, "a", "b"])
codes = st.sampled_from(["X", "x", "0X"])
DELIVERIES = ("e1", "e2", "e3")


@few_examples
@given(
    st.dictionaries(st.tuples(st.sampled_from(DELIVERIES), codes), st.tuples(words, words), max_size=6),
    st.dictionaries(st.tuples(st.sampled_from(DELIVERIES), codes), st.tuples(words, words), max_size=6),
    st.permutations(DELIVERIES),
)
def test_each_department_is_what_the_first_to_know_says(
    spark: SparkSession, described: Any, mentioned: Any, order: list[str]
) -> None:
    """For any reference files and ledgers: the latest description, then mentions in order, then the defaults."""
    # One delivery has a code in one spelling only; that is what its own transforms see to.
    described, mentioned = (
        {(d, c.lower()): (c, *said) for (d, c), said in pairs.items()} for pairs in (described, mentioned)
    )
    expected = {}
    for code in {code for _, code in (*described, *mentioned)}:
        latest = [described[d, code] for d in order if (d, code) in described][-1:]
        known = latest + [mentioned[d, code] for d in order if (d, code) in mentioned]
        first = [next((said[place] for said in known if said[place] is not None), None) for place in range(3)]
        expected[surrogate_key(code)] = (first[0], first[1] or first[0], first[2] or "Unknown", not latest)
    found = found_departments(
        spark,
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
    assert {key: tuple(row[name] for name in shown) for key, row in found.items()} == expected
