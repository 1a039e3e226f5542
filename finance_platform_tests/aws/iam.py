"""IAM's decision on a request, for the roles of the template: moto answers every caller alike.

Belongs here: what a request of S3 needs, whether a role's policies allow it. Does not belong here: the policies (see
`policies`), which requests a command sends.

Of IAM's rules only those are here that the template uses: statements that allow, named resources with `*`, and the
condition on the prefix of a listing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

from finance_platform_tests.aws.policies import resolve_policies
from finance_platform_tests.aws.s3_faults import Request
from finance_platform_tests.aws.shipped_template import shipped_template

_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_PREFIX = "s3:prefix"


@dataclass(frozen=True)
class Needed:
    """One action that a request needs.

    Attributes:
        action: the action of IAM.
        resource: the ARN of what it acts on.
        prefix: of a listing, the prefix of the keys.
    """

    action: str
    resource: str
    prefix: str | None = None


@cache
def role_statements(role: str, *, rotates_passwords: bool = False) -> tuple[Mapping[str, Any], ...]:
    """Return the statements of the policies of one of the template's roles."""
    policies = resolve_policies(shipped_template(), rotates_passwords=rotates_passwords)
    found = (policy for policy in policies if policy.resource == role)
    return tuple(one for policy in found if not policy.is_trust for one in policy.document["Statement"])


def needed_for(requests: Iterable[Request], buckets: Mapping[str, str]) -> set[Needed]:
    """Return what requests to S3 need.

    Args:
        requests: of any service; those to others than S3 are left out.
        buckets: the name of each bucket in the template, by its name in the requests.
    """
    of_s3 = (one for one in requests if _service(one) == "s3")
    return {needed for one in of_s3 for needed in _needed(one, buckets)}


def refused(role: str, needed: Iterable[Needed]) -> list[Needed]:
    """Return those of some actions that a role of the template may not perform."""
    statements = role_statements(role)
    return sorted((one for one in needed if not any(_allows(it, one) for it in statements)), key=str)


def actions_of(role: str, *, rotates_passwords: bool = False) -> set[str]:
    """Return every action that a role of the template may perform on something."""
    statements = role_statements(role, rotates_passwords=rotates_passwords)
    return {action for one in statements for action in _texts(one["Action"])}


def _service(request: Request) -> str:
    match = _SERVICE.search(request.headers.get("authorization", ""))
    return match[1] if match else ""


def _needed(request: Request, buckets: Mapping[str, str]) -> Iterator[Needed]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    arn = f"arn:aws:s3:::{buckets.get(bucket, bucket).lower()}"
    query = parse_qs(request.query, keep_blank_values=True)
    if not key and request.method in {"GET", "HEAD"}:
        yield Needed("s3:ListBucket", arn, query.get("prefix", [""])[0])
    elif not key:
        assert (request.method, "delete" in query) == ("POST", True), request
        for element in ElementTree.fromstring(request.body).iter():  # noqa: S314  boto3's own document
            if element.tag.rpartition("}")[2] == "Key":
                yield Needed("s3:DeleteObject", f"{arn}/{element.text}")
    elif request.method == "DELETE":
        yield Needed("s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject", f"{arn}/{key}")
    elif request.method in {"PUT", "POST"}:
        yield Needed("s3:PutObject", f"{arn}/{key}")
        if "x-amz-object-lock-mode" in request.headers:
            yield Needed("s3:PutObjectRetention", f"{arn}/{key}")
    else:
        yield Needed("s3:GetObject", f"{arn}/{key}")


def _allows(statement: Mapping[str, Any], needed: Needed) -> bool:
    assert statement["Effect"] == "Allow", "no role of the template has a statement that denies"
    if needed.action not in _texts(statement["Action"]):
        return False
    if not any(fnmatchcase(needed.resource, pattern) for pattern in _texts(statement["Resource"])):
        return False
    condition = statement.get("Condition", {})
    assert set(condition) <= {"StringLike"}, condition
    patterns = _texts(condition.get("StringLike", {}).get(_PREFIX, "*"))
    return any(fnmatchcase(needed.prefix or "", pattern) for pattern in patterns)


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
