"""The proof of a caller's identity: AWS names who signed it, and it is good for one command in one deployment.

The server here stands for STS: it computes the signature again with botocore, from the host and the headers that it
received, as STS does. moto's answers to everybody.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from finance_platform.cli.author import identify_author
from finance_platform.deployment import caller_proof
from finance_platform.deployment.aws import Account
from finance_platform.deployment.caller_proof import VARIABLE, check_proof, make_proof
from finance_platform.errors import DecisionError
from finance_platform.settings import Settings
from finance_platform_tests.aws.moto_server import REGION, environment

ARN = "arn:aws:sts::123456789012:assumed-role/Controller/ada"
ZONE = "s3://processed/zone"
ACCEPT = ("accept", "held.csv", "--why", "as agreed")
REPLY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    f"<Arn>{ARN}</Arn><UserId>AROA:ada</UserId><Account>123456789012</Account></GetCallerIdentityResult>"
    "</GetCallerIdentityResponse>"
)


OWN = REPLY.replace("ada", "task")
REQUESTS: list[str] = []
REDIRECT: list[str] = []
AWS = "https://sts.eu-west-1.amazonaws.com"


class Sts(BaseHTTPRequestHandler):
    """Answers a request whose signature is that of the secret `fake-secret`."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(OWN.encode())

    def do_GET(self) -> None:
        REQUESTS.append(self.path)
        if REDIRECT:
            self.send_response(302)
            self.send_header("Location", REDIRECT[0])
            self.end_headers()
            return
        status = 200 if self._is_signed() else 403
        self.send_response(status)
        self.end_headers()
        self.wfile.write(REPLY.encode() if status == 200 else b"<ErrorResponse/>")

    def _is_signed(self) -> bool:
        sent = dict(parse_qsl(urlsplit(self.path).query))
        names = sent["X-Amz-SignedHeaders"].split(";")
        url = f"http://{self.headers['Host']}/?Action={sent['Action']}&Version={sent['Version']}"
        request = AWSRequest("GET", url, headers={name: self.headers[name] for name in names if name != "host"})
        request.context["timestamp"] = sent["X-Amz-Date"]
        auth = SigV4QueryAuth(Credentials("fake-key", "fake-secret"), "sts", REGION, int(sent["X-Amz-Expires"]))
        auth._modify_request_before_signing(request)
        text = auth.string_to_sign(request, auth.canonical_request(request))
        return bool(auth.signature(text, request) == sent["X-Amz-Signature"])

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account whose STS checks signatures."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in environment(f"http://127.0.0.1:{server.server_port}").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(caller_proof, "is_of_aws", lambda *_: True)  # the server stands for AWS's
    REQUESTS.clear()
    REDIRECT.clear()
    yield Account(REGION)
    server.shutdown()
    server.server_close()


def now() -> datetime:
    return datetime.now(UTC)


def changed(proof: str, **values: str) -> str:
    return urlencode({**dict(parse_qsl(proof)), **values})


def test_aws_names_who_signed_the_proof(account: Account):
    proof = make_proof(account, ZONE, ACCEPT)
    caller = check_proof(account, proof, f"{ZONE}/", ACCEPT, now=now())
    assert caller is not None
    assert caller.arn == ARN
    assert caller == check_proof(account, proof, ZONE, ACCEPT, now=now()), "the same proof has the same identity"


@pytest.mark.parametrize(
    ("deployment", "command"), [("s3://another/zone", ACCEPT), (ZONE, ("accept", "other.csv", "--why", "as agreed"))]
)
def test_a_proof_is_good_for_one_command_in_one_deployment(account: Account, deployment: str, command: tuple[str, ...]):
    proof = make_proof(account, ZONE, ACCEPT)
    with pytest.raises(DecisionError, match="made for another command or deployment"):
        check_proof(account, proof, deployment, command, now=now())


