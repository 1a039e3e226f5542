"""Blank cells that stand for the text above them: when they are filled, and what is said if they are not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from finance_platform.errors import DescriptorError
from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.lines.filled_cells import FilledCells
from finance_platform.feeds.resolved import FieldRule
from finance_platform.feeds.row_marks import RowMarker
from finance_platform.feeds.values.hidden_characters import CleanedCells
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, check_written
from finance_platform_tests.unit.factories import raw_batch, settings
from finance_platform_tests.unit.feeds.drafts import draft

LEDGER = """\
feed: x
kind: ledger
path: x.csv
columns:
  date: {from: Date, fill_down: true}
  department: {from: Unit, fill_down: true}
  account: Account
  amount: Amount
constants: {scenario: Actual}
"""
PIVOT = ["D1,2025-01-31,6000,1.00", ",,6100,2.00", "D2,2025-02-28,6000,4.00", ",,6100,8.00"]


def check(folder: Path, lines: list[str], descriptor: str = LEDGER) -> FileCheck:
    text = "".join(f"{line}\n" for line in ["Unit,Date,Account,Amount", *lines])
    return check_text(folder, text, descriptor)


def sums(check: FileCheck) -> dict[str, Decimal | None]:
    return {period: count.amount for (_, period), count in check.sums.items()}


def test_blank_cells_have_the_text_above_them(tmp_path: Path):
    read = check(tmp_path, PIVOT)
    assert read.is_fine
    assert sums(read) == {"2025-01": Decimal("3.00"), "2025-02": Decimal("12.00")}


@pytest.mark.parametrize(
    ("lines", "rule", "rejected"),
    [
        ([",,6000,1.00", *PIVOT], "", 1),  # nothing is above the first row
        ([*PIVOT[:2], "#N/A,2025-02-28,6000,4.00", ",,6100,8.00"], "", 2),
        ([*PIVOT[:2], "Total D1,2025-01-31,,3.00", ",,6200,8.00"], "control_total", 0),
        ([*PIVOT[:2], "Total D1,2025-01-31,,3.00", ",,6200,8.00"], "skip", 0),
    ],
)
def test_only_data_gives_a_text_to_the_rows_below_it(tmp_path: Path, lines: list[str], rule: str, rejected: int):
    row = "{column: Unit, matches: ^Total}"
    rules = {
        "": "",
        "control_total": f"control_total: [{{kind: subtotal, row: {row}}}]\n",
        "skip": "skip: [{column: Unit, matches: ^Total, may_hold_money: true}]\n",
    }
    read = check(tmp_path, lines, LEDGER + rules[rule])
    refused = read.outcomes.get("rejected")
    assert (refused.rows if refused else 0) == rejected
    if rule:
        assert sums(read) == {"2025-01": Decimal("11.00")}


def test_a_blank_row_stays_blank(tmp_path: Path):
    read = check(tmp_path, [*PIVOT[:2], ",,,", *PIVOT[2:]])
    assert read.is_fine
    assert read.outcomes["skipped"].rows == 1


def test_cells_of_a_wide_file_are_filled(tmp_path: Path):
    (tmp_path / "x.csv").write_text("Unit,Account,Jan,Feb\nD1,6000,1,2\n,6100,4,\n", encoding="utf-8")
    wide = (
        "feed: x\nkind: ledger\npath: x.csv\ncolumns: {department: {from: Unit, fill_down: true}, account: Account}\n"
        "unpivot: {columns: [Jan, Feb], into: date, year: 2025}\nconstants: {scenario: Budget}\n"
    )
    read = check_written(tmp_path, wide)
    assert read.is_fine
    assert sums(read) == {"2025-01": Decimal(5), "2025-02": Decimal(2)}


def test_the_last_text_of_a_batch_fills_the_next_one():
    filled, source = FilledCells(), FieldSource(FieldRule(is_filled_down=True), ("Unit",))
    for given, expected in (
        ([None, "A", None], [None, "A", "A"]),
        ([None, "B"], ["A", "B"]),
        ([], []),
        ([None], ["B"]),
    ):
        texts = pa.array(given, pa.string())
        batch = RawBatch({"Unit": texts}, pa.array(range(len(given)), pa.int64()), pa.nulls(len(given), pa.string()))
        assert filled.fill("department", source, CleanedCells(texts), batch).texts.to_pylist() == expected


def test_the_fix_of_blank_codes_names_the_key(tmp_path: Path):
    plain = LEDGER.replace("{from: Unit, fill_down: true}", "Unit")
    (fix,) = check(tmp_path, PIVOT, plain).holds.values()
    assert fix == (
        "if a blank cell stands for the text above it, as in merged cells or a pivot table, add fill_down: true to "
        "columns.department in the descriptor"
    )
    others = check(tmp_path, [PIVOT[1].replace(",,", ",2025-01-31,"), *PIVOT[:2]], plain)
    assert not any("fill_down" in text for text in others.holds.values()), "the first row has none either"


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (("Unit, fill_down", "Unit, default: D9, fill_down"), "fill_down: is not for a field with a default"),
        (("{from: Unit,", '{from: "{Unit}-{Account}",'), "fill_down: is not for a field with a default, a template"),
        (("amount: Amount", "amount: {from: Amount, fill_down: true}"), "columns.amount: fill_down: is only for"),
        (("kind: ledger", "kind: balances"), "columns.department: fill_down: is only for ledgers; remove it"),
    ],
)
def test_where_a_cell_cannot_be_filled_the_descriptor_is_refused(change: tuple[str, str], mistake: str):
    with pytest.raises(DescriptorError, match=mistake):
        parse_descriptor(LEDGER.replace(*change), "x.yaml")


def test_a_draft_fills_labels_of_blocks_and_asks_for_other_blanks():
    def department(lines: list[str], field: str = "department") -> object:
        text = "".join(f"{line}\n" for line in ["Department,Date,Account,Amount", *lines])
        written = draft(text, "x.csv")
        return yaml.safe_load(written)["columns"][field]

    dated = [line.replace(",,", ",2025-01-31,") for line in PIVOT]
    assert department(dated) == {"from": "Department", "fill_down": True}
    assert department(PIVOT, "date") == {"from": "Date", "formats": ["yyyy-MM-dd"], "fill_down": True}
    assert department([dated[0], *dated]) == {"from": "Department", "default": "DECIDE"}, "D1 is on two rows in turn"
    assert department([dated[1], *dated]) == {"from": "Department", "default": "DECIDE"}, (
        "nothing is above the first row"
    )


# Labels on rows of their own

LABELS = """\
feed: x
kind: ledger
path: x.csv
columns:
  date: Date
  department: {from: Unit, default: D1}
  account: {from: Account, fill_down: true}
  amount: Amount
