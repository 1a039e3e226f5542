"""Which feed reads a file that a person names, in the raw zone, outside it, or outside of any home.

Belongs here: the name that the file has or would have in the raw zone, its descriptor, advice where there is none.
Does not belong here: reading it (see `feed_check`), the precedence of descriptors (see `feeds.feed_set`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from finance_platform.errors import DescriptorError
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.feed_set import FeedSet, Match, Problem, advise_unmatched
from finance_platform.feeds.files.exchange_formats import exchange_format_of
from finance_platform.feeds.limits import MAX_DESCRIPTOR_BYTES
from finance_platform.feeds.values.codes import closest_match
from finance_platform.safe_text import quote_name
from finance_platform.settings import Settings
from finance_platform.storage.factory import is_remote
from finance_platform.storage.local import LocalStore
from finance_platform.storage.plain_file import open_plain_file
from finance_platform.storage.port import ObjectStore

_RAW = "raw"
_MAX_LEVELS = 8
"""Folders above a file outside the raw zone that a descriptor's path may name."""


@dataclass(frozen=True)
class MatchedFile:
    """A file, and the feed that reads it.

    Attributes:
        store: the store that contains it.
        object_key: its name there, and in the raw zone.
        is_in_raw_zone: whether it is in the home's raw zone.
        feed: the feed that reads it; None if there is none.
        origin: where the feed's descriptor comes from, for people.
        problem: why no feed reads it.
        remark: what a person should know about the match, although a feed reads the file.
    """

    store: ObjectStore
    object_key: str
    is_in_raw_zone: bool
    feed: FeedDescriptor | None = None
    origin: str = ""
    problem: Problem | None = None
    remark: str = ""


def match_file(
    path: Path, raw: ObjectStore, settings: Settings, feeds: FeedSet, descriptor: Path | None
) -> MatchedFile | None:
    """Return a file and the feed that reads it; None if the file does not exist.

    Args:
        path: a local path, or a key of the raw zone.
        raw: the raw zone.
        settings: the home.
        feeds: its descriptors.
        descriptor: read the file by this descriptor alone, whatever its path.

    Raises:
        DescriptorError: `descriptor` is not valid.
        OSError: it cannot be read.
    """
    located = _locate(path, raw, settings, feeds)
    if located is None:
        return None
    store, keys, is_in_raw_zone = located
    if descriptor is not None:
        return _match_descriptor(path, store, keys, is_in_raw_zone, descriptor)
    for key in keys:
        match = feeds.match(key)
        if match.feed is not None:
            origin = feeds.files.get(match.feed.feed, "shipped")
            return MatchedFile(_store_of(store, path, key), key, is_in_raw_zone, match.feed, origin)
        if match.problem is not None:
            return MatchedFile(store, key, is_in_raw_zone, problem=_with_mistakes(match, feeds))
    problem = _explain_unmatched(path, keys, settings, feeds, is_in_raw_zone=is_in_raw_zone)
    return MatchedFile(store, keys[-1], is_in_raw_zone, problem=problem)


def _with_mistakes(match: Match, feeds: FeedSet) -> Problem | None:
    """Return why a file has no feed; where its descriptor is not valid, with the descriptor's mistakes."""
    mistakes = next((one for one in feeds.problems if one.where == match.broken_descriptor), None)
    if match.problem is None or mistakes is None:
        return match.problem
    return Problem(match.problem.where, f"{match.problem.message}: {mistakes.message}", mistakes.fix)


def _locate(
    path: Path, raw: ObjectStore, settings: Settings, feeds: FeedSet
) -> tuple[ObjectStore, list[str], bool] | None:
    """Return a store with the file, the names that it may have in the raw zone, and whether it is there."""
    if not os.path.lexists(path):
        key = str(path).removeprefix(f"{settings.raw_root.rstrip('/')}/")
        return (raw, [key], True) if not Path(key).is_absolute() and raw.exists() and raw.find(key) else None
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links, which change the name
    if not is_remote(settings.raw_root):
        root = Path(os.path.abspath(settings.raw_root))  # noqa: PTH100
        if absolute.is_relative_to(root):
            return raw, [absolute.relative_to(root).as_posix()], True
    parts = absolute.parts[1:]
    levels = max((path.count("/") for feed in feeds.feeds for path in feed.paths), default=0)
    count = min(len(parts), levels + 1, _MAX_LEVELS)
    # The longest name first: it says most about where the file would be.
    return LocalStore(absolute.parent), ["/".join(parts[-size:]) for size in range(count, 0, -1)], False


