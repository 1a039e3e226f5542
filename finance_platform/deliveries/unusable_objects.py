"""The objects of one scan that cannot be used, and the problem of each, as `status` and `run` show it.

Belongs here: collecting and wording them. Does not belong here: which objects these are (see `object_discovery`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from finance_platform.count_text import pluralize
from finance_platform.errors import FileNameError, FinancePlatformError
from finance_platform.feeds.feed_set import FeedSet, Problem
from finance_platform.safe_text import quote_name
from finance_platform.storage.plain_file import Refusal
from finance_platform.storage.port import error_message

_MAX_NAMES = 3


@dataclass
class UnusableObjects:
    """Objects that cannot be used, beside the descriptors that cannot.

    Attributes:
        feed_set: the home's descriptors.
        unmatched: objects that match no descriptor.
    """

    feed_set: FeedSet
    unmatched: list[str] = field(default_factory=list)
    _problems: list[Problem] = field(default_factory=list)
    _blocked: dict[str, list[str]] = field(default_factory=dict)
    _folders: dict[str, str] = field(default_factory=dict)

    def problems(self) -> list[Problem]:
        """Return the problem of each descriptor and object; that of a descriptor names the files that wait for it."""
        folders = [_refused_folder(folder, feed) for folder, feed in self._folders.items()]
        return [self._with_blocked_files(one) for one in (*self.feed_set.problems, *self._problems, *folders)]

    def add(self, problem: Problem) -> None:
        """Add the problem of an object."""
        self._problems.append(problem)

    def add_blocked(self, key: str, descriptor: str) -> None:
        """Add an object whose descriptor is broken."""
        self._blocked.setdefault(descriptor, []).append(key)

    def add_unmatched(self, key: str) -> None:
        """Add an object that matches no descriptor; if a folder above it matches one, that folder is the problem."""
        for folder in _folders(key):
            match = self.feed_set.match(folder)
            if match.feed:
                self._folders.setdefault(folder, match.feed.feed)
                return
        self.unmatched.append(key)

    def add_undecodable(self, key: str) -> None:
        """Add an object whose name is not valid UTF-8."""
        escaped = key.encode(errors="backslashreplace").decode()
        self.add(Problem(escaped, "the file's name is not valid UTF-8", "rename the file"))

    def add_refused(self, key: str, refusal: Refusal, feed: str) -> None:
        """Add an object that the store refuses to read."""
        reason = refusal.reason if refusal.hides_files else f"the file cannot be opened: {refusal.reason}"
        self.add(Problem(key, reason, refusal.fix, feed))

    def add_unreadable(self, key: str, error: OSError, feed: str) -> None:
        """Add an object that could not be read."""
        fix = error.fix if isinstance(error, FinancePlatformError) else "check its permissions, then run again"
        self.add(Problem(key, f"the file cannot be opened: {error_message(error)}", fix, feed))

    def add_misnamed(self, key: str, error: FileNameError, feed: str) -> None:
        """Add an object whose name lacks what its descriptor reads from it."""
        self.add(Problem(key, error.found.removeprefix(f"{quote_name(key)}: "), error.fix, feed))

    def _with_blocked_files(self, problem: Problem) -> Problem:
        """Return the problem of a descriptor with the files that are not read because of it."""
        files = self._blocked.get(problem.where, [])
        if not files:
            return problem
        number = pluralize(len(files), "file is", "files are")
        names = ", ".join(files[:_MAX_NAMES]) + (", …" if len(files) > _MAX_NAMES else "")
        return replace(problem, message=f"{problem.message}; {number} not read because of it: {names}")


def _refused_folder(folder: str, feed: str) -> Problem:
    message = "the file cannot be opened: it is a folder, not a plain file, and the files in it are not read"
    fix = "move the files in it out and remove it, or rename it"
    return Problem(folder, message, fix, feed)


def _folders(key: str) -> Iterator[str]:
    """Yield the folders of a key, the outermost first, each with a `/` at its end."""
    ends = (end for end, letter in enumerate(key, start=1) if letter == "/")
    return (key[:end] for end in ends)
