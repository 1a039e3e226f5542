"""Skip rules and control totals: what becomes of a row that is not data, and of a total that the file prints.

Does not belong here: rows that look like totals and that no rule claims (see `test_unclaimed_totals`).
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance_platform.feeds.doubts.printed_totals import PrintedTotals
from finance_platform.feeds.findings import ControlTotals, ReaderFindings
from finance_platform.feeds.lines.ledger_lines import LedgerLines
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.feeds.row_marks import RowMarker
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.checked_files import check_text
from finance_platform_tests.unit.factories import HEADER, LEDGER, feed, raw_batch, with_columns, with_lines, write
from finance_platform_tests.workbooks import Formula, Rows, xlsx

PAGES = '[{name: page, column: Dept, matches: "^Page [0-9]+ of [0-9]+$"}]'
GRAND = '{kind: grand, row: {column: Dept, matches: "^Grand Total$"}, column: amount}'
SUBTOTAL = '{kind: subtotal, row: {column: Dept, matches: "^Total "}, column: amount}'
OUTER = '{kind: subtotal, name: division, row: {column: Dept, matches: "^Division "}}'
REPORT = with_lines(LEDGER, skip=PAGES, control_total=f"[{SUBTOTAL}, {OUTER}, {GRAND}]")
PAIR = with_lines(
    with_columns({"amount": "{from: {debit: Dr, credit: Cr}}"}),
    control_total='[{kind: grand, row: {column: Dept, matches: "^Total$"}}]',
)


class Read:
    """A file as it was read."""

    def __init__(self, root: Path, text: str, *rows: str, header: str = ",".join(HEADER), kind: str = "ledger") -> None:
        data = "\n".join([header, *rows, ""]).encode()
        write(root / "file.csv", data)
        file = FileToRead("d1", "file.csv", "ledger", hashlib.sha256(data).hexdigest())
        staged = [row for batch in read_file(kind, feed(text), LocalStore(root), file) for row in batch.to_pylist()]
        self.rows, self.summary = staged[:-1], staged[-1]

    @property
    def outcomes(self) -> list[tuple[str, str | None]]:
        return [(row["outcome"], row["rules"]) for row in self.rows]

    @property
    def findings(self) -> ReaderFindings:
        return ReaderFindings.from_json(json.loads(self.summary["findings"]))

    @property
    def totals(self) -> ControlTotals:
        return self.findings.control_totals

    @property
    def amount(self) -> Decimal:
        return Decimal(self.summary["measured_amount"])


def line(department: str = "D1", amount: str = "10.00", date: str = "2025-01-15") -> str:
    return f'{date},{department},4000,"{amount}"'


def total(label: str, amount: str) -> str:
    return f',{label},,"{amount}"'


# Skip rules


def test_rows_of_a_skip_rule_are_skipped_under_its_name(tmp_path: Path) -> None:
    read = Read(tmp_path, REPORT, line(), ",Page 3 of 7,,", line())
    assert read.outcomes == [("accepted", None), ("skipped", "page"), ("accepted", None)]
    assert (read.summary["measured_rows"], read.summary["measured_unpriced"], read.amount) == (3, 1, Decimal(20))


def test_the_rules_of_a_line_do_not_matter_for_a_skipped_row(tmp_path: Path) -> None:
    """A page's line has neither a date nor all of its cells."""
    read = Read(tmp_path, REPORT, line(), "not a date,Page 3 of 7")
    assert read.outcomes[1] == ("skipped", "page")


def test_a_skip_rule_searches_in_the_cell_and_its_anchors_match_the_whole(tmp_path: Path) -> None:
    read = Read(tmp_path, REPORT, line("Page 3 of 7 north"), line("  Page 3 of 7  ", ""))
    assert read.outcomes == [("accepted", None), ("skipped", "page")]


