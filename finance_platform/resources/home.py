"""Dagster's own storage in the home: made before first use, telemetry off.

Belongs here: `dagster.yaml` and opening the instance. Does not belong here: anything about finance data.
"""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterInstance

from finance_platform.errors import HomeError

_DAGSTER_YAML = """\
# Written once by finance-platform; yours to change.
telemetry:
  enabled: false
# No invitation to a newsletter over the first page.
nux:
  enabled: false
"""


def prepare_dagster_home(folder: Path) -> Path:
    """Make Dagster's folder and its configuration unless they are there; return the folder.

    Raises:
        HomeError: the home cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        configuration = folder / "dagster.yaml"
        if not configuration.exists():
            configuration.write_text(_DAGSTER_YAML, encoding="utf-8")
    except OSError as error:
        raise HomeError(
            f"{folder}: {error.strerror}", fix="make the folder writable, or choose another with --home"
        ) from error
    return folder


def open_instance(folder: Path) -> DagsterInstance:
    """Return the Dagster instance whose runs the UI of this home shows."""
    return DagsterInstance.from_config(str(prepare_dagster_home(folder)))
