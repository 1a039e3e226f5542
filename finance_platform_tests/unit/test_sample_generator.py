"""The sample company: the committed files are the generator's output, and the answer key is right.

Belongs here: the generator, its key, and that the shipped descriptors fit the files.
Does not belong here: running the platform on the sample (see `end_to_end`).
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform_tests.sample.generator import DEFAULT_KEY, DEFAULT_OUT, main

ROOT = Path(__file__).resolve().parents[2]
RAW = ROOT / DEFAULT_OUT
BUILTIN = ROOT / "finance_platform" / "feeds" / "builtin"
FILES = ("accounts.csv", "budget.csv", "departments.csv", "forecast.csv", "transactions.csv")
LEDGER_FILES = ("budget.csv", "forecast.csv", "transactions.csv")
OUTCOMES = ("accepted", "rejected", "duplicate", "skipped")
RULES = {
    "invalid_date",
    "date_out_of_range",
    "invalid_amount",
    "blank_amount",
    "blank_date",
    "blank_department",
    "blank_account",
    "blank_transaction_id",
    "conflicting_key",
}
DESCRIPTOR_KEYS = {
    "plans_only",
    "feed",
    "kind",
    "path",
    "description",
    "owner",
    "dialect",
    "columns",
    "constants",
    "load",
    "tolerance",
    "scenarios",
    "freshness",
}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with new output of the generator."""
    folder = tmp_path_factory.mktemp("sample")
    main(["--out", str(folder / "raw"), "--key", str(folder / "answer_key.json")])
    return folder


