"""How the header of a feed's files has changed since its last delivery.

Belongs here: comparing headers that commits have. Does not belong here: what a header has to have (see `feeds.cells`),
printing.

The order of columns, case and white space are no change. Neither is another header of an old content that other rules
read again, nor a new column that a field uses: the descriptor foresees it, such as the dates of master data.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from typing import Any

from finance_platform.count_text import pluralize
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import DecisionRecorded, DeliveryDiscovered, Event, Verdict
from finance_platform.feeds.column_kinds import BLANK, DATE, NUMBER
from finance_platform.feeds.header import without_position
from finance_platform.feeds.reasons import shorten
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.safe_text import quote_name

FIX_HEADER = (
    "if a field should use a new column, add its name to columns.<field>.from in the descriptor; if not, nothing is to "
    "be done"
)
_MAX_COMPARED = 50
_MAX_NAMED = 5
_SIMILAR = 0.6


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """A header that differs from the one before.

    Attributes:
        feed: the feed.
        file: the object whose header differs.
        earlier_file: the object of the feed's last delivery that counted before; if none did, of the last one read.
        added: columns that the earlier header lacks.
        gone: columns that only the earlier header has.
        renamed: pairs of a column that is gone and one that is new, with a similar name or cells of the same kind.
        more_files: how many other new files of the feed have a changed header too.
    """

    feed: str
    file: str
    earlier_file: str
    added: tuple[str, ...]
    gone: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = ()
    more_files: int = 0

    @property
    def words(self) -> str:
        """The change as a clause."""
        parts = [f"{old!r} is perhaps {new!r} now" for old, new in self.renamed[:_MAX_NAMED]]
        olds, news = ({pair[side] for pair in self.renamed} for side in (0, 1))
        for verb, names in (
            ("added", [name for name in self.added if name not in news]),
            ("gone", [name for name in self.gone if name not in olds]),
        ):
            if names:
                more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
                parts.append(f"{verb}: {', '.join(map(repr, names[:_MAX_NAMED]))}{more}")
        files = f" (and in {pluralize(self.more_files, 'more new file')})" if self.more_files else ""
        return f"the header differs from that of {quote_name(self.earlier_file)}{files}: {'; '.join(parts)}"

    def as_json(self) -> dict[str, Any]:
        """Return the change as JSON values."""
        return {**asdict(self), "renamed": [{"from": old, "to": new} for old, new in self.renamed]}


_Content = tuple[DeliveryDiscovered, ...]
"""The discoveries of one content of one object: the deliveries that it became under the reading rules of its time, the
newest last. Its file, and the run that saw it first, are those of the first one."""


class HeaderHistory:
    """The contents of each feed's files and which deliveries counted, as events have left them one after the other."""

    def __init__(self) -> None:
        """Begin without events."""
        self._feeds: dict[str, dict[tuple[str, str], _Content]] = {}
        self._counted: set[str] = set()
        self._withdrawn: set[str] = set()

    def add(self, events: Iterable[Event]) -> None:
        """Enter further events of the register."""
        for event in events:
            if isinstance(event, DeliveryDiscovered):
                contents, place = self._feeds.setdefault(event.feed, {}), (event.object_key, event.fingerprint)
                contents[place] = (*contents.get(place, ()), event)
            elif isinstance(event, Verdict) and not event.is_held:
                self._counted.add(event.delivery_id)
            elif isinstance(event, DecisionRecorded):
                both = self._withdrawn, self._counted
                into, out_of = both if event.action == "withdrawn" else reversed(both)
                into.add(event.delivery_id)
                out_of.discard(event.delivery_id)

    def changes(self, commits: Mapping[str, DeliveryCommit]) -> list[HeaderChange]:
        """Return at most one change per feed: of the files that came last, against the delivery that counted before.

        If none counted before, they are compared with the last one that was read, such as a file that is held.

        Args:
            commits: the commits by delivery id.
        """
        return [
            change
            for feed, contents in sorted(self._feeds.items())
            if (change := _change_of_feed(feed, list(contents.values()), commits, self._counted, self._withdrawn))
        ]


