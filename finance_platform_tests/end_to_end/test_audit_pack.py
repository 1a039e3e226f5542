"""The audit pack of a close: one archive that is verified without the home, and in which each change is named.

Belongs here: `report --audit` and `verify FILE.zip`. Does not belong here: signed states (see `test_as_of`),
verifying a home (see `damage/test_tampering`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from finance_platform.refresh.verification.verify_audit_pack import verify_audit_pack
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import TRANSACTIONS
from finance_platform_tests.profiles import current_profile

pytestmark = pytest.mark.end_to_end

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"  # noqa: S105  made up
REASON = '=HYPERLINK("http://x") books closed'
DERIVED = {"close.json", "decisions.csv", "manifest.json", "movements.csv", "raw_files.csv", "rejected_rows.csv"}
SHOWN = {"report_pack.html", "report_pack.xlsx", "signature.json", "statement.json"}


@pytest.fixture(scope="module")
def home(small_home_once_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The small home with January closed."""
    home = copy_home(small_home_once_run, tmp_path_factory.mktemp("audited") / "home")
    home.write(".env", "FINANCE_PLATFORM_CLOSED_PERIODS=publish\n")
    assert home.command("close", "2024-01", "--why", REASON).returncode == 0
    return home


@pytest.fixture(scope="module")
def pack(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(home, tmp_path_factory.mktemp("pack"), "2024-01")


def write_pack(home: Home, folder: Path, audit: str) -> Path:
    written = home.command("report", "--audit", audit, "--out", str(folder), AWS_SECRET_ACCESS_KEY=SECRET)
    assert written.returncode == 0, written.stderr
    (path,) = folder.glob("*.zip")
    return path


def members_of(pack: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(pack: Path, target: Path, members: dict[str, bytes], comment: bytes | None = None) -> Path:
    """Write an archive with other members, and the comment of a pack unless another one is given."""
    with zipfile.ZipFile(pack) as original, zipfile.ZipFile(target, "w") as archive:
        archive.comment = original.comment if comment is None else comment
        for name, data in members.items():
            archive.writestr(name, data)
    return target


def named(pack: Path) -> set[str]:
    return {finding.subject for finding in verify_audit_pack(pack).findings}


def test_a_pack_has_everything_about_a_close_and_no_secret_and_no_formula(pack: Path):
    members = members_of(pack)
    register = {name for name in members if name.startswith("register/")}
    assert register
    assert set(members) == DERIVED | SHOWN | register
    assert not any(SECRET.encode() in data for data in members.values())
    close = json.loads(members["close.json"])
    assert (close["event"]["period"], close["event"]["why"]) == ("2024-01", REASON)
    assert {gate["state"] for gate in close["gates"]} == {"green"}
    assert hashlib.sha256(members["signature.json"]).hexdigest() == close["event"]["signature"]
    assert f'"\'{REASON.replace(chr(34), chr(34) * 2)}"' in members["decisions.csv"].decode()
    assert b"transactions.csv" in members["raw_files.csv"]
    assert b"as signed by" in members["report_pack.html"]
    assert json.loads(members["statement.json"])["by_scenario"]


def test_a_pack_is_verified_without_the_home_and_by_a_head_that_was_kept(home: Home, pack: Path, tmp_path: Path):
    head = home.command("verify", "--print-head").stdout.strip()
    elsewhere = Path(shutil.copy(pack, tmp_path / "received.zip"))
    empty = Home(tmp_path / "nothing")
    empty.path.mkdir()
    verified = empty.command("verify", str(elsewhere), "--head", head)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "2024-01 of " in verified.stdout
    assert f"Head of the register up to the close, to compare with one that was kept: {head}" in verified.stdout
    foreign = f"{head.partition(':')[0]}:{'0' * 64}"
    assert empty.command("verify", str(elsewhere), "--head", foreign).returncode == 1


def test_a_change_of_any_member_is_named(pack: Path, tmp_path: Path):
    members = members_of(pack)
    for number, (name, data) in enumerate(members.items()):
        edited = data.replace(b"2024", b"2023", 1) if b"2024" in data else data + b" "
        assert name in named(rewrite(pack, tmp_path / f"edited_{number}.zip", {**members, name: edited})), name
        without = {other: content for other, content in members.items() if other != name}
        assert name in named(rewrite(pack, tmp_path / f"without_{number}.zip", without)), name
    assert named(rewrite(pack, tmp_path / "added.zip", {**members, "notes.txt": b"x"})) == {"notes.txt"}
    assert named(rewrite(pack, tmp_path / "same.zip", members)) == set()


def test_an_edited_close_with_a_manifest_that_agrees_is_not_the_one_of_the_register(pack: Path, tmp_path: Path):
    members = members_of(pack)
    members["close.json"] = members["close.json"].replace(b"books closed", b"books opened")
    manifest = json.loads(members["manifest.json"])
    manifest["members"]["close.json"]["sha256"] = hashlib.sha256(members["close.json"]).hexdigest()
    members["manifest.json"] = json.dumps(manifest).encode()
    comment = hashlib.sha256(members["manifest.json"]).hexdigest().encode()
    assert named(rewrite(pack, tmp_path / "forged.zip", members, comment)) == {"close.json"}


def forge(pack: Path, target: Path, name: str, old: bytes, new: bytes) -> Path:
    """Write an archive in which a text of a member is another one, with a manifest and a comment that agree."""
    members = members_of(pack)
    assert old in members[name]
    members[name] = members[name].replace(old, new)
    manifest = json.loads(members["manifest.json"])
    if name != "manifest.json":
        manifest["members"][name] = {
            "sha256": hashlib.sha256(members[name]).hexdigest(),
            "bytes": len(members[name]),
        }
        members["manifest.json"] = json.dumps(manifest).encode()
    return rewrite(pack, target, members, hashlib.sha256(members["manifest.json"]).hexdigest().encode())


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("decisions.csv", b",closed,", b",reopened,"),
        ("decisions.csv", b"1000.00", b"9000.00"),
        ("raw_files.csv", b"transactions.csv", b"transactionz.csv"),
        ("close.json", b'"state": "green"', b'"state": "waived"'),
        ("manifest.json", b'"currency": "USD"', b'"currency": "EUR"'),
    ],
)
def test_what_the_register_or_the_signature_contradicts_is_named_although_the_manifest_agrees(
    pack: Path, tmp_path: Path, name: str, old: bytes, new: bytes
):
    assert named(forge(pack, tmp_path / "forged.zip", name, old, new)) == {name}


