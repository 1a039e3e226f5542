"""What workers of xdist report to the controller.

Belongs here: which messages are sent. Does not belong here: which tests run again (see `test_reruns`).
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from finance_platform_tests.worker_messages import FewerMessages

PRINTED = ("Captured stdout call", "42")


class Interactor:
    """Stands in for xdist's part in a worker, which converts each report and sends it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def sendevent(self, name: str, **content: Any) -> None:
        self.sent.append((name, content))


def report(when: Any, outcome: Any, *sections: tuple[str, str], **properties: str) -> pytest.TestReport:
    return pytest.TestReport("a", ("a", 1, "a"), {}, outcome, None, when, sections, 0, 0, 0, list(properties.items()))


def is_sent(message: pytest.TestReport) -> bool:
    interactor = Interactor()
    plugin = FewerMessages(interactor)
    data = plugin.pytest_report_to_serializable(message) or {"$report_type": "TestReport"}
    interactor.sendevent("testreport", data={**data, "item_index": 1})
    return bool(interactor.sent)


@pytest.mark.parametrize("outcome", ["passed", "failed", "skipped"])
def test_the_outcome_of_each_test_is_sent(outcome: str):
    assert is_sent(report("call", outcome))


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_a_set_up_or_tear_down_is_sent_if_it_did_not_pass_or_says_something(when: str):
    assert is_sent(report(when, "failed"))
    assert is_sent(report(when, "skipped"))
    assert is_sent(report(when, "passed", PRINTED))
    assert is_sent(report(when, "passed", measured="42"))
    assert not is_sent(report(when, "passed"))


def test_messages_without_a_report_are_sent_but_for_the_begin_and_the_end_of_a_test():
    interactor = Interactor()
    plugin = FewerMessages(interactor)
    for name in ("collectionfinish", "logstart", "warning_recorded", "logfinish", "runtest_protocol_complete"):
        plugin.send(name, item_index=1)
    assert [name for name, _ in interactor.sent] == [
        "collectionfinish",
        "warning_recorded",
        "runtest_protocol_complete",
    ]


def test_it_is_at_work_in_each_worker(pytestconfig: pytest.Config):
    option = pytestconfig.getoption
    prints_all = option("verbose") > 0 or option("durations") or option("xmlpath", None)
    is_at_work = any(isinstance(plugin, FewerMessages) for plugin in pytestconfig.pluginmanager.get_plugins())
    assert is_at_work == ("PYTEST_XDIST_WORKER" in os.environ and not prints_all)
