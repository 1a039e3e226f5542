"""A stand-in of AWS on 127.0.0.1: moto's server, quiet, with the environment that leads boto3 to it.

Belongs here: starting and stopping it, its address, credentials that nobody has; moto's known gaps, closed.
Does not belong here: faults (see `faults`), what runs against it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from finance_platform.storage.s3 import s3_client
from finance_platform.storage.s3_options import NO_OPTIONS
from finance_platform_tests.aws.faults import Faults

REGION = "eu-central-1"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class MotoServer:
    """A stand-in at work.

    Attributes:
        address: where it listens.
        faults: what it answers wrongly, on request.
    """

    address: str
    faults: Faults

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to take this for AWS."""
        return environment(self.address)

    def new_bucket(self) -> str:
        """Make an empty bucket and return its name; called in this environment."""
        name = f"bucket-{uuid4().hex[:12]}"
        s3_client(NO_OPTIONS).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name


def environment(address: str) -> dict[str, str]:
    """Return the variables that lead every client of AWS to an address, and to nothing of the developer's."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextlib.contextmanager
def moto_server(port: int = 0) -> Iterator[MotoServer]:
    """Run the stand-in until the end of the block.

    Args:
        port: on 127.0.0.1; any that is free unless given.
    """
    # A line for each request would bury what a test says.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    faults = Faults(_OneConditionAtATime(DomainDispatcherApplication(create_backend_app)))
    server = make_server("127.0.0.1", port, faults, threaded=True, request_handler=MotoRequestHandler)
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
    """Let boto3 in this process find these variables, and no credentials or addresses of the developer's."""
    _forget_clients_unless_made_in(variables)
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


_made_in: list[Mapping[str, str]] = [{}]


def _forget_clients_unless_made_in(variables: Mapping[str, str]) -> None:
    """Let the next client find its address and credentials anew, as those that were made keep theirs.

    To make one takes a tenth of a second, more than most tests of one.
    """
    if _made_in != [variables]:
        _made_in[:] = [dict(variables)]
        s3_client.cache_clear()
        boto3.DEFAULT_SESSION = None


class _OneConditionAtATime:
    """S3 decides between two conditional writes; moto looks and writes with time for another one in between."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._deciding = threading.Lock()

    def __call__(self, request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if request.keys() & {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"} and request["REQUEST_METHOD"] != "GET":
            with self._deciding:
                return list(self._application(request, start_response))
        return self._application(request, start_response)
