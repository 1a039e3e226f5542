"""Descriptors: what is valid, the error of each mistake, and the resolved form."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.errors import DescriptorError, MissingColumnError
from finance_platform.feeds.cells import bind_fields
from finance_platform.feeds.descriptor import FreshnessConfig, OrderConfig
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.feeds.resolved import Dialect, FieldRule, ReadingRules, ResolvedFeed
from finance_platform_tests.unit.factories import LEDGER, descriptor, feed, settings, with_columns, with_lines

WHOLE = """\
feed: council_spend
kind: ledger
path: council/*.csv
description: Spend over 500.
owner: finance@example.org
dialect: {delimiter: ";", quote: "'", encoding: cp1252, header_row: 0, names: [Day, Area, Group, Code, Net]}
columns:
  date: {from: [Day, Paid], formats: [dd.MM.yyyy, dd/MM/yyyy], map: {FY14-15: 01.07.2014}}
  department: {from: Area, default: "0000"}
  account: "{Group}-{Code}"
  amount: {from: Net, decimal: ",", thousands: "."}
  description: {from: Text, required: false}
constants: {scenario: Outlook}
scenarios: {Outlook: Forecast}
sign: debit_positive
load: {mode: upsert, key: [date, account]}
tolerance: {rejected_rows: 0.01, rejected_amount: 1000.00}
freshness: {warn_after_days: 35, fail_after_days: 45}
"""


def error_of(text: str) -> DescriptorError:
    with pytest.raises(DescriptorError) as caught:
        parse_descriptor(text, "feeds/bad.yaml")
    return caught.value


def column(name: str, value: str) -> str:
    return with_columns({name: value})


# Text, start of the line at fault, message, fix or hint

WRONG = [
    # A key that does not exist.
    ("pth: x.csv\n" + LEDGER, "pth:", "pth is not a known key; did you mean 'path'?", "columns, constants"),
    (with_lines(LEDGER, dialect="{encodin: utf-8}"), "dialect", "dialect.encodin is not a known key", "'encoding'"),
    (
        with_lines(LEDGER, load="\n  modus: append"),
        "modus",
        "load.modus is not a known key",
        "use one of covers, key, mode",
    ),
    (with_lines(LEDGER, tolerance="\n  rows: 1"), "rows", "tolerance.rows is not a known key", "rejected_rows"),
    (column("date", "{from: Date, format: [yyyy]}"), "date", "columns.date.format is not a known key", "'formats'"),
    (
        column("amount", "{debit: Dr, credit: Cr, thousands: '.'}"),
        "amount",
        "columns.amount.debit belongs below `from`",
        "write amount: {from: {debit: …, credit: …}, …}, because it has other keys beside these",
    ),
    (
        column("amount", "{from: {debit: Dr, kredit: Cr}}"),
        "amount",
        "columns.amount.from.kredit is not a known key; did you mean 'credit'?",
        "use one of credit, debit",
    ),
    ("zzz: 1\n" + LEDGER, "zzz", "zzz is not a known key", "columns, constants"),
    # A field that does not exist, or is missing.
    (
        column("departmnt", "Dept"),
        "departmnt",
        "columns.departmnt is not a field of ledger",
        "date, department, account",
    ),
    (
        column("fill_down", "true"),
        "fill_down",
        "columns.fill_down is not a field of ledger",
        "fill_down is a key of one of them, such as date: {from: …, fill_down: …}",
    ),
    (
        with_lines(LEDGER, constants="\n  scenario: Actual\n  code: 1"),
        "code",
        "constants.code is not a field of ledger",
        "",
    ),
    (LEDGER.replace("  account: {from: Account}\n", ""), "columns", "columns.account is needed for kind ledger", ""),
    (with_lines(LEDGER, constants="{}"), "columns", "columns.scenario is needed for kind ledger", "constants.scenario"),
    (
        with_lines(LEDGER, constants="\n  scenario: Actual\n  account: 1"),
        "account: 1",
        "constants.account is in columns too",
        "keep one",
    ),
    (
        with_lines(
            LEDGER, constants="\n  scenario: Actual\n  department: ' '", columns="{account: A, date: D, amount: N}"
        ),
        "department",
        "constants.department is blank",
        "",
    ),
    (column("account", "\n    from: ''"), "account", "from: is blank", ""),
    (column("account", "\n    from: []"), "account", "from: is needed", "constants:"),
    (column("account", "\n    default: '1'"), "account", "from: is needed", "constants:"),
    (column("account", "\n    from: A\n    default: ' '"), "default", "columns.account.default: is blank", ""),
    (column("account", "{from: A, required: false}"), "account", "columns.account is needed", "default"),
    (
        with_columns({"transaction_id": "{from: Id, required: false}"}, load="{mode: upsert, key: transaction_id}"),
        "transaction_id",
        "columns.transaction_id is needed",
        "default",
    ),
    (
        column("reverses", "{from: Reversal of}"),
        "reverses",
        "columns.reverses: names a line by its transaction_id, so columns.transaction_id is needed",
        "",
    ),
    (
        with_columns({"transaction_id": "Id", "reverses": "{from: Reversal of, default: X}"}),
        "reverses",
        "columns.reverses: default: would make every other line a reversal; remove it",
        "",
    ),
    (
        with_columns({"transaction_id": "Id", "reverses": "{from_name: 'x'}"}),
        "reverses",
        "columns.reverses: from_name: is not allowed, because each row has its own reverses",
        "",
    ),
    (
        with_lines(LEDGER, constants="{scenario: Actual, reverses: X}"),
        "constants",
        "constants.reverses is not allowed; columns.reverses is needed",
        "",
    ),
    (
        with_lines(LEDGER, constants="{scenario: Actual, amount: 1}", columns="{date: D, department: P, account: A}"),
        "constants",
        "constants.amount is not allowed; columns.amount is needed",
        "",
    ),
    (
        with_lines(
            LEDGER, constants="\n  scenario: A\n  date: 31.12.2025", columns="{amount: N, department: P, account: A}"
        ),
        "date: 31",
        "constants.date: '31.12.2025' is not a valid date of the form yyyy-MM-dd",
        "",
    ),
    (column("date", "{from: {debit: A, credit: B}}"), "date", "columns.date: only amount can be {debit, credit}", ""),
    (with_lines(LEDGER, columns="[Date, Amount]"), "columns", "columns: expected keys, each with a value", ""),
    # Values.
    (
        column("date", "\n    from: Date\n    formats: [YYYY-MM-dd]"),
        "formats",
        "the year of weeks (ww); that of months is yyyy",
        "",
    ),
    (
        column("date", "\n    from: Date\n    formats: yyyy-dd"),
        "formats",
        "needs a year (yyyy), and beside a day (dd) a month (MM)",
        "",
    ),
    (column("amount", "{from: A, decimal: ',', thousands: ','}"), "amount", "decimal and thousands are both ','", ""),
    (column("amount", "\n    from: A\n    decimal: '·'"), "decimal", "expected '.' or ','", ""),
    (
        LEDGER.replace("kind: ledger", "kind: budget"),
        "kind",
        "expected 'ledger', 'departments', 'accounts', 'lookup', 'comments', 'statement_lines' or 'balances'",
        "",
    ),
    (LEDGER.replace("feed: ledger", "feed: My Feed"), "feed", "feed: 'My Feed' is not a small letter, then", ""),
    (LEDGER.replace("feed: ledger\n", ""), "", "feed is missing", ""),
    (with_lines(LEDGER, path="/ledger.csv"), "path", "path is a glob inside the raw zone", "no leading /"),
    (with_lines(LEDGER, path="a/../b.csv"), "path", "path is a glob inside the raw zone", "no .."),
    (with_lines(LEDGER, path="'**/b.csv'"), "path", "path is a glob inside the raw zone", "no **"),
    (with_lines(LEDGER, path="ledger.xml"), "path", "path must end in .csv, .txt or .tsv", ""),
    (
        with_lines(LEDGER, dialect="\n  encoding: utf-9"),
        "encoding",
        "'utf-9' is not a text encoding that Python knows",
        "cp1252",
    ),
    (with_lines(LEDGER, dialect="\n  encoding: base64"), "encoding", "'base64' is not a text encoding", ""),
    (with_lines(LEDGER, dialect="\n  delimiter: ;;"), "delimiter", "at most 1 character", ""),
    (with_lines(LEDGER, dialect="\n  header_row: -1"), "header_row", "expected a number from 0", ""),
    (
        with_lines(LEDGER, dialect="{header_row: 0}"),
        "dialect",
        "names: [...] is needed with header_row: 0",
        "only then",
    ),
    (
        with_lines(LEDGER, dialect="{names: [a, b]}"),
        "dialect",
        "names: [...] is needed with header_row: 0",
        "only then",
    ),
    (
        column("account", "\n    from: '{Group}-{Code'"),
        "from",
        "'{Group}-{Code' has an unmatched brace",
        "{Code}",
    ),
    (column("account", "\n    from: [Code, 'Group}']"), "from", "'Group}' has an unmatched brace", "{Code}"),
    (column("account", "\n    from: A\n    map: {x: 1, ' X': 2}"), "map", "columns.account.map: has ' X' twice", ""),
    (with_lines(LEDGER, scenarios="{Plan A: Budget, plan  a: Forecast}"), "scenarios", "has 'plan  a' twice", ""),
    (with_lines(LEDGER, dialect="\n  header_row: 0\n  names: [a, A]"), "names", "has 'A' twice", ""),
    (with_lines(LEDGER, dialect="{delimiter: '\"'}"), "dialect", "delimiter and quote must differ", ""),
    (with_lines(LEDGER, dialect='{delimiter: "\\n"}'), "dialect", "neither can be a line break", ""),
    (with_lines(LEDGER, load="{mode: upsert}"), "load", "key: [...] is needed with mode: upsert", "only then"),
    (with_lines(LEDGER, load="{key: [date]}"), "load", "key: [...] is needed with mode: upsert", "only then"),
    (
        LEDGER.replace("kind: ledger", "kind: ledgr"),
        "kind: ledgr",
        "or 'balances', found 'ledgr'; did you mean 'ledger'?",
        "",
    ),
    (
        with_lines(LEDGER, load="\n  mode: upsrt"),
        "mode",
        "or 'replace_period', found 'upsrt'; did you mean 'upsert'?",
        "",
    ),
    (with_lines(LEDGER, load="\n  mode: merge"), "mode", "expected 'append', 'upsert' or 'replace_period'", ""),
    (
        with_lines(LEDGER, load="\n  mode: upsert\n  key: [transaction_id]"),
        "key",
        "load.key: transaction_id must be one of the mapped fields",
        "date, department",
    ),
    (with_lines(LEDGER, load="\n  mode: upsert\n  key: amount"), "key", "load.key: amount must be one of", ""),
    (with_lines(LEDGER, tolerance="\n  rejected_rows: 2"), "rejected_rows", "expected a number up to 1, found '2'", ""),
    # Order, scope, covers, limits.
    (with_lines(LEDGER, order="{}"), "order", "order: give from_name: a pattern, or from_column: a header", ""),
    (with_lines(LEDGER, order="{from_name: a, from_column: b}"), "order", "order: give from_name: a pattern, or", ""),
    (with_lines(LEDGER, order="\n  from: a"), "from", "order.from is not a known key; did you mean 'from_name'?", ""),
    (with_lines(LEDGER, order="\n  by: a"), "by", "order.by is not a known key", "use one of from_column, from_name"),
    (
        with_lines(LEDGER, order="\n  from_name: _v("),
        "from_name",
        "order.from_name: '_v(' is not a valid regular expression",
        "",
    ),
    (
        with_lines(LEDGER, order="\n  from_column: ''"),
        "from_column",
        "from_column: expected at least 1 character",
        "",
    ),
    (with_lines(LEDGER, load="{scope: [department]}"), "load", "load: scope: [...] goes with mode: replace_period", ""),
    (
        with_lines(LEDGER, load="\n  mode: replace_period\n  scope: [scenario]"),
        "scope",
        "load.scope: scenario must be one of the mapped fields department, account, business_unit",
        "",
    ),
    (
        with_lines(LEDGER, load="\n  mode: replace_period\n  scope: business_unit"),
        "scope",
        "load.scope: business_unit must be one of the mapped fields",
        "",
    ),
    (
        with_columns(
            {"business_unit": "{from: Unit, required: false}"}, load="{mode: replace_period, scope: [business_unit]}"
        ),
        "business_unit",
        "columns.business_unit is needed in every file",
        "give a default:",
    ),
    (
        with_lines(LEDGER, load="{mode: append, covers: {from_name: (a)}}"),
        "load",
        "load: covers: goes with mode: replace_period",
        "",
    ),
    (
        with_lines(LEDGER, load="\n  mode: replace_period\n  covers:\n    from_name: gl_[0-9]+"),
        "from_name",
        "load.covers.from_name: 'gl_[0-9]+' needs one group for the period, or two: the first and the last",
        "",
    ),
    (
        with_lines(LEDGER, load="\n  mode: replace_period\n  covers:\n    from_name: (a)(b)(c)"),
        "from_name",
        "load.covers.from_name: '(a)(b)(c)' needs one group for the period, or two",
        "",
    ),
    (
        with_lines(LEDGER, load="\n  mode: replace_period\n  covers:\n    from_name: '(a'"),
        "from_name",
        "load.covers.from_name: '(a' is not a valid regular expression",
        "",
    ),
    (
        with_lines(LEDGER, load="\n  mode: replace_period\n  covers:\n    name: (a)"),
        "name",
        "load.covers.name is not a known key; did you mean 'from_name'?",
        "use one of from_name",
    ),
    (with_lines(LEDGER, load="\n  covers: {}"), "covers", "load.covers.from_name is missing", ""),
    *(
        (
            with_lines(LEDGER, hold_if_removes=share),
            "hold_if_removes",
            f"hold_if_removes: '{share}' is neither a share",
            "never",
        )
        for share in ("half", "1.5", "-0.1", "nan", "50%", "Never")
    ),
    (
        with_lines(LEDGER, hold_if_late="maybe"),
        "hold_if_late",
        "expected true or false, found 'maybe'",
        "",
    ),
    (
        with_lines(LEDGER, tolerance="\n  rejected_rows: 1%"),
        "rejected_rows",
        "such as 0.01, found '1%'",
        "",
    ),
    (with_lines(LEDGER, tolerance="\n  rejected_amount: -1"), "rejected_amount", "expected a number from 0", ""),
    # Freshness.
    (
        with_lines(LEDGER, freshness="{warn_after_days: 35}"),
        "freshness",
        "freshness.fail_after_days is missing",
        "",
    ),
    *(
        (
            with_lines(LEDGER, freshness=f"{{warn_after_days: {days}, fail_after_days: 45}}"),
            "freshness",
            f"freshness: warn_after_days: {days} is not less than fail_after_days: 45",
            "make it smaller, or remove it",
        )
        for days in (45, 46)
    ),
    (
        with_lines(LEDGER, freshness="\n  fail_after_days: 0"),
        "fail_after_days",
        "freshness.fail_after_days: expected a number above 0",
        "",
    ),
    (
        with_lines(LEDGER, freshness="\n  fail_after_days: 45\n  warn_after_days: -1"),
        "warn_after_days",
        "freshness.warn_after_days: expected a number above 0",
        "",
    ),
    (
        with_lines(LEDGER, freshness="\n  fail_after_days: monthly"),
        "fail_after_days",
        "freshness.fail_after_days: expected a whole number",
        "",
    ),
    (
        with_lines(LEDGER, freshness="\n  fail_after: 45"),
        "fail_after",
        "freshness.fail_after is not a known key; did you mean 'fail_after_days'?",
        "use one of fail_after_days, warn_after_days",
    ),
    (with_lines(LEDGER, freshness="45"), "freshness", "freshness: expected some of the keys", ""),
    (with_lines(LEDGER, sign="debit"), "sign", "expected 'natural', 'debit_positive' or 'credit_positive'", ""),
    (with_lines(LEDGER, plans_only="true"), "plans_only", "every row would be rejected", ""),
    (with_lines(LEDGER, scenarios="\n  Plan: Plan"), "Plan", "expected 'Budget' or 'Forecast'", ""),
    (with_lines(LEDGER, scenarios="\n  ACTUAL: Budget"), "ACTUAL", "its type is always Actual", ""),
    (
        with_lines(LEDGER, constants="\n  scenario: Outlook"),
        "scenario",
        "constants.scenario: 'Outlook' does not begin with any of Actual, Budget, Forecast",
        "scenarios: {Outlook: Forecast}",
    ),
    (
        column("date", "\n    from: Date\n    formats:\n      - yyyy-MM-dd\n      - {dd: MM}"),
        "- {dd",
        "columns.date.formats.1: expected a text",
        "",
    ),
    (
        with_lines(LEDGER, dialect="\n  names:\n    - {a: 1,\n       a: 2}"),
        "a: 2",
        "'a' appears twice",
        "keep one of the two",
    ),
    # A field from the file's name.
    (
        column("date", "{from_name: '(a'}"),
        "date",
        "date.from_name: '(a' is not a valid regular expression of RE2: miss",
        "",
    ),
    (column("date", "{from_name: 'a(?=b)'}"), "date", "invalid perl operator; look-around and back-references are", ""),
    (column("date", r"{from_name: '(a)\1'}"), "date", "invalid escape sequence; look-around and back-references", ""),
    (column("date", f"{{from_name: '{'a' * 201}'}}"), "date", "expected at most 200 characters", ""),
    (column("date", "{from_name: ''}"), "date", "expected at least 1 character", ""),
    (column("date", "{from_name: '(a)(b)'}"), "date", "from_name: has 2 groups; join them with template:", "{1}-{2}"),
    (column("date", "{from_name: '(a)', template: '{2}'}"), "date", "by number, such as {1}; it has 1", ""),
    (column("date", "{from_name: '(a)', template: '{year}'}"), "date", "template: '{year}' must name groups of", ""),
    (column("date", "{from_name: '(a)', template: '{1'}"), "date", "template: '{1' must name groups of from_name", ""),
    (column("date", "{from_name: '(a)', template: ' '}"), "date", "template: is the text that from_name: gives", ""),
    (column("date", "{from: Date, template: '{1}'}"), "date", "template: is the text that from_name: gives", ""),
    (column("date", "{template: '{1}'}"), "date", "from: is needed, or from_name:", ""),
    (column("amount", "{from_name: '([0-9]+)'}"), "amount", "from_name: is not allowed, because each row has its", ""),
    (
        column("amount", "{from: {debit: Dr, credit: Cr}, from_name: '([0-9]+)'}"),
        "amount",
        "columns.amount: from_name: is not allowed",
        "",
    ),
    (
        "feed: d\nkind: departments\npath: d.csv\ncolumns:\n  code: {from_name: '(.)'}\n",
        "code",
        "columns.code: from_name: is not allowed, because each row has its own code",
        "",
    ),
    (
        column("department", "{from_name: '(a)', required: false}"),
        "department",
        "columns.department is needed in every file",
        "",
    ),
    (column("date", "{from_nam: '(a)'}"), "date", "columns.date.from_nam is not a known key; did you mean 'from_n", ""),
    # YAML.
    (LEDGER + "feed: again\n", "feed: again", "'feed' appears twice", "keep one of the two"),
    (
        LEDGER.replace("  account:", "  date: Day\n  account:"),
        "date: Day",
        "'date' appears twice",
        "keep one of the two",
    ),
    (LEDGER + "owner: [a\nsign: natural\n", "sign", "expected ',' or ']'", "correct the YAML"),
    (LEDGER + "\towner: a\n", "owner", "found character '\\t'", "correct the YAML"),
    (LEDGER + "owner: a\x07b\n", "owner", "special characters are not allowed", "correct the YAML"),
    ("", "", "expected keys such as feed:, kind:, path:", "docs/feeds.md"),
    ("- feed: x\n", "- feed", "expected keys such as feed:, kind:, path:", "docs/feeds.md"),
]


