"""The proxy API by requests made by hand: what the specification asks for, and every error that it names."""

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from strongroom.base.clock import Clock
from strongroom.base.context import Origin
from strongroom.policy.tokens import tokenize
from strongroom.policy.wildcards import compile_any
from strongroom.server.xks_proxy.api import XksApi
from strongroom.server.xks_proxy.key_files import open_key_files
from strongroom.wire.http import HttpRequest
from strongroom.wire.sigv4 import Credential

ACCESS_KEY_ID, SECRET = "AKIAI2SFODNN7EXAMPLE", "FYtE5EFA5FT0mCc3DrGUe2sti527BitkQ0Zr9MO9fvE="
PATH = "/tenant/kms/xks/v1"
ORIGIN = Origin("4112f4d6-db54-4af4-ae30-c55a22a8dfae", 0.0, "127.0.0.1", True)
METADATA = {
    "awsPrincipalArn": "arn:aws:iam::123456789012:user/Alice",
    "kmsKeyArn": "arn:aws:kms:us-east-2:123456789012:/key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "kmsOperation": "AnOperationOfTheFuture",
    "kmsRequestId": "not a UUID",
    "aMemberOfTheFuture": {"a": 1},
}


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


ENCRYPT = {
    "requestMetadata": METADATA,
    "plaintext": b64(b"Hello World!"),
    "encryptionAlgorithm": "AES_GCM",
    "additionalAuthenticatedData": b64(b"project=nile,department=marketing"),
    "ciphertextDataIntegrityValueAlgorithm": "SHA_256",
}


class FixedClock(Clock):
    """A clock whose wall is off by some seconds."""

    off_by = 0.0

    def wall(self) -> float:
        return super().wall() + self.off_by


class Api:
    """The API on fresh key files, and a way to ask it."""

    def __init__(self, directory: Path, *principals: str) -> None:
        self.clock = FixedClock()
        self.manager = open_key_files(directory, ("key-1", "a.b_c"), make=True)
        credentials = {ACCESS_KEY_ID: Credential(ACCESS_KEY_ID, SECRET, None)}
        may_use = compile_any(tokenize(pattern, variables=False) for pattern in principals or ("*",))
        self.api = XksApi(PATH, self.manager, credentials, may_use, self.clock)

    def send(self, request: HttpRequest) -> tuple[int, dict[str, Any]]:
        response = asyncio.run(self.api.handle(request))
        assert dict(response.headers)[b"content-type"] == b"application/json"
        assert isinstance(response.body, bytes)
        members = json.loads(response.body)
        if response.status not in (200, 405):
            message = members.pop("errorMessage", "")
            assert len(message) < 512
            assert all(0x20 <= ord(character) <= 0x7E for character in message)
            assert list(members) == ["errorName"]
        return response.status, members

    def ask(self, path: str, members: Any, **given: Any) -> tuple[int, dict[str, Any]]:
        body = members if isinstance(members, bytes) else json.dumps(members).encode()
        return self.send(signed(path, body, **given))

    def error(self, path: str, members: Any, **given: Any) -> tuple[int, str]:
        status, answer = self.ask(path, members, **given)
        return status, answer["errorName"]