def test_all_conditions_of_a_rule_must_match(tmp_path: Path) -> None:
    text = with_lines(LEDGER, skip='[{column: Dept, matches: "^$", and: [{column: Account, matches: "^end$"}]}]')
    read = Read(tmp_path, text, "2025-01-15,,end,", "2025-01-15,D1,end,1", "2025-01-15,,4000,1")
    assert [outcome for outcome, _ in read.outcomes] == ["skipped", "accepted", "rejected"]
    assert read.outcomes[0][1] == "skip_1"


def test_a_blank_row_is_a_blank_row_whatever_the_rules_say(tmp_path: Path) -> None:
    text = with_lines(LEDGER, control_total='[{kind: grand, row: {column: Dept, matches: "^$"}}]')
    read = Read(tmp_path, text, line(), ",,,10.00", ",,,")
    assert read.outcomes[1:] == [("skipped", "grand_total"), ("skipped", "blank_row")]
    assert (read.totals.checked, read.totals.tied) == (1, 1)


@pytest.mark.parametrize("amount", ["5.00", "(5.00)", "0.001", "5 EUR"])
def test_money_of_a_skipped_row_that_no_rule_claims_is_rejected(tmp_path: Path, amount: str) -> None:
    read = Read(tmp_path, REPORT, line(), f",Page 3 of 7,,{amount}")
    assert read.outcomes[1] == ("rejected", "skipped_money")
    assert f"'{amount}'" in read.rows[1]["reasons"]
    assert "may_hold_money: true" in read.rows[1]["reasons"]


@pytest.mark.parametrize("cell", ["1.1OO.00", "5.000.00", "500 CR", "#REF!", "1.2E+05", "12€50", "½"])
def test_a_figure_of_a_skipped_row_that_is_not_a_valid_amount_is_rejected(tmp_path: Path, cell: str) -> None:
    read = Read(tmp_path, REPORT, line(), f",Page 3 of 7,,{cell}")
    assert read.outcomes[1] == ("rejected", "skipped_money")
    assert f"has no valid amount but '{cell}'" in read.rows[1]["reasons"]


@pytest.mark.parametrize("cell", ["", "-", "—", "n/a", "carried forward", "AMOUNT"])
def test_blanks_dashes_and_words_of_a_skipped_row_are_no_money(tmp_path: Path, cell: str) -> None:
    assert Read(tmp_path, REPORT, line(), f",Page 3 of 7,,{cell}").outcomes[1] == ("skipped", "page")


def test_a_rule_that_may_hold_money_also_skips_figures_that_are_not_valid(tmp_path: Path) -> None:
    text = with_lines(LEDGER, skip='[{column: Dept, matches: "^Carried", may_hold_money: true}]')
    assert Read(tmp_path, text, line(), ",Carried forward,,1.1OO.00").outcomes[1] == ("skipped", "skip_1")


@pytest.mark.parametrize("sides", ["5,5", "5,", ",1O", "#N/A,"])
def test_each_side_of_a_skipped_row_is_money_also_where_both_are_equal(tmp_path: Path, sides: str) -> None:
    text = with_lines(with_columns({"amount": "{from: {debit: Dr, credit: Cr}}"}), skip=PAGES)
    read = Read(tmp_path, text, f",Page 3 of 7,,{sides}", header="Date,Dept,Account,Dr,Cr")
    assert read.outcomes == [("rejected", "skipped_money")]


def test_a_repeated_header_with_years_is_no_money_and_a_bad_figure_below_it_is(tmp_path: Path) -> None:
    text = with_lines(
        REPORT,
        columns="{department: Dept, account: Account}",
        unpivot="{columns: [Jan 2025, Feb 2025], into: date, blank: skip}",
        skip='[{column: Dept, matches: "^(Dept|Page.*)$"}]',
    )
    rows = ["N,1,10,20", "Dept,Account,Jan 2025,Feb 2025", "Page 1,,,1O"]
    read = Read(tmp_path, text, *rows, header="Dept,Account,Jan 2025,Feb 2025")
    assert [rules for _, rules in read.outcomes[2:]] == ["skip_1", "skip_1", "skipped_money"]


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (",Page 3 of 7,,,5.00", "rejected"),
        (",Page 3 of 7,,5.00,x", "rejected"),
        (",Page 3 of 7,,,printed by hand", "skipped"),
    ],
)
def test_money_of_a_skipped_row_may_be_in_a_cell_beyond_the_header(tmp_path: Path, row: str, outcome: str) -> None:
    read = Read(tmp_path, REPORT, line(), row)
    assert read.outcomes[1][0] == outcome
    may_hold = REPORT.replace("name: page,", "name: page, may_hold_money: true,")
    assert Read(tmp_path, may_hold, line(), row).outcomes[1] == ("skipped", "page")


