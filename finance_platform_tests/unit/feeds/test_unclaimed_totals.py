"""Rows that look like totals and that no rule claims: when they are reported, and the line that claims them.

Does not belong here: totals that a rule claims (see `test_printed_totals`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance_platform_tests.unit.checked_files import check_text, net
from finance_platform_tests.unit.factories import LEDGER, with_columns, with_lines
from finance_platform_tests.unit.feeds.test_printed_totals import Read, line

NORTH, SOUTH = line("North", "10.00"), line("South", "20.00")
PAIR = with_columns({"amount": "{from: {debit: Dr, credit: Cr}}"})

WIDE = with_lines(
    LEDGER,
    columns="{department: Dept, account: Account}",
    unpivot="{columns: [Jan, Feb], into: date, year: 2025, blank: skip}",
)
WIDE_ROWS = [("North", "10,1"), ("South", "20,"), ("West", ",2")]


def advice(read: Read) -> list[str]:
    """Return what to add to the descriptor, of each warning about totals."""
    return [note.fix for text, note in read.findings.notes.items() if "total" in text]


def claimed_by(text: str, fix: str) -> str:
    """Return the descriptor with the line that a warning advises."""
    match = re.search(r"add (control_total: \[.*\]) to the descriptor", fix)
    assert match, fix
    return text + match[1] + "\n"


def test_the_last_row_that_equals_the_sum_of_the_rows_before_it_is_reported_with_the_line_to_add(
    tmp_path: Path,
) -> None:
    read = Read(tmp_path, LEDGER, NORTH, SOUTH, line("Grand Total", "30.00"))
    assert read.findings.warnings == [
        "a row looks like a total and was read as a line: it equals the sum of the 2 rows before it, first on line 4"
    ]
    (fix,) = advice(read)
    assert fix == (
        'add control_total: [{kind: grand, row: {column: Dept, matches: "^Grand Total$"}, column: amount}] to the '
        "descriptor; if it is a line, nothing needs to be done"
    )


@pytest.mark.parametrize("label", ["Grand Total", "Everything", "", "A+B (all)", 'Say "all"', "Total: 100%"])
def test_the_advised_line_claims_the_row_and_its_total_ties(tmp_path: Path, label: str) -> None:
    quoted = label.replace('"', '""')
    rows = [NORTH, SOUTH, f'2025-01-15,"{quoted}",4000,30.00']
    (fix,) = advice(Read(tmp_path, LEDGER, *rows))
    claimed = Read(tmp_path, claimed_by(LEDGER, fix), *rows)
    assert claimed.outcomes[-1] == ("skipped", "grand_total")
    assert (claimed.totals.checked, claimed.totals.tied, claimed.amount) == (1, 1, Decimal(30))
    assert claimed.findings.warnings == []


@pytest.mark.parametrize(
    "label",
    [
        *("Total", "TOTAL:", "Sub-total", "Grand total for the year", "Summe", "Gesamtsumme", "Total général"),
        *("Totale", "Totaal", "Suma", "Итого", "合計", "Razem", "Yhteensä", "Toplam", "ＴＯＴＡＬ"),
        *("Overall Result", "Gesamtergebnis", "6110 Result"),
    ],
)
def test_a_row_whose_text_says_total_is_reported_whatever_its_amount(tmp_path: Path, label: str) -> None:
    assert len(advice(Read(tmp_path, LEDGER, NORTH, line(label, "99.00"), SOUTH))) == 1


@pytest.mark.parametrize(
    "label",
    [
        "TOTAL GAS & POWER LTD",
        "Result Consulting",
        "Total Tree Care",
        "Summer School",
        "Totally Wicked",
        "Consum GmbH",
        "North",
    ],
)
def test_a_supplier_whose_name_begins_with_total_is_not_a_total(tmp_path: Path, label: str) -> None:
    """One that council_spend files pay each month."""
    assert advice(Read(tmp_path, LEDGER, NORTH, line(label, "99.00"), SOUTH)) == []


def test_a_name_beside_the_word_is_enough_where_most_cells_are_blank(tmp_path: Path) -> None:
    """One line claims the subtotals of every department."""
    rows = [NORTH, ",Total North,,10.00", SOUTH, ",Total South,,20.00"]
    (fix,) = advice(Read(tmp_path, LEDGER, *rows))
    assert '{kind: subtotal, row: {column: Dept, matches: "^Total "}, column: amount}' in fix
    claimed = Read(tmp_path, claimed_by(LEDGER, fix), *rows)
    assert (claimed.totals.tied, claimed.findings.warnings) == (2, [])


def test_a_total_of_a_wide_file_is_one_row_and_all_of_its_columns_are_compared(tmp_path: Path) -> None:
    header, wide = "Dept,Account,Jan,Feb", [f"{name},4000,{amounts}" for name, amounts in WIDE_ROWS]
    (fix,) = advice(Read(tmp_path, WIDE, *wide, "All,4000,30,3", header=header))
    claimed = Read(tmp_path, claimed_by(WIDE, fix), *wide, "All,4000,30,3", header=header)
    assert (claimed.totals.checked, claimed.totals.tied, claimed.amount) == (2, 2, Decimal(33))
    assert advice(Read(tmp_path, WIDE, *wide, "All,4000,31,2", header=header)) == []
    (fix,) = advice(Read(tmp_path, WIDE, *wide, "Total North,,1,2", header=header))
    assert 'matches: "^Total "' in fix


def test_the_last_row_of_each_block_is_compared(tmp_path: Path) -> None:
    rows = [NORTH, SOUTH, line("All", "30.00"), ",,,", line("West", "1"), line("East", "2"), line("All", "3")]
    (fix,) = advice(Read(tmp_path, LEDGER, *rows))
    assert '{kind: subtotal, row: {column: Dept, matches: "^All$"}, column: amount}' in fix


def test_a_total_that_no_cell_distinguishes_is_reported_without_a_line(tmp_path: Path) -> None:
    (fix,) = advice(Read(tmp_path, LEDGER, NORTH, line("North", "20.00"), line("North", "30.00")))
    assert "the source must name it" in fix


def test_a_row_that_equals_one_row_or_zeros_before_it_is_not_reported(tmp_path: Path) -> None:
    assert advice(Read(tmp_path, LEDGER, SOUTH, NORTH, line("West", "10.00"))) == []
    assert advice(Read(tmp_path, LEDGER, line(amount="0"), NORTH, line(amount="0"), line("West", "10.00"))) == []
    assert advice(Read(tmp_path, LEDGER, line(amount="5"), line(amount="-5"), line("West", "0"))) == []


def test_a_total_of_debits_and_credits_has_both_sides(tmp_path: Path) -> None:
    header = "Date,Dept,Account,Dr,Cr"
    lines = ["2025-01-15,D1,4000,10,", "2025-01-15,D1,4000,,4", "2025-01-15,D1,4000,,6"]
    read = Read(tmp_path, PAIR, *lines, "2025-01-15,Sides,4000,10,10", header=header)
    assert len(advice(read)) == 1
    assert advice(Read(tmp_path, PAIR, *lines, "2025-01-15,Sides,4000,0,-10", header=header)) == []


def test_the_lines_of_a_journal_are_not_totals_of_each_other(tmp_path: Path) -> None:
    """In a balanced journal, the net of some lines is the negative of another one all the time."""
    journal = with_lines(LEDGER, sign="debit_positive")
    amounts = ["20", "-20", "10", "-10", "30", "-10", "-20"]
    for end in range(1, len(amounts) + 1):
        assert advice(Read(tmp_path, journal, *[line(amount=amount) for amount in amounts[:end]])) == []


def test_a_second_rule_is_added_to_the_rules_that_there_are(tmp_path: Path) -> None:
    text = with_lines(LEDGER, control_total='[{kind: subtotal, row: {column: Dept, matches: "^Sub"}}]')
    (fix,) = advice(Read(tmp_path, text, NORTH, SOUTH, line("Total", "30.00")))
    assert fix.startswith("add {kind: grand, row: {column: Dept, matches: ")
    assert " to control_total in the descriptor" in fix


def test_many_rows_that_look_like_totals_are_one_warning_each_kind_and_at_most_eleven(tmp_path: Path) -> None:
    rows = [text for i in range(40) for text in (line(), line(f"Total {i}"))]
    (warning,) = Read(tmp_path, LEDGER, *[line("Total")] * 500).findings.warnings
    assert "500 rows in all" in warning
    assert len(Read(tmp_path, LEDGER, *rows).findings.warnings) == 11


def test_blocks_that_match_by_chance_are_not_reported(tmp_path: Path) -> None:
    """Of many blocks with small amounts, the last row of some is a sum of the rows before it."""
    random = Random(7)
    rows = [
        text
        for _ in range(60)
        for text in (*[line(f"D{random.randint(1, 9)}", str(random.randint(1, 6))) for _ in range(4)], ",,,")
    ]
    assert advice(Read(tmp_path, LEDGER, *rows)) == []


def test_a_total_after_many_batches_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finance_platform.feeds.files.delimited_file._BATCH_ROWS", 3)
    rows = [line(f"D{i}", "1.10") for i in range(10)]
    (fix,) = advice(Read(tmp_path, LEDGER, *rows, "2025-01-15,All,4000,11.00", ""))
    assert 'matches: "^All$"' in fix


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 10_000_000), min_size=2, max_size=12))
def test_the_total_of_any_lines_is_reported_and_the_warning_changes_no_line(tmp_path: Path, cents: list[int]) -> None:
    rows = [line(f"D{number}", f"{amount / 100:.2f}") for number, amount in enumerate(cents)]
    read = Read(tmp_path, LEDGER, *rows, line("All", f"{sum(cents) / 100:.2f}"))
    assert len(advice(read)) == 1
    assert read.outcomes == [("accepted", None)] * (len(cents) + 1)


def test_no_rule_is_advised_that_would_leave_out_an_account_of_a_number(tmp_path: Path) -> None:
    rows = [line("North", "10.00"), line("North", "20.00").replace("4000", "4100")]
    (fix,) = advice(Read(tmp_path, LEDGER, *rows, line("North", "30.00").replace("4000", "6100")))
    assert "matches" not in fix
    assert fix.endswith("so the source must name it; if it is a line, nothing needs to be done")


@pytest.mark.parametrize("total", ["Total,,30,12", "Total,,99,12"], ids=["one that ties", "one that does not"])
def test_a_rejected_total_of_a_wide_file_is_claimed_and_gets_no_account_from_the_row_above(tmp_path: Path, total: str):
    """With `fill_down`, the total would be lines of the account above it, and the money of the file would be twice."""
    text = f"Dept,Account,Jan,Feb\nNorth,4000,10,5\nSouth,4000,20,7\n{total}\n"
    held = check_text(tmp_path, text, WIDE)
    assert held.holds["2 of 6 rows rejected, tolerated 0%"] == (
        'add control_total: [{kind: grand, row: {column: Dept, matches: "^Total$"}, column: amount}] to the descriptor'
    )
    claimed = check_text(tmp_path, text, claimed_by(WIDE, held.holds["2 of 6 rows rejected, tolerated 0%"]))
    assert net(claimed) == Decimal("42.00")
    assert claimed.is_fine == (total == "Total,,30,12")


def test_rejected_rows_beside_a_total_keep_their_own_fix(tmp_path: Path):
    text = "Dept,Account,Jan,Feb\nNorth,4000,10,5\n,4100,20,7\n,4200,1,1\nTotal,,31,13\n"
    (fix,) = check_text(tmp_path, text, WIDE).holds.values()
    claim, _, other = fix.partition("; ")
    assert claim.startswith("add control_total: [{kind: grand, row: {column: Dept, ")
    assert other.startswith("if a blank cell stands for the text above it")
    assert "fill_down: true to columns.department" in other
