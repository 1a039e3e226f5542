"""The feed that a file is probably meant for, although no path of it matches the file's name.

Belongs here: names that are close: in another folder, with another ending, spelled in another way. Does not belong
here: which feed reads a file (see `feed_set`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from pathlib import PurePosixPath

from finance_platform.feeds.feed_set import FeedSet
from finance_platform.feeds.file_names import expand_braces, file_ending, is_readable_ending, matches_glob
from finance_platform.feeds.values.codes import closest_match

_LETTER = re.compile(r"[^\W\d_]")
_DIGITS = re.compile("[0-9]+(?:[-_.][0-9]+)*")
_LEAST_LETTERS = 2
_MOST = 200
"""Files that are compared with the paths of all feeds."""


def near_feeds(object_keys: Iterable[str], feed_set: FeedSet) -> dict[str, str]:
    """Return, for each file that is close to the path of a feed, what to do if it is meant for it.

    Args:
        object_keys: files that no feed reads; only the first ones are compared.
        feed_set: the home's feeds.
    """
    paths = [(feed.feed, path) for feeds in (feed_set.own, feed_set.shipped) for feed in feeds for path in feed.paths]
    globs = [(feed, path, glob) for feed, path in paths for glob in expand_braces(path)]
    advice = {}
    for key in islice(object_keys, _MOST):
        if is_readable_ending(file_ending(key)) and (found := _near(key, globs)):
            advice[key] = found
    return advice


def _near(key: str, globs: list[tuple[str, str, str]]) -> str:
    """Return what to do about a file: of a path that is close in one way alone, else of the one with a similar name."""
    for change in (_move, _save, _save_elsewhere):
        for feed, path, glob in globs:
            name, action = change(PurePosixPath(key), PurePosixPath(glob))
            if name and matches_glob(glob, name):
                return _advise(feed, path, action)
    by_path = {path: feed for feed, path, _ in globs}
    closest = closest_match(key, by_path)
    if not closest:
        return ""
    is_next = _DIGITS.sub("0", key) == _DIGITS.sub("0", closest)
    wider = _DIGITS.sub("*", closest, count=1)
    return _advise(by_path[closest], closest, f"widen that path, such as {wider!r}" if is_next else "rename it")


def _move(key: PurePosixPath, glob: PurePosixPath) -> tuple[str, str]:
    """Return the name of a file in the folder of a path, and what to do; an empty name where that says nothing."""
    return (str(glob.parent / key.name) if _has_name(glob) else ""), f"move it to {_place(glob)}"


def _save(key: PurePosixPath, glob: PurePosixPath) -> tuple[str, str]:
    """Return the name of a file with the ending of a path."""
    says_something = _has_name(glob) or key.parent == glob.parent != PurePosixPath()
    ending = file_ending(glob.name)
    return (str(key.parent / f"{_stem(key)}{ending}") if says_something else ""), f"save it as {ending}"


def _save_elsewhere(key: PurePosixPath, glob: PurePosixPath) -> tuple[str, str]:
    """Return the name of a file in the folder of a path and with its ending."""
    ending = file_ending(glob.name)
    name = str(glob.parent / f"{_stem(key)}{ending}") if _has_name(glob) else ""
    return name, f"save it as {ending} in {_place(glob)}"


def _has_name(glob: PurePosixPath) -> bool:
    """Return whether a path says more of a file's name than its ending: `*.csv` would be close to every file."""
    return len(_LETTER.findall(_stem(glob))) >= _LEAST_LETTERS


def _stem(name: PurePosixPath) -> str:
    return name.name[: len(name.name) - len(file_ending(name.name))]


def _place(glob: PurePosixPath) -> str:
    return "the top of the raw zone" if glob.parent == PurePosixPath() else f"the folder {glob.parent}"


def _advise(feed: str, path: str, action: str) -> str:
    return f"if it is meant for the feed {feed}, which reads {path!r}, {action}"
