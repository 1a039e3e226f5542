"""The house rules: contracts, SQL, imports, settings, each in both directions."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import sqlglot
from sqlglot import exp

from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import STAR, WAREHOUSE
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.setting_sources import ENV_PREFIX
from finance_platform.settings import Settings, load_settings
from finance_platform.warehouse.statements import DEFINITIONS, SqlFile, sql_folder
from finance_platform_tests.loaded_definitions import loaded_definitions

ROOT = Path(__file__).parents[1]
ALL_SQL = sorted(path.relative_to(sql_folder()).as_posix() for path in sql_folder().rglob("*.sql"))
FOR_PEOPLE = {"dml/sample_queries.sql"}
UNDER_THE_NAME_OF_ANOTHER = {
    *("findings.py", "ledger_lines.py", "line_amounts.py", "line_days.py", "tables.py", "typed_rows.py"),
    "unread_column.py",
}
"""Modules of feeds that only pass on what others find."""


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(load_settings(home=tmp_path_factory.mktemp("home")))


def test_loading_definitions_with_an_empty_environment_opens_no_socket_and_imports_no_engine(
    tmp_path_factory: pytest.TempPathFactory,
):
    loaded = loaded_definitions(tmp_path_factory)
    assert (loaded.sockets, loaded.engines) == ([], [])


def test_money_is_written_in_one_place_because_a_format_string_rounds_half_to_even():
    paths = [path for path in (ROOT / "finance_platform").rglob("*.py") if path.name != "money_text.py"]
    sources = {path: text for path in paths if ".2f" in (text := path.read_text("utf-8"))}
    specs = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, text in sources.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"\.2f\b", node.value)
    ]
    assert specs == []


def test_the_layers_and_the_other_import_rules_hold():
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_contract_is_an_asset_and_every_table_asset_has_a_contract(definitions: dg.Definitions):
    # The grid of months is not a table: it shows the loads of one.
    keys = {tuple(key.path) for key in definitions.resolve_asset_graph().materializable_asset_keys}
    expected = {("processed", contract.name) for contract in (*PROCESSED, *STAR)}
    expected |= {("warehouse", contract.name) for contract in STAR}
    assert {key for key in keys if key[0] in {"processed", "warehouse"}} == expected


def test_every_contract_has_checks_and_every_check_is_on_an_asset(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    checked = {tuple(key.asset_key.path) for key in graph.asset_check_keys}
    assets = {tuple(key.path) for key in graph.materializable_asset_keys}
    assert checked <= assets
    tables = {key for key in assets if key[0] in {"processed", "warehouse"}}
    assert tables - checked == set()


def test_every_contract_of_the_warehouse_has_its_ddl_and_every_ddl_a_contract():
    created = set()
    for name in ALL_SQL:
        if name.startswith("ddl/"):
            statements = sqlglot.parse((sql_folder() / name).read_text(), read="redshift")
            created |= {s.find(exp.Table).name for s in statements if isinstance(s, exp.Create)}  # type: ignore[union-attr]
    assert created == {contract.table for contract in WAREHOUSE}


def test_every_sql_file_is_used_and_every_used_file_is_there():
    assert {file.value for file in SqlFile} | FOR_PEOPLE == set(ALL_SQL)
    package = Path(str(sys.modules["finance_platform"].__file__)).parent
    source = "\n".join(path.read_text() for path in package.rglob("*.py") if path.name != "statements.py")
    for file in SqlFile:
        used = f"SqlFile.{file.name}" in source or file in DEFINITIONS
        assert used, f"{file.value} is registered and never run"


# sqlglot does not parse roles and policies; `aws/test_redshift_security_statements` checks their shapes.
@pytest.mark.parametrize("name", [name for name in ALL_SQL if not name.startswith("security/")])
def test_every_sql_file_parses_as_redshift_sql(name: str):
    statements = sqlglot.parse((sql_folder() / name).read_text(), read="redshift")
    assert statements
    for statement in statements:
        assert statement is not None
        assert not list(statement.find_all(exp.Command)), f"sqlglot does not understand a statement of {name}"


def test_every_asset_says_what_it_is_whose_it_is_and_where_it_belongs(definitions: dg.Definitions):
    for spec in definitions.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.group_name == spec.key.path[0], spec.key
        assert spec.kinds, spec.key


def test_the_example_environment_names_every_setting_and_nothing_else():
    text = (ROOT / ".env.example").read_text()
    named = set(re.findall(rf"^#? ?{ENV_PREFIX}([A-Z0-9_]+)=", text, re.MULTILINE))
    assert named == {name.upper() for name in Settings.model_fields}


def test_every_module_says_what_belongs_in_it():
    for path in (ROOT / "finance_platform").rglob("*.py"):
        first = path.read_text().lstrip()
        assert first.startswith('"""'), f"{path.relative_to(ROOT)} has no docstring"


