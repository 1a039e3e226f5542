"""The gates about balances: what contradicts them, and what does not."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from finance_platform.quality.books import (
    AccountBalance,
    DeliveredAccount,
    Sides,
    find_broken_carry_forward,
    find_unbalanced_feeds,
    find_unbalanced_trial_balance,
    find_untied,
)

FILE = "tb.csv"
TYPES = {"1000": "Asset", "2000": "Liability", "3000": "Equity", "3100": "Equity", "4000": "Revenue", "6000": "Expense"}
BALANCE_SHEET = {"1000", "2000", "3000", "3100"}


def money(text: str | int) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"))


def balance(
    number: str,
    opening: str | int,
    movement: str | int,
    delivered: str | int | None,
    delivered_opening: str | int | None = None,
    *,
    period: str = "2025-02",
) -> AccountBalance:
    given_opening = None if delivered_opening is None else money(delivered_opening)
    closing = None if delivered is None else money(delivered)
    figures = (money(opening), money(movement), given_opening, closing)
    return AccountBalance(period, int(period[:4]), int(number), number, "Bank", TYPES[number], *figures)


def carried(balances: list[AccountBalance], before: list[AccountBalance]) -> list[str]:
    return [finding.text for finding in find_broken_carry_forward(balances, before, {}, FILE)]


def untied(balances: list[AccountBalance], before: list[AccountBalance], *delivered: DeliveredAccount) -> list[str]:
    return [finding.text for finding in find_untied(balances, before, delivered, {}, FILE)]


def test_debits_that_are_not_the_credits_of_the_period_are_named_with_the_files_that_differ():
    sides = {"a.csv": Sides(money(47), money(40)), "b.csv": Sides(money(5), money(5))}
    (finding,) = find_unbalanced_feeds({"gl": sides, "bank": {"c.csv": Sides(money(1), money(1))}}, "2025-01")
    assert finding.text == ("feed gl: debits of 2025-01 are 52.00, credits 45.00; they differ in a.csv by 7.00")


def test_halves_of_vouchers_in_two_files_of_a_feed_balance_together():
    assert find_unbalanced_feeds({"gl": {"a": Sides(money(7), money(0)), "b": Sides(money(0), money(7))}}, "x") == []


def test_a_trial_balance_adds_up_to_zero():
    rows = [DeliveredAccount(1, "1", money(5), FILE), DeliveredAccount(2, "2", money(-4), FILE)]
    (finding,) = find_unbalanced_trial_balance(rows, "2025-01")
    assert finding.text == "tb.csv: the balances of 2025-01 add up to 1.00 and not to 0.00"
    assert find_unbalanced_trial_balance([*rows, DeliveredAccount(3, "3", money(-1), FILE)], "2025-01") == []


def test_a_balance_that_is_not_carried_forward_is_named_and_the_first_one_is_not_compared():
    before = [balance("1000", 0, 100, None, period="2025-01")]
    own = [balance("1000", 100, 5, 95, 90)]
    (text,) = carried(own, before)
    assert text == (
        "account 1000 Bank: tb.csv opens 2025-02 with 90.00, and 100.00 is carried forward from 2025-01, a difference "
        "of -10.00"
    )
    assert carried(own, []) == []
    assert carried([balance("1000", 100, 5, 95)], before) == []


def test_without_opening_balances_the_balances_at_the_end_are_compared():
    before = [balance("1000", 0, 100, 100, period="2025-01")]
    assert untied([balance("1000", 100, 5, 105)], before) == []
    assert untied([balance("1000", 100, 5, 104)], before) == [
        "account 1000 Bank: tb.csv has 104.00 at the end of 2025-02, the ledger 105.00, a difference of -1.00"
    ]


def test_an_account_that_the_trial_balance_leaves_out_has_no_balance():
    own = [balance("1000", 0, 5, 5, 0), balance("2000", 0, -5, 0)]
    assert untied(own, []) == [
        "account 2000 Bank: tb.csv moves by 0.00 in 2025-02, the ledger -5.00, a difference of 5.00"
    ]


def test_an_account_that_the_ledger_does_not_have_is_named_if_it_has_a_balance():
    assert untied([], [], DeliveredAccount(9, "9000", money(5), FILE), DeliveredAccount(8, "8000", money(0), FILE)) == [
        "account 9000: tb.csv has 5.00, and the ledger has no such account"
    ]


@given(
    st.lists(st.tuples(st.sampled_from(sorted(TYPES)), st.integers(-99_999, 99_999)), max_size=12),
    st.dictionaries(st.sampled_from(sorted(TYPES)), st.integers(-99_999, 99_999)),
    st.booleans(),
    st.booleans(),
    st.sampled_from(sorted(TYPES)),
    st.integers(1, 500),
)
def test_a_right_trial_balance_of_a_new_year_agrees_and_a_wrong_cent_in_it_is_found(
    booked: list[tuple[str, int]],
    old: dict[str, int],
    keeps_result: bool,
    has_openings: bool,
    wrong: str,
    cents: int,
):
    """The source carries the result of the old year into equity, or keeps it in the accounts of profit and loss."""
    movement = {number: sum(amount for account, amount in booked if account == number) for number in TYPES}
    closing = {number: old.get(number, 0) for number in TYPES}
    result = sum(closing[number] for number in TYPES if number not in BALANCE_SHEET)
    opening = dict(closing)
    if not keeps_result:
        opening |= {number: 0 for number in TYPES if number not in BALANCE_SHEET}
        opening["3100"] += result

    def books(delivered: dict[str, int]) -> tuple[list[AccountBalance], list[AccountBalance]]:
        own = [
            balance(
                number,
                closing[number] if number in BALANCE_SHEET else 0,
                movement[number],
                delivered[number] + movement[number],
                delivered[number] if has_openings else None,
            )
            for number in TYPES
        ]
        return own, [balance(number, closing[number], 0, None, period="2024-12") for number in TYPES]

    right = books(opening)
    assert carried(*right) == untied(*right) == []
    changed = books({**opening, wrong: opening[wrong] + cents})
    assert bool(carried(*changed)) is has_openings
    assert bool(untied(*changed)) is not has_openings
