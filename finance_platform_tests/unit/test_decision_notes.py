"""The notes in `docs/decisions`: each is listed by topic with those that changed it, and each that is cited exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "decisions"
NOTES = {path.name[:3]: path for path in sorted(FOLDER.glob("[0-9]*.md"))}
LISTED = re.compile(r"^- \[(\d{3})\]\(([^)]+)\) (.+)$", re.MULTILINE)
STATUS = re.compile(r"^Status: (.+?)\n\n", re.MULTILINE | re.DOTALL)
CHANGES = re.compile(r"\b(?:changes|narrows|replaces)\b(.*)", re.IGNORECASE)
CHANGED = re.compile(r"\b(?:changed|decided otherwise|done|narrowed|replaced)\b.*? by (?=\d{3})(.*)", re.IGNORECASE)
CITED = re.compile(
    r"(?<=\s)\((?!(?:400|403|412|443)\))[0-6]\d\d(?:, \d{3})*\)|\bdecisions? \d{3}(?:(?:, | and |, and )\d{3})*"
)
"""In parentheses, where pages also have answers and the port of HTTP; or by the word."""


def title(note: Path) -> str:
    """Return the title of a note without its number, as the list has it."""
    text = re.sub(r"^# \d{3}:? ", "", note.read_text(encoding="utf-8").split("\n", 1)[0])
    return text[0].upper() + text[1:]


def status(note: Path) -> str:
    """Return the status of a note."""
    found = STATUS.search(note.read_text(encoding="utf-8"))
    assert found, note
    return found[1].replace("\n", " ")


def numbers_after(verb: re.Pattern[str], text: str) -> set[str]:
    """Return the notes that a status names after a verb, in the same part of a sentence."""
    parts = (verb.search(part) for part in re.split("[.;]", text))
    return {number for part in parts if part for number in re.findall(r"\b\d{3}\b", part[1])}


def mark(note: Path) -> str:
    """Return what the list says beside the title of a note that no longer holds as it was written."""
    later = sorted(numbers_after(CHANGED, status(note)))
    if not later:
        return ""
    verb = "changed" if status(note).startswith("accepted") else "replaced"
    return f" ({verb} by {', '.join(later)})"


def citations() -> Iterator[tuple[str, str]]:
    """Yield each page or module with the number of a note that it cites."""
    paths = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "finance_platform").rglob("*.py")]
    for path in paths:
        for match in CITED.finditer(path.read_text(encoding="utf-8")):
            yield from ((str(path.relative_to(ROOT)), number) for number in re.findall(r"\d{3}", match[0]))


def test_each_note_is_listed_once_with_its_title_and_those_that_changed_it() -> None:
    listed = LISTED.findall((FOLDER / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [(number, note.name, title(note) + mark(note)) for number, note in NOTES.items()]


def test_a_note_and_the_one_that_it_changes_name_each_other() -> None:
    missing = set()
    for number, note in NOTES.items():
        changed, later = numbers_after(CHANGES, status(note)), numbers_after(CHANGED, status(note))
        missing |= {(number, other) for other in changed if number not in numbers_after(CHANGED, status(NOTES[other]))}
        missing |= {(number, other) for other in later if number not in NOTES[other].read_text(encoding="utf-8")}
    assert missing == set()


def test_a_note_has_the_number_of_its_file() -> None:
    assert [
        number for number, note in NOTES.items() if not note.read_text(encoding="utf-8").startswith(f"# {number}")
    ] == []


def test_each_note_that_is_cited_exists() -> None:
    statuses = {(note.name, number) for note in NOTES.values() for number in re.findall(r"\b\d{3}\b", status(note))}
    assert {(page, number) for page, number in {*citations(), *statuses} if number not in NOTES} == set()
