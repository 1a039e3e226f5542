"""What every test shares: an environment in which nobody has set anything of ours.

Belongs here: hiding the developer's own configuration. Does not belong here: data, set-up of one layer.
"""

from __future__ import annotations

import os

import pytest

from finance_platform.settings import ENV_PREFIX


@pytest.fixture(autouse=True)
def _no_settings_from_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]:
        monkeypatch.delenv(name)
