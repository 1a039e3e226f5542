"""From a descriptor's YAML to a `FeedDescriptor`, with errors that name file, line and fix.

Belongs here: line numbers, the messages of unknown keys.
Does not belong here: YAML (see `yaml_tree`), which keys and values are allowed (see the modules of the parts), finding
files (see `feed_set`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from finance_platform.errors import DescriptorError
from finance_platform.feeds.descriptor.columns import FIELDS, DebitCredit
from finance_platform.feeds.descriptor.feed import UNDECIDED, FeedDescriptor
from finance_platform.feeds.descriptor.plain_messages import plain_message
from finance_platform.feeds.descriptor.yaml_tree import YamlError, load_tree
from finance_platform.feeds.limits import MAX_DESCRIPTORS
from finance_platform.feeds.values.codes import closest_match

_Path = tuple[Any, ...]

_UNDECIDED = re.compile(rf"{UNDECIDED}(?:-[0-9]{{2}}-[0-9]{{2}}| \{{[^{{}}]*\}})?")
"""A value that a person decides, or its year: DECIDE-01-31, and `DECIDE {Date}` of days without a year."""

_DECIDE = f"write a value in place of {UNDECIDED}, which stands in a draft for what only a person knows"
_NAME_COLUMN = "; or, if a column of the file has it, name that column in columns.{field} and remove constants.{field}"
_NAME_COLUMNS = "; or, if columns of the file have {fields}, name them in `columns` and remove them in `constants`"
_UNKNOWN_KEY = "extra_forbidden"
_MAX_ROUNDS = 8
_MAX_MISTAKES = 20
_MANY_MISTAKES = 100
_MAX_MESSAGE = 500
_NEEDED = {"feed": "a", "path": "a.csv"}
_NAME_IN_WORDS = "a small letter, then small letters, digits or _, at most 63 in all"
_IN_WORDS = {
    "feed": _NAME_IN_WORDS,
    "name": _NAME_IN_WORDS,
    "owner": "team:NAME or an e-mail address",
    "value": "a year of four digits",
}
"""By key, what its pattern allows: pydantic's message has the regular expression."""

_VALID_VALUES = {"columns": "a", "constants": "Budget", "scenarios": "Budget"}
"""A valid value for a key of each part whose keys matter to other parts."""


def parse_descriptor(text: str, file: str) -> FeedDescriptor:
    """Parse one descriptor. Every step and every tick of a sensor loads all descriptors, so results are cached.

    Args:
        text: YAML; every scalar is taken as text, so that 0010 and yes stay as they are.
        file: for messages.

    Raises:
        DescriptorError: names the file, and the line and the fix of every mistake.
    """
    descriptor, found, fix = _parse(text, file)
    if descriptor is None:
        raise DescriptorError(found, fix=fix)
    return descriptor


# All of a home, and the shipped ones: read in one order, descriptors that do not fit would all be parsed each time.
@lru_cache(maxsize=MAX_DESCRIPTORS + 64)
def _parse(text: str, file: str) -> tuple[FeedDescriptor | None, str, str]:
    """Return a descriptor; or None, what is wrong and the fix."""
    try:
        return _parse_valid(text, file), "", ""
    except DescriptorError as error:
        return None, error.found, error.fix


def _parse_valid(text: str, file: str) -> FeedDescriptor:
    try:
        tree, values = load_tree(text)
    except YamlError as error:
        raise DescriptorError(f"{file}, line {error.line}: {error.message}", fix=error.fix) from None
    if not isinstance(values, dict):
        raise DescriptorError(f"{file}, line 1: expected keys such as feed:, kind:, path:", fix="see docs/feeds.md")
    mistakes = [_Mistake(line, f"{key!r} appears twice", "keep one of the two") for key, line in _duplicate_keys(tree)]
    mistakes += _undecided_values(tree)
    try:
        descriptor = FeedDescriptor.model_validate(_with_valid_values(values))
    except ValidationError as error:
        mistakes += _find_mistakes(error, _with_valid_values(values), tree)
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
    left_out = len(ordered) - _MAX_MISTAKES
    ordered = ordered[:_MAX_MISTAKES]
    found = "; ".join(f"line {mistake.line}: {_shorten(mistake.message)}" for mistake in ordered)
    if left_out > 0:
        found += f"; and {left_out:,} more"
    fixes = list(dict.fromkeys(mistake.fix for mistake in ordered if mistake.fix))
    if not all(mistake.fix for mistake in ordered):
        fixes.insert(0, "correct that line" if len(ordered) == 1 else "correct these lines")
    return DescriptorError(f"{file}, {found}", fix="; ".join(fixes))


