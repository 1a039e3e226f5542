"""Text from files as it may be shown: for any text, what a terminal, a page, a machine and a spreadsheet get.

Belongs here: `safe_text`. Does not belong here: what a command prints (see `test_console`).
"""

from __future__ import annotations

import csv
import io
import json
import logging
import subprocess
import unicodedata
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from finance_platform.errors import QueryError
from finance_platform.safe_text import (
    PrintableFormatter,
    hide_credentials,
    markdown,
    markdown_code,
    markdown_lines,
    printable,
    printable_line,
    quote_name,
    spreadsheet_cell,
    text_of_markdown,
    to_json,
)

CONTROLS = ["\x1b]0;title\x07", "\x1b[31m", "\0", "\r", "\x9b2J", "\u202e", "\u2066", "\u200e", "\u200b", "\u2028"]
CONTROLS += ["\udc80", "\ud800", "\ufeff", "\x7f", "\U000e0041"]
MARKUP = ["[red]", "[/]", ":smile:", "<script>", "|", "`", "*b*", "[a](http://b)", "&amp;", "$x$", "#", "~~", "\\", "'"]
TEXTS = st.lists(st.sampled_from([*CONTROLS, *MARKUP, "a", " ", "\n", "=", "é"]) | st.characters()).map("".join)
"""Texts of any characters, with those that are special somewhere more often than by chance."""


def is_shown(character: str) -> bool:
    """Return whether a character is visible or a space, by Unicode's own categories."""
    return unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} and unicodedata.bidirectional(
        character
    ) not in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(TEXTS)
def test_a_printed_text_has_no_control_character_but_newlines(text: str):
    assert all(is_shown(character) for character in printable(text).replace("\n", ""))
    assert all(is_shown(character) for character in printable_line(text))
    assert printable(printable(text)) == printable(text)
    printable(text).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # urllib3, which has the path alone; botocore; an answer of S3; JDBC; Spark Connect.
        (
            "Max retries exceeded with url: /?Action=GetIt&X-Amz-Credential=AKIA%2Feu&X-Amz-Signature=5e6f (Caused",
            "Max retries exceeded with url: /?Action=GetIt&X-Amz-Credential=***&X-Amz-Signature=*** (Caused",
        ),
        (
            'endpoint URL: "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=IQoJ%3D%3D&x-id=GetObject"',
            'endpoint URL: "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=***&x-id=GetObject"',
        ),
        ("<AWSAccessKeyId>ASIA1</AWSAccessKeyId>", "<AWSAccessKeyId>ASIA1</AWSAccessKeyId>"),
        ("{'X-Amz-Security-Token': 'IQoJ', 'Host': 'b'}", "{'X-Amz-Security-Token': '***', 'Host': 'b'}"),
        ("jdbc:redshift://h:5439/db?user=u&password=pa;ss", "jdbc:redshift://h:5439/db?user=u&password=***;ss"),
        ("sc://h:443/;use_ssl=true;token=dapi1 failed", "sc://h:443/;use_ssl=true;token=*** failed"),
        ("http://proxy:secret@10.0.0.1:8080/ and s3://b/k", "http://***@10.0.0.1:8080/ and s3://b/k"),
        ("s3://bucket/key?a=1;b=2: token: 'x', password authentication failed",) * 2,
    ],
)
def test_the_credentials_in_an_address_are_hidden_and_nothing_else(text: str, shown: str):
    assert hide_credentials(text) == shown
    assert hide_credentials(shown) == shown


def test_a_line_of_a_log_has_neither_credentials_nor_their_traceback(caplog: pytest.LogCaptureFixture):
    error = ValueError("cannot reach https://ops:hunter2@proxy")
    logging.getLogger("credentials").error("of %s", "https://b/k?X-Amz-Signature=hunter2", exc_info=error)
    text = PrintableFormatter("%(message)s").format(caplog.records[0])
    assert "of https://b/k?X-Amz-Signature=***" in text
    assert "ValueError: cannot reach https://***@proxy" in text
    assert "hunter2" not in text


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])))
def test_a_text_without_such_characters_is_printed_as_it_is(text: str):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a\x1b]0;x\x07", r"a\x1b]0;x\x07"),
        ("a\tb\r\n", "a\\tb\\r\n"),
        ("\x85\xad", r"\u0085\u00ad"),
        ("\u202e\u2028\ufeff", r"\u202e\u2028\ufeff"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800\U000e0041", r"\ud800\U000e0041"),
    ],
)
def test_what_cannot_be_printed_is_seen_as_an_escape_sequence(text: str, printed: str):
    assert printable(text) == printed


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("budget_2025-01.csv", "budget_2025-01.csv"),
        ("council/Büro-1.csv", "council/Büro-1.csv"),
        ("council/Büro[1].csv", "'council/Büro[1].csv'"),
        ("budget q1.csv", "'budget q1.csv'"),
        ("", "''"),
        ("it's.csv", '"it\'s.csv"'),
        ("it's $1.csv", "'it'\"'\"'s $1.csv'"),
        ("a\nFix: delete it.csv", r"$'a\nFix: delete it.csv'"),
        ("a'\\\x1b.csv", r"$'a\'\\\x1b.csv'"),
    ],
)
def test_a_name_is_quoted_unless_it_is_plain(name: str, quoted: str):
    assert quote_name(name) == quoted


