"""An OpenID Connect provider of the test: a real HTTPS server with signing keys, and the tokens that it issues."""

import hashlib
import json
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from strongroom.crypto.certificates import Names, create_authority, issue_server_certificate

CLIENT_ID = "strongroom-tests"
_EC_CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


class SigningKey:
    """A key of a provider: of 2,048 RSA bits, or on the curve of an ES algorithm."""

    def __init__(self, key_id: str | None, algorithm: str = "RS256", bits: int = 2_048) -> None:
        self.key_id, self.algorithm = key_id, algorithm
        self.private: Any
        if algorithm in _EC_CURVES:
            self.private = ec.generate_private_key(_EC_CURVES[algorithm]())
        else:
            self.private = rsa.generate_private_key(65_537, bits)

    def public_jwk(self, **more: Any) -> dict[str, Any]:
        """Return the public key as a JSON Web Key."""
        encoder = jwt.get_algorithm_by_name(self.algorithm)
        jwk: dict[str, Any] = encoder.to_jwk(self.private.public_key(), as_dict=True)  # type: ignore[attr-defined]
        jwk.pop("key_ops", None)
        return {**jwk, "use": "sig", **({"kid": self.key_id} if self.key_id else {}), **more}

    def sign(self, claims: dict[str, Any], **headers: Any) -> str:
        """Return a token with these claims."""
        named = {"kid": self.key_id} if self.key_id else {}
        return jwt.encode(claims, self.private, self.algorithm, headers=named | headers)


class IdentityProvider:
    """The provider, at `issuer`. `documents` is what it answers, by path; `asked` the paths that it was asked for."""

    def __init__(self, issuer: str, authority_pem: bytes) -> None:
        self.issuer = issuer
        self.authority_pem = authority_pem
        self.keys = [SigningKey("first")]
        self.asked: list[str] = []
        self.documents: dict[str, bytes] = {}
        self.status = 200
        self.delay_seconds = 0.0
        self.publish()

    @property
    def thumbprint(self) -> str:
        """The SHA-1 digest of the authority's certificate."""
        der = ssl.PEM_cert_to_DER_cert(self.authority_pem.decode())
        return hashlib.sha1(der, usedforsecurity=False).hexdigest()

    def publish(self, *, issuer: str | None = None, jwks_uri: str | None = None) -> None:
        """Make discovery document and key set those of the present keys."""
        path = self.issuer.removeprefix("https://").partition("/")[2]
        lead = f"/{path.rstrip('/')}" if path else ""
        discovery = {"issuer": issuer or self.issuer, "jwks_uri": jwks_uri or f"{self.issuer.rstrip('/')}/keys"}
        self.documents = {
            f"{lead}/.well-known/openid-configuration": json.dumps(discovery).encode(),
            f"{lead}/keys": json.dumps({"keys": [key.public_jwk() for key in self.keys]}).encode(),
        }

    def token(self, **changed: Any) -> str:
        """Return a good token of the first key, but for what is changed; None leaves a claim out."""
        return self.keys[0].sign(self.claims(**changed))

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Return the claims of a good token, but for what is changed."""
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "job:17", "aud": CLIENT_ID, "iat": now, "exp": now + 300, **changed}
        return {name: value for name, value in claims.items() if value is not None}


class _QuietServer(ThreadingHTTPServer):
    """A server that says nothing of clients who do not trust it, and go away."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def identity_provider(directory: Path, path: str = "") -> Iterator[IdentityProvider]:
    """Run a provider on a free port of localhost, with a certificate of an authority of its own."""
    now = datetime.now(UTC)
    names = Names.of(["localhost", "127.0.0.1"])
    authority = create_authority("Authority of an identity provider", now)
    server_credential = issue_server_certificate(authority, "localhost", names, now)
    certificate, key = directory / "provider.pem", directory / "provider.key"
    certificate.write_bytes(server_credential.certificate_pem + authority.certificate_pem)
    key.write_bytes(server_credential.private_key_pem)
    (directory / "authority.pem").write_bytes(authority.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            time.sleep(provider.delay_seconds)
            document = provider.documents.get(self.path)
            self.send_response(provider.status if document is not None else 404)
            if provider.status in (301, 302):
                self.send_header("Location", f"{provider.issuer}/keys")
            self.send_header("Content-Length", str(len(document or b"")))
            self.end_headers()
            self.wfile.write(document or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = _QuietServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    provider = IdentityProvider(f"https://localhost:{server.server_port}{path}", authority.certificate_pem)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
