"""The tutorial of docs/feeds.md: its commands are run in an empty folder, and their output is what the page shows.

Belongs here: reading, running and writing the page's blocks; `make tutorial` writes the output of this release into
the page. Does not belong here: the assertion (see `end_to_end.test_tutorial`).

A block begins with ```console; a line that begins with `$ ` is a command, the lines after it are its output.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from finance_platform.cli import main

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "feeds.md"
EXAMPLES = REPOSITORY / "docs" / "examples"

_BLOCK = re.compile(r"```console\n(.*?)```\n", re.DOTALL)
_PROGRAM = "finance-platform"
_HOME = "/home/you"
"""Stands for the folder in which the commands run."""

_VARIES = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}"), "RUN"),
    (re.compile(r"[0-9]+\.[0-9] s\b"), "N s"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{5}Z"), "TIME"),
)


@dataclass(frozen=True)
class Step:
    """A command of the tutorial and the output that the page shows."""

    command: str
    output: str


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


def run_all(page: str, folder: Path) -> list[str]:
    """Run the commands of a page in a folder, which is given the examples; return the output of each."""
    for example in EXAMPLES.iterdir():
        (folder / example.name).write_bytes(example.read_bytes())
    here, outputs = folder, []
    for step in steps(page):
        if step.command.startswith("cd "):
            here = (here / step.command.removeprefix("cd ")).resolve()
            outputs.append("")
        else:
            outputs.append(_run(step.command, here).replace(str(folder), _HOME))
    return outputs


def _run(command: str, folder: Path) -> str:
    program, *arguments = shlex.split(command)
    if program != _PROGRAM or arguments == ["run"]:
        # A run starts processes and writes logs, as other programs do; each other command is a function.
        return _run_in_shell(command, folder)
    target = folder / arguments.pop() if arguments[-2:-1] == [">"] else None
    with contextlib.chdir(folder):
        output = CliRunner().invoke(main, [argument for argument in arguments if argument != ">"]).output
    if target is None:
        return output
    target.write_text(output, encoding="utf-8")
    return ""


def _run_in_shell(command: str, folder: Path) -> str:
    program = f"{shlex.quote(sys.executable)} -m finance_platform.cli"
    text = re.sub(rf"^{_PROGRAM}\b", lambda _: program, command)
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        ["bash", "-c", text], cwd=folder, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
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


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        PAGE.write_text(with_outputs(text, run_all(text, Path(name))), encoding="utf-8")
