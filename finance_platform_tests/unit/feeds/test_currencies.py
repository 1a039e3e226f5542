"""Currencies: which ones a code or sign denotes, and which amounts are foreign in a home."""

from __future__ import annotations

import sys
import unicodedata
from decimal import Decimal

import pyarrow as pa
import pytest

from finance_platform.feeds.values.amounts import parse_amounts
from finance_platform.feeds.values.currencies import denoted_currencies, describe_currency, is_currency
from finance_platform_tests.unit.amount_values import value_of

HOME = [
    ("USD", "$5"),
    ("USD", "5 $"),
    ("USD", "US$5"),
    ("USD", "USD 5"),
    ("USD", "5 usd"),
    ("USD", "5USD"),
    ("USD", "$5 USD"),
    ("USD", "USD$5"),
    ("USD", "-$5"),
    ("USD", "$-5"),
    ("USD", "(USD 5)"),
    ("USD", "USD (5)"),
    ("USD", "＄5"),
    ("AUD", "$5"),
    ("AUD", "A$5"),
    ("MXN", "$5"),
    ("EUR", "5,00 €"),
    ("GBP", "£5"),
    ("EGP", "£5"),
    ("JPY", "¥5"),
    ("JPY", "5円"),
    ("CNY", "￥5"),
    ("SEK", "5 kr"),
    ("DKK", "kr. 5"),
    ("CHF", "Fr. 5"),
    ("CHF", "CHF 5"),
    ("CZK", "5 Kč"),
    ("PLN", "5 zł"),
    ("INR", "₹5"),
    ("INR", "₨ 5"),
    ("ZAR", "R 5"),
    ("BRL", "R$ 5"),
]
FOREIGN = [
    ("USD", "€5", "EUR"),
    ("USD", "£5", "£"),
    ("USD", "¥5", "¥"),
    ("USD", "5 EUR", "EUR"),
    ("USD", "5€", "EUR"),
    ("USD", "(€5)", "EUR"),
    ("USD", "€5-", "EUR"),
    ("USD", "A$5", "AUD"),
    ("USD", "$5 CAD", "CAD"),
    ("USD", "CAD$5", "CAD"),
    ("USD", "¤5", "¤"),
    ("USD", "₠5", "₠"),
    ("USD", "CHF 5", "CHF"),
    ("USD", "kr 5", "kr"),
    ("EUR", "$5", "$"),
    ("EUR", "USD 5", "USD"),
    ("GBP", "€5", "EUR"),
    ("BRL", "$5", "$"),
    ("CHF", "5 €", "EUR"),
]


@pytest.mark.parametrize(("currency", "text"), HOME)
def test_the_home_s_code_or_sign_on_either_side_is_read(currency: str, text: str) -> None:
    parsed = parse_amounts(pa.array([text]), "," if ",00" in text else ".", None, currency)
    assert [abs(value) for value in parsed.values.to_pylist()] == [Decimal(5)]
    assert parsed.foreign == {}


@pytest.mark.parametrize(("currency", "text", "described"), FOREIGN)
def test_another_code_or_sign_on_either_side_is_foreign(currency: str, text: str, described: str) -> None:
    parsed = parse_amounts(pa.array(["1", text]), ".", None, currency)
    assert list(parsed.foreign) == [1]
    assert describe_currency(parsed.foreign[1]) == described


@pytest.mark.parametrize(
    "text", ["100K", "5 L", "5 T", "1 M", "5 CR", "5 DR", "USD 5 EUR", "€5 $", "5 EUR 3", "1e5", "5 pcs", "EUR", "Fr.5"]
)
def test_letters_that_are_no_currency_and_two_currencies_are_not_valid(text: str) -> None:
    assert value_of(text) is None


def test_every_currency_sign_of_unicode_is_a_currency_mark() -> None:
    signs = [chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code)) == "Sc"]
    assert [sign for sign in signs if denoted_currencies(sign) is None] == []


def test_a_currency_that_the_table_lacks_is_read_by_its_code() -> None:
    assert is_currency("xyz", "XYZ")
    assert not is_currency("$", "XYZ")
