"""JSON Web Tokens: the example of the RFC, and what is no key and no token."""

import json
from typing import Any

import pytest

from strongroom.crypto.json_web_token import (
    KEYS_MAX,
    KeySetInvalid,
    PublicKey,
    TokenInvalid,
    parse_key_set,
    read_unverified,
    verify,
)

# RFC 7515, appendix A.2: a token signed with RS256, and the public half of its key.
RFC_TOKEN = (
    "eyJhbGciOiJSUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU"
    "Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d"
    "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
    "cN_IoypGlUPQGe77Rw"
)
RFC_MODULUS = (
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZ"
    "S-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2"
    "R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD"
    "TW9gb54h4FRWyuXpoQ"
)


def key_set(**changed: Any) -> tuple[PublicKey, ...]:
    jwk = {"kty": "RSA", "n": RFC_MODULUS, "e": "AQAB", **changed}
    return parse_key_set(json.dumps({"keys": [jwk]}).encode())


def test_the_example_of_the_rfc() -> None:
    assert verify(RFC_TOKEN, key_set()) == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}
    assert verify(RFC_TOKEN, key_set(use="sig", alg="RS256", kid="named"))["iss"] == "joe"


def test_one_bit_more_or_less_does_not_verify() -> None:
    head, payload, signature = RFC_TOKEN.split(".")
    for place in range(0, len(signature), 37):
        changed = signature[:place] + ("A" if signature[place] != "A" else "B") + signature[place + 1 :]
        with pytest.raises(TokenInvalid):
            verify(f"{head}.{payload}.{changed}", key_set())
    with pytest.raises(TokenInvalid):
        verify(f"{head}.{payload[:-4]}.{signature}", key_set())


@pytest.mark.parametrize(
    "changed",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"kty": "oct", "k": RFC_MODULUS},
        {"kty": "EC", "crv": "P-256"},
        {"kty": None},
        {"n": RFC_MODULUS[:170]},
        {"n": "AQAB"},
        {"n": "AA" + RFC_MODULUS * 8},
        {"n": 7},
        {"e": ""},
        {"kid": 7},
    ],
)
def test_keys_that_verify_nothing(changed: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        verify(RFC_TOKEN, key_set(**changed))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": "x"}',
        b"[" * 50_000,
        json.dumps({"keys": [{}] * (KEYS_MAX + 1)}).encode(),
    ],
)
def test_documents_that_are_no_key_set(document: bytes) -> None:
    with pytest.raises(KeySetInvalid):
        parse_key_set(document)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "...", "a.b.c", "e30.e30.e30", "\ud800.a.b", "eyJhbGciOiJSUzI1NiJ9.W10.AA"]
)
def test_texts_that_are_no_token(text: str) -> None:
    with pytest.raises(TokenInvalid):
        read_unverified(text)