@pytest.fixture(scope="module")
def key() -> dict[str, Any]:
    """Return the committed answer key."""
    loaded: dict[str, Any] = json.loads((ROOT / DEFAULT_KEY).read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("file", FILES)
def test_a_committed_file_is_the_output_of_the_generator(generated: Path, file: str) -> None:
    """Byte for byte: the sample is never edited by hand."""
    assert (generated / "raw" / file).read_bytes() == (RAW / file).read_bytes()


def test_the_committed_key_is_the_output_of_the_generator(generated: Path) -> None:
    """Byte for byte, like the files."""
    assert (generated / "answer_key.json").read_bytes() == (ROOT / DEFAULT_KEY).read_bytes()


def test_the_generator_writes_no_other_file(generated: Path) -> None:
    """A new file needs a descriptor and a place in these tests."""
    assert sorted(path.name for path in (generated / "raw").iterdir()) == sorted(FILES)


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_utf_8_with_lf_and_one_line_per_row(key: dict[str, Any], file: str) -> None:
    """So the key's line numbers are those of an editor, on every platform."""
    raw = (RAW / file).read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert raw.decode("utf-8").endswith("\n")
    assert raw.count(b"\n") == 1 + key["files"][file]["candidate"]["rows"]


@pytest.mark.parametrize("file", FILES)
def test_every_row_is_accounted_for(key: dict[str, Any], file: str) -> None:
    """The equation in rows."""
    counted = key["files"][file]
    assert counted["candidate"]["rows"] == sum(counted[outcome]["rows"] for outcome in OUTCOMES)


@pytest.mark.parametrize("file", LEDGER_FILES)
def test_every_cent_is_accounted_for(key: dict[str, Any], file: str) -> None:
    """The equation in money, and in blank or invalid amount cells."""
    counted = key["files"][file]
    assert Decimal(counted["candidate"]["amount"]) == sum(Decimal(counted[name]["amount"]) for name in OUTCOMES)
    assert counted["candidate"]["unpriced"] == sum(counted[name]["unpriced"] for name in OUTCOMES)
    assert counted["accepted"]["unpriced"] == 0


@pytest.mark.parametrize("file", LEDGER_FILES)
def test_rejected_rows_are_the_sum_of_their_rules(key: dict[str, Any], file: str) -> None:
    """Each row violates one rule, so the rules add up."""
    rejected = key["files"][file]["rejected"]
    rules = rejected["by_rule"].values()
    assert rejected["rows"] == sum(rule["rows"] for rule in rules) == sum(len(rule["lines"]) for rule in rules)
    assert Decimal(rejected["amount"]) == sum(Decimal(rule["amount"]) for rule in rules)
    assert rejected["unpriced"] == sum(rule["unpriced"] for rule in rules)


@pytest.mark.parametrize(
    ("file", "scenario"), [("budget.csv", "Budget"), ("forecast.csv", "Forecast"), ("transactions.csv", "Actual")]
)
def test_totals_are_the_accepted_lines(key: dict[str, Any], file: str, scenario: str) -> None:
    """Totals by period, and by year and type, are the accepted lines, grouped in two ways."""
    accepted = key["files"][file]["accepted"]
    by_period = list(key["by_period"][scenario].values())
    by_type = [total for types in key["by_year_and_type"][scenario].values() for total in types.values()]
    for totals in (by_period, by_type):
        assert sum(total["lines"] for total in totals) == accepted["rows"]
        assert sum(Decimal(total["amount"]) for total in totals) == Decimal(accepted["amount"])


def test_the_sizes_are_realistic(key: dict[str, Any]) -> None:
    """Tens of thousands of rows, with few faults of every kind."""
    transactions = key["files"]["transactions.csv"]
    assert 20_000 <= transactions["candidate"]["rows"] <= 40_000
    assert set(transactions["rejected"]["by_rule"]) == RULES
    assert all(5 <= rule["rows"] <= 30 for rule in transactions["rejected"]["by_rule"].values())
    assert transactions["rejected"]["rows"] < transactions["candidate"]["rows"] * 0.006
    assert transactions["duplicate"]["rows"] >= 5
    assert transactions["skipped"]["rows"] >= 5
    assert 50 <= key["files"]["accounts.csv"]["accepted"]["rows"] <= 70
    assert key["files"]["departments.csv"]["accepted"]["rows"] == 12


def test_the_periods_are_complete(key: dict[str, Any]) -> None:
    """36 months of actuals; a budget to the end of the open year; a forecast of the open year."""
    spans = {name: (min(periods), max(periods), len(periods)) for name, periods in key["by_period"].items()}
    assert spans == {
        "Actual": ("2022-10", "2025-09", 36),
        "Budget": ("2022-10", "2025-12", 39),
        "Forecast": ("2025-01", "2025-12", 12),
    }
    assert key["actual_vs_budget"]["periods"] == sorted(key["by_period"]["Actual"])


def test_the_stories_are_visible_in_the_figures(key: dict[str, Any]) -> None:
    """The stories in the generator's docstring are visible in the totals."""
    stories = key["stories"]
    ratio = {name: Decimal(story["actual"]) / Decimal(story["budget"]) for name, story in stories.items()}
    assert ratio["overspent_project"] > Decimal("1.6")
    assert ratio["missed_revenue_target"] < Decimal("0.75")
    assert ratio["cloud_cost_creep"] > Decimal("1.2")
    slip = stories["keying_slip"]["by_period"]
    assert Decimal(slip["2024-11"]["variance"]) > 60_000 > 0 > Decimal(slip["2024-12"]["variance"])
    last_line = key["files"]["transactions.csv"]["candidate"]["rows"] + 1
    assert stories["late_invoice"]["source_lines"][-1] == last_line


def test_an_independent_reading_of_the_ledger_agrees_with_the_key(key: dict[str, Any]) -> None:
    """A few lines that share no code with the generator read the file's text."""
    expected = key["files"]["transactions.csv"]
    rows = _read_ledger(RAW / "transactions.csv")
    lines: dict[str, list[int]] = {}
    for line, outcome, _ in rows:
        lines.setdefault(outcome, []).append(line)
    assert {rule: lines[rule] for rule in RULES} == {
        rule: part["lines"] for rule, part in expected["rejected"]["by_rule"].items()
    }
    assert lines["duplicate"] == expected["duplicate"]["lines"]
    assert lines["skipped"] == expected["skipped"]["lines"]
    assert len(lines["accepted"]) == expected["accepted"]["rows"]
    for outcome in ("accepted", "duplicate"):
        total = sum((amount for _, name, amount in rows if name == outcome and amount is not None), Decimal(0))
        assert total == Decimal(expected[outcome]["amount"])
    assert sum((amount for _, _, amount in rows if amount is not None), Decimal(0)) == Decimal(
        expected["candidate"]["amount"]
    )


@pytest.mark.parametrize("file", FILES)
def test_the_shipped_descriptor_fits_the_file(key: dict[str, Any], file: str) -> None:
    """Every column is mapped, by its own name first; the tolerances accept the sample, with a margin.

    A field that the file's name gives needs no column.
    """
    descriptor = yaml.safe_load((BUILTIN / file.replace(".csv", ".yaml")).read_text(encoding="utf-8"))
    header = (RAW / file).read_text(encoding="utf-8").split("\n", 1)[0].split(",")
    assert set(descriptor) <= DESCRIPTOR_KEYS
    assert Path(file).match(descriptor["path"])
    first_sources = {_as_list(field["from"])[0] for field in descriptor["columns"].values() if "from_name" not in field}
    # No member of the sample changes or takes over others, so no file has days from which a row holds.
    optional = {"valid_from", "valid_to", "predecessor_department_code", "predecessor_share", "origin_share"}
    assert first_sources - optional == set(header)
    if "tolerance" in descriptor:
        counted, tolerance = key["files"][file], descriptor["tolerance"]
        share = counted["rejected"]["rows"] / counted["candidate"]["rows"]
        assert share * 1.25 < tolerance["rejected_rows"] < share * 5
        money = float(counted["rejected"]["absolute_amount"])
        assert money * 1.25 < tolerance["rejected_amount"] < money * 5


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _read_ledger(path: Path) -> list[tuple[int, str, Decimal | None]]:
    """Return line number, outcome or violated rule, and amount of every data line."""
    with path.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.reader(opened))[1:]
    by_id: dict[str, Counter[tuple[str, ...]]] = {}
    for row in rows:
        if row and row[0].strip():
            by_id.setdefault(row[0], Counter())[tuple(row)] += 1
    seen: set[str] = set()
    read: list[tuple[int, str, Decimal | None]] = []
    for line, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            read.append((line, "skipped", None))
            continue
        outcome = _violated_rule(row) or ("conflicting_key" if len(by_id[row[0]]) > 1 else "accepted")
        if outcome == "accepted" and row[0] in seen:
            outcome = "duplicate"
        seen.add(row[0])
        read.append((line, outcome, _amount(row[4])))
    return read


def _violated_rule(row: list[str]) -> str:
    transaction_id, written_date, department, account, amount, _ = (cell.strip() for cell in row)
    day = _date(written_date)
    violations: dict[str, Callable[[], bool]] = {
        "blank_transaction_id": lambda: not transaction_id,
        "blank_date": lambda: not written_date,
        "invalid_date": lambda: bool(written_date) and day is None,
        "date_out_of_range": lambda: day is not None and not 2000 <= day.year <= 2049,
        "blank_department": lambda: not department,
        "blank_account": lambda: not account,
        "blank_amount": lambda: not amount,
        "invalid_amount": lambda: bool(amount) and _amount(amount) is None,
    }
    violated = [rule for rule, is_violated in violations.items() if is_violated()]
    assert len(violated) <= 1, f"{row} violates {violated}, but a row has one fault at most"
    return violated[0] if violated else ""


def _date(text: str) -> datetime | None:
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    return None


def _amount(text: str) -> Decimal | None:
    plain = text.strip().replace(",", "")
    if plain.startswith("(") and plain.endswith(")"):
        plain = "-" + plain[1:-1]
    return Decimal(plain) if re.fullmatch(r"-?[0-9]+\.[0-9]{2}", plain) else None