@pytest.mark.parametrize(
    ("text", "at", "message", "hint"), WRONG, ids=[f"{i}-{w[2][:40]}" for i, w in enumerate(WRONG)]
)
def test_an_error_names_file_line_mistake_and_fix(text: str, at: str, message: str, hint: str) -> None:
    error = error_of(text)
    (line,) = [n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith(at)] if at else [1]
    location, _, mistake = error.found.partition(": ")
    assert location == f"feeds/bad.yaml, line {line}"
    assert message in mistake
    assert mistake[0].isalnum() or mistake[0] == "'"
    assert "None" not in mistake
    assert error.fix
    assert hint in mistake + error.fix


def test_every_mistake_of_a_descriptor_is_reported_at_once() -> None:
    text = with_lines(
        with_columns(
            {"date": "\n    from: Date\n    formats: [YYYY]", "amount": "{from: N, decimal: ',', thousands: ','}"}
        ),
        dialect="{encodin: utf-8, delimiter: ;;}",
        sign="debit",
        load="{mode: append, scope: [department], covers: {from_name: (a)}}",
        constants="{scenario: Outlook, code: '1'}",
        scenarios="{Actual: Budget}",
    )
    found = error_of(text).found
    assert found.startswith("feeds/bad.yaml, line ")
    for mistake in (
        "dialect.encodin is not a known key; did you mean 'encoding'?",
        "dialect.delimiter: expected at most 1 character, found",
        "columns.date.formats: date pattern 'YYYY'",
        "columns.amount: decimal and thousands are both ','",
        "sign: expected 'natural', 'debit_positive' or 'credit_positive'",
        "load: scope: [...] goes with mode: replace_period",
        "load: covers: goes with mode: replace_period",
        "constants.code is not a field of ledger",
        "scenarios.Actual cannot be declared",
        "constants.scenario: 'Outlook' does not begin with any of",
    ):
        assert found.count(mistake) == 1, mistake
    assert found.count("; line ") + 1 == 10


