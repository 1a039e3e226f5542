"""Samples for an audit: the same seed draws the same lines, and each line is what its file says.

Does not belong here: tracing a cell (see `end_to_end`).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from decimal import Decimal
from typing import Any

import pytest

from finance_platform_tests.end_to_end.home import Home

PERIODS = ("2024-01", "2024-02", "2024-03")


def sample(home: Home, *options: str) -> list[dict[str, Any]]:
    result = home.command("audit-sample", *PERIODS, "--format", "json", *options)
    assert result.returncode == 0, result.stderr
    return list(json.loads(result.stdout))


def test_a_sample_of_everything_is_the_population_and_ties_to_the_warehouse(home: Home):
    drawn = sample(home, "--method", "random", "--n", "1000", "--seed", "1")
    (lines,) = home.select(
        "SELECT SUM(TransactionCount) FROM FactFinancials INNER JOIN DimScenario "
        "ON DimScenario.ScenarioKey = FactFinancials.ScenarioKey WHERE ScenarioName = 'Actual'"
    )
    assert len(drawn) == lines[0]
    assert len({(row["file"], row["row"]) for row in drawn}) == len(drawn)
    for row in drawn:
        data = (home.path / "raw" / row["file"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert row["text"] == data.decode("utf-8-sig").splitlines()[row["row"] - 1]


@pytest.mark.parametrize("method", ["mus", "random"])
def test_the_same_seed_draws_the_same_lines_and_another_one_draws_others(home: Home, method: str):
    first = sample(home, "--method", method, "--n", "2", "--seed", "2024")
    assert sample(home, "--method", method, "--n", "2", "--seed", "2024") == first
    others = [sample(home, "--method", method, "--n", "2", "--seed", str(seed)) for seed in range(8)]
    assert any(other != first for other in others)


def test_monetary_units_draw_every_line_of_at_least_the_interval(home: Home):
    everything = sample(home, "--method", "random", "--n", "1000", "--seed", "1")
    gross = sum(abs(Decimal(row["amount"])) for row in everything)
    for count in (1, 3, 5):
        drawn = sample(home, "--n", str(count), "--seed", "7")
        places = {(row["file"], row["row"]) for row in drawn}
        large = {
            (row["file"], row["row"]) for row in everything if abs(Decimal(row["amount"])) * count >= gross + count
        }
        assert large <= places
        assert 1 <= len(drawn) <= count


def test_a_file_that_changed_since_is_said_instead_of_its_text(home: Home):
    home.write("raw/transactions_2.csv", "something else\n")
    drawn = sample(home, "--method", "random", "--n", "1000", "--seed", "1")
    changed = {row["text"] for row in drawn if row["file"] == "transactions_2.csv"}
    assert changed == {"[the file has changed since]"}


def test_tables_and_csv_name_the_population_and_wrong_periods_exit_with_2(home: Home):
    table = home.command("audit-sample", "2024-03", "--seed", "a")
    assert table.returncode == 0
    assert "; mus, seed a" in table.stdout
    listed = home.command("audit-sample", "2024-03", "--seed", "a", "--format", "csv")
    assert len(list(csv.DictReader(io.StringIO(listed.stdout)))) >= 1
    assert "; mus, seed a" in listed.stderr
    for wrong in (("2024-13", "--seed", "a"), ("2031-01", "--seed", "a"), ("2024-03",)):
        assert home.command("audit-sample", *wrong).returncode == 2
    assert home.command("audit-sample", "2024-03", "--seed", "a", "--scenario", "Nothing").returncode == 2
