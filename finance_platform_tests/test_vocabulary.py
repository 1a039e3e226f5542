"""Words and forms that the project has replaced, each with the reason; none may come back.

Belongs here: a short list, checked over code, tests, SQL and docs. Does not belong here: style that ruff can check.
`docs/naming.md` is the glossary.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("finance_platform", "finance_platform_tests", "benchmarks", "sql", "docs", "infra")
FILES = ("README.md", ".env.example", "Makefile", "pyproject.toml")
SUFFIXES = {".py", ".sql", ".md", ".yaml", ".toml", ".example", ""}

REPLACED = {
    r"\b(?:told|tells? of)\b": "say 'reported' or 'returns', with the thing as the subject",
    r"\b(?:mend|mends|mended|mending)\b": "say 'fix' or 'repair'",
    r"\bwhoever\b": "name who it is: the caller, the reader, another machine",
    r"(?<![\"'])\bnobody\b(?![\"'])": "name what is missing: 'no process', 'no feed', 'without a reader'",
    r"\bmade anew\b": "say 'rebuilt' or 'created again'",
    r"\bspeaks? (?:of|to|with)\b": "say 'lists', 'names', 'connects to'",
    r"\b(?:is|are) no (?:date|number|amount|template|merely|mere|more)\b": "say 'is not a valid date', 'is not …'",
    r"\bstands? there\b": "say 'exists' or 'is published'",
    r"\b[Ll]ake\b": "say object store, zone, raw zone or processed zone; tables are in the processed zone",
    r"\b(?:Intake|take_stock)\b": "a listing of the raw zone is a scan: RawZoneScan, scan_raw_zone",
}
"""Pattern → what to write instead."""

SAYS_SO = {Path(__file__).name}
"""The files that name the words."""

MODULE_NAMES = re.compile(r"(?:^|_)[a-z]+ing$")
REAL_NOUNS = {"error_handling", "formatting", "rendering", "reporting", "routing"}
"""Nouns that end like a gerund."""


@cache
def texts() -> dict[Path, str]:
    """Return the text of each file."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    found += [ROOT / name for name in FILES]
    files = [path for path in found if path.is_file() and path.name not in SAYS_SO and "__pycache__" not in path.parts]
    return {path: path.read_text(encoding="utf-8") for path in files}


@pytest.mark.parametrize("pattern", REPLACED)
def test_a_replaced_word_has_not_come_back(pattern: str):
    places = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path, text in texts().items()
        if re.search(pattern, text)
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert places == [], f"{REPLACED[pattern]}:\n" + "\n".join(places[:20])


def test_modules_are_nouns():
    names = [path for path in (ROOT / "finance_platform").rglob("*.py") if MODULE_NAMES.search(path.stem)]
    assert [str(path.relative_to(ROOT)) for path in names if path.stem not in REAL_NOUNS] == []
