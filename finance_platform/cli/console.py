"""The terminal: the only module that writes to it.

Belongs here: text on its way out. A text from a file is data: it reaches a terminal or a pipe without control
characters, and is never taken as markup, as the name of an emoji or as a link.
Does not belong here: what a command prints (see `rendering` and its neighbours), what can be printed (see `safe_text`).
"""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from finance_platform.cli.program_name import address, note_mention
from finance_platform.cli.sentence_wrap import wrap_sentence
from finance_platform.safe_text import printable

Part = str | tuple[str, str]
"""A text, or a text and its colour."""


class SafeConsole(Console):
    """A console that prints strings literally, in tables too; `colored` is the only source of styles."""

    def __init__(self, *, is_prose: bool = False, **options: Any) -> None:
        """Open a console; see `rich.console.Console` for the options, `open_console` for `is_prose`."""
        super().__init__(markup=False, emoji=False, highlight=False, **options)
        self._is_prose = is_prose

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does; in a sentence, each command gets the home of this one. Cells of tables are data.

        A sentence is one line in a pipe or a file, where programs look for it, and is wrapped on a terminal.
        """
        if len(objects) == 1 and isinstance(objects[0], str | Text) and not options:
            text = objects[0]
            sentence = self.render_str(address(text)) if isinstance(text, str) else text
            if self.is_terminal or self._is_prose:
                sentence = wrap_sentence(sentence, self.width)
            super().print(sentence, soft_wrap=True)
        else:
            super().print(*(address(one) if isinstance(one, str) else one for one in objects), **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as rich prints and measures it."""
        note_mention(text)
        return super().render_str(printable(text), **options)

    def on_broken_pipe(self) -> None:
        """Leave it to the command; rich would end the process with the exit code of something that is held."""
        raise BrokenPipeError


def open_console(*, err: bool = False, is_prose: bool = False) -> SafeConsole:
    """Open the console that results go to.

    Args:
        err: the one of progress.
        is_prose: sentences are printed, which are wrapped in a pipe, too: at COLUMNS, or 80.
    """
    if err:
        return SafeConsole(stderr=True)
    if is_prose and not sys.stdout.isatty():
        return SafeConsole(no_color=True, is_prose=True)
    # A pipe has no width, and rich would cut tables to 80 columns.
    return SafeConsole() if sys.stdout.isatty() else SafeConsole(width=250, no_color=True)


def colored(*parts: Part) -> Text:
    """Return parts as one text, each tuple in its colour."""
    note_mention("".join(part if isinstance(part, str) else part[0] for part in parts))
    return Text.assemble(*(_shown(part) if isinstance(part, str) else (_shown(part[0]), part[1]) for part in parts))


def literal(text: str) -> Text:
    """Return a text of a file, whatever it says, as it is printed."""
    return Text(printable(text))


def _shown(text: str) -> str:
    return printable(address(text))


def echo(*parts: Part, err: bool = False) -> None:
    """Print parts on a line of standard output or standard error, without wrapping."""
    note_mention("".join(part if isinstance(part, str) else part[0] for part in parts))
    texts = (_shown(part) if isinstance(part, str) else click.style(_shown(part[0]), part[1]) for part in parts)
    click.echo("".join(texts), err=err)


def echo_raw(text: str) -> None:
    """Print what another machine printed: on a terminal as `echo`, into a pipe or a file byte for byte."""
    click.echo(printable(text) if sys.stdout.isatty() else text)