ACOUNT = LEDGER.replace("  account:", "  acount:")


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        (
            ACOUNT.replace("kind: ledger", "kind: ledgr").replace("  department: {from: Dept}\n", ""),
            ["kind: expected", "columns.acount is not a field of ledger", "columns.department is needed"],
        ),
        (
            ACOUNT.replace("kind: ledger", "kind: budget"),
            ["kind: expected", "columns.acount is not a field of ledger"],
        ),
        (
            ACOUNT.replace("kind: ledger", "knd: ledger"),
            ["knd is not a known key; did you mean 'kind'?", "columns.acount is not a field of ledger"],
        ),
        (
            with_lines(ACOUNT.replace("yyyy-MM-dd", "YYYY"), order="{from_name: _v(}"),
            ["order.from_name: '_v('", "columns.date.formats: date pattern 'YYYY'", "columns.acount is not a field"],
        ),
        (
            with_lines(ACOUNT.replace("columns:", "colums:").replace("yyyy-MM-dd", "YYYY"), sign="debit"),
            [
                "colums is not a known key",
                "columns.date.formats: date",
                "sign: expected",
                "columns.acount is not a field",
            ],
        ),
        (
            with_lines(ACOUNT.replace("{from: Account}", "{from: ''}"), load="{mode: merge}"),
            ["columns.acount: from: is blank", "load.mode: expected", "columns.acount is not a field of ledger"],
        ),
        (
            with_lines(ACOUNT, load="{mod: append}", constants="{scenario: Outlook}", scenarios="{Outlook: Plan}"),
            ["load.mod is not a known key", "scenarios.Outlook: expected", "columns.acount is not a field of ledger"],
        ),
        (
            with_lines(ACOUNT, constants="{scenario: Outlook}", scenarios="{Outlook: Forecast, outlook: Budget}"),
            ["scenarios: has 'outlook' twice", "columns.acount is not a field of ledger"],
        ),
        (
            "feed: x\nkind: zzz\npath: x.csv\ncolums: [a]\norder: 1\n",
            [
                "kind: expected",
                "colums is not a known key",
                "order: expected",
                "columns: expected keys, each with a value",
            ],
        ),
        (with_lines(ACOUNT, kind="[ledger]"), ["kind: expected", "columns.acount is not a field of ledger"]),
        (
            with_lines(ACOUNT.replace("{from: Amount", "{form: Amount"), order="{}"),
            ["columns.amount.form is not a known key", "order: give", "columns.acount is not a field of ledger"],
        ),
    ],
)
def test_a_mistake_hides_no_other_one(text: str, mistakes: list[str]) -> None:
    found = error_of(text).found
    for mistake in mistakes:
        assert found.count(mistake) == 1, mistake
    assert found.count("line ") == len(mistakes), found