def test_a_proof_that_somebody_signed_with_another_secret_is_refused(account: Account, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    proof = make_proof(Account(REGION), ZONE, ACCEPT)
    with pytest.raises(DecisionError, match="AWS does not accept the proof of your identity"):
        check_proof(account, proof, ZONE, ACCEPT, now=now())


@pytest.mark.parametrize("age", [timedelta(minutes=16), timedelta(minutes=-6)])
def test_a_proof_is_valid_for_15_minutes(account: Account, age: timedelta):
    proof = make_proof(account, ZONE, ACCEPT)
    with pytest.raises(DecisionError, match="is valid for 15 minutes at most"):
        check_proof(account, proof, ZONE, ACCEPT, now=now() + age)


@pytest.mark.parametrize(
    "values",
    [
        {"Action": "AssumeRole"},
        {"RoleArn": "arn:aws:iam::123456789012:role/other"},
        {"X-Amz-SignedHeaders": "host"},
        {"X-Amz-Expires": "604800"},
        {"X-Amz-Date": "yesterday"},
        {"X-Amz-Signature": ""},
        {"X-Amz-Expires": "9" * 40},
        {"X-Amz-Expires": "-900"},
        {"x-amz-date": "20250101T000000Z"},
        {"Version": "2011-06-15\r\nHost: elsewhere"},
        {"X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256"},
    ],
)
def test_only_get_caller_identity_bound_and_short_lived_is_ever_sent(account: Account, values: dict[str, str]):
    proof = changed(make_proof(account, ZONE, ACCEPT), **values)
    with pytest.raises(DecisionError):
        check_proof(account, proof, ZONE, ACCEPT, now=now())
    twice = f"{make_proof(account, ZONE, ACCEPT)}&Action=AssumeRole"
    with pytest.raises(DecisionError, match="is not a signed request to GetCallerIdentity"):
        check_proof(account, twice, ZONE, ACCEPT, now=now())


def test_without_an_endpoint_of_sts_the_decision_is_unverified(account: Account, monkeypatch: pytest.MonkeyPatch):
    proof = make_proof(account, ZONE, ACCEPT)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert check_proof(Account(REGION), proof, ZONE, ACCEPT, now=now()) is None
    monkeypatch.setattr(sys, "argv", ["finance-platform", *ACCEPT])
    monkeypatch.setenv(VARIABLE, proof)
    author = identify_author(aws_settings(), "as agreed")
    assert (author.identified_by, author.proof) == ("", "")


@pytest.mark.parametrize(
    ("endpoint", "is_trusted"),
    [
        (AWS, True),
        ("https://vpce-0abc-1d.sts.eu-west-1.vpce.amazonaws.com", True),
        ("http://sts.eu-west-1.amazonaws.com", False),
        ("https://sts.eu-west-2.amazonaws.com", False),
        ("https://sts.eu-west-1.amazonaws.com.example.org", False),
        ("https://sts.eu-west-1.amazonaws.com@example.org", False),
        ("https://sts.eu-west-1.amazonaws.com:8443", False),
        ("https://stsXeu-west-1.amazonaws.com", False),
        ("https://vpce-0abc.vpce-svc-0def.eu-west-1.vpce.amazonaws.com", False),
        ("https://vpce-0abc.sts.eu-west-1.vpce.amazonaws.com/redirect", False),
        ("https://ada.execute-api.eu-west-1.amazonaws.com", False),
        ("https://127.0.0.1", False),
    ],
)
def test_only_aws_is_asked_who_signed(endpoint: str, is_trusted: bool):
    assert caller_proof.is_of_aws(endpoint, AWS) == is_trusted


def test_a_variable_of_the_task_cannot_name_the_server_that_says_who_somebody_is(monkeypatch: pytest.MonkeyPatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in environment(f"http://127.0.0.1:{server.server_port}").items():
        monkeypatch.setenv(name, value)
    REQUESTS.clear()
    account = Account(REGION)
    assert check_proof(account, make_proof(account, ZONE, ACCEPT), ZONE, ACCEPT, now=now()) is None
    assert REQUESTS == []
    assert account.standard_endpoint("sts") == f"https://sts.{REGION}.amazonaws.com"
    server.shutdown()
    server.server_close()


def test_a_redirect_is_not_followed(account: Account):
    proof = make_proof(account, ZONE, ACCEPT)
    REDIRECT.append("/elsewhere")
    with pytest.raises(DecisionError, match="HTTP status 302"):
        check_proof(account, proof, ZONE, ACCEPT, now=now())
    assert len(REQUESTS) == 1


def test_what_is_sent_is_what_was_checked(account: Account):
    proof = make_proof(account, ZONE, ACCEPT)
    for added in ("#&Action=AssumeRole", " HTTP/1.1", "%0d%0aX-Evil: 1"):
        with pytest.raises(DecisionError):
            check_proof(account, f"{proof}{added}", ZONE, ACCEPT, now=now())
    assert all("#" not in path and " " not in path and path.count("Action=") == 1 for path in REQUESTS)


def test_a_caller_of_another_account_is_refused(account: Account, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"{__name__}.OWN", OWN.replace("123456789012", "210987654321"))
    with pytest.raises(DecisionError, match="is of the account 123456789012, and the deployment is in 210987654321"):
        check_proof(account, make_proof(account, ZONE, ACCEPT), ZONE, ACCEPT, now=now())


@pytest.mark.parametrize(
    "body",
    [
        "<html>Welcome</html>",
        "no XML at all",
        REPLY.replace("GetCallerIdentityResponse", "Response"),
        REPLY.replace("https://sts.amazonaws.com/doc/2011-06-15/", "https://example.org/"),
        REPLY.replace(ARN, "ada"),
        REPLY.replace(ARN, f"{ARN}\n(approved)"),
        REPLY.replace("<Account>123456789012", "<Account>000000000000"),
    ],
)
def test_a_server_that_is_not_sts_is_not_believed(account: Account, monkeypatch: pytest.MonkeyPatch, body: str):
    monkeypatch.setattr(f"{__name__}.REPLY", body)
    with pytest.raises(DecisionError, match="does not answer as AWS's Security Token Service"):
        check_proof(account, make_proof(account, ZONE, ACCEPT), ZONE, ACCEPT, now=now())


@pytest.mark.parametrize("is_passed", [True, False])
def test_a_command_on_aws_is_given_by_the_caller_that_aws_names(
    account: Account, monkeypatch: pytest.MonkeyPatch, is_passed: bool
):
    monkeypatch.setattr(sys, "argv", ["finance-platform", *ACCEPT])
    if is_passed:
        monkeypatch.setenv(VARIABLE, make_proof(account, ZONE, ACCEPT))
    author = identify_author(aws_settings(), "as agreed")
    assert (author.who, author.identified_by, author.needs_approval) == (ARN, "sts", True)
    assert author.proof


def aws_settings() -> Settings:
    return Settings(
        profile="aws",
        raw_uri="s3://raw",
        processed_uri=ZONE,
        scripts_uri="s3://scripts",
        redshift_workgroup="finance",
        redshift_copy_role_arn="arn:aws:iam::123456789012:role/copy",
        aws_region=REGION,
        approvals="two",
    )
