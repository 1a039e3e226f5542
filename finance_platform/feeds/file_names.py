"""File names: globs, the order of deliveries, the periods that names declare, and the fields that they give.

Belongs here: applying a descriptor's patterns to names, and the natural order of their matches. Patterns are those of
RE2, in which no pattern takes more than linear time.
Does not belong here: which feed a name belongs to (see `feed_set`), the content of files.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.errors import FileNameError
from finance_platform.feeds.values.dates import periods_between, periods_of_year
from finance_platform.safe_text import quote_name

_MONTHS = 12
_PERIOD = re.compile(r"([0-9]{4})(?:[-_.]?(0[1-9]|1[0-2]))?")
_PATTERN_PART = re.compile(
    r"\\Q.*?(?:\\E|\Z)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\((?:\?P?<\w+>|(?!\?))", re.DOTALL
)
"""A part of a pattern that may begin with a parenthesis: an escape, a character class, the start of a group."""

GROUP = re.compile(r"\{([0-9]+)\}")
"""A group's place in a template such as `{1}-{2}`."""


TEXT_ENDINGS = (".csv", ".txt", ".tsv")
WORKBOOK_ENDINGS = (".xlsx", ".xlsm", ".xls", ".ods")
PACKED_ENDING = ".gz"
"""Of text that is packed with gzip, after its own ending."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_WILDCARD = re.compile(r"[*?\[]")
_MAX_EXPANDED = 1_000
"""Globs that the braces of one glob stand for."""


def file_ending(name: str) -> str:
    """Return the ending of a name in lower case, both parts of it if the text is packed, such as `.csv.gz`."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    if suffixes[-1:] == [PACKED_ENDING] and suffixes[-2:-1] and suffixes[-2] in TEXT_ENDINGS:
        return suffixes[-2] + PACKED_ENDING
    return suffixes[-1] if suffixes else ""


def is_readable_ending(ending: str) -> bool:
    """Return whether files of an ending can be read."""
    return ending.removesuffix(PACKED_ENDING) in TEXT_ENDINGS or ending in WORKBOOK_ENDINGS


@lru_cache(maxsize=2048)
def expand_braces(glob: str) -> tuple[str, ...]:
    """Return the globs that a glob with braces stands for, such as `*.csv` and `*.xlsx` for `*.{csv,xlsx}`.

    Raises:
        ValueError: a brace is not closed, or the globs are too many.
    """
    globs = [glob]
    while any(_BRACES.search(text) for text in globs):
        globs = [expanded for text in globs for expanded in _expand_first(text)]
        if len(globs) > _MAX_EXPANDED:
            raise ValueError(f"the braces stand for more than {_MAX_EXPANDED:,} globs; use fewer")
    if any("{" in text or "}" in text for text in globs):
        raise ValueError("a brace is not closed or not opened; write {csv,xlsx}")
    return tuple(dict.fromkeys(globs))


def _expand_first(text: str) -> list[str]:
    match = _BRACES.search(text)
    if match is None:
        return [text]
    return [text[: match.start()] + choice.strip() + text[match.end() :] for choice in match[1].split(",")]


def natural_sort_key(text: str) -> str:
    """Return a text that sorts digits by their value and ignores case, so that v10 comes after V9."""
    return re.sub("[0-9]+", lambda digits: _number_sort_key(digits[0].lstrip("0")), text.casefold())


def _number_sort_key(digits: str) -> str:
    # The longer of two numbers without leading zeros is greater.
    return f"{len(digits):05d}{digits}"


def matches_glob(glob: str, object_key: str) -> bool:
    """Return whether an object's key matches a glob, case ignored; its `*` stays inside one folder."""
    parts = _key_parts(object_key)
    return any(
        len(parts) == len(matchers) and all(match(part) for match, part in zip(matchers, parts, strict=True))
        for matchers in _glob_matchers(glob)
    )


def comparable_name(object_key: str) -> str:
    """Return an object's key as `beginnings_of_glob` compares it."""
    return "/".join(_key_parts(object_key)[1:])


def beginnings_of_glob(glob: str) -> list[str]:
    """Return with what the comparable name of an object begins that a glob matches; one for each choice of braces."""
    return [_WILDCARD.split("/".join(_key_parts(expanded)[1:]), 1)[0] for expanded in expand_braces(glob)]


@lru_cache(maxsize=1)
def _key_parts(object_key: str) -> tuple[str, ...]:
    """Return the folders and the name of a key in lower case; each key is compared with the globs of all feeds."""
    if object_key.startswith("/"):
        return PurePosixPath("/" + object_key.lower()).parts  # whose root may be two slashes
    # A path would take three times as long, for each of thousands of files.
    return ("/", *(part for part in object_key.lower().split("/") if part not in {"", "."}))


