"""Dates: a text is parsed into one day under the feed's patterns, or is not a valid date."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finance_platform.feeds.draft.values import guess_dates
from finance_platform.feeds.values.dates import (
    EXCEL_SERIAL,
    check_formats,
    clamp_to_period,
    compile_pattern,
    first_day,
    last_day,
    parse_date,
    patterns_with_zones,
    period_of,
)
from finance_platform.feeds.values.month_names import MONTH_NAMES, plain_month

MONTHS = list(calendar.month_name)
FORMS: dict[str, Callable[[date], str]] = {
    "yyyy": lambda day: f"{day.year:04d}",
    "yy": lambda day: f"{day.year % 100:02d}",
    "MMMM": lambda day: MONTHS[day.month],
    "MMM": lambda day: MONTHS[day.month][:3],
    "MM": lambda day: f"{day.month:02d}",
    "M": lambda day: f"{day.month}",
    "dd": lambda day: f"{day.day:02d}",
    "d": lambda day: f"{day.day}",
}
days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
this_century = st.dates(date(2000, 1, 1), date(2099, 12, 31))
year_tokens = st.sampled_from(["yyyy", "yy"])
month_tokens = st.sampled_from(["MMMM", "MMM", "MM", "M"])
day_tokens = st.sampled_from(["dd", "d"])
separators = st.sampled_from(["-", "/", ".", " ", ", ", ")", "年"])


@st.composite
def patterns(draw: st.DrawFn) -> tuple[str, ...]:
    """A pattern as its tokens and separators, year, month and day in any order."""
    tokens = draw(st.permutations([draw(year_tokens), draw(month_tokens), draw(day_tokens)]))
    between = draw(separators)
    return (tokens[0], between, tokens[1], between, tokens[2])


@given(this_century, patterns(), st.sampled_from([str.lower, str.upper, str.title]))
def test_every_day_formatted_under_a_pattern_is_parsed_back(
    day: date, pattern: tuple[str, ...], case: Callable[[str], str]
) -> None:
    text = "".join(FORMS[token](day) if token in FORMS else token for token in pattern)
    assert parse_date(case(text), ["".join(pattern)]) == day


@given(days, st.sampled_from(["yyyyMMdd", "ddMMyyyy", "MMddyyyy", "ddMMMyyyy"]))
def test_days_under_patterns_without_separators_are_parsed_back(day: date, pattern: str) -> None:
    texts = {
        "yyyyMMdd": f"{day.year:04d}{day.month:02d}{day.day:02d}",
        "ddMMyyyy": f"{day.day:02d}{day.month:02d}{day.year:04d}",
        "MMddyyyy": f"{day.month:02d}{day.day:02d}{day.year:04d}",
        "ddMMMyyyy": f"{day.day:02d}{MONTHS[day.month][:3]}{day.year:04d}",
    }
    assert parse_date(texts[pattern], [pattern]) == day


@given(st.datetimes())
def test_a_time_of_day_is_ignored(moment: datetime) -> None:
    seconds = moment.replace(microsecond=0)
    assert parse_date(seconds.isoformat(), ["yyyy-MM-ddTHH:mm:ss"]) == moment.date()
    assert parse_date(seconds.isoformat(" ", "milliseconds"), ["yyyy-MM-dd HH:mm:ss.SSS"]) == moment.date()
    assert parse_date(seconds.isoformat(timespec="minutes") + "Z", ["yyyy-MM-ddTHH:mmZ"]) == moment.date()


@pytest.mark.parametrize("time", ["24:00:00", "12:60:00", "12:00:60", "1:00:00", "12:00"])
def test_a_date_with_a_time_that_does_not_exist_is_not_valid(time: str) -> None:
    assert parse_date(f"2025-01-31 {time}", ["yyyy-MM-dd HH:mm:ss"]) is None


@given(st.integers(0, 9999), st.integers(0, 99), st.integers(0, 99))
@example(2025, 2, 29)
@example(2024, 2, 29)
@example(1900, 2, 29)
@example(2025, 2, 30)
@example(2025, 13, 1)
@example(2025, 0, 1)
@example(0, 1, 1)
def test_a_day_that_is_not_in_the_calendar_is_not_valid(year: int, month: int, day: int) -> None:
    exists = year >= 1 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]
    expected = date(year, month, day) if exists else None
    assert parse_date(f"{year:04d}-{month:02d}-{day:02d}", ["yyyy-MM-dd"]) == expected


@given(st.text(max_size=16), patterns())
@example("APRİL-2025-1", ("MMMM", "-", "yyyy", "-", "d"))
@example("ſep-2025-1", ("MMM", "-", "yyyy", "-", "d"))
@example("٢٠٢٥-01-01", ("yyyy", "-", "MM", "-", "dd"))
def test_no_text_makes_the_parser_fail(text: str, pattern: tuple[str, ...]) -> None:
    day = parse_date(text, ["".join(pattern)])
    assert day is None or text.isascii() or "年" in text


@pytest.mark.parametrize(
    "text", ["2025-1-31", "25-01-31", "2025-01-31 ", " 2025-01-31", "2025-01-31x", "2025/01/31", ""]
)
def test_a_text_that_does_not_match_the_whole_pattern_is_not_valid(text: str) -> None:
    assert parse_date(text, ["yyyy-MM-dd"]) is None


def test_the_first_pattern_that_gives_a_day_wins() -> None:
    ambiguous = "03/04/2025"
    assert parse_date(ambiguous, ["dd/MM/yyyy", "MM/dd/yyyy"]) == date(2025, 4, 3)
    assert parse_date(ambiguous, ["MM/dd/yyyy", "dd/MM/yyyy"]) == date(2025, 3, 4)


def test_a_later_pattern_is_tried_if_an_earlier_one_gives_no_day() -> None:
    assert parse_date("31/01/2025", ["MM/dd/yyyy", "dd/MM/yyyy"]) == date(2025, 1, 31)


def test_a_pattern_without_a_day_gives_the_first_of_the_month() -> None:
    assert parse_date("2025-07", ["yyyy-MM"]) == date(2025, 7, 1)


@pytest.mark.parametrize(("text", "year"), [("31-12-00", 2000), ("31-12-68", 2068), ("31-12-99", 2099)])
def test_a_two_digit_year_is_of_this_century(text: str, year: int) -> None:
    assert parse_date(text, ["dd-MM-yy"]) == date(year, 12, 31)


LITERALS = [
    ("2025Q3", "yyyy'Q'Q", date(2025, 7, 1)),
    ("Periode 2025/07", "'Periode' yyyy/MM", date(2025, 7, 1)),
    ("FY2025", "'FY'yyyy", date(2025, 1, 1)),
    ("7 o'clock 2025-01-31", "h 'o''clock' yyyy-MM-dd", date(2025, 1, 31)),
    ("Mar '25", "MMM ''yy", date(2025, 3, 1)),
    ("week 2025-01-31", "'Week' yyyy-MM-dd", date(2025, 1, 31)),
]


@pytest.mark.parametrize(("text", "pattern", "day"), LITERALS)
def test_letters_in_apostrophes_match_themselves(text: str, pattern: str, day: date) -> None:
    assert parse_date(text, [pattern]) == day


def test_an_apostrophe_without_a_second_one_is_an_error() -> None:
    with pytest.raises(ValueError, match="an apostrophe lacks the second one"):
        compile_pattern("MMM 'yy")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("31/01/2025 1:05 PM", "dd/MM/yyyy h:mm a"),
        ("31/01/2025 12:00 a.m.", "dd/MM/yyyy h:mm a"),
        ("31/01/2025 01:05:09 pm", "dd/MM/yyyy hh:mm:ss a"),
        ("31/01/2025 9:05", "dd/MM/yyyy H:mm"),
        ("31/01/2025 23:5:7", "dd/MM/yyyy H:m:s"),
    ],
)
def test_times_with_am_and_pm_and_single_digits_are_read(text: str, pattern: str) -> None:
    assert parse_date(text, [pattern]) == date(2025, 1, 31)


@pytest.mark.parametrize("time", ["13:05 PM", "0:05 AM", "1:60 PM", "1:05", "1:05 XM", "1:05PM"])
def test_a_time_of_twelve_hours_that_does_not_exist_is_not_valid(time: str) -> None:
    assert parse_date(f"2025-01-31 {time}", ["yyyy-MM-dd h:mm a"]) is None


@pytest.mark.parametrize(
    ("text", "pattern", "month", "fiscal"),
    [
        ("2025", "yyyy", (2025, 1), (2024, 7)),
        ("Q1 2025", "QQQ yyyy", (2025, 1), (2024, 7)),
        ("2025-3", "yyyy-Q", (2025, 7), (2025, 1)),
        ("04/25", "QQ/yy", (2025, 10), (2025, 4)),
        ("2025-03", "yyyy-MM", (2025, 3), (2025, 3)),
        ("FY26-P01", "'FY'FF-'P'PP", (2026, 1), (2025, 7)),
        ("2026012", "FFFFPPP", (2026, 12), (2026, 6)),
        ("2026/7", "yyyy/P", (2026, 7), (2026, 1)),
        ("Jul FY2026", "MMM 'FY'FFFF", (2026, 7), (2025, 7)),
        ("Jun FY2026", "MMM 'FY'FFFF", (2026, 6), (2026, 6)),
        ("15.12.26", "dd.MM.FF", (2026, 12, 15), (2025, 12, 15)),
    ],
)
def test_a_year_or_a_quarter_is_its_first_day_in_the_calendar_of_the_field(
    text: str, pattern: str, month: tuple[int, ...], fiscal: tuple[int, ...]
) -> None:
    (year, of_year, day), (fiscal_year, of_fiscal_year, _) = (*month, 1)[:3], (*fiscal, 1)[:3]
    assert parse_date(text, [pattern]) == date(year, of_year, day)
    assert parse_date(text, [pattern], 7) == date(fiscal_year, of_fiscal_year, day)


@pytest.mark.parametrize(
    ("text", "pattern", "first_day"),
    [
        ("FY24/25 P01", "'FY'GG/FF 'P'PP", date(2024, 7, 1)),
        ("2024/25-12", "GGGG/FF-PP", date(2025, 6, 1)),
        ("Jul 2024/2025", "MMM GGGG/FFFF", date(2024, 7, 1)),
        ("Jun 2024-25", "MMM GGGG-FF", date(2025, 6, 1)),
        ("FY24-25 Q2", "'FY'GG-FF QQQ", date(2024, 10, 1)),
        ("1999/00", "GGGG/FF", date(1999, 7, 1)),
    ],
)
def test_a_fiscal_year_may_be_named_by_both_of_its_calendar_years(text: str, pattern: str, first_day: date) -> None:
    assert parse_date(text, [pattern], 7) == first_day


@pytest.mark.parametrize(("text", "first_month"), [("2024/26", 7), ("2024/24", 7), ("2025/24", 7), ("2024/25", 1)])
def test_calendar_years_that_no_fiscal_year_lies_in_are_not_valid(text: str, first_month: int) -> None:
    assert parse_date(text, ["GGGG/FF"], first_month) is None


@pytest.mark.parametrize(
    ("text", "pattern", "day"),
    [
        ("2025-W01-1", "YYYY-'W'ww-e", date(2024, 12, 30)),
        ("2025-W05-4", "YYYY-'W'ww-e", date(2025, 1, 30)),
        ("2025-W05-7", "YYYY-'W'ww-e", date(2025, 2, 2)),
        ("KW 5/2025-4", "'KW 'w/YYYY-e", date(2025, 1, 30)),
        ("2026-W53-4", "YYYY-'W'ww-e", date(2026, 12, 31)),
        ("2025-W53-4", "YYYY-'W'ww-e", None),
        ("2025-W00-4", "YYYY-'W'ww-e", None),
        ("2025-W05-8", "YYYY-'W'ww-e", None),
    ],
)
def test_a_day_of_a_week_is_that_of_iso_8601(text: str, pattern: str, day: date | None) -> None:
    assert parse_date(text, [pattern]) == day


@pytest.mark.parametrize(
    ("pattern", "mistake"),
    [
        ("YYYY-'W'ww", "needs its year (YYYY) and a day (e)"),
        ("yyyy-'W'ww-e", "needs its year (YYYY) and a day (e)"),
        ("YYYY-MM-dd", "YYYY is the year of weeks (ww); that of months is yyyy"),
        ("GG/yy", "beside FF or FFFF"),
        ("GGGG GG/FF", "beside FF or FFFF"),
    ],
)
def test_a_part_of_a_week_or_of_two_years_alone_is_an_error(pattern: str, mistake: str) -> None:
    with pytest.raises(ValueError, match=re.escape(mistake)):
        compile_pattern(pattern)


@pytest.mark.parametrize("text", ["2026-13", "2026-0", "2026-99", "0000-1"])
def test_a_period_that_a_fiscal_year_does_not_have_is_not_valid(text: str) -> None:
    assert parse_date(text, ["FFFF-P"]) is None
    assert parse_date(text, ["FFFF-P"], 4) is None


@pytest.mark.parametrize("text", ["Q5 2025", "Q0 2025", "0 2025", "Q1 0000"])
def test_a_quarter_that_does_not_exist_is_not_valid(text: str) -> None:
    assert parse_date(text, ["QQQ yyyy", "Q yyyy"]) is None


@given(st.dates(date(1900, 3, 1), date(9999, 12, 31)), st.sampled_from(["", ".0", ".75"]))
def test_a_day_as_a_spreadsheet_counts_it_is_read(day: date, time: str) -> None:
    serial = (day - date(1899, 12, 30)).days
    assert parse_date(f"{serial}{time}", [EXCEL_SERIAL]) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1", date(1900, 1, 1)),
        ("59", date(1900, 2, 28)),
        ("60", None),
        ("61", date(1900, 3, 1)),
        ("0", None),
        ("0.5", None),
        ("2958466", None),
        ("-1", None),
        ("45,658", None),
        ("4.5E4", None),
    ],
)
def test_days_at_the_ends_of_a_spreadsheet_s_calendar(text: str, day: date | None) -> None:
    assert parse_date(text, [EXCEL_SERIAL]) == day


@pytest.mark.parametrize("pattern", ["yyyy", "yyyyMM", "yyMMdd", "yyyyQ"])
def test_digits_that_could_be_a_serial_day_and_a_date_are_refused_as_formats(pattern: str) -> None:
    with pytest.raises(ValueError, match="could both be meant by the same digits"):
        check_formats([EXCEL_SERIAL, pattern])
    check_formats([pattern])
    check_formats([EXCEL_SERIAL, "yyyyMMdd", "yyyy-MM"])


@pytest.mark.parametrize("midnight", [" 00:00:00", "T00:00:00", " 00:00:00.000", "T00:00:00.0", "  00:00:00"])
def test_midnight_after_a_day_is_read_without_a_pattern_for_it(midnight: str) -> None:
    assert parse_date(f"2025-01-31{midnight}", ["yyyy-MM-dd"]) == date(2025, 1, 31)


@pytest.mark.parametrize(
    "time", [" 00:00:01", " 00:00", "00:00:00", " 00:00:00.001", " 12:00:00", " 00:00:00 00:00:00"]
)
def test_another_time_after_a_day_needs_a_pattern(time: str) -> None:
    assert parse_date(f"2025-01-31{time}", ["yyyy-MM-dd"]) is None


def test_midnight_does_not_follow_a_month_a_quarter_or_a_time() -> None:
    assert parse_date("2025-01 00:00:00", ["yyyy-MM"]) is None
    assert parse_date("2025 00:00:00", ["yyyy"]) is None
    assert parse_date("2025-01-31 10:00 00:00:00", ["yyyy-MM-dd HH:mm"]) is None


def test_may_is_both_a_short_and_a_long_name() -> None:
    assert parse_date("May 2025", ["MMM yyyy"]) == parse_date("May 2025", ["MMMM yyyy"]) == date(2025, 5, 1)


def test_punctuation_of_a_pattern_matches_itself_only() -> None:
    assert parse_date("2025x01x31", ["yyyy.MM.dd"]) is None


@pytest.mark.parametrize(
    "pattern", ["UUUU-MM-dd", "yyyy-MM-DD", "yyyy-MM-ddd", "yyyyy-MM", "yyyy-MM-dd hh:mm aa", "QQQQ yyyy", "MMMMM yyyy"]
)
def test_a_pattern_with_unknown_letters_is_an_error_that_names_them(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"is not one of yyyy|names a part twice"):
        compile_pattern(pattern)


def test_the_error_of_an_unknown_letter_lists_what_is_allowed() -> None:
    allowed = (
        "yyyy, yy, FFFF, FF, GGGG, GG, YYYY, ww, w, e, PPP, PP, P, QQQ, QQ, Q, MMMM, MMM, MM, M, dd, d, HH, H, hh, h, "
        "mm, m, ss, s, SSS, S, a"
    )
    with pytest.raises(ValueError, match=f"'UUUU' is not one of {allowed}; words stand in apostrophes"):
        compile_pattern("UUUU-MM-dd")


@pytest.mark.parametrize(
    "pattern",
    [
        "yyyy-MM-dd yyyy",
        "yyyy yy MM",
        "yyyy MMM MM",
        "yyyy-MM-dd d",
        "M MM yyyy",
        "yyyy Q MM",
        "yyyy FF MM",
        "P MM FFFF",
        "P Q yyyy",
    ],
)
def test_a_pattern_that_names_a_part_twice_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError, match="names a part twice"):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["", "MM-dd", "yyyy-dd", "yyyy Q dd", "Q", "HH:mm", "h:mm a", "-"])
def test_a_pattern_without_year_or_month_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError, match="needs a year"):
        compile_pattern(pattern)


@given(days)
def test_the_period_of_a_day_contains_the_day(day: date) -> None:
    period = period_of(day)
    assert first_day(period) <= day <= last_day(period)


@given(days)
def test_a_period_is_the_day_s_year_and_month(day: date) -> None:
    assert period_of(day) == day.isoformat()[:7]


@pytest.mark.parametrize(
    ("period", "expected"), [("2024-02", "2024-02-29"), ("2025-02", "2025-02-28"), ("1900-02", "1900-02-28")]
)
def test_the_last_day_of_february_depends_on_the_leap_year(period: str, expected: str) -> None:
    assert last_day(period) == date.fromisoformat(expected)


@given(days, days)
def test_a_clamped_day_lies_in_the_period_and_no_other_day_of_it_is_closer(day: date, other: date) -> None:
    period = period_of(other)
    clamped = clamp_to_period(day, period)
    assert period_of(clamped) == period
    assert abs(clamped - day) <= min(abs(first_day(period) - day), abs(last_day(period) - day), abs(other - day))


@given(days)
def test_a_day_inside_the_period_is_not_changed_by_clamping(day: date) -> None:
    assert clamp_to_period(day, period_of(day)) == day


def test_a_moment_with_a_time_zone_is_read_as_it_is_written():
    """Of summer and of winter: half past eleven at night stays on its day."""
    texts = ["2025-03-31T23:30:00.000+02:00", "2025-01-31T23:30:00.000+01:00"]
    patterns = patterns_with_zones(texts)
    assert patterns == ["yyyy-MM-ddTHH:mm:ss.SSS'+01:00'", "yyyy-MM-ddTHH:mm:ss.SSS'+02:00'"]
    assert [parse_date(text, patterns) for text in texts] == [date(2025, 3, 31), date(2025, 1, 31)]


@pytest.mark.parametrize("fraction", ["5", "123", "123456", "1234567", "123456789"])
def test_a_fraction_of_a_second_may_have_any_length(fraction: str):
    """PostgreSQL leaves out zeros at its end, SQL Server has seven digits, Python six."""
    assert parse_date(f"2025-01-31 23:59:59.{fraction}", ["yyyy-MM-dd HH:mm:ss.S"]) == date(2025, 1, 31)
    zoned = f"2025-01-31T23:59:59.{fraction}Z"
    assert parse_date(zoned, patterns_with_zones([zoned])) == date(2025, 1, 31)


@pytest.mark.parametrize("text", ["2025-01-31 23:59:59", "2025-01-31 23:59:59.", "2025-01-31 23:59:59.1234567890"])
def test_a_fraction_of_a_second_has_a_digit_and_at_most_nine(text: str):
    assert parse_date(text, ["yyyy-MM-dd HH:mm:ss.S"]) is None


def test_a_moment_with_a_time_zone_may_have_no_seconds():
    assert patterns_with_zones(["2025-03-31T23:30Z"]) == ["yyyy-MM-ddTHH:mm'Z'"]


@pytest.mark.parametrize(
    "texts",
    [["2025-01-31"], ["2025-01-31Z"], ["2025-01"], ["x-05:00"], ["2025-01-31T23:30:00Z", "2025-01-31"]],
)
def test_other_texts_have_no_time_zone(texts: list[str]):
    assert patterns_with_zones(texts) == []


def test_a_draft_proposes_moments_with_a_time_zone():
    guess = guess_dates(["2025-01-31T23:30:00-05:00", "2025-02-01T08:00:00-05:00"])
    assert guess
    assert (guess.formats, guess.has_zones) == (("yyyy-MM-ddTHH:mm:ss'-05:00'",), True)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("3. März 2025", "d. MMMM yyyy"), ("3 mars 2025", "d MMMM yyyy"), ("3 marzo 2025", "d MMMM yyyy"),
        ("03-Mrz-25", "dd-MMM-yy"), ("03-mars-25", "dd-MMM-yy"), ("3. Mär. 2025", "d. MMM yyyy"),
        ("03-mrt-2025", "dd-MMM-yyyy"), ("MÄRZ 2025 3", "MMMM yyyy d"), ("3 maart 2025", "d MMMM yyyy"),
    ],
)  # fmt: skip
def test_names_of_months_are_read_in_the_languages_of_common_ledgers(text: str, pattern: str) -> None:
    assert parse_date(text, (pattern,)) == date(2025, 3, 3)


def test_no_name_of_a_month_is_another_month_in_another_language() -> None:
    months: dict[str, set[int]] = {}
    for names in MONTH_NAMES.values():
        for number, spellings in enumerate(names, start=1):
            for name in spellings.split():
                months.setdefault(plain_month(name), set()).add(number)
    assert [name for name, numbers in months.items() if len(numbers) > 1] == []


@pytest.mark.parametrize("text", ["3 Marchx 2025", "3 Ma 2025", "3 März2025", "3 Mar.. 2025"])
def test_other_texts_are_no_names_of_months(text: str) -> None:
    assert parse_date(text, ("d MMM yyyy",)) is None
