import asyncio
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.wire_requests import ACCESS_KEY_ID, ORIGIN, SECRET, as_bytes, code_of, lookup

from strongroom.base.errors import AwsError
from strongroom.model.service import service_model
from strongroom.wire.http import Body, HttpRequest
from strongroom.wire.protocols import JSON_1_0, JSON_1_1, QUERY, RPC_CBOR
from strongroom.wire.route import Router
from strongroom.wire.sigv4 import Verifier

ROUTER = Router([service_model("kms"), service_model("sts")])
FORM = (b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")
JSON = (b"content-type", b"application/x-amz-json-1.1")
SIGNED_STS = (
    b"authorization",
    b"AWS4-HMAC-SHA256 Credential=A/20261124/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0",
)
ID = "0192e4c2-0000-7000-8000-000000000000"


def request(
    method: str = "POST",
    headers: list[tuple[bytes, bytes]] | None = None,
    body: bytes = b"",
    path: bytes = b"/",
    query: bytes = b"",
) -> HttpRequest:
    return HttpRequest(method, path, query, headers or [], ORIGIN, body)


def refused(sent: HttpRequest, body: bytes = b"") -> AwsError:
    with pytest.raises(AwsError) as refusal:
        ROUTER.route(sent, body)
    return refusal.value


def target(name: bytes) -> tuple[bytes, bytes]:
    return (b"x-amz-target", name)


def test_a_target_names_service_and_operation() -> None:
    route = ROUTER.route(request(headers=[JSON, target(b"TrentService.Encrypt")]), b"{}")
    assert route.service.name == "kms"
    assert route.operation.name == "Encrypt"
    assert route.protocol is JSON_1_1
    assert route.signing.service == "kms"


def test_a_target_with_and_without_its_package() -> None:
    router = Router([service_model("cloudtrail")])
    for name in (b"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", b"CloudTrail_20131101"):
        route = router.route(request(headers=[JSON, target(name + b".CreateTrail")]), b"{}")
        assert (route.service.name, route.operation.name) == ("cloudtrail", "CreateTrail")
    with pytest.raises(AwsError, match="UnknownOperationException"):
        router.route(request(headers=[JSON, target(b"v20131101.CloudTrail_20131101.CreateTrail")]), b"{}")


def test_a_client_may_speak_the_other_version_of_json() -> None:
    for content_type, protocol in (
        (b"application/x-amz-json-1.0", JSON_1_0),
        (b"Application/X-Amz-Json-1.1; charset=utf-8", JSON_1_1),
        (b"application/json", JSON_1_1),
    ):
        route = ROUTER.route(request(headers=[(b"content-type", content_type), target(b"TrentService.Encrypt")]), b"{}")
        assert route.protocol is protocol


@pytest.mark.parametrize("name", [b"TrentService.Fly", b"TrentService", b"", b"DynamoDB.PutItem", b"\xff.\xff"])
def test_an_unknown_target(name: bytes) -> None:
    error = refused(request(headers=[JSON, target(name)]))
    assert (error.code, error.status) == ("UnknownOperationException", 400)


def test_a_repeated_target_is_not_chosen_from() -> None:
    headers = [JSON, target(b"TrentService.ListKeys"), target(b"TrentService.ScheduleKeyDeletion")]
    assert refused(request(headers=headers)).code == "UnknownOperationException"


@pytest.mark.parametrize("content_type", [b"text/plain", FORM[1], b"application/cbor", b""])
def test_a_target_with_another_content_type(content_type: bytes) -> None:
    error = refused(request(headers=[(b"content-type", content_type), target(b"TrentService.Encrypt")]))
    assert (error.code, error.status) == ("UnknownOperationException", 404)


def test_a_target_needs_post() -> None:
    assert refused(request("GET", [JSON, target(b"TrentService.Encrypt")])).status == 404


@pytest.mark.parametrize("headers", [[FORM], [FORM, SIGNED_STS]])
def test_an_action_in_a_form(headers: list[tuple[bytes, bytes]]) -> None:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    route = ROUTER.route(request(headers=headers, body=body), body)
    assert (route.service.name, route.operation.name) == ("sts", "GetCallerIdentity")
    assert route.protocol is QUERY
    assert route.signing.service == "sts"


def test_an_action_in_the_query_string() -> None:
    route = ROUTER.route(request("GET", query=b"Version=2011-06-15&Action=GetCallerIdentity&X-Amz-Date=1"), b"")
    assert route.operation.name == "GetCallerIdentity"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"Action=Fly&Version=2011-06-15", "Could not find operation Fly for version 2011-06-15"),
        (b"Action=GetCallerIdentity", "Could not find operation GetCallerIdentity for version NO_VERSION_SPECIFIED"),
        (b"Action=GetCallerIdentity&Version=", "Could not find operation GetCallerIdentity for version "),
        (b"Action=&Version=2011-06-15", "Could not find operation  for version 2011-06-15"),
        (
            b"Action=Fly&Action=GetCallerIdentity&Version=2011-06-15",
            "Could not find operation Fly for version 2011-06-15",
        ),
        (b"Action=%ff&Version=%ff", "Could not find operation \ufffd for version \ufffd"),
    ],
)
def test_an_unknown_action(body: bytes, message: str) -> None:
    for headers in ([FORM], [FORM, SIGNED_STS]):
        error = refused(request(headers=headers, body=body), body)
        assert (error.code, error.status, error.message) == ("InvalidAction", 400, message)


