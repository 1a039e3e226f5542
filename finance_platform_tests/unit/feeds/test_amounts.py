"""Amounts: a text is parsed into money exactly, or is not a valid amount."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finance_platform.feeds.values import common_amounts
from finance_platform.feeds.values.amounts import ParsedAmounts, names_credit, parse_amounts, read_amount, stated_side
from finance_platform.feeds.values.currencies import is_currency
from finance_platform_tests.unit.amount_values import value_of
from finance_platform_tests.unit.factories import as_written

WIDE = Context(prec=200)
LARGEST = Decimal("9999999999999999.99")
cents = st.integers(-(10**18) + 1, 10**18 - 1)
amounts = cents.map(lambda number: Decimal(number).scaleb(-2))
positives = st.integers(1, 10**18 - 1).map(lambda number: Decimal(number).scaleb(-2))
marks = st.sampled_from([(".", ","), (".", " "), (".", "'"), (",", "."), (",", " "), (",", None), (".", None)])
number_like_texts = st.text(st.sampled_from("0123456789.,-+() '$€%eE１２²x\u00a0"), max_size=24)


def formatted(value: Decimal, decimal: str = ".", thousands: str = "") -> str:
    whole, _, fraction = f"{abs(value):.2f}".partition(".")
    grouped = re.sub(r"(?<=[0-9])(?=(?:[0-9]{3})+$)", thousands.replace("\\", r"\\"), whole)
    return ("-" if value < 0 else "") + grouped + decimal + fraction


def column(*texts: str | None) -> pa.StringArray:
    return pa.array(texts, pa.string())


def values(parsed: ParsedAmounts) -> list[Decimal | None]:
    amounts: list[Decimal | None] = parsed.values.to_pylist()
    return amounts


@given(amounts)
@example(LARGEST)
@example(-LARGEST)
@example(Decimal("999999999999999.99"))
@example(Decimal("1000000000000000.00"))
def test_an_amount_in_cents_is_parsed_exactly(value: Decimal) -> None:
    assert values(parse_amounts(column(str(value)))) == [value]


@given(amounts, marks)
def test_an_amount_with_grouped_thousands_is_parsed_exactly(value: Decimal, marks_used: tuple[str, str | None]) -> None:
    decimal, thousands = marks_used
    text = formatted(value, decimal, thousands or "")
    assert values(parse_amounts(column(text), decimal, thousands)) == [value]


@given(positives, st.sampled_from(["({})", "({} )", "( {})", "{}-", "{} -", "-{}", "- {}", "−{}", "{}–"]))
def test_every_notation_of_a_minus_gives_the_same_negative(value: Decimal, written: str) -> None:
    assert values(parse_amounts(column(written.format(formatted(value, thousands=","))), ".", ",")) == [-value]


@given(amounts)
def test_full_width_digits_are_parsed_exactly(value: Decimal) -> None:
    wide = str(value).translate({ord(mark): ord(mark) + 0xFEE0 for mark in "0123456789.-"})
    assert values(parse_amounts(column(wide))) == [value]


@given(positives, st.sampled_from(["${}", "$ {}", "{} €", "€{}", "{}£", "-${}", "$-{}", "(${})", "$({})", "{} €-"]))
def test_a_currency_sign_before_or_after_an_amount_is_ignored(value: Decimal, written: str) -> None:
    sign = -1 if "-" in written or "(" in written else 1
    assert value_of(written.format(value)) == sign * value


@pytest.mark.parametrize("text", ["1$2", "12€50", "1 € 000", "0.$5"])
def test_an_amount_with_a_currency_sign_between_its_digits_is_not_valid(text: str) -> None:
    assert value_of(text, ".", ",") is None


@pytest.mark.parametrize("text", ["-", " - ", "–", "—", "−", "$ -", "－"])
def test_a_lone_dash_is_zero(text: str) -> None:
    assert value_of(text) == 0


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=6))
@example(Decimal("0.005"))
@example(Decimal("-0.005"))
@example(Decimal("2.675"))
@example(Decimal("1.004999"))
def test_more_than_two_decimals_are_rounded_half_up(value: Decimal) -> None:
    expected = value.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert values(parse_amounts(column(str(f"{value:f}")))) == [expected]


@given(st.lists(st.one_of(st.none(), amounts.map(str), number_like_texts, st.text(max_size=8)), max_size=20), marks)
@example(["0." + "1" * 40, "(9999999999999998." + "3" * 35 + ")"], (".", None))
def test_an_amount_as_written_differs_from_its_value_by_its_rounding(
    texts: list[str | None], marks_used: tuple[str, str | None]
) -> None:
    parsed = parse_amounts(column(*texts), *marks_used)
    with localcontext() as context:
        context.prec = 200
        for place, exact in parsed.exact.items():
            assert 0 < abs(parsed.values[place].as_py() - exact) <= Decimal("0.005")


@given(st.lists(st.decimals(min_value=-(10**9), max_value=10**9, places=12).map(lambda d: f"{d:f}"), max_size=20))
def test_amounts_are_known_as_written(texts: list[str]) -> None:
    assert as_written(parse_amounts(column(*texts))) == list(map(Decimal, texts))


@given(st.lists(st.one_of(amounts.map(str), number_like_texts), max_size=10), marks)
def test_a_column_is_parsed_like_its_cells_one_by_one(texts: list[str], marks_used: tuple[str, str | None]) -> None:
    singly = [value_of(text, *marks_used) for text in texts]
    with localcontext() as context:
        context.prec = 200
        rounded = [None if value is None else value.quantize(Decimal("0.01"), ROUND_HALF_UP) for value in singly]
    assert values(parse_amounts(column(*texts), *marks_used)) == rounded


@given(st.text(max_size=30), marks)
def test_no_text_makes_the_parser_fail(text: str, marks_used: tuple[str, str | None]) -> None:
    value = value_of(text, *marks_used)
    assert value is None or value.is_finite()


@pytest.mark.parametrize("text", ["1,23", "1,2345", "123,45,678", ",123", "1,", "1234,567", "1,234,56", "0,1234"])
def test_a_grouping_mark_that_does_not_precede_three_digits_is_not_valid(text: str) -> None:
    assert value_of(text, ".", ",") is None


@pytest.mark.parametrize("text", ["1,234 567", "1 234,567", "1 234,567.00"])
def test_two_kinds_of_grouping_in_one_number_are_not_valid(text: str) -> None:
    assert value_of(text, ".", ",") is None


def test_a_grouping_mark_that_the_feed_does_not_declare_is_not_valid() -> None:
    assert value_of("1,234.00") is None


@pytest.mark.parametrize("text", ["1 234 567.89", "1\u00a0234\u00a0567.89", "1\u202f234\u202f567.89"])
def test_spaces_always_group(text: str) -> None:
    assert value_of(text, ".", ",") == Decimal("1234567.89")


@pytest.mark.parametrize("text", ["1e5", "1E5", "1.2E+05", "1e-2", "1e"])
def test_scientific_notation_is_not_valid_because_the_source_has_lost_digits(text: str) -> None:
    assert values(parse_amounts(column(text))) == [None]


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "+",
        "()",
        "(-)",
        "--1",
        "1--",
        "-1-",
        "(-1)",
        "(1)-",
        "(1",
        "1)",
        "(123",
        "123)",
        "((1))",
        "1.2.3",
        "n/a",
        "0x10",
        "1_000",
    ],
)
def test_a_text_other_than_one_number_with_one_sign_is_not_valid(text: str) -> None:
    assert value_of(text) is None


@pytest.mark.parametrize("text", ["inf", "Infinity", "NaN", "-inf", "sNaN"])
def test_special_values_of_decimals_are_not_valid(text: str) -> None:
    assert value_of(text) is None


@pytest.mark.parametrize("text", ["100²", "①", "⑴", "½", "1⁵"])
def test_footnote_marks_and_fractions_are_not_valid(text: str) -> None:
    assert value_of(text) is None


def test_a_decimal_comma_and_grouping_points_are_parsed() -> None:
    assert value_of("1.234.567,89", ",", ".") == Decimal("1234567.89")


def test_a_decimal_point_is_not_valid_if_the_decimal_mark_is_a_comma() -> None:
    assert value_of("1234.56", ",", ".") is None


@pytest.mark.parametrize(("text", "expected"), [("5.", "5"), (".5", "0.5"), ("007", "7"), ("+3.10", "3.10")])
def test_short_forms_of_a_number_are_valid(text: str, expected: str) -> None:
    assert value_of(text) == Decimal(expected)


@pytest.mark.parametrize("text", ["10000000000000000", "9999999999999999.995", "-10000000000000000.00", "1" * 200])
def test_a_number_beyond_the_limit_of_money_is_not_valid(text: str) -> None:
    assert values(parse_amounts(column(text))) == [None]


def test_a_value_just_under_the_limit_is_not_rounded_over_it() -> None:
    assert values(parse_amounts(column("9999999999999999.994"))) == [LARGEST]


def test_blank_cells_stay_null() -> None:
    parsed = parse_amounts(column(None, "1.00", None))
    assert values(parsed) == [None, Decimal("1.00"), None]


@pytest.mark.parametrize("texts", [(), (None,), ("x",), ("1.00",), ("(1.00)",)])
def test_the_values_always_have_the_type_of_money(texts: tuple[str | None, ...]) -> None:
    assert parse_amounts(column(*texts)).values.type == pa.decimal128(18, 2)


@pytest.mark.parametrize(
    ("text", "expected"), [("12,34,567.00", "1234567"), ("1,00,000", "100000"), ("(1,23,456)", "-123456")]
)
def test_groups_of_two_digits_before_the_last_three_are_read(text: str, expected: str) -> None:
    assert value_of(text, ".", ",") == Decimal(expected)


def test_groups_of_two_digits_are_not_read_under_another_mark_than_a_comma() -> None:
    assert value_of("12.34.567", ",", ".") is None


@pytest.mark.parametrize("declared", ["'", "’"])
@pytest.mark.parametrize("mark", ["'", "’", "‘", "ʼ", "´", "`", "′", "ʹ"])
def test_any_apostrophe_groups_thousands_if_one_is_declared(declared: str, mark: str) -> None:
    assert value_of(f"1{mark}234.56", ".", declared) == Decimal("1234.56")
    assert value_of(f"1{mark}234.56", ".", ",") is None


@pytest.mark.parametrize("space", ["\u2009", "\u202f", "\u00a0", "\u2007", " "])
def test_any_space_groups_thousands(space: str) -> None:
    assert values(parse_amounts(column(f"1{space}234.56", f"({space}1{space}234.56)"))) == [
        Decimal("1234.56"),
        Decimal("-1234.56"),
    ]


@pytest.mark.parametrize("text", ["5.-", "5. -", "12.–"])
def test_a_dash_in_place_of_cents_is_not_valid_because_it_is_a_minus_elsewhere(text: str) -> None:
    assert value_of(text) is None


SIDES = [
    ("5 CR", -5),
    ("5 DR", 5),
    ("5CR", -5),
    ("5 cr.", -5),
    ("Dr 5", 5),
    ("CR. 5", -5),
    ("5 USD CR", -5),
    ("CR $5", -5),
    ("5 D", 5),
    ("5 C", -5),
    ("5S", 5),
    ("5,000.00\u00a0H", -5000),
    ("5 USD C", -5),
]


@pytest.mark.parametrize(("text", "expected"), SIDES)
def test_the_side_beside_an_amount_decides_its_sign(text: str, expected: int) -> None:
    assert values(parse_amounts(column(text), ".", ",", has_sides=True)) == [Decimal(expected)]
    assert values(parse_amounts(column(text))) == [None]


@pytest.mark.parametrize("text", ["-5 CR", "(5) CR", "5- DR", "DR 5 CR", "CR", "5 CRX", "CR.5", "CR5EUR USD"])
def test_a_side_with_another_sign_or_without_an_amount_is_not_valid(text: str) -> None:
    assert values(parse_amounts(column(text), has_sides=True)) == [None]


@pytest.mark.parametrize("text", ["C 5", "5 c", "5 $C", "5 DC", "-5 C", "(5) H", "5 C D", "CR 5 D", "D", "5 K"])
def test_a_letter_that_may_be_something_else_is_no_side(text: str) -> None:
    assert values(parse_amounts(column(text), has_sides=True)) == [None]


@pytest.mark.parametrize(
    ("text", "scale", "expected"),
    [
        ("1.2345", 3, "1234.50"),
        ("(1,234.567)", 3, "-1234567.00"),
        ("12345", -2, "123.45"),
        ("1", 9, "1000000000.00"),
        ("9", -3, "0.01"),
        ("-", 3, "0.00"),
    ],
)
def test_a_scale_moves_the_point_before_an_amount_is_rounded(text: str, scale: int, expected: str) -> None:
    assert values(parse_amounts(column(text), ".", ",", scale=scale)) == [Decimal(expected)]


def test_what_a_scale_leaves_below_a_cent_is_rounded_and_counted() -> None:
    parsed = parse_amounts(column("1.234567", "12"), scale=3)
    assert values(parsed) == [Decimal("1234.57"), Decimal(12000)]
    assert parsed.exact == {0: Decimal("1234.567")}


def test_an_amount_that_a_scale_takes_beyond_the_limit_of_money_is_not_valid() -> None:
    assert values(parse_amounts(column("10000000000000", "9999999999999.99"), scale=3)) == [
        None,
        Decimal("9999999999999990.00"),
    ]


# Arrow reads the common forms of a whole column, Python every other form: both must agree on every text.
numbers = st.from_regex(
    r"[0-9]{1,16}|[0-9]{1,3}([.,' ][0-9]{3}){1,5}|[0-9]{1,2}(,[0-9]{2}){1,3},[0-9]{3}", fullmatch=True
)
fractions = st.sampled_from(["", "", ".5", ".50", ",50", ".125", ",1254", "."])
beside = st.sampled_from(
    [
        "",
        "",
        "",
        "-",
        "+",
        "$",
        "USD",
        "usd ",
        "€",
        "(",
        ")",
        "CR",
        "DR ",
        " ",
        "−",
        "US$",
        "R",
        "kr",
        "CRC",
        "C",
        " H",
        "D",
    ]
)


@st.composite
def written_forms(draw: st.DrawFn) -> str:
    """A number with something on either side, in forms that are common and in some that nearly are."""
    before, after = (draw(st.lists(beside, max_size=3)) for _ in range(2))
    text = "".join([*before, draw(numbers), draw(fractions), *after])
    if draw(st.booleans()):
        text = text.replace(" ", draw(st.sampled_from(["\u00a0", "\u2009", "  "]))).replace("'", "’")
    return text.strip() or "-"


@given(
    st.one_of(written_forms(), number_like_texts.map(str.strip)),
    st.sampled_from(["D", "S", "DR", "Dr.", "C", "H", "CR", "cr."]),
    st.sampled_from(["debit", "credit"]),
)
def test_the_side_of_its_column_beside_an_amount_changes_nothing(text: str, letter: str, side: str) -> None:
    alone = read_amount(text, ".", ",", side=side)
    is_same = names_credit(letter.upper().rstrip(".")) == (side == "credit")
    if alone is not None and not stated_side(text):
        assert read_amount(f"{text} {letter}", ".", ",", side=side) == (alone if is_same else None)
        assert values(parse_amounts(column(f"{text} {letter}"), ".", ",", side=side)) == (
            values(parse_amounts(column(text), ".", ",")) if is_same else [None]
        )


@given(
    st.lists(st.one_of(written_forms(), number_like_texts.map(str.strip)), min_size=1, max_size=12),
    st.sampled_from([(".", ","), (".", "'"), (".", "’"), (",", "."), (",", " "), (".", None), (",", None)]),
    st.sampled_from(["USD", "EUR", "ZAR", "SEK", "CRC", "XYZ"]),
    st.sampled_from([0, 0, 3, -2, 9, -4]),
    st.booleans(),
)
@example(["1,234", "$ 1,234", "1 234.567", "12,34,567", "1,234 ,"], (".", ","), "USD", 3, False)
@example(["CRC 5", "5 CRC", "5 CR", "CR 5", "CRC5 CR"], (".", ","), "CRC", 0, True)
def test_a_column_is_read_like_each_text_on_its_own(
    texts: list[str], marks_used: tuple[str, str | None], currency: str, scale: int, has_sides: bool
) -> None:
    parsed = parse_amounts(column(*texts), *marks_used, currency, scale=scale, has_sides=has_sides)
    singly = [read_amount(text, *marks_used, scale=scale, has_sides=has_sides) if text else None for text in texts]
    rounded = [one and one.value.quantize(Decimal("0.01"), ROUND_HALF_UP, WIDE) for one in singly]
    assert values(parsed) == rounded
    assert list(parsed.ambiguous) == [place for place, one in enumerate(singly) if one and one.is_ambiguous]
    assert parsed.proves_marks == any(one.proves_marks for one in singly if one)
    exact = {place: one.value for place, one in enumerate(singly) if one and one.value != rounded[place]}
    assert parsed.exact == exact
    assert set(parsed.foreign) == {
        place for place, one in enumerate(singly) if one and not all(is_currency(mark, currency) for mark in one.marks)
    }


@pytest.mark.parametrize("scale", [0, 3])
def test_common_forms_are_read_without_a_call_of_python_for_each(monkeypatch: pytest.MonkeyPatch, scale: int) -> None:
    common = [
        "5",
        "-5.25",
        "(1,234.50)",
        "$12",
        "$ -12.10",
        "USD (7)",
        "1,234.50-",
        "12,34,567",
        "1 234",
        "+3",
        "-",
        "5 CR",
        "DR 6",
        "1,005.00 D",
        "7H",
    ]

    def refuse(*_: object) -> None:
        raise AssertionError("read by Python")

    monkeypatch.setattr("finance_platform.feeds.values.amounts._read", refuse)
    assert None not in values(parse_amounts(column(*common), ".", ",", scale=scale, has_sides=True))


@pytest.mark.parametrize("decimal", [".", ",", "٫"])
def test_digits_and_the_decimal_mark_alone_are_left_of_texts(decimal: str) -> None:
    texts = pa.array(["ignored", "$ 1,234.50", None, "(٣٫٤ € 12 345,6)", "", "-", "1٫5", "−7.25 CHF"]).slice(1)
    expected = pc.replace_substring_regex(texts, f"[^0-9{re.escape(decimal)}]", "")
    assert common_amounts._only_digits(texts, decimal).to_pylist() == expected.to_pylist()
