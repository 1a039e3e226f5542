"""Two people, who are known: who proposes a decision cannot make it, and a proof of identity counts once."""

from __future__ import annotations

import getpass
import os
import pwd
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.cli.author import identify_author
from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.decisions import accept, withdraw
from finance_platform.deliveries.events import DecidedAmount, DecisionProposed, DecisionRecorded, PeriodStatusChanged
from finance_platform.deliveries.period_decisions import close, reopen
from finance_platform.errors import DecisionError
from finance_platform.settings import Settings
from finance_platform_tests.unit.factories import partly_rejected
from finance_platform_tests.unit.zone import NOON, Zone, many

ANA = Author("ana", "as agreed", NOON, "os", needs_approval=True)
BEN = Author("ben", "checked", NOON + timedelta(hours=1), "os", needs_approval=True)
PUBLISHED = {"2025-01": "v1"}


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone in which held.csv is held."""
    zone = Zone(tmp_path / "processed")
    event = zone.deliver("held.csv", many(2))
    zone.commit(partly_rejected(event, 1, of=3))
    zone.evaluate()
    return zone


def last(zone: Zone) -> Any:
    return zone.register.events()[-1]


def test_a_proposal_changes_nothing_until_another_person_gives_the_same_command(zone: Zone):
    assert isinstance(accept(zone.store, "held.csv", ANA), DecisionProposed)
    assert zone.live == []
    assert isinstance(accept(zone.store, "held.csv", BEN), DecisionRecorded)
    assert (last(zone).who, last(zone).prepared_by, last(zone).why) == ("ben", "ana", "checked")
    assert zone.live == ["held.csv@v1"]


def test_who_proposed_a_decision_cannot_make_it(zone: Zone):
    accept(zone.store, "held.csv", ANA)
    with pytest.raises(DecisionError, match="you have proposed this decision about") as caught:
        accept(zone.store, "held.csv", ANA)
    assert caught.value.fix == "let another person give `finance-platform accept held.csv --why TEXT`"
    assert zone.live == []


def test_another_decision_or_a_replaced_file_ends_a_proposal(zone: Zone):
    accept(zone.store, "held.csv", ANA)
    assert isinstance(withdraw(zone.store, "held.csv", BEN), DecisionProposed)
    assert isinstance(accept(zone.store, "held.csv", ANA), DecisionProposed)
    event = zone.deliver("held.csv", many(2), content="v2")
    zone.commit(partly_rejected(event, 1, of=3))
    zone.evaluate()
    assert isinstance(accept(zone.store, "held.csv", BEN), DecisionProposed)


def test_a_closing_needs_two_people_who_sign_the_same_figures(zone: Zone):
    close(zone.store, "2025-01", ANA, target=PUBLISHED, published=PUBLISHED)
    assert zone.state.closed == {}
    later, cells = {"2025-01": "v2"}, {"2025-01": [("Actual", 1, Decimal(5)), ("Actual", 2, Decimal(7))]}
    proposal = close(zone.store, "2025-01", BEN, target=later, published=later, cells=cells)
    assert isinstance(proposal, DecisionProposed)
    closing = close(zone.store, "2025-01", ANA, target=later, published=later, cells=cells)
    assert isinstance(closing, PeriodStatusChanged)
    assert closing.amounts == (DecidedAmount("Actual", "Unknown", "", 2, "12.00"),)
    assert isinstance(reopen(zone.store, "2025-01", BEN), DecisionProposed)
    assert reopen(zone.store, "2025-01", ANA).amounts == closing.amounts


def test_who_is_not_known_can_neither_propose_nor_approve(zone: Zone):
    with pytest.raises(DecisionError, match="nothing proves who you are"):
        accept(zone.store, "held.csv", Author("ana", "why", NOON, needs_approval=True))


def test_a_proof_of_identity_counts_once(zone: Zone):
    accept(zone.store, "held.csv", Author("arn:ana", "why", NOON, "sts", proof="p1"))
    with pytest.raises(DecisionError, match="was used for another decision already"):
        withdraw(zone.store, "held.csv", Author("arn:ana", "why", NOON, "sts", proof="p1"))


def test_the_user_is_that_of_the_operating_system_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "chief-financial-officer")
    assert getpass.getuser() == "chief-financial-officer"
    author = identify_author(Settings(home=tmp_path, approvals="two"), "because")
    assert (author.who, author.identified_by) == (pwd.getpwuid(os.getuid()).pw_name, "os")
    assert author.needs_approval


def test_the_event_has_the_money_of_the_delivery(zone: Zone):
    amounts = accept(zone.store, "held.csv", ANA).amounts
    assert all(isinstance(amount, DecidedAmount) for amount in amounts)
    assert last(zone).amounts == amounts
