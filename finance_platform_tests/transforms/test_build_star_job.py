"""`spark_jobs.build_star_job`: two codes with one surrogate key are refused; periods are built in parts.

Belongs here: the order and size of the steps. Does not belong here: the rows of a table (see `test_fact_financials`).
"""

from __future__ import annotations

import json
from dataclasses import astuple
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.contracts.processed import MEMBERS
from finance_platform.contracts.star import WHOLE_TABLE
from finance_platform.errors import JobError
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.slices.versions import TargetSlice
from finance_platform.spark_jobs import build_star_job, gathered_files
from finance_platform.spark_jobs.build_star_job import build_slices, in_parts
from finance_platform.spark_jobs.member_dimensions import read_accounts, refuse_collisions
from finance_platform.spark_jobs.requests import BuildRequest, CountedLines, SupersededKeys
from finance_platform.storage import immutable_documents
from finance_platform.storage.local import LocalStore
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import create_small_home
from finance_platform_tests.in_process_jobs import InProcessArguments
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.transforms.rows import ledger_line, member, table_of
from finance_platform_tests.transforms.small_builds import SmallBuild

FIGURES = ("slice", "row_count", "sums", "hidden_lines", "hidden_amount", "superseded", "accounts_compared")
LATER = """\
transaction_id,transaction_date,department_code,account_number,amount,description
T1,2024-01-05,D100,4000,1010.00,January again
T4,2024-03-01,0450,6000,1250.25,Salaries
"""


def test_two_codes_with_one_surrogate_key_stop_the_build_and_are_named() -> None:
    members = [(1, "D100"), (2, "D200"), (1, "E300")]
    with pytest.raises(JobError, match="'D100' and 'E300' have one surrogate key"):
        refuse_collisions(members)


def test_mentioned_codes_are_compared_where_their_surrogate_keys_are_the_same(tmp_path: Path) -> None:
    request = BuildRequest(["ledger"], [], [], [], [], [], [], "Budget")

    def keys(*codes: tuple[int, str]) -> list[int]:
        rows = [{**member("account", code), "delivery_id": "ledger", "member_key": key} for key, code in codes]
        accounts = read_accounts(LocalStore(tmp_path), request, table_of(MEMBERS, rows))
        return list(accounts["account_key"].to_pylist())

    assert keys((1, "4000a"), (1, "4000A"), (2, "5000")) == [1, 2]
    with pytest.raises(JobError, match="'5000' and '6000' have one surrogate key, 1 such keys"):
        keys((1, "4000"), (2, "5000"), (2, "6000"))


def test_spellings_of_one_code_do_not_collide() -> None:
    refuse_collisions([(1, "D100"), (1, "d100"), (1, " D100 "), (2, "D200")])


def test_a_table_that_the_job_does_not_know_is_an_error(tmp_path: Path) -> None:
    """It was built as accounts."""
    store = LocalStore(tmp_path)
    arguments = InProcessArguments(store.root, store.root, "attempt", "sail", store=store)
    request = BuildRequest([], [], [TargetSlice("dim_product", WHOLE_TABLE, "v", {})], [], [], [], [], "Budget")
    with pytest.raises(ValueError, match="'dim_product' is not a dimension"):
        build_slices(None, arguments, request)  # type: ignore[arg-type]  # it needs no session


@given(
    st.dictionaries(st.integers(1, 99).map(lambda number: f"2025-{number:02}"), st.integers(0, 9)), st.integers(1, 20)
)
def test_every_period_is_in_one_part_and_no_part_has_too_many_lines(lines: dict[str, int], most: int) -> None:
    counted = [CountedLines(period, "Actual", [0], count) for period, count in lines.items()]
    parts = list(in_parts(lines, counted, most))
    assert [period for part in parts for period in part] == sorted(lines)
    assert all(len(part) == 1 or sum(lines[period] for period in part) <= most for part in parts)
    assert all(sum(lines[period] for period in [*part, after[0]]) > most for part, after in pairwise(parts))


