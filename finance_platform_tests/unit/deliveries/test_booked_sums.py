"""Booked sums: lines that are booked in a later period make no sum of that period too large for the warehouse.

Belongs here: a run that books them, people who decide it, files that come after a booking. Does not belong here: sums
of lines in their own period (see `test_acceptance_cell_sums`), what is booked (see `test_late_lines`).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.contracts.processed import MEMBERS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.decisions import accept, book, reinstate, withdraw
from finance_platform.deliveries.events import PeriodStatusChanged, Verdict
from finance_platform.deliveries.previews import preview_booking
from finance_platform.errors import DecisionError
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform_tests.unit.zone import ADA, Line, Zone

JANUARY, FEBRUARY = "2025-01", "2025-02"
NINE = "9000000000000000.00"
BOOKS: dict[str, Any] = {"late_lines": "next_open_period"}


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone with January closed, of which `a.csv` and `c.csv` have a line each."""
    zone = Zone(tmp_path / "processed")
    zone.deliver("a.csv", [Line("1")], "v1")
    zone.deliver("c.csv", [Line("2", account="5000")], "v1")
    zone.evaluate()
    zone.append(PeriodStatusChanged("closed", JANUARY, "ada", "done", "2025-01-28T00:00:00+00:00"))
    return zone


def send(zone: Zone, key: str, *sent: Line, **values: Any) -> Verdict:
    zone.deliver(key, sent, f"of day {zone.days}", **values)
    return zone.evaluate(holds_closed_periods=True)[key]


def published(zone: Zone, period: str) -> Decimal:
    """The money that counts in a period."""
    of_live = (count for one in zone.state.live for count in one.commit.periods)
    return sum((count.amount for count in of_live if count.period == period), Decimal(0))


def test_a_person_cannot_book_lines_with_which_a_sum_of_the_later_period_would_be_too_large(zone: Zone) -> None:
    assert not send(zone, "b.csv", Line("3", FEBRUARY, amount=NINE)).is_held
    assert send(zone, "a.csv", Line("1", amount=NINE)).kinds == ("restatement",)
    for decide in (lambda: book(zone.store, "a.csv", ADA), lambda: preview_booking(zone.store, "a.csv")):
        with pytest.raises(DecisionError, match="too large for the warehouse: Actual 2025-02, department D1"):
            decide()
    accept(zone.store, "a.csv", ADA)  # in its own period there is room
    assert published(zone, JANUARY) == Decimal(NINE) + 10


def test_a_person_may_book_lines_that_their_own_period_has_no_room_for(zone: Zone) -> None:
    accept_all = send(zone, "a.csv", Line("1", amount="6000000000000000.00"))
    assert accept_all.kinds == ("restatement",)
    book(zone.store, "a.csv", ADA)
    assert send(zone, "c.csv", Line("2", account="5000", amount="6000000000000000.00")).kinds == ("restatement",)
    with pytest.raises(DecisionError, match="the total of 2025-02: 11,999,999,999,999,980"):
        book(zone.store, "c.csv", ADA)
    accept(zone.store, "c.csv", ADA)


def test_a_run_that_cannot_book_lines_says_which_sum_would_be_too_large_and_books_the_others(zone: Zone) -> None:
    send(zone, "b.csv", Line("3", FEBRUARY, amount=NINE))
    zone.deliver("a.csv", [Line("1", amount=NINE)], "v2", **BOOKS)
    zone.deliver("c.csv", [Line("2", account="5000", amount="12.00")], "v2", **BOOKS)
    verdicts = zone.evaluate(holds_closed_periods=True)
    assert verdicts["a.csv"].reasons == (
        "would restate 2025-01, which is closed: Actual 8,999,999,999,999,990.00",
        (
            "booked in 2025-02, sums would have more than the 16 digits that the warehouse holds: Actual 2025-02, "
            "department D1, account 4000: 17,999,999,999,999,990.00; the total of 2025-02: 17,999,999,999,999,992.00"
        ),
    )
    assert "accept a.csv" in verdicts["a.csv"].fix
    assert "--in-next-open-period" not in verdicts["a.csv"].fix
    assert verdicts["c.csv"].booked_in == FEBRUARY
    assert (published(zone, JANUARY), published(zone, FEBRUARY)) == (Decimal(20), Decimal(NINE) + 2)


