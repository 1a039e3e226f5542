"""The feed set: every descriptor of a home and the shipped ones, and which of them reads a file.

Belongs here: finding descriptor files, precedence, problems that stop only what they touch.
Does not belong here: what a descriptor may say, parsing one (see `descriptor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath

from finance_platform.errors import DescriptorError
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.storage.plain_file import read_plain_file
from finance_platform.storage.port import error_message

_TEXT = {".csv", ".txt", ".tsv"}
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
        shipped: the shipped descriptors that the home does not replace.
        problems: one for each descriptor that is not valid.
        broken_paths: file and `path` of each descriptor that is not valid.
    """

    own: tuple[FeedDescriptor, ...]
    shipped: tuple[FeedDescriptor, ...]
    problems: tuple[Problem, ...] = ()
    broken_paths: tuple[tuple[str, str], ...] = ()

    @property
    def feeds(self) -> tuple[FeedDescriptor, ...]:
        """Every feed, by name."""
        return tuple(sorted((*self.own, *self.shipped), key=lambda feed: feed.feed))

    def match(self, object_key: str) -> Match:
        """Return the feed that reads a raw object; neither feed nor problem if no descriptor matches it."""
        for file, path in self.broken_paths:
            if PurePosixPath("/" + object_key).match("/" + path):
                # A shipped descriptor does not take over: it might read the file in a wrong way.
                return Match(None, Problem(object_key, f"its descriptor {file} is not valid", f"correct {file}"), file)
        for descriptors in (self.own, self.shipped):
            matching = [feed for feed in descriptors if feed.matches(object_key)]
            if len(matching) == 1:
                return Match(matching[0])
            if matching:
                names = " and ".join(f"{feed.feed} (path: {feed.path})" for feed in matching)
                return Match(
                    None, Problem(object_key, f"two feeds match this file: {names}", "make one of their paths narrower")
                )
        return Match()

    def match_ignoring_case(self, object_key: str) -> FeedDescriptor | None:
        """Return the feed whose path matches a raw object if case is ignored."""
        path = PurePosixPath("/" + object_key.lower())
        return next((feed for feed in (*self.own, *self.shipped) if path.match("/" + feed.path.lower())), None)


def advise_unmatched(object_key: str, feeds_folder: str = "the home's feeds folder") -> str:
    """Return how to have a raw object read that no descriptor matches; a descriptor reads delimited text only."""
    suffix = PurePosixPath(object_key).suffix.lower()
    if suffix in _TEXT:
        advice = f"add a descriptor to {feeds_folder}"
    elif suffix in _COMPRESSED:
        advice = "unpack it and send the file that it contains"
    else:
        advice = "save it as CSV, because feeds only read files named .csv, .txt or .tsv"
    return f"{advice}; or take the file out of the raw zone"


def load_feed_set(feeds_path: Path) -> FeedSet:
    """Load the shipped descriptors and those in `feeds_path`; an invalid one becomes a problem and stops no other.

    Only plain files are opened; a link must lead to one in the same folder, which may be a link itself.
    """
    own: dict[str, FeedDescriptor] = {}
    problems: list[Problem] = []
    broken: list[tuple[str, str]] = []
    files = sorted([*feeds_path.glob("*.yaml"), *feeds_path.glob("*.yml")]) if feeds_path.is_dir() else []
    for file in files:
        try:
            descriptor = parse_descriptor(read_plain_file(file, feeds_path).decode(), str(file))
        except (DescriptorError, OSError, UnicodeDecodeError) as error:
            # The problem names the file once, as the place where it is.
            reason = error_message(error) if isinstance(error, OSError) else getattr(error, "found", "") or str(error)
            message = reason.removeprefix(f"{file}, ").removeprefix(f"{str(file)!r}: ")
            fix = getattr(error, "fix", "") or "make the file readable UTF-8 text"
            problems.append(Problem(str(file), message, fix))
            broken += [(str(file), path) for path in _paths_of_broken(file, feeds_path)]
            continue
        if descriptor.feed in own:
            message = f"the feed {descriptor.feed!r} is described twice in {feeds_path}"
            problems.append(Problem(str(file), message, "rename one of the two"))
            broken.append((str(file), descriptor.path))
        else:
            own[descriptor.feed] = descriptor
    shipped = [feed for feed in shipped_descriptors() if feed.feed not in own]
    return FeedSet(tuple(own.values()), tuple(shipped), tuple(problems), tuple(broken))


def shipped_descriptors() -> tuple[FeedDescriptor, ...]:
    """Return the descriptors that come with the platform."""
    folder = resources.files("finance_platform.feeds") / "builtin"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".yaml")), key=lambda item: item.name)
    return tuple(parse_descriptor(file.read_text(encoding="utf-8"), f"builtin/{file.name}") for file in files)


def _paths_of_broken(file: Path, folder: Path) -> list[str]:
    """Return each `path` of a descriptor that is not valid, as far as it is still readable."""
    try:
        lines = read_plain_file(file, folder).decode(errors="replace").splitlines()
    except OSError:
        return []
    paths = [line.partition(":")[2].split("#")[0].strip().strip("'\"") for line in lines if line.startswith("path:")]
    return [path for path in paths if path]
