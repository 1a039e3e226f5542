"""The commands of the documentation's code blocks, as a reader would copy them.

Belongs here: finding them in a page. Does not belong here: running those of the tutorial with their output (see
`tutorial`), the assertions (see `unit.test_documented_commands`, `end_to_end.test_readme`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PAGES = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))

_FENCED = re.compile(r"^```[a-z]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?:^    .*\n?)+", re.MULTILINE)
_COMMAND = re.compile(r"^ *(?:\$ )?(?:\.venv/bin/)?finance-platform(?= )")


def documented_commands(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of each command in the code blocks of a page, without comments and redirections."""
    text = page.read_text(encoding="utf-8")
    blocks = [*(match[1] for match in _FENCED.finditer(text)), *_INDENTED.findall(_FENCED.sub("", text))]
    for block in blocks:
        lines = iter(block.splitlines())
        for line in lines:
            if match := _COMMAND.match(line):
                yield _arguments(line[match.end() :], lines)


def _arguments(command: str, lines: Iterator[str]) -> list[str]:
    """Return the words of a command; a quotation, or a backslash at the end, goes on in the next line."""
    while True:
        try:
            words = shlex.split(command.removesuffix("\\"), comments=True)
        except ValueError:  # an open quotation
            command += "\n" + next(lines)
            continue
        if command.endswith("\\"):
            command = command.removesuffix("\\") + next(lines)
            continue
        ends = [number for number, word in enumerate(words) if word in {">", "|", "&&"}]
        return words[: ends[0]] if ends else words
