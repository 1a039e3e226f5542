"""The hostile files: each with one oddity, and what the platform must make of it.

Belongs here: the bytes, and the expected result of each file. Does not belong here: refreshing homes with them (see
`test_hostile_files`), random damage (see `mutations`), things that are not plain files (see `unit.test_local_store`).

The good lines of each file are of an account of its own and add up to GOOD, so that the published sum of each file can
be read although all files are in one home.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

HEADER = "transaction_id,transaction_date,department_code,account_number,amount,description"
GOOD = Decimal("7.00")
NOTHING = Decimal("0.00")
DESCRIPTOR = """\
feed: transactions
kind: ledger
path: "*transactions*.csv"
columns:
  transaction_id: transaction_id
  date: {from: transaction_date, formats: [yyyy-MM-dd, dd/MM/yyyy]}
  department: department_code
  account: account_number
  amount: {from: amount, decimal: ".", thousands: ","}
  description: {from: description, required: false}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
tolerance: {rejected_rows: 0.9}
"""
"""The shipped feed, with a tolerance under which a file with one good line counts."""


@dataclass(frozen=True)
class Variant:
    """A hostile file.

    Attributes:
        name: what is odd about it.
        data: the bytes.
        key: path in the raw zone.
        account: the account of its good lines.
        state: its state after a refresh: live, held, refused or unmatched.
        published: sum of the account in the warehouse.
        rejected: rows that are rejected; 0 for a file that is not read.
    """

    name: str
    data: bytes
    key: str = ""
    account: str = ""
    state: str = "live"
    published: Decimal = GOOD
    rejected: int = 0


@dataclass(frozen=True)
class Text:
    """Builds the text of the file with this number."""

    number: int

    @property
    def account(self) -> str:
        """The account of the good lines."""
        return f"9{self.number:03d}"

    def line(self, nth: int = 9, **cells: str) -> str:
        """Return a line whose cells are good but for the given ones: day, department, account, amount, note."""
        cell = {"day": "2024-03-05", "department": "D1", "account": self.account, "amount": "8.00", "note": "x"} | cells
        return (
            f"V{self.number}-{nth},{cell['day']},{cell['department']},{cell['account']},{cell['amount']},{cell['note']}"
        )

    def good(self) -> list[str]:
        """Return the good lines."""
        return [self.line(nth, amount=amount) for nth, amount in enumerate(("1.00", "2.00", "4.00"), start=1)]

    def file(self, *more: str, header: str = HEADER, end: str = "\n") -> str:
        """Return a file with the good lines and further ones."""
        return end.join([header, *self.good(), *more]) + end


Content = Callable[[Text], str | bytes]


def all_variants() -> list[Variant]:
    """Return every hostile file, in a fixed order."""
    sources = (_encodings(), _line_ends(), _headers(), _rows(), _amounts(), _dates(), _codes(), _names(), _formats())
    numbered = enumerate((one for source in sources for one in source), start=1)
    return [_variant(Text(number), content, expected) for number, (content, expected) in numbered]


def _variant(text: Text, content: Content, expected: Variant) -> Variant:
    data = content(text)
    return replace(
        expected,
        data=data.encode() if isinstance(data, str) else data,
        key=expected.key or f"transactions_{text.number:03d}.csv",
        account=text.account,
    )


def _live(name: str, *, published: str = "7.00", rejected: int = 0, key: str = "") -> Variant:
    return Variant(name, b"", key, published=Decimal(published), rejected=rejected)


def _refused(name: str) -> Variant:
    return Variant(name, b"", state="refused", published=NOTHING)


def _held(name: str, rejected: int = 0) -> Variant:
    return Variant(name, b"", state="held", published=NOTHING, rejected=rejected)


def _unmatched(name: str, key: str) -> Variant:
    return Variant(name, b"", key, state="unmatched", published=NOTHING)


_Variants = Iterator[tuple[Content, Variant]]


def _encodings() -> _Variants:
    yield lambda text: b"\xef\xbb\xbf" + text.file().encode(), _live("a UTF-8 byte order mark")
    yield lambda text: text.file().encode("utf-16"), _live("UTF-16 with a byte order mark")
    yield lambda text: b"\xfe\xff" + text.file().encode("utf-16-be"), _live("UTF-16, big endian, with its mark")
    yield lambda text: text.file().encode("utf-32"), _live("UTF-32 with a byte order mark")
    yield lambda text: text.file().encode("utf-16-le"), _refused("UTF-16 without a byte order mark")
    yield lambda text: text.file(text.line(note="Zürich")).encode("cp1252"), _refused("cp1252 instead of UTF-8")
    yield lambda text: text.file().encode() + b"\xff\xfe\xfd\n", _refused("bytes that are not valid UTF-8")
    yield lambda text: text.file().encode() + b"\xed\xa0\x80\n", _refused("a surrogate in UTF-8")
    yield lambda text: text.file().encode() + b"\xc0\xaf\n", _refused("an overlong form of a slash")
    yield (
        lambda text: text.file(text.line(note="Zu\u0308rich \U0001f4b0")),
        _live("combining and wide characters", published="15.00"),
    )
    yield lambda text: text.file().encode("utf-7") + b"+ADw-script+AD4-\n", _live("UTF-7 is text", rejected=1)


def _line_ends() -> _Variants:
    yield lambda text: text.file(end="\r\n"), _live("CRLF")
    yield lambda text: text.file(end="\r"), _live("CR")
    yield lambda text: text.file().replace("\n", "\r\n", 2), _live("mixed line ends")
    yield lambda text: text.file().rstrip("\n"), _live("no final line end")
    yield lambda text: text.file() + "\n" * 50, _live("many final line ends")
    yield lambda text: text.file() + "\x1a", _live("the end-of-file mark of DOS")
    yield (
        lambda text: text.file(text.line(note="a\u2028b\u2029c\x85d\x0be\x0cf")),
        _live("line separators that are not line ends", published="15.00"),
    )
    yield lambda text: text.file(text.line(note='"a\nb\r\nc"')), _live("line ends in a quoted cell", published="15.00")


def _headers() -> _Variants:
    yield lambda _: HEADER + "\n", _held("a header only")
    yield lambda _: b"", _refused("no byte")
    yield lambda _: b"\n", _refused("one line end")
    yield lambda text: "\n" + text.file(), _refused("a blank line above the header")
    yield lambda _: b"\x00", _refused("one NUL")
    yield lambda _: b" ", _refused("one space")
    yield lambda text: "\n".join(text.good()) + "\n", _refused("no header")
    yield lambda text: text.file(header=HEADER.replace("amount", "value")), _refused("a header without the amount")
    yield lambda text: text.file(header=HEADER.upper()), _live("a header in capitals")
    yield lambda text: text.file(header=HEADER.replace(",", " , ")), _live("a header with spaces")
    yield lambda text: text.file(header=HEADER.replace("description", "amount")), _refused("two columns for the amount")
    yield (
        lambda text: text.file(header=HEADER.replace("amount", "am\u200bount")),
        _live("an invisible character in a name"),
    )
    yield (
        lambda text: text.file(header=HEADER.replace("amount", "\x1b[31mamount")),
        _refused("an escape sequence in a name"),
    )
    yield lambda text: text.file(header=f'"{HEADER}"'), _refused("the header in quotes")
    yield lambda text: text.file(header="sep=,\n" + HEADER), _refused("Excel's line for the delimiter")
    yield lambda text: text.file(header='"' + HEADER), _refused("a quote that is never closed in the header")
    yield lambda text: text.file(header=HEADER).replace(",", ";"), _refused("another delimiter")
    yield lambda text: text.file(header=HEADER).replace(",", "\t"), _refused("tabs")


def _rows() -> _Variants:
    yield lambda text: text.file("V,2024-03-05"), _live("a short row", rejected=1)
    yield lambda text: text.file(text.line() + ",more,cells"), _live("a long row", rejected=1)
    yield lambda text: text.file(",,,,,"), _live("a row of delimiters")
    yield lambda text: text.file("", "   ", ""), _live("blank rows between others")
    yield lambda text: text.file(text.line(note='"open')), _refused("a quote that is never closed")
    yield lambda text: text.file(text.line(note='a"b"c')), _live("quotes inside a cell", published="15.00")
    yield lambda text: text.file(text.line(note='"a ""b"" c"')), _live("doubled quotes", published="15.00")
    yield lambda text: text.file(text.line(note='=HYPERLINK(""http://x"")')), _live("a formula", published="15.00")
    yield (
        lambda text: text.file(text.line(note="=cmd|' /C calc'!A0")),
        _live("a formula that runs a program", published="15.00"),
    )
    yield lambda text: text.file(text.line(note="<script>alert(1)</script>")), _live("markup", published="15.00")
    yield lambda text: text.file(text.line(note="'; DROP TABLE FactFinancials; --")), _live("SQL", published="15.00")
    yield (
        lambda text: text.file(text.line(note="[bold red]x[/] :smile: %s {0} ${HOME} `id`")),
        _live("markup of terminals, formats and shells", published="15.00"),
    )
    yield (
        lambda text: text.file(text.line(note="\x1b]0;title\x07\x1b[2J")),
        _live("escape sequences", published="15.00"),
    )
    yield (
        lambda text: text.file(text.line(note="\u202egnp.exe\u202c")),
        _live("text that runs backwards", published="15.00"),
    )
    yield (
        lambda text: text.file(text.line(note="NULL"), text.line(8, note="nan")),
        _live("markers of other programs", published="23.00"),
    )
    yield lambda text: text.file(text.line(note="x" * 30_000)), _live("a long cell", published="15.00")
    yield lambda text: text.file(text.line(note="x" * 1_000_000)), _live("a cell of a megabyte", rejected=1)
    yield (
        lambda text: text.file(header=HEADER + "".join(f",c{nth}" for nth in range(50_000))),
        _refused("50,000 columns"),
    )
    yield (
        lambda text: text.file(*[f"V{text.number}-1,2024-03-05,D1,{text.account},1.00,x"] * 20),
        _live("a repeated row"),
    )
    yield (
        lambda text: text.file(text.line(1, amount="5.00")),
        _live("two rows of one key that differ", published="6.00", rejected=2),
    )
    yield lambda text: text.file(text.line(note="a\0b")), _live("a NUL in a description", rejected=1)
    yield lambda text: text.file("Total,,,,7.00,"), _live("a total row", rejected=1)


def _amounts() -> _Variants:
    for nth, amount in enumerate(
        (
            *(
                "",
                "n/a",
                "NaN",
                "Infinity",
                "-inf",
                "1e5",
                "1E+05",
                "0x10",
                "1_000",
                "--1",
                "+-1",
                "1-+",
                "(-1)",
                "((1))",
            ),
            *("1.2.3", "12,34.00", "1,2,3", "1 2 3", "١٢٣", "²", "½", "Ⅷ", "€8.00", "8.00 EUR", "8,00 kr"),
            *("=4+4", "@8", "8.00%", "99999999999999999.99", "9" * 40, "9" * 5000, "-" + " " * 60 + "x"),
            *("\u202e00.8", "8.00\x1b[31m"),
        )
    ):
        cell = f'"{amount}"' if "," in amount else amount
        name = f"an amount that is not one, {nth}: {amount[:20]!r}"
        yield lambda text, cell=cell: text.file(text.line(amount=cell)), _live(name, rejected=1)  # type: ignore[misc]
    for amount, published in {
        "8": "15.00",
        "8.": "15.00",
        ".5": "7.50",
        "(8.00)": "-1.00",
        "8.00-": "-1.00",
        "−8.00": "-1.00",
        "$8.00": "15.00",
        "8.00 USD": "15.00",
        "-": "7.00",
        "1,008.00": "1015.00",
        "8.0050": "15.01",
        "-8.0050": "-1.01",
        "0008.00": "15.00",
        "８.００": "15.00",
        "\u00a08.00\u2009": "15.00",
    }.items():
        cell = f'"{amount}"' if "," in amount else amount
        name = f"an odd amount: {amount!r}"
        yield lambda text, cell=cell: text.file(text.line(amount=cell)), _live(name, published=published)  # type: ignore[misc]


def _dates() -> _Variants:
    for day in (
        *("", "2025-02-30", "2025-13-01", "0000-00-00", "0001-01-01", "9999-12-31", "1899-12-31", "20240305", "45356"),
        *("2024-3-5x", "05.03.2024", "March 5", "2024-03-05T25:00:00", "-2024-03-05", "２０２４-03-05", "1" * 5000),
        *("31/02/2024", "2024-W10-2", "now", "=TODAY()"),
    ):
        name = f"a date that is not one: {day[:20]!r}"
        yield lambda text, day=day: text.file(text.line(day=day)), _live(name, rejected=1)  # type: ignore[misc]
    yield lambda text: text.file(text.line(day="05/03/2024")), _live("the second form of a date", published="15.00")
    yield lambda text: text.file(text.line(day="2024-02-29")), _live("a leap day", published="15.00")


def _codes() -> _Variants:
    for code in ("", "   ", "\u200b", "9\0", "\u202e1234", "9" * 129, "e\u0301" * 100):
        name = f"an account that is not one: {code[:20]!r}"
        yield lambda text, code=code: text.file(text.line(account=code)), _live(name, rejected=1)  # type: ignore[misc]
    yield lambda text: text.file(text.line(account=f"={text.account}")), _live("an account that is a formula")
    yield lambda text: text.file(text.line(account=f'"=""{text.account}"""')), _live("Excel's guard", published="15.00")
    yield lambda text: text.file(text.line(account=f"'{text.account}")), _live("Excel's apostrophe", published="15.00")
    yield (
        lambda text: text.file(text.line(account=f" {text.account}\u00a0")),
        _live("spaces around a code", published="15.00"),
    )
    yield (
        lambda text: text.file(text.line(account=f"{text.account}\u00ad\u200b")),
        _live("characters in a code that cannot be seen", published="15.00"),
    )
    yield lambda text: text.file(text.line(account=f"{text.account}¹")), _live("a superscript in a code")
    yield (
        lambda text: text.file(text.line(account="".join(chr(ord(c) + 0xFEE0) for c in text.account))),
        _live("full-width digits in a code"),
    )
    yield (
        lambda text: text.file(text.line(department="D1'; --", account=f"../../{text.account}")),
        _live("a path in a code"),
    )
    yield lambda text: text.file(text.line(account=f"{text.account}/../%2e%2e\\x")), _live("another path in a code")


