"""X.509 certificates for a server's own TLS: a private certificate authority and the server certificates it issues.

Keys are ECDSA on P-256. The extensions are those that RFC 5280 asks for and that strict verification checks
(OpenSSL's `X509_V_FLAG_X509_STRICT`, which Python sets by default since 3.13). Times are aware datetimes of the real
world, not of a clock that somebody may move: the clients that check them have clocks of their own.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

AUTHORITY_LIFE = timedelta(days=3650)
# Browsers refuse server certificates that live longer than 398 days.
SERVER_LIFE = timedelta(days=397)
# A client whose clock is a little slow must not find a fresh certificate "not yet valid".
BACKDATED_BY = timedelta(hours=1)
REISSUE_BEFORE_END = timedelta(days=60)
NAMES_MAX = 100
PEM_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Names:
    """What a server is reached by: DNS names (ASCII, `*.` allowed as the first label) and IP addresses.

    Raises ValueError when there is none, more than `NAMES_MAX`, or a name that is not a DNS name.
    """

    dns: tuple[str, ...] = ()
    ip: tuple[IpAddress, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < len(self.dns) + len(self.ip) <= NAMES_MAX:
            raise ValueError(f"a certificate has 1 to {NAMES_MAX} names")
        for name in self.dns:
            _require_dns_name(name)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Names":
        """Sort texts such as `localhost`, `*.example.com`, `127.0.0.1`, `::1` into names, each once, in their order."""
        dns: dict[str, None] = {}
        ip: dict[IpAddress, None] = {}
        for text in texts:
            try:
                ip[ipaddress.ip_address(text)] = None
            except ValueError:
                dns[text.lower()] = None
        return cls(tuple(dns), tuple(ip))


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate and its private key, both PEM. The key is PKCS #8, not encrypted: whoever stores it seals it."""

    certificate_pem: bytes
    private_key_pem: bytes = field(repr=False)


def create_authority(common_name: str, now: datetime, only_for: Names | None = None) -> Credential:
    """Return a new certificate authority, valid for `AUTHORITY_LIFE`, that may issue end certificates only.

    With `only_for`, a critical name constraint limits it to these DNS names, whatever is below them, and these
    addresses, so that who trusts the authority need not trust it for the rest of the world.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(common_name)
    builder = (
        _builder(subject, subject, key.public_key(), now, now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    if only_for is not None:
        builder = builder.add_extension(_constraints(only_for), critical=True)
    return _credential(builder.sign(key, hashes.SHA256()), key)


def issue_server_certificate(authority: Credential, common_name: str, names: Names, now: datetime) -> Credential:
    """Return a new server key and a certificate for `names`, valid for `SERVER_LIFE` or as long as the authority is.

    Raises ValueError when the authority's certificate has run out, does not belong to its key, or cannot be read.
    """
    issuer, issuer_key = _load_authority(authority)
    end = min(now + SERVER_LIFE - BACKDATED_BY, issuer.not_valid_after_utc)
    if end <= now:
        raise ValueError("the certificate authority has run out")
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_subject(common_name), issuer.subject, key.public_key(), now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_alternative_names(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key_id),
            critical=False,
        )
    )
    return _credential(builder.sign(issuer_key, hashes.SHA256()), key)


def is_to_be_reissued(server: Credential, authority: Credential, names: Names, now: datetime) -> bool:
    """Return whether a server certificate should be replaced.

    That is so when it ends within `REISSUE_BEFORE_END`, is for other names, was issued by another authority, does not
    belong to its key, or cannot be read.
    """
    try:
        certificate, key = _load(server)
        issuer, _ = _load_authority(authority)
        certificate.verify_directly_issued_by(issuer)
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return True
    return (
        certificate.public_key() != key.public_key()
        or not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - REISSUE_BEFORE_END
        or set(alternative) != set(_alternative_names(names))
    )


def sha256_fingerprint(certificate_pem: bytes) -> str:
    """Return the SHA-256 fingerprint of a certificate as browsers show it (`AB:CD:...`). Raises ValueError."""
    _require_size(certificate_pem)
    return x509.load_pem_x509_certificate(certificate_pem).fingerprint(hashes.SHA256()).hex(":").upper()


def not_after(certificate_pem: bytes) -> datetime:
    """Return when a certificate runs out (UTC). Raises ValueError when it cannot be read."""
    _require_size(certificate_pem)
    return x509.load_pem_x509_certificate(certificate_pem).not_valid_after_utc


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED_BY)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(names: Names) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [*(x509.DNSName(name) for name in names.dns), *(x509.IPAddress(address) for address in names.ip)]
    )


def _constraints(names: Names) -> x509.NameConstraints:
    """Permit the names and nothing else of either kind: a kind that is not mentioned would be free."""
    dns = [x509.DNSName(name.removeprefix("*.")) for name in names.dns]
    ip = [x509.IPAddress(ipaddress.ip_network(address)) for address in names.ip]
    excluded: list[x509.GeneralName] = []
    if not dns:
        excluded.append(x509.DNSName(""))
    if not ip:
        excluded.extend(x509.IPAddress(ipaddress.ip_network(every)) for every in ("0.0.0.0/0", "::/0"))
    return x509.NameConstraints(permitted_subtrees=[*dns, *ip] or None, excluded_subtrees=excluded or None)


def _require_dns_name(name: str) -> None:
    labels = name.removeprefix("*.").split(".")
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-_")
    if len(name) > 253 or not all(
        0 < len(label) <= 63 and set(label) <= allowed and label[0] != "-" and label[-1] != "-" for label in labels
    ):
        raise ValueError(f"not a DNS name in lower-case ASCII: {name!r}")


def _require_size(pem: bytes) -> None:
    if len(pem) > PEM_BYTES_MAX:
        raise ValueError(f"a PEM file has at most {PEM_BYTES_MAX} bytes")


def _load(credential: Credential) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    _require_size(credential.certificate_pem)
    _require_size(credential.private_key_pem)
    certificate = x509.load_pem_x509_certificate(credential.certificate_pem)
    key = serialization.load_pem_private_key(credential.private_key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the private key is not an elliptic curve key")
    return certificate, key


def _load_authority(authority: Credential) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate, key = _load(authority)
    if certificate.public_key() != key.public_key():
        raise ValueError("the certificate authority's certificate does not belong to its private key")
    return certificate, key


def _credential(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Credential:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Credential(certificate.public_bytes(serialization.Encoding.PEM), private)
