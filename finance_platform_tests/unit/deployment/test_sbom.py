"""The software bill of materials: complete, valid, and the same for the same release."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from finance_platform.deployment.sbom import IMAGE_LOCKS, SCHEMA, write_sbom
from finance_platform.errors import ArtefactsError

ROOT = Path(__file__).parents[3]
FILES = {"standardise_job.py": b"print(1)\n", "finance_platform-0.1.0-py3-none-any.whl": b"wheel"}


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    (folder / "manifest.json").write_text(json.dumps({"release": "0123456789ab", "files": hashes}))
    return folder


@pytest.fixture
def document(dist: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(write_sbom(dist, ROOT).read_text())
    return loaded


def test_the_document_is_valid_by_the_schema_of_cyclonedx(dist: Path):
    from cyclonedx.validation.json import JsonStrictValidator  # takes a second to import, in each worker

    text = write_sbom(dist, ROOT).read_text()
    assert JsonStrictValidator(SCHEMA).validate_str(text) is None
    assert JsonStrictValidator(SCHEMA).validate_str(text.replace('"library"', '"thing"')) is not None


def test_every_package_of_the_images_lock_is_listed_once_with_its_version(document: dict[str, Any]):
    lock = "\n".join((ROOT / "infra" / name).read_text() for name in IMAGE_LOCKS)
    pinned = sorted(re.findall(r"^([a-z0-9.-]+)(?:\[[^]]*\])?==(\S+)", lock, re.MULTILINE))
    libraries = [item for item in document["components"] if item["type"] == "library"]
    assert sorted((item["name"], item["version"]) for item in libraries) == pinned
    assert len(pinned) > 50
    assert {item["purl"] for item in libraries} == {f"pkg:pypi/{name}@{version}" for name, version in pinned}


def test_the_files_of_the_release_and_the_base_image_have_their_hashes(document: dict[str, Any]):
    hashes = {
        item["name"]: item["hashes"][0]["content"] for item in document["components"] if item["type"] != "library"
    }
    assert set(hashes) == {*FILES, "manifest.json", "python"}
    for name, content in FILES.items():
        assert hashes[name] == hashlib.sha256(content).hexdigest()
    assert f"@sha256:{hashes['python']}" in (ROOT / "infra" / "Dockerfile").read_text()
    assert document["metadata"]["component"]["version"] == "0123456789ab"


def test_the_same_release_gives_the_same_bytes(dist: Path):
    assert write_sbom(dist, ROOT).read_bytes() == write_sbom(dist, ROOT).read_bytes()


def test_a_base_image_without_a_digest_is_refused(dist: Path, tmp_path: Path):
    (tmp_path / "infra").mkdir()
    for name in IMAGE_LOCKS:
        (tmp_path / "infra" / name).write_text("click==8.1.0 \\\n")
    (tmp_path / "infra" / "Dockerfile").write_text("FROM python:3.13-slim-bookworm\n")
    with pytest.raises(ArtefactsError, match="names no base image with a digest"):
        write_sbom(dist, tmp_path)