def test_duplicate_keys_are_reported_with_the_other_mistakes() -> None:
    error = error_of(LEDGER + "sign: debit\nfeed: again\nfeed: more\n")
    assert error.found == (
        "feeds/bad.yaml, line 11: 'feed' appears twice; line 12: 'feed' appears twice; "
        "line 10: sign: expected 'natural', 'debit_positive' or 'credit_positive', found 'debit'"
    )
    assert error.fix == "correct these lines; keep one of the two"


def test_a_mistyped_key_is_reported_without_the_needed_one_that_it_stands_for() -> None:
    error = error_of(LEDGER.replace("columns:", "colums:") + "sign: debit\n")
    assert error.found == (
        "feeds/bad.yaml, line 4: colums is not a known key; did you mean 'columns'?; "
        "line 10: sign: expected 'natural', 'debit_positive' or 'credit_positive', found 'debit'"
    )


def test_a_mistyped_field_is_reported_without_the_needed_one_that_it_stands_for() -> None:
    error = error_of(LEDGER.replace("account:", "acount:"))
    assert "columns.acount is not a field of ledger" in error.found
    assert "did you mean 'account'?" in error.found
    assert "is needed" not in error.found


def test_an_unknown_key_is_reported_before_the_errors_that_follow_from_it() -> None:
    assert "colums is not a known key; did you mean 'columns'?" in error_of(LEDGER.replace("columns:", "colums:")).found


