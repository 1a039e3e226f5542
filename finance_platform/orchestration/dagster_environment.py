"""The environment of Dagster's own commands (`dagster dev`, `dg dev`, `dagster run list`): which history they use.

Belongs here: DAGSTER_HOME in a `.env`, and a warning where it is another home's. Does not belong here: what the folder
contains (see `dagster_instance`), the processes of `finance-platform ui`, which set it themselves.

Run as a module in the root of a checkout, as `make` does, it writes DAGSTER_HOME into the `.env` there, which Dagster's
commands read. Without it they keep their history in a temporary folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dotenv import dotenv_values, set_key

from finance_platform.orchestration.dagster_instance import prepare_dagster_home
from finance_platform.setting_sources import ENV_PREFIX
from finance_platform.settings import Settings, load_settings
from finance_platform.storage.file_modes import masked_new_files

DAGSTER_HOME = "DAGSTER_HOME"


def write_dagster_home(settings: Settings, file: Path) -> bool:
    """Create Dagster's folder in the home and name it in a `.env`; return whether the file was changed.

    A file that names a folder already is left as it is.

    Args:
        settings: the home.
        file: the `.env`; it may not exist yet.

    Raises:
        HomeError: the home cannot be written to.
    """
    prepare_dagster_home(settings.dagster_home)
    if dotenv_values(file).get(DAGSTER_HOME):
        return False
    set_key(file, DAGSTER_HOME, str(settings.dagster_home))
    return True


def warn_of_foreign_history(settings: Settings) -> str:
    """Return a warning if DAGSTER_HOME is not the home's folder, so that its runs would be recorded elsewhere."""
    named = os.environ.get(DAGSTER_HOME)
    if not named or Path(named).expanduser().resolve() == settings.dagster_home.resolve():
        return ""
    return (
        f"{DAGSTER_HOME} is {named}, but the history of the home {settings.home_path} is in {settings.dagster_home}; "
        f"runs that are started here are not shown by `finance-platform ui`. "
        f"Fix: set {DAGSTER_HOME} to that folder, or {ENV_PREFIX}HOME to the home of {named}"
    )


if __name__ == "__main__":
    environment_file, home_settings = Path(".env").absolute(), load_settings()
    with masked_new_files(group_readable=home_settings.group_readable):
        is_written = write_dagster_home(home_settings, environment_file)
    if is_written:
        sys.stdout.write(f"Wrote {DAGSTER_HOME} into {environment_file}, for Dagster's own commands.\n")
