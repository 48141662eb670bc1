"""TLS: certificates from the server's own authority, or the operator's.

    DIR/tls/ca.pem       what clients trust (AWS_CA_BUNDLE): the authority's certificate
    DIR/tls/bundle.pem   the same for an operator's certificate: its chain, and the system's authorities

A server certificate of our own is issued at every start and lives in memory only, so no private key is on the disk in
clear: OpenSSL, which insists on a file, reads it from a pipe.
"""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from strongroom.base.clock import Clock, as_datetime
from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.crypto.certificates import (
    Credential,
    Names,
    issue_server_certificate,
    sha256_fingerprint,
)
from strongroom.envelope.sealed import Sealer
from strongroom.server.authority import ensure_authority
from strongroom.server.logs import logger
from strongroom.storage.store import Store

PIPED_BYTES_MAX = 4_096
"""What every pipe takes at once, without a reader."""

_TLS_1_2_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
_GROUPS = "X25519MLKEM768:X25519:P-256:P-384"


@dataclass(slots=True)
class Tls:
    """A TLS context, what clients verify it with, and whether it offers hybrid post-quantum key exchange."""

    context: ssl.SSLContext
    post_quantum: bool
    ca_bundle: Path


async def open_tls(configuration: Configuration, store: Store, sealer: Sealer, clock: Clock) -> Tls:
    """Return the TLS of this server, making certificates as needed. Raises OperatorError."""
    context, post_quantum = new_context()
    tls = Tls(context, post_quantum, configuration.data / "tls" / "ca.pem")
    await renew(tls, configuration, store, sealer, clock)
    return tls


async def renew(tls: Tls, configuration: Configuration, store: Store, sealer: Sealer, clock: Clock) -> None:
    """Load certificates into the context, from which new handshakes take them: the operator's files as they are now,
    or a fresh certificate from the authority as it is now. Raises OperatorError.
    """
    directory = configuration.data / "tls"
    directory.mkdir(mode=0o755, exist_ok=True)
    if configuration.tls_certificate is not None:
        tls.ca_bundle = load_operators(tls.context, configuration, directory)
        return
    names = names_of(configuration)
    now = as_datetime(clock.wall())
    authority, is_new = await ensure_authority(store, sealer, names, now)
    try:
        server = issue_server_certificate(authority, "Strongroom", names, now)
    except ValueError as error:
        raise OperatorError(f"the server's certificate cannot be issued: {error}") from None
    load_credential(tls.context, server)
    publish(directory / "ca.pem", authority.certificate_pem)
    if is_new:
        fingerprint = sha256_fingerprint(authority.certificate_pem)
        logger.info("new certificate authority", file=str(directory / "ca.pem"), sha256=fingerprint)


def new_context() -> tuple[ssl.SSLContext, bool]:
    """Return a context for TLS 1.2 and 1.3 with forward secrecy only, and whether it offers hybrid key exchange."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(_TLS_1_2_SUITES)
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL 3.5 brought ML-KEM and offers the hybrid group by default; Python learned to choose groups later.
    post_quantum = ssl.OPENSSL_VERSION_INFO >= (3, 5)
    set_groups = getattr(context, "set_groups", None)
    if post_quantum and set_groups is not None:
        set_groups(_GROUPS)
    return context, post_quantum


def names_of(configuration: Configuration) -> Names:
    """Return the names that this server's certificate carries. Raises OperatorError for one that cannot be in it."""
    texts = ["localhost", "s3.localhost", "*.s3.localhost", "127.0.0.1", "::1", *configuration.tls_names]
    if configuration.host not in ("0.0.0.0", "::"):  # noqa: S104 (compared with, not listened on)
        texts.append(configuration.host.partition("%")[0])
    try:
        return Names.of(texts)
    except ValueError as error:
        raise OperatorError(f"host and tls-names: {error}") from None


def load_credential(context: ssl.SSLContext, credential: Credential) -> None:
    """Load a certificate and its key into a context, through pipes. Raises ssl.SSLError."""
    certificate, key = _pipe(credential.certificate_pem), _pipe(credential.private_key_pem)
    try:
        context.load_cert_chain(f"/dev/fd/{certificate}", f"/dev/fd/{key}")
    finally:
        os.close(certificate)
        os.close(key)


def _pipe(content: bytes) -> int:
    """Return the read end of a pipe that holds `content`."""
    if len(content) > PIPED_BYTES_MAX:
        raise OperatorError("the certificate has too many names")
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, content)
    finally:
        os.close(write_end)
    return read_end


def load_operators(context: ssl.SSLContext, configuration: Configuration, directory: Path) -> Path:
    """Load the operator's certificate into a context, and return the path of what clients verify it with.

    That is the operator's own bundle, or one that is kept in `directory`. Raises OperatorError.
    """
    certificate, key = configuration.tls_certificate, configuration.tls_private_key
    if certificate is None or key is None:
        raise OperatorError("tls-certificate and tls-private-key come together")
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
        if configuration.tls_ca_bundle is not None:
            configuration.tls_ca_bundle.read_bytes()
            return configuration.tls_ca_bundle.absolute()
        bundle = certificate.read_bytes().rstrip() + b"\n" + _system_authorities()
    except ssl.SSLError as error:
        reason = error.reason or error.strerror
        raise OperatorError(f"tls-certificate {certificate} with tls-private-key {key}: {reason}") from None
    except OSError as error:
        raise OperatorError(f"{error.filename or certificate} cannot be read: {error.strerror}") from None
    publish(directory / "bundle.pem", bundle)
    return directory / "bundle.pem"


def _refuse_password() -> bytes:
    raise OperatorError("tls-private-key is encrypted; give one that is not, in a file that only this user can read")


def _system_authorities() -> bytes:
    path = ssl.get_default_verify_paths().cafile
    return Path(path).read_bytes() if path else b""


def publish(path: Path, content: bytes) -> None:
    """Keep a file that everybody may read equal to `content`; it changes whole or not at all."""
    try:
        if path.read_bytes() == content:
            return
    except FileNotFoundError:
        pass
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