def test_scalars_are_texts_as_written() -> None:
    text = with_columns({"department": "{from: Dept, default: 0010, map: {no: yes, 1: 2025-01-01}}"})
    rule = feed(text).rules.fields["department"]
    assert (rule.default, rule.value_map) == ("0010", {"no": "yes", "1": "2025-01-01"})


def test_a_header_alone_is_short_for_its_from() -> None:
    assert feed(column("account", "Account")) == feed(column("account", "{from: [Account]}"))


def test_debit_and_credit_alone_are_short_for_their_from() -> None:
    assert feed(column("amount", "{debit: Dr, credit: Cr}")) == feed(
        column("amount", "{from: {debit: Dr, credit: Cr}}")
    )


def test_a_needed_field_with_a_default_may_be_missing_in_files() -> None:
    rule = feed(column("department", "{from: Dept, required: false, default: D0}")).rules.fields["department"]
    assert (rule.required, rule.default) == (False, "D0")


# The resolved form


def test_every_reading_rule_of_a_descriptor_is_in_its_resolved_form() -> None:
    rules = feed(WHOLE).rules
    assert rules.dialect == Dialect(";", "'", "cp1252", 0, ("Day", "Area", "Group", "Code", "Net"))
    assert rules.fields["date"] == FieldRule(
        sources=("Day", "Paid"), formats=("dd.MM.yyyy", "dd/MM/yyyy"), value_map={"FY14-15": "01.07.2014"}
    )
    assert rules.fields["department"] == FieldRule(sources=("Area",), default="0000")
    assert rules.fields["account"] == FieldRule(sources=("{Group}-{Code}",))
    assert rules.fields["amount"] == FieldRule(sources=("Net",), decimal=",", thousands=".")
    assert rules.fields["description"] == FieldRule(sources=("Text",), required=False)
    assert (rules.constants, rules.scenarios) == ({"scenario": "Outlook"}, {"Outlook": "Forecast"})
    assert (rules.key, rules.is_debit_positive) == (("date", "account"), True)


