"""Recording decisions: a proof of identity counts once, and where a home says so, two people have to agree.

Belongs here: authors, proposals, who may approve them, the register events. Does not belong here: which decisions are
possible (see `decisions`), how a person is identified (see `cli.author`).

With FINANCE_PLATFORM_APPROVALS=two, the first person who gives a command proposes the decision, and the first other
person who gives the same command makes it. `proposals` says which ones wait, and with which command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeVar

from finance_platform.deliveries.events import DecisionProposed, DecisionRecorded, Event, PeriodStatusChanged, utc_text
from finance_platform.deliveries.proposals import command_of, content_of, subject_of
from finance_platform.deliveries.register import Register
from finance_platform.errors import DecisionError
from finance_platform.safe_text import quote_name
from finance_platform.storage.port import ObjectStore

_Event = TypeVar("_Event", DecisionRecorded, PeriodStatusChanged)

Action = Literal["accepted", "withdrawn", "reinstated", "closed", "reopened"]

_APPROVALS = "FINANCE_PLATFORM_APPROVALS=two"


@dataclass(frozen=True)
class Author:
    """The author of a decision, with the reason and the time.

    Attributes:
        who: user name.
        why: in the person's words; the register keeps it permanently.
        at: now, UTC.
        identified_by: how the person is known: `os`, the user of the operating system; `sts`, the caller that AWS's
            Security Token Service names; empty if nothing proves it.
        proof: identity of the proof, which counts once; empty if there is none.
        needs_approval: whether another person has to make the same decision before it takes effect.
    """

    who: str
    why: str
    at: datetime
    identified_by: str = ""
    proof: str = ""
    needs_approval: bool = False

    @property
    def signed(self) -> tuple[str, str, str]:
        """Who, why and when, as events have it."""
        return self.who, self.why, utc_text(self.at)


def record_decision(
    processed: ObjectStore,
    author: Author,
    event: _Event,
    action: Action,
    subject: str,
    *,
    before: Sequence[PeriodStatusChanged] = (),
) -> _Event | DecisionProposed:
    """Enter a decision into the register; only propose it if another person has to agree, and has not proposed it yet.

    Args:
        processed: the processed zone.
        author: who decides.
        event: the decision, without how its author is known.
        action: what it does.
        subject: the path in the raw zone, or the period.
        before: further events that the decision entails, without how its author is known.

    Raises:
        DecisionError: the author has proposed it, is not known although two people have to agree, or gives a proof of
            identity that was used already.
    """
    register = Register(processed)
    events = register.events()
    event = replace(event, identified_by=author.identified_by, proof=author.proof)
    if author.proof and any(getattr(earlier, "proof", "") == author.proof for earlier in events):
        raise DecisionError(
            "the proof of your identity was used for another decision already", fix="give the command again"
        )
    if not author.needs_approval:
        register.append([*_known(before, event), event])
        return event
    proposal = _proposal_of(author, event, action, subject)
    prepared_by = _prepared_by(events, proposal)
    if prepared_by:
        event = replace(event, prepared_by=prepared_by)
        register.append([*_known(before, event), event])
        return event
    register.append([proposal])
    return proposal


def _known(before: Sequence[PeriodStatusChanged], event: _Event) -> list[PeriodStatusChanged]:
    """Return the events that a decision entails, with how its author is known."""
    return [replace(one, identified_by=event.identified_by, prepared_by=event.prepared_by) for one in before]


def _proposal_of(
    author: Author, event: DecisionRecorded | PeriodStatusChanged, action: Action, subject: str
) -> DecisionProposed:
    if not author.identified_by:
        raise DecisionError(
            f"two people have to agree ({_APPROVALS}), and nothing proves who you are",
            fix="on AWS, give the command through `finance-platform remote`, which proves it",
        )
    return DecisionProposed(
        action,
        subject,
        event.delivery_id if isinstance(event, DecisionRecorded) else "",
        event.who,
        event.why,
        event.at,
        event.identified_by,
        event.proof,
        versions=event.versions if isinstance(event, PeriodStatusChanged) else {},
        amounts=event.amounts,
        late_periods=event.late_periods if isinstance(event, DecisionRecorded) else (),
        booked_in=event.booked_in if isinstance(event, DecisionRecorded) else "",
        waived=event.waived if isinstance(event, PeriodStatusChanged) else {},
    )


def _prepared_by(events: Sequence[Event], proposal: DecisionProposed) -> str:
    """Return who has proposed the same decision since the last one about its subject; empty without a proposal.

    Raises:
        DecisionError: the author has.
    """
    for event in reversed(events):
        if not isinstance(event, DecisionRecorded | PeriodStatusChanged | DecisionProposed):
            continue
        if subject_of(event) != proposal.subject:
            continue
        if not isinstance(event, DecisionProposed) or content_of(event) != content_of(proposal):
            return ""
        if event.who == proposal.who:
            raise DecisionError(
                f"you have proposed this decision about {quote_name(proposal.subject)} yourself, on {event.at[:10]}, "
                f"and two people have to agree ({_APPROVALS})",
                fix=f"let another person give `{command_of(proposal)}`",
            )
        return event.who
    return ""