@pytest.mark.parametrize(
    ("row", "rules"),
    [
        ("Page 1 of 2,,7,,x", ["skipped_money"]),
        ("Page 1 of 2,,1O,3,x", ["skipped_money", "skipped_money"]),
        ("Page 1 of 2,,,,5", ["skipped_money"]),
        ("Page 1 of 2,,,,x", ["page"]),
    ],
)
def test_money_of_a_malformed_row_of_a_wide_file_is_seen_where_a_rule_skips_it(
    tmp_path: Path, row: str, rules: list[str]
) -> None:
    text = with_lines(
        REPORT,
        columns="{department: Dept, account: Account}",
        unpivot="{columns: [Jan, Feb], into: date, year: 2025, blank: skip}",
    )
    header = "Dept,Account,Jan,Feb"
    read = Read(tmp_path, text, "N,1,10,20", row, header=header)
    assert [rule for _, rule in read.outcomes[2:]] == rules
    assert len(read.rows) == read.summary["measured_rows"]
    may_hold = text.replace("name: page,", "name: page, may_hold_money: true,")
    counted = Read(tmp_path, may_hold, "N,1,10,20", row, header=header)
    assert {outcome for outcome, _ in counted.outcomes[2:]} == {"skipped"}
    money = sum(row["amount"] or 0 for row in counted.rows[2:])
    assert money == (7 if ",7," in row else 3 if ",3," in row else 0)
    total_row = Read(tmp_path, text, "N,1,10,20", "Grand Total,,10,20,x", header=header)
    assert (total_row.totals.checked, total_row.totals.tied) == (2, 2)


def test_a_zero_in_a_skipped_row_is_not_money(tmp_path: Path) -> None:
    assert Read(tmp_path, REPORT, line(), ",Page 3 of 7,,0.00").outcomes[1] == ("skipped", "page")


def test_money_that_a_rule_may_hold_is_delivered_and_skipped(tmp_path: Path) -> None:
    text = with_lines(LEDGER, skip='[{column: Dept, matches: "^Carried", may_hold_money: true}]')
    read = Read(tmp_path, text, line(), ",Carried forward,,10.00")
    assert read.outcomes[1] == ("skipped", "skip_1")
    assert (read.amount, read.rows[1]["amount"]) == (Decimal(20), Decimal(10))


def test_reference_files_have_skip_rules_too(tmp_path: Path) -> None:
    text = 'feed: d\nkind: departments\npath: d.csv\ncolumns: {code: Code}\nskip: [{column: Code, matches: "^Page"}]\n'
    read = Read(tmp_path, text, "D1", "Page 1", header="Code", kind="departments")
    assert [row["outcome"] for row in read.rows] == ["accepted", "skipped"]


def test_a_file_without_the_column_of_a_rule_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    text = with_lines(LEDGER, skip='[{column: [Depts, Page], matches: "^Page"}]')
    refused = Read(tmp_path, text, line()).summary
    assert refused["outcome"] == "refused"
    assert refused["reasons"] == (
        "the header lacks the column 'Depts' or 'Page', which the rule skip_1 of skip compares; is it 'Dept'?"
    )


# Control totals


def test_a_total_is_not_delivered_money_and_ties_to_its_lines(tmp_path: Path) -> None:
    read = Read(tmp_path, REPORT, line(), line(amount="20.50"), total("Grand Total", "30.50"))
    assert read.outcomes[-1] == ("skipped", "grand_total")
    assert (read.amount, read.rows[-1]["amount"]) == (Decimal("30.50"), None)
    assert (read.totals.checked, read.totals.tied, read.totals.breaches) == (1, 1, [])


