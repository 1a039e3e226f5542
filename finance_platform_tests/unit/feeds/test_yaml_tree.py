"""The two parsers of descriptors' YAML: the fast one reads plain text as the other does, and nothing else.

Belongs here: `feeds.descriptor.yaml_tree`. Does not belong here: keys, values and messages (see `test_descriptor`).
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from finance_platform.feeds.descriptor import yaml_tree
from finance_platform.feeds.descriptor.yaml_tree import YamlError, is_plain, load_tree
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.factories import LEDGER

SHIPPED = sorted(Path(str(resources.files("finance_platform.feeds"))).glob("builtin/*.yaml"))
PIECES = [
    "a",
    "]?",
    "b c",
    ": ",
    ":",
    "- ",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "'",
    '"',
    "#",
    " # ",
    "\n",
    "\n  ",
    "1.0",
    "*.csv",
    "?",
    "&",
    '"(?i)a"',
    '\n  b: "c?"\n',
]


def shape(node: Any) -> Any:
    """Return a tree with the line of each node."""
    if node is None:
        return None
    if isinstance(node, yaml.MappingNode):
        value = [(shape(key), shape(value)) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        value = [shape(item) for item in node.value]
    else:
        value = node.value
    return type(node).__name__, node.start_mark.line, value


def read(text: str) -> Any:
    """Return what a text is read as; the message and the line if it is refused."""
    try:
        tree, values = load_tree(text)
    except YamlError as error:
        return error.line, error.message, error.fix
    return shape(tree), values


def read_in_python(text: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "__with_libyaml__", False)
        return read(text)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_shipped_descriptors_are_read_by_the_fast_parser_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = file.read_text(encoding="utf-8")
    expected = read_in_python(text)
    monkeypatch.delattr(yaml, "BaseLoader")
    assert read(text) == expected


@settings(
    max_examples=2_000 if current_profile().is_exhaustive else 60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.integers(0, len(LEDGER)), st.integers(0, 9))
@example("{a? b: 1}", 0, 0)
@example("\\t", LEDGER.index("path"), 0)
@example("&a", LEDGER.index(": ") + 2, 0)
@example('[ "a\n  b: "c?"\n', LEDGER.index(": ") + 2, 0)
@example("\n, ", LEDGER.index(" Actual"), 0)
def test_a_changed_descriptor_is_read_or_refused_alike_by_both_parsers(inserted: str, place: int, removed: int) -> None:
    text = LEDGER[:place] + inserted + LEDGER[place + removed :]
    assert read(text) == read_in_python(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 300,
        "[" * 2_500,
        f"a: {'[' * 60}b{']' * 60}",
        "- " * 60 + "a",
        "- " * 3_000 + "a",
        "{[a]: b}",
        "{{a: b}: c}",
        "a: 1\n---\nb: 2",
        "a: b\na: c",
        f"a: {'b' * 10_001}",
        "",
        "a",
        "- a\n-\n- [b, {c: d}]",
    ],
    ids=lambda text: f"{text[:12]} of {len(text)}",
)
def test_deep_long_and_unusual_texts_are_read_or_refused_alike_by_both_parsers(text: str) -> None:
    assert read(text) == read_in_python(text)


def test_both_parsers_count_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_tree, "MAX_DESCRIPTOR_VALUES", 5)
    for text in ("a: [b, c]", "a: [b, c, d]", "a: {b: c}", "a: {b: c, d: e}"):
        assert read(text) == read_in_python(text)
    assert "more than 5 values" in read("a: [b, c, d]")[1]


@pytest.mark.parametrize(
    "text",
    [
        "a: [b?c]",
        "a: {b? c: 1}",
        'a: [b?, "c"]',
        'a: {"b?": c}',
        "a:\tb",
        "a: &b c",
        "a: *b",
        "a: !!str b",
        "a: |\n  b",
        'a: "\\x41"',
        "%YAML 1.2\n---\na: b",
        "a: \ufeffb",
    ],
)
def test_what_the_parsers_take_differently_is_not_plain(text: str) -> None:
    assert not is_plain(text)
    assert is_plain("# 100 % of `it`, *all*\na: [b, 'c*']\nd: e*.csv\nf: \"(?i)^g[ _]?[0-9]\"\n")
