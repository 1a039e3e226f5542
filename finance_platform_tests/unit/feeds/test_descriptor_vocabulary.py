"""Every key of a descriptor: a good example that is valid, a bad one that is refused with its reason, a description.

The examples are in `vocabulary/*.yaml`, one file per area: a list of `{key, good, bad, says}`. `good` and `bad` are
whole descriptors, `says` is a part of the mistake or of its fix. A key is written with the names that lead to it, such
as `unpivot.blank`; for a key of a field, any field will do: `columns.amount.decimal`.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from finance_platform.errors import DescriptorError
from finance_platform.feeds.descriptor.columns import FIELD_DESCRIPTIONS, FIELDS
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.descriptor.schema import SCHEMA_COMMENT, SCHEMA_FILE, descriptor_schema
from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform_tests.feed_reference import BEGIN, END, all_keys, generated_files, with_reference

FOLDER = Path(__file__).parent / "vocabulary"
PLACEHOLDERS = {"<field>", "<name>"}


class Example(NamedTuple):
    """A key with its examples."""

    file: str
    key: str
    good: str
    bad: str
    says: str


def read_examples() -> list[Example]:
    files = sorted(FOLDER.glob("*.yaml"))
    return [Example(file.stem, **values) for file in files for values in yaml.safe_load(file.read_text("utf-8"))]


EXAMPLES = read_examples()
KEYS = [key.path for key in all_keys()]
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=[f"{e.file}-{e.key}" for e in EXAMPLES])


@cache
def schema() -> Any:
    """Return the schema as an editor applies it."""
    modules: Any = sys.modules
    with pytest.MonkeyPatch.context() as patch:
        # jsonschema would compile the grammar of a format: more than a second, and an editor's rules check no format.
        patch.setitem(modules, "rfc3987_syntax", None)
        import jsonschema

    return jsonschema.Draft202012Validator(descriptor_schema())


def is_example_of(written: str, key: str) -> bool:
    names, places = written.split("."), key.split(".")
    return len(names) == len(places) and all(
        place in PLACEHOLDERS or name == place for name, place in zip(names, places, strict=True)
    )


def values_at(value: Any, names: Sequence[str]) -> Iterator[Any]:
    """Yield the values that a path leads to; a list is looked through."""
    if isinstance(value, list):
        for item in value:
            yield from values_at(item, names)
    elif not names:
        yield value
    elif isinstance(value, dict) and names[0] in value:
        yield from values_at(value[names[0]], names[1:])


def as_an_editor_reads(text: str) -> Any:
    """Return a descriptor's values with the numbers that YAML sees in them; in YAML 1.2, days are texts."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            # In YAML 1.2, which editors read, `on` is a text.
            return {"on" if name is True else str(plain(name)): plain(part) for name, part in value.items()}
        if isinstance(value, list):
            return [plain(part) for part in value]
        return value.isoformat() if isinstance(value, datetime.date) else value

    return plain(yaml.safe_load(text))


def test_every_key_has_examples_and_every_example_a_key():
    written = [example.key for example in EXAMPLES]
    lacking = [key for key in KEYS if not any(is_example_of(name, key) for name in written)]
    unknown = [name for name in written if not any(is_example_of(name, key) for key in KEYS)]
    assert (lacking, unknown) == ([], []), f"write an example into {FOLDER}"


@each_example
def test_a_good_example_is_valid_and_uses_its_key(example: Example):
    parse_descriptor(example.good, "feeds/good.yaml")
    # `BaseLoader` reads text only, as the product does.
    assert list(values_at(yaml.load(example.good, yaml.BaseLoader), example.key.split("."))) != []  # noqa: S506


@each_example
def test_a_bad_example_is_refused_with_its_reason(example: Example):
    with pytest.raises(DescriptorError) as caught:
        parse_descriptor(example.bad, "feeds/bad.yaml")
    assert example.says in f"{caught.value.found}; {caught.value.fix}"


@each_example
def test_an_editor_finds_no_fault_with_a_good_example(example: Example):
    assert [error.message for error in schema().iter_errors(as_an_editor_reads(example.good))] == []


def test_an_editor_finds_no_fault_with_the_shipped_descriptors():
    folder = Path(__file__).parents[3] / "finance_platform" / "feeds" / "builtin"
    files = sorted(folder.glob("*.yaml"))
    assert len(files) == len(shipped_descriptors())
    for file in files:
        assert list(schema().iter_errors(as_an_editor_reads(file.read_text("utf-8")))) == [], file.name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pth: a.csv", "'pth' was unexpected"),
        ("kind: ledgers", "'ledgers' is not one of"),
        ("columns: {departmnt: A}", "'departmnt' is not one of"),
        ("columns: {date: {form: A}}", "is not valid under any of the given schemas"),
        ("dialect: {header_row: first}", "'first' is not of type 'integer'"),
        ("plans_only: maybe", "'maybe' is not of type 'boolean'"),
    ],
)
def test_an_editor_finds_what_needs_no_comparison_of_parts(text: str, message: str):
    messages = [error.message for error in schema().iter_errors(as_an_editor_reads(text))]
    assert any(message in found for found in messages), messages


def test_every_key_and_every_field_has_a_description_that_is_a_sentence():
    described = {key.path: key.description for key in all_keys()} | dict(FIELD_DESCRIPTIONS)
    assert [name for name, text in described.items() if not text.strip() or text.strip()[-1] not in ".…"] == []
    assert {name for names in FIELDS.values() for name in names} == FIELD_DESCRIPTIONS.keys()


def test_the_reference_and_the_schema_in_docs_are_those_of_the_models():
    stale = [file.name for file, text in generated_files().items() if file.read_text(encoding="utf-8") != text]
    assert stale == [], "run `make reference`"


def test_a_page_without_the_marks_of_the_reference_is_refused():
    with pytest.raises(ValueError, match="lacks"):
        with_reference(f"{BEGIN} and no end")
    assert with_reference(f"before {BEGIN} old {END} after").startswith(f"before {BEGIN}\n\n### Keys at the top")


def test_the_comment_for_editors_names_the_file_of_the_schema():
    assert SCHEMA_COMMENT.endswith(f"={SCHEMA_FILE}")
    assert SCHEMA_COMMENT.startswith("# yaml-language-server: ")
