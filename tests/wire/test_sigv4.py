from datetime import timedelta
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.tampering import TAMPERINGS, Tampering, changed, with_header, with_query, without
from tests.wire.wire_requests import ACCESS_KEY_ID, CREDENTIAL, NOW, ORIGIN, SECRET, body_of, lookup, signed

from strongroom.base.errors import AwsError
from strongroom.wire import signers
from strongroom.wire.canonical import literal_path
from strongroom.wire.http import HttpRequest
from strongroom.wire.refusals import QUERY_REFUSALS
from strongroom.wire.sigv4 import Credential, SigningRules, Verified, Verifier

KMS = SigningRules("kms")
STS = SigningRules("sts", QUERY_REFUSALS)
WALL = NOW.timestamp()
STS_URL = "https://sts.localhost/?Action=GetCallerIdentity&Version=2011-06-15"


def verify(request: HttpRequest, rules: SigningRules = KMS, wall: float = WALL, body: bytes | None = None) -> Verified:
    return Verifier().verify(request, body_of(request) if body is None else body, lookup, wall, rules)


def refused(request: HttpRequest, rules: SigningRules = KMS, wall: float = WALL, body: bytes | None = None) -> AwsError:
    with pytest.raises(AwsError) as refusal:
        verify(request, rules, wall, body)
    assert SECRET not in refusal.value.message
    return refusal.value


def presigned(seconds: int = 60, **given: Any) -> HttpRequest:
    return signed("GET", STS_URL, b"", (), service="sts", presigned_seconds=seconds, **given)


class TestWhatBotocoreSigns:
    def test_a_header_signature_holds(self) -> None:
        verified = verify(signed())
        assert verified.credential is CREDENTIAL
        assert verified.region == "eu-central-1"
        assert verified.service == "kms"
        assert verified.signed_at == WALL
        assert not verified.is_presigned

    def test_a_presigned_request_holds(self) -> None:
        verified = verify(presigned(), STS)
        assert verified.is_presigned
        assert verified.credential is CREDENTIAL

    def test_a_session_token_is_given_to_the_lookup(self) -> None:
        asked: list[tuple[str, str | None]] = []

        def remember(access_key_id: str, session_token: str | None) -> Credential:
            asked.append((access_key_id, session_token))
            return CREDENTIAL

        for request, rules in (
            (signed(token="a/session+token=="), KMS),
            (presigned(token="a/session+token=="), STS),
            (signed(), KMS),
        ):
            Verifier().verify(request, body_of(request), remember, WALL, rules)
        assert asked == [(ACCESS_KEY_ID, "a/session+token==")] * 2 + [(ACCESS_KEY_ID, None)]

    def test_a_date_header_will_do(self) -> None:
        request = signed(headers=[("Date", "Tue, 24 Nov 2026 08:00:00 GMT"), ("X-Amz-Target", "T.O")])
        assert request.header(b"x-amz-date") is None
        assert verify(request).signed_at == WALL
        assert refused(changed(request, b"date", lambda _: b"soon")).code == "IncompleteSignatureException"

    @pytest.mark.parametrize("value", ["a  b   c", "  padded ", "tab\there", "plain", "", "a, b", "x: y"])
    def test_header_values_are_trimmed_and_folded(self, value: str) -> None:
        verified = verify(signed(headers=[("X-Amz-Target", "T.O"), ("X-Custom", value)]))
        assert verified.credential is CREDENTIAL

    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost/?b=2&a=1",
            "http://localhost/?a=x%20y&empty=&c",
            "http://localhost/a/../b//c/./d/",
            "http://localhost/a%20b/%C3%A9",
            "https://localhost:8443/?a=1&a=0",
            "http://localhost/?a=%2B%26%3D~-_.",
        ],
    )
    def test_paths_and_queries(self, url: str) -> None:
        assert verify(signed("GET", url, b"", ())).credential is CREDENTIAL

    @settings(max_examples=60, deadline=None)
    @given(
        st.text(st.characters(codec="utf-8"), max_size=12),
        st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4),
        st.binary(max_size=64),
    )
    def test_any_path_query_and_body(self, path: str, query: dict[str, str], body: bytes) -> None:
        from urllib.parse import quote, urlencode

        encoded = urlencode(query, quote_via=quote)
        verified = verify(signed("POST", f"http://localhost/{quote(path)}?{encoded}", body))
        assert verified.credential is CREDENTIAL

    def test_a_second_verification_uses_what_the_first_remembered(self) -> None:
        verifier = Verifier()
        for body in (b"{}", b'{"Limit":1}', b'{"Limit":2}'):
            request = signed(body=body)
            assert verifier.verify(request, body, lookup, WALL, KMS).credential is CREDENTIAL
            with pytest.raises(AwsError, match="does not match"):
                verifier.verify(request, body + b" ", lookup, WALL, KMS)
        assert len(verifier.signers) == 1


