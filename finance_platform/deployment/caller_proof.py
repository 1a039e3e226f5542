"""Who calls a deployment: a request to AWS's Security Token Service (STS) that its caller signs and the task sends.

Belongs here: making the proof, checking it. Does not belong here: what a person may decide (see `deliveries`), choosing
how somebody is identified (see `cli.author`).

The caller signs GetCallerIdentity without sending it, so no credential leaves the caller's machine, and a task that
sends it gets the name of its signer. The signature covers the host, which is AWS's for the deployment's region whatever
the variables of the task say, and a header that binds it to one deployment and one command: an intercepted proof
repeats that command at most, within 15 minutes, and the register takes each proof once. Whoever starts a task chooses
its variables, and anybody can have an account of AWS: an answer of another server, or about a caller of another
account, proves nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError, create_parser
from botocore.utils import get_environ_proxies

from finance_platform.deployment.aws import Account, translate_aws_errors
from finance_platform.errors import DecisionError
from finance_platform.setting_sources import CALLER_PROOF

VARIABLE = CALLER_PROOF
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
_ARN = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::([0-9]{12}):[ -~]+")
_REPLY = re.compile(
    rb'\s*(?:<\?xml[^>]*\?>\s*)?<GetCallerIdentityResponse xmlns="https://sts\.amazonaws\.com/doc/2011-06-15/"\s*>'
)
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
    """Return who signed a proof; None if AWS's STS cannot be asked, so that it is not known.

    Args:
        account: the account and region of the deployment.
        proof: what `make_proof` returned.
        deployment: see `make_proof`.
        command: the arguments of this command.
        now: UTC.

    Raises:
        DecisionError: it is no such proof, is too old or too new, was made for something else, or by a caller of
            another account.
        DeploymentAccessError: the task's own account cannot be asked for.
    """
    values, signature = _validate(proof, now)
    client = account.client("sts")
    endpoint = client.meta.endpoint_url.rstrip("/")
    if not is_of_aws(endpoint, account.standard_endpoint("sts")):
        return None
    # What is sent is what was checked, whatever another parser would read in the text of the proof.
    url = f"{endpoint}/?{urlencode(values, quote_via=quote, safe='-_.~')}"
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
    arn = _parse_arn(reply, shape)
    if arn is None:
        raise DecisionError(
            f"{endpoint} does not answer as AWS's Security Token Service",
            fix="correct AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL",
        )
    own, number = account.fetch_number(), arn.split(":")[4]
    if number != own:
        raise DecisionError(
            f"{arn} is of the account {number}, and the deployment is in {own}",
            fix="give the command with a role or a user of the deployment's account",
        )
    return Caller(arn, signature)


def is_of_aws(endpoint: str, standard: str) -> bool:
    """Return whether an address of STS is AWS's: the standard one of the region, or an interface endpoint of a VPC.

    The name of an interface endpoint of another provider's service has `vpce-svc-` in place of `sts`.

    Args:
        endpoint: the address that is in force.
        standard: that of the region and partition, as botocore knows it.
    """
    if endpoint == standard:
        return standard.startswith("https://")
    name = re.escape(standard.removeprefix("https://")).split(r"\.")
    service, region, suffix = name[0], name[1], r"\.".join(name[2:])
    return bool(re.fullmatch(rf"https://vpce-[0-9a-z-]+\.{service}\.{region}\.vpce\.{suffix}", endpoint))


def _parse_arn(reply: dict[str, Any], shape: Any) -> str | None:
    """Return the name in an answer; None if it is no answer of STS to GetCallerIdentity."""
    try:
        parsed = create_parser("query").parse(reply, shape)
        arn, number = str(parsed["Arn"]), str(parsed["Account"])
    except (KeyError, ResponseParserError):
        return None
    found = _ARN.fullmatch(arn)
    return arn if _REPLY.match(reply["body"]) and found and found[1] == number else None


def _validate(proof: str, now: datetime) -> tuple[dict[str, str], str]:
    """Return the parameters and the identity of a proof whose form and age are as they should be."""
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
    except (ValueError, OverflowError):
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
    return values, hashlib.sha256(values["X-Amz-Signature"].encode()).hexdigest()[:32]


def _bind(deployment: str, command: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([deployment.rstrip("/"), *command]).encode()).hexdigest()
