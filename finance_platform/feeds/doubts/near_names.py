"""Names of files that nearly give a scenario: `forecast_2025-6.csv`, where the pattern reads `forecast_2025-06.csv`.

Belongs here: other forms of one name, and the note about one that the pattern reads. Does not belong here: what a
pattern gives (see `file_names`).

A name that a pattern does not match gives the default, so each version of a plan replaces the one before it, as a
correction of the same scenario would.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from finance_platform.feeds.cells import FieldSource
from finance_platform.feeds.file_names import value_from_name
from finance_platform.feeds.findings import Note
from finance_platform.feeds.values.month_names import read_month

_YEAR = r"(?<![0-9])((?:19|20)[0-9]{2})"
_MONTH = r"(0?[1-9]|1[0-2])(?![0-9])"
_YEAR_AND_MONTH = re.compile(f"{_YEAR}[ _.-]?m?{_MONTH}", re.IGNORECASE)
_MONTH_AND_YEAR = re.compile(rf"(?<![0-9]){_MONTH}[ _.-]?{_YEAR}(?![0-9])")
_NAME = r"(?<![^\W\d_])([^\W\d_]{3,12})(?![^\W\d_])"
_NAME_AND_YEAR = re.compile(rf"{_NAME}[ _.-]{{0,2}}{_YEAR}(?![0-9])")
_YEAR_AND_NAME = re.compile(rf"{_YEAR}[ _.-]{{0,2}}{_NAME}")
_QUARTER = re.compile(r"(?i)^([^\W\d_]+)[ _.-](.*?)(?<![^\W_])(q[1-4]|[1-4]q)(?![^\W_])")


def find_near_names(source: FieldSource | None, object_key: str) -> dict[str, Note]:
    """Return a note if the scenario is the default, although another form of the file's name gives one.

    Args:
        source: of the scenario; None if the file has none.
        object_key: the file.
    """
    rule = source.rule if source and not source.headers else None
    if rule is None or rule.name_pattern is None or rule.default is None:
        return {}
    if value_from_name(rule.name_pattern, rule.name_template, object_key):
        return {}
    path = PurePosixPath(object_key)
    for name in _other_forms(path.name):
        if value := value_from_name(rule.name_pattern, rule.name_template, str(path.with_name(name))):
            read = next((to for text, to in rule.value_map.items() if text.casefold() == value.casefold()), value)
            return {
                f"scenario: the name {path.name!r} gives none, so that its lines are {rule.default}": Note(
                    1,
                    f"if the file is the version {read} of the plan, withdraw it and send it as {name}; if it is "
                    f"{rule.default}, nothing needs to be done",
                )
            }
    return {}


def _other_forms(name: str) -> Iterator[str]:
    """Yield a name with year and month as `2025-06`, and with its quarter after its first word."""
    for pattern, year, month in ((_YEAR_AND_MONTH, 1, 2), (_MONTH_AND_YEAR, 2, 1)):
        if found := pattern.search(name):
            yield f"{name[: found.start()]}{found[year]}-{int(found[month]):02d}{name[found.end() :]}"
    for pattern, year, month in ((_NAME_AND_YEAR, 2, 1), (_YEAR_AND_NAME, 1, 2)):
        if (found := pattern.search(name)) and (named := read_month(f"{found[month]} {found[year]}")):
            yield f"{name[: found.start()]}{found[year]}-{named.month:02d}{name[found.end() :]}"
    if found := _QUARTER.search(name):
        quarter = next(digit for digit in found[3] if digit.isdigit())
        words = found[2].strip(" _.-")
        yield f"{found[1]}_q{quarter}" + (f"_{words}" if words else "") + name[found.end() :]