def _shorten(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else message[:_MAX_MESSAGE] + "…"


def _find_mistakes(error: ValidationError, values: dict[str, Any], tree: Any) -> list[_Mistake]:
    """Return the mistakes of an error, and those that pydantic finds only once these are gone.

    Each round validates the descriptor without the parts at fault so far; the comparison between parts comes last.
    """
    if error.error_count() > _MANY_MISTAKES:  # to relate each to every other one would take long
        return [mistake for detail in error.errors()[:_MANY_MISTAKES] for mistake in _mistakes_of(detail, tree)]
    mistakes: list[_Mistake] = []
    faults: list[_Path] = []
    remaining = deepcopy(values)
    for _ in range(_MAX_ROUNDS):
        details = error.errors()
        meant = {_meant(_path(detail)) for detail in details if detail["type"] == _UNKNOWN_KEY}
        for detail in details:
            # What a mistyped key stands for is not missing; what a removed part leaves behind is no other mistake.
            is_known = detail["type"] == "missing" and _path(detail) in meant
            if not is_known and not _follows(_path(detail), faults):
                mistakes += _mistakes_of(detail, tree)
        faults += [_path(detail) for detail in details]
        if () in faults:
            break  # the parts were compared
        comparable = _without_mistakes(remaining, details, tree)
        if comparable is None or comparable == remaining:
            break
        remaining = comparable
        try:
            FeedDescriptor.model_validate(remaining)
            break
        except ValidationError as later:
            error = later
    if ("scenarios",) in faults:  # those of the last round are not the descriptor's own
        return [mistake for mistake in mistakes if not mistake.message.startswith("scenarios.")]
    return mistakes


def _follows(path: _Path, faults: Iterable[_Path]) -> bool:
    """Return whether a mistake concerns a part that is at fault already."""
    return any(path and (path[: len(fault)] == fault or fault[: len(path)] == path) for fault in faults)


def _mistakes_of(detail: ErrorDetails, tree: Any) -> Iterator[_Mistake]:
    names = _path(detail)
    where = ".".join(str(part) for part in names)
    if detail["type"] == _UNKNOWN_KEY:
        allowed = _allowed_keys(names[:-1])
        if names[-1] in DebitCredit.model_fields and "from" in allowed:
            fix = f"write {names[-2]}: {{from: {{debit: …, credit: …}}, …}}, because it has other keys beside these"
            yield _Mistake(_line_of(tree, names), f"{where} belongs below `from`", fix)
            return
        suggestion = closest_match(str(names[-1]), allowed)
        hint = f"; did you mean {suggestion!r}?" if suggestion else ""
        yield _Mistake(_line_of(tree, names), f"{where} is not a known key{hint}", f"use one of {', '.join(allowed)}")
        return
    if detail["type"] == "string_pattern_mismatch" and names[-1] in _IN_WORDS:
        given = _shorten(repr(detail["input"]))
        yield _Mistake(_line_of(tree, names), f"{where}: {given} is not {_IN_WORDS[names[-1]]}")
        return
    hint = ""
    if detail["type"] == "literal_error":
        suggestion = closest_match(str(detail["input"]), re.findall(r"'([^']+)'", detail["ctx"]["expected"]))
        hint = f"; did you mean {suggestion!r}?" if suggestion else ""
    for message in f"{plain_message(detail, _allowed_keys(names))}{hint}".split("\n"):
        # A mistake between parts has no location of its own; its message begins with the name of the part at fault.
        line = _line_of(tree, names or message.partition(" ")[0].rstrip(":").split("."))
        colon = " " if detail["type"] == "missing" else ": "
        yield _Mistake(line, f"{where + colon if where else ''}{message}")


def _path(detail: ErrorDetails) -> _Path:
    """Return the keys that lead to a mistake, without the names of types that pydantic adds."""
    return tuple(
        part
        for part in detail["loc"]
        if not str(part).startswith(("list[", "DebitCredit", "function-", "str", "constrained-str"))
    )


def _meant(path: _Path) -> _Path:
    """Return the path of the known key that an unknown one resembles most; the same path if none does."""
    return (*path[:-1], closest_match(str(path[-1]), _allowed_keys(path[:-1])) or path[-1])


def _without_mistakes(values: dict[str, Any], details: Iterable[ErrorDetails], tree: Any) -> dict[str, Any] | None:
    """Return a descriptor's values with the parts at fault removed, and needed ones replaced by values that pass.

    Returns:
        None if the parts cannot be compared without one at fault.
    """
    remaining = deepcopy(values)
    for detail in details:
        path = _path(detail)
        part, name = remaining.get(path[0]), str(path[0])
        if detail["type"] == _UNKNOWN_KEY and _remove_key(remaining, path, tree):
            continue
        if name in _NEEDED:
            remaining[name] = _NEEDED[name]
        elif name in _VALID_VALUES and len(path) > 1 and isinstance(part, dict):
            part[path[1]] = _VALID_VALUES[name]
        elif name in {"columns", "constants"}:
            return None
        elif name == "scenarios":
            remaining[name] = _any_scenario(remaining)
        elif name != "kind":
            remaining.pop(name, None)
    if str(remaining.get("kind")) not in FIELDS:
        remaining |= {"kind": kind} if (kind := _likely_kind(remaining)) else {}
    return remaining


def _any_scenario(values: dict[str, Any]) -> dict[str, str]:
    """Return a declaration of the constant scenario, which may be one that is declared where the mistake is."""
    constants = values.get("constants")
    return {str(constants["scenario"]): "Budget"} if isinstance(constants, dict) and "scenario" in constants else {}


def _remove_key(values: dict[str, Any], path: _Path, tree: Any) -> bool:
    """Remove an unknown key, or rename one at the top to what it stands for; return whether it was there."""
    part: Any = values
    for key in path[:-1]:
        part = part.get(key) if isinstance(part, dict) else None
    if not isinstance(part, dict) or path[-1] not in part:
        return False
    value, meant = part.pop(path[-1]), _meant(path)[-1]
    if len(path) == 1 and meant != path[-1] and meant not in part:
        part[meant] = value
        for key, _ in tree.value:
            if key.value == path[-1]:
                key.value = meant  # for the lines of later mistakes
    return True


def _likely_kind(values: dict[str, Any]) -> str | None:
    """Return the kind that a mistyped one resembles most, else the one that has most of the columns; None if none."""
    columns = values.get("columns")
    names = set(columns) if isinstance(columns, dict) else set()
    by_columns = max(FIELDS, key=lambda kind: len(names & set(FIELDS[kind])))
    return closest_match(str(values.get("kind")), FIELDS) or (by_columns if names & set(FIELDS[by_columns]) else None)


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


def _with_valid_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return a descriptor's values with a valid one in place of one that is not decided, which is reported already."""
    for part, name, valid in (
        ("constants", "date", "2000-01-01"),
        ("constants", "period", "2000-01"),
        ("constants", "scenario", "Actual"),
        ("unpivot", "year", "2000"),
    ):
        keys = values.get(part)
        if isinstance(keys, dict) and keys.get(name) == UNDECIDED:
            values = {**values, part: {**keys, name: valid}}
    columns = values.get("columns")
    if isinstance(columns, dict):
        values = {**values, "columns": {name: _with_valid_part(keys) for name, keys in columns.items()}}
    return values


def _with_valid_part(keys: Any) -> Any:
    """Return the keys of a field with valid ones in place of a scale, signs or a part that are not decided."""
    if not isinstance(keys, dict):
        return keys
    if keys.get("scale") == UNDECIDED:
        keys = {**keys, "scale": 1}
    sign = keys.get("sign_column")
    if isinstance(sign, dict) and sign.get("negative") == [UNDECIDED]:
        keys = {**keys, "sign_column": {**sign, "negative": ["C"], "positive": ["D"]}}
    part = keys.get("part")
    if not isinstance(part, dict) or part.get("number") != UNDECIDED:
        return keys
    return {**keys, "part": {**part, "number": 1}}


def _undecided(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, int]]:
    """Yield path and line of each value that a person has not decided."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _undecided(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _undecided(item, path)
    elif _UNDECIDED.fullmatch(node.value):
        yield ".".join(path), node.start_mark.line + 1


def _undecided_values(tree: Any) -> list[_Mistake]:
    """Return each value that a person has not decided; what to do about all of them is said once."""
    undecided = list(_undecided(tree))
    fields = [field for part, _, field in (where.partition(".") for where, _ in undecided) if part == "constants"]
    fix = _DECIDE
    # A constant may be a column that the draft did not find.
    if len(fields) == 1:
        fix += _NAME_COLUMN.format(field=fields[0])
    elif fields:
        fix += _NAME_COLUMNS.format(fields=f"{', '.join(fields[:-1])} or {fields[-1]}")
    return [_Mistake(line, f"{where} is not decided", fix) for where, line in undecided]


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
