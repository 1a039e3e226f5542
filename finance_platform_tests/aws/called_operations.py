"""The operations of AWS that source code calls, read from its syntax trees.

Belongs here: finding calls of clients, the actions of IAM that an operation needs. Does not belong here: roles.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import boto3
from botocore import xform_name

CLIENTS = frozenset({"client", "s3", "glue", "queue", "sqs", "ecs", "logs_client", "secrets_manager", "s3_session"})
"""What variables with a client are called, without underscores before it; so are functions that return one."""

_TRANSFERS = {"upload_fileobj": "put_object", "download_fileobj": "get_object"}
_ACTIONS = {
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:ListObjects": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:DeleteObjects": ("s3:DeleteObject",),
    "sqs:DeleteMessageBatch": ("sqs:DeleteMessage",),
}
"""The actions whose names differ from that of the operation (*Service Authorization Reference*)."""


def called_operations(
    files: Iterable[Path], services: frozenset[str], functions: frozenset[str] | None = None
) -> set[str]:
    """Return the operations that files call, as `service:Operation`.

    Args:
        files: of Python.
        services: the services whose clients they have, by the names of boto3.
        functions: the functions to look at; None for all that there is.
    """
    found: set[str] = set()
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for part in _functions(tree, functions) if functions is not None else [tree]:
            found |= {operation for method in _methods(part) for operation in _operations(services).get(method, ())}
    return found


def actions_for(operations: Iterable[str]) -> set[str]:
    """Return the actions of IAM that operations need."""
    return {action for one in operations for action in _ACTIONS.get(one, (one,))}


def called_functions(file: Path, entry: str) -> frozenset[str]:
    """Return the functions of a module that one of them calls, and those that they call."""
    functions = {one.name: one for one in ast.parse(file.read_text("utf-8")).body if isinstance(one, ast.FunctionDef)}
    found, waiting = set[str](), [entry]
    while waiting:
        name = waiting.pop()
        if name in functions and name not in found:
            found.add(name)
            waiting += [node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)]
    return frozenset(found)


def _functions(tree: ast.Module, names: frozenset[str]) -> Iterator[ast.AST]:
    return (one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name in names)


def _methods(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_client(node.value):
            yield _TRANSFERS.get(node.attr, node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_paginator":
            yield from (one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _is_client(node: ast.expr) -> bool:
    function = node.func if isinstance(node, ast.Call) else node
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    return name.lstrip("_") in CLIENTS


@cache
def _operations(services: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return each service's operations by the name of boto3's method."""
    session = boto3.session.Session(region_name="eu-central-1")
    found: dict[str, tuple[str, ...]] = {}
    for service in sorted(services):
        for operation in session.client(service).meta.service_model.operation_names:
            name = xform_name(operation)
            found[name] = (*found.get(name, ()), f"{service}:{operation}")
    return found
