"""Proposals that wait: they are named with the command that another person needs, as long as it would decide."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.decisions import accept, withdraw
from finance_platform.deliveries.events import DecisionProposed, PeriodStatusChanged
from finance_platform.deliveries.period_decisions import close, reopen
from finance_platform.deliveries.proposals import (
    AGREED,
    ENDED,
    command_of,
    effect_of,
    explain_ended,
    open_proposals,
    outcomes,
)
from finance_platform.reports.status import StatusDetails
from finance_platform_tests.unit.factories import partly_rejected
from finance_platform_tests.unit.printed_text import status
from finance_platform_tests.unit.zone import NOON, Zone, many

ANA = Author("ana", "as agreed", NOON, "os", needs_approval=True)
BEN = Author("ben", "checked", NOON + timedelta(hours=1), "os", needs_approval=True)
PUBLISHED = {"2025-01": "v1"}


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """A zone in which `held march.csv` is held."""
    zone = Zone(tmp_path / "processed")
    send(zone, "v1")
    return zone


def send(zone: Zone, content: str) -> None:
    zone.commit(partly_rejected(zone.deliver("held march.csv", many(2), content=content), 1, of=3))
    zone.evaluate()


def waiting(zone: Zone, published: dict[str, str] | None = None) -> list[str]:
    found = open_proposals(zone.register.events(), zone.state, PUBLISHED if published is None else published)
    return [command_of(one) for one in found]


def test_a_proposal_waits_with_its_whole_command_until_the_decision(zone: Zone):
    accept(zone.store, "held march.csv", ANA)
    assert waiting(zone) == ["finance-platform accept 'held march.csv' --why TEXT"]
    assert shlex.split(waiting(zone)[0])[2] == "held march.csv"
    accept(zone.store, "held march.csv", BEN)
    assert waiting(zone) == []


def test_only_the_last_proposal_about_a_file_waits(zone: Zone):
    accept(zone.store, "held march.csv", ANA)
    withdraw(zone.store, "held march.csv", BEN)
    assert waiting(zone) == ["finance-platform withdraw 'held march.csv' --why TEXT"]


def test_a_proposal_about_a_file_that_was_replaced_waits_no_more(zone: Zone):
    accept(zone.store, "held march.csv", ANA)
    send(zone, "v2")
    assert waiting(zone) == []


def test_a_proposal_to_close_waits_as_long_as_the_same_figures_are_published(zone: Zone):
    close(zone.store, "2025-01", ANA, target=PUBLISHED, published=PUBLISHED, waived={"rejected": "x", "held": "y"})
    assert waiting(zone) == ["finance-platform close 2025-01 --waive held --waive rejected --why TEXT"]
    assert waiting(zone, {"2025-01": "v2"}) == []


def test_a_proposal_to_reopen_waits_as_long_as_the_period_is_closed(zone: Zone):
    close(zone.store, "2025-01", replace(ANA, needs_approval=False), target=PUBLISHED, published=PUBLISHED)
    reopen(zone.store, "2025-01", ANA)
    assert waiting(zone) == ["finance-platform reopen 2025-01 --why TEXT"]
    reopen(zone.store, "2025-01", BEN)
    assert waiting(zone) == []


@pytest.mark.parametrize(
    ("values", "command"),
    [
        (
            {"action": "accepted", "late_periods": ("2025-01", "2025-02")},
            "accept a.csv --period 2025-01 --period 2025-02",
        ),
        (
            {"action": "accepted", "late_periods": ("2025-01",), "booked_in": "2025-03"},
            "accept a.csv --in-next-open-period --period 2025-01",
        ),
        ({"action": "withdrawn", "late_periods": ("2025-01",)}, "withdraw --late-lines --period 2025-01 a.csv"),
        ({"action": "reinstated"}, "withdraw --undo a.csv"),
        (
            {"action": "reinstated", "late_periods": ("2025-01",)},
            "withdraw --undo --late-lines --period 2025-01 a.csv",
        ),
    ],
)
def test_the_command_has_each_option_that_the_decision_needs(values: dict[str, object], command: str):
    proposal = DecisionProposed(subject="a.csv", delivery_id="d1", who="ana", why="x", at="2025-02-01", **values)  # type: ignore[arg-type]
    assert command_of(proposal) == f"finance-platform {command} --why TEXT"


def test_another_person_cannot_waive_a_gate_that_was_not_proposed_to_be_waived(zone: Zone):
    close(zone.store, "2025-01", ANA, target=PUBLISHED, published=PUBLISHED)
    waived = {"held": "late.csv is held"}
    proposal = close(zone.store, "2025-01", BEN, target=PUBLISHED, published=PUBLISHED, waived=waived)
    assert isinstance(proposal, DecisionProposed)
    assert zone.state.closed == {}
    assert explain_ended(zone.register.events(), proposal) == (
        "It ends what ana has proposed on 2025-06-01: that was `finance-platform close 2025-01 --why TEXT`."
    )
    closing = close(zone.store, "2025-01", ANA, target=PUBLISHED, published=PUBLISHED, waived=waived)
    assert isinstance(closing, PeriodStatusChanged)
    assert (closing.waived, closing.prepared_by) == (waived, "ben")


def test_a_gate_that_is_red_for_another_reason_needs_another_proposal(zone: Zone):
    close(zone.store, "2025-01", ANA, target=PUBLISHED, published=PUBLISHED, waived={"held": "a.csv is held"})
    proposal = close(
        zone.store, "2025-01", BEN, target=PUBLISHED, published=PUBLISHED, waived={"held": "b.csv is held"}
    )
    assert isinstance(proposal, DecisionProposed)
    assert "what contradicts them, are others" in explain_ended(zone.register.events(), proposal)


def test_an_account_with_another_type_needs_another_proposal_to_close(zone: Zone):
    def close_with(author: Author, *cells: tuple[str, int, Decimal]) -> PeriodStatusChanged | DecisionProposed:
        return close(zone.store, "2025-01", author, target=PUBLISHED, published=PUBLISHED, cells={"2025-01": cells})

    close_with(ANA, ("Actual", 1, Decimal(5)))
    proposal = close_with(BEN, ("Actual", 1, Decimal(6)))
    assert isinstance(proposal, DecisionProposed)
    assert "other figures or types of accounts since then, or was built again" in explain_ended(
        zone.register.events(), proposal
    )
    assert isinstance(close_with(ANA, ("Actual", 1, Decimal(6))), PeriodStatusChanged)


def test_the_same_command_about_another_reading_of_a_file_says_which_proposal_it_ends(zone: Zone):
    accept(zone.store, "held march.csv", ANA)
    send(zone, "v2")
    proposal = accept(zone.store, "held march.csv", BEN)
    assert isinstance(proposal, DecisionProposed)
    assert explain_ended(zone.register.events(), proposal) == (
        "It ends what ana has proposed on 2025-06-01: the file was replaced, or is read otherwise, since then."
    )


def test_a_first_proposal_ends_none(zone: Zone):
    proposal = accept(zone.store, "held march.csv", ANA)
    assert isinstance(proposal, DecisionProposed)
    assert explain_ended(zone.register.events(), proposal) == ""


def test_a_proposal_of_an_earlier_release_waives_no_gate(zone: Zone):
    close(zone.store, "2025-01", ANA, target=PUBLISHED, published=PUBLISHED)
    key = max(item.key for item in zone.store.list_objects("register"))
    document = json.loads(zone.store.read(key))
    (event,) = document["events"]
    del event["waived"]
    zone.store.write(key, json.dumps(document).encode())
    assert zone.register.events()[-1].waived == {}  # type: ignore[union-attr]
    assert isinstance(close(zone.store, "2025-01", BEN, target=PUBLISHED, published=PUBLISHED), PeriodStatusChanged)


def test_the_outcome_of_a_proposal_is_the_next_event_about_its_subject(zone: Zone):
    accept(zone.store, "held march.csv", ANA)
    withdraw(zone.store, "held march.csv", BEN)
    withdraw(zone.store, "held march.csv", ANA)
    proposed = [number for number, event in enumerate(zone.register.events(), 1) if isinstance(event, DecisionProposed)]
    assert outcomes(zone.register.events(), {}) == {proposed[0]: ENDED, proposed[1]: AGREED}


def test_a_later_close_that_closes_a_period_with_it_agrees_to_no_proposal_about_that_period():
    signature = ("ana", "x", "2025-02-01")
    proposal = DecisionProposed("closed", "2025-01", "", *signature)
    opened = PeriodStatusChanged("closed", "2025-01", *signature, prepared_by="ben", opening_of="2025-02")
    assert outcomes([proposal, opened], {}) == {1: ENDED}
    assert outcomes([proposal, replace(opened, opening_of="")], {}) == {1: AGREED}


def test_the_status_says_that_accounts_have_other_types_than_a_proposal_to_close_has(zone: Zone):
    proposal = close(zone.store, "2025-01", ANA, target=PUBLISHED, published=PUBLISHED)
    assert isinstance(proposal, DecisionProposed)
    (warning,) = status(details=StatusDetails(proposals=[proposal], other_figures={"2025-01"})).warnings
    assert warning["warning"].endswith("; its figures have changed since: accounts have other types")
    assert "`finance-platform close 2025-01 --why TEXT`, which proposes them; then another person" in warning["fix"]


def test_the_status_names_a_proposal_with_who_made_it_why_and_the_command(zone: Zone):
    proposal = accept(zone.store, "held march.csv", ANA)
    assert isinstance(proposal, DecisionProposed)
    assert effect_of(proposal) == "is accepted"
    (warning,) = status(details=StatusDetails(proposals=[proposal])).warnings
    assert (warning["file"], warning["kind"]) == ("held march.csv", "proposal")
    assert warning["warning"] == "ana has proposed on 2025-06-01 that it is accepted (“as agreed”)"
    assert "`finance-platform accept 'held march.csv' --why TEXT`" in warning["fix"]
