"""The proxy's TLS: the operator's certificate, or one from an authority of the proxy's own.

    DIR/tls/ca.pem             what KMS trusts: the authority's certificate
    DIR/tls/authority.sealed   the authority with its private key, sealed with the house key

A server certificate of our own is issued at every start and lives in memory only.
"""

import json
import ssl
from datetime import datetime, timedelta
from pathlib import Path

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.base.private_file import read_private, write_private
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.certificates import Credential, Names, create_authority, issue_server_certificate, not_after
from strongroom.server.authority import texts_of
from strongroom.server.tls import load_credential, load_operators, names_of, new_context, publish
from strongroom.server.xks_proxy.external_key import Cipher

COMMON_NAME = "Strongroom XKS proxy authority"
LIFE_LEFT_MIN = timedelta(days=120)
SEALED_BYTES_MAX = 65_536

_AAD = b"strongroom xks proxy: certificate authority v1"


def open_proxy_tls(configuration: Configuration, house_key: Cipher, now: datetime) -> tuple[ssl.SSLContext, Path]:
    """Return the context, and the file with which KMS verifies it. `now` is the time of the world.

    Raises OperatorError.
    """
    context, _ = new_context()
    directory = configuration.data / "tls"
    directory.mkdir(mode=0o755, exist_ok=True)
    return context, load_certificates(context, configuration, house_key, now)


def load_certificates(context: ssl.SSLContext, configuration: Configuration, house_key: Cipher, now: datetime) -> Path:
    """Load into a context the operator's files as they are now, or a fresh certificate. Raises OperatorError."""
    directory = configuration.data / "tls"
    if configuration.tls_certificate is not None:
        return load_operators(context, configuration, directory)
    names = names_of(configuration)
    authority = _ensure_authority(directory / "authority.sealed", house_key, names, now)
    try:
        load_credential(context, issue_server_certificate(authority, "Strongroom", names, now))
    except ValueError as error:
        raise OperatorError(f"the proxy's certificate cannot be issued: {error}") from None
    publish(directory / "ca.pem", authority.certificate_pem)
    return directory / "ca.pem"


def _ensure_authority(path: Path, house_key: Cipher, names: Names, now: datetime) -> Credential:
    """Return an authority that may issue for `names`. It can vouch for its names only: a new name asks for a new one.

    Raises OperatorError when the file does not open.
    """
    covered: list[str] = []
    if path.exists():
        authority, covered = _open(path, house_key)
        if set(texts_of(names)) <= set(covered) and not_after(authority.certificate_pem) - now > LIFE_LEFT_MIN:
            return authority
    wanted = [*covered, *(text for text in texts_of(names) if text not in covered)]
    made = create_authority(COMMON_NAME, now, only_for=Names.of(wanted))
    members = {
        "certificate": made.certificate_pem.decode(),
        "private_key": made.private_key_pem.decode(),
        "names": wanted,
    }
    path.unlink(missing_ok=True)
    write_private(path, house_key.encrypt(json.dumps(members).encode(), _AAD))
    return made


def _open(path: Path, house_key: Cipher) -> tuple[Credential, list[str]]:
    sealed = read_private(path, "sealed certificate authority", SEALED_BYTES_MAX)
    try:
        members = json.loads(house_key.decrypt(sealed, _AAD))
    except AuthenticationFailed:
        raise OperatorError(
            f"the certificate authority in {path} was not sealed with this house key; remove the file to get a new one"
        ) from None
    return Credential(members["certificate"].encode(), members["private_key"].encode()), members["names"]
