"""The product's output equals a second computation from the raw files, to the cell, the rejected row and the cent.

Belongs here: running `recompute` on the shipped sample and on AdventureWorks, and showing that it finds differences.
"""

from __future__ import annotations

import ast
import shutil
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.adventureworks_home import refresh_adventureworks_once
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.sample_home import refresh_sample_once
from finance_platform_tests.independent import recompute
from finance_platform_tests.independent.recompute import (
    ADVENTUREWORKS,
    SAMPLE,
    TERMS,
    Results,
    differences,
    product_output,
    to_amount,
)

pytestmark = pytest.mark.end_to_end


def output_of(home: Path) -> Results:
    """Return the product's output, from its command line."""

    def run(*arguments: str) -> str:
        ended = Home(home).command(*arguments)
        assert ended.returncode in (0, 1), ended.stderr
        return ended.stdout

    return product_output(run)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """A home with the shipped files after its first run, and the product's output."""
    home = refresh_sample_once(tmp_path_factory)
    assert home.succeeded
    return home.path, output_of(home.path)


def test_the_sample_equals_its_recomputation(sample: tuple[Path, Results]):
    home, product = sample
    recomputed = recompute.recompute(home / "raw", SAMPLE)
    assert differences(recomputed, product) == []
    assert len(recomputed.cells) > 30_000
    assert {outcome for outcome, _, _ in recomputed.rejected.values()} == {"rejected", "duplicate"}
    terms = {term for _, _, term in recomputed.statement}
    assert {"delivered", "in_warehouse", "rejected", "duplicate", "skipped"} <= terms <= set(TERMS)


def test_adventureworks_equals_its_recomputation(tmp_path_factory: pytest.TempPathFactory):
    """Skipped with a message where the published files are absent."""
    home = refresh_adventureworks_once(tmp_path_factory).path
    recomputed = recompute.recompute(home / "raw", ADVENTUREWORKS)
    assert differences(recomputed, output_of(home)) == []
    assert len(recomputed.cells) > 30_000
    assert ("", "Actual in statistical", "in_warehouse") in recomputed.statement


@pytest.mark.parametrize(
    ("file", "old", "new", "parts"),
    [
        ("transactions.csv", "T000001,2022-10-01,0460,6110,15713.38", "T000001,2022-10-01,0460,6110,15713.39", "cs"),
        ("transactions.csv", "T000001,2022-10-01,0460,6110", "T000001,2022-10-01,0460,", "crs"),
        ("budget.csv", "2022-10,D300,4100,1360000.00", "2022-10,D300,4100,1360000.01", "cs"),
    ],
    ids=["a cent", "a blank account", "a cent of the budget"],
)
def test_a_difference_is_found_in_every_part_that_it_reaches(
    sample: tuple[Path, Results], tmp_path: Path, file: str, old: str, new: str, parts: str
):
    home, product = sample
    raw = shutil.copytree(home / "raw", tmp_path / "raw")
    text = (raw / file).read_text(encoding="utf-8")
    assert old in text
    (raw / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    found = differences(recompute.recompute(raw, SAMPLE), product)
    assert {sentence[0] for sentence in found} == set(parts)


def test_the_recomputation_imports_nothing_of_the_product():
    tree = ast.parse(Path(recompute.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names = {name.partition(".")[0] for name in imported}
    assert names <= sys.stdlib_module_names | {"__future__"}


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1,250.50", "1250.50"),
        ("(1 250.5)", "-1250.5"),
        ("$9", "9"),
        ("7-", "-7"),
        ("-", "0"),
        ("1,25", None),
        ("1.2E+05", None),
        ("--1", None),
        ("€9", None),
        ("n/a", None),
    ],
)
def test_amounts_are_read_as_documented(text: str, amount: str | None):
    assert to_amount(text) == (None if amount is None else Decimal(amount))