def _names() -> _Variants:
    for key in (
        *(
            "transactions a b.csv",
            "-transactions.csv",
            "transactions_'q'.csv",
            'transactions_"d".csv',
            "transactions_[x]*?.csv",
        ),
        *(
            "transactions_%2e%2e.csv",
            "transactions_$HOME;`id`.csv",
            "transactions_=1+1.csv",
            "transactions_zu\u0308rich.csv",
        ),
        *("transactions_z\u00fcrich.csv", "transactions_\U0001f4b0.csv", "transactions_" + "n" * 230 + ".csv"),
        *("transactions_\x1b[31m.csv", "transactions_\x07.csv", "transactions_a\nb.csv", "transactions_\u202ecsv.csv"),
        *("transactions_#?&.csv", "transactions_{x}.csv", "transactions_\\.csv"),
        *("transactions_.csv.csv", "<b>transactions.csv", "|transactions.csv", "transactions_\t.csv"),
    ):
        yield Text.file, _live(f"the name {key[:40]!r}", key=key)
    yield Text.file, _unmatched("a name that no feed reads", "ledger.csv")
    yield Text.file, _unmatched("a deep folder that no feed reads", "a/b/c/d/e/f/g/transactions_deep.csv")
    yield Text.file, _unmatched("a name in capitals of another kind", "TRANSACTIONS.PDF")


def _formats() -> _Variants:
    yield lambda text: gzip.compress(text.file().encode()), _refused("gzip under the name of a text file")
    yield lambda text: _zipped(text.file()), _refused("a zip archive")
    yield lambda _: b"PK\x03\x04" + b"\0" * 100, _refused("the start of a workbook")
    yield lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, _refused("an old workbook")
    yield lambda _: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", _refused("a PDF")
    yield lambda _: b"\x89PNG\r\n\x1a\n" + b"\0" * 100, _refused("a picture")
    yield lambda _: b"PAR1" + b"\0" * 100 + b"PAR1", _refused("Parquet")
    yield lambda _: b"\0" * 100_000, _refused("zeros")
    yield lambda _: b'{"amount": 8}\n', _refused("JSON")
    yield lambda _: b"<html><body>Sign in</body></html>", _refused("a page that asks to sign in")
    yield lambda _: b"\x7fELF" + b"\0" * 60, _refused("a program")
    yield (
        lambda text: text.file().encode()[:-30],
        _live("a file that was cut off in its last row", published="3.00", rejected=1),
    )


def _zipped(text: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../transactions.csv", text)
    return stream.getvalue()