def test_periods_have_the_same_figures_in_tasks_of_their_own_and_in_parts(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = []
    # By day, a part of two periods and one of one, in place of the whole and of parts of one period each.
    ways = [("tasks", 1_000), ("parts", 7), ("parts of a period", 1), ("whole", 1_000)]
    for name, most in ways if current_profile().is_exhaustive else ways[:2]:
        monkeypatch.setattr(build_star_job, "PART_LINES", most)
        if name != "tasks":
            monkeypatch.setattr(build_star_job, "orders_of", lambda *_, **__: [])
        home = create_small_home(tmp_path / name)
        Refresher(spark)(home)
        # A later file replaces a line of the first one, and moves another one to a period after it.
        home.write("raw/transactions_later.csv", LATER)
        Refresher(spark)(home)
        homes.append(home)
    tasks, parts, *others = homes
    assert [_figures(tasks)] * len(homes) == [_figures(one) for one in homes]
    counts = [len(list((one.path / "processed/fact_financials").glob("*/part-*"))) for one in [parts, *others[:1]]]
    assert counts == [2, 3][: len(counts)]
    in_tasks = [list((one.path / "processed/fact_financials").glob("*/periods/*")) for one in homes]
    assert [bool(folders) for folders in in_tasks] == [True, False, *(False for _ in others)]


def test_gathered_files_give_the_slices_of_files_that_spark_reads(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = SmallBuild(LocalStore(tmp_path), ["D0", "D1", "D2", "D3", "D4"], ["2025-01", "2025-02"])
    lines = [
        *(ledger_line(amount=f"{number}.50", delivery_id="D0", line_key=f"K{number}") for number in range(300)),
        ledger_line(amount="20.00", delivery_id="D1", line_key="K1"),
        # D2 was read again: its lines that count are in a file of another attempt. HELD does not count at all.
        ledger_line(amount="999.00", delivery_id="D2", line_key="K7"),
        ledger_line(amount="888.00", delivery_id="HELD"),
    ]
    shared = build.add("transactions/first/shared.parquet", lines, ["D0", "D1"], is_shared=True)
    again = [ledger_line(amount="30.00", delivery_id="D2"), ledger_line("2025-03-01", "777.00", delivery_id="D2")]
    build.add("transactions/second/D2.parquet", again, ["D2"], lacks=["scope_key", "reverses_transaction_id"])
    later = [ledger_line("2025-02-01", "5.00", delivery_id="D3", line_key="K7")]
    build.add("transactions/third/split_by=D3/then_by=2025-02/1.parquet", later, ["D3"])
    planned = [ledger_line("2025-02-01", "60.00", delivery_id="D4", scenario="Budget")]
    build.add("budget/third/split_by=D4/then_by=2025-02/1.parquet", planned, ["D4"])
    # These two get a checkpoint when they are gathered first, and are read from it the next time.
    monkeypatch.setattr(immutable_documents, "FEWEST_NEW", 4)
    # The key of a line of January has moved to February.
    build.superseded_keys = [SupersededKeys("D0", "D3", ["2025-02"])]
    built = {}
    for gathered, remote, size in (("none", False, 0), ("all", True, shared.size), ("some", True, shared.size - 1)):
        monkeypatch.setattr(gathered_files, "is_remote", lambda _, remote=remote: remote)
        monkeypatch.setattr(gathered_files, "SMALL_BYTES", size)
        commits = build.run(spark, gathered, {"Actual": ["D0", "D1", "D2", "D3"], "Budget": ["D4"]})
        assert len(list((tmp_path / "checkpoints/lines").rglob("*.parquet"))) == (gathered != "none")
        assert not list((tmp_path / "staging").rglob("*.parquet"))
        figures = [(one.slice, one.row_count, one.sums, one.hidden_lines, one.differences) for one in commits]
        built[gathered] = (
            build.rows(commits),
            figures,
            [astuple(one) for slice_ in commits for one in slice_.superseded],
        )
    assert built["all"] == built["some"] == built["none"]
    rows, figures, _ = built["none"]
    actual = [row for row in rows if row["scenario_key"] == surrogate_key("Actual")]
    assert [(row["amount"], row["transaction_count"]) for row in actual if row["transaction_count"]] == [
        (Decimal("45042.50"), 301),
        (Decimal("5.00"), 1),
    ]
    assert [(hidden, differences) for *_, hidden, differences in figures] == [(1, ()), (0, ())]


def test_lines_of_shared_files_give_the_same_slices_in_tasks_and_in_plans_of_spark(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = SmallBuild(LocalStore(tmp_path), ["D0", "D1", "D2", "D3"], ["2025-01", "2025-02"])
    lines = [
        *(ledger_line(amount=f"{number}.50", delivery_id="D0", line_key=f"K{number}") for number in range(30)),
        ledger_line("2025-02-03", "20.00", delivery_id="D0", line_key="K1"),
        ledger_line(amount="7.00", delivery_id="D1"),
        # D2 was read again: its lines that count are in another shared file. HELD does not count at all.
        ledger_line(amount="999.00", delivery_id="D2"),
        ledger_line(amount="888.00", delivery_id="HELD"),
    ]
    build.add("transactions/first/shared.parquet", lines, ["D0", "D1"], is_shared=True)
    again = [ledger_line(amount="30.00", delivery_id="D2"), ledger_line(amount="666.00", delivery_id="D1")]
    build.add("transactions/second/shared.parquet", again, ["D2"], is_shared=True)
    later = [ledger_line("2025-02-01", "5.00", delivery_id="D3", line_key="K7")]
    build.add("transactions/third/split_by=D3/then_by=2025-02/1.parquet", later, ["D3"])
    build.superseded_keys = [SupersededKeys("D0", "D3", ["2025-02"])]
    counted = {"Actual": ["D0", "D1", "D2", "D3"]}
    in_tasks = build.run(None, "tasks", counted)  # type: ignore[arg-type]  # they need no session
    assert len(list((tmp_path / "fact_financials/tasks/periods").iterdir())) == len(build.periods)
    monkeypatch.setattr(build_star_job, "orders_of", lambda *_, **__: [])
    in_plans = build.run(spark, "plans", counted)
    assert build.rows(in_tasks) == build.rows(in_plans)
    ours, theirs = ([[getattr(one, name) for name in FIGURES] for one in built] for built in (in_tasks, in_plans))
    assert ours == theirs
    assert sum(row["amount"] for row in build.rows(in_tasks)) == Decimal("504.50"), (
        "without what K7 and a second reading replace"
    )


def _figures(home: Home) -> tuple[list[tuple[object, ...]], list[dict[str, object]]]:
    """Return the published rows, and what each slice of the fact table says about its own."""
    rows = home.select(
        "SELECT DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, BudgetAmount, TransactionCount "
        "FROM FactFinancials ORDER BY 1, 2, 3, 4"
    )
    slices = [json.loads(path.read_text()) for path in (home.path / "processed/slices/fact_financials").rglob("*.json")]
    figures = [{name: one[name] for name in FIGURES} for one in slices]
    return rows, sorted(figures, key=lambda one: str(one["slice"]))
