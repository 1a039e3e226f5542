"""The settings that a stack decides, as the text of an `.env` file.

Belongs here: from a stack's outputs to settings. Does not belong here: what a setting means (see `settings`).
"""

from __future__ import annotations

from collections.abc import Mapping

from finance_platform.settings import ENV_PREFIX, Settings

FOR_PEOPLE = frozenset({"ImageRepositoryUri", "WarehouseAdminSecretArn", "WarehouseAdminRoleArn", "DashboardUrl"})
"""Outputs that are no settings."""


def output_name(setting: str) -> str:
    """Return the name of the output that holds a setting: `raw_uri` is `RawUri`."""
    return "".join(word.capitalize() for word in setting.split("_"))


def settings_of(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the settings among a stack's outputs, by name."""
    return {name: outputs[output_name(name)] for name in Settings.model_fields if output_name(name) in outputs}


def as_env(stack_name: str, outputs: Mapping[str, str]) -> str:
    """Return the settings as the text of an `.env` file."""
    lines = [f"{ENV_PREFIX}{name.upper()}={value}" for name, value in settings_of(outputs).items()]
    return "\n".join([f"# What the stack {stack_name} decided; written by `finance-platform deploy`.", *lines, ""])
