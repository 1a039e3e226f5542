"""The delimiter and the encoding of a file that a shipped feed reads, found from its bytes.

Belongs here: what spreadsheets of other countries write. Does not belong here: feeds of a home, whose descriptor says
both (see `descriptor.dialect`), advice for files that cannot be read (see `likely_cause`).

A home cannot edit a shipped descriptor, and Excel in German or French writes `;` and cp1252 where the seed's files have
`,` and UTF-8. A delimiter is taken only if the declared one gives no header that the feed can use.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice

from finance_platform.feeds.files.file_format import OpenFile, find_invalid_utf8, marked_encoding, unmarked_encoding
from finance_platform.feeds.findings import Note
from finance_platform.feeds.resolved import Dialect, FieldRule, ReadingRules, template_headers
from finance_platform.feeds.values.codes import clean, fold_name

_DELIMITERS = (",", ";", "\t")
_SAMPLE_BYTES = 1 << 16
_WINDOWS = "cp1252"
AS_WINDOWS = {
    "the file is not UTF-8 and was read as cp1252, as Excel on Windows writes": Note(
        1, "check names with accents; to be sure, save the file as CSV UTF-8"
    )
}
"""What a person should know about a file whose encoding was found."""


def find_dialect(open_file: OpenFile, rules: ReadingRules) -> Dialect:
    """Return the dialect of a text file that a shipped feed reads; that of the feed if its header fits.

    Args:
        open_file: opens the file, unpacked.
        rules: the feed's rules.
    """
    dialect = rules.dialect
    with open_file() as stream:
        start = stream.read(_SAMPLE_BYTES)
    marked = marked_encoding(start) or unmarked_encoding(start)
    # Texts of lines may name people and places, but names of members are all that a wrong encoding could harm here.
    if not marked and rules.kind != "ledger" and find_invalid_utf8(open_file):
        dialect = replace(dialect, encoding=_WINDOWS)
    text = start.decode(marked or dialect.encoding, "replace").removeprefix("\ufeff")
    fields = rules.fields.values()
    if dialect.delimiter in _DELIMITERS and _has_needed(_header(text, dialect.delimiter, dialect), fields):
        return dialect
    fitting = [mark for mark in _DELIMITERS if _has_needed(_header(text, mark, dialect), fields)]
    return replace(dialect, delimiter=fitting[0]) if len(fitting) == 1 else dialect


def _header(text: str, delimiter: str, dialect: Dialect) -> Sequence[str]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=dialect.quote)
    try:
        rows = [cells for cells in islice(reader, dialect.header_row) if cells]
    except csv.Error:
        return ()  # reading the file names the row
    return rows[-1] if rows else ()


def _has_needed(header: Sequence[str], rules: Collection[FieldRule]) -> bool:
    names = {fold_name(clean(name)) for name in header}
    return all(
        any(all(fold_name(name) in names for name in template_headers(source)) for source in rule.sources)
        for rule in rules
        if rule.required and rule.sources and not rule.name_pattern
    )
