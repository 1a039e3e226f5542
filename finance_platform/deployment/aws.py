"""The AWS account that is deployed to: its clients, and the translation of AWS's errors.

Belongs here: boto3, and the one mapping of its errors to this platform's. Does not belong here: calls to a service.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from finance_platform.errors import DeploymentAccessError, DeploymentError
from finance_platform.storage.s3_errors import EXPIRED_CODES

_FORBIDDEN = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
_UNKNOWN = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"})
_LOGGED_OUT = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
    boto.SSOError,
    boto.TokenRetrievalError,
)


class Account:
    """An AWS account in one region, with the credentials that boto3 finds.

    Attributes:
        poll_seconds: the wait between two polls of an operation that takes minutes.
    """

    poll_seconds = 4.0

    def __init__(self, region: str = "") -> None:
        with translate_aws_errors("reading the configuration of AWS"):
            self._session = boto3.Session(region_name=region or None)
        if not self._session.region_name:
            raise DeploymentAccessError("no region is set", fix="give --region, or set AWS_DEFAULT_REGION")

    @property
    def region(self) -> str:
        """The region of the deployment."""
        return str(self._session.region_name)

    def client(self, service: str) -> Any:
        """Return a client that retries throttled calls."""
        with translate_aws_errors(f"creating a client of {service}"):
            return self._session.client(service, config=Config(retries={"mode": "adaptive", "max_attempts": 8}))

    def standard_endpoint(self, service: str) -> str:
        """Return the address of a service in the region, whatever variables and files of the process say."""
        with translate_aws_errors(f"creating a client of {service}"):
            client = self._session.client(service, config=Config(ignore_configured_endpoint_urls=True))
        return str(client.meta.endpoint_url).rstrip("/")

    @property
    def is_of_a_container(self) -> bool:
        """Whether the credentials are those of a task's role, so that they say nothing about a person."""
        with translate_aws_errors("finding credentials"):
            credentials = self._session.get_credentials()
        return credentials is not None and credentials.method == "container-role"

    def fetch_number(self) -> str:
        """Return the account's number.

        Raises:
            DeploymentAccessError: the credentials are missing or not valid.
        """
        with translate_aws_errors("identifying the account"):
            return str(self.client("sts").get_caller_identity()["Account"])


@contextmanager
def translate_aws_errors(attempted: str) -> Iterator[None]:
    """Turn boto3's errors into this platform's.

    Args:
        attempted: the call in words, such as "creating the stack finance"; the message begins with it.

    Raises:
        DeploymentAccessError: credentials are missing, expired, unknown, or lack a permission.
        DeploymentError: AWS rejected the call for another reason, or is unreachable.
    """
    try:
        yield
    except boto.ClientError as error:
        details = error.response.get("Error", {})
        code = details.get("Code", "")
        message = f"{attempted}: {code}: {details.get('Message', '')}"
        if code in EXPIRED_CODES:
            raise DeploymentAccessError(
                message, fix="renew your credentials (aws sso login), then run again"
            ) from error
        if code in _UNKNOWN:
            raise DeploymentAccessError(
                message, fix="check AWS_PROFILE and the keys: AWS does not know them"
            ) from error
        if code in _FORBIDDEN:
            raise DeploymentAccessError(message, fix="ask for the rights that docs/deploy.md lists") from error
        raise DeploymentError(
            message, fix="fix the cause that AWS names, then run again: completed steps are not repeated"
        ) from error
    except _LOGGED_OUT as error:
        raise DeploymentAccessError(
            f"{attempted}: {error}", fix="log in to AWS (aws sso login, or aws configure), or set AWS_PROFILE"
        ) from error
    except boto.BotoCoreError as error:
        raise DeploymentError(
            f"{attempted}: {error}", fix="check the region and the connection to AWS, then run again"
        ) from error