class TestTampering:
    @pytest.mark.parametrize("tamper", TAMPERINGS)
    def test_no_change_to_a_signed_request_is_let_in(self, tamper: Tampering) -> None:
        error = refused(tamper(signed()))
        assert (error.code, error.status) == ("InvalidSignatureException", 400)
        assert error.message == (
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )

    def test_another_body(self) -> None:
        assert refused(signed(), body=b'{"a":1}').code == "InvalidSignatureException"

    def test_another_secret(self) -> None:
        assert refused(signed(secret="not the secret")).code == "InvalidSignatureException"
        error = refused(presigned(secret="not the secret"), STS)
        assert (error.code, error.status) == ("SignatureDoesNotMatch", 403)

    def test_a_secret_that_changed_is_not_verified_with_the_old_key(self) -> None:
        verifier = Verifier()
        request = signed()
        verifier.verify(request, b"{}", lookup, WALL, KMS)
        with pytest.raises(AwsError, match="does not match"):
            verifier.verify(request, b"{}", lambda a, t: Credential(a, "a new secret", None), WALL, KMS)

    def test_headers_of_aws_must_be_signed(self) -> None:
        error = refused(with_header(signed(), b"x-amz-security-token", b"a/session+token=="))
        assert error.code == "InvalidSignatureException"
        assert error.message == "There were headers present in the request which were not signed: x-amz-security-token"
        assert refused(with_header(presigned(), b"x-amz-meta", b"1"), STS).code == "SignatureDoesNotMatch"

    def test_other_headers_need_not_be_signed(self) -> None:
        for name, value in ((b"x-amzn-trace-id", b"Root=1"), (b"accept", b"*/*")):
            assert verify(with_header(signed(), name, value)).credential is CREDENTIAL

    def test_a_presigned_query_cannot_be_changed(self) -> None:
        request = presigned()
        query = request.query_string
        for change in (
            query.replace(b"GetCallerIdentity", b"GetSessionToken"),
            query.replace(b"X-Amz-Expires=60", b"X-Amz-Expires=604800"),
            query + b"&More=1",
            query + b"&X-Amz-Security-Token=t",
        ):
            assert change != query
            assert refused(with_query(request, change), STS).code in {"SignatureDoesNotMatch", "InvalidClientTokenId"}
        assert refused(request, STS, body=b"a body").code == "SignatureDoesNotMatch"

    def test_the_order_of_a_query_does_not_matter(self) -> None:
        request = presigned()
        verify(with_query(request, b"&".join(reversed(request.query_string.split(b"&")))), STS)

    def test_the_declared_hash_must_be_that_of_the_body(self) -> None:
        for declared in ("UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "0" * 64):
            error = refused(signed(headers=[("X-Amz-Content-SHA256", declared), ("X-Amz-Target", "T.O")]))
            assert error.message == "The provided 'x-amz-content-sha256' header does not match what was computed."

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_no_single_byte_of_a_signed_request_can_change(self, data: st.DataObject) -> None:
        request = signed()
        unsigned = {b"content-length"}
        position = data.draw(
            st.sampled_from([at for at, (name, _) in enumerate(request.headers) if name not in unsigned])
        )
        name, value = request.headers[position]
        index = data.draw(st.integers(0, len(value) - 1))
        byte = data.draw(st.integers(33, 126).filter(lambda code: code != value[index]))
        headers = list(request.headers)
        headers[position] = (name, value[:index] + bytes([byte]) + value[index + 1 :])
        refused(HttpRequest(request.method, b"/", b"", headers, ORIGIN, request.body))


class TestTime:
    @pytest.mark.parametrize("minutes", [-15, -14, 0, 14, 15])
    def test_a_quarter_of_an_hour_of_skew_is_allowed(self, minutes: int) -> None:
        verify(signed(), wall=WALL + minutes * 60)

    def test_a_signature_expires(self) -> None:
        error = refused(signed(), wall=WALL + 901)
        assert error.code == "InvalidSignatureException"
        assert error.message == (
            "Signature expired: 20261124T080000Z is now earlier than 20261124T080001Z (20261124T081501Z - 15 min.)"
        )

    def test_a_signature_from_the_future_is_not_current(self) -> None:
        error = refused(signed(), wall=WALL - 901)
        assert error.message == (
            "Signature not yet current: 20261124T080000Z is still later than 20261124T075959Z "
            "(20261124T074459Z + 15 min.)"
        )

    def test_a_presigned_request_holds_as_long_as_it_says(self) -> None:
        week = 7 * 24 * 3600
        verify(presigned(week), STS, WALL + week)
        assert refused(presigned(week), STS, WALL + week + 1).code == "SignatureDoesNotMatch"
        verify(presigned(90), STS, WALL + 90)
        assert refused(presigned(90), STS, WALL + 91).message.endswith("(20261124T080131Z - 90 sec.)")
        assert "not yet current" in refused(presigned(90), STS, WALL - 901).message

    @pytest.mark.parametrize("seconds", [0, -1, 7 * 24 * 3600 + 1, 10**12])
    def test_a_presigned_request_holds_a_week_at_most(self, seconds: int) -> None:
        assert refused(presigned(seconds), STS).code == "IncompleteSignature"

    def test_the_day_of_the_scope_must_be_that_of_the_date(self) -> None:
        request = changed(signed(), b"authorization", lambda v: v.replace(b"/20261124/", b"/20261123/"))
        assert refused(request).message == (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            "'20261123' != '20261124', from '20261124T080000Z'."
        )

    @pytest.mark.parametrize(
        "date",
        [b"20261124", b"2026-11-24T08:00Z", b"20261324T080000Z", b"20261124T080000z", b"\xff" * 16, b"", b"x" * 99],
    )
    def test_a_date_that_is_none(self, date: bytes) -> None:
        error = refused(changed(signed(), b"x-amz-date", lambda _: date))
        assert error.code == "IncompleteSignatureException"
        assert error.message.startswith("Date must be in ISO-8601 'basic format'. Got '")

    def test_midnight(self) -> None:
        midnight = NOW.replace(hour=0) - timedelta(seconds=1)
        verify(signed(now=midnight), wall=midnight.timestamp() + 120)


class TestScope:
    def test_the_service_must_be_the_one_called(self) -> None:
        error = refused(signed(service="s3"))
        assert error.message == "Credential should be scoped to correct service: 'kms'."

    def test_the_terminator(self) -> None:
        request = changed(signed(), b"authorization", lambda v: v.replace(b"aws4_request", b"aws5_request"))
        error = refused(request)
        assert (
            error.message == "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."
        )

    @pytest.mark.parametrize("region", [b"", b"US-EAST-1", b"us east", b"a" * 33, b"..", b"\xff"])
    def test_the_region_must_look_like_one(self, region: bytes) -> None:
        request = changed(signed(), b"authorization", lambda v: v.replace(b"eu-central-1", region))
        assert refused(request).message == "Credential should be scoped to a valid region."

    @pytest.mark.parametrize(
        "credential", [b"AKIDEXAMPLE", b"a/b/c/d", b"a/b/c/d/e/f", b"/20261124/us-east-1/kms/x", b"\xff/////"]
    )
    def test_a_credential_has_five_parts(self, credential: bytes) -> None:
        value = b"AWS4-HMAC-SHA256 Credential=" + credential + b", SignedHeaders=host, Signature=00"
        error = refused(changed(signed(), b"authorization", lambda _: value))
        assert error.code == "IncompleteSignatureException"
        assert error.message.startswith("Credential must have exactly 5 slash-delimited elements")

    def test_the_host_must_be_signed(self) -> None:
        request = changed(signed(), b"authorization", lambda v: v.replace(b";host", b""))
        assert refused(request).message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."

    @pytest.mark.parametrize("names", [b"host;content-type", b"Host", b"host;host", b"host;", b";", b"host;a b"])
    def test_signed_headers_are_sorted_and_in_lower_case(self, names: bytes) -> None:
        value = (
            b"AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/kms/aws4_request, SignedHeaders=%b, Signature=00" % names
        )
        assert refused(changed(signed(), b"authorization", lambda _: value)).code == "InvalidSignatureException"


class TestIncomplete:
    def test_no_signature_at_all(self) -> None:
        error = refused(without(signed(), b"authorization"))
        assert (error.code, error.status) == ("MissingAuthenticationTokenException", 400)
        error = refused(HttpRequest("POST", b"/", b"", [(b"host", b"x")], ORIGIN), STS)
        assert (error.code, error.status) == ("MissingAuthenticationToken", 403)
        assert error.message == "Request is missing Authentication Token"

    @pytest.mark.parametrize("value", [b"", b"Basic YTpi", b"Bearer x", b"\xff"])
    def test_another_kind_of_authorization(self, value: bytes) -> None:
        error = refused(changed(signed(), b"authorization", lambda _: value))
        assert error.code == "MissingAuthenticationTokenException"

    def test_sigv4a_is_refused_clearly(self) -> None:
        error = refused(
            changed(signed(), b"authorization", lambda v: v.replace(b"AWS4-HMAC-SHA256", b"AWS4-ECDSA-P256-SHA256"))
        )
        assert error.code == "IncompleteSignatureException"
        assert "AWS4-ECDSA-P256-SHA256" in error.message
        assert "SigV4A" in error.message

    def test_other_versions_are_refused_clearly(self) -> None:
        error = refused(changed(signed(), b"authorization", lambda _: b"AWS AKIDEXAMPLE:c2lnbmF0dXJl"))
        assert error.message.startswith("Signature Version 2 is not supported.")
        error = refused(changed(signed(), b"authorization", lambda v: v.replace(b"SHA256", b"SHA512", 1)))
        assert error.message == "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'."

    @pytest.mark.parametrize("part", [b"Credential", b"SignedHeaders", b"Signature"])
    def test_a_missing_part_is_named(self, part: bytes) -> None:
        request = changed(signed(), b"authorization", lambda v: v.replace(part + b"=", b"X="))
        error = refused(request)
        assert error.code == "IncompleteSignatureException"
        assert f"Authorization header requires '{part.decode()}' parameter." in error.message

    def test_a_repeated_authorization_header_is_not_chosen_from(self) -> None:
        request = signed()
        value = request.header(b"authorization")
        assert value is not None
        refused(with_header(request, b"authorization", value))
        refused(
            HttpRequest("POST", b"/", b"", [(b"authorization", b"Basic x"), *request.headers], ORIGIN, request.body)
        )

    def test_no_date(self) -> None:
        error = refused(without(signed(), b"x-amz-date"))
        assert error.message == ("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")

    def test_missing_query_parameters_are_named(self) -> None:
        request = with_query(presigned(), b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=")
        error = refused(request, STS)
        assert (error.code, error.status) == ("IncompleteSignature", 400)
        assert "AWS query-string parameters must include 'X-Amz-Credential'." in error.message
        assert error.message.endswith("Re-examine the query-string parameters.")

    def test_query_parameters_of_a_signature_are_there_once(self) -> None:
        request = presigned()
        assert "there twice" in refused(with_query(request, request.query_string + b"&X-Amz-Date=1"), STS).message

    def test_one_way_to_sign_at_a_time(self) -> None:
        request = presigned()
        error = refused(with_header(request, b"authorization", b"AWS4-HMAC-SHA256 x"), STS)
        assert error.message.startswith("Only one auth mechanism allowed")


class TestWho:
    def test_an_unknown_access_key(self) -> None:
        request = changed(signed(), b"authorization", lambda v: v.replace(b"AKIDEXAMPLE", b"AKIDUNKNOWN"))
        error = refused(request)
        assert (error.code, error.status) == ("UnrecognizedClientException", 400)
        assert error.message == "The security token included in the request is invalid."

    def test_an_unknown_session_token(self) -> None:
        error = refused(presigned(token="unknown"), STS)
        assert (error.code, error.status) == ("InvalidClientTokenId", 403)

    def test_expired_credentials_are_told_only_to_their_holder(self) -> None:
        def expired(access_key_id: str, session_token: str | None) -> Credential:
            return Credential(access_key_id, SECRET, None, is_expired=True)

        with pytest.raises(AwsError) as refusal:
            Verifier().verify(signed(), b"{}", expired, WALL, KMS)
        assert refusal.value.code == "ExpiredTokenException"
        request = signed(secret="not the secret")
        with pytest.raises(AwsError) as refusal:
            Verifier().verify(request, b"{}", expired, WALL, KMS)
        assert refusal.value.code == "InvalidSignatureException"
        request = presigned()
        with pytest.raises(AwsError) as refusal:
            Verifier().verify(request, b"", expired, WALL, STS)
        assert (refusal.value.code, refusal.value.status) == ("ExpiredToken", 403)


@pytest.mark.parametrize(
    "url", ["https://b.localhost/a//b/../c%20d", "https://localhost/b/%C3%A9?prefix=a%2Fb&list-type=2"]
)
def test_s3_signs_literal_paths_and_may_leave_the_payload_out(url: str) -> None:
    request = signed("PUT", url, b"an object", (), service="s3", signer=S3SigV4Auth)
    rules = SigningRules("s3", QUERY_REFUSALS, literal_path)
    verifier = Verifier()
    claim = verifier.read(request, rules)
    declared = request.header(b"x-amz-content-sha256")
    assert declared is not None
    assert verifier.check(request, claim, CREDENTIAL, declared, rules).service == "s3"
    with pytest.raises(AwsError, match="does not match"):
        verifier.check(request, claim, CREDENTIAL, b"STREAMING-UNSIGNED-PAYLOAD-TRAILER", rules)


def test_strangers_cannot_fill_the_caches() -> None:
    verifier = Verifier()
    for number in range(50):
        request = signed(region=f"region-{number}", secret="not the secret")
        with pytest.raises(AwsError):
            verifier.verify(request, b"{}", lookup, WALL, KMS)
    assert len(verifier.signers) == 0


def test_the_caches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signers, "signers_max", 3)
    verifier = Verifier()
    for number in range(10):
        verifier.verify(signed(region=f"region-{number}"), b"{}", lookup, WALL, KMS)
        assert 1 <= len(verifier.signers) <= 3


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200),
    st.binary(max_size=200),
    st.binary(max_size=20),
    st.sampled_from(
        [b"", b"AWS4-HMAC-SHA256 ", b"AWS4-HMAC-SHA256 Credential=", b"AWS4-HMAC-SHA256 Credential=a/b/c/d/e,"]
    ),
)
def test_hostile_signatures_raise_nothing_else(authorization: bytes, query: bytes, date: bytes, start: bytes) -> None:
    headers = [(b"host", b"x"), (b"authorization", start + authorization), (b"x-amz-date", date)]
    refused(HttpRequest("POST", b"/", query, headers, ORIGIN))
    refused(HttpRequest("POST", b"/" + query, b"X-Amz-Signature=" + query, headers[:1], ORIGIN), STS)
