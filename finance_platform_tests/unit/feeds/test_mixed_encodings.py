"""Files of which a part is UTF-8 and a part is not, as joined files are: what is said about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text

DESCRIPTOR = """\
feed: x
kind: ledger
path: x.csv
dialect: {encoding: cp1252}
columns: {date: Date, department: Unit, account: Account, amount: Amount}
constants: {scenario: Actual}
"""
HEADER = b"Date,Unit,Account,Amount\n"
LINE = "2025-01-05,Z\u00fcrich,4000,1.50\n"


def check(folder: Path, data: bytes, encoding: str = "cp1252") -> FileCheck:
    return check_text(folder, HEADER + data, DESCRIPTOR.replace("cp1252", encoding))


@pytest.mark.parametrize("order", [("utf-8", "cp1252"), ("cp1252", "utf-8")])
def test_a_file_in_two_encodings_is_a_warning_that_names_a_line(tmp_path: Path, order: tuple[str, str]):
    result = check(tmp_path, b"".join(LINE.encode(encoding) for encoding in order))
    (warning,) = result.findings.warnings
    assert warning == (
        f"line {2 + order.index('utf-8')}: '\u00fc' is in UTF-8, and became '\u00c3\u00bc', because other lines are in "
        "cp1252: names and codes with such letters may be two"
    )
    assert not result.holds


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("S\u00c3O PAULO \u2013 CAF\u00c9\u00ae, M\u00fcnchen", "cp1252"),
        ("\u0413\u0451\u0442\u0435", "cp1251"),
        ("Z\u00fcrich", "cp1252"),
    ],
)
def test_a_file_in_one_encoding_has_no_warning(tmp_path: Path, text: str, encoding: str):
    assert not check(tmp_path, f'2025-01-05,"{text}",4000,1.50\n'.encode(encoding), encoding).findings.warnings


def test_a_file_that_is_utf8_throughout_is_held_as_before(tmp_path: Path):
    assert check(tmp_path, LINE.encode() * 2).holds
