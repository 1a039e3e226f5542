"""From a descriptor's text to its tree of nodes and the values that it represents, within limits.

Belongs here: YAML, and what of YAML a descriptor may use. Does not belong here: keys and values (see `parser`).

The text is first read as a stream of events, which needs neither recursion nor memory for what aliases repeat. So what
is built afterwards is known to be small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from finance_platform.feeds.limits import (
    MAX_DESCRIPTOR_DEPTH,
    MAX_DESCRIPTOR_TEXT_CHARACTERS,
    MAX_DESCRIPTOR_VALUES,
)

_CORRECT = "correct the YAML on that line"


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
    bounds = _Bounds()
    try:
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            bounds.add(event)
        loader = yaml.BaseLoader(text)
        try:
            tree = loader.get_single_node()
            return tree, None if tree is None else loader.construct_document(tree)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else bounds.line
        raise YamlError(line, str(error.problem)) from None
    except yaml.reader.ReaderError as error:
        raise YamlError(text.count("\n", 0, error.position) + 1, str(error.reason)) from None
    except (ValueError, OverflowError):
        # PyYAML does not check the numbers of directives and of escapes such as "\UFFFFFFFF".
        raise YamlError(bounds.line, "after this line, the number of an escape or a directive is too large") from None


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
            case yaml.AliasEvent():
                if any(collection.anchor == event.anchor for collection in self.open):
                    raise YamlError(self.line, f"the alias *{event.anchor} is inside the part that it repeats")
                self._enter(*self.anchors.get(event.anchor or "", (1, 1)))
            case yaml.ScalarEvent():
                self._check_scalar(event)
                self._enter(1, 1)
                if event.anchor:
                    self.anchors[event.anchor] = (1, 1)
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
        unwritable = next(_unwritable_characters(event.value), None)
        if unwritable is not None:
            raise YamlError(self.line, f"a text has the character U+{ord(unwritable):04X}", "remove it")


def _unwritable_characters(text: str) -> Iterator[str]:
    """Yield the characters that are no text: NUL, and halves of a pair of surrogates."""
    return (character for character in text if character == "\0" or "\ud800" <= character <= "\udfff")
