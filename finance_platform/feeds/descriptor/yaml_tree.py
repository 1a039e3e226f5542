"""From a descriptor's text to its tree of nodes and the values that it represents, within limits.

Belongs here: YAML, and what of YAML a descriptor may use. Does not belong here: keys and values (see `parser`).

PyYAML's parser in Python takes 4 ms for a descriptor, libyaml a fifteenth of that. libyaml reads the plain YAML that
nearly every descriptor is, where both agree; what is beyond that, or wrong, is read in Python, which also words the
errors.

In Python the text is first read as a stream of events, which needs neither recursion nor memory for what aliases
repeat. So what is built afterwards is known to be small. A plain text has no aliases, so it is as large as it looks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from finance_platform.feeds.limits import MAX_DESCRIPTOR_DEPTH, MAX_DESCRIPTOR_TEXT_CHARACTERS, MAX_DESCRIPTOR_VALUES

_CORRECT = "correct the YAML on that line"

_UNUSUAL = re.compile(r"[^\x0a\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Tabs, other line breaks, and characters of which YAML has rules of their own."""

_CERTAIN_LINE = re.compile(r'^ *(?:#.*|\w+: "[^"\\]*")$', re.MULTILINE | re.ASCII)
"""A comment, or a key with a quoted text, such as a pattern: both parsers take what is in it alike."""

_NOT_PLAIN = re.compile(r'(?:^|[\s\[{,:])[%&*!|>@`]|\?|"[^"]*\\', re.MULTILINE)
"""What the parsers may take differently: directives, anchors, aliases, tags, blocks, question marks and escapes."""

_SAFE_DEPTH = 2_000
"""So many levels take less than a megabyte of the stack of C."""

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that are no text: NUL, and halves of a pair of surrogates."""


class YamlError(Exception):
    """A descriptor's text is not YAML, or not of the kind that a descriptor may use.

    Attributes:
        line: where, counted from 1.
        message: what is wrong.
        fix: what to do.
    """

    def __init__(self, line: int, message: str, fix: str = _CORRECT) -> None:
        self.line, self.message, self.fix = line, message, fix
        super().__init__(line, message, fix)


def load_tree(text: str) -> tuple[Any, Any]:
    """Return the tree of nodes, which know their lines, and the value: text, lists and dicts only.

    Raises:
        YamlError: the text is not valid YAML, or exceeds a limit.
    """
    if yaml.__with_libyaml__ and is_plain(text) and _is_shallow(text):
        try:
            return _load_plain(text)
        except (yaml.YAMLError, YamlError):
            pass  # it is read again in Python, whose error is the one to report
    bounds = _Bounds()
    try:
        return _load(text, bounds)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else bounds.line
        raise YamlError(line, str(error.problem)) from None
    except yaml.reader.ReaderError as error:
        raise YamlError(text.count("\n", 0, error.position) + 1, str(error.reason)) from None
    except (ValueError, OverflowError):
        # PyYAML does not check the numbers of directives and of escapes such as "\UFFFFFFFF".
        raise YamlError(bounds.line, "after this line, the number of an escape or a directive is too large") from None


def is_plain(text: str) -> bool:
    """Return whether both of PyYAML's parsers read a text alike, if they accept it."""
    return not _UNUSUAL.search(text) and not _NOT_PLAIN.search(_CERTAIN_LINE.sub("", text))


def _is_shallow(text: str) -> bool:
    """Return whether a plain text cannot be nested deeper than libyaml's functions may call themselves.

    A level needs a bracket, or a column to the right of the level around it; a list may begin where its mapping does.
    """
    columns = max(map(len, text.split("\n")))
    return text.count("[") + text.count("{") + 2 * columns <= _SAFE_DEPTH


def _load_plain(text: str) -> tuple[Any, Any]:
    """Return what `load_tree` does, of a plain text that is shallow; by libyaml, in one pass.

    Raises:
        YamlError: it exceeds a limit, or is not of text, lists and mappings from text alone.
        yaml.YAMLError: libyaml refuses it.
    """
    loader = yaml.CBaseLoader(text)
    try:
        tree = loader.get_single_node()
    finally:
        loader.dispose()
    return tree, None if tree is None else _PlainValues().of(tree, 1)


