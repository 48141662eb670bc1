"""Whether clients trust the server's certificate: those of this shell, or, with an operator's certificate, any."""

import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.crypto.certificates import not_after
from strongroom.server.doctor.finding import Finding, limited, missing, ok
from strongroom.server.tls import new_context

LIFE_LEFT_SCARCE = timedelta(days=14)
_FLIGHTS_MAX = 8


def tls_trust(configuration: Configuration) -> Finding:
    """Look at who vouches for the server, and whether clients know."""
    if configuration.tls_certificate is not None and configuration.tls_private_key is not None:
        return _operators(configuration, configuration.tls_certificate, configuration.tls_private_key)
    authority = configuration.data / "tls" / "ca.pem"
    if not authority.exists():
        return ok("an authority of its own, made at the first start")
    without = "AWS clients of this shell refuse the server's certificate"
    remedy = 'eval "$(strongroom env)"'
    told = os.environ.get("AWS_CA_BUNDLE")
    if not told:
        return limited(f"an authority of its own, {authority}; AWS_CA_BUNDLE is not set", without, remedy)
    if not _has(Path(told), authority):
        return limited(f"an authority of its own, {authority}; AWS_CA_BUNDLE is another one, {told}", without, remedy)
    return ok(f"an authority of its own, {authority}, which AWS_CA_BUNDLE names")


def _has(bundle: Path, authority: Path) -> bool:
    """Whether a bundle holds an authority's certificate."""
    try:
        return authority.read_bytes().strip() in bundle.read_bytes()
    except OSError:
        return False


def _operators(configuration: Configuration, certificate: Path, key: Path) -> Finding:
    no_start = "the server does not start"
    server, _ = new_context()
    try:
        server.load_cert_chain(certificate, key, password=_refuse_password)
        left = not_after(certificate.read_bytes()) - datetime.now(UTC)
        reason = _why_not_trusted(server, certificate, configuration.tls_ca_bundle)
    except ssl.SSLError as error:
        return missing(
            f"{certificate} with {key}: {error.reason or error}", no_start, "give the key of the certificate"
        )
    except (OSError, OperatorError) as error:
        return missing(" ".join(str(error).split()), no_start, "see that this user may read both files")
    if reason is not None:
        without = "clients refuse the server's certificate"
        return limited(f"{certificate}: {reason}", without, "name the authorities that vouch for it: --tls-ca-bundle")
    found = f"{certificate}, good for another {left.days} days"
    if left < LIFE_LEFT_SCARCE:
        return limited(found, "clients refuse it then", "put a newer one in its place; the server takes it up")
    return ok(found)


def _why_not_trusted(server: ssl.SSLContext, certificate: Path, bundle: Path | None) -> str | None:
    """Return why a client would not trust the server, or None: by a handshake in memory. Names are not looked at."""
    client = ssl.create_default_context(cafile=None if bundle is None else str(bundle))
    if bundle is None:
        client.load_verify_locations(certificate)
    client.check_hostname = False
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True))
    for _ in range(_FLIGHTS_MAX):
        waiting = 0
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                waiting += 1
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
        if not waiting:
            return None
    return "the handshake does not end"


def _refuse_password() -> bytes:
    raise OperatorError("tls-private-key is encrypted; give one that is not, in a file that only this user can read")