constants: {scenario: Actual}
skip:
  - {column: Account, matches: "^Total for", may_hold_money: true}
  - {column: Account, matches: "^Page"}
  - {column: Account, matches: ".", and: [{column: Date, matches: "^$"}], label: true}
"""
RENT = [",,Rent,", ",2025-01-31,,1.00", ",2025-02-28,,2.00", ",,Total for Rent,3.00"]
PHONE = [",,Phone,", ",2025-01-31,,4.00"]


def test_a_label_on_a_row_of_its_own_is_the_text_of_the_lines_below_it():
    rules = parse_descriptor(LABELS, "x.yaml").resolve(settings()).rules
    header = ["Unit", "Date", "Account", "Amount"]
    marker, filled = RowMarker(rules, header), FilledCells.of(rules)
    texts: list[str | None] = []
    rows = [line.split(",") for line in [",,Costs,", *RENT[:2], ",,Page 2,", *RENT[2:], ",2025-03-31,,9.00", *PHONE]]
    source = FieldSource(rules.fields["account"], ("Account",))
    for part in (rows[:3], rows[3:5], rows[5:]):
        cells = CleanedCells(pa.array([row[2] or None for row in part], pa.string()))
        texts += filled.fill("account", source, cells, marker.mark(raw_batch(header, part))).texts.to_pylist()
    # What is below a total has no label any more.
    assert [text for row, text in zip(rows, texts, strict=True) if row[1]] == ["Rent", "Rent", None, "Phone"]


def test_labels_are_skipped_and_a_line_below_a_total_is_rejected(tmp_path: Path):
    read = check_labels(tmp_path, [*RENT, *PHONE])
    assert read.is_fine
    assert sums(read) == {"2025-01": Decimal("5.00"), "2025-02": Decimal("2.00")}
    assert read.outcomes["skipped"].rows == 3
    held = check_labels(tmp_path, [*RENT, ",2025-03-31,,9.00", *PHONE])
    assert held.outcomes["rejected"].rows == 1
    assert not held.is_fine


def test_a_label_with_an_amount_is_rejected(tmp_path: Path):
    read = check_labels(tmp_path, [",,Rent,7.00", *RENT[1:]])
    assert read.outcomes["rejected"].rows == 1


@pytest.mark.parametrize("opening", ["7.00", "0.00"])
def test_a_balance_below_a_label_leaves_it_to_the_lines_if_the_rule_says_so(opening: str, tmp_path: Path):
    lines = [",,Rent,", f",,Opening balance,{opening}", *RENT[1:], *PHONE]
    rule = '  - {column: Account, matches: "^Opening", may_hold_money: true'
    kept, ended = (LABELS.replace("skip:\n", f"skip:\n{rule}{key}}}\n") for key in (", keeps_label: true", ""))
    read = check_labels(tmp_path, lines, kept)
    assert sums(read) == {"2025-01": Decimal("5.00"), "2025-02": Decimal("2.00")}
    assert read.outcomes["skipped"].amount == Decimal(opening) + 3
    assert check_labels(tmp_path, lines, ended).outcomes["rejected"].rows == 2


def test_a_row_of_blocks_may_give_the_scenario_of_the_lines_below_it(tmp_path: Path):
    descriptor = LABELS.replace("constants: {scenario: Actual}\n", "").replace(
        "account: {from: Account, fill_down: true}", "account: Unit\n  scenario: {from: Account, fill_down: true}"
    )
    descriptor = descriptor.replace("{from: Unit, default: D1}", "Unit")
    lines = [",,Actual,", "D1,2025-01-31,,1.00", ",,Budget,", "D1,2025-01-31,,4.00"]
    found = check_labels(tmp_path, lines, descriptor)
    assert {name: str(count.amount) for (name, _), count in found.sums.items()} == {"Actual": "1.00", "Budget": "4.00"}


def check_labels(folder: Path, lines: list[str], descriptor: str = LABELS) -> FileCheck:
    text = "".join(f"{line}\n" for line in ["Unit,Date,Account,Amount", *lines])
    return check_text(folder, text, descriptor)


def test_labels_above_the_dates_of_their_lines_leave_these_dates(tmp_path: Path):
    descriptor = LABELS.replace("{from: Account, fill_down: true}", "{from: Date, fill_down: labels}")
    descriptor = descriptor.replace("column: Account", "column: Date").replace(
        "and: [{column: Date", "and: [{column: Amount"
    )
    lines = [
        ",Rent,,",
        ",2025-01-31,,1.00",
        ",2025-02-28,,2.00",
        ",Total for Rent,,3.00",
        ",Phone,,",
        ",2025-01-31,,4.00",
    ]
    read = check_text(tmp_path, "\n".join(["Unit,Date,Account,Amount", *lines, ""]), descriptor)
    assert read.is_fine
    assert sums(read) == {"2025-01": Decimal("5.00"), "2025-02": Decimal("2.00")}
    unlabelled = check_text(tmp_path, "\n".join(["Unit,Date,Account,Amount", *lines[1:], ""]), descriptor)
    assert unlabelled.outcomes["rejected"].rows == 2
