"""The command that makes a home: init.

Belongs here: its argument, and the commands that come next. Does not belong here: what a home has (see
`refresh.new_home`).
"""

from __future__ import annotations

from pathlib import Path

import click

from finance_platform.cli.console import echo
from finance_platform.cli.options import EXIT_OK, with_exit_code
from finance_platform.cli.program_name import program
from finance_platform.safe_text import quote_name

_OWN_FILES = """\
Next, in {folder}:
  {program} feed draft FILE > feeds/NAME.yaml    # proposes a descriptor for a file; edit what it asks
  {program} feed check FILE                      # shows what a run would make of the file
  {program} run                                  # after the file was copied into raw/
The currency and the other settings of this home are in its .env."""
_SAMPLE = """\
Next:
  {program} run --home {folder}
  {program} query --home {folder} "SELECT * FROM ActualVsBudget"
  {program} ui --home {folder}
The currency and the other settings of this home are in its .env."""


@click.command()
@click.argument("home", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--sample", "has_sample", is_flag=True, help="Copy the files of the sample company into it, too.")
@with_exit_code
def init(home: Path, has_sample: bool) -> int:
    """Make a home in DIR: raw/, feeds/ with an example, and .env."""
    from finance_platform.refresh.new_home import create_home

    home = home.expanduser()  # as every command takes --home; a shell leaves a quoted ~ as it is
    created = create_home(home, with_sample=has_sample)
    name = quote_name(str(home))
    echo(f"Created in {name}: {', '.join(created)}" if created else f"{name} is a home already; nothing was changed.")
    echo((_SAMPLE if has_sample else _OWN_FILES).format(folder=name, program=program()))
    return EXIT_OK
