"""Requests as boto3 sends them, signed up front, so that signing does not weigh on the load generator.

A pool holds many different requests, each with its own plaintext, so that no server gains by remembering an answer.
AWS signatures stay good for fifteen minutes; a run takes less than four.
"""

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

POOL_REQUESTS = 256
PLAINTEXT_BYTES = 64
CONTEXT = {"tenant": "0123456789abcdef", "purpose": "benchmark"}
NEVER_RETRY = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10)


@dataclass(frozen=True, slots=True)
class Access:
    """How a client reaches a server: its address, an access key, and the CA certificate for HTTPS."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"
    ca_bundle: str | None = None

    def client(self, service: str = "kms") -> Any:
        """Return boto3's own client of a service for this server, without retries."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            verify=self.ca_bundle or False,
            config=NEVER_RETRY,
        )

    def refuses_wrong_signature(self, key_id: str) -> bool:
        """Ask the server to encrypt with this access key and another secret; return whether it said no."""
        client = replace(self, secret_access_key=self.secret_access_key[::-1] + "x").client()
        try:
            client.encrypt(KeyId=key_id, Plaintext=b"not signed by who it says")
        except ClientError:
            return True
        return False


@dataclass(frozen=True, slots=True)
class Pool:
    """Signed requests of one operation for one server, as bytes on the wire.

    `contents[i]` stands in every right answer to `wire[i]`; `plaintexts[i]` is what the request is about. `is_right`
    judges the answer to a request by its number, where decrypting it would not.
    """

    operation: str
    wire: list[bytes]
    contents: list[bytes]
    plaintexts: list[bytes]
    is_right: Callable[[int, dict[str, Any]], bool] | None = None


class _NoAnswer:
    """The body of the answer that a captured request gets instead of being sent."""

    def stream(self) -> Iterator[bytes]:
        yield b"{}"


def _on_the_wire(request: AWSPreparedRequest) -> bytes:
    """Return the request as boto3's HTTP client writes it, with the two headers that the client itself adds."""
    _, _, host, path = request.url.split("/", 3)
    lines = [f"POST /{path} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    for name, value in request.headers.items():
        # Some versions of botocore put the host among the headers, some leave it to the HTTP client.
        if name.lower() == "host":
            continue
        lines.append(f"{name}: {value.decode() if isinstance(value, bytes) else value}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + bytes(request.body)


def captured(access: Access, operation: str, calls: list[dict[str, Any]], service: str = "kms") -> list[bytes]:
    """Return the signed bytes of each call of `operation` (a method of boto3's client), without sending any."""
    wire: list[bytes] = []

    def keep(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        wire.append(_on_the_wire(request))
        return AWSResponse(request.url, 200, {}, _NoAnswer())

    client = access.client(service)
    client.meta.events.register("before-send", keep)
    call = getattr(client, operation)
    for parameters in calls:
        call(**parameters)
    return wire


def encrypt_pool(access: Access, key_id: str, requests: int = POOL_REQUESTS) -> Pool:
    """Return requests that each encrypt another random plaintext of 64 bytes with a context of two pairs."""
    plaintexts = [os.urandom(PLAINTEXT_BYTES) for _ in range(requests)]
    calls = [{"KeyId": key_id, "Plaintext": text, "EncryptionContext": CONTEXT} for text in plaintexts]
    return Pool("Encrypt", captured(access, "encrypt", calls), [b'"CiphertextBlob"'] * requests, plaintexts)


def decrypt_pool(access: Access, key_id: str, plaintexts: list[bytes], ciphertexts: list[bytes]) -> Pool:
    """Return requests that decrypt these ciphertexts; each right answer holds its plaintext in base64."""
    calls = [{"KeyId": key_id, "CiphertextBlob": blob, "EncryptionContext": CONTEXT} for blob in ciphertexts]
    contents = [base64.b64encode(text) for text in plaintexts]
    return Pool("Decrypt", captured(access, "decrypt", calls), contents, plaintexts)


def generate_data_key_pool(access: Access, key_id: str) -> Pool:
    """Return requests for a data key of 256 bits; they differ only in their context, for they carry no plaintext."""
    calls = [
        {"KeyId": key_id, "KeySpec": "AES_256", "EncryptionContext": {**CONTEXT, "tenant": f"{index:016x}"}}
        for index in range(POOL_REQUESTS)
    ]
    return Pool(
        "GenerateDataKey",
        captured(access, "generate_data_key", calls),
        [b'"Plaintext"'] * POOL_REQUESTS,
        [b""] * POOL_REQUESTS,
    )