def test_a_total_that_does_not_tie_is_named_with_both_figures_and_its_line(tmp_path: Path) -> None:
    read = Read(tmp_path, REPORT, line(), total("Grand Total", "30.50"))
    assert read.totals.breaches == ["grand_total on line 3: the file prints 30.50, its lines add up to 10.00"]


def test_rejected_lines_are_part_of_a_total(tmp_path: Path) -> None:
    read = Read(tmp_path, REPORT, line(), line(date="bad"), line(amount="5 EUR"), total("Grand Total", "20.00"))
    assert [outcome for outcome, _ in read.outcomes] == ["accepted", "rejected", "rejected", "skipped"]
    assert read.totals.tied == 1


def test_lines_in_a_foreign_currency_are_named_and_not_added(tmp_path: Path) -> None:
    rows = [line(), line(amount="5 EUR"), line(amount="€2.50"), line(amount="$1.00")]
    (breach,) = Read(tmp_path, REPORT, *rows, total("Grand Total", "18.50")).totals.breaches
    assert breach.endswith("prints 18.50, its lines add up to 11.00 (in other currencies, not added: EUR 7.50)")
    assert Read(tmp_path, REPORT, *rows, total("Grand Total", "11.00")).totals.breaches == []


@pytest.mark.parametrize(("printed", "found"), [("EUR 502", "EUR 0.00"), ("£502", "£ 0.00")])
def test_a_total_in_a_foreign_currency_does_not_tie_to_lines_of_the_home(
    tmp_path: Path, printed: str, found: str
) -> None:
    read = Read(tmp_path, REPORT, line(amount="502"), total("Grand Total", printed))
    (breach,) = read.totals.breaches
    assert f"its lines add up to {found} (in other currencies, not added: USD 502.00)" in breach


def test_totals_of_several_currencies_tie_each_to_its_own_lines(tmp_path: Path) -> None:
    rows = [line(amount="5 EUR"), line(), total("Total A", "EUR 5.00"), line(amount="€3"), line(amount="2.00")]
    rows += [line(amount="GBP 4"), total("Grand Total", "£4"), total("Grand Total", "€8"), total("Grand Total", "12")]
    read = Read(tmp_path, REPORT, *rows)
    assert (read.totals.checked, read.totals.breaches) == (4, [])


def test_a_total_of_lines_of_which_all_are_foreign_says_so(tmp_path: Path) -> None:
    text = with_lines(with_columns({"currency": "Cur"}), control_total=f"[{GRAND}]")
    header = "Date,Dept,Account,Amount,Cur"
    rows = ["2025-01-15,D1,4000,4,EUR", "2025-01-15,D1,4000,1,lire italiane", ",Grand Total,,,"]
    (breach,) = Read(tmp_path, text, *rows, header=header).totals.breaches
    assert breach == (
        "grand_total on line 4: the file prints no amount, its lines add up to 0.00 (in other currencies, not added: "
        "EUR 4.00, amounts whose currency is not known)"
    )


def test_the_currency_of_a_total_may_be_in_its_column_and_a_label_there_is_none(tmp_path: Path) -> None:
    text = with_lines(with_columns({"currency": "Cur"}), control_total=f"[{GRAND}]")
    header = "Date,Dept,Account,Amount,Cur"
    rows = ["2025-01-15,D1,4000,10,USD", "2025-01-15,D1,4000,4,EUR"]
    in_euro = [",Grand Total,,4,EUR", ",Grand Total,,10,", ",Grand Total,,10,Total"]
    assert Read(tmp_path, text, *rows, *in_euro, header=header).totals.breaches == []
    (breach,) = Read(tmp_path, text, *rows, ",Grand Total,,10,EUR", header=header).totals.breaches
    assert "prints EUR 10.00, its lines add up to EUR 4.00 (in other currencies, not added: USD 10.00)" in breach


