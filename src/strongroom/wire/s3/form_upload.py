"""POST Object: a form in the place of headers. Its policy is what is signed, and the answer may be a redirection.

Source: Amazon S3 API Reference, "POST Object" and "Browser-Based Uploads Using POST"; answers of AWS.
"""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from strongroom.base.errors import AwsError
from strongroom.crypto.mac import equal
from strongroom.wire.header_text import header_value
from strongroom.wire.http import Headers, HttpRequest, HttpResponse
from strongroom.wire.rest_route import RestRoute
from strongroom.wire.s3 import refusals
from strongroom.wire.s3.form import Form
from strongroom.wire.s3.payload import Payload, upload_bytes_max
from strongroom.wire.s3.post_policy import LengthRange
from strongroom.wire.s3.protocol import DECLARATION, S3_PROTOCOL
from strongroom.wire.s3.signature import HEADER_REFUSALS, IN_FORM, S3Claim
from strongroom.wire.scope import ALGORITHM, SignedScope
from strongroom.wire.signers import clock_skew_seconds_max
from strongroom.wire.sigv4 import Claim, presigned_seconds_max, signing_key
from strongroom.wire.timestamps import basic_seconds
from strongroom.wire.xml import escaped
from strongroom.wire.xml_reader import read_xml

_SIGNING = {
    "x-amz-algorithm": "X-Amz-Algorithm",
    "x-amz-credential": "X-Amz-Credential",
    "x-amz-date": "X-Amz-Date",
    "x-amz-signature": "X-Amz-Signature",
}
_VERSION_2 = frozenset({"awsaccesskeyid", "signature"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")


# Who signed.


def read_form_claim(form: Form) -> S3Claim | None:
    """Return what a form says of its signature, or None when it has neither signature nor policy.

    Raises AwsError for one that lacks a part.
    """
    fields = form.fields
    if not _VERSION_2.isdisjoint(fields):
        raise refusals.unsupported_version()
    if not any(name in fields for name in _SIGNING):
        if "policy" in fields:
            raise refusals.access_denied()
        return None
    for name, written in {**_SIGNING, "policy": "policy"}.items():
        if name not in fields:
            raise _missing_field(written)
    if fields["x-amz-algorithm"].encode() != ALGORITHM:
        raise refusals.unsupported_version()
    date = fields["x-amz-date"].encode()
    signed_at = basic_seconds(date)
    if signed_at is None:
        raise refusals.no_date()
    scope = SignedScope(fields["x-amz-credential"].encode(), b"host", HEADER_REFUSALS)
    signature = fields["x-amz-signature"].encode()
    claim = Claim(
        scope, signature, date, signed_at, fields.get("x-amz-security-token"), presigned_seconds_max, b"", b""
    )
    return S3Claim(claim, IN_FORM, b"")


def check_form_claim(claim: Claim, form: Form, secret_access_key: str, wall_time: float) -> None:
    """Raise AwsError unless the policy of the form was signed so.

    `wall_time` is the real time in seconds since the epoch. A signing key is good for seven days, whatever the policy
    says of its own end.
    """
    age_seconds = wall_time - claim.signed_at
    if not -clock_skew_seconds_max <= age_seconds <= presigned_seconds_max:
        raise refusals.access_denied("Invalid according to Policy: Policy expired.")
    policy = form.fields["policy"].encode()
    expected = signing_key(claim.scope, secret_access_key).digest(policy).hex().encode()
    if not equal(expected, claim.signature):
        raise refusals.signature_mismatch(claim.scope.access_key_id, policy, claim.signature)


# What is uploaded.


def params_of_form(route: RestRoute, request: HttpRequest, form: Form, lengths: LengthRange) -> dict[str, Any]:
    """Return the params that a form's fields say, its file among them. Raises AwsError as the protocol does."""
    key = form.fields.get("key")
    if not key:
        raise _missing_field("key")
    headers: Headers = []
    for name, value in form.fields.items():
        if name == "tagging":
            headers.append((b"x-amz-tagging", _tagging_header(value).encode()))
        elif name == "acl":
            headers.append((b"x-amz-acl", value.encode()))
        elif name not in {"content-length", "x-amz-tagging"} and _TOKEN.fullmatch(name):
            headers.append((name.encode(), value.encode()))
        elif name.startswith("x-amz-meta-"):
            raise refusals.invalid_argument("The name of a metadata field is not one of a header.", name, value)
    as_headers = HttpRequest(request.method, request.raw_path, b"", headers, request.origin)
    labelled = route._replace(labels={**route.labels, "Key": key}, query={})
    return S3_PROTOCOL.accept(labelled, as_headers, Payload(_bounded(form.file, lengths)))


async def _bounded(file: AsyncIterator[bytes], lengths: LengthRange) -> AsyncIterator[bytes]:
    most = upload_bytes_max if lengths.most is None else min(lengths.most, upload_bytes_max)
    received = 0
    async for chunk in file:
        received += len(chunk)
        if received > most:
            raise refusals.entity_too_large(received, most)
        yield chunk
    if received < lengths.least:
        raise refusals.entity_too_small(received, lengths.least)


def _tagging_header(xml: str) -> str:
    """Return the tags of a form, which are XML there, as the header writes them."""
    try:
        (tag_set,) = read_xml(xml.encode()).children
        pairs = []
        for tag in tag_set.children:
            values = {child.name: child.text for child in tag.children}
            pairs.append((values["Key"], values["Value"]))
    except (KeyError, ValueError):
        raise refusals.malformed_xml() from None
    return urlencode(pairs)


def _missing_field(name: str) -> AwsError:
    return refusals.invalid_argument(
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields.",
        name,
        "",
    )


# The answer.


def answer_to_form(
    route: RestRoute, request: HttpRequest, form: Form, params: Mapping[str, Any], answer: dict[str, Any]
) -> HttpResponse:
    """Return the answer that a form asks for: a redirection, or 200, 201 with XML, or 204."""
    response = S3_PROTOCOL.answer(route.operation, answer, request)
    bucket, key, etag = route.labels["Bucket"], params["Key"], str(answer.get("ETag") or "")
    target = _redirection(form.fields, bucket, key, etag)
    if target:
        return HttpResponse(303, [*response.headers, (b"location", header_value(target))])
    location = _location(request, bucket, key)
    response.headers.append((b"location", header_value(location)))
    status = form.fields.get("success_action_status")
    if status == "200":
        return HttpResponse(200, response.headers)
    if status != "201":
        return response
    xml = (
        f"{DECLARATION}<PostResponse><Location>{escaped(location)}</Location><Bucket>{escaped(bucket)}</Bucket>"
        f"<Key>{escaped(key)}</Key><ETag>{escaped(etag)}</ETag></PostResponse>"
    )
    return HttpResponse(201, [*response.headers, (b"content-type", b"application/xml")], xml.encode())


def _redirection(fields: Mapping[str, str], bucket: str, key: str, etag: str) -> str:
    """Return where a form asks to be sent on to, or an empty text when that is no address of a page."""
    target = fields.get("success_action_redirect") or fields.get("redirect") or ""
    try:
        parts = urlsplit(target)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return ""
    told = urlencode({"bucket": bucket, "key": key, "etag": etag})
    return parts._replace(query=f"{parts.query}&{told}" if parts.query else told).geturl()


def _location(request: HttpRequest, bucket: str, key: str) -> str:
    scheme = "https" if request.origin.secure else "http"
    path = request.raw_path.decode("ascii", "replace").rstrip("/")
    return f"{scheme}://{request.origin.host}{path}/{quote(key, safe='')}"
