"""Text from files as it may be shown: on a terminal, in a log, on a page, in a spreadsheet.

Belongs here: the one definition of what cannot be printed, that of what must not be shown (credentials in a library's
message), and how a text is written for each kind of reader.
Does not belong here: writing it anywhere (see `cli.console`, `orchestration.ui.metadata_values`), which characters a
file may have (see `feeds.values.hidden_characters`).

A text is never removed or shortened here: what cannot be printed is written as an escape sequence, so that a reader
sees it. The sequences are those of a shell's `$'...'`: a byte that is not UTF-8 has two digits, DEL and above has four.
"""

from __future__ import annotations

import html
import json
import logging
import re
import shlex
from typing import TypeVar

_T = TypeVar("_T")

# The controls (C0 without the newline, DEL, C1), characters that hide (soft hyphen, zero width, tags), that change the
# direction of their neighbours or end a line, and halves of surrogate pairs, which no encoding can write.
_UNPRINTABLE = re.compile(
    "[\0-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}

_USER_INFO = re.compile(r"(?<=://)[^/@\s\"']+@")
_SIGNATURE = re.compile(
    # Of a presigned request, wherever it is written: a client's error may have the path and the query alone.
    r"\b((?:X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId)(?:=|%3D|['\"]?: ?['\"]?))[^&;,\s\"'<>)]+"
    # Among the parameters of an address: of JDBC, of Spark Connect, of a storage's shared access.
    r"|([?&;](?:password|pwd|token|access_token|sig|signature|client_secret|x-aws-proxy-auth)=)[^&;\s\"'<>)]+",
    re.IGNORECASE,
)

_SPECIAL_IN_QUOTES = set('"$`\\!')
"""What a shell does not take as it is between double quotes."""

# Brackets are a pattern for a shell: zsh stops at a command with one that matches no file.
_PLAIN_NAME = re.compile(r"[\w@%+=:,./-]+")

# White space, quotes and invisible characters before the sign do not keep a spreadsheet from evaluating the cell.
_FORMULA = re.compile("[\\s\"'`\0-\x20\u00ad\u200b-\u200f\u2060\ufeff]*[=+\\-@＝＋－＠]|[\t\r]")
_BEFORE_A_FORMULA = frozenset(" \"'`=+-@")
"""Of printable ASCII, what a text that `_FORMULA` matches may begin with."""

_NUMBER = re.compile(r"\s*[+-]?(\d+|\d{1,3}([,.' ]\d{3})+)([.,]\d+)?%?\s*")

_MARKDOWN = re.compile(r"[\\`*\[\]|~#]|(?<!\w)_|_(?!\w)")
_ESCAPED_MARKDOWN = re.compile(r"\\([\\`*\[\]|~#_])")
_FIRST_ESCAPED_BYTE = 0xDC80
"""Python reads a byte that is not UTF-8, in the name of a file, as half of a surrogate pair from here."""


def hide_credentials(text: str) -> str:
    """Return a text without the credentials of the addresses in it.

    These are the user name and the password before a host, the signature of a presigned request, and parameters that
    are passwords or tokens by their names.
    """
    return _SIGNATURE.sub(lambda match: f"{match[1] or match[2]}***", _USER_INFO.sub("***@", text))


def printable(text: str) -> str:
    """Return a text in which only newlines and printable characters are left; all others are escaped."""
    if text.isascii() and text.isprintable():  # most texts are, and a file may have millions
        return text
    return _UNPRINTABLE.sub(lambda match: _escape(match[0]), text)


def printable_line(text: str) -> str:
    """Return a text on one line: as `printable`, with newlines escaped too."""
    if text.isascii() and text.isprintable():
        return text
    return printable(text).replace("\n", "\\n")


def quote_name(name: str) -> str:
    r"""Return the name of a file or an object for a message or a command.

    A name of letters, digits and the usual punctuation is returned as it is; any other in the quotes of a shell, so
    that it is apart from the words around it and can be copied into a command: `'budget q1.csv'`, `"Anna's copy.csv"`,
    `$'a\x1b.csv'`.
    """
    if _PLAIN_NAME.fullmatch(name):
        return name
    line = printable_line(name)
    if line == name:
        return f'"{name}"' if "'" in name and not _SPECIAL_IN_QUOTES & set(name) else shlex.quote(name)
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{printable_line(escaped)}'"


def to_json(document: object, *, indent: int | None = None, sort_keys: bool = False) -> str:
    """Return a document as JSON text for people and machines: readable letters, and everything else escaped."""
    text = json.dumps(document, indent=indent, sort_keys=sort_keys, ensure_ascii=False)
    return _UNPRINTABLE.sub(_json_escape, text)


def markdown(text: str) -> str:
    """Return a text as Markdown that shows it literally, on one line: no table, link, emphasis, formula or HTML."""
    return _MARKDOWN.sub(r"\\\g<0>", html.escape(printable_line(text), quote=False))


def markdown_lines(text: str) -> str:
    """Return a text of several lines as Markdown that shows each of them literally; an ordinary text stays as it is."""
    return "\n".join(map(markdown, text.split("\n")))


def text_of_markdown(literal: str) -> str:
    """Return the text that `markdown` or `markdown_lines` has made Markdown of."""
    return html.unescape(_ESCAPED_MARKDOWN.sub(r"\1", literal))


def markdown_code(text: str) -> str:
    """Return a text as a code span of Markdown, in which nothing is markup."""
    line = printable_line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    space = " " if len(fence) > 1 or not line.strip() else ""
    return f"{fence}{space}{line}{space}{fence}"


def spreadsheet_cell(value: _T) -> _T | str:
    """Return a value for a cell of a spreadsheet: a text that would be a formula begins with an apostrophe.

    Numbers and dates are returned as they are. So is a text that is only a number, such as the account `-1`: a
    spreadsheet shows it as that number and evaluates nothing. Any other text that begins with a sign (`+49 30 1`) is
    not a number and gets the apostrophe. Control characters other than newlines and tabs are escaped.
    """
    if not isinstance(value, str):
        return value
    if value.isascii() and value.isprintable() and value[:1] not in _BEFORE_A_FORMULA:
        return value
    text = _UNPRINTABLE.sub(lambda match: match[0] if match[0] == "\t" else _escape(match[0]), value)
    is_formula = _FORMULA.match(value) is not None and not _NUMBER.fullmatch(value)
    return f"'{text}" if is_formula else text


class PrintableFilter(logging.Filter):
    """Makes the message of each log record printable, and hides its credentials."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, with its message and arguments as one printable text."""
        record.msg, record.args = hide_credentials(printable(record.getMessage())), ()
        return True


class PrintableFormatter(logging.Formatter):
    """Formats log records, tracebacks included, without characters that cannot be printed and without credentials."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text; see `printable` and `hide_credentials`."""
        return hide_credentials(printable(super().format(record)))


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0x7F:
        return _ESCAPES.get(character, f"\\x{code:02x}")
    if _FIRST_ESCAPED_BYTE <= code <= _FIRST_ESCAPED_BYTE + 0x7F:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _json_escape(match: re.Match[str]) -> str:
    # Outside of strings, JSON has no character but those of ASCII that can be printed, and newlines.
    return json.dumps(match[0])[1:-1]
