"""`transforms.members`: the departments and accounts that a delivery's ledger lines mention."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.contracts.processed import MEMBERS
from finance_platform.feeds.values.codes import fold, surrogate_key
from finance_platform.transforms.members import members
from finance_platform_tests.transforms.rows import (
    Row,
    assert_matches,
    few_examples,
    ledger_line,
    rows_of,
    staged_ledger,
)

Member = dict[str, Any]
ATTRIBUTES = {"department": ("department_name", "business_unit"), "account": ("account_type", "account_category")}


def members_by_key(spark: SparkSession, rows: Iterable[Row]) -> dict[tuple[str, str, int], Member]:
    """Return the members by delivery, dimension and key; the assertion fails if two have the same."""
    result = rows_of(members(staged_ledger(spark, rows)))
    by_key = {(row["delivery_id"], row["dimension"], row["member_key"]): row for row in result}
    assert len(by_key) == len(result), f"a member occurs twice in {result}"
    return by_key


def only_member(spark: SparkSession, rows: Iterable[Row], dimension: str) -> Member:
    """Return the one member of a dimension."""
    (member,) = (row for (_, name, _), row in members_by_key(spark, rows).items() if name == dimension)
    return member


def test_each_line_mentions_its_department_and_its_account(spark: SparkSession) -> None:
    """With all attributes of the line, each in its dimension."""
    line = ledger_line(
        department_code="0450",
        account_number="0010",
        department_name="Field Services",
        business_unit="Operations",
        account_name="Cash",
        account_type="Asset",
        account_category="Liquid",
    )
    result = members(staged_ledger(spark, [line]))
    rows = assert_matches(result, MEMBERS)
    assert sorted(rows, key=lambda row: row["dimension"]) == [
        {
            "delivery_id": "d1",
            "dimension": "account",
            "member_key": surrogate_key("0010"),
            "code": "0010",
            "name": "Cash",
            "business_unit": None,
            "account_type": "Asset",
            "category": "Liquid",
        },
        {
            "delivery_id": "d1",
            "dimension": "department",
            "member_key": surrogate_key("0450"),
            "code": "0450",
            "name": "Field Services",
            "business_unit": "Operations",
            "account_type": None,
            "category": None,
        },
    ]


def test_a_department_and_an_account_with_one_code_are_two_members(spark: SparkSession) -> None:
    """4000 can be both."""
    keys = members_by_key(spark, [ledger_line(department_code="4000", account_number="4000")])
    assert {(dimension, key) for _, dimension, key in keys} == {
        ("department", surrogate_key("4000")),
        ("account", surrogate_key("4000")),
    }


def test_two_spellings_of_a_code_are_one_member_with_the_spelling_of_the_first_line(spark: SparkSession) -> None:
    """The first line of the file, whatever the order in which Spark reads the lines."""
    rows = [ledger_line(department_code=code, source_row=row) for row, code in ((9, "D100"), (3, "d100"), (5, "D100"))]
    assert only_member(spark, rows, "department")["code"] == "d100"


def test_the_first_name_in_the_file_wins(spark: SparkSession) -> None:
    """A later line with another name changes nothing."""
    names = ((8, "Sales"), (2, "Sales and Marketing"), (4, "Sales"))
    rows = [ledger_line(department_name=name, source_row=row) for row, name in names]
    assert only_member(spark, rows, "department")["name"] == "Sales and Marketing"


def test_a_blank_on_the_first_line_is_filled_from_the_first_line_with_a_value(spark: SparkSession) -> None:
    """Each attribute independently."""
    rows = [
        ledger_line(source_row=2),
        ledger_line(source_row=3, account_type="Revenue"),
        ledger_line(source_row=4, account_type="Expense", account_name="Licences"),
        ledger_line(source_row=5, account_name="Software", account_category="IT"),
    ]
    account = only_member(spark, rows, "account")
    assert (account["account_type"], account["name"], account["category"]) == ("Revenue", "Licences", "IT")


@pytest.mark.parametrize("outcome", ["rejected", "duplicate", "skipped", "measured"])
def test_a_row_that_was_not_accepted_mentions_no_members(spark: SparkSession, outcome: str) -> None:
    """Otherwise a mistyped account of a rejected row would show as an account of the company."""
    rows = [ledger_line(outcome=outcome, account_number="TYPO", department_name="Wrong name")]
    assert members_by_key(spark, rows) == {}


def test_each_delivery_has_its_own_members(spark: SparkSession) -> None:
    """The dimension decides which delivery takes precedence."""
    rows = [
        ledger_line(delivery_id="d1", source_row=9, department_name="Old name"),
        ledger_line(delivery_id="d2", source_row=2, department_name="New name"),
    ]
    departments = {name: row for name, row in members_by_key(spark, rows).items() if name[1] == "department"}
    names = {delivery: row["name"] for (delivery, _, _), row in departments.items()}
    assert names == {"d1": "Old name", "d2": "New name"}


words = st.sampled_from([None, "a", "b"])
random_mentions = st.lists(
    st.tuples(st.sampled_from(["d1", "d2"]), st.sampled_from(["X1", "x1", "0X"]), words, words, words, words),
    max_size=12,
)


@few_examples
@given(random_mentions, st.randoms(use_true_random=False))
def test_a_member_has_the_first_values_in_line_order(spark: SparkSession, mentions: Any, random: Any) -> None:
    """For any lines in any order: one row a member, the code and each attribute from the first line that has it."""
    names = [*ATTRIBUTES["department"], *ATTRIBUTES["account"]]
    rows = [
        ledger_line(
            delivery_id=delivery,
            source_row=row,
            department_code=code,
            department_key=surrogate_key(code),
            account_number="4000",
            **dict(zip(names, attributes, strict=True)),
        )
        for row, (delivery, code, *attributes) in enumerate(mentions, start=2)
    ]
    shuffled = random.sample(rows, len(rows))
    expected: dict[tuple[str, str, int], list[Any]] = {}
    for row in rows:
        for dimension, code in (("department", row["department_code"]), ("account", row["account_number"])):
            known = expected.setdefault((row["delivery_id"], dimension, surrogate_key(fold(code))), [code, None, None])
            for position, name in enumerate(ATTRIBUTES[dimension], start=1):
                known[position] = known[position] or row[name]
    shown = {"department": ("code", "name", "business_unit"), "account": ("code", "account_type", "category")}
    result = members_by_key(spark, shuffled)
    assert {name: [row[column] for column in shown[name[1]]] for name, row in result.items()} == expected