def test_debit_and_credit_imply_a_debit_positive_sign() -> None:
    rules = feed(column("amount", "{debit: Dr, credit: Cr}")).rules
    assert rules.fields["amount"] == FieldRule(debit="Dr", credit="Cr")
    assert rules.is_debit_positive


def test_the_default_dialect_is_comma_delimited_utf_8_with_a_header() -> None:
    assert feed().rules.dialect == Dialect(delimiter=",", quote='"', encoding="utf-8", header_row=1, names=())


@pytest.mark.parametrize(("kind", "code"), [("departments", "code"), ("accounts", "number")])
def test_the_key_of_a_reference_feed_is_its_code(kind: str, code: str) -> None:
    text = f"feed: x\nkind: {kind}\npath: x.csv\ncolumns: {{{code}: Code}}\n"
    assert feed(text).rules.key == (code,)


short = st.text(max_size=5)
names = st.dictionaries(short, short, max_size=3)
tuples = st.lists(short, max_size=3).map(tuple)
rules = st.builds(
    ReadingRules,
    kind=st.sampled_from(["ledger", "departments", "accounts"]),
    dialect=st.builds(Dialect, delimiter=short, header_row=st.integers(0, 3), names=tuples),
    fields=st.dictionaries(
        short,
        st.builds(
            FieldRule,
            sources=tuples,
            required=st.booleans(),
            default=st.none() | short,
            value_map=names,
            formats=tuples,
            thousands=st.none() | short,
            debit=st.none() | short,
        ),
        max_size=3,
    ),
    constants=names,
    scenarios=names,
    key=tuples,
    is_debit_positive=st.booleans(),
    currency=short,
    earliest_date=short,
    latest_date=short,
)


@given(st.builds(ResolvedFeed, short, rules))
def test_a_feed_is_equal_after_a_round_trip_through_json(original: ResolvedFeed) -> None:
    assert ResolvedFeed.from_json(json.loads(json.dumps(original.to_json()))) == original


@given(rules, rules)
def test_two_sets_of_rules_have_one_identity_only_if_they_are_equal(first: ReadingRules, second: ReadingRules) -> None:
    assert (first.identity == second.identity) == (first == second)
    assert replace(first).identity == first.identity


@pytest.mark.parametrize(
    "given_feed", [feed(WHOLE), *(shipped.resolve(settings()) for shipped in shipped_descriptors())]
)
def test_the_identity_is_the_same_after_a_round_trip_through_json(given_feed: ResolvedFeed) -> None:
    returned = ResolvedFeed.from_json(json.loads(json.dumps(given_feed.to_json())))
    assert returned.rules.identity == given_feed.rules.identity


