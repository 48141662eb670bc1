"""JSON documents of identity providers, fetched over HTTPS: bounded in time and size, and never along a redirect.

A provider's certificate is trusted when one of the system's authorities vouches for it, or one in the bundle that
AWS_CA_BUNDLE names, or when a certificate of its chain has one of the thumbprints that an administrator gave.

Source: IAM User Guide, "Create an OpenID Connect (OIDC) identity provider in IAM", "Obtain the thumbprint for an OpenID
Connect identity provider".
"""

import asyncio
import hashlib
import os
import ssl
from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httptools

FETCH_SECONDS_MAX = 10.0
DOCUMENT_BYTES_MAX = 512 * 1024
RECEIVED_BYTES_MAX = 1024 * 1024

_UNREADABLE = "its answer cannot be read"


class FetchFailed(Exception):  # noqa: N818 (it says what happened)
    """A document could not be fetched. The message is for the operator's log."""


class CertificateUntrusted(FetchFailed):
    """Neither an authority nor a thumbprint vouches for the certificate."""


async def fetch(url: str, thumbprints: Collection[str]) -> bytes:
    """Return the document at an https URL. `thumbprints` are SHA-1 digests of certificates, hexadecimal.

    Raises FetchFailed when it cannot be had, and CertificateUntrusted.
    """
    parts = _parts(url)
    try:
        async with asyncio.timeout(FETCH_SECONDS_MAX):
            try:
                return await _get(parts, await asyncio.to_thread(_authorities))
            except ssl.SSLCertVerificationError as refusal:
                anchor = await _pinned(parts, {each.lower() for each in thumbprints})
                if anchor is None:
                    raise CertificateUntrusted(refusal.verify_message) from None
                return await _get(parts, _only(anchor))
    except ssl.SSLCertVerificationError as refusal:
        raise CertificateUntrusted(refusal.verify_message) from None
    except TimeoutError:
        raise FetchFailed(f"it took longer than {FETCH_SECONDS_MAX:g} seconds") from None
    except (OSError, asyncio.IncompleteReadError) as error:
        raise FetchFailed(f"the connection failed: {type(error).__name__}") from None


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
        parts = SplitResult("", "", "", "", "")
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not usable or not is_plain or parts.username is not None or parts.fragment:
        raise FetchFailed("its address is not a plain https URL")
    return parts


def _authorities() -> ssl.SSLContext:
    context = ssl.create_default_context()
    bundle = os.environ.get("AWS_CA_BUNDLE")
    if bundle:
        context.load_verify_locations(bundle)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _only(anchor: bytes) -> ssl.SSLContext:
    """Trust one certificate (DER), and what it vouches for; names and dates are checked as ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=anchor)
    return context


async def _pinned(parts: SplitResult, thumbprints: set[str]) -> bytes | None:
    """Return the certificate (DER) of the server's chain that has one of the thumbprints, or None.

    Nothing is sent on this connection, and nothing believed but that: the document is fetched on another one, which has
    to be vouched for by this very certificate. A thumbprint is a SHA-1 digest, of which nobody can make a second
    certificate yet.
    """
    if not thumbprints:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await _connect(parts, context)
    try:
        chain = _chain_of(writer.get_extra_info("ssl_object"))
    finally:
        writer.transport.abort()
    digests = ((hashlib.sha1(each, usedforsecurity=False).hexdigest(), each) for each in chain)
    return next((each for digest, each in digests if digest in thumbprints), None)


def _chain_of(connection: Any) -> Sequence[bytes]:
    """Return the certificates that a server sent (DER), its own first."""
    if hasattr(connection, "get_unverified_chain"):
        chain: Sequence[bytes] | None = connection.get_unverified_chain()
        return chain or ()
    # Python has had this since 3.10, and a public name for it since 3.13.
    found = connection._sslobj.get_unverified_chain() or ()
    return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in found]


async def _connect(parts: SplitResult, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=context, limit=64 * 1024)


async def _get(parts: SplitResult, context: ssl.SSLContext) -> bytes:
    reader, writer = await _connect(parts, context)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: application/json\r\n"
            f"User-Agent: Strongroom\r\nConnection: close\r\n\r\n".encode("ascii")
        )
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        received_bytes = 0
        while not answer.is_whole:
            data = await reader.read(64 * 1024)
            received_bytes += len(data)
            if received_bytes > RECEIVED_BYTES_MAX or len(answer.body) > DOCUMENT_BYTES_MAX:
                raise FetchFailed("its answer is too large")
            if not data:
                break
            try:
                parser.feed_data(data)
            except httptools.HttpParserError:
                raise FetchFailed(_UNREADABLE) from None
        return _document(parser, answer)
    finally:
        writer.transport.abort()


class _Answer:
    """What the parser of an HTTP answer has told so far."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.is_whole = False
        self.ends_with_connection = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self.ends_with_connection = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_whole = True


def _document(parser: Any, answer: _Answer) -> bytes:
    if not answer.is_whole and not answer.ends_with_connection:
        raise FetchFailed("the connection ended early")
    status = parser.get_status_code()
    if status != 200:
        raise FetchFailed(f"it answered with the status {status}")
    if len(answer.body) > DOCUMENT_BYTES_MAX:
        raise FetchFailed("its answer is too large")
    return bytes(answer.body)
