"""From a descriptor's YAML to a `FeedDescriptor`, with errors that name file, line and fix.

Belongs here: YAML, line numbers, the messages of unknown keys.
Does not belong here: which keys and values are allowed (see the modules of the parts), finding files (see `feed_set`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from finance_platform.errors import DescriptorError
from finance_platform.feeds.codes import closest_match
from finance_platform.feeds.descriptor.feed import FeedDescriptor


def parse_descriptor(text: str, file: str) -> FeedDescriptor:
    """Parse one descriptor.

    Args:
        text: YAML; every scalar is taken as text, so that 0010 and yes stay as they are.
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
        raise DescriptorError(f"{file}, line 1: expected keys such as feed:, kind:, path:", fix="see docs/feeds.md")
    for key, line in _duplicate_keys(tree):
        raise DescriptorError(f"{file}, line {line}: {key!r} appears twice", fix="keep one of the two")
    try:
        return FeedDescriptor.model_validate(values)
    except ValidationError as error:
        raise _descriptor_error(error, tree, file) from None


def _descriptor_error(error: ValidationError, tree: Any, file: str) -> DescriptorError:
    details = error.errors()
    # An unknown key is the likeliest typo, so it is reported before the errors that follow from it.
    first = next((detail for detail in details if detail["type"] == "extra_forbidden"), details[0])
    names = [part for part in first["loc"] if not str(part).startswith(("list[", "DebitCredit", "function-"))]
    message = first["msg"].removeprefix("Value error, ")
    # An error between parts has no location of its own; its message begins with the name of the part at fault.
    line = _line_of(tree, names or message.partition(" ")[0].rstrip(":").split("."))
    where = ".".join(str(part) for part in names)
    if first["type"] == "extra_forbidden":
        allowed = _allowed_keys(names[:-1])
        suggestion = closest_match(str(names[-1]), allowed)
        return DescriptorError(
            f"{file}, line {line}: {where} is not a known key"
            + (f"; did you mean {suggestion!r}?" if suggestion else ""),
            fix=f"use one of {', '.join(allowed)}",
        )
    return DescriptorError(f"{file}, line {line}: {where + ': ' if where else ''}{message}", fix="correct that line")


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
