"""Versions: the deliveries of one file, and what stands with each.

Belongs here: live, held, refused, withdrawn, superseded or pending, and which of them to speak of.
Does not belong here: when a delivery is what (see `lake.state`), its lines (see `reached`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from finance_platform.errors import TraceError
from finance_platform.feeds.codes import closest_match
from finance_platform.trace.published_lines import LineStore

_RUN = "run `finance-platform run`"


@dataclass(frozen=True)
class Version:
    """One delivery of the file.

    Attributes:
        delivery_id: the delivery; empty for one that is not read yet.
        state: live, held, refused, withdrawn, superseded, pending, or unjudged.
        reason: why it does not count.
        fix: what to do about it.
        is_published: whether lines of it are in what is published.
    """

    delivery_id: str
    state: str
    reason: str = ""
    fix: str = ""
    is_published: bool = False


def versions_of(store: LineStore, counted: Collection[str], object_key: str) -> list[Version]:
    """Return the deliveries of a file, the newest last.

    Args:
        store: what was read.
        counted: ids of the deliveries whose lines are published.
        object_key: the file.

    Raises:
        TraceError: no such file was ever delivered; says the closest_match.
    """
    ids = list(dict.fromkeys(event.delivery_id for event in reversed(store.events) if event.object_key == object_key))
    if not ids:
        known = sorted({event.object_key for event in store.events})
        near = closest_match(object_key, known)
        hint = (
            f"did you mean {near!r}?" if near else "name it as the raw zone does; `finance-platform status` lists all"
        )
        raise TraceError(f"no file {object_key!r} was ever delivered", fix=hint)
    state = store.state
    said = {d.delivery_id: ("live", "", "") for d in state.live}
    said |= {
        d.delivery_id: ("unjudged", "not judged yet", _RUN) for d in state.awaiting_verdict if d.delivery_id not in said
    }
    said |= {s.commit.delivery_id: ("refused" if s.is_refused else "held", s.reason, s.fix) for s in state.stopped}
    said |= {s.commit.delivery_id: ("withdrawn", s.reason, s.fix) for s in state.withdrawn}
    said |= {event.delivery_id: ("pending", "not read yet", _RUN) for event in state.pending}
    gone = ("superseded", "a later version of the file took its place", "")
    return [Version(one, *said.get(one, gone), is_published=one in counted) for one in reversed(ids)]


def version_to_show(versions: Sequence[Version]) -> str:
    """Return the version to speak of: what is published of the file, else what counts, else the newest."""
    for is_it in (
        lambda version: version.is_published,
        lambda version: version.state == "live",
        lambda version: version.state not in {"pending", "superseded"},
    ):
        found = [version.delivery_id for version in versions if is_it(version)]
        if found:
            return found[-1]
    return versions[-1].delivery_id