@pytest.mark.parametrize(
    ("printed", "ties"),
    [("3.01", True), ("3.00", False), ("3.0", True), ("3.1", False), ("3", True), ("3.015", True), ("3.016", False)],
)
def test_a_total_ties_before_rounding_to_half_of_its_last_printed_digit(
    tmp_path: Path, printed: str, *, ties: bool
) -> None:
    """Three lines of 1.005 are 3.015, which rounding each line to cents would make 3.03."""
    read = Read(tmp_path, REPORT, *[line(amount="1.005")] * 3, total("Grand Total", printed))
    assert bool(read.totals.tied) is ties


def test_the_scale_of_the_feed_applies_to_the_total_and_to_its_last_digit(tmp_path: Path) -> None:
    """Figures in thousands: 1,234.6 is printed to a hundred."""
    text = with_columns({"amount": '{from: Amount, thousands: ",", scale: 1000}'}, control_total=f"[{GRAND}]")
    rows = [line(amount="1,000.56"), line(amount="234.01")]
    assert Read(tmp_path, text, *rows, total("Grand Total", "1,234.6")).totals.tied == 1
    assert Read(tmp_path, text, *rows, total("Grand Total", "1,234.7")).totals.tied == 0


def test_marks_and_signs_of_the_feed_apply_to_the_total(tmp_path: Path) -> None:
    read = Read(tmp_path, REPORT, line(amount="(1,000.00)"), line(amount="200-"), total("Grand Total", "$(1,200.00)"))
    assert (read.totals.checked, read.totals.tied) == (1, 1)


def test_subtotals_begin_again_after_each_and_the_grand_total_is_of_all_lines(tmp_path: Path) -> None:
    rows = [line(), line(), total("Total A", "20"), line(), total("Total B", "10"), total("Grand Total", "30")]
    read = Read(tmp_path, REPORT, *rows)
    assert (read.totals.checked, read.totals.tied) == (3, 3)


def test_an_outer_subtotal_begins_the_inner_level_again(tmp_path: Path) -> None:
    """The second division has a line before its first subtotal, which belongs to no inner one."""
    rows = [line(), total("Total A", "10"), line(amount="5"), total("Division 1", "15")]
    rows += [line(amount="7"), total("Total B", "7"), line(amount="1"), total("Division 2", "8")]
    read = Read(tmp_path, REPORT, *rows, total("Grand Total", "23"))
    assert (read.totals.checked, read.totals.tied, read.totals.breaches) == (5, 5, [])


def test_a_grand_total_may_be_the_first_row(tmp_path: Path) -> None:
    assert Read(tmp_path, REPORT, total("Grand Total", "20"), line(), line()).totals.tied == 1


def test_each_side_of_debit_and_credit_is_compared(tmp_path: Path) -> None:
    """The difference of both would tie whatever is missing from both."""
    header = "Date,Dept,Account,Dr,Cr"
    lines = ["2025-01-15,D1,4000,10,", "2025-01-15,D1,4000,,10"]
    good = Read(tmp_path, PAIR, *lines, ",Total,,10,10", header=header)
    assert (good.totals.checked, good.totals.tied) == (2, 2)
    bad = Read(tmp_path, PAIR, *lines, ",Total,,12,12", header=header)
    assert (
        bad.totals.breaches[0]
        == "grand_total on line 4, column 'debit': the file prints 12.00, its lines add up to 10.00"
    )
    one_side = Read(tmp_path, PAIR, *lines, ",Total,,10,", header=header)
    assert (one_side.totals.checked, one_side.totals.tied) == (2, 1)
    assert one_side.totals.breaches == [
        "grand_total on line 4, column 'credit': the file prints no amount, its lines add up to 10.00"
    ]
    debits = Read(tmp_path, PAIR, lines[0], ",Total,,10,", header=header)
    assert (debits.totals.checked, debits.totals.breaches) == (1, [])