def signed(
    path: str,
    body: bytes,
    *,
    method: str = "POST",
    secret: str = SECRET,
    access_key_id: str = ACCESS_KEY_ID,
    service: str = "kms-xks-proxy",
    token: str | None = None,
    query: str = "",
    auth: Any = SigV4Auth,
    sent_body: bytes | None = None,
) -> HttpRequest:
    url = f"https://proxy.example.com{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method, url, headers={"Host": "proxy.example.com"}, data=body)
    auth(Credentials(access_key_id, secret, token), service, "us-east-2").add_auth(request)
    headers = [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
    sent_path, _, sent_query = request.url.removeprefix("https://proxy.example.com").partition("?")
    return HttpRequest(
        method, sent_path.encode(), sent_query.encode(), headers, ORIGIN, body if sent_body is None else sent_body
    )


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


def without(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in members.items() if other != name}


def to_decrypt(answer: dict[str, Any], aad: str | None = ENCRYPT["additionalAuthenticatedData"]) -> dict[str, Any]:
    members = {"requestMetadata": METADATA, "encryptionAlgorithm": "AES_GCM", "additionalAuthenticatedData": aad}
    sealed = without(answer, "ciphertextDataIntegrityValue")
    return {name: value for name, value in (members | sealed).items() if value is not None}


ENCRYPT_PATH, DECRYPT_PATH = f"{PATH}/keys/key-1/encrypt", f"{PATH}/keys/key-1/decrypt"


class TestWhatItDoes:
    def test_it_encrypts_and_decrypts(self, api: Api) -> None:
        status, answer = api.ask(ENCRYPT_PATH, ENCRYPT)
        assert status == 200
        parts = {name: base64.b64decode(value) for name, value in answer.items()}
        assert len(parts["ciphertext"]) == 12
        assert len(parts["initializationVector"]) == 16
        assert len(parts["authenticationTag"]) == 16
        assert parts["ciphertextMetadata"] == b"\x01"
        order = ("ciphertextMetadata", "initializationVector", "ciphertext", "authenticationTag")
        whole = b"project=nile,department=marketing" + b"".join(parts[name] for name in order)
        assert parts["ciphertextDataIntegrityValue"] == hashlib.sha256(whole).digest()
        assert api.ask(DECRYPT_PATH, to_decrypt(answer)) == (200, {"plaintext": ENCRYPT["plaintext"]})

    def test_an_integrity_value_comes_only_when_asked_for(self, api: Api) -> None:
        answer = api.ask(ENCRYPT_PATH, without(ENCRYPT, "ciphertextDataIntegrityValueAlgorithm"))[1]
        assert "ciphertextDataIntegrityValue" not in answer

    @pytest.mark.parametrize("size", [0, 1, 4_300])
    @pytest.mark.parametrize("aad_size", [None, 0, 8_192])
    def test_sizes(self, api: Api, size: int, aad_size: int | None) -> None:
        aad = None if aad_size is None else b64(bytes(aad_size))
        members = ENCRYPT | {"plaintext": b64(bytes(size)), "additionalAuthenticatedData": aad}
        if aad is None:
            members = without(members, "additionalAuthenticatedData")
        status, answer = api.ask(ENCRYPT_PATH, members)
        assert status == 200
        assert api.ask(DECRYPT_PATH, to_decrypt(answer, aad))[1] == {"plaintext": b64(bytes(size))}

    def test_a_key_is_described(self, api: Api) -> None:
        described = {"keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT"], "keyStatus": "ENABLED"}
        metadata = {"requestMetadata": without(METADATA, "kmsKeyArn")}
        assert api.ask(f"{PATH}/keys/a.b_c/metadata", metadata) == (200, described)

    def test_health(self, api: Api) -> None:
        metadata = {"kmsRequestId": "1", "kmsOperation": "KmsHealthCheck"}
        status, answer = api.ask(f"{PATH}/health", {"requestMetadata": metadata})
        assert status == 200
        assert answer.pop("xksProxyModel").startswith("Strongroom ")
        assert answer == {
            "xksProxyFleetSize": 1,
            "xksProxyVendor": "Strongroom",
            "ekmVendor": "Strongroom",
            "ekmFleetDetails": [{"id": "key-files", "model": "Key files", "healthStatus": "ACTIVE"}],
        }

    def test_a_get_is_refused_without_being_authenticated(self, api: Api) -> None:
        for path in (f"{PATH}/health", ENCRYPT_PATH, DECRYPT_PATH, f"{PATH}/keys/key-1/metadata"):
            assert api.send(HttpRequest("GET", path.encode(), b"", [], ORIGIN))[0] == 405