def _store_of(store: ObjectStore, path: Path, key: str) -> ObjectStore:
    """Return a store in which a file outside the raw zone has this key."""
    if not isinstance(store, LocalStore) or "/" not in key or Path(store.root) / key == path:
        return store
    absolute = Path(os.path.abspath(path))  # noqa: PTH100
    return LocalStore(absolute.parents[key.count("/")]) if str(absolute).endswith(f"/{key}") else store


def _match_descriptor(
    path: Path, store: ObjectStore, keys: list[str], is_in_raw_zone: bool, descriptor: Path
) -> MatchedFile:
    feed = read_descriptor(descriptor)
    absolute = Path(os.path.abspath(path))  # noqa: PTH100
    parts = absolute.parts[1:] if not is_in_raw_zone else ()
    sizes = dict.fromkeys(path.count("/") + 1 for path in feed.paths)
    candidates = ["/".join(parts[-size:]) for size in sizes if parts] + keys
    key = next((key for key in candidates if feed.matches(key)), None)
    if key is not None:
        return MatchedFile(_store_of(store, path, key), key, is_in_raw_zone, feed, str(descriptor))
    name = quote_name(keys[-1])
    remark = f"the descriptor's path {feed.path_text!r} does not match {name}, so no run reads it by this feed"
    return MatchedFile(store, keys[-1], is_in_raw_zone, feed, str(descriptor), remark=remark)


def read_descriptor(path: Path) -> FeedDescriptor:
    """Return the descriptor in a file.

    Raises:
        DescriptorError: it is not valid, too long or not UTF-8.
        OSError: it is not a plain file, or cannot be read.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100
    with open_plain_file(absolute, absolute.parent) as stream:
        data = stream.read(MAX_DESCRIPTOR_BYTES + 1)
    if len(data) > MAX_DESCRIPTOR_BYTES:
        found = f"{path}, it has more than {MAX_DESCRIPTOR_BYTES:,} bytes"
        raise DescriptorError(found, fix="give a descriptor to --descriptor; `finance-platform feed draft` writes one")
    try:
        return parse_descriptor(data.decode(), str(path))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"{path}, line {line}: byte 0x{data[error.start]:02x} is not valid UTF-8"
        raise DescriptorError(found, fix="save the file as UTF-8 text") from None


def _explain_unmatched(
    path: Path, keys: list[str], settings: Settings, feeds: FeedSet, *, is_in_raw_zone: bool
) -> Problem:
    """Return that no descriptor matches a file, and the likeliest reason: another home, or a path that is close."""
    name = keys[-1]
    message = "no descriptor's path matches it"
    draft = f"`finance-platform feed draft {quote_name(str(path))}` proposes one"
    home = _home_of(path)
    if home is not None and home != settings.home_path:
        return Problem(name, message, f"give its home: --home {quote_name(str(home))}; or {draft}")
    paths = {path: feed.feed for feed in feeds.feeds for path in feed.paths}
    closest = closest_match(keys[0], list(paths)) or closest_match(name, list(paths))
    hint = f"; the closest is {closest!r} of the feed {paths[closest]}" if closest else ""
    folder = PurePosixPath(keys[0]).parent
    same_folder = [path for path in paths if PurePosixPath(path).parent == folder]
    if not closest and len(same_folder) == 1 and "/" in keys[0]:
        hint = f"; the feed {paths[same_folder[0]]} reads {same_folder[0]!r}"
    advice = advise_unmatched(name, str(settings.feeds_path), is_in_raw_zone=is_in_raw_zone)
    fix = advice if exchange_format_of(PurePosixPath(name).suffix.lower()) else f"{draft}; {advice}"
    pathless = {one.file for one in feeds.broken if not one.paths}
    broken = next((one for one in feeds.problems if one.where in pathless), None)
    if broken:
        # Its path may be what is wrong with it, so nothing says whether the file is one of its own.
        message += f"; {quote_name(PurePosixPath(broken.where).name)} is not valid: {broken.message}"
        fix = f"if that descriptor is meant for the file, {broken.fix}; else {fix}"
    return Problem(name, message + hint, fix)


def _home_of(path: Path) -> Path | None:
    """Return the folder above the nearest folder `raw`, if it looks like a home."""
    for parent in Path(os.path.abspath(path)).parents:  # noqa: PTH100
        if parent.name == _RAW and ((parent.parent / "feeds").is_dir() or (parent.parent / "processed").is_dir()):
            return parent.parent
    return None
