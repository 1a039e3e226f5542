"""The names of rules that `rejected --rule` takes are those that the code has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import finance_platform
from finance_platform.feeds.rule_names import ROW_RULES

ROOT = Path(finance_platform.__file__).parent
CALLS = {"add", "add_invalid", "reject_skipped", "Reason"}
OUTCOMES = re.compile(r"[a-z]+(_[a-z]+)+")


def names_in(source: str) -> set[str]:
    """Return the rules that a module names where it rejects a row; a placeholder stands for a field's name."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        called = node.func if isinstance(node, ast.Call) else None
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if not isinstance(node, ast.Call) or name not in CALLS or not node.args:
            continue
        rule = node.args[0]
        if isinstance(rule, ast.Constant) and isinstance(rule.value, str) and OUTCOMES.fullmatch(rule.value):
            names.add(rule.value)
        elif isinstance(rule, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "*" for part in rule.values]
            names.add("".join(map(str, parts)))
    return names


def test_every_rule_of_the_code_is_known() -> None:
    files = [*(ROOT / "feeds").rglob("*.py")]
    found = set().union(*(names_in(file.read_text("utf-8")) for file in files))
    assert {"invalid_amount", "no_amount", "skipped_money", "blank_*", "*_too_long"} <= found
    patterns = {
        re.escape(name).replace(r"\*", "[a-z_]+") for name in found if OUTCOMES.fullmatch(name.replace("*", "x"))
    }
    unknown = {name for name in patterns if not any(re.fullmatch(name, known) for known in ROW_RULES)}
    assert unknown == set()


def test_every_known_rule_is_in_the_code() -> None:
    sources = "\n".join(
        file.read_text("utf-8")
        for folder in ("feeds", "transforms", "refresh")
        for file in (ROOT / folder).rglob("*.py")
        if file.name != "rule_names.py"
    )
    parts = re.compile("blank_|invalid_|unknown_|_out_of_range|_too_long")
    unwritten = {rule for rule in ROW_RULES if f'"{rule}"' not in sources and not parts.search(rule)}
    assert unwritten == set()