class TestWhoAsks:
    @pytest.mark.parametrize(
        "given",
        [
            {"secret": SECRET[:-2] + "F="},
            {"access_key_id": "AKIAI2SFODNN7EXAMPLF"},
            {"service": "kms"},
            {"token": "a session token"},
            {"sent_body": json.dumps(ENCRYPT | {"plaintext": ""}).encode()},
            {"auth": SigV4QueryAuth},
        ],
        ids=lambda given: next(iter(given)),
    )
    def test_a_signature_that_does_not_hold(self, api: Api, given: dict[str, Any]) -> None:
        assert api.error(ENCRYPT_PATH, ENCRYPT, **given) == (401, "AuthenticationFailedException")

    def test_a_request_without_a_signature(self, api: Api) -> None:
        for headers in ([], [(b"authorization", b"Basic YTpi")], [(b"authorization", b"AWS4-HMAC-SHA256 x")]):
            request = HttpRequest("POST", ENCRYPT_PATH.encode(), b"", headers, ORIGIN, b"{}")
            assert api.send(request) == (401, {"errorName": "AuthenticationFailedException"})

    def test_a_signature_for_another_path(self, api: Api) -> None:
        request = signed(ENCRYPT_PATH, json.dumps(ENCRYPT).encode())
        request.raw_path = DECRYPT_PATH.encode()
        assert api.send(request)[0] == 401

    @pytest.mark.parametrize(("off_by", "status"), [(0, 200), (290, 200), (-290, 200), (310, 401), (-310, 401)])
    def test_five_minutes_are_allowed(self, api: Api, off_by: float, status: int) -> None:
        api.clock.off_by = off_by
        assert api.ask(ENCRYPT_PATH, ENCRYPT)[0] == status

    def test_a_stranger_learns_nothing_of_paths_and_keys(self, api: Api) -> None:
        for path in (f"{PATH}/keys/absent/encrypt", "/other", f"{PATH}/health"):
            assert api.error(path, ENCRYPT, secret="A" * 43) == (401, "AuthenticationFailedException")

    def test_only_some_principals_may_use_the_keys(self, tmp_path: Path) -> None:
        api = Api(tmp_path, "arn:aws:iam::123456789012:role/*", "arn:aws:iam::123456789012:user/A?ice")
        assert api.ask(ENCRYPT_PATH, ENCRYPT)[0] == 200
        for arn in ("arn:aws:iam::123456789012:user/Bob", "AWS Internal"):
            members = ENCRYPT | {"requestMetadata": METADATA | {"awsPrincipalArn": arn}}
            assert api.error(ENCRYPT_PATH, members) == (403, "AccessDeniedException")
        health = {"requestMetadata": {"kmsRequestId": "1", "kmsOperation": "KmsHealthCheck"}}
        assert api.ask(f"{PATH}/health", health)[0] == 200


class TestWhere:
    @pytest.mark.parametrize(
        "path",
        [
            "/kms/xks/v1/health",
            "/",
            PATH,
            f"{PATH}/",
            f"{PATH}/health/",
            f"{PATH}/healthy",
            f"{PATH}/keys/key-1",
            f"{PATH}/keys/key-1/sign",
            f"{PATH}/keys/key-1/encrypt/",
            f"{PATH}/keys/a/b/encrypt",
            f"{PATH}x/health",
        ],
    )
    def test_a_path_that_is_none(self, api: Api, path: str) -> None:
        assert api.error(path, ENCRYPT) == (404, "InvalidUriPathException")

    def test_a_query_is_none_of_the_api(self, api: Api) -> None:
        assert api.error(ENCRYPT_PATH, ENCRYPT, query="a=b") == (404, "InvalidUriPathException")

    @pytest.mark.parametrize("key_id", ["absent", "key-2", "KEY-1", "house", "a.b%5Fc"])
    def test_a_key_that_is_not_served(self, api: Api, key_id: str) -> None:
        for operation in ("metadata", "encrypt", "decrypt"):
            assert api.error(f"{PATH}/keys/{key_id}/{operation}", ENCRYPT) == (404, "KeyNotFoundException")


