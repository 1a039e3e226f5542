"""The search for committed secrets finds what it should, in any file."""

from __future__ import annotations

import json
from pathlib import Path

from finance_platform_tests.committed_secrets import BASELINE, findings, scan, searched_files

# In parts, or the search would find them here.
ACCESS_KEY = "AKIA" + "Z7QX" + "WT3LNB5E" + "KD2V"
PRIVATE_KEY = "-----BEGIN " + "RSA PRIVATE KEY-----"


def kinds(folder: Path, name: str, text: str) -> list[str]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return [kind for _, kind, _ in findings(scan([name], folder))]


def test_keys_are_found_in_every_file_and_passwords_outside_of_tests(tmp_path: Path):
    assert kinds(tmp_path, "infra/a.yaml", f"key: {ACCESS_KEY}\n") == ["AWS Access Key"]
    assert kinds(tmp_path, "finance_platform_tests/a.py", f"KEY = '{ACCESS_KEY}'\n") == ["AWS Access Key"]
    assert kinds(tmp_path, "docs/a.md", f"{PRIVATE_KEY}\n") == ["Private Key"]
    password = "pass" + "word = 'correct-horse-9'\n"
    assert kinds(tmp_path, "finance_platform/a.py", password) == ["Secret Keyword"]
    assert kinds(tmp_path, "finance_platform_tests/b.py", password) == []


def test_the_search_covers_code_templates_workflows_and_documentation():
    files = searched_files()
    for name in (
        "finance_platform/settings.py",
        "infra/cloudformation_template.yaml",
        "docs/deploy.md",
        ".env.example",
    ):
        assert name in files
    assert any(name.startswith(".github/workflows/") for name in files)


def test_the_accepted_texts_name_their_files_as_every_machine_does():
    accepted = json.loads(BASELINE.read_text(encoding="utf-8"))["results"]
    assert accepted
    assert all(text["filename"] == name for name, texts in accepted.items() for text in texts)