def test_the_hash_of_the_archive_is_printed_where_it_is_written_and_where_it_is_verified(home: Home, tmp_path: Path):
    """Figures that only the home has follow from nothing else in the pack."""
    written = home.command("report", "--audit", "2024-01", "--out", str(tmp_path))
    archive = tmp_path / "audit_pack_2024-01.zip"
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert f"SHA-256 of the archive, to be kept elsewhere: {sha256}\n" in written.stdout
    verified = home.command("verify", str(archive)).stdout
    assert f"compare with the one that `report --audit` printed: {sha256}\n" in verified


def test_a_pack_has_the_currency_that_was_signed_whatever_the_home_says_now(home: Home, pack: Path, tmp_path: Path):
    """A copy of a home may lack its .env, and figures in euros are no dollars."""
    written = home.command(
        "report", "--audit", "2024-01", "--out", str(tmp_path / "audit"), FINANCE_PLATFORM_CURRENCY="EUR"
    )
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "audit/audit_pack_2024-01.zip").read_bytes() == pack.read_bytes()
    signed = home.command(
        "report", "--as-of", "close:2024-01", "--out", str(tmp_path / "page"), FINANCE_PLATFORM_CURRENCY="EUR"
    )
    assert signed.returncode == 0, signed.stderr
    (page,) = (tmp_path / "page").glob("*.html")
    assert b"USD" in page.read_bytes()
    assert b"EUR" not in page.read_bytes()


def test_a_damaged_archive_is_named_and_no_error(pack: Path, tmp_path: Path):
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 0xFF
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(bytes(data))
    assert named(damaged)
    damaged.write_bytes(b"not an archive")
    assert named(damaged) == {"damaged.zip"}
    missing = Home(tmp_path).command("verify", str(tmp_path / "missing.zip"))
    assert (missing.returncode, "is not a file" in missing.stderr) == (2, True)


def test_the_pack_of_a_close_has_the_same_bytes_after_corrections_and_a_second_close(
    home: Home, pack: Path, refresh: Refresher, tmp_path: Path
):
    if current_profile().is_exhaustive:  # a refresh takes seconds; `test_as_of` shows the figures after corrections
        home.write("raw/transactions.csv", TRANSACTIONS.replace("1000.00", "1000.50"))
        refresh(home)
    assert home.command("reopen", "2024-01", "--why", "a late invoice").returncode == 0
    assert home.command("close", "2024-01", "--why", "again").returncode == 0
    assert write_pack(home, tmp_path / "first", "2024-01#1").read_bytes() == pack.read_bytes()
    if current_profile().is_exhaustive:
        second = write_pack(home, tmp_path / "second", "2024-01")
        assert (second.read_bytes() == pack.read_bytes(), named(second)) == (False, set())
    refused = home.command("report", "--audit", "2024-02")
    assert (refused.returncode, "no close of 2024-02 was signed" in refused.stderr) == (2, True)
    both = home.command("report", "--audit", "2024-01", "--period", "2024-01")
    assert (both.returncode, "only --out is allowed" in both.stderr) == (2, True)
