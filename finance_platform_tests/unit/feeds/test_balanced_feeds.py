"""`balanced`: the voucher of a line and its amount before rounding, as the reader stages them.

Does not belong here: which vouchers are rejected (see `transforms.test_vouchers`).
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from finance_platform.errors import UnreadableDeliveryError
from finance_platform_tests.unit.factories import GOOD, LEDGER, ledger_rows, with_columns, with_lines

BY_HEADER = with_lines(LEDGER, sign="debit_positive", balanced="{by: Voucher}")


def test_a_voucher_is_named_by_a_column_that_is_not_a_field() -> None:
    typed = ledger_rows(BY_HEADER, {"VOUCHER": "  V1  ", "Amount": "1.005"}, {"VOUCHER": "V2"})
    assert typed.column("voucher") == ["V1", "V2"]
    assert typed.column("voucher_amount") == [Decimal("1.005"), Decimal("100")]
    assert typed.column("amount") == [Decimal("1.01"), Decimal("100")]


def test_a_voucher_may_be_named_by_a_field_in_its_canonical_form() -> None:
    text = with_columns({"transaction_id": "Id"}, sign="debit_positive", balanced="{by: [date, transaction_id]}")
    typed = ledger_rows(text, {"Id": "7"}, {"Id": "7", "Date": "2025-01-16"}, {"Id": ""})
    first, second, none = typed.column("voucher")
    assert first != second
    assert none is None
    assert typed.column("outcome") == ["accepted", "accepted", "rejected"]


def test_a_line_without_a_voucher_is_rejected() -> None:
    typed = ledger_rows(BY_HEADER, {"Voucher": " "})
    assert typed.rules == ["blank_Voucher"]
    assert typed.one("reasons").endswith("Voucher is blank, but names the voucher")


def test_a_file_without_the_column_of_vouchers_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UnreadableDeliveryError, match="'Voucher', which names the vouchers; is it 'Vouchers'"):
        ledger_rows(BY_HEADER, {**GOOD, "Vouchers": "V1"})


def test_a_feed_that_need_not_balance_stages_no_vouchers() -> None:
    assert "voucher" not in ledger_rows(LEDGER, {}).columns
