"""The processes of `finance-platform ui`: code location, webserver and daemon, as `dagster dev` starts them.

Belongs here: their commands and their environment. Does not belong here: watching them (see `supervisor`).

`dagster dev` starts a webserver without a guard, and takes no other.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import yaml
from dotenv import dotenv_values

from finance_platform.errors import SettingsError
from finance_platform.orchestration.code_location import LOCATION, MODULE
from finance_platform.orchestration.webserver.guard import KnownOrigin
from finance_platform.orchestration.webserver.supervisor import Supervisor
from finance_platform.setting_sources import ENV_PREFIX
from finance_platform.settings import Settings, environment_files

# Runs log to the terminal at every level. The results of sensor ticks are in the UI.
_LOG_LEVEL = ["--log-level", "warning"]
# The path of a Unix socket has at most 104 bytes on macOS, which a long TMPDIR would exceed.
_MAX_FOLDER_LENGTH = 70
_TARGETS = frozenset(
    f"DAGSTER_{name}"
    for name in (
        *("ATTRIBUTE", "AUTOLOAD_DEFS_MODULE_NAME", "MODULE_NAME"),
        *("PACKAGE_NAME", "PYTHON_FILE", "WORKING_DIRECTORY"),
    )
)
"""Variables that name code to Dagster's commands, as `bin/activate` of a checkout does; here the workspace names it."""

_PATHS = ("raw_uri", "processed_uri", "warehouse_uri", "reports_uri")
"""Settings that may be paths of the current folder."""


def run_ui(settings: Settings, listener: socket.socket, lock: int, *, auto_refresh: bool) -> None:
    """Run the UI of a home until Ctrl-C or SIGTERM.

    Args:
        settings: the home; Dagster's folder in it exists.
        listener: where the webserver accepts connections.
        lock: the file descriptor of the UI's lock, which is held until no process is left.
        auto_refresh: whether new sensors start switched on.

    Raises:
        SettingsError: the address of the UI has no valid host.
        UiStoppedError: one of the processes has ended by itself.
    """
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    environment = _environment(settings, address, auto_refresh=auto_refresh)
    known = [KnownOrigin.of(address), _origin_of_links(settings)]
    parent = tempfile.gettempdir()
    folder = tempfile.TemporaryDirectory(
        prefix="finance-platform-ui-",
        dir=parent if len(parent) < _MAX_FOLDER_LENGTH else "/tmp",  # noqa: S108
    )
    # Dagster lets a `.env` of the current folder win over the environment, even over the home: there is none here.
    with folder as path, Supervisor(keep_open=[lock], folder=Path(path)) as supervisor:
        code_socket, workspace = Path(path) / "code.sock", Path(path) / "workspace.yaml"
        workspace.write_text(_workspace(code_socket), encoding="utf-8")
        supervisor.start("code location", _code_location(code_socket), environment)
        # Otherwise the UI would show the location as failed until its next attempt.
        if not supervisor.wait_until(lambda: _accepts_connections(code_socket)):
            return
        descriptor = listener.fileno()
        supervisor.start("webserver", _webserver(workspace, descriptor, known), environment, pass_fds=[descriptor])
        listener.close()
        supervisor.start("daemon", ["-m", "dagster._daemon", "run", "-w", str(workspace), *_LOG_LEVEL], environment)
        supervisor.wait_until(lambda: False)


def _environment(settings: Settings, address: str, *, auto_refresh: bool) -> dict[str, str]:
    """Return the variables of all processes: those of this one, and what it has read from `.env` files."""
    of_files = {
        name: value
        for file in environment_files(settings.home_path)
        for name, value in dotenv_values(file).items()
        if value is not None
    }
    # The processes run in another folder.
    paths = {name: str(getattr(settings, name)) for name in _PATHS}
    absolute = {
        f"{ENV_PREFIX}{name.upper()}": str(Path(value).absolute())
        for name, value in paths.items()
        if value and "://" not in value
    }
    inherited = {name: value for name, value in {**of_files, **os.environ}.items() if name not in _TARGETS}
    return {
        f"{ENV_PREFIX}UI_URL": address,
        **inherited,
        **absolute,
        f"{ENV_PREFIX}HOME": str(settings.home_path),
        f"{ENV_PREFIX}AUTO_REFRESH": str(auto_refresh).lower(),
        "DAGSTER_HOME": str(settings.dagster_home),
        # As `dagster dev` does: a descriptor that is not valid is reported once, without the frames of Dagster itself.
        "DAGSTER_IS_DEV_CLI": "1",
    }


def _origin_of_links(settings: Settings) -> KnownOrigin:
    """Return the origin of the links in alerts, which is that of a proxy if one is in front of the UI."""
    try:
        return KnownOrigin.of(settings.ui_url)
    except ValueError as error:
        # Without the address, which may contain a password.
        raise SettingsError(f"{ENV_PREFIX}UI_URL: {error}", fix="correct it, or unset it") from None


def _workspace(code_socket: Path) -> str:
    server = {
        "socket": str(code_socket),
        "location_name": LOCATION,
        "additional_metadata": {"module_name": MODULE},
    }
    return yaml.safe_dump({"load_from": [{"grpc_server": server}]})


def _code_location(code_socket: Path) -> list[str]:
    # A code server starts its own process again when a person clicks on "Reload definitions".
    arguments = ["-m", "dagster", "code-server", "start", "-m", MODULE, "--socket", str(code_socket)]
    return [*arguments, "--location-name", LOCATION, "--inject-env-vars-from-instance", *_LOG_LEVEL]


def _webserver(workspace: Path, descriptor: int, known: Sequence[KnownOrigin]) -> list[str]:
    arguments = ["-m", "finance_platform.cli", "webserver", "--workspace", str(workspace), "--fd", str(descriptor)]
    arguments.append("--reports")
    return [*arguments, *(word for origin in known for word in ("--origin", str(origin)))]


def _accepts_connections(code_socket: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        return probe.connect_ex(str(code_socket)) == 0
