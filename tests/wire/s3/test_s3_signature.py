"""What botocore signs for S3 is let in; what somebody changed, or did not sign, is refused in S3's words."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.s3.s3_requests import from_host
from tests.wire.tampering import changed, with_header, with_query, without
from tests.wire.wire_requests import ACCESS_KEY_ID, NOW, SECRET, http_request

from strongroom.base.errors import AwsError
from strongroom.wire.http import HttpRequest
from strongroom.wire.s3.signature import S3Claim, check_claim, read_claim
from strongroom.wire.sigv4 import Credential, Verifier

WALL = NOW.timestamp()
URL = "http://localhost:4566/bucket/key"
CREDENTIAL = Credential(ACCESS_KEY_ID, SECRET, "the principal")


def signed(
    method: str = "PUT",
    url: str = URL,
    body: bytes = b"a body",
    headers: dict[str, str] | None = None,
    *,
    expires: int | None = None,
    token: str | None = None,
    secret: str = SECRET,
    service: str = "s3",
    region: str = "eu-central-1",
) -> HttpRequest:
    body = b"" if expires is not None else body
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}))
    request.context["has_streaming_input"] = True
    keys = Credentials(ACCESS_KEY_ID, secret, token)
    with patch.object(auth, "get_current_datetime", lambda *_, **__: NOW.replace(tzinfo=None)):
        if expires is None:
            auth.S3SigV4Auth(keys, service, region).add_auth(request)
        else:
            auth.S3SigV4QueryAuth(keys, service, region, expires=expires).add_auth(request)
    made = http_request(request)
    return HttpRequest(
        made.method, made.raw_path, made.query_string, made.headers, from_host("localhost:4566"), made.body
    )


def claim_of(request: HttpRequest, wall: float = WALL) -> S3Claim:
    claimed = read_claim(request, Verifier().signers)
    assert claimed is not None
    check_claim(claimed, wall)
    return claimed


def verify(request: HttpRequest, wall: float = WALL, verifier: Verifier | None = None, **credential: Any) -> S3Claim:
    verifier = verifier or Verifier()
    claimed = read_claim(request, verifier.signers)
    assert claimed is not None
    check_claim(claimed, wall)
    held = CREDENTIAL._replace(**credential)
    verifier.check(request, claimed.claim, held, claimed.content_sha256, claimed.rules)
    return claimed


def refused(request: HttpRequest, wall: float = WALL, **credential: Any) -> AwsError:
    with pytest.raises(AwsError) as refusal:
        verify(request, wall, **credential)
    error = refusal.value
    assert SECRET not in f"{error.message}{error.members}"
    return error


class TestWhatBotocoreSigns:
    def test_a_header(self) -> None:
        claimed = verify(signed())
        assert claimed.auth_type == "REST-HEADER"
        assert len(claimed.content_sha256) == 64

    def test_an_unsigned_payload(self) -> None:
        # So botocore does it over TLS, where a checksum says what the body is.
        sent = signed(url="https://localhost:4566/bucket/key", headers={"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="})
        assert verify(sent).content_sha256 == b"UNSIGNED-PAYLOAD"

    def test_a_url(self) -> None:
        claimed = verify(signed("GET", expires=60))
        assert (claimed.auth_type, claimed.content_sha256) == ("REST-QUERY-STRING", b"UNSIGNED-PAYLOAD")

    def test_a_session(self) -> None:
        for expires in (None, 60):
            assert verify(signed(token="a/token+==", expires=expires)).claim.session_token == "a/token+=="

    def test_the_same_client_twice(self) -> None:
        verifier = Verifier()
        for body in (b"one", b"two"):
            verify(signed(body=body), verifier=verifier)
        assert len(verifier.signers) == 1

    @settings(max_examples=80, deadline=None)
    @given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), st.sampled_from([None, 60]))
    def test_any_key(self, key: str, expires: int | None) -> None:
        url = f"http://localhost:4566/bucket/{quote(key, safe='/~')}"
        assert verify(signed("GET", url, b"", expires=expires)).claim.scope.region == "eu-central-1"

    @pytest.mark.parametrize("key", ["a//b", "a/../b", "./a", "a/./b/", "//", "..", "%2E%2E", "a+b", "a b", "~"])
    def test_paths_are_not_tidied(self, key: str) -> None:
        verify(signed("GET", f"http://localhost:4566/bucket/{quote(key, safe='/~')}", b""))

    def test_a_url_that_is_sent_with_the_hash_of_its_body(self) -> None:
        sent = with_header(signed(expires=60), b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")
        verify(sent)


class TestTampering:
    def test_whatever_was_signed(self) -> None:
        headers = {"x-amz-meta-colour": "red", "content-type": "text/plain"}
        for tampered in (
            changed(signed(headers=headers), b"x-amz-meta-colour", lambda _: b"blue"),
            changed(signed(headers=headers), b"content-type", lambda _: b"text/html"),
            changed(signed(), b"host", lambda _: b"elsewhere"),
            changed(signed(), b"x-amz-content-sha256", lambda _: b"UNSIGNED-PAYLOAD"),
            changed(signed(), b"x-amz-date", lambda _: b"20261124T080001Z"),
            with_query(signed(), b"acl"),
            HttpRequest("DELETE", b"/bucket/key", b"", signed().headers, signed().origin),
            HttpRequest("PUT", b"/bucket/another", b"", signed().headers, signed().origin),
            HttpRequest("PUT", b"/bucket/./key", b"", signed().headers, signed().origin),
            signed(secret="another secret"),
            signed(expires=60, secret="another secret"),
            with_query(signed(expires=60), signed(expires=60).query_string.replace(b"Expires=60", b"Expires=6000")),
            without(signed(headers=headers), b"content-type"),
        ):
            error = refused(tampered)
            assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)

    def test_what_was_signed_is_told(self) -> None:
        members = refused(signed(secret="another secret")).members
        assert members["AWSAccessKeyId"] == ACCESS_KEY_ID
        assert members["StringToSign"].startswith("AWS4-HMAC-SHA256\n20261124T080000Z\n20261124/eu-central-1/s3/")
        assert members["CanonicalRequest"].startswith("PUT\n/bucket/key\n\n")
        assert bytes.fromhex(members["StringToSignBytes"]).decode() == members["StringToSign"]
        assert len(members["SignatureProvided"]) == 64

    def test_headers_of_aws_must_be_signed(self) -> None:
        for sent in (signed(), signed(expires=60)):
            error = refused(with_header(sent, b"x-amz-acl", b"public-read"))
            assert (error.code, error.status) == ("AccessDenied", 403)
            assert error.message == "There were headers present in the request which were not signed"
            assert error.members == {"HeadersNotSigned": "x-amz-acl"}

    def test_a_hash_that_was_not_signed_in_the_header(self) -> None:
        sent = signed()
        authorization = dict(sent.headers)[b"authorization"].replace(b"x-amz-content-sha256;", b"")
        assert refused(changed(sent, b"authorization", lambda _: authorization)).code == "AccessDenied"


class TestTime:
    @pytest.mark.parametrize("minutes", [-16, 16])
    def test_a_header_is_of_this_time(self, minutes: int) -> None:
        wall = (NOW + timedelta(minutes=minutes)).timestamp()
        error = refused(signed(), wall)
        assert (error.code, error.status) == ("RequestTimeTooSkewed", 403)
        assert error.members["RequestTime"] == "20261124T080000Z"
        assert error.members["MaxAllowedSkewMilliseconds"] == "900000"
        verify(signed(), WALL + 899)

    def test_a_url_expires(self) -> None:
        verify(signed(expires=60), WALL + 60)
        error = refused(signed(expires=60), WALL + 61)
        assert (error.code, error.message, error.status) == ("AccessDenied", "Request has expired", 403)
        assert error.members == {
            "X-Amz-Expires": "60",
            "Expires": "2026-11-24T08:01:00Z",
            "ServerTime": "2026-11-24T08:01:01Z",
        }
        assert refused(signed(expires=60), WALL - 901).code == "AccessDenied"

    def test_a_url_lives_for_a_week_at_most(self) -> None:
        verify(signed(expires=604_800), WALL + 604_800)
        error = refused(signed(expires=604_801))
        assert error.code == "AuthorizationQueryParametersError"
        assert "must be less than a week (in seconds)" in error.message

    @pytest.mark.parametrize("expires", [b"0", b"-1", b"x", b"1e3", b"", b"9" * 30])
    def test_an_expiry_that_is_none(self, expires: bytes) -> None:
        query = signed(expires=60).query_string.replace(b"Expires=60", b"Expires=" + expires)
        assert refused(with_query(signed(expires=60), query)).code == "AuthorizationQueryParametersError"

    def test_expired_credentials(self) -> None:
        for sent in (signed(), signed(expires=60)):
            error = refused(sent, is_expired=True)
            assert (error.code, error.message) == ("ExpiredToken", "The provided token has expired.")


class TestOtherClaims:
    def test_no_claim(self) -> None:
        bare = HttpRequest("GET", b"/bucket/key", b"versionId=1", [(b"host", b"h")], from_host("h"))
        assert read_claim(bare, Verifier().signers) is None

    @pytest.mark.parametrize("header", [b"AWS AKID:c2ln", b"AWS4-ECDSA-P256-SHA256 Credential=x", b"AWS "])
    def test_other_versions(self, header: bytes) -> None:
        error = refused(changed(signed(), b"authorization", lambda _: header))
        assert (error.code, error.status) == ("InvalidRequest", 400)
        assert error.message == (
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        )

    def test_version_2_in_a_url(self) -> None:
        query = b"AWSAccessKeyId=AKID&Expires=1400000000&Signature=c2ln"
        bare = HttpRequest("GET", b"/bucket/key", query, [(b"host", b"h")], from_host("h"))
        assert refused(bare).message.endswith("Please use AWS4-HMAC-SHA256.")

    @pytest.mark.parametrize("header", [b"Bearer abc", b"Basic dTpw", b"", b"AWS4-HMAC-SHA256"])
    def test_other_types(self, header: bytes) -> None:
        error = refused(changed(signed(), b"authorization", lambda _: header))
        assert error.code in {"InvalidArgument", "InvalidRequest"}

    def test_both_ways_at_once(self) -> None:
        for query in (signed(expires=60).query_string, b"X-Amz-Algorithm=AWS4-HMAC-SHA256", b"Signature=x"):
            error = refused(with_query(signed(), query))
            assert (error.code, error.members["ArgumentName"]) == ("InvalidArgument", "Authorization")
            assert error.message.startswith("Only one auth mechanism allowed")

    @pytest.mark.parametrize("name", ["Algorithm", "Credential", "Date", "SignedHeaders", "Signature", "Expires"])
    def test_a_url_that_lacks_a_part(self, name: str) -> None:
        sent = signed(expires=60)
        parts = [part for part in sent.query_string.split(b"&") if not part.startswith(f"X-Amz-{name}=".encode())]
        error = refused(with_query(sent, b"&".join(parts)))
        assert (error.code, error.status) == ("AuthorizationQueryParametersError", 400)
        assert error.message.startswith("Query-string authentication version 4 requires the X-Amz-Algorithm, ")

    def test_a_parameter_that_is_there_twice(self) -> None:
        sent = signed(expires=60)
        assert refused(with_query(sent, sent.query_string + b"&X-Amz-Expires=60")).code == (
            "AuthorizationQueryParametersError"
        )

    @pytest.mark.parametrize(
        ("old", "new", "text"),
        [
            (b"eu-central-1", b"EU", "region"),
            (b"/s3/", b"/sts/", 'incorrect service "sts". This endpoint belongs to "s3".'),
            (b"aws4_request", b"aws5_request", "incorrect terminator"),
            (b"/20261124/", b"/20261123/", "Invalid credential date"),
            (b"/eu-central-1", b"", 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/'),
            (b"Signature=", b"Sig=", "Signature"),
            (b"host;", b"", "Host"),
        ],
    )
    def test_a_header_that_does_not_say_what_it_has_to(self, old: bytes, new: bytes, text: str) -> None:
        error = refused(changed(signed(), b"authorization", lambda header: header.replace(old, new)))
        assert (error.code, error.status) == ("AuthorizationHeaderMalformed", 400)
        assert error.message.startswith("The authorization header is malformed; ")
        assert text in error.message

    def test_a_url_for_another_service(self) -> None:
        error = refused(signed(expires=60, service="kms"))
        assert error.code == "AuthorizationQueryParametersError"
        assert 'incorrect service "kms"' in error.message

    def test_no_hash(self) -> None:
        error = refused(without(signed(), b"x-amz-content-sha256"))
        assert error.code == "InvalidRequest"
        assert error.message == "Missing required header for this request: x-amz-content-sha256"

    @pytest.mark.parametrize("value", [b"", b"abc", b"STREAMING", b"A" * 64, b"0" * 63, b"unsigned-payload"])
    def test_a_hash_that_is_none(self, value: bytes) -> None:
        error = refused(changed(signed(), b"x-amz-content-sha256", lambda _: value))
        assert (error.code, error.members["ArgumentName"]) == ("InvalidArgument", "x-amz-content-sha256")

    @pytest.mark.parametrize("value", [b"soon", b"", b"2026-11-24T08:00:00Z"])
    def test_a_date_that_is_none(self, value: bytes) -> None:
        error = refused(changed(signed(), b"x-amz-date", lambda _: value))
        assert error.message == "AWS authentication requires a valid Date or x-amz-date header"
