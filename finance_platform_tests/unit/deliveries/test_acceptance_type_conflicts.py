"""Types that contradict each other: a delivery is held while one of its accounts has two types."""

from __future__ import annotations

import pytest

from finance_platform.contracts.processed import ACCOUNTS, MEMBER_ATTRIBUTES
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.decisions import accept, reinstate, withdraw
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.hold_kinds import CONFLICT
from finance_platform_tests.unit.zone import ADA, Line, Zone

TWO_TYPES = "account 205 has the type 'Revenue' in line 3 and 'Expense' in line 2; gross at stake: Actual 90.00"


def ledger(
    zone: Zone,
    *types: tuple[str, str | None, str],
    key: str = "gl.csv",
    content: str = "v1",
    period: str = "2024-01",
    **values: str,
) -> DeliveryDiscovered:
    """Deliver lines, each with account, type and amount, from line 2 on."""
    rows = [
        {
            "delivery_id": f"{key}@{content}",
            "dimension": "account",
            "member_key": int(account),
            "code": account,
            "scenario": "Actual",
            "period": period,
            "account_type": account_type,
            "first_row": line,
            "row_count": 1,
            "gross_amount": amount,
        }
        for line, (account, account_type, amount) in enumerate(types, start=2)
    ]
    file = zone.write(f"attributes/{key}@{content}.parquet", arrow_schema(MEMBER_ATTRIBUTES.columns), rows)
    lines = [Line(None, period, account=account, amount=amount) for account, _, amount in types]
    return zone.deliver(key, lines, content, commit_files={"member_attributes": (file,)}, **values)


def chart(zone: Zone, account_type: str | None = "Expense", content: str = "c1") -> None:
    """Deliver an accounts file with account 205."""
    rows = [{"account_key": 205, "account_type": account_type}]
    file = zone.write(f"accounts/{content}.parquet", arrow_schema(ACCOUNTS.columns), rows)
    zone.describe_accounts("chart.csv", file, 1, content)


def contradict(zone: Zone) -> None:
    ledger(zone, ("205", "Expense", "10.00"), ("205", "Revenue", "90.00"))


def test_a_file_with_two_types_of_one_account_is_held_with_the_money_at_stake(zone: Zone) -> None:
    contradict(zone)
    ledger(zone, ("300", "Asset", "5.00"), key="good.csv")
    verdict = zone.evaluate()["gl.csv"]
    assert (verdict.reasons, verdict.kinds, verdict.is_final) == ((TWO_TYPES,), (CONFLICT,), False)
    assert verdict.fix == (
        "correct the file and send it again, or give the account its type in an accounts file; the hold then ends by "
        "itself. `finance-platform accept gl.csv --why TEXT` takes it as it is: the type of the first line counts; "
        "`withdraw` drops it"
    )
    assert zone.live == ["good.csv@v1"]


def test_a_file_that_contradicts_another_one_for_the_same_period_is_held(zone: Zone) -> None:
    ledger(zone, ("205", "Expense", "10.00"), key="first.csv")
    assert zone.evaluate_held() == {}
    ledger(zone, ("300", "Asset", "1.00"), ("205", "Revenue", "90.00"), key="second.csv")
    assert zone.evaluate()["second.csv"].reasons == (TWO_TYPES.replace("line 2;", "line 2 of first.csv;"),)
    assert zone.live == ["first.csv@v1"]


def test_another_type_for_a_later_period_is_a_change_and_needs_no_reading(zone: Zone) -> None:
    ledger(zone, ("205", "Expense", "10.00"), key="first.csv")
    zone.evaluate()
    ledger(zone, ("205", "Revenue", "90.00"), key="second.csv", period="2024-02")
    zone.store.opened.clear()
    assert zone.evaluate_held() == {}
    assert "attributes/first.csv@v1.parquet" not in zone.store.opened


@pytest.mark.parametrize("other", ["expense", " Expense ", "Unknown", None])
def test_types_that_say_the_same_or_nothing_hold_no_file(zone: Zone, other: str | None) -> None:
    ledger(zone, ("205", "Expense", "10.00"), ("205", other, "90.00"))
    assert zone.evaluate_held() == {}


def test_an_accounts_file_decides_and_then_nothing_is_held(zone: Zone) -> None:
    chart(zone)
    contradict(zone)
    assert zone.evaluate_held() == {}


def test_the_hold_ends_by_itself_when_an_accounts_file_gives_the_type(zone: Zone) -> None:
    contradict(zone)
    zone.evaluate()
    assert zone.evaluate() == {}, "the same verdict is not recorded twice"
    chart(zone, None)
    assert zone.evaluate_held() == {}, "a blank type decides nothing"
    assert zone.live == ["chart.csv@c1"]
    chart(zone, "Expense", "c2")
    assert zone.evaluate_held() == {}
    assert zone.live == ["gl.csv@v1", "chart.csv@c2"]


def test_a_corrected_file_counts(zone: Zone) -> None:
    contradict(zone)
    zone.evaluate()
    ledger(zone, ("205", "Expense", "10.00"), ("205", "Expense", "90.00"), content="v2")
    assert zone.evaluate_held() == {}
    assert zone.live == ["gl.csv@v2"]


def test_a_person_may_accept_the_file_as_it_is_and_is_not_asked_again(zone: Zone) -> None:
    contradict(zone)
    zone.evaluate()
    accept(zone.store, "gl.csv", ADA)
    assert zone.live == ["gl.csv@v1"]
    assert zone.evaluate() == {}
    assert zone.live == ["gl.csv@v1"]


def test_a_withdrawn_file_is_not_evaluated_again_until_it_is_reinstated(zone: Zone) -> None:
    contradict(zone)
    zone.evaluate()
    withdraw(zone.store, "gl.csv", ADA)
    chart(zone)
    assert zone.evaluate().keys() == {"chart.csv"}
    reinstate(zone.store, "gl.csv", ADA)
    assert zone.evaluate_held() == {}
    assert zone.live == ["gl.csv@v1", "chart.csv@c1"]


def test_many_accounts_are_named_briefly_and_the_money_is_that_of_all(zone: Zone) -> None:
    rows = [(str(account), kind, "1.00") for account in range(201, 209) for kind in ("Asset", "Equity")]
    ledger(zone, *rows)
    ((reason,),) = zone.evaluate_held().values()
    assert reason.count("has the type") == 5
    assert reason.endswith("and 3 more; gross at stake: Actual 8.00")
