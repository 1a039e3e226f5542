"""The commands `init`, `feed list`, `feed check` and `feed draft`, with their output and exit codes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from finance_platform.cli import main
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.descriptor.schema import SCHEMA_FILE, schema_text
from finance_platform.feeds.feed_set import load_feed_set, shipped_descriptors
from finance_platform.refresh.new_home import SAMPLE_FILES
from finance_platform.settings import Settings
from finance_platform_tests.unit.factories import LEDGER, with_lines

REPOSITORY = Path(__file__).parents[3]
SAMPLE_PATHS = [f"data/raw/{name}" for name in SAMPLE_FILES]
ROWS = "Date,Dept,Account,Amount\n2025-01-15,D100,4000,1234567.89\n"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert invoke("init", tmp_path / "home").exit_code == 0
    return tmp_path / "home"


def test_init_makes_a_home_that_others_cannot_read_and_names_the_next_commands(tmp_path: Path):
    result = invoke("init", tmp_path / "new" / "home")
    home = tmp_path / "new" / "home"
    assert result.exit_code == 0
    assert {path.relative_to(home).as_posix() for path in home.rglob("*")} == {
        ".env",
        "raw",
        "feeds",
        "feeds/example.yaml",
        f"feeds/{SCHEMA_FILE}",
    }
    assert stat.S_IMODE((home / ".env").stat().st_mode) == 0o600
    for command in ("feed draft", "feed check", "run"):
        assert f"  finance-platform {command}" in result.output


def test_a_variable_with_a_typo_is_a_warning_on_standard_error(home: Path, monkeypatch: pytest.MonkeyPatch):
    expected = invoke("feed", "list", "--home", home).stdout
    monkeypatch.setenv("FINANCE_PLATFORM_CURENCY", "EUR")
    result = invoke("feed", "list", "--home", home)
    assert (result.exit_code, result.stdout) == (0, expected)
    assert result.stderr.startswith("warning: FINANCE_PLATFORM_CURENCY is not a setting and has no effect; did you")


@pytest.mark.parametrize("command", ["check", "draft"])
def test_a_folder_in_place_of_a_file_is_said_to_be_one(command: str, home: Path):
    result = invoke("feed", command, "--home", home, home / "raw")
    assert (result.exit_code, result.stderr) == (
        2,
        f"A file cannot be read: {home / 'raw'} is a folder\n  Fix: give one of the files in it\n",
    )


@pytest.mark.parametrize("command", ["status", "run"])
def test_a_home_that_does_not_exist_is_distinguished_from_a_folder_within_a_home(home: Path, command: str):
    missing, inner = home.parent / "none", home / "raw"
    give = "give the folder of a home to --home"
    for given, found, fix in (
        (missing, missing, f"{give}; `finance-platform init {missing}` makes one"),
        (inner, inner / "raw", f"give the home itself, --home {home}"),
        (home.parent, home.parent / "raw", f"{give}; `finance-platform init DIR` makes one"),
    ):
        result = invoke(command, "--home", given)
        assert (result.exit_code, result.stderr) == (
            2,
            f"The home folder cannot be used: the folder {found} does not exist\n  Fix: {fix}\n",
        )


def test_a_home_whose_path_the_libraries_would_take_for_another_one_is_refused(home: Path):
    """DuckDB and Arrow take a path for UTF-8, whatever the locale; Python does not in every locale."""
    other = home.parent / "B\u00fccher"
    home.rename(other)
    ascii_paths = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    results = [
        subprocess.run(
            [sys.executable, "-m", "finance_platform.cli", "status", "--home", str(other)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        for environment in (ascii_paths, {**os.environ, "LC_ALL": "C"})
    ]
    assert [result.returncode for result in results] == [2, 0]
    assert "set PYTHONUTF8=1, or LC_ALL=C.UTF-8" in results[0].stderr


@pytest.mark.parametrize("name", ["a%20b", "which?", "back\\slash"])
@pytest.mark.parametrize("command", ["init", "status", "run"])
def test_a_home_that_libraries_would_look_for_elsewhere_is_refused(home: Path, command: str, name: str):
    other = home.parent / name
    if command != "init":
        home.rename(other)
    result = invoke(command, other) if command == "init" else invoke(command, "--home", other)
    assert result.exit_code == 2
    assert "which DuckDB or SQLite would take for something else" in result.stderr
    assert {path.name for path in other.parent.iterdir()} == ({home.name} if command == "init" else {name})


@pytest.mark.parametrize("name", ["100% mine", "a#b;c&d", "[ab]*{c}", "it's"])
def test_a_home_may_have_any_other_name(home: Path, name: str):
    other = home.parent / name
    home.rename(other)
    assert invoke("status", "--home", other).exit_code == 0


def test_a_home_of_a_user_whom_the_machine_does_not_have_is_refused():
    result = invoke("status", "--home", "~no-such-user/books")
    assert result.exit_code == 2
    assert "'~no-such-user', and this machine has no such user" in result.stderr


def test_init_takes_a_quoted_tilde_for_the_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert invoke("init", "~/books").exit_code == 0
    assert (tmp_path / "books" / "raw").is_dir()


def test_the_status_of_a_new_home_has_no_empty_tables(home: Path):
    result = invoke("status", "--home", home)
    fix = f"copy files into the raw zone, then run; `finance-platform feed list --home {home}` shows the names that"
    expected = f"No file was delivered that a feed reads.\n  Fix: {fix} feeds read\nLast run: none\n"
    assert (result.exit_code, result.stdout) == (0, expected)


def test_what_to_do_about_values_that_are_not_decided_is_said_once(home: Path):
    undecided = "constants: {date: DECIDE, department: DECIDE, account: DECIDE, scenario: Actual}"
    text = f"feed: a\nkind: ledger\npath: a.csv\ncolumns:\n  amount: DECIDE\n{undecided}\n"
    (home / "feeds" / "a.yaml").write_text(text)
    result = invoke("feed", "list", "--home", home)
    assert result.stdout.count("in place of DECIDE") == 1
    assert "if columns of the file have date, department or account, name them in `columns` and" in result.stdout


def test_init_names_the_program_by_its_path_where_the_shell_would_not_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = tmp_path / "my books" / "finance-platform"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "argv", [str(program)])
    assert f"  '{program}' run" in invoke("init", tmp_path / "home").output
    monkeypatch.setenv("PATH", str(program.parent))
    assert "  finance-platform run" in invoke("init", tmp_path / "another").output


def test_init_copies_the_sample_and_no_file_that_a_person_dropped_beside_it(tmp_path: Path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "budget.csv").write_text("mine")
    result = invoke("init", tmp_path, "--sample")
    assert result.exit_code == 0
    assert {path.name for path in (tmp_path / "raw").iterdir()} == set(SAMPLE_FILES)
    assert (tmp_path / "raw" / "budget.csv").read_text() == "mine"
    assert "raw/accounts.csv" in result.output
    assert "raw/budget.csv" not in result.output
    ignored = ["git", "check-ignore", "data/raw/private.csv", ".tmp_dagster_home_x/", *SAMPLE_PATHS]
    listed = subprocess.run(ignored, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["data/raw/private.csv", ".tmp_dagster_home_x/"]


def test_the_settings_of_a_new_home_are_the_defaults(home: Path):
    settings = Settings(_env_file=home / ".env")
    assert str(settings.home) == "."
    assert settings.model_dump(exclude={"home"}) == Settings(_env_file=None).model_dump(exclude={"home"})


def test_the_example_is_a_valid_feed_and_leaves_the_shipped_ones(home: Path):
    feeds = load_feed_set(home / "feeds")
    assert feeds.problems == ()
    assert [feed.feed for feed in feeds.own] == ["example"]
    assert feeds.shipped == shipped_descriptors()


def test_init_changes_nothing_in_a_home_but_its_schema(home: Path):
    (home / ".env").write_text("FINANCE_PLATFORM_CURRENCY=EUR\n")
    (home / "feeds" / "example.yaml").rename(home / "feeds" / "own.yaml")
    (home / "feeds" / SCHEMA_FILE).write_text("{}")
    result = invoke("init", home)
    assert result.exit_code == 0
    assert f"Created in {home}: feeds/{SCHEMA_FILE}\n" in result.output
    assert (home / ".env").read_text() == "FINANCE_PLATFORM_CURRENCY=EUR\n"
    assert not (home / "feeds" / "example.yaml").exists()
    assert (home / "feeds" / SCHEMA_FILE).read_text() == schema_text()
    assert "is a home already; nothing was changed." in invoke("init", home).output


def test_init_refuses_a_folder_with_other_content_and_a_file(tmp_path: Path):
    (tmp_path / "a.txt").write_text("a")
    for path, message in ((tmp_path, "is not empty, and is not a home"), (tmp_path / "a.txt", "is a file")):
        result = invoke("init", path)
        assert result.exit_code == 2
        assert message in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="only Linux has /proc")
def test_init_refuses_a_place_in_which_no_folder_can_be_made():
    result = invoke("init", "/proc/self/books")
    assert result.exit_code == 2
    assert "no folder can be made at /proc/self/books" in result.output
    assert "Fix: give a folder on a disk of this machine" in result.output


def test_list_counts_the_files_of_each_feed_and_names_what_is_broken(home: Path):
    (home / "feeds" / "bad.yaml").write_text("feed: bad\nkind: ledgers\npath: bad.csv\n")
    for name in ("transactions.csv", "transactions_2025.csv"):
        (home / "raw" / name).write_text(ROWS)
    result = invoke("feed", "list", "--home", home)
    assert result.exit_code == 1
    line = next(line for line in result.output.splitlines() if line.startswith("transactions"))
    assert line.split() == ["transactions", "ledger", "transactions*.csv", "shipped", "2"]
    assert "bad.yaml: line 2: kind: expected 'ledger'" in result.output
    as_json = invoke("feed", "list", "--home", home, "--format", "json")
    assert "bad.yaml" in as_json.stderr
    rows = json.loads(as_json.stdout)
    assert {row["feed"]: row["files"] for row in rows}["transactions"] == 2


def test_check_exits_with_0_for_a_fine_file_and_with_1_for_one_that_needs_a_person(home: Path, tmp_path: Path):
    (home / "feeds" / "erp.yaml").write_text(with_lines(LEDGER, feed="erp", path="erp/*.csv"))
    file = tmp_path / "erp" / "a.csv"
    file.parent.mkdir()
    file.write_text(ROWS)
    result = invoke("feed", "check", file, "--home", home)
    assert result.exit_code == 0, result.output
    for text in ("Feed: erp (ledger)", "not in the raw zone", "Rows: 1 read = 1 accepted", "1,234,567.89", "ok a run"):
        assert text in result.output
    file.write_text(ROWS + "2025-01-16,D100,4000,x\n")
    result = invoke("feed", "check", file, "--home", home)
    assert result.exit_code == 1
    assert "rejected line 3: amount: 'x' is not a valid amount" in result.output
    assert "held 1 of 2 rows rejected, tolerated 0%" in result.output


def test_the_draft_that_a_refused_file_needs_is_made_of_the_file_where_it_is(home: Path, tmp_path: Path):
    file = tmp_path / "from the bank" / "forecast Q4.csv"
    file.parent.mkdir()
    file.write_text("Month,Dept,Account,Amount\nOct-26,200,4000,311589\n")
    shown = invoke("feed", "check", file, "--home", home).output
    assert f"feed draft --home {home} '{file}'` writes one that replaces it" in shown


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ("sign: debit_positive\nbalanced: {by: Number}\n", "unbalanced"),
        ("load: {mode: upsert, key: [account]}\n", "conflicting"),
    ],
)
def test_check_of_a_file_whose_rows_all_reject_each_other_lists_them(home: Path, keys: str, rule: str):
    (home / "feeds" / "erp.yaml").write_text(with_lines(LEDGER, feed="erp", path="erp.csv") + keys)
    rows = "Number,Date,Dept,Account,Amount\n1,2025-01-15,D100,4000,100\n1,2025-01-16,D100,4000,-99\n"
    (home / "raw" / "erp.csv").write_text(rows)
    result = invoke("feed", "check", home / "raw" / "erp.csv", "--home", home)
    assert result.exit_code == 1, result.output
    is_used = "balanced.by" if "balanced" in keys else "not used"
    assert next(line for line in result.output.splitlines() if "Number" in line).strip().endswith(is_used)
    for text in ("Rows: 2 read = 2 rejected", "rejected line 2: ", "rejected line 3: ", "none of 2 rows was accepted"):
        assert text in result.output
    as_json = invoke("feed", "check", home / "raw" / "erp.csv", "--home", home, "--json")
    document = json.loads(as_json.stdout)
    assert document["sums"] == []
    assert [rule in name for name in document["rules"]] == [True]


def test_many_rows_with_one_reason_share_a_line_with_their_number(home: Path):
    (home / "feeds" / "erp.yaml").write_text(with_lines(LEDGER, feed="erp", path="erp.csv"))
    (home / "raw" / "erp.csv").write_text(ROWS + "2025-01-16,D100,4000,EUR 1\n" * 153)
    result = invoke("feed", "check", home / "raw" / "erp.csv", "--home", home)
    (line,) = (line for line in result.output.splitlines() if line.startswith("rejected"))
    assert line.startswith("rejected line 3 and 152 more: ")
    assert "more; by rule" not in result.output


def test_check_of_a_file_without_a_feed_exits_with_1_and_of_no_file_with_2(home: Path, tmp_path: Path):
    (tmp_path / "bank.csv").write_text(ROWS)
    result = invoke("feed", "check", tmp_path / "bank.csv", "--home", home)
    assert (result.exit_code, "no descriptor's path matches it" in result.output) == (1, True)
    result = invoke("feed", "check", tmp_path / "none.csv", "--home", home)
    assert (result.exit_code, "is neither a file nor a key of the raw zone" in result.output) == (2, True)
    (home / "raw" / "bank.csv").write_text(ROWS)
    result = invoke("feed", "check", "raw/bank.csv", "--home", home)
    assert (result.exit_code, "did you mean bank.csv?" in result.output) == (2, True)


def test_check_of_a_file_without_a_feed_names_a_descriptor_whose_path_is_not_valid(home: Path):
    (home / "feeds" / "bank.yaml").write_text(with_lines(LEDGER, feed="bank", path="bank.*"))
    (home / "raw" / "bank.csv").write_text(ROWS)
    output = " ".join(invoke("feed", "check", home / "raw" / "bank.csv", "--home", home).output.split())
    assert "no descriptor's path matches it; bank.yaml is not valid: line" in output
    assert "path must end in .csv" in output
    assert "if that descriptor is meant for the file, correct that line; else `finance-platform feed draft" in output


def test_check_as_json_has_every_part(home: Path, tmp_path: Path):
    (tmp_path / "erp.yaml").write_text(with_lines(LEDGER, path="erp.csv", tolerance="{rejected_rows: 1}"))
    (tmp_path / "erp.csv").write_text(ROWS + "2025-01-16,D100,4000,x\n")
    arguments = ("--home", home, "--descriptor", tmp_path / "erp.yaml", "--json")
    document = json.loads(invoke("feed", "check", tmp_path / "erp.csv", *arguments).output)
    assert document["state"] == "ok"
    assert document["outcomes"]["accepted"] == {"rows": 1, "net": "1234567.89", "gross": "1234567.89", "unpriced": 0}
    assert document["sums"] == [{"scenario": "Actual", "period": "2025-01", "rows": 1, "amount": "1234567.89"}]
    assert document["tables"][0]["columns"][0] == {"name": "Date", "fields": ["date"]}
    assert document["rejected"][0]["row"] == 3


def test_a_draft_can_be_saved_and_passes_check(home: Path, tmp_path: Path):
    file = tmp_path / "bank_2025.csv"
    file.write_text(ROWS)
    result = invoke("feed", "draft", file, "--home", home)
    assert result.exit_code == 0
    (home / "feeds" / "bank.yaml").write_text(result.output)
    assert parse_descriptor(result.output, "bank.yaml").feed == "bank"
    assert invoke("feed", "check", file, "--home", home).exit_code == 0


def test_a_draft_of_what_is_no_table_is_an_error_with_its_fix(home: Path, tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"%PDF-1.7")
    result = invoke("feed", "draft", tmp_path / "a.csv", "--home", home)
    assert result.exit_code == 2
    assert "the file is a PDF document" in result.output


def test_a_descriptor_that_is_not_valid_is_wrong_use(home: Path, tmp_path: Path):
    (tmp_path / "a.csv").write_text("Dept,Account,Amount\nD1,4000,1.00\n")
    drafted = invoke("feed", "draft", tmp_path / "a.csv", "--home", home)
    assert drafted.exit_code == 0
    (tmp_path / "a.yaml").write_text(drafted.output)
    result = invoke("feed", "check", "--home", home, "--descriptor", tmp_path / "a.yaml", tmp_path / "a.csv")
    assert result.exit_code == 2
    assert "constants.date is not decided" in result.output
    # In the home, it is a problem of the home, as for every other command.
    (home / "feeds" / "a.yaml").write_text(drafted.output)
    result = invoke("feed", "check", "--home", home, tmp_path / "a.csv")
    assert result.exit_code == 1
    assert "constants.date is not decided" in result.output


@pytest.mark.parametrize("width", [40, 80])
def test_narrow_terminals_cut_neither_money_nor_names(
    home: Path, tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("finance_platform.cli.feeds.open_console", lambda: narrow_console(width))
    name = "a_very_long_name_of_a_ledger_extract_from_the_system.csv"
    (tmp_path / "a.yaml").write_text(with_lines(LEDGER, path="'*.csv'"))
    (tmp_path / name).write_text(ROWS.replace("1234567.89", '"9,999,999,999,999.99"'))
    output = invoke("feed", "check", tmp_path / name, "--home", home, "--descriptor", tmp_path / "a.yaml").output
    assert name in output
    assert "9,999,999,999,999.99" in output
    (home / "feeds" / "long.yaml").write_text(with_lines(LEDGER, feed="long", path=f"folder/{name}"))
    listed = "".join(line.strip() for line in invoke("feed", "list", "--home", home).output.splitlines())
    assert "…" not in listed


def narrow_console(width: int) -> object:
    from finance_platform.cli.console import SafeConsole

    return SafeConsole(width=width, no_color=True)


def test_the_commands_start_without_dagster_spark_and_the_warehouse():
    code = (
        "import sys; from finance_platform.cli import main\n"
        "import finance_platform.refresh.file_check.feed_check, finance_platform.refresh.file_check.feed_list\n"
        "import finance_platform.feeds.draft\n"
        "import finance_platform.refresh.new_home, finance_platform.cli.feed_output\n"
        "print([name for name in ('dagster', 'pyspark', 'pysail', 'duckdb', 'boto3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("has_run", "word", "code"), [(False, "condition", 0), (True, "held", 1)])
def test_check_of_debits_and_credits_names_the_accounts_without_a_type(home: Path, has_run: bool, word: str, code: int):
    keys = "sign: debit_positive\ntypes_by_prefix: {account_type: {4: Revenue}}\n"
    (home / "feeds" / "erp.yaml").write_text(with_lines(LEDGER, feed="erp", path="erp.csv") + keys)
    file = home / "raw" / "erp.csv"
    if has_run:
        (home / "processed").mkdir()
    file.write_text(ROWS)
    fine = invoke("feed", "check", file, "--home", home)
    assert (fine.exit_code, "ok a run would" in fine.output) == (0, True), fine.output
    file.write_text(ROWS + "2025-01-15,D100,9000,5\n")
    result = invoke("feed", "check", file, "--home", home)
    assert result.exit_code == code, result.output
    assert "ok a run would" not in result.output
    assert f"{word} account 9000 has no type" in result.output


def test_a_rule_that_does_not_exist_is_wrong_use_and_one_without_rows_is_not(home: Path):
    result = invoke("rejected", "--home", home, "--rule", "invalid_amont")
    assert result.exit_code == 2
    assert "there is no rule 'invalid_amont'; did you mean 'invalid_amount'?" in " ".join(result.output.split())
    assert invoke("rejected", "--home", home, "--rule", "invalid_amount").exit_code == 0


def test_totals_that_tie_are_listed_up_to_a_few_and_then_counted(home: Path):
    total = 'control_total: [{kind: subtotal, row: {column: Dept, matches: "^Total"}}]\n'
    (home / "feeds" / "erp.yaml").write_text(with_lines(LEDGER, feed="erp", path="erp.csv") + total)
    file = home / "raw" / "erp.csv"
    file.write_text("Date,Dept,Account,Amount\n" + "2025-01-15,D100,4000,5.00\n,Total,,5.00\n" * 8)
    shown = invoke("feed", "check", file, "--home", home).output
    assert "Control totals: 8 of 8 tie" in shown
    assert (shown.count("the file prints 5.00"), "… 3 more tie" in shown) == (5, True)