@lru_cache(maxsize=2048)
def _glob_matchers(glob: str) -> tuple[tuple[Callable[[str], re.Match[str] | None], ...], ...]:
    # Before each star but the last, `translate` never goes back, so a name takes linear time; pathlib's own
    # translation goes back in some versions of Python.
    return tuple(
        tuple(re.compile(fnmatch.translate(part)).match for part in PurePosixPath("/" + expanded.lower()).parts)
        for expanded in expand_braces(glob)
    )


def order_from_name(pattern: str, object_key: str) -> str:
    """Return the sort key of a delivery whose name orders it.

    Args:
        pattern: a regular expression; its groups are compared one by one, or the whole match if it has none.
        object_key: the raw object.

    Raises:
        FileNameError: the pattern does not match.
    """
    return _sort_key(_matched_parts(pattern, object_key))


def orders_from_names(pattern: str, object_keys: Sequence[str]) -> dict[str, str]:
    """Return what `order_from_name` returns, by key, of those that match; for many names, it is much faster."""
    named, count = _with_named_groups(pattern)
    matches = pc.extract_regex(pa.array(object_keys, pa.string()), pattern=named).to_pylist()
    parts = {key: _parts_of(match, count) for key, match in zip(object_keys, matches, strict=True) if match}
    return {key: _sort_key(groups[1:] or groups) for key, groups in parts.items()}


def _sort_key(parts: Sequence[str]) -> str:
    return "\x1f".join(natural_sort_key(part) for part in parts)


def periods_from_name(pattern: str, object_key: str, fiscal_year_start_month: int = 1) -> list[str]:
    """Return the periods that a name declares: one (`2024-03`, `202403`), a year (`2024`), or first to last.

    Args:
        pattern: a regular expression with one group, or two: the first and the last period.
        object_key: the raw object.
        fiscal_year_start_month: the first month of a year; it is named by the calendar year in which it ends.

    Raises:
        FileNameError: the pattern does not match, or a group does not match a period.
    """
    periods = [
        _parse_periods(text, object_key, fiscal_year_start_month) for text in _matched_parts(pattern, object_key)
    ]
    covered = periods_between(periods[0][0], periods[-1][-1])
    if not covered:
        raise FileNameError(
            f"{quote_name(object_key)}: the last period in the name is before the first", fix="rename the file"
        )
    return covered


def value_from_name(pattern: str, template: str | None, object_key: str) -> str | None:
    """Return the text that an object's key gives to a field; None or blank if it gives none.

    Args:
        pattern: a regular expression of RE2, which takes linear time whatever the pattern.
        template: the text, with the groups' numbers in braces; by default the first group, or the whole match.
        object_key: the raw object.
    """
    groups = _match_groups(pattern, object_key)
    if not groups:
        return None
    if template is None:
        return groups[min(1, len(groups) - 1)].strip()
    if not all(groups[int(number)] for number in GROUP.findall(template)):
        return None  # half a value is not a value
    return GROUP.sub(lambda number: groups[int(number[1])], template).strip()


def count_groups(pattern: str) -> int:
    """Return the number of groups of a pattern.

    Raises:
        ValueError: RE2 does not accept the pattern.
    """
    named, count = _with_named_groups(pattern)
    # Arrow compiles the pattern; an array of nulls, unlike one of texts, does not import pandas.
    pc.extract_regex(pa.nulls(1, pa.string()), pattern=named)
    return count


def _match_groups(pattern: str, text: str) -> list[str]:
    """Return the whole match and then each group, empty where a group has no part in it; nothing without a match."""
    named, count = _with_named_groups(pattern)
    return _parts_of(pc.extract_regex(pa.array([text]), pattern=named)[0].as_py(), count)


def _parts_of(match: Mapping[str, str] | None, count: int) -> list[str]:
    return [match[f"g{number}"] for number in range(count + 1)] if match else []


def _with_named_groups(pattern: str) -> tuple[str, int]:
    """Return a pattern whose groups are named g0, g1 …, and the number of its own groups; Arrow needs the names."""
    count = 0

    def name_group(part: re.Match[str]) -> str:
        nonlocal count
        if not part[0].startswith("("):
            return part[0]
        count += 1
        return f"(?P<g{count}>"

    return f"(?P<g0>{_PATTERN_PART.sub(name_group, pattern)})", count


def _matched_parts(pattern: str, object_key: str) -> list[str]:
    groups = _match_groups(pattern, object_key)
    if not groups:
        raise FileNameError(
            f"{quote_name(object_key)}: the name does not match the descriptor's pattern {pattern!r}",
            fix="rename the file, or correct the pattern in the descriptor",
        )
    return groups[1:] or groups


def _parse_periods(written: str, object_key: str, first_month: int) -> list[str]:
    match = _PERIOD.fullmatch(written)
    if match is None:
        raise FileNameError(
            f"{quote_name(object_key)}: {written!r} in the name is not a valid period",
            fix="write YYYY-MM, YYYYMM or YYYY in the name, or correct covers: in the descriptor",
        )
    year, month = match.groups()
    if month:
        return [f"{year}-{month}"]
    return periods_of_year(f"{year}-{(first_month + _MONTHS - 2) % _MONTHS + 1:02d}", first_month)
