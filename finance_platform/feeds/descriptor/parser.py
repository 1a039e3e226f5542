"""From a descriptor's YAML to a `FeedDescriptor`, with errors that name file, line and fix.

Belongs here: YAML, line numbers, the messages of unknown keys.
Does not belong here: which keys and values are allowed (see the modules of the parts), finding files (see `feed_set`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from finance_platform.errors import DescriptorError
from finance_platform.feeds.codes import closest_match
from finance_platform.feeds.descriptor.feed import FeedDescriptor


def parse_descriptor(text: str, file: str) -> FeedDescriptor:
    """Parse one descriptor.

    Args:
        text: YAML; every scalar is taken as text, so that 0010 and yes stay as they are.
        file: for messages.

    Raises:
        DescriptorError: names the file, and the line and the fix of every mistake.
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
        raise DescriptorError(f"{file}, line 1: expected keys such as feed:, kind:, path:", fix="see docs/feeds.md")
    mistakes = [_Mistake(line, f"{key!r} appears twice", "keep one of the two") for key, line in _duplicate_keys(tree)]
    try:
        descriptor = FeedDescriptor.model_validate(values)
    except ValidationError as error:
        mistakes += _find_mistakes(error, values, tree)
    if mistakes:
        raise _descriptor_error(file, mistakes)
    return descriptor


@dataclass(frozen=True)
class _Mistake:
    """One mistake of a descriptor, and its fix if that is more than to correct the line."""

    line: int
    message: str
    fix: str = ""


def _descriptor_error(file: str, mistakes: Iterable[_Mistake]) -> DescriptorError:
    """Return one error that names every mistake by its line."""
    # Keys that do not exist are the likeliest typos, so they come before the mistakes that follow from them.
    ordered = sorted(dict.fromkeys(mistakes), key=lambda mistake: not mistake.fix)
    found = "; ".join(f"line {mistake.line}: {mistake.message}" for mistake in ordered)
    fixes = list(dict.fromkeys(mistake.fix for mistake in ordered if mistake.fix))
    if not all(mistake.fix for mistake in ordered):
        fixes.insert(0, "correct that line" if len(ordered) == 1 else "correct these lines")
    return DescriptorError(f"{file}, {found}", fix="; ".join(fixes))


def _find_mistakes(error: ValidationError, values: dict[str, Any], tree: Any) -> list[_Mistake]:
    """Return the mistakes of an error, and those that pydantic finds only once these are gone."""
    mistakes = [mistake for detail in error.errors() for mistake in _mistakes_of(detail, tree)]
    paths = [_path(detail) for detail in error.errors()]
    if () in paths or ("kind",) in paths:
        return mistakes  # the parts were compared already, or cannot be compared
    # What a mistyped key stands for is not missing.
    meant = [(closest_match(str(path[0]), _allowed_keys(())),) for path in paths if len(path) == 1]
    try:
        FeedDescriptor.model_validate(_without_mistakes(values, paths))
    except ValidationError as later:
        for detail in later.errors():
            for mistake in _mistakes_of(detail, tree):
                name = tuple(mistake.message.partition(" ")[0].rstrip(":").split("."))
                if not any(name[: len(path)] == path or path[: len(name)] == name for path in (*paths, *meant)):
                    mistakes.append(mistake)
    return mistakes


def _mistakes_of(detail: ErrorDetails, tree: Any) -> Iterator[_Mistake]:
    names = _path(detail)
    where = ".".join(str(part) for part in names)
    if detail["type"] == "extra_forbidden":
        allowed = _allowed_keys(names[:-1])
        suggestion = closest_match(str(names[-1]), allowed)
        hint = f"; did you mean {suggestion!r}?" if suggestion else ""
        yield _Mistake(_line_of(tree, names), f"{where} is not a known key{hint}", f"use one of {', '.join(allowed)}")
        return
    for message in detail["msg"].removeprefix("Value error, ").split("\n"):
        # A mistake between parts has no location of its own; its message begins with the name of the part at fault.
        line = _line_of(tree, names or message.partition(" ")[0].rstrip(":").split("."))
        yield _Mistake(line, f"{where + ': ' if where else ''}{message}")


def _path(detail: ErrorDetails) -> tuple[Any, ...]:
    """Return the keys that lead to a mistake, without the names of types that pydantic adds."""
    return tuple(part for part in detail["loc"] if not str(part).startswith(("list[", "DebitCredit", "function-")))


def _without_mistakes(values: dict[str, Any], paths: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """Return a descriptor's values with the keys at fault removed, and needed ones replaced by values that pass."""
    remaining = {"feed": "a", "path": "a.csv", **deepcopy(values)}
    for path in paths:
        part: Any = remaining
        for key in path[:-1]:
            part = part.get(key) if isinstance(part, dict) else None
        if path[0] in {"feed", "path"}:
            remaining[path[0]] = {"feed": "a", "path": "a.csv"}[path[0]]
        elif path[0] == "columns" and len(path) > 1 and isinstance(remaining.get("columns"), dict):
            remaining["columns"][path[1]] = "a"
        elif not isinstance(part, dict) or part.pop(path[-1], None) is None:
            remaining.pop(path[0], None)
    return remaining


def _allowed_keys(names: Sequence[Any]) -> list[str]:
    """Return the keys of the innermost part that a path such as `columns`, `amount`, `from` leads into."""
    model: type[BaseModel] = FeedDescriptor
    for name in names:
        annotations = {info.alias or key: info.annotation for key, info in model.model_fields.items()}
        model = _model_in(annotations.get(str(name))) or model
    return sorted(info.alias or key for key, info in model.model_fields.items())


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation such as `dict[str, Model]` or `list[str] | Model | None` contains."""
    if get_origin(annotation) is None:
        return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return next((model for argument in get_args(annotation) if (model := _model_in(argument))), None)


def _line_of(tree: Any, names: Sequence[Any]) -> int:
    line, node = 1, tree
    for name in names:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(name)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
            node = node.value[name]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _duplicate_keys(node: Any) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _duplicate_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicate_keys(item)