def test_a_column_with_lines_and_without_a_figure_does_not_tie(tmp_path: Path) -> None:
    """One whose lines add up to nothing needs no figure."""
    text = with_lines(
        REPORT,
        columns="{date: Date, department: Dept}",
        measures='{Sales: {account: "4000"}, COGS: {account: "5000"}, Tax: {account: "6000"}, Gift: {account: "7000"}}',
    )
    header = "Date,Dept,Sales,COGS,Tax,Gift"
    rows = ["2025-01-15,D1,5,6,4,1", "2025-01-15,D1,7,8,5,-1"]
    read = Read(tmp_path, text, *rows, ",Grand Total,12,14,,", header=header)
    assert (read.totals.checked, read.totals.tied) == (3, 2)
    assert read.totals.breaches == [
        "grand_total on line 4, column 'Tax': the file prints no amount, its lines add up to 9.00"
    ]
    blank = Read(tmp_path, text, *rows, ",Grand Total,,,,", header=header)
    assert [total.column for total in blank.totals.listed] == ["COGS", "Sales", "Tax"]
    subtotals = Read(tmp_path, text, rows[0], ",Total A,5,6,4,1", rows[1], ",Total B,7,,5,-1", header=header)
    assert [total.column for total in subtotals.totals.listed if not total.ties] == ["COGS"]


def test_each_column_of_a_wide_file_ties_on_its_own_and_blank_cells_are_no_lines(tmp_path: Path) -> None:
    """A subtotal without a figure in a month still ends the rows before it."""
    text = with_lines(
        REPORT,
        columns="{department: Dept, account: Account}",
        unpivot="{columns: [Jan, Feb], into: date, year: 2025, blank: skip}",
    )
    rows = ["N,1,10,", "N,2,20,", "Total N,,30,", "S,1,5,5", "Total S,,5,5", "Grand Total,,35,5"]
    good = Read(tmp_path, text, *rows, header="Dept,Account,Jan,Feb")
    assert (good.totals.checked, good.totals.tied, good.amount) == (5, 5, Decimal(40))
    bad = Read(tmp_path, text, *rows[:-1], "Grand Total,,34,6", header="Dept,Account,Jan,Feb")
    assert bad.totals.breaches == [
        "grand_total on line 7, column 'Jan': the file prints 34.00, its lines add up to 35.00",
        "grand_total on line 7, column 'Feb': the file prints 6.00, its lines add up to 5.00",
    ]


@pytest.mark.parametrize(
    ("printed", "words"), [("", "the file prints no amount"), ("1O", "prints '1O', which is not a valid amount")]
)
def test_a_total_without_a_valid_amount_does_not_tie(tmp_path: Path, printed: str, words: str) -> None:
    assert words in Read(tmp_path, REPORT, line(), total("Grand Total", printed)).totals.breaches[0]


def test_a_missing_grand_total_is_a_warning_and_holds_where_it_is_required(tmp_path: Path) -> None:
    """A file that was cut off lacks its last row."""
    read = Read(tmp_path, REPORT, line())
    text = "the file has no row that matches the rule grand_total of control_total"
    assert (read.findings.warnings, read.totals.breaches) == ([text], [])
    required = REPORT.replace("column: amount}]", "required: true}]")
    assert Read(tmp_path, required, line()).totals.breaches == [text]


def test_a_missing_grand_total_is_no_warning_where_files_may_lack_it(tmp_path: Path) -> None:
    """SAP saves lists with and without totals; those that are there still have to tie."""
    optional = REPORT.replace("column: amount}]", "required: false}]")
    read = Read(tmp_path, optional, line())
    assert (read.findings.warnings, read.totals.breaches) == ([], [])
    assert Read(tmp_path, optional, line(), total("Grand Total", "9.99")).totals.breaches


def test_a_workbook_ties_to_half_a_cent_because_its_cells_have_no_printed_digits() -> None:
    for printed, tied in (("2.00", 1), ("1.996", 1), ("2.01", 0), ("2.1", 0)):
        rules = feed(REPORT).rules
        batch = raw_batch(HEADER, [["2025-01-15", "D1", "4000", "2"], ["", "Grand Total", "", printed]])
        marked = RowMarker(rules, HEADER).mark(batch)
        columns, parsed = LedgerLines(feed(REPORT), list(HEADER)).type_batch(marked)
        totals = PrintedTotals(rules, "Budget")
        totals.add(marked, columns["outcome"], parsed)
        assert totals.finish()[0].tied == tied, printed


