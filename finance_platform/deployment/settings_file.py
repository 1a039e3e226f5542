"""The settings that a stack determines, as the text of an `.env` file.

Belongs here: from a stack's outputs to settings. Does not belong here: the meaning of a setting (see `settings`).
"""

from __future__ import annotations

from collections.abc import Mapping

from finance_platform.setting_sources import ENV_PREFIX
from finance_platform.settings import Settings


def output_name(setting: str) -> str:
    """Return the name of the output that holds a setting: `raw_uri` is `RawUri`."""
    return "".join(word.capitalize() for word in setting.split("_"))


def render_env(stack_name: str, outputs: Mapping[str, str]) -> str:
    """Return the settings among a stack's outputs as the text of an `.env` file."""
    settings = {name: outputs[output_name(name)] for name in Settings.model_fields if output_name(name) in outputs}
    lines = [f"{ENV_PREFIX}{name.upper()}={value}" for name, value in settings.items()]
    return "\n".join([f"# The settings of the stack {stack_name}; written by `finance-platform deploy`.", *lines, ""])
