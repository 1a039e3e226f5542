"""Dagster's storage on AWS: its own for PostgreSQL, with a password that may be rotated.

Belongs here: the class that `infra/dagster.yaml` names. Does not belong here: the hook (see `rotated_password`).

Only the image has `dagster_postgres`, so nothing but Dagster itself imports this module.
"""

from __future__ import annotations

from typing import Any

from dagster_postgres import DagsterPostgresStorage

from finance_platform.orchestration.rotated_password import follow_rotation


class RecordsStorage(DagsterPostgresStorage):  # type: ignore[misc]  # the package is in the image only
    """The storage of runs, events and schedules."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Any:
        """Return Dagster's storage; every process of a task comes here before its first connection."""
        follow_rotation()
        return super().from_config_value(inst_data, config_value)
