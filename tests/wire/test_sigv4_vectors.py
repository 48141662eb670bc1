"""Cases worked from the specification of AWS Signature Version 4.

Source: AWS General Reference, "Signature Version 4 signing process", its worked example (IAM ListUsers), and the values
of its suite of edge cases: path normalisation, query sorting, header folding. The signatures are facts about the
algorithm; the credentials are AWS's example ones.
"""

import calendar

import pytest
from tests.wire.wire_requests import ACCESS_KEY_ID, CREDENTIAL, ORIGIN, lookup

from strongroom.base.errors import AwsError
from strongroom.wire.canonical import canonical_query, literal_path, normalised_path, query_pairs
from strongroom.wire.http import HttpRequest
from strongroom.wire.sigv4 import SigningRules, Verifier

SIGNED_AT = calendar.timegm((2015, 8, 30, 12, 36, 0))
PLAIN = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
UNRESERVED = b"/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = (b"content-type", b"application/x-www-form-urlencoded")
FORM_UTF8 = (b"content-type", b"application/x-www-form-urlencoded; charset=utf8")
ONE = (b"my-header1", b"value1")


def attempt(
    method: str,
    path: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    signature: str,
    service: str,
) -> None:
    host = b"iam.amazonaws.com" if service == "iam" else b"example.amazonaws.com"
    names = b";".join(sorted({name for name, _ in headers} | {b"host", b"x-amz-date"}))
    authorization = (
        b"AWS4-HMAC-SHA256 Credential=%b/20150830/us-east-1/%b/aws4_request, SignedHeaders=%b, Signature=%b"
        % (ACCESS_KEY_ID.encode(), service.encode(), names, signature.encode())
    )
    sent = [(b"host", host), *headers, (b"x-amz-date", b"20150830T123600Z"), (b"authorization", authorization)]
    request = HttpRequest(method, path, query, sent, ORIGIN, body)
    verified = Verifier().verify(request, body, lookup, SIGNED_AT, SigningRules(service))
    assert verified.credential is CREDENTIAL
    assert (verified.region, verified.service, verified.signed_at) == ("us-east-1", service, SIGNED_AT)


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body", "signature"),
    [
        ("GET", b"/", b"", [], b"", PLAIN),
        ("GET", b"/example/..", b"", [], b"", PLAIN),
        ("GET", b"/example1/example2/../..", b"", [], b"", PLAIN),
        ("GET", b"//", b"", [], b"", PLAIN),
        ("GET", b"/./", b"", [], b"", PLAIN),
        ("GET", b"//example//", b"", [], b"", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
        ("GET", b"/./example", b"", [], b"", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"),
        ("GET", "/ሴ".encode(), b"", [], b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("GET", b"/example space/", b"", [], b"", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        ("GET", UNRESERVED, b"", [], b"", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        (
            "GET",
            b"/",
            b"Param2=value2&Param1=value1",
            [],
            b"",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("GET", b"/", b"Param1=value1", [], b"", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        (
            "GET",
            b"/",
            b"Param1=value2&Param1=value1",
            [],
            b"",
            "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
        ),
        ("GET", b"/", "ሴ=bar".encode(), [], b"", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        ("POST", b"/", b"", [], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("POST", b"/", b"Param1=value1", [], b"", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
        (
            "GET",
            b"/",
            b"",
            [(b"my-header1", b" value1"), (b"my-header2", b' "a   b   c"')],
            b"",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "GET",
            b"/",
            b"",
            [(b"my-header1", b"value2"), (b"my-header1", b"value2"), ONE],
            b"",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "GET",
            b"/",
            b"",
            [(b"my-header1", b"value4"), ONE, (b"my-header1", b"value3"), (b"my-header1", b"value2")],
            b"",
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "POST",
            b"/",
            b"",
            [FORM],
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            "POST",
            b"/",
            b"",
            [FORM_UTF8],
            b"Param1=value1",
            "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
        ),
    ],
)
def test_edge_cases(
    method: str, path: bytes, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes, signature: str
) -> None:
    attempt(method, path, query, headers, body, signature, "service")
    wrong = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    with pytest.raises(AwsError, match="does not match"):
        attempt(method, path, query, headers, body, wrong, "service")


def test_the_worked_example_of_the_documentation() -> None:
    attempt(
        "GET",
        b"/",
        b"Action=ListUsers&Version=2010-05-08",
        [(b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")],
        b"",
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        "iam",
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", b"/"),
        (b"/", b"/"),
        (b"/a/./b/../c", b"/a/c"),
        (b"/../../a", b"/a"),
        (b"//a///b/", b"/a/b/"),
        (b"/a/.", b"/a/"),
        (b"/a/b/..", b"/a/"),
        (b"/a%20b", b"/a%2520b"),
        (b"/~user/a:b", b"/~user/a%3Ab"),
    ],
)
def test_paths_are_normalised_and_encoded_twice(raw: bytes, expected: bytes) -> None:
    assert normalised_path(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/a//b/../c", b"/a//b/../c"),
        (b"/a%20b", b"/a%20b"),
        (b"/a b", b"/a%20b"),
        (b"/%7Ea%2fb", b"/~a/b"),
        (b"", b"/"),
    ],
)
def test_s3_paths_are_literal(raw: bytes, expected: bytes) -> None:
    assert literal_path(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", b""),
        (b"b=2&a=1", b"a=1&b=2"),
        (b"a", b"a="),
        (b"a=&a", b"a=&a="),
        (b"a=2&a=1&a=10", b"a=1&a=10&a=2"),
        (b"a=x%20y", b"a=x%20y"),
        (b"a=x+y", b"a=x%20y"),
        (b"a=%7e%2d%41", b"a=~-A"),
        (b"a=%zz", b"a=%25zz"),
        (b"a=b=c", b"a=b%3Dc"),
        (b"&&a=1&", b"a=1"),
        (b"a-b=1&a=2", b"a=2&a-b=1"),
        (b"A=1&a=2&B=3", b"A=1&B=3&a=2"),
    ],
)
def test_queries_are_encoded_and_sorted(raw: bytes, expected: bytes) -> None:
    assert canonical_query(query_pairs(raw)) == expected
