"""Speaking to AWS when the platform is deployed: clients, and what AWS says when it refuses.

Belongs here: boto3, and the one place where its errors get words. Does not belong here: what is asked of a service.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from finance_platform.errors import DeploymentAccessError, DeploymentError

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_FORBIDDEN = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
_UNKNOWN = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"})


class Account:
    """An account of AWS in one region, as whoever runs the command.

    Attributes:
        poll_seconds: how long to wait before asking again how something that takes minutes stands.
    """

    poll_seconds = 4.0

    def __init__(self, region: str = "") -> None:
        import boto3

        with explained("finding the region"):
            self._session = boto3.Session(region_name=region or None)
        if not self._session.region_name:
            raise DeploymentAccessError("no region is set", fix="give --region, or set AWS_DEFAULT_REGION")

    @property
    def region(self) -> str:
        """The region that everything is done in."""
        return str(self._session.region_name)

    def client(self, service: str) -> Any:
        """Return a client; throttled calls are repeated with patience."""
        from botocore.config import Config

        with explained(f"speaking to {service}"):
            return self._session.client(service, config=Config(retries={"mode": "adaptive", "max_attempts": 8}))

    def number(self) -> str:
        """Return the account's number.

        Raises:
            DeploymentAccessError: there are no credentials, or they are not good.
        """
        with explained("asking AWS who you are"):
            return str(self.client("sts").get_caller_identity()["Account"])


@contextmanager
def explained(attempted: str) -> Iterator[None]:
    """Give AWS's refusals words.

    Raises:
        DeploymentAccessError: credentials are missing, expired, unknown, or not enough.
        DeploymentError: AWS refused for another reason, or cannot be reached.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        code, message = said.get("Code", ""), said.get("Message", "")
        told = f"{attempted}: {code}: {message}"
        if code in _EXPIRED:
            raise DeploymentAccessError(told, fix="renew your credentials (aws sso login), then run again") from error
        if code in _UNKNOWN:
            raise DeploymentAccessError(told, fix="check AWS_PROFILE and the keys: AWS does not know them") from error
        if code in _FORBIDDEN:
            raise DeploymentAccessError(told, fix="ask for the rights that docs/deploy.md lists") from error
        raise DeploymentError(
            told, fix="mend what AWS names, then run again: what is done is not done twice"
        ) from error
    except (NoCredentialsError, ProfileNotFound) as error:
        raise DeploymentAccessError(
            f"{attempted}: {error}", fix="log in to AWS (aws sso login, or aws configure), or set AWS_PROFILE"
        ) from error
    except BotoCoreError as error:
        raise DeploymentError(f"{attempted}: {error}", fix="check the region and the way to AWS, run again") from error