class TestWhatIsAsked:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"requestMetadata": 1}',
            b"\xff",
            b'{"a": 1, "a": 2}',
            b'{"a": NaN}',
            b"[" * 9_000,
        ],
        ids=lambda body: body[:24].decode("latin-1"),
    )
    def test_a_body_that_is_not_an_object(self, api: Api, body: bytes) -> None:
        for path in (ENCRYPT_PATH, DECRYPT_PATH, f"{PATH}/keys/key-1/metadata", f"{PATH}/health"):
            assert api.error(path, body) == (400, "ValidationException")

    @pytest.mark.parametrize("name", ["awsPrincipalArn", "kmsKeyArn", "kmsOperation", "kmsRequestId"])
    @pytest.mark.parametrize("value", [None, "", 1, "x" * 2_049], ids=lambda value: str(value)[:8])
    def test_metadata_that_is_not_as_it_should_be(self, api: Api, name: str, value: Any) -> None:
        members = ENCRYPT | {"requestMetadata": METADATA | {name: value}}
        assert api.error(ENCRYPT_PATH, members) == (400, "ValidationException")

    def test_metadata_may_be_as_long_as_an_arn(self, api: Api) -> None:
        members = ENCRYPT | {"requestMetadata": METADATA | {"kmsKeyArn": "x" * 2_048}}
        assert api.ask(ENCRYPT_PATH, members)[0] == 200

    @pytest.mark.parametrize(
        "changes",
        [
            {"plaintext": None},
            {"plaintext": "@"},
            {"plaintext": "YQ"},
            {"plaintext": "YR=="},
            {"plaintext": 1},
            {"encryptionAlgorithm": None},
            {"encryptionAlgorithm": 1},
            {"additionalAuthenticatedData": "@"},
        ],
        ids=str,
    )
    def test_what_is_no_request_to_encrypt(self, api: Api, changes: dict[str, Any]) -> None:
        assert api.error(ENCRYPT_PATH, ENCRYPT | changes) == (400, "ValidationException")

    @pytest.mark.parametrize(
        "changes",
        [
            {"plaintext": b64(bytes(4_301))},
            {"additionalAuthenticatedData": b64(bytes(8_193))},
            {"encryptionAlgorithm": "AES_CBC"},
            {"ciphertextDataIntegrityValueAlgorithm": "SHA_512"},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_what_is_not_supported(self, api: Api, changes: dict[str, Any]) -> None:
        assert api.error(ENCRYPT_PATH, ENCRYPT | changes) == (501, "UnsupportedOperationException")

    def test_a_body_that_is_too_long(self, api: Api) -> None:
        members = ENCRYPT | {"padding": "x" * 70_000}
        assert api.error(ENCRYPT_PATH, members) == (501, "UnsupportedOperationException")

    @pytest.mark.parametrize(
        "changes",
        [
            {"ciphertext": b64(b"Hello World?")},
            {"ciphertext": ""},
            {"ciphertextMetadata": b64(b"\x02")},
            {"ciphertextMetadata": b64(b"\x01\x01")},
            {"ciphertextMetadata": ""},
            {"initializationVector": b64(bytes(16))},
            {"initializationVector": b64(bytes(12))},
            {"authenticationTag": b64(bytes(16))},
            {"additionalAuthenticatedData": b64(b"project=nile,department=marketin")},
            {"additionalAuthenticatedData": ""},
        ],
        ids=str,
    )
    def test_what_was_altered_does_not_open(self, api: Api, changes: dict[str, Any]) -> None:
        answer = api.ask(ENCRYPT_PATH, ENCRYPT)[1]
        assert api.error(DECRYPT_PATH, to_decrypt(answer) | changes) == (400, "InvalidCiphertextException")

    @pytest.mark.parametrize(
        "changes",
        [
            {"ciphertext": None},
            {"initializationVector": b64(bytes(13))},
            {"initializationVector": None},
            {"authenticationTag": b64(bytes(15))},
            {"authenticationTag": None},
            {"encryptionAlgorithm": None},
        ],
        ids=str,
    )
    def test_what_is_no_request_to_decrypt(self, api: Api, changes: dict[str, Any]) -> None:
        answer = api.ask(ENCRYPT_PATH, ENCRYPT)[1]
        assert api.error(DECRYPT_PATH, to_decrypt(answer) | changes) == (400, "ValidationException")

    def test_metadata_does_not_pass_for_additional_data(self, api: Api) -> None:
        answer = api.ask(ENCRYPT_PATH, without(ENCRYPT, "additionalAuthenticatedData"))[1]
        members = without(to_decrypt(answer, answer["ciphertextMetadata"]), "ciphertextMetadata")
        assert api.error(DECRYPT_PATH, members) == (400, "InvalidCiphertextException")
