"""A home that distinguishes engines: part of the sample with all its faults, and files with difficult cases.

Belongs here: the raw files, the descriptors, and the figures of these files, computed by hand.
Does not belong here: running anything (see `test_engine_parity`).
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from finance_platform_tests.workbooks import xlsx

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "data" / "raw"
ANSWERS = REPOSITORY / "finance_platform_tests" / "sample" / "answer_key.json"
SHIPPED = REPOSITORY / "finance_platform" / "feeds" / "builtin"

# Debit less credit, decimal commas, quoted line breaks, a period of its own, codes in every spelling.
_GENERAL_LEDGER = """
feed: general_ledger
kind: ledger
path: gl/*.{csv,xlsx}
dialect: {delimiter: ";"}
columns:
  transaction_id: Beleg
  reverses: {from: Storno zu, required: false}
  date: {from: Datum, formats: [dd.MM.yyyy]}
  period: {from: Periode, formats: [MM/yyyy]}
  department: Kostenstelle
  department_name: {from: Bezeichnung, required: false}
  account: Konto
  account_name: {from: Kontoname, required: false}
  account_type: {from: Art, map: {E: Revenue, A: Expense, B: Asset, V: Liability, K: Equity}}
  amount: {from: {debit: Soll, credit: Haben}, decimal: ",", thousands: "."}
  description: {from: Text, required: false}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
hold_if_removes: never
tolerance: {rejected_rows: 1}
"""
_GL_HEADER = "Beleg;Datum;Periode;Kostenstelle;Bezeichnung;Konto;Kontoname;Art;Soll;Haben;Text\n"
_GL_WIDER = _GL_HEADER.replace("Text", "Text;Storno zu")
_GL_FIRST = (
    'A1;03.01.2021;01/2021; d100 ;Erste Stelle;0010;Erlöse;E;;1.000,00;"Sunday, ISO year 2020, ""quoted"" \\ / \t"\n'
    "A2;31.12.2020;12/2020;D100;Zweiter Name;10;;A;12,345;;rounded half up\n"
    "A3;30.12.2024;12/2024;D100;;10;Aufwand;A;12,344;;ISO year 2025\n"
    "A4;04.01.2021;12/2020;ＤＥ７;;0010;;E;250,00;;reversal, booked back into December\n"
    'A5;29.02.2024;02/2024;de7;Drei;B1;Kasse;B;"99.999,99";;"two\nlines, 漢字 😀 Müller"\n'
    "A6;29.02.2024;02/2024;de7;;V1;Darlehen;V;;(0,005);credit of half a cent, negative\n"
    "A7;01.03.2024;03/2024;de7;;K1;Kapital;K;;1,00;\n"
    "A7;01.03.2024;03/2024;de7;;K1;Kapital;K;;1,00;\n"
    "A8;02.03.2024;03/2024;de7;;K1;Kapital;K;;5,00;conflict <&> \\u00e4 'x'\n"
    "A8;02.03.2024;03/2024;de7;;K1;;K;;6,00;conflict\n"
    "A9;31.02.2024;02/2024;de7;;K1;;K;;1,00;no such day\n"
    ";;;;;;;;;;\n"
    "B1;01.03.2024;03/2024;de7;;K1;;X;;1,00;no such type\n"
    "B2;01.03.2024;03/2024;de7;;K1;;K;;1e3;no amount\n"
    "B4;05.03.2024;03/2024;de7;;K1;;K;;4,00;;a cell too many\n"
)
# A1 is corrected, A2 moves from December to January, A3 stays, C1 is new. C2 reverses it; the first file has no column
# for that.
_GL_SECOND = (
    "A1;03.01.2021;01/2021;D100;;0010;;E;;1.100,00;corrected;\n"
    "A2;31.12.2020;01/2021;D100;;10;;A;12,34;;moved; \n"
    "C1;05.01.2021;01/2021;d100;;0010;;E;;0,10;;\n"
    "C2;05.01.2021;01/2021;d100;;0010;;E;0,10;;;C1\n"
)
_GL_UNTYPED = "E1;05.03.2024;03/2024;de7;;NEU;;;7,00;;the account's type is unknown\n"
_GL_BAD_BYTES = "D1;01.03.2021;03/2021;D100;;10;;A;1,00;;good\nD2;01.03.2021;03/2021;D100;;10;;A;1,00;;\xff no UTF-8\n"

# Double entry: exact sums of many decimals, vouchers named by two columns, with duplicates, conflicts and quotes.
_JOURNAL = """
feed: journal
kind: ledger
path: journal/*.csv
dialect: {delimiter: ";"}
columns:
  transaction_id: Nr
  date: {from: Datum, formats: [dd.MM.yyyy]}
  department: Kostenstelle
  account: Konto
  amount: {from: {debit: Soll, credit: Haben}, decimal: ",", thousands: "."}
constants: {scenario: Actual}
balanced: {by: [Firma, Beleg]}
load: {mode: upsert, key: [transaction_id]}
tolerance: {rejected_rows: 1}
"""
_JOURNAL_ROWS = (
    "Nr;Firma;Beleg;Datum;Kostenstelle;Konto;Soll;Haben\n"
    # Balanced before rounding, its lines apart.
    "1;A;V1;02.05.2022;D100;10;33,333;\n"
    # Not balanced.
    "2;A;V2;02.05.2022;D100;10;1.210,00;\n"
    "3;A;V1;02.05.2022;D100;10;33,333;\n"
    "4;A;V1;02.05.2022;D100;B1;;66,666\n"
    "5;A;V2;02.05.2022;D100;B1;;1.200,000000005\n"
    # Another company's voucher of the same name, not balanced.
    "6;B;V1;02.05.2022;D100;10;0,10;\n"
    "7;B;V1;02.05.2022;D100;B1;;0,20\n"
    # Half a voucher: the other line has no valid date.
    '8;A;"Ü""3\\ 漢";02.05.2022;D100;10;5,00;\n'
    '9;A;"Ü""3\\ 漢";31.02.2022;D100;B1;;5,00\n'
    # Balanced without the repeated row.
    "10;A;V4;03.05.2022;D100;10;7,00;\n"
    "10;A;V4;03.05.2022;D100;10;7,00;\n"
    "11;A;V4;03.05.2022;D100;B1;;7,00\n"
    # Half a voucher: two lines contradict each other under one key.
    "12;A;V5;03.05.2022;D100;10;1,00;\n"
    "12;A;V5;03.05.2022;D100;10;2,00;\n"
    "13;A;V5;03.05.2022;D100;B1;;1,00\n"
    # Balanced, large, rounded half up.
    "14;A;V6;04.05.2022;D100;10;1.234.567.890.123,455;\n"
    "15;A;V6;04.05.2022;D100;B1;;1.234.567.890.123,455\n"
    # Without a voucher, and a name that is cut in the reason.
    "16;A;;04.05.2022;D100;10;1,00;\n"
    f"17;A;{'Ä' * 200};04.05.2022;D100;10;0,01;\n"
)

# No header, cp1252, a template, a scenario map, float noise; later files replace a department's months.
_PLANS = """
feed: plans
kind: ledger
path: plans/*.txt
dialect: {delimiter: "|", encoding: cp1252, header_row: 0, names: [Id, Month, Dept, Group, Account, Kind, Value, Note]}
columns:
  date: {from: Month, formats: [yyyyMM]}
  department: "{Dept}-{Group}"
  business_unit: {from: Dept, map: {7: Norden, 8: "Süden"}}
  account: Account
  scenario: {from: Kind, map: {1: Actual, 2: Budget, 3: Forecast, Q1: Budget Q1}}
  amount: Value
  description: {from: Note, required: false}
load: {mode: replace_period, scope: [department]}
tolerance: {rejected_rows: 1}
"""
_PLANS_FIRST = (
    "1|202101|7|01|4000|2|2012.9599999999998|Grüße\n"
    "2|202101|7|01|4000|2|0.005|\n"
    "3|202101|7|01|4000|1|-0.005|\n"
    "4|202101|8|02|5000|Q1|1234567890123.455|\n"
    "5|202101|8|02|5000|3|(17.5)|\n"
    "6|202102|8|02|5000|2|100|February, first\n"
    "7|202102|8||5000|2|100|half a code\n"
    "8|202102|8|02|5000|4|100|no such scenario\n"
    "9|202102|8|02|5000|2|12.3.4|\n"
    "10|202102|7|01|4000|2|80.25|stays beside the second file\n"
)
_PLANS_SECOND = "1|202102|8|02|5000|2|250.50|February, second\n2|202102|8|02|5000|2|250.50|February, second\n"

_CHART = """
feed: chart
kind: accounts
path: chart/*.csv
columns:
  number: No
  name: Name
  type: {from: Type, map: {Assets: Asset}}
  category: {from: Type}
  measure: {from: Type, map: {Assets: balance, Expense: flow, Revenue: flow, Statistical: flow}}
tolerance: {rejected_rows: 1}
"""
_CHART_ROWS = (
    "No,Name,Type\n"
    "0010,Erlöse laut Plan,Revenue\n"
    "10,Aufwand laut Plan,Expense\n"
    "B1,Kasse,Assets\n"
    "B1,Kasse,Assets\n"
    "S1,Köpfe,Statistical\n"
    "S2,Zwei Namen,Revenue\n"
    "s2,Two names,Revenue\n"
    "4000,Umsatz,Revenue\n"
)

_SITES = """
feed: sites
kind: departments
path: sites/*.csv
columns: {code: Code, name: Name, business_unit: {from: Unit, required: false}, parent: {from: Above, required: false}}
tolerance: {rejected_rows: 1}
"""
_SITES_ROWS = "Code,Name,Unit,Above\n7-01,Nord eins,,\nDE7,Werk sieben,Produktion,7-01\n,ohne Code,,\n"

GENERAL_LEDGER_FACTS = {
    # (period, account): Amount of Actual, natural sign, after the second file of the general ledger.
    ("2020-12", "0010"): Decimal("-250.00"),
    ("2021-01", "0010"): Decimal("1100.00"),
    ("2021-01", "10"): Decimal("12.34"),
    ("2024-12", "10"): Decimal("12.34"),
    ("2024-02", "B1"): Decimal("99999.99"),
    ("2024-02", "V1"): Decimal("-0.01"),
    ("2024-03", "K1"): Decimal("1.00"),
    # The balanced vouchers of the journal.
    ("2022-05", "10"): Decimal("1234567890197.12"),
    ("2022-05", "B1"): Decimal("-1234567890197.13"),
}
PLANS_FACTS = {
    # (scenario, period, department, account): Amount.
    ("Budget", "2021-01", "7-01", "4000"): Decimal("2012.97"),
    ("Actual", "2021-01", "7-01", "4000"): Decimal("-0.01"),
    ("Budget Q1", "2021-01", "8-02", "5000"): Decimal("1234567890123.46"),
    ("Forecast", "2021-01", "8-02", "5000"): Decimal("-17.50"),
    ("Budget", "2021-02", "8-02", "5000"): Decimal("501.00"),
    ("Budget", "2021-02", "7-01", "4000"): Decimal("80.25"),
}
OUTCOMES = {
    # accepted, rejected, duplicate, skipped
    "gl/1.csv": (7, 6, 1, 1),
    "gl/2.xlsx": (4, 0, 0, 0),
    "gl/5.csv": (1, 0, 0, 0),
    "journal/a.csv": (7, 11, 1, 0),
    "plans/1.txt": (7, 3, 0, 0),
    "plans/2.txt": (2, 0, 0, 0),
    "chart/a.csv": (5, 2, 1, 0),
    "sites/a.csv": (2, 1, 0, 0),
}
REFUSED = {"gl/3.csv", "gl/4.csv", "plans/3.txt", "plans/4.txt"}
HELD = {"gl/5.csv": "NEU"}
"""The account that a held file waits for, by file."""


def make_home(home: Path) -> Path:
    """Write raw files and descriptors into a new home; return it."""
    raw, feeds = home / "raw", home / "feeds"
    for folder in (raw / "gl", raw / "journal", raw / "plans", raw / "chart", raw / "sites", feeds):
        folder.mkdir(parents=True)
    descriptors = {
        "general_ledger": _GENERAL_LEDGER,
        "journal": _JOURNAL,
        "plans": _PLANS,
        "chart": _CHART,
        "sites": _SITES,
    }
    for name, text in descriptors.items():
        (feeds / f"{name}.yaml").write_text(text, encoding="utf-8")
    _copy_sample(raw, feeds)
    files = {
        "gl/1.csv": (_GL_HEADER + _GL_FIRST).encode(),
        "gl/2.xlsx": xlsx({"Journal": [*csv.reader((_GL_WIDER + _GL_SECOND).splitlines(), delimiter=";")]}),
        "gl/3.csv": b"Beleg;Datum\nA1;01.01.2021\n",  # refused: columns are missing
        "plans/1.txt": _PLANS_FIRST.encode("cp1252"),
        "plans/2.txt": _PLANS_SECOND.encode("cp1252"),
        "gl/4.csv": (_GL_HEADER + _GL_BAD_BYTES).encode("latin-1"),
        "gl/5.csv": (_GL_HEADER + _GL_UNTYPED).encode(),
        "journal/a.csv": _JOURNAL_ROWS.encode(),
        "plans/3.txt": b"1|202103|8|02|5000|2|1.00|good\n2|202103|8|02|5000|2|1.00|\x81 no cp1252\n",
        "plans/4.txt": b"",
        "chart/a.csv": _CHART_ROWS.encode(),
        "sites/a.csv": _SITES_ROWS.encode(),
    }
    for position, (key, data) in enumerate(files.items()):
        (raw / key).write_bytes(data)
        # Deliveries are in the order of their times, so the files get some that differ.
        os.utime(raw / key, (1_700_000_000 + position, 1_700_000_000 + position))
    return home


def _copy_sample(raw: Path, feeds: Path) -> None:
    for name in ("departments", "accounts"):
        shutil.copy(SAMPLE / f"{name}.csv", raw)
    answers: dict[str, Any] = json.loads(ANSWERS.read_text(encoding="utf-8"))["files"]
    for name in ("transactions", "budget", "forecast"):
        descriptor = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text(encoding="utf-8"))
        descriptor["tolerance"] = {"rejected_rows": 1}  # every fault of the sample, and few good lines
        (feeds / f"{name}.yaml").write_text(yaml.safe_dump(descriptor), encoding="utf-8")
        lines = (SAMPLE / f"{name}.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        kept = set(_lines_to_keep(lines, answers[f"{name}.csv"]))
        cut = [line for number, line in enumerate(lines, start=1) if number in kept]
        (raw / f"{name}.csv").write_text("".join(cut), encoding="utf-8", newline="")


def _lines_to_keep(lines: list[str], answers: dict[str, Any]) -> Iterator[int]:
    """Yield the header, the first and last lines, every faulty line, and every line with the first cell of one."""
    faulty = {line for part in answers["rejected"]["by_rule"].values() for line in part["lines"]}
    faulty |= {*answers["duplicate"]["lines"], *answers["skipped"]["lines"]}
    keys = [row[0] if row else "" for row in csv.reader(lines)]
    repeated = {keys[line - 1] for line in faulty if keys[line - 1].startswith("T")}
    yield from range(1, 120)
    yield from range(len(lines) - 60, len(lines) + 1)
    yield from (number for number, key in enumerate(keys, start=1) if number in faulty or key in repeated)
