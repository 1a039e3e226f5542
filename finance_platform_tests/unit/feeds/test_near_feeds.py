"""The advice about a file that no feed reads although its name is close to the path of one."""

from __future__ import annotations

import pytest

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.feed_set import FeedSet, advise_unmatched, shipped_descriptors
from finance_platform.feeds.near_feeds import near_feeds
from finance_platform_tests.unit.factories import LEDGER, with_lines

FEEDS = FeedSet(
    tuple(
        parse_descriptor(with_lines(LEDGER, feed=name, path=f'"{path}"'), "x.yaml")
        for name, path in (
            ("gl", "GL_export_*.csv"),
            ("erp", "erp/books_*.{csv,xlsx}"),
            ("any", "in/*.csv"),
            ("je", "je_2025-01.csv"),
        )
    ),
    tuple(shipped_descriptors()),
)
GL = "if it is meant for the feed gl, which reads 'GL_export_*.csv'"
ERP = "if it is meant for the feed erp, which reads 'erp/books_*.{csv,xlsx}'"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("2025/GL_export_2025-07.csv", f"{GL}, move it to the top of the raw zone"),
        ("a/b/gl_EXPORT_2025.csv", f"{GL}, move it to the top of the raw zone"),
        ("books_2025.xlsx", f"{ERP}, move it to the folder erp"),
        ("GL_export_2025-07.txt", f"{GL}, save it as .csv"),
        ("GL_export_2025-07.csv.gz", f"{GL}, save it as .csv"),
        ("GL_export_2025-07.xlsx", f"{GL}, save it as .csv"),
        ("books_2025.txt", f"{ERP}, save it as .csv in the folder erp"),
        ("Copy of GL_export_2025-07.csv", f"{GL}, rename it"),
        (
            "je_2025-02.csv",
            "if it is meant for the feed je, which reads 'je_2025-01.csv', widen that path, such as 'je_*.csv'",
        ),
        ("in/anything.txt", "if it is meant for the feed any, which reads 'in/*.csv', save it as .csv"),
        (
            "accounts.xls",
            "if it is meant for the feed accounts, which reads 'accounts*.csv', save it as .csv",
        ),
        (
            "inbox/budget.csv",
            "if it is meant for the feed budget, which reads 'budget*.csv', move it to the top of the raw zone",
        ),
    ],
)
def test_the_advice_about_a_file_in_another_folder_or_with_another_ending_or_name_has_the_feed_it_is_close_to(
    name: str, advice: str
) -> None:
    assert near_feeds([name], FEEDS) == {name: advice}
    assert advise_unmatched(name, near=advice) == (
        f"{advice}; else add a descriptor to the home's feeds folder; or take the file out of the raw zone"
    )


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        (
            "qb/JUNE.IIF",
            "export a report as CSV or as a workbook, such as Transaction Detail by Account, or Journal; an",
        ),
        ("2025.se", "export the ledger (Huvudbok)"),
        ("bank.qif", "export the lines of the ledger as CSV"),
        ("bank.ofx", "export the lines of the ledger as CSV"),
        ("bank.sta", "export the lines of the ledger as CSV"),
        ("api.json", "export it as CSV or as a workbook"),
    ],
)
def test_a_file_that_programs_exchange_is_not_advised_to_be_saved_under_another_name(name: str, fix: str) -> None:
    advice = advise_unmatched(name)
    assert advice.startswith(fix)
    assert advice.endswith("is not a table, so no feed reads it; or take the file out of the raw zone")


@pytest.mark.parametrize("name", ["notes.pdf", "GL_export_2025-07.zip", "minutes of the board.csv", "a/b/c.xlsx"])
def test_a_file_that_no_feed_could_read_or_that_resembles_none_is_close_to_none(name: str) -> None:
    assert near_feeds([name], FEEDS) == {}


def test_only_the_first_of_many_files_are_compared_with_every_path() -> None:
    names = [f"x/GL_export_{number}.csv" for number in range(100_000)]
    assert list(near_feeds(names, FEEDS)) == names[:200]
