"""The platform's parser of S3's lists against botocore's own."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.storage.s3_list_response import parse_lists_quickly

_KEYS = ("Key", "LastModified", "ETag", "Size")
_CLIENT: dict[str, Any] = {
    "config": Config(retries={"total_max_attempts": 1}),
    "region_name": "eu-central-1",
    "endpoint_url": "http://127.0.0.1:1",
    "aws_access_key_id": "x",
    "aws_secret_access_key": "x",
}


class _Raw:
    """The body of a response, as urllib3 gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> list[bytes]:
        return [self._body]


class _Answers:
    """Two clients, botocore's own and the platform's, to whose requests the given response is sent."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.own, self.quick = (boto3.session.Session().client("s3", **_CLIENT) for _ in range(2))
        parse_lists_quickly(self.quick)
        for client in (self.own, self.quick):
            client.meta.events.register("before-send.s3.ListObjectsV2", self._send)

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, self.status, {"Content-Type": "application/xml"}, _Raw(self.body))

    def both(self) -> tuple[dict[str, Any], dict[str, Any]]:
        own, quick = (_without_more(client.list_objects_v2(Bucket="b")) for client in (self.own, self.quick))
        return own, quick


def _without_more(page: Mapping[str, Any]) -> dict[str, Any]:
    contents = [{name: entry[name] for name in _KEYS} for entry in page.get("Contents", ())]
    return {**page, **({"Contents": contents} if contents else {}), "ResponseMetadata": None}


@pytest.fixture(scope="module")
def answers() -> _Answers:
    return _Answers()


def _page(
    keys: list[str], *, namespace: str = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', more: str = ""
) -> bytes:
    contents = "".join(
        f"<Contents><Key>{escape(quote(key))}</Key><LastModified>2026-11-27T0{number % 9}:26:39.000Z</LastModified>"
        f"<ETag>&quot;{number:032x}&quot;</ETag><ChecksumAlgorithm>CRC32</ChecksumAlgorithm><Size>{number}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for number, key in enumerate(keys)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult{namespace}><Name>b</Name><Prefix></Prefix>'
        f"<KeyCount>{len(keys)}</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>{contents}{more}"
        "</ListBucketResult>"
    ).encode()


@given(keys=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12), max_size=4))
def test_a_page_is_what_botocore_makes_of_it(answers: _Answers, keys: list[str]) -> None:
    answers.status = 200
    answers.body = _page(keys, more="<IsTruncated>true</IsTruncated><NextContinuationToken>a b</NextContinuationToken>")
    own, quick = answers.both()
    assert quick == own
    assert [entry["Key"] for entry in quick.get("Contents", ())] == keys


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(_page(["a", "b/c"], namespace=""), id="without a namespace"),
        pytest.param(
            _page(["a"], more="<IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"),
            id="with folders",
        ),
        pytest.param(_page([]), id="without objects"),
        pytest.param(_page(["a"]).replace(b":39.000Z", b":39+02:00"), id="with a time of another form"),
    ],
)
def test_what_other_servers_answer_is_what_botocore_makes_of_it(answers: _Answers, body: bytes) -> None:
    answers.status, answers.body = 200, body
    own, quick = answers.both()
    assert quick == own


def test_an_error_is_that_of_botocore(answers: _Answers) -> None:
    answers.status, answers.body = 404, b"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>"
    with pytest.raises(ClientError, match="NoSuchBucket"):
        answers.quick.list_objects_v2(Bucket="b")


def test_a_response_that_was_cut_off_is_an_error_of_botocore(answers: _Answers) -> None:
    answers.status, answers.body = 200, _page(["a", "b"])[:-40]
    with pytest.raises(ClientError, match="500"):
        answers.quick.list_objects_v2(Bucket="b")
