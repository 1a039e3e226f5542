"""Money as text: cents are rounded half-up, as in the warehouse, and no digit of an exact amount is lost."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.money_text import exact_money, grouped_money, plain_money


@pytest.mark.parametrize(
    ("amount", "grouped", "plain"),
    [
        ("1002.505", "1,002.51", "1002.51"),
        ("-1002.505", "-1,002.51", "-1002.51"),
        ("0.005", "0.01", "0.01"),
        ("0", "0.00", "0.00"),
        ("1E+3", "1,000.00", "1000.00"),
        ("99999999999999999999999999999999999999.995", f"{10**38:,}.00", f"{10**38}.00"),
    ],
)
def test_cents_are_rounded_half_up(amount: str, grouped: str, plain: str):
    assert (grouped_money(Decimal(amount)), plain_money(Decimal(amount))) == (grouped, plain)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_grouped_plain_and_exact_text_are_the_same_money(amount: Decimal):
    assert Decimal(exact_money(amount, grouping=",").replace(",", "")) == amount
    rounded = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert Decimal(plain_money(amount)) == rounded == Decimal(grouped_money(amount).replace(",", ""))
