"""Account types: a delivery of debits and credits is held while one of its accounts has no type, and no longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finance_platform.contracts.processed import ACCOUNTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.decisions import accept, reinstate, withdraw
from finance_platform.deliveries.events import DeliveryDiscovered, Verdict
from finance_platform.deliveries.hold_kinds import UNTYPED
from finance_platform.errors import DecisionError
from finance_platform.quality.processed import check_accounts_have_sign
from finance_platform_tests.unit.factories import partly_rejected
from finance_platform_tests.unit.zone import ADA, Line, Zone, many

WAITS = "account 5998 has no type, which the sign of its debits and credits depends on"


def journal(zone: Zone, key: str = "journal.csv", content: str = "v1", **types: str | None) -> DeliveryDiscovered:
    """Deliver debits and credits on accounts, with `a4000` for account 4000, with the type that its lines give."""
    accounts = {name[1:]: account_type for name, account_type in types.items()}
    files = {"members": zone.members(f"{key}@{content}", accounts)}
    sent = [Line(number=content)] * 2
    return zone.deliver(key, sent, content, feed="journal", commit_is_debit_positive=True, commit_files=files)


def chart(zone: Zone, content: str = "c1", key: str = "chart.csv", **types: str | None) -> DeliveryDiscovered:
    """Deliver an accounts file."""
    numbers = {name[1:]: account_type for name, account_type in types.items()}
    rows = [
        {"account_key": int(number), "account_number": number, "account_type": account_type}
        for number, account_type in numbers.items()
    ]
    file = zone.write(f"accounts/{key}@{content}.parquet", arrow_schema(ACCOUNTS.columns), rows)
    return zone.describe_accounts(key, file, len(rows), content)


def refusal(zone: Zone, key: str = "journal.csv") -> str:
    with pytest.raises(DecisionError) as caught:
        accept(zone.store, key, ADA)
    return caught.value.found


def test_a_debit_credit_file_with_an_account_without_a_type_is_held_and_the_others_count(zone: Zone) -> None:
    chart(zone, a5000="Expense")
    journal(zone, "good.csv", "g", a5000=None)
    journal(zone, a5998=None)
    verdict = zone.evaluate()["journal.csv"]
    assert (verdict.reasons, verdict.kinds, verdict.is_final) == ((WAITS,), (UNTYPED,), False)
    assert verdict.fix == (
        "give these accounts a type in an accounts file, such as accounts.csv with account_number, account_name and "
        "account_type, or by types_by_prefix in the descriptor; the hold then ends by itself. "
        "`finance-platform withdraw journal.csv --why TEXT` drops the delivery"
    )
    assert sorted(zone.live) == ["chart.csv@c1", "good.csv@g"]
    assert check_accounts_have_sign(zone.snapshot(), zone.store).passed


def test_the_hold_ends_by_itself_when_an_accounts_file_gives_the_type(zone: Zone) -> None:
    journal(zone, a5998=None)
    zone.evaluate()
    assert zone.evaluate() == {}, "the same verdict is not recorded twice"
    chart(zone, a5998="Expense")
    assert {key: verdict.is_held for key, verdict in zone.evaluate().items()} == {
        "chart.csv": False,
        "journal.csv": False,
    }
    assert zone.live == ["journal.csv@v1", "chart.csv@c1"]
    verdicts = [event.is_held for event in zone.register.events() if isinstance(event, Verdict)]
    assert verdicts == [True, False, False]
    assert zone.evaluate() == {}


def test_the_accounts_file_may_arrive_in_the_same_run_and_sort_later(zone: Zone) -> None:
    journal(zone, a5998=None)
    chart(zone, a5998="Liability")
    assert zone.evaluate_held() == {}


def test_another_ledger_file_may_give_the_type(zone: Zone) -> None:
    journal(zone, a5998=None)
    zone.evaluate()
    zone.deliver("gl.csv", many(1), "g", commit_files={"members": zone.members("gl", {"5998": "Asset"})})
    assert zone.evaluate_held() == {}
    assert len(zone.live) == 2


def test_a_file_that_waits_may_end_the_wait_of_another_one_of_the_same_run(zone: Zone) -> None:
    journal(zone, "a.csv", "a", a5998=None)
    journal(zone, "b.csv", "b", a5998="Asset", a7000=None)
    assert zone.evaluate_held().keys() == {"a.csv", "b.csv"}
    chart(zone, a7000="Asset")
    assert zone.evaluate_held() == {}
    assert len(zone.live) == 3


def test_an_accounts_file_that_gives_a_blank_type_does_not_end_the_hold(zone: Zone) -> None:
    chart(zone, a5998=None)
    journal(zone, a5998=None)
    assert zone.evaluate_held() == {"journal.csv": (WAITS,)}


def test_a_new_reason_after_the_wait_is_recorded_and_can_be_accepted(zone: Zone) -> None:
    journal(zone, "a.csv", "same", a5998=None)
    journal(zone, "b.csv", "same", a5998=None)
    zone.evaluate()
    assert refusal(zone, "a.csv") == f"a.csv cannot be published yet: {WAITS}"
    chart(zone, a5998="Asset")
    assert zone.evaluate_held() == {"b.csv": ("the same content as a.csv, which counts already",)}
    accept(zone.store, "b.csv", ADA)
    assert sorted(zone.live) == ["a.csv@same", "b.csv@same", "chart.csv@c1"]


def test_a_waiting_delivery_that_is_also_beyond_its_tolerance_stays_held_for_that(zone: Zone) -> None:
    event = journal(zone, a5998=None)
    bad = partly_rejected(event, 1, of=3)
    files = {"members": zone.members("journal.csv@v1", {"5998": None})}
    zone.commit(replace(bad, is_debit_positive=True, files=files))
    assert zone.evaluate_held() == {"journal.csv": ("1 of 3 rows rejected, tolerated 0%", WAITS)}
    chart(zone, a5998="Asset")
    assert zone.evaluate_held() == {"journal.csv": ("1 of 3 rows rejected, tolerated 0%",)}


def test_a_waiting_delivery_can_be_withdrawn_and_then_waits_no_longer(zone: Zone) -> None:
    journal(zone, a5998=None)
    zone.evaluate()
    withdraw(zone.store, "journal.csv", ADA)
    assert zone.register.events()[-1].keeps_earlier  # type: ignore[union-attr]
    chart(zone, a5998="Asset")
    assert zone.evaluate().keys() == {"chart.csv"}


def test_a_feed_with_natural_signs_needs_no_types(zone: Zone) -> None:
    zone.deliver("gl.csv", many(1), commit_files={"members": zone.members("gl", {"5998": None})})
    assert zone.evaluate_held() == {}


@pytest.mark.parametrize("types", [{"a4000": "Revenue"}, {"a4000": "Revenue", "a5998": None}], ids=["absent", "blank"])
def test_an_accounts_file_that_takes_a_needed_type_away_is_held(zone: Zone, types: dict[str, str | None]) -> None:
    chart(zone, a4000="Revenue", a5998="Expense")
    journal(zone, a5998=None, a4000=None)
    zone.evaluate()
    chart(zone, "c2", "chart.csv", **types)
    assert zone.evaluate_held() == {
        "chart.csv": ("would leave account 5998 without a type, which journal.csv needs for the sign of its amounts",)
    }
    assert "chart.csv@c1" in zone.live
    journal(zone, content="v2", a4000=None)
    zone.evaluate()
    assert sorted(zone.live) == ["chart.csv@c2", "journal.csv@v2"], "nothing needs the type any more"


def test_a_ledger_file_that_takes_a_needed_type_away_is_held(zone: Zone) -> None:
    zone.deliver("gl.csv", many(1), "g1", commit_files={"members": zone.members("g1", {"5998": "Asset"})})
    journal(zone, a5998=None)
    zone.evaluate()
    zone.deliver("gl.csv", many(1), "g2", commit_files={"members": zone.members("g2", {"5998": None})})
    assert zone.evaluate_held().keys() == {"gl.csv"}


def test_a_needed_type_cannot_be_withdrawn(zone: Zone) -> None:
    chart(zone, a5998="Expense")
    journal(zone, a5998=None)
    zone.evaluate()
    with pytest.raises(DecisionError) as caught:
        withdraw(zone.store, "chart.csv", ADA)
    assert "5998 in journal.csv" in caught.value.found
    withdraw(zone.store, "journal.csv", ADA)
    withdraw(zone.store, "chart.csv", ADA)
    with pytest.raises(DecisionError, match=r"5998 in journal\.csv"):
        reinstate(zone.store, "journal.csv", ADA)
    reinstate(zone.store, "chart.csv", ADA)
    reinstate(zone.store, "journal.csv", ADA)
    assert len(zone.live) == 2


def test_a_held_delivery_whose_type_is_gone_meanwhile_cannot_be_accepted(zone: Zone) -> None:
    chart(zone, a5998="Expense")
    event = journal(zone, a5998=None)
    files = {"members": zone.members("journal.csv@v1", {"5998": None})}
    zone.commit(replace(partly_rejected(event, 1, of=3), is_debit_positive=True, files=files))
    assert zone.evaluate_held().keys() == {"journal.csv"}
    withdraw(zone.store, "chart.csv", ADA)
    assert "5998 in journal.csv" in refusal(zone)


def test_an_account_that_lacks_a_type_already_holds_no_other_delivery(zone: Zone) -> None:
    """A home of an earlier release may have such a live delivery; the blocking check names it."""
    event = journal(zone, a5998=None)
    zone.append(Verdict(event.object_key, event.delivery_id, "2025-06-01", "run-0"))
    chart(zone, a4000="Revenue")
    assert zone.evaluate_held() == {}
    assert not check_accounts_have_sign(zone.snapshot(), zone.store).passed
