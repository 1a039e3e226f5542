"""Which failures are tried once more: one fault of third-party software, and no other.

Belongs here: the pattern in `pyproject.toml` and that the workers of the session apply it. Does not belong here: faults
of the product, which are never tried again by a test.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_rerunfailures import ServerStatusDB, StatusDB

from finance_platform_tests.profiles import at_night

TESTS = '''
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

ATTEMPTS = []


class SparkConnectGrpcException(Exception):
    """As PySpark names it; importing PySpark takes a second."""


def ask(respond, parse):
    """Ask a server as PySpark does, and raise what PySpark raises."""
    server = grpc.server(ThreadPoolExecutor(1))
    handler = grpc.unary_unary_rpc_method_handler(respond)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("spark", {"ask": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            channel.unary_unary("/spark/ask", response_deserializer=parse)(b"")
    except grpc.RpcError as error:
        raise SparkConnectGrpcException(str(error)) from None
    finally:
        server.stop(None)


def answer(request, context):
    return b"rows"


def fail(request, context):
    context.abort(grpc.StatusCode.INTERNAL, "the server failed")


def test_an_answer_that_cannot_be_parsed_once(request):
    ATTEMPTS.append(request.node.name)
    if ATTEMPTS.count(request.node.name) == 1:
        ask(answer, lambda content: 1 / 0)


def test_an_answer_that_cannot_be_parsed_twice():
    ask(answer, lambda content: 1 / 0)


def test_another_error_of_the_server(request):
    ATTEMPTS.append(request.node.name)
    if ATTEMPTS.count(request.node.name) == 1:
        ask(fail, bytes)


def test_an_assertion_with_the_same_text(request):
    ATTEMPTS.append(request.node.name)
    assert ATTEMPTS.count(request.node.name) > 1, "Exception deserializing response!"
'''


@at_night("it tests the tests, in processes of their own")
def test_only_an_answer_that_grpc_cannot_parse_is_asked_for_once_more(pytestconfig: pytest.Config, tmp_path: Path):
    (tmp_path / "test_attempts.py").write_text(TESTS)
    arguments = ["-c", pytestconfig.inipath, "--rootdir", tmp_path, "-n", "1", "-p", "no:cacheprovider", tmp_path]

    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )

    assert finished.returncode == 1, finished.stdout + finished.stderr
    outcomes = re.findall(r"^(RERUN|FAILED) test_attempts\.py::(\w+)", finished.stdout, re.MULTILINE)
    assert set(outcomes) == {
        ("RERUN", "test_an_answer_that_cannot_be_parsed_once"),
        ("RERUN", "test_an_answer_that_cannot_be_parsed_twice"),
        ("FAILED", "test_an_answer_that_cannot_be_parsed_twice"),
        ("FAILED", "test_another_error_of_the_server"),
        ("FAILED", "test_an_assertion_with_the_same_text"),
    }
    assert "3 failed, 1 passed, 2 rerun" in finished.stdout


def test_a_worker_asks_the_controller_nothing_for_a_test(request: pytest.FixtureRequest):
    assert type(request.config.failures_db) in {StatusDB, ServerStatusDB}  # type: ignore[attr-defined]
