"""The guides: pages whose commands are run in an empty folder, and whose outputs are those of the commands.

Belongs here: reading, running and writing the blocks of a page; `make tutorial` writes the outputs of this release into
the pages. Does not belong here: the assertions (see `end_to_end.test_tutorial`, `end_to_end.test_month_end`).

A block begins with ```console; a line that begins with `$ ` is a command, the lines after it are its output. The first
` | ` or ` > ` of a command ends what `finance-platform` is given: the rest is a filter of the shell, so a page shows
which lines it leaves out, or the name of a file. Decisions are those of a user called `you`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from finance_platform.cli import author, main

REPOSITORY = Path(__file__).parents[1]
EXAMPLES = REPOSITORY / "docs" / "examples"

_BLOCK = re.compile(r"```console\n(.*?)```\n", re.DOTALL)
_COMMAND = re.compile(r"(?P<words>.*?)(?: (?P<operator>[|>]) (?P<rest>.*))?", re.DOTALL)
_PROGRAM = "finance-platform"
_HOME = "/home/you"
"""Stands for the folder in which the commands run."""

_VARIES = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}"), "RUN"),
    (re.compile(r"[0-9]+\.[0-9] s\b"), "N s"),
    # The data of the pages are from before 2026, and the commands are given later.
    (re.compile(r"20(?:2[6-9]|[3-9][0-9])-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+Z?| [0-9:]{5} UTC)?"), "TIME"),
    (re.compile(r"\b([0-9]+:)?[0-9a-f]{64}\b"), r"\1HASH"),
    # A delivery has another identity whenever its feed is read in another way.
    (re.compile(r"\b[0-9a-f]{16}\b"), "DELIVERY"),
)

Run = Callable[[str, Path], str | None]
"""Runs `finance-platform run`, given as on the page, in a home; returns what it prints, None if that is not known."""


@dataclass(frozen=True)
class Guide:
    """A page with commands.

    Attributes:
        page: the file.
        examples: files and folders that are beside the home when the commands begin.
    """

    page: Path
    examples: tuple[Path, ...]

    @property
    def text(self) -> str:
        """The page as it is."""
        return self.page.read_text(encoding="utf-8")


FEEDS = Guide(REPOSITORY / "docs" / "feeds.md", tuple(path for path in sorted(EXAMPLES.iterdir()) if path.is_file()))
MONTH_END = Guide(REPOSITORY / "docs" / "month_end.md", tuple(sorted((EXAMPLES / "month_end").iterdir())))


@dataclass(frozen=True)
class Step:
    """A command of a page and the output that the page shows."""

    command: str
    output: str

    @property
    def is_run(self) -> bool:
        """Whether it refreshes the home: it then starts processes and writes logs."""
        return self.command.split(" | ")[0] == f"{_PROGRAM} run"

    @property
    def is_close(self) -> bool:
        """Whether it closes a period."""
        return self.command.startswith(f"{_PROGRAM} close ") and "--dry-run" not in self.command


@dataclass(frozen=True)
class Played:
    """A step, what it printed (None if that is not known), and the folder in which it was given."""

    step: Step
    output: str | None
    folder: Path


def steps(page: str) -> Iterator[Step]:
    """Yield the commands of a page, in order."""
    for block in _BLOCK.finditer(page):
        for part in re.split(r"^\$ ", block[1], flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield Step(command, output.strip("\n"))


def normalized(output: str) -> str:
    """Return an output without what differs from run to run, and without blanks at the ends of lines."""
    for pattern, name in _VARIES:
        output = pattern.sub(name, output)
    return "\n".join(line.rstrip() for line in output.strip("\n").splitlines())


def play(guide: Guide, folder: Path, run: Run | None = None) -> Iterator[Played]:
    """Give the commands of a page in a folder, one after the other, and yield each with what it printed.

    Args:
        guide: the page.
        folder: an empty folder, which is given the examples.
        run: runs `finance-platform run`; by default in a process of its own.
    """
    copy_examples(guide, folder)
    here = folder
    for step in steps(guide.text):
        if step.command.startswith("cd "):
            here = (here / step.command.removeprefix("cd ")).resolve()
            yield Played(step, "", here)
            continue
        output = (run or _run_in_shell)(step.command, here) if step.is_run else give(step.command, here)
        yield Played(step, None if output is None else output.replace(str(folder), _HOME), here)


def copy_examples(guide: Guide, folder: Path) -> None:
    """Copy the files of a page into a folder."""
    for example in guide.examples:
        (shutil.copytree if example.is_dir() else shutil.copy)(example, folder / example.name)


def give(command: str, folder: Path) -> str:
    """Give a command in a folder and return what it prints; one of the platform is a function of this process."""
    match = _COMMAND.fullmatch(command)
    assert match
    program, *arguments = _words(match["words"], folder)
    if program != _PROGRAM:
        return _run_in_shell(command, folder)
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(author, "operating_system_user", lambda: "you")
        result = CliRunner().invoke(main, arguments, prog_name=_PROGRAM)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    if match["operator"] == ">":
        (folder / match["rest"]).write_text(result.stdout, encoding="utf-8")
    elif match["operator"] == "|":
        return result.stderr + _run_in_shell(match["rest"], folder, given=result.stdout)
    return result.stderr if match["operator"] else result.output


def _words(text: str, folder: Path) -> list[str]:
    """Return the words of a command; one with `$(` as the shell expands them."""
    if "$(" not in text:
        return shlex.split(text)
    printed = subprocess.run(["bash", "-c", rf"printf '%s\0' {text}"], cwd=folder, capture_output=True, check=True)
    return printed.stdout.decode().split("\0")[:-1]


def _run_in_shell(command: str, folder: Path, given: str = "") -> str:
    program = f"{shlex.quote(sys.executable)} -m finance_platform.cli"
    text = re.sub(rf"^{_PROGRAM}\b", lambda _: program, command)
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env=kept,
        input=given.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.stdout.decode()


def with_outputs(page: str, outputs: list[str]) -> str:
    """Return a page with these outputs in place of those that it shows."""
    remaining = iter(outputs)

    def rewrite(block: re.Match[str]) -> str:
        lines = []
        for part in re.split(r"^\$ ", block[1], flags=re.MULTILINE)[1:]:
            output = "\n".join(line.rstrip() for line in next(remaining).strip("\n").splitlines())
            lines.append(f"$ {part.partition(chr(10))[0]}\n" + (f"{output}\n" if output else ""))
        return "```console\n" + "".join(lines) + "```\n"

    return _BLOCK.sub(rewrite, page)


def write_outputs(guide: Guide) -> None:
    """Run the commands of a page, and write what they print into it."""
    with tempfile.TemporaryDirectory() as name:
        outputs = [played.output or "" for played in play(guide, Path(name))]
    guide.page.write_text(with_outputs(guide.text, outputs), encoding="utf-8")


if __name__ == "__main__":
    asked = [Path(name).resolve() for name in sys.argv[1:]]
    for one in (FEEDS, MONTH_END):
        if not asked or one.page in asked:
            write_outputs(one)
