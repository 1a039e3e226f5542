"""A fake of AWS on 127.0.0.1: moto's server, without its log, and the environment in which boto3 uses it.

Belongs here: starting and stopping it, its address, fake credentials, fixes of moto's known gaps. Does not belong here:
faults (see `s3_faults`), the code that runs against it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import boto3
from botocore.hooks import EventAliaser
from botocore.loaders import JSONFileLoader, Loader
from botocore.utils import parse_to_aware_datetime
from moto.core import serialize
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from finance_platform.storage.s3 import s3_client
from finance_platform.storage.s3_options import NO_OPTIONS
from finance_platform_tests.aws.s3_faults import FaultInjector

REGION = "eu-central-1"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class MotoServer:
    """The running server.

    Attributes:
        address: its URL.
        faults: the wrong responses that a test asks for.
    """

    address: str
    faults: FaultInjector

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which a process uses this server as AWS."""
        return environment(self.address)

    def new_bucket(self) -> str:
        """Create an empty bucket and return its name; to be called in this environment."""
        name = f"bucket-{uuid4().hex[:12]}"
        s3_client(NO_OPTIONS).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name


def environment(address: str) -> dict[str, str]:
    """Return the variables that make every client of AWS use an address, and nothing of the developer's profile."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "fake-key",
        "AWS_SECRET_ACCESS_KEY": "fake-secret",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class _Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, which by itself lists moto's own folder for every request: half of a request's time."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._backends: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        if host not in self._backends:
            self._backends[host] = super().get_backend_for_host(host)
        return self._backends[host]

    def infer_service_region_host(self, environ: dict[str, Any], path: str) -> str | None:
        """Find the service of a signed address too, which moto takes for one of S3."""
        scope = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0].split("/")
        if "HTTP_AUTHORIZATION" not in environ and scope[-2:] == ["sts", "aws4_request"]:
            return f"sts.{scope[2]}.amazonaws.com"
        host: str | None = super().infer_service_region_host(environ, path)
        return host


def moto_application() -> Application:
    """Return moto as a WSGI application."""
    return _Dispatcher()


# In each list, moto parses the time of each object from text again: a third of the request's time.
setattr(serialize, "parse_to_aware_datetime", lru_cache(maxsize=10_000)(parse_to_aware_datetime))  # noqa: B010

# Each session of boto3 parses the description of each service again: a command has a session, and so do the tests. It
# took a quarter of the time of the tests of deployments.
_load_description = lru_cache(maxsize=None)(JSONFileLoader().load_file)
setattr(JSONFileLoader, "load_file", lambda _, path: _load_description(path))  # noqa: B010

# And it lists the folders of all four hundred services, and writes the old names of events anew: a fifth of that time.
_list_services, _create_aliases = Loader.list_available_services, EventAliaser.__init__
_services: dict[tuple[str, ...], list[str]] = {}
_new_names: dict[str, str] = {}


def _list_services_once(loader: Loader, type_name: str) -> list[str]:
    found = (type_name, *loader.search_paths)
    if found not in _services:
        _services[found] = _list_services(loader, type_name)
    return _services[found]


def _share_new_names(aliases: EventAliaser, *arguments: Any) -> None:
    _create_aliases(aliases, *arguments)
    if len(arguments) == 1:  # the names of every session
        setattr(aliases, "_alias_name_cache", _new_names)  # noqa: B010


setattr(Loader, "list_available_services", _list_services_once)  # noqa: B010
setattr(EventAliaser, "__init__", _share_new_names)  # noqa: B010


@contextlib.contextmanager
def moto_server() -> Iterator[MotoServer]:
    """Run the server until the end of the block."""
    # A line for each request would bury the output of a failed test.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    faults = FaultInjector(_SerialisedConditions(moto_application()))
    server = make_server("127.0.0.1", 0, faults, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="moto", daemon=True)
    thread.start()
    try:
        yield MotoServer(f"http://127.0.0.1:{server.server_port}", faults)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let boto3 in this process find these variables, and no credentials or addresses of the developer."""
    _discard_clients_of_another_environment(variables)
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


_environment_of_clients: list[Mapping[str, str]] = [{}]


def _discard_clients_of_another_environment(variables: Mapping[str, str]) -> None:
    """Discard the cached clients if they keep the address and credentials of another environment.

    Otherwise keep them: creating a client takes a tenth of a second, more than most of its tests.
    """
    if _environment_of_clients != [variables]:
        _environment_of_clients[:] = [dict(variables)]
        s3_client.cache_clear()
        boto3.DEFAULT_SESSION = None


class _SerialisedConditions:
    """Makes conditional writes atomic, as they are on S3; moto lets another write happen between check and write."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if request.keys() & {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"} and request["REQUEST_METHOD"] != "GET":
            with self._lock:
                return list(self._application(request, start_response))
        return self._application(request, start_response)