class _PlainValues:
    """Values of nodes of which none is repeated and none has a tag or an escape, since the text is plain."""

    def __init__(self) -> None:
        self._count = 0

    def of(self, node: Any, depth: int) -> Any:
        """Return the value of a node at a depth, the first being 1."""
        self._count += 1
        if depth > MAX_DESCRIPTOR_DEPTH or self._count > MAX_DESCRIPTOR_VALUES:
            raise YamlError(node.start_mark.line + 1, "exceeds a limit")
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > MAX_DESCRIPTOR_TEXT_CHARACTERS:
                raise YamlError(node.start_mark.line + 1, "exceeds a limit")
            if not node.value and not node.style:
                # Both read nothing there, and may differ about its line, which an error would name.
                raise YamlError(node.start_mark.line + 1, "no value")
            return node.value
        if isinstance(node, yaml.SequenceNode):
            return [self.of(item, depth + 1) for item in node.value]
        values: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError(key.start_mark.line + 1, "a key that is not text")
            values[self.of(key, depth + 1)] = self.of(value, depth + 1)
        return values


def _load(text: str, bounds: _Bounds) -> tuple[Any, Any]:
    """Return what `load_tree` does, by PyYAML's parser in Python."""
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        bounds.add(event)
    loader = yaml.BaseLoader(text)
    try:
        tree = loader.get_single_node()
        return tree, None if tree is None else loader.construct_document(tree)
    finally:
        loader.dispose()


@dataclass
class _Collection:
    """A list or mapping that is still open; `height` is that of the highest value in it so far."""

    anchor: str | None
    values_before: int
    height: int = 0


@dataclass
class _Bounds:
    """The size of a document, counted with everything that its aliases repeat.

    Attributes:
        line: of the last event.
        values: how many values there are so far.
        anchors: number of values and height of each part that has an anchor.
        open: the collections around the next value.
    """

    line: int = 1
    values: int = 0
    anchors: dict[str, tuple[int, int]] = field(default_factory=dict)
    open: list[_Collection] = field(default_factory=list)

    def add(self, event: yaml.Event) -> None:
        """Count an event.

        Raises:
            YamlError: the document exceeds a limit.
        """
        self.line = event.start_mark.line + 1 if event.start_mark else self.line
        match event:
            case yaml.ScalarEvent():
                self._check_scalar(event)
                self._enter(1, 1)
                if event.anchor:
                    self.anchors[event.anchor] = (1, 1)
            case yaml.AliasEvent():
                if any(collection.anchor == event.anchor for collection in self.open):
                    raise YamlError(self.line, f"the alias *{event.anchor} is inside the part that it repeats")
                self._enter(*self.anchors.get(event.anchor or "", (1, 1)))
            case yaml.CollectionStartEvent():
                self._check_tag(event)
                self._enter(1, 1)
                self.open.append(_Collection(event.anchor, self.values - 1))
            case yaml.CollectionEndEvent():
                collection = self.open.pop()
                height = collection.height + 1
                if collection.anchor:
                    self.anchors[collection.anchor] = (self.values - collection.values_before, height)
                if self.open:
                    self.open[-1].height = max(self.open[-1].height, height)

    def _enter(self, values: int, height: int) -> None:
        self.values += values
        if self.open:
            self.open[-1].height = max(self.open[-1].height, height)
        if self.values > MAX_DESCRIPTOR_VALUES:
            message = f"more than {MAX_DESCRIPTOR_VALUES:,} values up to here, counted with what aliases (*name) repeat"
            raise YamlError(self.line, message, "write fewer values, or divide the descriptor into several feeds")
        if len(self.open) + height > MAX_DESCRIPTOR_DEPTH:
            message = f"lists and mappings are nested more than {MAX_DESCRIPTOR_DEPTH} deep"
            raise YamlError(self.line, message, "remove the brackets or the indentation; see docs/feeds.md")

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None:
            tag = event.tag[:60]
            raise YamlError(self.line, f"the tag {tag!r} is not allowed, because every value is text", "remove the tag")

    def _check_scalar(self, event: Any) -> None:
        self._check_tag(event)
        if len(event.value) > MAX_DESCRIPTOR_TEXT_CHARACTERS:
            message = f"a text has {len(event.value):,} characters; at most {MAX_DESCRIPTOR_TEXT_CHARACTERS:,} are read"
            raise YamlError(self.line, message, "shorten it, or close the quote before it")
        if unwritable := _UNWRITABLE.search(event.value):
            raise YamlError(self.line, f"a text has the character U+{ord(unwritable[0]):04X}", "remove it")
