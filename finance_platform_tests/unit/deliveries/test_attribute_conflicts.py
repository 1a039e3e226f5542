"""Conflicting attributes: when two values contradict each other, and the money at stake.

Belongs here: `deliveries.attribute_conflicts`, and the outcomes of `quality.attributes`. Does not belong here: what
lines give (see `transforms.test_member_attributes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNT_COUNTS, ACCOUNTS, DEPARTMENTS, MEMBER_ATTRIBUTES
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.overlap_documents import Overlap
from finance_platform.deliveries.overlaps import NO_OVERLAPS, Overlaps
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.verdicts.attribute_conflicts import (
    AttributeFiles,
    find_attribute_conflicts,
    find_type_conflicts,
)
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.quality.attributes import check_attributes
from finance_platform.quality.checks import ATTRIBUTES_AGREE, TYPES_AGREE
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import in_period, live_in, state_of


@dataclass
class Sent:
    """Deliveries with their rows on disk, each a day later than the previous one."""

    path: Path
    pairs: list[Any]

    def ledger(self, *rows: dict[str, Any], key: str = "", **values: Any) -> None:
        """Send a ledger file whose lines give attributes."""
        full = [attributes(**{"first_row": line, **row}) for line, row in enumerate(rows, start=2)]
        cells = sorted({(row["scenario"], row["period"]) for row in full})
        periods = [in_period(period, scenario) for scenario, period in cells]
        self._send(MEMBER_ATTRIBUTES, full, "ledger", key, *periods, **values)

    def accounts(self, *others: dict[str, Any], **columns: Any) -> None:
        """Send an accounts file that describes account 205, and others."""
        rows = [{"account_key": surrogate_key(row.get("account_number", "205")), **row} for row in (columns, *others)]
        self._send(ACCOUNTS, rows, "accounts", "")

    def counts(self, *rows: dict[str, Any]) -> None:
        """Send a ledger file with these counts by account."""
        self._send(ACCOUNT_COUNTS, list(rows), "ledger", "", in_period("2024-01"))

    def departments(self, **columns: Any) -> None:
        """Send a departments file that describes department A."""
        self._send(DEPARTMENTS, [{"department_key": surrogate_key("A"), **columns}], "departments", "")

    def _send(
        self, contract: Contract, rows: list[dict[str, Any]], kind: str, key: str, *periods: Any, **v: Any
    ) -> None:
        number = len(self.pairs) + 1
        name = key or f"{number}.csv"
        file = f"{number}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, arrow_schema(contract.columns)), self.path / file)
        files = {contract.name: (DataFile(file, 1),)}
        moment = f"2025-05-{number:02d}T08:00:00.000000+00:00"
        values = {"content": f"v{number}", "kind": kind, "modified_at": moment, **v}
        self.pairs.append(live_in(*periods, key=name, commit_files=files, **values))

    @property
    def state(self) -> DeliveryState:
        return state_of(*self.pairs)

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.path)

    def conflicts(self, overlaps: Overlaps = NO_OVERLAPS) -> list[tuple[str, str, str, str, Decimal]]:
        """Return member, attribute, value given, value that counts, gross."""
        return [
            (one.code, one.attribute, one.given.value, one.counted.value, one.given.gross)
            for one in find_attribute_conflicts(self.store, self.state.live, overlaps)
        ]


def attributes(code: str = "205", dimension: str = "account", **values: Any) -> dict[str, Any]:
    return {
        "delivery_id": "unused",
        "dimension": dimension,
        "member_key": surrogate_key(code),
        "code": code,
        "scenario": "Actual",
        "period": "2024-01",
        "row_count": 1,
        "gross_amount": "90.00",
        **values,
    }


@pytest.fixture
def sent(tmp_path: Path) -> Sent:
    return Sent(tmp_path, [])


EXPENSE = {"account_type": "Expense", "gross_amount": "10.00"}
REVENUE = {"account_type": "Revenue"}


def test_two_types_in_one_file_conflict_with_the_money_that_gets_the_first_one(sent: Sent):
    sent.ledger(EXPENSE, REVENUE)
    assert sent.conflicts() == [("205", "account type", "Revenue", "Expense", Decimal("90.00"))]


@pytest.mark.parametrize("other", ["stationery", " STATIONERY ", "Statio nery", "Stationery"])
def test_case_and_spacing_do_not_conflict(sent: Sent, other: str):
    sent.ledger({"name": "Stationery"}, {"name": other})
    assert sent.conflicts() == []


@pytest.mark.parametrize(
    ("dimension", "attribute", "label"),
    [
        ("account", "name", "name"),
        ("account", "category", "category"),
        ("department", "name", "name"),
        ("department", "business_unit", "business unit"),
    ],
)
def test_every_attribute_takes_part(sent: Sent, dimension: str, attribute: str, label: str):
    rows = [{"dimension": dimension, "code": "A", attribute: value} for value in ("North", "South")]
    sent.ledger(*rows)
    assert sent.conflicts() == [("A", label, "South", "North", Decimal("90.00"))]


def test_a_blank_and_an_unknown_type_say_nothing(sent: Sent):
    sent.ledger({"account_type": None}, {"account_type": "Unknown"}, REVENUE)
    assert sent.conflicts() == []


def test_two_files_conflict_in_the_same_period_only(sent: Sent):
    sent.ledger({**EXPENSE, "period": "2024-01"}, {**EXPENSE, "period": "2024-02"})
    sent.ledger({**REVENUE, "period": "2024-02"}, {**REVENUE, "period": "2024-03", "gross_amount": "1.00"})
    assert sent.conflicts() == [("205", "account type", "Revenue", "Expense", Decimal("90.00"))]


def test_another_value_for_a_later_period_is_a_change(sent: Sent):
    sent.ledger(EXPENSE)
    sent.ledger({**REVENUE, "period": "2024-02"})
    assert sent.conflicts() == []


def test_a_plan_and_actual_contradict_each_other_and_are_not_added(sent: Sent):
    sent.ledger(EXPENSE, {**REVENUE, "scenario": "Budget"}, REVENUE)
    types, *_ = check_attributes(snapshot(sent), sent.store)
    assert types.summary == "account type of 1 account, gross at stake: Actual 90.00, Budget 90.00"


@pytest.mark.parametrize(
    ("described", "conflicts"),
    [({"account_type": "Revenue"}, []), ({"account_name": "Sales"}, ["account type"]), ({}, ["account type"])],
)
def test_master_data_decides_the_attributes_that_it_gives(
    sent: Sent, described: dict[str, str], conflicts: Sequence[str]
):
    sent.ledger(EXPENSE, REVENUE)
    sent.accounts(**described)
    assert [attribute for _, attribute, *_ in sent.conflicts()] == conflicts


def test_the_latest_master_data_decides_as_a_whole(sent: Sent):
    rows = [{"dimension": "department", "code": "A", "business_unit": unit} for unit in ("North", "South")]
    sent.ledger(*rows)
    sent.departments(business_unit="North")
    assert sent.conflicts() == []
    sent.departments(department_name="only a name")
    assert [attribute for _, attribute, *_ in sent.conflicts()] == ["business unit"]


def test_a_replaced_period_does_not_conflict_with_its_replacement(sent: Sent):
    sent.ledger(EXPENSE, load_mode="replace_period")
    sent.ledger(REVENUE, load_mode="replace_period")
    assert sent.conflicts() == []


def test_a_replaced_period_of_another_feed_takes_part(sent: Sent):
    sent.ledger(EXPENSE, load_mode="replace_period")
    sent.ledger(REVENUE, load_mode="replace_period", feed="other")
    assert len(sent.conflicts()) == 1


def test_lines_that_are_superseded_by_key_as_a_whole_do_not_conflict(sent: Sent):
    sent.ledger(EXPENSE, load_mode="upsert")
    sent.ledger(REVENUE, load_mode="upsert")
    old, new = (delivery.delivery_id for delivery in sent.state.live)
    whole = Overlap({("Actual", "2024-01", None): 1}, ("2024-01",))
    assert sent.conflicts(Overlaps({(old, new): whole, (new, old): whole})) == []
    assert len(sent.conflicts()) == 1


def test_the_types_of_a_candidate_are_compared_with_itself_and_with_the_live_ones(sent: Sent):
    sent.ledger(EXPENSE, {"name": "Paper"}, key="live.csv")
    sent.ledger(REVENUE, {"name": "Sales"}, key="candidate.csv")
    sent.ledger({**REVENUE, "code": "300"}, {**EXPENSE, "code": "300"}, key="other.csv")
    live, candidate, other = sent.state.live
    (conflict,) = find_type_conflicts(AttributeFiles(sent.store), candidate, [live, other], NO_OVERLAPS)
    assert (conflict.code, conflict.given.object_key, conflict.given.gross) == ("205", "candidate.csv", Decimal(90))
    (conflict,) = find_type_conflicts(AttributeFiles(sent.store), other, [live, candidate], NO_OVERLAPS)
    assert (conflict.code, conflict.given.line, conflict.counted.line) == ("300", 3, 2)
    assert find_type_conflicts(AttributeFiles(sent.store), candidate, [other], NO_OVERLAPS) == []


def test_an_earlier_version_of_the_candidate_takes_no_part(sent: Sent):
    sent.ledger(EXPENSE, key="gl.csv")
    (earlier,) = sent.state.live
    sent.ledger(REVENUE, key="gl.csv")
    (candidate,) = sent.state.live
    assert candidate.delivery_id != earlier.delivery_id
    assert find_type_conflicts(AttributeFiles(sent.store), candidate, [earlier], NO_OVERLAPS) == []


def test_a_delivery_that_gives_no_attributes_has_no_conflicts(sent: Sent):
    """A commit of an earlier version of the platform has no such table either."""
    sent.ledger(EXPENSE, REVENUE, key="live.csv")
    sent.pairs.append(live_in(in_period("2024-01"), key="plain.csv"))
    plain = next(one for one in sent.state.live if one.event.object_key == "plain.csv")
    assert find_type_conflicts(AttributeFiles(sent.store), plain, sent.state.live, NO_OVERLAPS) == []


def snapshot(sent: Sent) -> Snapshot:
    return Snapshot({}, sent.state, NO_OVERLAPS, (), {})


def test_the_checks_name_file_line_period_member_and_money(sent: Sent):
    sent.ledger({**EXPENSE, "category": "Supplies"}, {**REVENUE, "category": "Income"}, key="gl.csv")
    types, accounts, departments = check_attributes(snapshot(sent), sent.store)
    assert (types.check, types.passed) == (TYPES_AGREE, False)
    assert types.summary == "account type of 1 account, gross at stake: Actual 90.00"
    assert list(types.evidence) == [
        {
            "what": "account 205 in 2024-01: gl.csv, line 3, gives the account type 'Revenue'; 'Expense' counts, "
            "by gl.csv, line 2",
            "file": "gl.csv",
            "row": 3,
            "period": "2024-01",
            "scenario": "Actual",
            "account": "205",
            "lines": 1,
            "gross_at_stake": "90.00",
        }
    ]
    assert (accounts.check, accounts.passed) == (ATTRIBUTES_AGREE["dim_account"], False)
    assert accounts.summary == "category of 1 account, gross at stake: Actual 90.00"
    assert (departments.check, departments.passed) == (ATTRIBUTES_AGREE["dim_department"], True)


# Reference files


def test_two_reference_files_that_contradict_each_other_are_a_conflict_with_the_money_of_the_accounts_lines(sent: Sent):
    sent.accounts(account_type="Expense", account_number="205", source_row=2)
    sent.accounts(account_type="Revenue", account_number="205", source_row=9)
    counted = {"account_key": surrogate_key("205"), "scenario": "Actual", "currency": "", "period": "2024-01"}
    counts = {**counted, "term": "accepted", "row_count": 3, "unpriced": 0, "amount": "-50.00", "absolute": "250.00"}
    sent.counts(counts, {**counts, "account_key": 1, "absolute": "9.00"})
    types, accounts, _ = check_attributes(snapshot(sent), sent.store)
    assert types.summary == "account type of 1 account, gross at stake: Actual 250.00"
    (row,) = types.evidence
    assert row["what"] == (
        "account 205: 1.csv, line 2, gives the account type 'Expense'; 'Revenue' counts, by 2.csv, line 9"
    )
    assert (row["lines"], row["gross_at_stake"]) == (3, "250.00")
    assert accounts.passed


def test_of_many_accounts_only_those_that_two_files_describe_differently_conflict(sent: Sent):
    rows = [{"account_number": number, "account_type": "Expense", "source_row": 3} for number in ("310", "320", "330")]
    sent.accounts(*rows, account_type="Expense", account_number="205", source_row=2)
    others = [{**rows[0], "category": "Rent"}, {**rows[1], "account_type": "Asset", "source_row": 4}]
    sent.accounts(*others, account_type="Revenue", account_number="205", source_row=2)
    types, accounts, _ = check_attributes(snapshot(sent), sent.store)
    assert sorted(row["what"] for row in types.evidence) == [
        "account 205: 1.csv, line 2, gives the account type 'Expense'; 'Revenue' counts, by 2.csv, line 2",
        "account 320: 1.csv, line 3, gives the account type 'Expense'; 'Asset' counts, by 2.csv, line 4",
    ]
    assert accounts.passed


@pytest.mark.parametrize("other", ["expense ", "Unknown", None])
def test_reference_files_that_say_the_same_or_nothing_do_not_conflict(sent: Sent, other: str | None):
    sent.accounts(account_type="Expense", account_number="205", source_row=2)
    sent.accounts(account_type=other, account_number="205", source_row=2)
    assert all(outcome.passed for outcome in check_attributes(snapshot(sent), sent.store))


def test_rows_that_hold_from_different_dates_do_not_conflict(sent: Sent):
    sent.accounts(account_type="Expense", account_number="205", source_row=2)
    sent.accounts(account_type="Revenue", account_number="205", source_row=2, valid_from="2025-02")
    assert all(outcome.passed for outcome in check_attributes(snapshot(sent), sent.store))
    sent.accounts(account_type="Asset", account_number="205", source_row=3, valid_from="2025-02")
    types, *_ = check_attributes(snapshot(sent), sent.store)
    assert [row["what"] for row in types.evidence] == [
        "account 205: 2.csv, line 2, gives the account type 'Revenue'; 'Asset' counts, by 3.csv, line 3"
    ]


def test_departments_that_two_files_name_differently_conflict_without_money(sent: Sent):
    sent.departments(department_name="Works", department_code="A", source_row=2)
    sent.departments(department_name="Plant", department_code="A", source_row=2)
    *_, departments = check_attributes(snapshot(sent), sent.store)
    assert departments.summary == "name of 1 department, gross at stake: none"
