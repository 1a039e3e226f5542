"""Who calls a deployment: a request to AWS's Security Token Service (STS) that its caller signs and the task sends.

Belongs here: making the proof, checking it. Does not belong here: what a person may decide (see `deliveries`), choosing
how somebody is identified (see `cli.author`).

The caller signs GetCallerIdentity without sending it, so no credential leaves the caller's machine, and a task that
sends it gets the name of its signer. The signature covers the host, which the task chooses itself, and a header
that binds it to one deployment and one command: an intercepted proof repeats that command at most, within 15 minutes,
and the register takes each proof once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError, create_parser
from botocore.utils import get_environ_proxies

from finance_platform.deployment.aws import Account, translate_aws_errors
from finance_platform.errors import DecisionError

VARIABLE = "FINANCE_PLATFORM_CALLER_PROOF"
"""The variable in which a task gets the proof; its content says nothing that is not checked."""

_HEADER = "x-finance-platform-command"
_LIFETIME = timedelta(minutes=15)
_CLOCK_DIFFERENCE = timedelta(minutes=5)
_FIXED = {"Action": "GetCallerIdentity", "Version": "2011-06-15", "X-Amz-Algorithm": "AWS4-HMAC-SHA256"}
_PARAMETERS = frozenset(
    {
        *_FIXED,
        *("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"),
        "X-Amz-Security-Token",
    }
)
_TIMEOUT_SECONDS = 10
_GIVE_AGAIN = "give the command again through `finance-platform remote`"


@dataclass(frozen=True)
class Caller:
    """A caller that AWS has named.

    Attributes:
        arn: its Amazon Resource Name; of a role it has the name of the session.
        proof: identity of the proof.
    """

    arn: str
    proof: str


def make_proof(account: Account, deployment: str, command: Sequence[str]) -> str:
    """Return a proof of the identity of the caller, for one command in one deployment.

    Args:
        account: the caller's account and credentials.
        deployment: the address of the deployment's processed zone.
        command: the arguments of `finance-platform`.

    Raises:
        DeploymentAccessError: there are no credentials.
    """
    client = account.client("sts")
    binding = _bind(deployment, command)

    def add_header(request: Any, **_: Any) -> None:
        request.headers[_HEADER] = binding

    client.meta.events.register("before-sign.sts.GetCallerIdentity", add_header)
    with translate_aws_errors("signing a request that proves who you are"):
        url = client.generate_presigned_url(
            "get_caller_identity", Params={}, ExpiresIn=int(_LIFETIME.total_seconds()), HttpMethod="GET"
        )
    return str(urlsplit(url).query)


def check_proof(
    account: Account, proof: str, deployment: str, command: Sequence[str], *, now: datetime
) -> Caller | None:
    """Return who signed a proof; None if STS cannot be reached, so that it is not known.

    Args:
        account: the account and region of the deployment.
        proof: what `make_proof` returned.
        deployment: see `make_proof`.
        command: the arguments of this command.
        now: UTC.

    Raises:
        DecisionError: it is no such proof, is too old or too new, or was made for something else.
    """
    signature = _validate(proof, now)
    client = account.client("sts")
    url = f"{client.meta.endpoint_url.rstrip('/')}/?{proof}"
    request = AWSRequest("GET", url, headers={_HEADER: _bind(deployment, command)})
    try:
        # No redirect is followed.
        response = URLLib3Session(timeout=_TIMEOUT_SECONDS, proxies=get_environ_proxies(url)).send(request.prepare())
    except BotoCoreError:
        return None
    if response.status_code >= 500:
        return None
    if response.status_code != 200:
        raise DecisionError(
            "AWS does not accept the proof of your identity: it was made for another command or deployment, or its "
            f"credentials have ended (HTTP status {response.status_code})",
            fix=_GIVE_AGAIN,
        )
    shape = client.meta.service_model.operation_model("GetCallerIdentity").output_shape
    reply = {"body": response.content, "headers": dict(response.headers), "status_code": response.status_code}
    try:
        arn = str(create_parser("query").parse(reply, shape)["Arn"])
    except (KeyError, ResponseParserError):
        raise DecisionError(
            f"{client.meta.endpoint_url} does not answer as AWS's Security Token Service",
            fix="correct AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL",
        ) from None
    return Caller(arn, signature)


def _validate(proof: str, now: datetime) -> str:
    """Return the identity of a proof whose form and age are as they should be."""
    pairs = parse_qsl(proof, keep_blank_values=True)
    values = dict(pairs)
    is_of_form = (
        len(values) == len(pairs)
        and values.keys() <= _PARAMETERS
        and all(values.get(name) == value for name, value in _FIXED.items())
        and values.get("X-Amz-SignedHeaders") == f"host;{_HEADER}"
        and bool(values.get("X-Amz-Signature"))
    )
    try:
        signed_at = datetime.strptime(values.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        lifetime = timedelta(seconds=int(values.get("X-Amz-Expires", "")))
    except ValueError:
        is_of_form = False
    if not is_of_form:
        raise DecisionError(
            f"the proof of your identity in {VARIABLE} is not a signed request to GetCallerIdentity", fix=_GIVE_AGAIN
        )
    age = now - signed_at
    if not (lifetime <= _LIFETIME and -_CLOCK_DIFFERENCE <= age <= lifetime):
        raise DecisionError(
            f"the proof of your identity was made at {signed_at:%H:%M:%S} UTC, and is valid for 15 minutes at most",
            fix=_GIVE_AGAIN,
        )
    return hashlib.sha256(values["X-Amz-Signature"].encode()).hexdigest()[:32]


def _bind(deployment: str, command: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([deployment.rstrip("/"), *command]).encode()).hexdigest()
