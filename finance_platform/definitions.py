"""What `workspace.yaml` loads: the definitions of the home that the environment names."""

from finance_platform.orchestration.definitions import defs

__all__ = ["defs"]