def _change_of_feed(
    feed: str,
    contents: Sequence[_Content],
    commits: Mapping[str, DeliveryCommit],
    counted: Set[str],
    withdrawn: Set[str],
) -> HeaderChange | None:
    newest = next((content for content in reversed(contents) if _header(content, commits)), None)
    earlier = newest and _find_earlier(contents, newest[0].run_id, commits, counted, withdrawn)
    if newest is None or earlier is None:
        return None
    before = _header(earlier, commits)
    changes = [
        change
        for content in contents
        if content[0].run_id == newest[0].run_id
        and (header := _header(content, commits))
        and (change := compare_headers(feed, (content[0].object_key, header), (earlier[0].object_key, before)))
        and (change := _without_used(change, content, commits))
    ]
    return replace(changes[-1], more_files=len(changes) - 1) if changes else None


def _find_earlier(
    contents: Sequence[_Content],
    run_id: str,
    commits: Mapping[str, DeliveryCommit],
    counted: Set[str],
    withdrawn: Set[str],
) -> _Content | None:
    """Return the last content of other runs that counted; without one, the last one that was read."""
    last_read = None
    # Of thousands of contents, only the last few are looked at.
    for content in reversed(contents):
        if content[0].run_id == run_id or not withdrawn.isdisjoint(_ids(content)):
            continue
        if _header(content, commits) and _is_read(content, commits):
            if not counted.isdisjoint(_ids(content)):
                return content
            last_read = last_read or content
    return last_read


def _without_used(
    change: HeaderChange, content: _Content, commits: Mapping[str, DeliveryCommit]
) -> HeaderChange | None:
    """Return a change without new columns that fields use, None if nothing is left; all of it if columns are gone."""
    commit = next((commits[name] for name in reversed(_ids(content)) if name in commits), None)
    if change.gone or commit is None or commit.status != "read":
        return change
    # Named as `feeds.column_kinds` names columns.
    unused = {fold(shorten(clean(without_position(name)))) for name in commit.extra_columns}
    added = tuple(name for name in change.added if fold(name) in unused)
    return replace(change, added=added) if added else None


def _ids(content: _Content) -> list[str]:
    return [event.delivery_id for event in content]


def _is_read(content: _Content, commits: Mapping[str, DeliveryCommit]) -> bool:
    """Return whether a content was ever read; the header of a refused file may be no header of the feed."""
    return any(name in commits and commits[name].status == "read" for name in _ids(content))


def _header(content: _Content, commits: Mapping[str, DeliveryCommit]) -> Mapping[str, str]:
    """Return the kind of each column by name, as the newest rules read it; empty if it is not known."""
    for delivery_id in reversed(_ids(content)):
        commit = commits.get(delivery_id)
        if commit is not None and commit.header:
            return dict(zip(commit.header, commit.header_kinds, strict=True))
    return {}


def compare_headers(
    feed: str, now: tuple[str, Mapping[str, str]], before: tuple[str, Mapping[str, str]]
) -> HeaderChange | None:
    """Return how a header differs from an earlier one; None if both have the same columns.

    Args:
        feed: the feed.
        now: the file, and the kind of each of its columns by name.
        before: the same of the earlier file.
    """
    (file, columns), (earlier_file, earlier) = now, before
    folded, earlier_folded = {fold(name) for name in columns}, {fold(name) for name in earlier}
    added = {name: kind for name, kind in columns.items() if fold(name) not in earlier_folded}
    gone = {name: kind for name, kind in earlier.items() if fold(name) not in folded}
    if not (added or gone):
        return None
    return HeaderChange(feed, file, earlier_file, tuple(added), tuple(gone), tuple(_find_renamed(gone, added)))


def _find_renamed(gone: Mapping[str, str], added: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return pairs of columns that may be the same under another name, the most similar names first.

    The cells of both can be read alike. Their names are similar, or there is no other column of dates or of numbers.
    """
    olds, news = list(gone)[:_MAX_COMPARED], list(added)[:_MAX_COMPARED]
    pairs = sorted(
        (
            (-_similarity(old, new), old, new)
            for old in olds
            for new in news
            if gone[old] == added[new] or BLANK in {gone[old], added[new]}
        ),
    )
    renamed: dict[str, str] = {}
    for distance, old, new in pairs:
        kind = gone[old]
        is_only = kind in {DATE, NUMBER} and [*gone.values()].count(kind) == 1 == [*added.values()].count(kind)
        is_alike = -distance >= _SIMILAR or (is_only and added[new] == kind)
        if is_alike and old not in renamed and new not in renamed.values():
            renamed[old] = new
    return list(renamed.items())


def _similarity(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, fold(first), fold(second)).ratio()
