import hashlib
import ipaddress
import os
import ssl
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from strongroom.crypto import certificates
from strongroom.crypto.certificates import Names, create_authority, is_to_be_reissued, issue_server_certificate

NOW = datetime.now(UTC)
NAMES = Names.of(["localhost", "*.s3.localhost", "strongroom.example", "127.0.0.1", "::1"])
AUTHORITY = create_authority("Strongroom authority", NOW)
SERVER = issue_server_certificate(AUTHORITY, "Strongroom server", NAMES, NOW)


def handshake(tmp_path, authority, server, name: str) -> str:
    """Do a TLS handshake in memory as a strict client that trusts `authority`; return the TLS version."""
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    certificate.write_bytes(server.certificate_pem)
    key.write_bytes(server.private_key_pem)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate, key)
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.load_verify_locations(cadata=authority.certificate_pem.decode())
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(down, up, server_hostname=name)
    serving = server_context.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for side in (client, serving):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.version() or ""


@pytest.mark.parametrize("name", ["localhost", "bucket.s3.localhost", "strongroom.example", "127.0.0.1", "::1"])
def test_a_strict_client_accepts_every_name(tmp_path, name):
    assert handshake(tmp_path, AUTHORITY, SERVER, name) == "TLSv1.3"


@pytest.mark.parametrize("name", ["example", "a.b.s3.localhost", "127.0.0.2"])
def test_a_strict_client_refuses_other_names(tmp_path, name):
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not valid"):
        handshake(tmp_path, AUTHORITY, SERVER, name)


def test_a_client_refuses_another_authoritys_certificate(tmp_path):
    other = create_authority("Strongroom authority", NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, other, SERVER, "localhost")


def test_openssl_verifies_strictly(tmp_path):
    authority, server = tmp_path / "ca.pem", tmp_path / "server.pem"
    authority.write_bytes(AUTHORITY.certificate_pem)
    server.write_bytes(SERVER.certificate_pem)
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost"]
    try:
        done = subprocess.run([*command, "-CAfile", authority, server], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("there is no openssl command")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("OK\n")


@pytest.mark.parametrize(
    "subject",
    [x509.DNSName("localhost"), x509.DNSName("b.s3.localhost"), x509.IPAddress(ipaddress.ip_address("::1"))],
)
def test_the_profile_of_the_web_accepts_it(subject):
    store = Store([x509.load_pem_x509_certificate(AUTHORITY.certificate_pem)])
    leaf = x509.load_pem_x509_certificate(SERVER.certificate_pem)
    verifier = PolicyBuilder().store(store).time(NOW + timedelta(days=1)).build_server_verifier(subject)
    assert [certificate.subject for certificate in verifier.verify(leaf, [])] == [leaf.subject, leaf.issuer]


def test_the_extensions():
    authority = x509.load_pem_x509_certificate(AUTHORITY.certificate_pem)
    leaf = x509.load_pem_x509_certificate(SERVER.certificate_pem)
    critical = {type(extension.value).__name__: extension.critical for extension in leaf.extensions}
    assert critical == {
        "SubjectKeyIdentifier": False,
        "AuthorityKeyIdentifier": False,
        "BasicConstraints": True,
        "KeyUsage": True,
        "ExtendedKeyUsage": False,
        "SubjectAlternativeName": False,
    }
    basic = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert (basic.value.ca, basic.value.path_length) == (True, 0)
    usage = authority.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert leaf.version is x509.Version.v3


def test_it_lives_397_days_and_no_longer_than_its_authority():
    leaf = x509.load_pem_x509_certificate(SERVER.certificate_pem)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=397)
    assert leaf.not_valid_before_utc < NOW
    end = certificates.not_after(AUTHORITY.certificate_pem)
    late = issue_server_certificate(AUTHORITY, "Strongroom server", NAMES, end - timedelta(days=3))
    assert certificates.not_after(late.certificate_pem) == end
    with pytest.raises(ValueError, match="run out"):
        issue_server_certificate(AUTHORITY, "Strongroom server", NAMES, end)


