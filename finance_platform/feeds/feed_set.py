"""The feed set: every descriptor of a home and the shipped ones, and which of them reads a file.

Belongs here: finding descriptor files, precedence, problems that stop only what they touch.
Does not belong here: what a descriptor may say, parsing one (see `descriptor`).
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from itertools import chain
from pathlib import Path, PurePosixPath

from finance_platform.errors import DescriptorError, HomeError
from finance_platform.feeds.descriptor import FEED_NAME, FeedDescriptor, is_path
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.descriptor.yaml_tree import YamlError, load_tree
from finance_platform.feeds.file_names import (
    beginnings_of_glob,
    comparable_name,
    file_ending,
    is_readable_ending,
    matches_glob,
)
from finance_platform.feeds.files.exchange_formats import exchange_format_of
from finance_platform.feeds.limits import MAX_DESCRIPTOR_BYTES, MAX_DESCRIPTORS, MAX_PATH_CHARACTERS
from finance_platform.safe_text import printable
from finance_platform.storage.plain_file import open_plain_file
from finance_platform.storage.port import error_message

_FEED_NAME = re.compile(FEED_NAME)
_MATCHES_KEPT = 200_000
"""Of how many files a feed set remembers which feed reads them: some 20 MiB."""

_DIGIT_OR_RANGE = re.compile(r"[0-9\[]")
_ONE_DIGIT = str.maketrans("123456789", "0" * 9)
"""Of thousands of files of one feed, most names differ in digits alone."""

_MAX_PATHS = 20
"""Of a descriptor that is not valid."""

_INCOMPLETE = {".tmp", ".part", ".partial", ".crdownload", ".download", ".filepart"}
"""Suffixes of files that a program is still writing."""

_COMPRESSED = {".gz", ".zip", ".bz2", ".xz", ".7z", ".zst"}


@dataclass(frozen=True)
class Problem:
    """A problem of the home that stops only what it touches.

    Attributes:
        where: the file.
        message: what was expected and found, without the file.
        fix: what to do.
        feed: the feed that it touches, where that is known.
    """

    where: str
    message: str
    fix: str
    feed: str = ""


@dataclass(frozen=True)
class BrokenDescriptor:
    """A descriptor that cannot be used, and what its text still says about the files that are its own.

    Attributes:
        file: where it is.
        feed: the name of its feed; empty if that is not known.
        paths: the globs of its files; empty if they are not known.
    """

    file: str
    feed: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Match:
    """The feed that reads one raw object, or the problem because of which none reads it.

    Attributes:
        feed: the feed.
        problem: the problem.
        broken_descriptor: the file of the descriptor that is not valid, if that is the problem.
    """

    feed: FeedDescriptor | None = None
    problem: Problem | None = None
    broken_descriptor: str = ""


@dataclass(frozen=True)
class FeedSet:
    """The descriptors of a home, in order of precedence: the home's own before the shipped ones.

    Attributes:
        own: the valid descriptors of the home.
        shipped: the shipped descriptors that the home does not replace, be it by one that is not valid.
        problems: one for each descriptor that is not valid.
        broken: the descriptors that are not valid.
        files: the file of each of the home's own descriptors, by the name of its feed.
    """

    own: tuple[FeedDescriptor, ...]
    shipped: tuple[FeedDescriptor, ...]
    problems: tuple[Problem, ...] = ()
    broken: tuple[BrokenDescriptor, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def feeds(self) -> tuple[FeedDescriptor, ...]:
        """Every feed, by name."""
        return tuple(sorted((*self.own, *self.shipped), key=lambda feed: feed.feed))

    def match(self, object_key: str) -> Match:
        """Return the feed that reads a raw object; neither feed nor problem if no descriptor matches it."""
        name = object_key if self._has_digits else object_key.translate(_ONE_DIGIT)
        known = self._matches.get(name)
        if known is None or known.feed is None:  # a problem names its object, whose digits may be zeros alone
            known = self._matches.get(object_key)
        if known is None:
            known = self._find_match(object_key)
            if len(self._matches) >= _MATCHES_KEPT:
                self._matches.clear()
            self._matches[name if known.feed else object_key] = known
        return known

    def feeds_below(self, folder: str) -> list[str]:
        """Return the feeds that may read files in a folder of the raw zone, whose key ends in `/`."""
        depth = folder.count("/")
        return [
            feed.feed
            for feed in self.feeds
            for path in feed.paths
            if path.count("/") >= depth and matches_glob("/".join(path.split("/")[:depth]), folder.removesuffix("/"))
        ]

    def _find_match(self, object_key: str) -> Match:
        for broken in self.broken:
            if any(matches_glob(path, object_key) for path in broken.paths):
                # A shipped descriptor does not take over: it might read the file in a wrong way.
                return blocked_by(broken.file, object_key)
        for candidates in self._candidates:
            matching = [feed for feed in candidates.of(object_key) if feed.matches(object_key)]
            if len(matching) == 1:
                return Match(matching[0])
            if matching:
                names = " and ".join(f"{feed.feed} (path: {feed.path_text})" for feed in matching)
                return Match(
                    None, Problem(object_key, f"two feeds match this file: {names}", "make one of their paths narrower")
                )
        return Match()

    @cached_property
    def _matches(self) -> dict[str, Match]:
        return {}

    @cached_property
    def _has_digits(self) -> bool:
        """Whether names that differ in their digits alone may belong to different feeds."""
        valid = chain.from_iterable(feed.paths for feed in (*self.own, *self.shipped))
        broken = chain.from_iterable(descriptor.paths for descriptor in self.broken)
        return any(map(_DIGIT_OR_RANGE.search, chain(valid, broken)))

    @cached_property
    def _candidates(self) -> tuple[_Candidates, ...]:
        return _Candidates(self.own), _Candidates(self.shipped)


class _Candidates:
    """Descriptors by what the names of their files begin with, so that a file is not compared with all of hundreds."""

    def __init__(self, feeds: Sequence[FeedDescriptor]) -> None:
        by_length: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, feed in enumerate(feeds):
            for path in feed.paths:
                for beginning in beginnings_of_glob(path):
                    by_length[len(beginning)][beginning].append(number)
        self._feeds, self._by_length = feeds, by_length

    def of(self, object_key: str) -> list[FeedDescriptor]:
        """Return the descriptors of which a glob may match an object's key, in their order."""
        name = comparable_name(object_key)
        numbers = {number for length, feeds in self._by_length.items() for number in feeds.get(name[:length], ())}
        return [self._feeds[number] for number in sorted(numbers)]


