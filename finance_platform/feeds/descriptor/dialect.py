"""The key `dialect`: how a file is cut into cells.

Belongs here: its keys and their checks. Does not belong here: cutting (see `feeds.files.delimited_file`,
`feeds.files.workbook`).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from finance_platform.feeds.descriptor.strict_model import ShortText, StrictModel, raise_mistakes, reject_duplicates
from finance_platform.feeds.limits import MAX_COLUMNS
from finance_platform.feeds.resolved import Dialect

_NOT_OF_FILES = {"utf-7", "punycode", "idna", "unicode-escape", "raw-unicode-escape"}
"""Encodings of Python for mail, domains and source code; some take quadratic time."""


MAX_COMMENT_CHARACTERS = 10
_MAX_HEADER_ROWS = 5


def _to_rows(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _check_rows(rows: list[int]) -> list[int]:
    if min(rows) < (1 if len(rows) > 1 else 0):
        raise ValueError(f"expected a number from {1 if len(rows) > 1 else 0}")
    if sorted(set(rows)) != rows:
        raise ValueError("the lines of one header must be in order, such as [10, 11]")
    return rows


HeaderRows = Annotated[
    list[int],
    Field(min_length=1, max_length=_MAX_HEADER_ROWS),
    BeforeValidator(_to_rows),
    AfterValidator(_check_rows),
    WithJsonSchema(
        {
            "type": ["integer", "array"],
            "minimum": 0,
            "items": {"type": "integer", "minimum": 1},
            "minItems": 1,
            "maxItems": _MAX_HEADER_ROWS,
        }
    ),
]
"""The lines of a header; a single one may be written without a list."""


class DialectConfig(StrictModel):
    """How the file is cut into cells."""

    delimiter: str = Field(
        ",",
        min_length=1,
        max_length=1,
        description='The character between two cells; a tab is written `"\\t"`.',
    )
    quote: str = Field(
        '"',
        min_length=1,
        max_length=1,
        description="The character around a cell that contains the delimiter, a line break or, doubled, itself.",
    )
    encoding: str = Field(
        "utf-8",
        description="A text encoding of Python: `utf-8`, `cp1252`, `utf-16` (with a byte order mark), `utf-16-le` "
        "(without) … A byte order mark wins over it. Text that is valid UTF-8 but declared as a single-byte encoding "
        "holds the delivery.",
    )
    header_row: HeaderRows = Field(
        [1],
        description="The line of the header, or the row of the sheet, counted from 1; what is above it, such as "
        "titles, is not read. A list such as [10, 11] makes one header of two lines: the texts of each column with a "
        "space between them. A text of the upper line counts for the columns behind it that lack one and would "
        "share their names, and in a workbook for all columns of its merged cell. 0 with `names` if there is no "
        "header.",
    )
    names: list[ShortText] = Field(
        [],
        max_length=MAX_COLUMNS,
        description="The names of the columns, from left to right, of a file without a header: with `header_row: 0`, "
        "and only then.",
    )
    comment: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_COMMENT_CHARACTERS,
        description="A row that begins with this text is a comment: it is skipped and counted. By default no row is.",
    )

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError(f"{value!r} is not a text encoding that Python knows; try utf-8 or cp1252") from None
        if codecs.lookup(value).name in _NOT_OF_FILES:
            raise ValueError(f"{value!r} is not an encoding of files; try utf-8 or cp1252")
        return value

    @field_validator("names")
    @classmethod
    def _check_names(cls, value: list[str]) -> list[str]:
        reject_duplicates(value)
        return value

    @model_validator(mode="after")
    def _check_parts_agree(self) -> DialectConfig:
        raise_mistakes(self._mistakes())
        return self

    def _mistakes(self) -> Iterator[str]:
        if self.comment and (self.comment.isspace() or set(self.comment) & {self.delimiter, self.quote, "\n", "\r"}):
            yield "comment must be a text without the delimiter, the quote and line breaks, such as '#'"
        if (self.header_row == [0]) != bool(self.names):
            yield "names: [...] is needed with header_row: 0, and only then"
        if self.delimiter == self.quote or {self.delimiter, self.quote} & {"\n", "\r"}:
            yield "delimiter and quote must differ, and neither can be a line break"

    def resolve(self) -> Dialect:
        """Return the dialect in the form that travels to Glue."""
        *above, last = self.header_row
        values = self.model_dump() | {"names": tuple(self.names), "header_row": last}
        return Dialect(**values, header_above=tuple(above))