@pytest.mark.parametrize("further", [(), (Line("4", FEBRUARY),)], ids=["as a whole", "its late lines"])
def test_a_run_books_lines_that_waited_for_room_once_there_is_room(zone: Zone, further: tuple[Line, ...]) -> None:
    send(zone, "b.csv", Line("3", FEBRUARY, amount=NINE))
    verdict = send(zone, "a.csv", Line("1", amount=NINE), *further, **BOOKS)
    assert "a run books it once a file with other lines of these sums is corrected or withdrawn" in verdict.fix
    assert zone.evaluate(holds_closed_periods=True) == {}
    assert send(zone, "b.csv", Line("3", FEBRUARY, amount="5.00")).booked_in == ""
    assert [one.booked_from for one in zone.state.live if one.booked_from] == [JANUARY, JANUARY]
    assert published(zone, JANUARY) == Decimal(20)
    assert published(zone, FEBRUARY) == Decimal(NINE) - 5 + 10 * len(further)
    assert not zone.state.inactive


def test_lines_that_waited_for_room_are_booked_in_the_next_open_period(zone: Zone) -> None:
    send(zone, "b.csv", Line("3", FEBRUARY, amount=NINE))
    assert send(zone, "a.csv", Line("1", amount=NINE), **BOOKS).is_held
    zone.append(PeriodStatusChanged("closed", FEBRUARY, "ada", "done", "2025-02-28T00:00:00+00:00"))
    assert zone.evaluate(holds_closed_periods=True)["a.csv"].booked_in == "2025-03"


def test_of_two_files_that_a_run_books_the_second_one_waits_if_the_sum_of_both_is_too_large(zone: Zone) -> None:
    for key, number, account in (("a.csv", "1", "4000"), ("c.csv", "2", "5000")):
        zone.deliver(key, [Line(number, account=account, amount="6000000000000000.00")], "v2", **BOOKS)
    verdicts = zone.evaluate(holds_closed_periods=True)
    assert {key: verdict.is_held for key, verdict in verdicts.items()} == {"a.csv": False, "c.csv": True}
    assert verdicts["c.csv"].reasons[-1].endswith("the total of 2025-02: 11,999,999,999,999,980.00")
    assert published(zone, FEBRUARY) == Decimal("5999999999999990.00")


@pytest.mark.parametrize("is_one_run", [False, True])
def test_a_file_whose_lines_come_beside_booked_ones_waits_if_their_sum_is_too_large(
    zone: Zone, *, is_one_run: bool
) -> None:
    zone.deliver("a.csv", [Line("1", amount=NINE)], "v2", **BOOKS)
    if not is_one_run:
        zone.evaluate(holds_closed_periods=True)
    verdict = send(zone, "b.csv", Line("3", FEBRUARY, amount=NINE))
    assert verdict.kinds == ("overflow",)
    assert "Actual 2025-02, department D1, account 4000: 17,999,999,999,999,990.00" in verdict.reasons[0]
    withdraw(zone.store, "a.csv", ADA)
    assert not zone.evaluate(holds_closed_periods=True)["b.csv"].is_held
    with pytest.raises(DecisionError, match="sums would be too large"):
        reinstate(zone.store, "a.csv", ADA)


def test_lines_that_are_booked_later_leave_room_in_their_own_period(zone: Zone) -> None:
    send(zone, "a.csv", Line("1", amount=NINE), **BOOKS)
    verdict = send(zone, "b.csv", Line("3", amount=NINE))
    assert verdict.kinds == ("restatement",)
    accept(zone.store, "b.csv", ADA)
    assert published(zone, JANUARY) == Decimal(NINE) + 20


def test_the_sign_of_booked_lines_is_that_of_the_star(zone: Zone) -> None:
    """A credit of an account of debits and credits, whose type is revenue, is an amount above zero."""
    member = {"dimension": "account", "member_key": surrogate_key("4000"), "code": "4000", "account_type": "Revenue"}
    file = zone.write("members/j.parquet", arrow_schema(MEMBERS.columns), [{"delivery_id": "j", **member}])
    journal: dict[str, Any] = {"feed": "journal", "commit_is_debit_positive": True, **BOOKS}
    zone.deliver("j.csv", [Line("1", amount=f"-{NINE}")], "v1", **journal, commit_files={"members": (file,)})
    verdict = zone.evaluate(holds_closed_periods=True)["j.csv"]
    assert verdict.booked_in == FEBRUARY
    assert not send(zone, "b.csv", Line("3", FEBRUARY, amount=f"-{NINE}", account="5000")).is_held
    assert send(zone, "d.csv", Line("4", FEBRUARY, amount=NINE)).is_held