def test_a_text_below_a_constant_is_the_only_one_there():
    # A constant that is removed or moved leaves its description to the one above it.
    adjacent = re.compile(r'^.*"""\n\s*"""', re.MULTILINE)
    sources = {path: path.read_text("utf-8") for path in (ROOT / "finance_platform").rglob("*.py")}
    assert [str(path.relative_to(ROOT)) for path, text in sources.items() if adjacent.search(text)] == []


def test_what_a_docstring_of_a_module_refers_to_exists():
    package = ROOT / "finance_platform"
    texts = {path: path.read_text("utf-8") for path in package.rglob("*.py")}
    modules = {path.relative_to(package).with_suffix("").as_posix().removesuffix("/__init__"): path for path in texts}

    def exists(name: str, folder: Path) -> bool:
        if "/" in name:
            return any((root / name).exists() for root in (folder, package, ROOT, ROOT / "finance_platform_tests"))
        room, _, last = name.replace(".", "/").rpartition("/")
        defined = re.compile(rf"^(?:def|class) {last}\b|^{last}\b.* = ", re.MULTILINE)
        return any(f"/{module}".endswith(f"/{name.replace('.', '/')}") for module in modules) or any(
            bool(room) and f"/{module}".endswith(f"/{room}") and defined.search(texts[path])
            for module, path in modules.items()
        )

    referred = re.compile(r"\(see ([^()]*)\)")
    missing = [
        f"{path.relative_to(package)}: {name}"
        for path, text in texts.items()
        for place in referred.findall(text.split('"""')[1])
        for name in re.findall(r"`([\w./]+)`", place)
        if not exists(name, path.parent)
    ]
    assert missing == []


@pytest.mark.parametrize("page", ["architecture.md", "rules.md"])
def test_the_modules_that_a_page_names_exist(page: str):
    named: dict[str, str] = {}
    room = ""
    for line in (ROOT / "docs" / page).read_text().splitlines():
        if heading := re.search(r"module in `(\w+)/`", line):
            room = heading.group(1)
        named |= dict.fromkeys(re.findall(r"`((?:\w+/)*\w+\.py)`", line), room)
    package = ROOT / "finance_platform"
    folders = {name: (ROOT, package, package / room) for name, room in named.items()}
    assert named
    assert [name for name in named if not any((folder / name).exists() for folder in folders[name])] == []


def test_every_module_that_doubts_a_file_is_on_the_page_of_rules():
    finds = re.compile(r"^\s*def (find_)?(doubts|notes)\(", re.MULTILINE)
    modules = (ROOT / "finance_platform" / "feeds").rglob("*.py")
    found = {module.name for module in modules if finds.search(module.read_text())}
    page = (ROOT / "docs" / "rules.md").read_text()
    assert {name for name in found if not re.search(rf"[`/]{name}`", page)} <= UNDER_THE_NAME_OF_ANOTHER


NOTED_PRIVATE_IMPORTS = {
    "finance_platform/orchestration/code_location.py": "dagster._core",
    "finance_platform/orchestration/dagster_instance.py": "dagster._core",
    "finance_platform/orchestration/kept_connections.py": "dagster._core",
    "finance_platform/orchestration/run_alerts.py": "dagster._core",
    "finance_platform/orchestration/webserver/server.py": "dagster._core",
}
"""By module, the one private name of a library that it imports; a comment there gives the reason."""


PRIVATE_IMPORT = re.compile(r"^\s*from\s[^(\n]*?(?<!\w)_(?!_future__)|^\s*from\s[^(\n]*\([^)]*(?<!\w)_\w", re.MULTILINE)
"""In the text of a module that may import one; the others need not be parsed."""


def test_no_module_imports_a_private_name():
    found = {}
    texts = {path: path.read_text() for path in (ROOT / "finance_platform").rglob("*.py")}
    for path in (path for path, text in texts.items() if PRIVATE_IMPORT.search(text)):
        for node in ast.walk(ast.parse(texts[path])):
            if isinstance(node, ast.ImportFrom):
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                if any(name.startswith("_") and name != "__future__" for name in names):
                    found[path.relative_to(ROOT).as_posix()] = ".".join((node.module or "").split(".")[:2])
    assert found == NOTED_PRIVATE_IMPORTS


def test_locks_name_no_index_and_carry_hashes():
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "--index-url" not in text
        pinned = re.findall(r"^[a-z0-9].*==", text, re.MULTILINE)
        assert len(pinned) <= text.count("--hash=sha256:")