def test_when_to_reissue():
    end = certificates.not_after(SERVER.certificate_pem)
    assert not is_to_be_reissued(SERVER, AUTHORITY, NAMES, NOW)
    assert not is_to_be_reissued(SERVER, AUTHORITY, NAMES, end - timedelta(days=61))
    assert is_to_be_reissued(SERVER, AUTHORITY, NAMES, end - timedelta(days=59))
    assert is_to_be_reissued(SERVER, AUTHORITY, NAMES, end + timedelta(days=1))
    assert is_to_be_reissued(SERVER, AUTHORITY, NAMES, NOW - timedelta(days=1))
    assert is_to_be_reissued(SERVER, AUTHORITY, Names.of(["localhost"]), NOW)
    assert is_to_be_reissued(SERVER, create_authority("Strongroom authority", NOW), NAMES, NOW)
    other = issue_server_certificate(AUTHORITY, "Strongroom server", NAMES, NOW)
    mixed = certificates.Credential(SERVER.certificate_pem, other.private_key_pem)
    assert is_to_be_reissued(mixed, AUTHORITY, NAMES, NOW)
    assert is_to_be_reissued(certificates.Credential(b"nonsense", b""), AUTHORITY, NAMES, NOW)


def test_an_authority_with_the_wrong_key_issues_nothing():
    other = create_authority("Strongroom authority", NOW)
    mixed = certificates.Credential(AUTHORITY.certificate_pem, other.private_key_pem)
    with pytest.raises(ValueError, match="does not belong"):
        issue_server_certificate(mixed, "Strongroom server", NAMES, NOW)


def test_name_constraints_bind_the_authority(tmp_path):
    authority = create_authority("Strongroom authority", NOW, only_for=NAMES)
    inside = issue_server_certificate(authority, "Strongroom server", NAMES, NOW)
    for name in ("localhost", "bucket.s3.localhost", "127.0.0.1", "::1"):
        assert handshake(tmp_path, authority, inside, name) == "TLSv1.3"
    for name in ("bank.example", "192.0.2.1"):
        outside = issue_server_certificate(authority, "Strongroom server", Names.of([name]), NOW)
        with pytest.raises(ssl.SSLCertVerificationError, match="subtree"):
            handshake(tmp_path, authority, outside, name)


@pytest.mark.parametrize(("only", "other"), [("127.0.0.1", "bank.example"), ("localhost", "192.0.2.1"), ("::1", "a")])
def test_constraints_of_one_kind_of_name_exclude_the_other_kind(tmp_path, only, other):
    authority = create_authority("Strongroom authority", NOW, only_for=Names.of([only]))
    inside = issue_server_certificate(authority, "Strongroom server", Names.of([only]), NOW)
    assert handshake(tmp_path, authority, inside, only) == "TLSv1.3"
    outside = issue_server_certificate(authority, "Strongroom server", Names.of([other]), NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree"):
        handshake(tmp_path, authority, outside, other)


def test_names_are_sorted_out():
    assert NAMES.dns == ("localhost", "*.s3.localhost", "strongroom.example")
    assert [str(address) for address in NAMES.ip] == ["127.0.0.1", "::1"]
    assert Names.of(["LOCALHOST", "localhost", "::1", "0:0::1"]) == Names.of(["localhost", "::1"])


@pytest.mark.parametrize(
    "bad", ["", "a b", "exämple", "a..b", "-a", "*", "a.*.b", "a" * 64, "a." * 130 + "a", "a/b", "1.2.3.4:5"]
)
def test_bad_names(bad):
    with pytest.raises(ValueError, match="DNS name"):
        Names.of([bad])


def test_the_number_of_names_is_bounded():
    with pytest.raises(ValueError, match="1 to 100 names"):
        Names.of([])
    with pytest.raises(ValueError, match="1 to 100 names"):
        Names.of([f"host{number}" for number in range(101)])


def test_the_private_key_does_not_show():
    assert "PRIVATE" not in repr(SERVER)
    assert b"BEGIN PRIVATE KEY" in SERVER.private_key_pem


def test_the_fingerprint_is_the_one_that_openssl_shows():
    der = ssl.PEM_cert_to_DER_cert(SERVER.certificate_pem.decode())
    shown = certificates.sha256_fingerprint(SERVER.certificate_pem)
    assert bytes.fromhex(shown.replace(":", "")) == hashlib.sha256(der).digest()
    assert shown[2::3] == ":" * 31


def test_a_huge_file_is_not_parsed():
    for read in (certificates.sha256_fingerprint, certificates.not_after):
        with pytest.raises(ValueError, match="at most"):
            read(b"x" * (certificates.PEM_BYTES_MAX + 1))