def test_only_the_first_differences_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    rows = [text for _ in range(30) for text in (line(), total("Total A", "10"), line(), total("Total B", "11"))]
    totals = Read(tmp_path, REPORT, *rows).totals
    assert (totals.checked, totals.tied, len(totals.breaches)) == (60, 30, 21)
    assert totals.breaches[-1] == "10 more control totals do not tie"


def test_the_rules_travel_as_json_and_a_feed_without_them_keeps_its_identity() -> None:
    resolved = feed(REPORT)
    assert ResolvedFeed.from_json(json.loads(json.dumps(resolved.to_json()))) == resolved
    assert feed(with_lines(LEDGER, skip="[]", control_total="[]")).rules.identity == feed(LEDGER).rules.identity
    assert resolved.rules.identity != feed(LEDGER).rules.identity


CENTS = st.integers(-100_000, 100_000).map(lambda cents: f"{cents / 100:.2f}")
ROWS = st.one_of(
    CENTS.map(lambda amount: line(amount=amount)),
    CENTS.map(lambda amount: line(date="bad", amount=amount)),
    CENTS.map(lambda amount: total("Total A", amount)),
    CENTS.map(lambda amount: total("Grand Total", amount)),
    st.sampled_from([",Page 3 of 7,,", ",Page 3 of 7,,9.99", ",,,", line(amount="1O0"), line(amount="1.005")]),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, max_size=12))
def test_the_equation_holds_for_any_file_with_skip_rules_and_totals(tmp_path: Path, rows: list[str]) -> None:
    """Rows, money and rounding that were delivered are those of the staged rows, and a total is none of the money."""
    read = Read(tmp_path, REPORT, *rows)
    amounts = [row["amount"] for row in read.rows if row["amount"] is not None]
    assert read.summary["measured_rows"] == len(rows)
    assert read.amount + Decimal(read.summary["measured_rounding"]) == sum(amounts)
    assert read.summary["measured_unpriced"] == len(rows) - len(amounts)
    assert all(row["amount"] is None for row in read.rows if row["rules"] in {"subtotal", "grand_total"})


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CENTS.map(lambda amount: line(amount=amount)), min_size=1, max_size=12), st.data())
def test_a_total_of_the_lines_before_it_ties_and_another_does_not(
    tmp_path: Path, rows: list[str], data: st.DataObject
) -> None:
    amounts = [Decimal(row.split('"')[1]) for row in rows]
    at = data.draw(st.integers(1, len(rows)))
    off = data.draw(st.sampled_from(["0", "0.01", "-3"]))
    rows.insert(at, total("Total A", str(sum(amounts[:at]) + Decimal(off))))
    assert (Read(tmp_path, REPORT, *rows).totals.tied == 1) is (off == "0")


@pytest.mark.parametrize(("value", "is_calculated"), [("", False), (0, False), (10.0, True)])
def test_the_fix_of_a_total_that_no_program_has_calculated_says_so(
    tmp_path: Path, value: float | str, is_calculated: bool
) -> None:
    rows: Rows = [
        ["Date", "Dept", "Account", "Amount"],
        ["2025-01-31", "D1", "4000", Formula("=5*2.1", 10.5)],
        ["2025-01-31", "D2", "4000", 1.5],
        ["", "Grand Total", "", Formula("=SUM(D2:D3)", value)],
    ]
    columns = {"date": "Date", "department": "Dept", "account": "Account", "amount": "Amount"}
    grand = [{"kind": "grand", "row": {"column": "Dept", "matches": "^Grand Total$"}}]
    descriptor = {"feed": "x", "kind": "ledger", "path": "x.xlsx", "columns": columns, "control_total": grand}
    check = check_text(tmp_path, xlsx({"S": rows}), {**descriptor, "constants": {"scenario": "Actual"}}, "x.xlsx")
    (fix,) = check.holds.values()
    assert ("calculate and save the workbook there" in fix) is not is_calculated
    assert "compare the file with its source" in fix