READING_RULES = {
    "delimiter": ('";"', '","'),
    "quote": ('"\'"', "'\"'"),
    "encoding": ("cp1252", "utf-8"),
    "header names": ("Net]", "Nett]"),
    "source": ("[Day, Paid]", "[Paid, Day]"),
    "formats": ("[dd.MM.yyyy, dd/MM/yyyy]", "[dd/MM/yyyy, dd.MM.yyyy]"),
    "map": ("FY14-15: 01.07", "FY14-15: 02.07"),
    "default": ('"0000"', '"0001"'),
    "template": ("{Group}-{Code}", "{Group}{Code}"),
    "marks": ('decimal: ",", thousands: "."', 'decimal: "."'),
    "required": (", required: false", ""),
    "constant": ("{scenario: Outlook}", "{scenario: Budget}"),
    "scenario types": ("{Outlook: Forecast}", "{Outlook: Budget}"),
    "sign": ("debit_positive", "natural"),
    "key": ("[date, account]", "[account, date]"),
}


@pytest.mark.parametrize(("old", "new"), READING_RULES.values(), ids=READING_RULES)
def test_the_identity_changes_with_a_reading_rule(old: str, new: str) -> None:
    assert WHOLE.count(old) == 1
    assert feed(WHOLE.replace(old, new)).rules.identity != feed(WHOLE).rules.identity


@pytest.mark.parametrize(
    "changed", [{"currency": "EUR"}, {"earliest_date": "2001-01-01"}, {"latest_date": "2030-01-01"}]
)
def test_the_identity_changes_with_a_setting_that_decides_which_rows_are_rejected(changed: dict[str, str]) -> None:
    assert feed(WHOLE, **changed).rules.identity != feed(WHOLE).rules.identity


OTHER_KEYS = {
    "description": ("Spend over 500.", "Spend"),
    "owner": ("finance@example.org", "cfo@example.org"),
    "tolerance of rows": ("rejected_rows: 0.01", "rejected_rows: 0.5"),
    "tolerance of money": ("rejected_amount: 1000.00", "rejected_amount: 1.00"),
    "days until an early warning": ("warn_after_days: 35", "warn_after_days: 5"),
    "days until it is overdue": ("fail_after_days: 45", "fail_after_days: 100"),
    "freshness": ("freshness: {warn_after_days: 35, fail_after_days: 45}\n", ""),
    "when it is due": ("owner:", "expect: {every: month, by_working_day: 3}\nowner:"),
    "path": ("council/*.csv", "council/2025/*.csv"),
    "name": ("council_spend", "council"),
    "a comment": ("owner:", "# who\nowner:"),
}


@pytest.mark.parametrize(("old", "new"), OTHER_KEYS.values(), ids=OTHER_KEYS)
def test_the_identity_stays_if_no_reading_rule_changes(old: str, new: str) -> None:
    assert WHOLE.count(old) == 1
    assert feed(WHOLE.replace(old, new)).rules.identity == feed(WHOLE).rules.identity


def test_the_identity_stays_if_a_feed_declares_its_document_numbers() -> None:
    numbered = WHOLE.replace("columns:\n", "columns:\n  transaction_id: {from: Invoice}\n")
    declared = numbered.replace("owner:", "document_numbers: {restart: never}\nowner:")
    assert declared != numbered != WHOLE
    assert feed(declared).rules.identity == feed(numbered).rules.identity


# Order, scope, covers, limits


def test_by_default_a_feed_has_no_order_no_scope_and_holds_deliveries_that_remove_over_half() -> None:
    default = descriptor()
    assert (default.order, default.load.scope, default.load.covers) == (None, [], None)
    assert (default.hold_if_removes, default.hold_if_late) == (Decimal("0.5"), False)
    rules = default.resolve(settings()).rules
    assert (rules.scope, rules.covers, rules.order_column) == ((), None, None)


def test_the_order_may_come_from_the_name_or_from_a_column() -> None:
    assert descriptor(order="{from_name: '_v([0-9]+)'}").order == OrderConfig(from_name="_v([0-9]+)")
    assert descriptor(order="{from_column: Posted}").order == OrderConfig(from_column="Posted")


def test_an_order_by_column_is_a_reading_rule_and_one_by_name_is_not() -> None:
    without_order, by_name, by_column = (
        descriptor(**order).resolve(settings()).rules
        for order in ({}, {"order": "{from_name: a}"}, {"order": "{from_column: Posted}"})
    )
    assert by_name.identity == without_order.identity
    assert (by_column.order_column, by_column.identity == without_order.identity) == ("Posted", False)


@pytest.mark.parametrize("scope", ["department", "[department, account]"])
def test_a_scope_is_one_mapped_field_or_several(scope: str) -> None:
    resolved = descriptor(load=f"{{mode: replace_period, scope: {scope}}}").resolve(settings())
    assert resolved.rules.scope == tuple(scope.strip("[]").split(", "))


def test_a_scope_may_be_a_constant() -> None:
    constant = with_lines(
        LEDGER,
        constants="{scenario: Actual, business_unit: North}",
        load="{mode: replace_period, scope: business_unit}",
    )
    assert descriptor(constant).load.scope == ["business_unit"]


def test_the_pattern_of_covered_periods_is_a_reading_rule() -> None:
    covering = descriptor(load="{mode: replace_period, covers: {from_name: 'gl_([0-9]{6})'}}").resolve(settings())
    assert covering.rules.covers == "gl_([0-9]{6})"
    assert covering.rules.identity != descriptor(load="{mode: replace_period}").resolve(settings()).rules.identity


