"""A small external key store proxy, written from AWS's specification alone: nothing in it is Strongroom's.

A test may make it misbehave: `delay_seconds` before each answer, `alter` to put another answer in the place of a right
one, and keys that are disabled or not for encryption.

Source: AWS KMS External Key Store Proxy API Specification, version 1.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ACCESS_KEY_ID = "AKIAI2SFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "FYtE5EFA5FT0mCc3DrGUe2sti527BitkQ0Zr9MO9fvE="
BASE_PATH = "/tenant-1/kms/xks/v1"
_METADATA = b"key_version=1"
_STATUSES = {
    "ValidationException": 400,
    "InvalidStateException": 400,
    "InvalidCiphertextException": 400,
    "InvalidKeyUsageException": 400,
    "AuthenticationFailedException": 401,
    "KeyNotFoundException": 404,
    "InvalidUriPathException": 404,
}


class Refusal(Exception):
    """An error of the specification, by its name."""


class RawAnswer(NamedTuple):
    """An answer as it goes over the wire."""

    status: int
    body: bytes
    content_type: str = "application/json"


Alter = Callable[[str, RawAnswer], RawAnswer]


class ReferenceProxy:
    """The proxy: start it with `with`. `requests` are what it was asked, (path, members), in order."""

    def __init__(self, certificate: Path, private_key: Path) -> None:
        self.keys = {"key-1": os.urandom(32), "key-2": os.urandom(32)}
        self.usages = ["ENCRYPT", "DECRYPT", "WRAP"]
        self.disabled: set[str] = set()
        self.credentials = {ACCESS_KEY_ID: SECRET_ACCESS_KEY}
        self.health_statuses = ["ACTIVE"]
        self.delay_seconds = 0.0
        self.alter: Alter | None = None
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        self.close_after_answer = False
        self.sends_metadata = True
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = _Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, private_key)
        self._server.tls = context
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> "ReferenceProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening and close every connection."""
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()

    def close_connections(self) -> None:
        """Close every connection, as a proxy does that is restarted or tired of idle clients."""
        self._server.close_connections()

    def answer(self, path: str, body: bytes, headers: dict[str, str]) -> RawAnswer:
        """Answer one POST request."""
        try:
            members = self._answer(path, body, headers)
            answer = RawAnswer(200, json.dumps(members).encode())
        except Refusal as refusal:
            name = str(refusal)
            answer = RawAnswer(_STATUSES[name], json.dumps({"errorName": name, "errorMessage": "secret?"}).encode())
        return self.alter(path, answer) if self.alter is not None else answer

    def _answer(self, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        self._authenticate(path, body, headers)
        try:
            request = json.loads(body)
            metadata = request["requestMetadata"]
            assert isinstance(metadata["kmsRequestId"], str)
            assert isinstance(metadata["kmsOperation"], str)
        except (ValueError, KeyError, AssertionError):
            raise Refusal("ValidationException") from None
        self.requests.append((path, request))
        if path == f"{BASE_PATH}/health":
            return self._health()
        match = re.fullmatch(re.escape(BASE_PATH) + r"/keys/([A-Za-z0-9._-]{1,128})/(metadata|encrypt|decrypt)", path)
        if match is None:
            raise Refusal("InvalidUriPathException")
        key_id, operation = match.groups()
        if key_id not in self.keys:
            raise Refusal("KeyNotFoundException")
        if operation == "metadata":
            status = "DISABLED" if key_id in self.disabled else "ENABLED"
            return {"keySpec": "AES_256", "keyUsage": self.usages, "keyStatus": status}
        if key_id in self.disabled:
            raise Refusal("InvalidStateException")
        if operation.upper() not in self.usages:
            raise Refusal("InvalidKeyUsageException")
        if request["encryptionAlgorithm"] != "AES_GCM":
            raise Refusal("ValidationException")
        return self._crypt(operation, AESGCM(self.keys[key_id]), request)

    def _crypt(self, operation: str, cipher: AESGCM, request: dict[str, Any]) -> dict[str, Any]:
        aad = base64.b64decode(request.get("additionalAuthenticatedData", ""))
        if operation == "encrypt":
            metadata = _METADATA if self.sends_metadata else b""
            iv, plaintext = os.urandom(12), base64.b64decode(request["plaintext"])
            sealed = cipher.encrypt(iv, plaintext, _full_aad(aad, metadata))
            ciphertext, tag = sealed[:-16], sealed[-16:]
            answer = {"ciphertext": ciphertext, "initializationVector": iv, "authenticationTag": tag}
            if metadata:
                answer["ciphertextMetadata"] = metadata
            if request.get("ciphertextDataIntegrityValueAlgorithm") == "SHA_256":
                whole = aad + metadata + iv + ciphertext + tag
                answer["ciphertextDataIntegrityValue"] = hashlib.sha256(whole).digest()
            return {name: base64.b64encode(value).decode() for name, value in answer.items()}
        sealed = base64.b64decode(request["ciphertext"]) + base64.b64decode(request["authenticationTag"])
        metadata = base64.b64decode(request.get("ciphertextMetadata", ""))
        try:
            iv = base64.b64decode(request["initializationVector"])
            plaintext = cipher.decrypt(iv, sealed, _full_aad(aad, metadata))
        except InvalidTag:
            raise Refusal("InvalidCiphertextException") from None
        return {"plaintext": base64.b64encode(plaintext).decode()}

    def _health(self) -> dict[str, Any]:
        return {
            "xksProxyFleetSize": 1,
            "xksProxyVendor": "Tests",
            "xksProxyModel": "Reference 1.0",
            "ekmVendor": "Tests",
            "ekmFleetDetails": [
                {"id": f"hsm-{number}", "model": "dict", "healthStatus": status}
                for number, status in enumerate(self.health_statuses)
            ],
        }

    def _authenticate(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        """Verify the signature as Appendix A says, in four tasks."""
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([A-Z2-7]{20,30})/((\d{8})/([a-z0-9-]+)/kms-xks-proxy/aws4_request), "
            r"SignedHeaders=host;x-amz-date, Signature=([0-9a-f]{64})",
            headers.get("authorization", ""),
        )
        if match is None or match[1] not in self.credentials:
            raise Refusal("AuthenticationFailedException")
        date = headers.get("x-amz-date", "")
        canonical_request = "\n".join(
            [
                "POST",
                path,
                "",
                f"host:{headers.get('host', '')}",
                f"x-amz-date:{date}",
                "",
                "host;x-amz-date",
                hashlib.sha256(body).hexdigest(),
            ]
        )
        hashed = hashlib.sha256(canonical_request.encode()).hexdigest()
        key = b"AWS4" + self.credentials[match[1]].encode()
        for part in (match[3], match[4], "kms-xks-proxy", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        wanted = hmac.digest(key, f"AWS4-HMAC-SHA256\n{date}\n{match[2]}\n{hashed}".encode(), "sha256").hex()
        signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if not hmac.compare_digest(wanted, match[5]) or abs(datetime.now(UTC) - signed_at).total_seconds() > 300:
            raise Refusal("AuthenticationFailedException")


def _full_aad(aad: bytes, metadata: bytes) -> bytes:
    return len(aad).to_bytes(2) + aad + len(metadata).to_bytes(1) + metadata


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._open: set[Any] = set()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread."""
        try:
            with self.tls.wrap_socket(request, server_side=True) as connection:
                self._open.add(connection)
                try:
                    super().finish_request(connection, client_address)
                finally:
                    self._open.discard(connection)
        except OSError:
            pass  # The client went away.

    def close_connections(self) -> None:
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(2)


class _Handler(BaseHTTPRequestHandler):
    owner: ReferenceProxy
    protocol_version = "HTTP/1.1"
    # One segment for head and body: with two, an answer may wait for an acknowledgement.
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.owner.connections += 1

    def do_GET(self) -> None:
        self.send_error(405)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.owner.headers.append(headers)
        answer = self.owner.answer(self.path, body, headers)
        time.sleep(self.owner.delay_seconds)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.owner.close_after_answer:
            self.close_connection = True
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
