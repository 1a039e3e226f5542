"""Files of shipped feeds as spreadsheets of other countries write them: delimiter, encoding, account types."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.draft import draft_descriptor
from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.feeds.values.codes import account_type
from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import settings

SHIPPED = {feed.feed: feed for feed in shipped_descriptors()}
ACCOUNTS = "account_number;account_name;account_type\r\n4400;Erlöse 19 %;Ertrag\r\n6020;Gehälter, brutto;AUFWAND\r\n"
LINES = "transaction_id;date;department_code;account_number;amount\n1;2025-01-31;100;4400;1234.50\n"


def check(folder: Path, name: str, data: bytes, feed: str) -> FileCheck:
    (folder / name).write_bytes(data)
    return check_file(LocalStore(folder), name, SHIPPED[feed], settings())


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_accounts_as_a_german_spreadsheet_writes_them_are_read(delimiter: str, encoding: str, tmp_path: Path):
    found = check(tmp_path, "accounts.csv", ACCOUNTS.replace(";", delimiter).encode(encoding), "accounts")
    assert (found.is_fine, found.outcomes["accepted"].rows) == (True, 2)
    assert any("was read as cp1252" in warning for warning in found.findings.warnings) == (encoding == "cp1252")


def test_lines_of_money_are_read_with_any_delimiter_and_only_as_utf_8(tmp_path: Path):
    found = check(tmp_path, "transactions.csv", LINES.encode(), "transactions")
    assert (found.refusal, found.outcomes["accepted"].rows) == ("", 1)
    refused = check(tmp_path, "transactions.csv", LINES.replace(";100;", ";Köln;").encode("cp1252"), "transactions")
    assert "not valid utf-8" in refused.refusal.lower()


def test_a_header_that_fits_keeps_its_delimiter_and_another_one_is_refused_with_how_to_replace_the_descriptor(
    tmp_path: Path,
):
    text = "account_number,account_name,account_type\n4400;1,Sales; all,Revenue\n"
    assert check(tmp_path, "accounts.csv", text.encode(), "accounts").outcomes["accepted"].rows == 1
    refused = check(tmp_path, "accounts.csv", b"Konto;Text\n4400;Miete\n", "accounts")
    assert refused.refusal.startswith("the header lacks the column for number")
    fix = refused.fix.replace("draft accounts.csv", "draft 'accounts.csv'")
    assert "`finance-platform feed draft 'accounts.csv'` writes one that replaces it for this file, saved as" in fix
    held = check(tmp_path, "accounts.csv", ACCOUNTS.replace("Ertrag", "Quatsch").encode(), "accounts")
    assert all("saved as feeds/accounts.yaml in the home" in fix for fix in held.holds.values())


def test_the_command_that_the_fix_names_writes_a_descriptor_that_reads_the_file(tmp_path: Path):
    path = tmp_path / "accounts.csv"
    path.write_bytes(b"Konto;Kontobezeichnung;Kontoart\n4400;Miete;Aufwand\n")
    draft = parse_descriptor(draft_descriptor(lambda: path.open("rb"), path.name, "USD"), "feeds/accounts.yaml")
    assert draft.matches(path.name)
    assert check_file(LocalStore(tmp_path), path.name, draft, settings()).outcomes["accepted"].rows == 1


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("Ertrag", "Revenue"), ("ERLÖSE", "Revenue"), ("Produits", "Revenue"), ("Aufwand", "Expense"),
        ("Charges", "Expense"), ("Aktiva", "Asset"), ("Passiva", "Liability"), ("Verbindlichkeiten", "Liability"),
        ("Eigenkapital", "Equity"), ("Capitaux propres", "Equity"), ("expense", "Expense"), ("P&L", None),
    ],
)  # fmt: skip
def test_words_for_account_types_are_known_in_several_languages(word: str, meaning: str | None):
    assert account_type(word) == meaning