def test_a_quoted_name_is_the_same_name_in_a_shell():
    names = [
        "a b.csv",
        "it's.csv",
        "it's $HOME.csv",
        "it's \\ `id`!!.csv",
        "it's\x1b.csv",
        "x\u202e\x85\n\t\\n.csv",
        "caf\udce9.csv",
        "a&b;$HOME`id`.csv",
        "\U000e0041",
    ]
    command = "printf '%s\\0' " + " ".join(map(quote_name, names))
    output = subprocess.run(["bash", "-c", command], env={"LC_ALL": "C.UTF-8"}, capture_output=True, check=True).stdout
    assert output.decode(errors="surrogateescape").split("\0")[:-1] == names


@given(TEXTS, TEXTS)
def test_json_has_no_control_character_and_loses_nothing(name: str, value: str):
    document = to_json({name: value}, indent=2)
    assert all(is_shown(character) for character in document.replace("\n", ""))
    assert json.loads(document) == {_paired(name): _paired(value)}


def _paired(text: str) -> str:
    """Return a text with halves of surrogate pairs that follow each other as one character, as JSON has them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@given(TEXTS)
def test_markdown_shows_a_text_literally_in_a_cell_of_a_table(text: str):
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(f"| a |\n|---|\n| {markdown(text)} |")
    inline = [token for token in tokens if token.type == "inline"]
    assert [token.type for token in tokens].count("td_open") == 1
    shown = [child for token in inline[1:] for child in token.children or ()]
    assert {child.type for child in shown} <= {"text", "text_special"}
    assert "".join(child.content for child in shown).strip() == printable_line(text).strip()


@given(TEXTS)
def test_the_text_is_found_again_in_the_markdown_that_was_made_of_it(text: str):
    assert text_of_markdown(markdown_lines(text)) == printable(text)


@pytest.mark.parametrize("text", ["gl_2025-01.csv: held: 2 of 3 rows (0.5%)", "3 parents, the most: D300 in 2025-06"])
def test_markdown_leaves_an_ordinary_text_as_it_is(text: str):
    # The log of a run shows the same description without rendering it.
    assert markdown_lines(text) == text


@given(TEXTS)
def test_markdown_shows_a_code_span_literally(text: str):
    (_, inline, _) = MarkdownIt("commonmark").parse(f"x{markdown_code(text)}")
    assert inline.children
    _, code = inline.children
    assert (code.type, code.content.strip()) == ("code_inline", printable_line(text).strip())


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("http://x")',
        "+49 30 1234",
        "-1+1",
        "- rent",
        "@SUM(A1)",
        "\t=1",
        "\tx",
        "\r=1",
        "  =1",
        "\ufeff=1",
        "\u200b=1",
        "\xa0=1",
        '"=1',
        "'=1",
        "＝1",
        "＋1",
        "－1+1",
        "＠x",
        "\n=1",
        "-",
        "-1e5",
    ],
)
def test_a_text_that_a_spreadsheet_would_evaluate_begins_with_an_apostrophe(text: str):
    cell = spreadsheet_cell(text)
    assert cell.startswith("'")
    assert cell[1:] in {text, text.replace("\r", "\\r").replace("\ufeff", "\\ufeff").replace("\u200b", "\\u200b")}


@pytest.mark.parametrize(
    "value",
    [
        Decimal("-1.50"),
        -1,
        -1.5,
        date(2025, 1, 1),
        None,
        True,
        "-1",
        "+49",
        "-1,234.50",
        "-12.3%",
        "0460",
        "a=b",
        "x-y",
        "",
        "[draft]",
        "Müller\nGmbH",
        "a\tb",
    ],
)
def test_numbers_and_other_texts_are_cells_as_they_are(value: object):
    assert spreadsheet_cell(value) == value


@given(TEXTS)
def test_no_text_is_a_formula_in_a_spreadsheet(text: str):
    stream = io.StringIO()
    csv.writer(stream).writerow([spreadsheet_cell(text)])
    cell = "".join(next(csv.reader(io.StringIO(stream.getvalue(), newline=""))))
    assert unicodedata.normalize("NFKC", cell.strip("\"\t\r\n '"))[:1] not in {"=", "@"} or cell.startswith("'")
    assert all(is_shown(character) for character in cell.replace("\n", "").replace("\t", ""))


def test_a_logged_line_and_its_traceback_are_printable():
    error = ValueError("\x1b[2J")
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "read %s", ("\x1b.csv",), (ValueError, error, None))
    assert all(is_shown(character) for character in PrintableFormatter().format(record).replace("\n", ""))


def test_an_error_quotes_no_control_character_in_what_was_found_and_in_the_fix():
    error = QueryError("\x1b]0;x\x07", fix="\u202e")
    assert (error.found, error.fix) == (r"\x1b]0;x\x07", r"\u202e")
    assert str(error) == "The query cannot be run: \\x1b]0;x\\x07\n  Fix: \\u202e"


@pytest.mark.parametrize("blank", ["", " ", '"', "'", "`", '" ', "\t", "\x1f", "\xa0", "\u200b"])
@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_each_beginning_of_a_formula_gets_the_apostrophe_whatever_is_before_the_sign(blank: str, sign: str):
    assert spreadsheet_cell(f"{blank}{sign}A1") == f"'{printable(blank) if blank != chr(9) else blank}{sign}A1"


def test_a_text_of_one_ascii_character_is_escaped_exactly_if_it_cannot_be_printed():
    changed = [character for character in map(chr, range(0x80)) if printable(f"a{character}") != f"a{character}"]

    assert changed == [chr(code) for code in (*range(10), *range(0xB, 0x20), 0x7F)]