def test_a_missing_action() -> None:
    assert refused(request(headers=[FORM], body=b"Version=2011-06-15"), b"Version=2011-06-15").code == "MissingAction"
    assert refused(request("GET", query=b"Version=2011-06-15")).code == "MissingAction"


def test_a_signature_for_another_service_does_not_find_the_action() -> None:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = [FORM, (SIGNED_STS[0], SIGNED_STS[1].replace(b"/sts/", b"/kms/"))]
    assert refused(request(headers=headers, body=body), body).code == "InvalidAction"


@pytest.mark.parametrize("spoken", [b"rpc-v2-cbor", b"rpc-v2-json", b""])
def test_a_service_that_does_not_speak_cbor_refuses_it_clearly(spoken: bytes) -> None:
    headers = [(b"content-type", b"application/cbor"), (b"smithy-protocol", spoken)]
    sent = request(headers=headers, path=b"/service/TrentService/operation/Encrypt")
    error = refused(sent)
    assert (error.code, error.status) == ("UnknownOperationException", 404)
    assert "rpc-v2-cbor" in error.message
    assert ROUTER.protocol_of(sent) is RPC_CBOR


@pytest.mark.parametrize(("method", "path"), [("GET", b"/"), ("PUT", b"/a/b"), ("DELETE", b"/"), ("POST", b"/x")])
def test_what_no_protocol_claims(method: str, path: bytes) -> None:
    sent = request(method, path=path)
    error = refused(sent)
    assert (error.code, error.status) == ("UnknownOperationException", 404)
    assert ROUTER.protocol_of(sent) is QUERY


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT", "\u00e9"]),
    st.binary(max_size=30),
    st.binary(max_size=60),
    st.lists(
        st.tuples(
            st.sampled_from([b"content-type", b"x-amz-target", b"authorization", b"host", b"smithy-protocol"]),
            st.binary(max_size=40) | st.sampled_from([FORM[1], JSON[1], SIGNED_STS[1], b"TrentService.Encrypt"]),
        ),
        max_size=4,
    ),
    st.binary(max_size=80),
)
def test_hostile_requests_raise_nothing_else(
    method: str, path: bytes, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    sent = HttpRequest(method, b"/" + path, query, headers, ORIGIN, body)

    def receive() -> None:
        route = ROUTER.route(sent, body)
        route.protocol.parse(route.operation, sent, body)
        Verifier().verify(sent, body, lookup, 0.0, route.signing)

    code = code_of(receive)
    assert code is not None
    assert ROUTER.protocol_of(sent).error(AwsError(code), None, ID).status == 400


class Answered:
    """A botocore client whose requests the wire reads, verifies and answers; what it read is kept."""

    def __init__(self, service: str, answer: dict[str, Any] | AwsError, *, token: str | None = None) -> None:
        self.client: Any = boto3.client(
            service,
            region_name="eu-central-1",
            endpoint_url="https://localhost:4567",
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.answer = answer
        self.seen: dict[str, Any] = {}
        self.client.meta.events.register("before-send.*.*", self.handle)

    def handle(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        from urllib.parse import urlsplit

        parts = urlsplit(request.url)
        headers = [(name.lower().encode(), as_bytes(value)) for name, value in request.headers.items()]
        # Where the AWS Common Runtime is installed, its signer has put it there already.
        if b"host" not in dict(headers):
            headers.append((b"host", parts.netloc.encode()))
        body = as_bytes(request.body or b"")
        sent = HttpRequest(request.method, parts.path.encode(), parts.query.encode(), headers, ORIGIN, body)
        route = ROUTER.route(sent, body)
        from time import time

        verified = Verifier().verify(sent, body, lookup, time(), route.signing)
        params = route.protocol.parse(route.operation, sent, body)
        route.operation.validate(params)
        self.seen = {
            "operation": route.operation.name,
            "protocol": route.protocol.name,
            "params": params,
            "region": verified.region,
            "content type": sent.header(b"content-type"),
        }
        if isinstance(self.answer, AwsError):
            response = route.protocol.error(self.answer, route.service, ID)
        else:
            response = route.protocol.answer(route.operation, self.answer, ID)
        raw = Raw(response.body if isinstance(response.body, bytes) else b"")
        told = {name.decode(): value.decode() for name, value in response.headers}
        return AWSResponse(request.url, response.status, told, raw)


class Raw:
    """What botocore reads an answer's body from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Any:
        yield self._body


def test_what_the_newest_kms_client_sends() -> None:
    answered = Answered("kms", {"CiphertextBlob": b"\x00cipher", "KeyId": "arn:aws:kms:eu-central-1:1:key/k"})
    answer = answered.client.encrypt(KeyId="alias/a", Plaintext=b"secret", EncryptionContext={"a": "\u00e9"})
    assert answer["CiphertextBlob"] == b"\x00cipher"
    assert answer["ResponseMetadata"]["RequestId"] == ID
    assert answered.seen == {
        "operation": "Encrypt",
        "protocol": "json-1.1",
        "params": {"KeyId": "alias/a", "Plaintext": b"secret", "EncryptionContext": {"a": "\u00e9"}},
        "region": "eu-central-1",
        "content type": b"application/x-amz-json-1.1",
    }


def test_what_the_newest_sts_client_sends() -> None:
    answered = Answered("sts", {"Account": "000000000000"}, token="a/session+token==")
    assert answered.client.get_caller_identity()["Account"] == "000000000000"
    assert answered.seen == {
        "operation": "GetCallerIdentity",
        "protocol": "query",
        "params": {},
        "region": "eu-central-1",
        "content type": b"application/x-www-form-urlencoded; charset=utf-8",
    }


def test_errors_become_the_clients_own_exceptions() -> None:
    answered = Answered("kms", AwsError("NotFoundException", "Key 'x' does not exist"))
    with pytest.raises(answered.client.exceptions.NotFoundException, match="Key 'x' does not exist"):
        answered.client.describe_key(KeyId="x")
    answered = Answered("sts", AwsError("MalformedPolicyDocument", "Syntax errors in policy."))
    with pytest.raises(answered.client.exceptions.MalformedPolicyDocumentException, match="Syntax errors"):
        answered.client.assume_role(RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="session")


def test_a_presigned_url_of_the_sts_client() -> None:
    from time import time
    from urllib.parse import urlsplit

    url = Answered("sts", {}).client.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    parts = urlsplit(url)
    sent = request("GET", [(b"host", parts.netloc.encode())], query=parts.query.encode())
    route = ROUTER.route(sent, b"")
    assert route.operation.name == "GetCallerIdentity"
    assert Verifier().verify(sent, b"", lookup, time(), route.signing).is_presigned
    assert route.protocol.parse(route.operation, sent, b"") == {}


class TestBody:
    @staticmethod
    async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    def test_a_body_is_read_whole_and_again(self) -> None:
        body = Body(self.chunks(b"ab", b"", b"cd"))

        async def read() -> list[bytes]:
            return [await body.read(4), await body.read(4)]

        assert asyncio.run(read()) == [b"abcd", b"abcd"]

    def test_a_body_may_be_read_in_chunks_once(self) -> None:
        body = Body(self.chunks(b"ab", b"cd"))

        async def read() -> list[bytes]:
            return [chunk async for chunk in body]

        assert asyncio.run(read()) == [b"ab", b"cd"]
        with pytest.raises(ValueError, match="read already"):
            asyncio.run(read())

    @pytest.mark.parametrize("whole", [True, False])
    def test_a_body_has_a_limit(self, whole: bool) -> None:
        body = Body(b"abcde" if whole else self.chunks(b"ab", b"cde"))
        with pytest.raises(AwsError) as refusal:
            asyncio.run(body.read(4))
        assert (refusal.value.code, refusal.value.status) == ("RequestEntityTooLargeException", 413)


def test_repeated_headers_are_joined() -> None:
    sent = request(headers=[(b"a", b"1 "), (b"b", b"2"), (b"a", b" 3")])
    assert sent.fields == {b"a": b"1,3", b"b": b"2"}
    assert sent.header(b"c") is None