def blocked_by(file: str, object_key: str) -> Match:
    """Return that a raw object is not read because its descriptor, a file, is not valid."""
    return Match(None, Problem(object_key, f"its descriptor {file} is not valid", f"correct {file}"), file)


def advise_unmatched(
    object_key: str, feeds_folder: str = "the home's feeds folder", near: str = "", *, is_in_raw_zone: bool = True
) -> str:
    """Return how to have a raw object read that no descriptor matches; a descriptor reads text and workbooks only.

    Args:
        object_key: the object.
        feeds_folder: the folder of the home's descriptors.
        near: what to do if it is meant for a feed whose path is close (see `near_feeds`); empty if none is.
        is_in_raw_zone: whether the file is in the raw zone, and could be taken out of it.
    """
    if object_key.endswith("/"):
        return "it is a folder that cannot be listed: make it readable if it has files, or take it out of the raw zone"
    suffix = PurePosixPath(object_key).suffix.lower()
    if is_readable_ending(file_ending(object_key)):
        advice = f"add a descriptor to {feeds_folder}"
    elif suffix in _COMPRESSED:
        advice = "unpack it and send the file that it contains"
    elif suffix in _INCOMPLETE:
        advice = "wait until it is complete and has its own name, or copy it again if that was broken off"
    elif exchanged := exchange_format_of(suffix):
        advice = f"{exchanged.fix}; {exchanged.name} is not a table, so no feed reads it"
    else:
        advice = (
            "save it as CSV or as a workbook, because feeds only read files named .csv, .txt, .tsv, .xlsx, .xlsm, .xls "
            "or .ods"
        )
    advice = f"{near}; else {advice}" if near else advice
    return f"{advice}; or take the file out of the raw zone" if is_in_raw_zone else advice


def load_feed_set(feeds_path: Path) -> FeedSet:
    """Load the shipped descriptors and those in `feeds_path`; an invalid one becomes a problem and stops no other.

    Only plain files are opened; a link must lead to one in the same folder, which may be a link itself.

    Raises:
        HomeError: the folder cannot be listed; without its descriptors, files would be read by others or not at all.
    """
    shipped = shipped_descriptors()
    own: dict[str, FeedDescriptor] = {}
    places: dict[str, str] = {}
    problems: list[Problem] = []
    broken: list[BrokenDescriptor] = []
    files = _descriptor_files(feeds_path)
    for file in files[:MAX_DESCRIPTORS]:
        data = b""
        try:
            data, size = _read(file, feeds_path)
            _check_size(file, size)
            descriptor = parse_descriptor(data.decode(), str(file))
        except (DescriptorError, OSError, UnicodeDecodeError) as error:
            problems.append(_problem(file, error, data))
            broken.append(_describe_broken(file, data, shipped))
            continue
        if descriptor.feed in own:
            message = f"the feed {descriptor.feed!r} is described twice in {feeds_path}"
            problems.append(Problem(str(file), message, "rename one of the two"))
            broken.append(BrokenDescriptor(str(file), descriptor.feed, descriptor.paths))
        else:
            own[descriptor.feed], places[descriptor.feed] = descriptor, str(file)
    if len(files) > MAX_DESCRIPTORS:
        message = f"it has {len(files):,} descriptors; only the first {MAX_DESCRIPTORS:,} are read"
        problems.append(Problem(str(feeds_path), message, "remove descriptors, or divide the home into several"))
        broken.append(BrokenDescriptor(str(feeds_path)))
    replaced = own.keys() | {descriptor.feed for descriptor in broken}
    remaining = tuple(feed for feed in shipped if feed.feed not in replaced)
    return _share(FeedSet(tuple(own.values()), remaining, tuple(problems), tuple(broken), places))


