"""Raw lines: records as an editor shows them, from any line, in any dialect.

Belongs here: `trace.raw_lines`. Does not belong here: the traces (see `model_based/test_trace`).
"""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds.files.delimited_file import DelimitedFile
from finance_platform.feeds.resolved import Dialect
from finance_platform.storage.local import LocalStore
from finance_platform.trace.raw_lines import RawState, check_raw_state, read_raw_texts
from finance_platform_tests.unit.factories import write

KEY = "a.csv"


@pytest.fixture
def raw(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def texts(raw: LocalStore, content: str | bytes, *rows: int, **dialect: Any) -> dict[int, str]:
    write(Path(raw.root) / KEY, content)
    texts = read_raw_texts(raw, KEY, [(None, row) for row in rows], Dialect(**dialect))
    return {row: text for (_, row), text in texts.items()}


def test_lines_are_returned_unchanged_and_may_be_requested_in_any_order(raw: LocalStore):
    assert texts(raw, "h\n a \nb\nc\n", 4, 2) == {2: " a ", 4: "c"}


def test_a_quoted_record_has_all_of_its_lines(raw: LocalStore):
    content = 'h,k\n1,"a\nb ""c""\n\nd"\n2,e\n'
    assert texts(raw, content, 2, 6) == {2: '1,"a\nb ""c""\n\nd"', 6: "2,e"}


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_break_counts(raw: LocalStore, line_break: str):
    assert texts(raw, line_break.join(["h", "a", "b"]), 3) == {3: "b"}


def test_text_is_read_in_the_dialect_of_the_file(raw: LocalStore):
    assert texts(raw, "h\nMüller;'a\nb'\n".encode("cp1252"), 2, encoding="cp1252", delimiter=";", quote="'") == {
        2: "Müller;'a\nb'"
    }
    assert texts(raw, b"\xef\xbb\xbfh\na\n", 1) == {1: "h"}


def test_invalid_bytes_become_replacement_characters(raw: LocalStore):
    assert texts(raw, b"h\nM\xfcller\n", 2) == {2: "M\ufffdller"}


def test_a_line_that_the_file_does_not_have_is_left_out(raw: LocalStore):
    assert texts(raw, "h\na\n", 2, 9) == {2: "a"}


class InMemory(LocalStore):
    """A zone whose every object has the same bytes."""

    def __init__(self, content: bytes) -> None:
        super().__init__(".")
        self._content = content

    def open(self, _: str) -> BinaryIO:
        return io.BytesIO(self._content)


cells = st.text(st.sampled_from('ab,"\n\r é'), max_size=6)


@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=6))
def test_each_record_of_the_reader_is_returned_whole(rows: list[list[str]]):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["h", "k"], *rows])
    content = text.getvalue().encode()
    file = DelimitedFile(lambda: io.BytesIO(content), Dialect())
    starts = [row for batch in file.batches() for row in batch.source_rows.to_pylist()]

    texts = read_raw_texts(InMemory(content), KEY, [(None, row) for row in starts], Dialect())
    records = {row: text for (_, row), text in texts.items()}
    assert "\n".join(records[start] for start in starts) + "\n" == content.decode().partition("\n")[2]


def test_an_object_is_the_same_by_its_etag_or_its_bytes_else_changed_or_gone(raw: LocalStore):
    path = write(Path(raw.root) / KEY, "one")
    stored = raw.find(KEY)
    assert stored
    fingerprint = raw.fingerprint(KEY)
    assert check_raw_state(raw, KEY, "never read", stored.etag) is RawState.SAME
    os.utime(path, (1, 1))
    assert check_raw_state(raw, KEY, fingerprint, stored.etag) is RawState.SAME
    write(path, "two")
    assert check_raw_state(raw, KEY, fingerprint, stored.etag) is RawState.CHANGED
    path.unlink()
    assert check_raw_state(raw, KEY, fingerprint, stored.etag) is RawState.GONE
