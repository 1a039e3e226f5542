"""What a worker of xdist sends to the controller: how each test ended, and no message that only says where it is.

Belongs here: which messages are left out. Does not belong here: what else a worker does otherwise (see `conftest`).

A worker sends six messages for each test. Two say that it begins and that it is over, two that it was set up and torn
down; the controller needs none of these to count, to print and to give out work. For thousands of short tests they took
as much processor time as the tests.
"""

from __future__ import annotations

from typing import Any

import pytest

_NOT_SENT = {"$report_type": "not sent"}


class FewerMessages:
    """A plugin of pytest: lets a worker report a passed set-up or tear-down only if the report says something."""

    def __init__(self, interactor: Any) -> None:
        """Take the place of the function with which xdist's part in the worker sends messages."""
        self._send = interactor.sendevent
        interactor.sendevent = self.send

    def send(self, name: str, **content: Any) -> None:
        """Send a message, unless the controller has no use for it."""
        is_report_for_nothing = content.get("data", {}).get("$report_type") == _NOT_SENT["$report_type"]
        if name not in {"logstart", "logfinish"} and not is_report_for_nothing:
            self._send(name, **content)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_to_serializable(self, report: pytest.CollectReport | pytest.TestReport) -> dict[str, Any] | None:
        """Save converting a report that is not sent; the text that a test has printed is in its last report."""
        is_passed_step = isinstance(report, pytest.TestReport) and report.when != "call" and report.passed
        return dict(_NOT_SENT) if is_passed_step and not report.sections and not report.user_properties else None


def send_fewer_messages(config: pytest.Config) -> None:
    """Register the plugin in a worker, unless the controller prints what each test does, or how long it took."""
    if config.getoption("verbose") > 0 or config.getoption("durations") or config.getoption("xmlpath", None):
        return
    for plugin in config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "WorkerInteractor":  # xdist runs its source in the worker, outside of its module
            config.pluginmanager.register(FewerMessages(plugin))