_last = FeedSet((), ())


def _share(feed_set: FeedSet) -> FeedSet:
    """Return the last feed set if it is of the same texts: it knows which feeds read the files it was asked for."""
    global _last  # one assignment, since threads may share it
    if not _is_of_same_texts(feed_set, _last):
        _last = feed_set
    return _last


def _is_of_same_texts(one: FeedSet, other: FeedSet) -> bool:
    # A text is parsed once. Descriptors of two texts may be equal and still have other hashes: 0.1 and 0.10.
    mine, theirs = ([[*map(id, feed_set.own)], [*map(id, feed_set.shipped)]] for feed_set in (one, other))
    others = [(feed_set.problems, feed_set.broken, feed_set.files) for feed_set in (one, other)]
    return mine == theirs and others[0] == others[1]


def shipped_descriptors() -> tuple[FeedDescriptor, ...]:
    """Return the descriptors that come with the platform."""
    folder = resources.files("finance_platform.feeds") / "builtin"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".yaml")), key=lambda item: item.name)
    return tuple(
        parse_descriptor(file.read_text(encoding="utf-8"), f"builtin/{file.name}").as_shipped() for file in files
    )


def _descriptor_files(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if file.name.endswith((".yaml", ".yml")))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HomeError(f"cannot list {folder}: {error.strerror}", fix="make it a folder that is readable") from error


def _read(file: Path, folder: Path) -> tuple[bytes, int]:
    """Return a descriptor's bytes, as many as are allowed, and how many there are.

    Raises:
        OSError: it is not a plain file, or cannot be read.
    """
    with open_plain_file(file, folder) as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        return stream.read(MAX_DESCRIPTOR_BYTES), size


def _check_size(file: Path, size: int) -> None:
    if size > MAX_DESCRIPTOR_BYTES:
        raise DescriptorError(
            f"{file}, it has {size:,} bytes; a descriptor has at most {MAX_DESCRIPTOR_BYTES:,}",
            fix="remove what is no descriptor from the folder, or shorten the file",
        )


def _problem(file: Path, error: DescriptorError | OSError | UnicodeDecodeError, data: bytes) -> Problem:
    """Return the problem of a descriptor, which names the file once, as the place where it is."""
    if isinstance(error, UnicodeDecodeError):
        line = data.count(b"\n", 0, error.start) + 1
        message = f"line {line}: byte 0x{data[error.start]:02x} is not valid UTF-8"
        return Problem(str(file), message, "save the file as UTF-8 text")
    reason = error.found if isinstance(error, DescriptorError) else error_message(error)
    message = reason.removeprefix(printable(f"{file}, ")).removeprefix(f"{str(file)!r}: ")
    return Problem(str(file), message, getattr(error, "fix", "") or "make the file readable UTF-8 text")


def _describe_broken(file: Path, data: bytes, shipped: Sequence[FeedDescriptor]) -> BrokenDescriptor:
    """Return what is still known of a descriptor that is not valid.

    Args:
        file: the descriptor.
        data: its bytes, as far as they could be read.
        shipped: a file named like the descriptor of a shipped feed replaces it, unless it says something else.
    """
    names, paths = _declared(data.decode(errors="replace"))
    shipped_paths = {feed.feed: feed.paths for feed in shipped}
    feed = next((name for name in names if _FEED_NAME.fullmatch(name)), file.stem if file.stem in shipped_paths else "")
    known = tuple(path for path in paths if len(path) <= MAX_PATH_CHARACTERS and is_path(path))[:_MAX_PATHS]
    if not known and feed in shipped_paths:
        known = shipped_paths[feed]
    return BrokenDescriptor(str(file), feed, known)


@lru_cache(maxsize=64)
def _declared(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the feeds and the paths that a descriptor that is not valid declares, as far as they are readable."""
    try:
        values = load_tree(text)[1]
    except YamlError:
        return _written(text, "feed"), _written(text, "path")
    declared = values if isinstance(values, dict) else {}
    feed, path = declared.get("feed"), declared.get("path")
    paths = path if isinstance(path, list) else [path]
    return (feed,) if isinstance(feed, str) else (), tuple(text for text in paths if isinstance(text, str))


def _written(text: str, key: str) -> tuple[str, ...]:
    """Return the values of a top-level key by its lines alone."""
    lines = (line for line in text.splitlines() if line.startswith(f"{key}:"))
    return tuple(line.partition(":")[2].split("#")[0].strip().strip("'\"") for line in lines)