@pytest.mark.parametrize(("written", "share"), [("0", 0), ("0.25", Decimal("0.25")), ("1", 1), ("never", "never")])
def test_hold_if_removes_is_a_share_or_never(written: str, share: object) -> None:
    assert descriptor(hold_if_removes=written).hold_if_removes == share


def test_freshness_has_a_limit_and_may_have_an_early_warning() -> None:
    assert descriptor().freshness is None
    assert descriptor(freshness="{fail_after_days: 45}").freshness == FreshnessConfig(fail_after_days=45)
    both = descriptor(freshness="{warn_after_days: 35, fail_after_days: 45}").freshness
    assert both == FreshnessConfig(warn_after_days=35, fail_after_days=45)


def test_of_the_shipped_feeds_only_the_ledger_has_a_freshness() -> None:
    expected = {shipped.feed: shipped.freshness for shipped in shipped_descriptors() if shipped.freshness}
    assert expected == {"transactions": FreshnessConfig(warn_after_days=35, fail_after_days=45)}


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("accounts", "AccountNumber,AccountName,AccountType,AccountCategory,ParentAccountNumber"),
        ("accounts", "Account Number,Account Name,Account Type,Category,Parent Account Number"),
        ("departments", "DepartmentCode,DepartmentName,BusinessUnit,ParentDepartmentCode"),
        ("departments", "Department Code,Department Name,Business Unit,Parent"),
        ("statement_lines", "AccountNumber,AccountCategory,Section,StatementLine,LineOrder"),
    ],
)
def test_reference_files_may_use_the_column_names_of_the_warehouse(name: str, header: str) -> None:
    (shipped,) = [shipped for shipped in shipped_descriptors() if shipped.feed == name]
    sources = bind_fields(shipped.resolve(settings()).rules, header.split(","), f"{name}.csv")
    assert {column for source in sources.values() for column in source.headers} == set(header.split(","))


def test_a_missing_column_is_said_by_one_spelling_of_each_name() -> None:
    (shipped,) = [shipped for shipped in shipped_descriptors() if shipped.feed == "accounts"]
    with pytest.raises(
        MissingColumnError, match="expected 'account_number' or 'account' or 'number', found Konto, Name"
    ):
        bind_fields(shipped.resolve(settings()).rules, ["Konto", "Name"], "accounts.csv")


def test_hold_if_late_is_a_boolean() -> None:
    assert descriptor(hold_if_late="true").hold_if_late


def test_a_feed_with_scope_covers_and_order_is_equal_after_a_round_trip_through_json() -> None:
    text = with_lines(
        LEDGER,
        load="{mode: replace_period, scope: department, covers: {from_name: (a)}}",
        order="{from_column: Posted}",
    )
    resolved = descriptor(text).resolve(settings())
    assert ResolvedFeed.from_json(json.loads(json.dumps(resolved.to_json()))) == resolved


def test_a_field_may_come_from_the_name_of_the_file() -> None:
    named = descriptor(with_columns({"date": "{from_name: '_([0-9]{4})([0-9]{2})', template: '{1}-{2}'}"}))
    resolved = named.resolve(settings())
    rule = FieldRule(name_pattern="_([0-9]{4})([0-9]{2})", name_template="{1}-{2}")
    assert resolved.rules.fields["date"] == rule
    assert ResolvedFeed.from_json(json.loads(json.dumps(resolved.to_json()))) == resolved


def test_the_pattern_and_the_template_of_a_name_are_reading_rules() -> None:
    parts = (
        "{from: A}",
        "{from: A, from_name: '(a)'}",
        "{from: A, from_name: '(b)'}",
        "{from: A, from_name: '(a)', template: '{1}!'}",
    )
    assert len({feed(with_columns({"department": part})).rules.identity for part in parts}) == len(parts)


PLAN = """\
feed: {name}
kind: ledger
path: {name}*.csv
columns:
  date: {{from: [period, date], formats: [yyyy-MM, yyyy-MM-dd]}}
  department: {{from: [department_code, department]}}
  account: {{from: [account_number, account]}}
  amount: {{from: [{name}_amount, amount], decimal: ".", thousands: ","}}
constants: {{scenario: {scenario}}}
load: {{mode: replace_period}}
"""


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("accounts", "ae1d44dcbcf709bd"),
        ("departments", "f192509a993dd8b2"),
        ("transactions", "cb022fab5b46074c"),
        ("budget", "7ebe6dadae8d18a3"),
        ("forecast", "0b318eacd737843c"),
    ],
)
def test_the_identities_of_the_shipped_feeds_do_not_change(name: str, identity: str) -> None:
    """Another identity makes every home read every file of the feed again."""
    (shipped,) = [shipped for shipped in shipped_descriptors() if shipped.feed == name]
    assert shipped.resolve(settings()).rules.identity == identity


@pytest.mark.parametrize(("name", "identity"), [("budget", "1a5a2cfa09561ef9"), ("forecast", "ae1a5fc128da8ffa")])
def test_a_rule_that_was_added_later_leaves_the_identity_of_feeds_without_it(name: str, identity: str) -> None:
    """The text and the identity of the two feeds before `from_name` existed."""
    text = PLAN.format(name=name, scenario=name.capitalize())
    assert feed(text).rules.identity == identity
