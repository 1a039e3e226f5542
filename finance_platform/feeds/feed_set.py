"""The catalog: every descriptor of a home and the shipped ones, and which of them reads a file.

Belongs here: reading descriptor files, errors that name file, line and fix, precedence.
Does not belong here: what a descriptor may say (see `descriptor`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from pydantic import ValidationError

from finance_platform.errors import DescriptorError
from finance_platform.feeds.codes import closest_match
from finance_platform.feeds.descriptor import (
    CoversPart,
    DebitCredit,
    DialectPart,
    FeedDescriptor,
    FieldPart,
    FreshnessPart,
    LoadPart,
    OrderPart,
    TolerancePart,
)


@dataclass(frozen=True)
class Problem:
    """Something that is wrong in the home and stops only what it touches.

    Attributes:
        where: the file.
        message: what was expected and found.
        fix: what to do.
        feed: the feed that it touches, where that is known.
    """

    where: str
    message: str
    fix: str
    feed: str = ""


@dataclass(frozen=True)
class Match:
    """What the catalog says of one raw object: its feed, or why none reads it."""

    feed: FeedDescriptor | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class FeedSet:
    """The descriptors of a home, in order of precedence: the home's own before the shipped ones."""

    own: tuple[FeedDescriptor, ...]
    shipped: tuple[FeedDescriptor, ...]
    problems: tuple[Problem, ...] = ()
    broken_paths: tuple[tuple[str, str], ...] = ()

    @property
    def feeds(self) -> tuple[FeedDescriptor, ...]:
        """Every feed, by name."""
        return tuple(sorted((*self.own, *self.shipped), key=lambda feed: feed.feed))

    def match(self, object_key: str) -> Match:
        """Return the feed that reads a raw object; neither feed nor problem where no descriptor names it."""
        for file, path in self.broken_paths:
            if PurePosixPath("/" + object_key).match("/" + path):
                # The file is not handed to a shipped descriptor: that might read it in a wrong way.
                return Match(None, Problem(object_key, f"its descriptor {file} is not valid", f"mend {file}"))
        for descriptors in (self.own, self.shipped):
            found = [feed for feed in descriptors if feed.matches(object_key)]
            if len(found) == 1:
                return Match(found[0])
            if found:
                names = " and ".join(f"{feed.feed} (path: {feed.path})" for feed in found)
                return Match(
                    None, Problem(object_key, f"two feeds match this file: {names}", "make one of their paths narrower")
                )
        return Match()


def load_feed_set(feeds_path: Path) -> FeedSet:
    """Read the shipped descriptors and those in `feeds_path`; a bad one becomes a problem, the others count."""
    own: dict[str, FeedDescriptor] = {}
    problems: list[Problem] = []
    broken: list[tuple[str, str]] = []
    files = sorted([*feeds_path.glob("*.yaml"), *feeds_path.glob("*.yml")]) if feeds_path.is_dir() else []
    for file in files:
        try:
            descriptor = parse_descriptor(file.read_text(encoding="utf-8"), str(file))
        except (DescriptorError, OSError, UnicodeDecodeError) as error:
            found = error.found if isinstance(error, DescriptorError) else f"{file}: {error}"
            problems.append(Problem(str(file), found, getattr(error, "fix", "") or "make the file readable UTF-8 text"))
            broken += [(str(file), path) for path in _path_of_broken(file)]
            continue
        if descriptor.feed in own:
            found = f"{file}: the feed {descriptor.feed!r} is described twice in {feeds_path}"
            problems.append(Problem(str(file), found, "rename one of the two"))
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


def parse_descriptor(text: str, file: str) -> FeedDescriptor:
    """Parse one descriptor.

    Args:
        text: YAML; every scalar is taken as text, so that 0010 and yes stay what they are.
        file: for messages.

    Raises:
        DescriptorError: names file, line and fix.
    """
    try:
        tree = yaml.compose(text, Loader=yaml.BaseLoader)
        values = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 (BaseLoader builds text, lists, dicts only)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DescriptorError(f"{file}, line {line}: {error.problem}", fix="correct the YAML on that line") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DescriptorError(f"{file}, line {line}: {error.reason}", fix="correct the YAML on that line") from None
    if not isinstance(values, dict):
        raise DescriptorError(f"{file}, line 1: expected keys such as feed:, kind:, path:", fix="see the feed guide")
    for key, line in _repeated_keys(tree):
        raise DescriptorError(f"{file}, line {line}: {key!r} stands twice", fix="keep one of the two")
    try:
        return FeedDescriptor.model_validate(values)
    except ValidationError as error:
        raise _descriptor_error(error, tree, file) from None


def _descriptor_error(error: ValidationError, tree: Any, file: str) -> DescriptorError:
    details = error.errors()
    # An unknown key is the likeliest typo, so it is named before what follows from it.
    first = next((detail for detail in details if detail["type"] == "extra_forbidden"), details[0])
    names = [part for part in first["loc"] if not str(part).startswith(("list[", "DebitCredit", "function-"))]
    message = first["msg"].removeprefix("Value error, ")
    # What is wrong between parts has no place of its own; its message begins with the part to look at.
    line = _line_of(tree, names or message.partition(" ")[0].rstrip(":").split("."))
    where = ".".join(str(part) for part in names)
    if first["type"] == "extra_forbidden":
        allowed = _allowed_keys(names)
        near = closest_match(str(names[-1]), allowed)
        return DescriptorError(
            f"{file}, line {line}: {where} is not a known key" + (f"; did you mean {near!r}?" if near else ""),
            fix=f"use one of {', '.join(allowed)}",
        )
    return DescriptorError(f"{file}, line {line}: {where + ': ' if where else ''}{message}", fix="correct that line")


def _allowed_keys(names: Sequence[Any]) -> list[str]:
    model: Any = FeedDescriptor
    if len(names) > 1:
        parts = {
            "dialect": DialectPart,
            "columns": FieldPart,
            "load": LoadPart,
            "order": OrderPart,
            "tolerance": TolerancePart,
            "freshness": FreshnessPart,
        }
        model = parts.get(str(names[0]), FeedDescriptor)
    if list(names[:2]) == ["load", "covers"] and len(names) > 2:
        model = CoversPart
    if list(names[:1]) == ["columns"] and len(names) > 3:
        model = DebitCredit
    return sorted(info.alias or name for name, info in model.model_fields.items())


def _line_of(tree: Any, names: Sequence[Any]) -> int:
    line, node = 1, tree
    for name in names:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(name)]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
            node = node.value[name]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _repeated_keys(node: Any) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)


def _path_of_broken(file: Path) -> list[str]:
    """Return the `path` of a descriptor that is not valid, as far as it can still be read."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    paths = [line.partition(":")[2].split("#")[0].strip().strip("'\"") for line in lines if line.startswith("path:")]
    return [path for path in paths if path]
